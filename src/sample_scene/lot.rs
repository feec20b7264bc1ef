//! Lots: pieces of the plan with what stands on them.

use super::canvas::MetreBounds;
use super::frame::Frame;
use super::kind::Kind;
use crate::random::{SplitMix64, hash};

#[derive(Clone, Copy, Debug)]
pub struct Lot {
    pub kind: Kind,
    /// Its upper left corner.
    pub frame: Frame,
    /// Metres.
    pub size: (f32, f32),
    pub seed: u64,
    /// Its upper left corner, in metres in its region.
    pub corner: (f32, f32),
}

impl Lot {
    /// A separate sequence of draws for every purpose.
    pub fn rng(&self, purpose: u64) -> SplitMix64 {
        SplitMix64::of(&[self.seed, purpose])
    }

    /// Its rectangle in its own frame, `inset` metres smaller on every side.
    pub fn bounds(&self, inset: f32) -> MetreBounds {
        [inset, inset, self.size.0 - inset, self.size.1 - inset]
    }

    pub fn centre(&self) -> Frame {
        self.frame.at(0.5 * self.size.0, 0.5 * self.size.1)
    }

    /// The same lot, smaller by so many metres on every side.
    pub fn inset(&self, left: f32, top: f32, right: f32, bottom: f32) -> Self {
        let size = (self.size.0 - left - right, self.size.1 - top - bottom);
        Self { frame: self.frame.at(left, top), size, ..*self }
    }

    /// A part of it, in metres, with draws of its own.
    pub fn part(&self, bounds: MetreBounds, number: u64) -> Self {
        Self {
            kind: self.kind,
            frame: self.frame.at(bounds[0], bounds[1]),
            size: (bounds[2] - bounds[0], bounds[3] - bounds[1]),
            seed: hash(&[self.seed, 99, number]),
            corner: self.corner,
        }
    }

    /// The same lot with its axes swapped, so that what is painted along x runs along y.
    pub fn turned(&self) -> Self {
        let frame = self.frame;
        let frame = Frame { x_axis: frame.y_axis, y_axis: frame.x_axis, ..frame };
        Self { frame, size: (self.size.1, self.size.0), ..*self }
    }

    /// Visits jittered places about `spacing` metres apart and `inset` metres from the edges.
    pub fn scatter(
        &self,
        spacing: f32,
        inset: f32,
        rng: &mut SplitMix64,
        mut visit: impl FnMut(Frame, f32, f32, &mut SplitMix64),
    ) {
        let (columns, rows) = (
            ((self.size.0 - 2.0 * inset) / spacing).max(0.0) as usize,
            ((self.size.1 - 2.0 * inset) / spacing).max(0.0) as usize,
        );
        for row in 0..rows {
            for column in 0..columns {
                let x = inset + (column as f32 + rng.range(0.0, 1.0)) * spacing;
                let y = inset + (row as f32 + rng.range(0.0, 1.0)) * spacing;
                visit(self.frame.at(x, y), x, y, rng);
            }
        }
    }
}

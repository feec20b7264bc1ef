//! Where the pixels of a piece lie on its file, a direction at a time.

use super::{Piece, Window};
use crate::raster::Rect;
use crate::raster::reader::Level;

/// The rows or columns of a region of the mosaic that a piece fills.
#[derive(Clone, Copy, Debug)]
pub(super) struct Axis {
    /// Where the piece begins on level 0 of the mosaic, and where on level 0 of its file.
    place: f64,
    source: f64,
    /// Where it ends there.
    source_end: f64,
    /// Pixels of the file for one of the mosaic, both on level 0.
    step: f64,
    /// Pixels of the mosaic's level 0 for one of the level that is read.
    factor: f64,
    /// The pixels of that level that are filled.
    low: u32,
    high: u32,
    /// Pixels of the file on level 0, and on the level that is read.
    full: u32,
    side: u32,
}

/// Both axes of a piece, and the level of its file that is fine enough for them.
pub(super) struct Axes {
    pub level: usize,
    pub columns: Axis,
    pub rows: Axis,
}

impl Axes {
    /// `factor` says how many pixels of the mosaic's level 0 one of the level is that is read, across and
    /// down.
    pub fn of(piece: &Piece, levels: &[Level], rect: Rect, factor: (f64, f64)) -> Option<Self> {
        let Piece { source, place, .. } = piece;
        let (across, down) = (source.width / place.width, source.height / place.height);
        let base = levels.first()?;
        let fine_enough = |level: &Level| {
            f64::from(base.width) / f64::from(level.width) <= factor.0 * across * 1.02
                && f64::from(base.height) / f64::from(level.height) <= factor.1 * down * 1.02
        };
        let chosen = levels.iter().rposition(fine_enough).unwrap_or(0);
        let level = levels.get(chosen)?;
        let turned =
            |window: &Window| Window { x: window.y, y: window.x, width: window.height, height: window.width };
        let columns = Axis::of(source, place, factor.0, rect.x..rect.right(), (base.width, level.width));
        let (source, place) = (turned(source), turned(place));
        let rows = Axis::of(&source, &place, factor.1, rect.y..rect.bottom(), (base.height, level.height));
        Some(Self { level: chosen, columns, rows })
    }

    /// Whether pixels of the file become pixels of the mosaic one by one.
    pub fn is_plain(&self) -> bool {
        [&self.columns, &self.rows].iter().all(|axis| (axis.scale() - 1.0).abs() < 1e-3)
    }
}

impl Axis {
    /// The horizontal one.
    fn of(
        source: &Window,
        place: &Window,
        factor: f64,
        region: std::ops::Range<u32>,
        (full, side): (u32, u32),
    ) -> Self {
        // As GDAL: a pixel that is touched is filled.
        let low = (place.x / factor + 1e-3).floor().max(f64::from(region.start)) as u32;
        let end = ((place.x + place.width) / factor - 1e-3).ceil();
        let high = end.clamp(0.0, f64::from(region.end)) as u32;
        let source_end = (source.x + source.width).min(f64::from(full)) - 1e-6;
        let high = if source_end >= source.x { high } else { low };
        let step = source.width / place.width;
        Self { place: place.x, source: source.x, source_end, step, factor, low, high, full, side }
    }

    /// The pixels of the mosaic's level that are filled.
    pub fn filled(&self) -> std::ops::Range<u32> {
        self.low..self.high
    }

    /// Pixels of the file's level for one of the mosaic's.
    pub fn scale(&self) -> f64 {
        self.factor * self.step * f64::from(self.side) / f64::from(self.full)
    }

    /// Pixels of the file's level.
    pub fn side(&self) -> u32 {
        self.side
    }

    /// Where the middle of a pixel of the mosaic lies on the file's level.
    pub fn middle(&self, at: u32) -> f64 {
        self.on_file(at) * f64::from(self.side) / f64::from(self.full)
    }

    /// The pixel of the file's level in which that is.
    pub fn nearest(&self, at: u32) -> u32 {
        let inside = self.on_file(at).clamp(self.source.max(0.0), self.source_end.max(0.0));
        ((inside * f64::from(self.side) / f64::from(self.full)) as u32).min(self.side - 1)
    }

    fn on_file(&self, at: u32) -> f64 {
        ((f64::from(at) + 0.5) * self.factor - self.place) * self.step + self.source
    }
}

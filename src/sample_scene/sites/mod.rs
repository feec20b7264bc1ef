//! Sites: places that no scene holds, each painted by itself in the middle of a patch, over a piece of the
//! world that could lie around it.
//!
//! - this file: which there are, how large they are, and from how far they can be told
//! - `courts`, `track`, `stadium`, `park`: sport and leisure
//! - `bridge`, `ships`, `berths`: on the water
//! - `railway`, `roundabout`, `airfield`: traffic
//! - `city`: downtown, industrial area
//! - `solar`, `greenhouses`, `quarry`, `commercial`: what is made and dug
//! - `clouds`: what hides the rest
//! - `land`: deserts, mountains, meadows, bare land and ponds

mod airfield;
mod berths;
mod bridge;
mod city;
mod clouds;
mod commercial;
mod courts;
mod greenhouses;
mod land;
mod park;
mod quarry;
mod railway;
mod roundabout;
mod ships;
mod solar;
mod stadium;
mod track;

use super::canvas::{Canvas, MetreBounds};
use super::frame::Frame;
use super::kind::Kind;
use super::lot::Lot;
use super::plan::CELL;
use super::world::World;
use crate::random::{SplitMix64, hash};

/// A kind of site.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Site {
    Airport,
    BasketballCourt,
    Bridge,
    Clouds,
    Greenhouses,
    Park,
    Quarry,
    Railway,
    RailwayStation,
    Roundabout,
    RunningTrack,
    ShipsAtBerth,
    ShipsAtSea,
    SolarFarm,
    Stadium,
    // Later ones stand last: what is drawn for a site depends on its number.
    BareLand,
    Commercial,
    Desert,
    Meadow,
    Mountain,
    Pond,
    Downtown,
    IndustrialArea,
}

/// What is known of a kind of site. Pairs are the least and the most.
pub struct Measures {
    /// Metres from end to end.
    pub size: (f32, f32),
    /// The side of what a patch shows, as a share of the size.
    pub shown: (f32, f32),
    /// Metres a pixel at which it can be told.
    pub gsd: (f32, f32),
    /// The cells of a region that it lies among: left, top, right, bottom.
    pub among: [f32; 4],
}

/// A site to paint.
pub struct Plot {
    /// Its middle; its long side runs along x.
    pub frame: Frame,
    /// Metres from end to end.
    pub size: f32,
    /// Whatever lies further from the middle isn't seen, in metres.
    pub seen: f32,
    pub seed: u64,
}

const TOWN: [f32; 4] = [4.6, 0.5, 8.4, 9.5];
const FIELDS: [f32; 4] = [10.5, 5.0, 15.5, 10.0];
const COUNTRY: [f32; 4] = [10.5, 4.5, 15.5, 15.5];
const LAND: [f32; 4] = [4.6, 0.5, 15.5, 15.5];

impl Site {
    pub const ALL: [Self; 23] = [
        Self::Airport,
        Self::BasketballCourt,
        Self::Bridge,
        Self::Clouds,
        Self::Greenhouses,
        Self::Park,
        Self::Quarry,
        Self::Railway,
        Self::RailwayStation,
        Self::Roundabout,
        Self::RunningTrack,
        Self::ShipsAtBerth,
        Self::ShipsAtSea,
        Self::SolarFarm,
        Self::Stadium,
        Self::BareLand,
        Self::Commercial,
        Self::Desert,
        Self::Meadow,
        Self::Mountain,
        Self::Pond,
        Self::Downtown,
        Self::IndustrialArea,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Airport => "airport",
            Self::BasketballCourt => "basketball court",
            Self::Bridge => "bridge",
            Self::Clouds => "clouds",
            Self::Downtown => "downtown",
            Self::Greenhouses => "greenhouses",
            Self::IndustrialArea => "industrial area",
            Self::Park => "park",
            Self::Quarry => "quarry",
            Self::Railway => "railway",
            Self::RailwayStation => "railway station",
            Self::Roundabout => "roundabout",
            Self::RunningTrack => "running track",
            Self::ShipsAtBerth => "ships at berth",
            Self::ShipsAtSea => "ships at sea",
            Self::SolarFarm => "solar farm",
            Self::Stadium => "stadium",
            Self::BareLand => "bare land",
            Self::Commercial => "commercial area",
            Self::Desert => "desert",
            Self::Meadow => "meadow",
            Self::Mountain => "mountain",
            Self::Pond => "pond",
        }
    }

    pub fn measures(self) -> Measures {
        let (size, shown, gsd, among) = match self {
            Self::Airport => ((1400.0, 3200.0), (0.45, 1.2), (1.5, 12.0), FIELDS),
            Self::BasketballCourt => ((34.0, 70.0), (0.9, 1.7), (0.2, 0.9), TOWN),
            Self::Bridge => ((90.0, 900.0), (0.7, 1.5), (0.3, 6.0), COUNTRY),
            Self::Clouds => ((500.0, 4000.0), (0.9, 1.0), (1.0, 12.0), LAND),
            Self::Downtown => ((180.0, 1100.0), (0.85, 1.0), (0.3, 5.0), TOWN),
            Self::Greenhouses => ((150.0, 900.0), (0.35, 1.2), (0.3, 6.0), FIELDS),
            Self::IndustrialArea => ((180.0, 1200.0), (0.4, 1.15), (0.3, 5.0), COUNTRY),
            Self::Park => ((160.0, 1000.0), (0.55, 1.3), (0.3, 4.5), TOWN),
            Self::Quarry => ((140.0, 800.0), (0.7, 1.5), (0.4, 8.0), COUNTRY),
            Self::Railway => ((60.0, 500.0), (0.9, 1.0), (0.2, 2.5), LAND),
            Self::RailwayStation => ((200.0, 450.0), (0.5, 1.3), (0.3, 2.5), TOWN),
            Self::Roundabout => ((45.0, 110.0), (0.9, 1.6), (0.2, 1.5), LAND),
            Self::RunningTrack => ((172.0, 182.0), (0.75, 1.5), (0.3, 3.0), TOWN),
            Self::ShipsAtBerth => ((160.0, 900.0), (0.6, 1.1), (0.3, 4.0), TOWN),
            Self::ShipsAtSea => ((40.0, 330.0), (1.3, 5.0), (0.3, 6.0), LAND),
            Self::SolarFarm => ((120.0, 1200.0), (0.3, 1.2), (0.3, 8.0), FIELDS),
            Self::Stadium => ((160.0, 300.0), (0.8, 1.8), (0.3, 4.0), TOWN),
            Self::BareLand => ((70.0, 700.0), (0.9, 1.0), (0.3, 5.0), LAND),
            Self::Commercial => ((150.0, 900.0), (0.9, 1.0), (0.3, 5.0), TOWN),
            Self::Desert => ((90.0, 1600.0), (0.9, 1.0), (0.3, 8.0), LAND),
            Self::Meadow => ((60.0, 700.0), (0.9, 1.0), (0.3, 5.0), LAND),
            Self::Mountain => ((300.0, 2600.0), (0.9, 1.0), (0.8, 10.0), LAND),
            Self::Pond => ((40.0, 420.0), (0.85, 1.6), (0.3, 5.0), COUNTRY),
        };
        Measures { size, shown, gsd, among }
    }

    /// Whether it covers all that is seen, so that what lies around it needn't be painted.
    pub fn fills(self) -> bool {
        matches!(self, Self::BareLand | Self::Commercial | Self::Desert | Self::Meadow | Self::Mountain)
    }

    /// A place in a region where it may lie, in metres in the region.
    pub fn place(self, rng: &mut SplitMix64) -> (f32, f32) {
        let [left, top, right, bottom] = self.measures().among;
        (rng.range(left, right) * CELL, rng.range(top, bottom) * CELL)
    }

    pub fn paint(self, canvas: &mut Canvas, world: &World, plot: &Plot) {
        match self {
            Self::Airport => airfield::airport(canvas, world, plot),
            Self::BasketballCourt => courts::basketball(canvas, world, plot),
            Self::Bridge => bridge::bridge(canvas, world, plot),
            Self::Clouds => clouds::clouds(canvas, world, plot),
            Self::Downtown => city::downtown(canvas, world, plot),
            Self::Greenhouses => greenhouses::greenhouses(canvas, world, plot),
            Self::IndustrialArea => city::industrial(canvas, world, plot),
            Self::Park => park::park(canvas, world, plot),
            Self::Quarry => quarry::quarry(canvas, world, plot),
            Self::Railway => railway::line(canvas, world, plot),
            Self::RailwayStation => railway::station(canvas, world, plot),
            Self::Roundabout => roundabout::roundabout(canvas, world, plot),
            Self::RunningTrack => track::running_track(canvas, world, plot),
            Self::ShipsAtBerth => berths::berths(canvas, world, plot),
            Self::ShipsAtSea => ships::at_sea(canvas, world, plot),
            Self::SolarFarm => solar::farm(canvas, world, plot),
            Self::Stadium => stadium::stadium(canvas, world, plot),
            Self::BareLand => land::bare_land(canvas, world, plot),
            Self::Commercial => commercial::commercial(canvas, world, plot),
            Self::Desert => land::desert(canvas, world, plot),
            Self::Meadow => land::meadow(canvas, world, plot),
            Self::Mountain => land::mountain(canvas, world, plot),
            Self::Pond => land::pond(canvas, world, plot),
        }
    }
}

impl Plot {
    /// A separate sequence of draws for every purpose.
    pub fn rng(&self, purpose: u64) -> SplitMix64 {
        SplitMix64::of(&[self.seed, purpose])
    }

    /// A part of it as a lot, by its edges in metres from the middle.
    pub fn lot(&self, bounds: MetreBounds, number: u64) -> Lot {
        let [left, top, right, bottom] = bounds;
        Lot {
            kind: Kind::Open,
            frame: self.frame.at(left, top),
            size: (right - left, bottom - top),
            seed: hash(&[self.seed, 98, number]),
            corner: (left, top),
        }
    }

    /// The rectangle that holds all that is seen.
    pub fn all(&self) -> MetreBounds {
        [-self.seen, -self.seen, self.seen, self.seen]
    }
}

/// The distance from a rectangle's edge whose corners are round, negative inside.
#[inline(always)]
fn rounded(x: f32, y: f32, half: (f32, f32), radius: f32) -> f32 {
    let (dx, dy) = (x.abs() - half.0 + radius, y.abs() - half.1 + radius);
    super::canvas::length(dx.max(0.0), dy.max(0.0)) + dx.max(dy).min(0.0) - radius
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fills_leaves_nothing_bare() {
        let world = World::new(5);
        let frame = Frame::new((5000.0, 5000.0));
        // As far from the middle as patches are taken.
        let view = frame.at(28.0, 28.0).turned(std::f32::consts::FRAC_PI_4).at(-150.0, -150.0);
        for site in Site::ALL.into_iter().filter(|site| site.fills()) {
            for seed in 0..6 {
                let plot = Plot { frame, size: 300.0, seen: 270.0, seed };
                let mut canvas = Canvas::new((75, 75), view, 4.0, &world);
                canvas.pixels.fill([-1e6; 3]);
                site.paint(&mut canvas, &world, &plot);
                let good = |light: &f32| light.is_finite() && *light > -1.0;
                assert!(canvas.pixels.iter().flatten().all(good), "{site:?} {seed}");
            }
        }
    }
}

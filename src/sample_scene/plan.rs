//! The plan: what lies where.
//!
//! The world is a lattice of square regions, each a stretch of coast with its hinterland, divided into 16 x
//! 16 cells of 128 m. Every other column of regions is mirrored, so that sea meets sea and land meets land.
//! The plan of a region is determined by the seed and the region's place alone.

use super::frame::Frame;
use super::kind::Kind;
use super::lot::Lot;
use super::things::roads::{AVENUE, STREET, Streets};
use super::world::World;
use crate::random::{SplitMix64, hash};

/// Metres.
pub const REGION: f32 = 2048.0;
pub const CELL: f32 = 128.0;
/// Where the coast lies on average, in metres from the region's sea side.
const COAST: f32 = 412.0;
/// The harbour: left, top, right, bottom, in metres.
const HARBOR: [f32; 4] = [246.0, 4.0 * CELL + 8.0, 4.0 * CELL, 7.0 * CELL - 8.0];
/// The row of cells that the river runs through, and its middle on average, in metres.
const RIVER_ROW: f32 = 11.0;
pub const RIVER: f32 = (RIVER_ROW + 0.5) * CELL;
/// The column of cells that the freeway runs through.
pub const FREEWAY_COLUMN: f32 = 9.0;
/// The rows at whose upper edge an avenue bridges the freeway.
pub const BRIDGES: [f32; 2] = [4.0, 8.0];
/// The columns of the town, and where its rows end.
const TOWN: (usize, usize, usize) = (4, 9, 10);

/// The town's blocks, one row per line: d(ense), m(edium), t(ennis), b(aseball), p(arking), B(uildings), h
/// (mobile homes), . (something larger).
const BLOCKS: [&[u8; 5]; 10] =
    [b"dddmm", b"dtpmb", b"ddBmm", b"BBBpd", b"BpBBh", b"ddBph", b"..Bdd", b"..pdt", b"hhbmm", b"dddmm"];

pub struct Region {
    pub frame: Frame,
    seed: u64,
    /// A seed shared with the region beyond the land's end.
    pair: u64,
    /// The y in the world where the region begins, and whether it is upside down.
    top: f64,
    flipped: bool,
}

impl Region {
    pub fn new(world: &World, column: i64, row: i64) -> Self {
        let seed = hash(&[world.seed, 1, column as u64, row as u64]);
        let pair = hash(&[world.seed, 2, column.div_euclid(2) as u64, row as u64]);
        // The first region is the right way up.
        let flipped = row != 0 && pair.is_multiple_of(2);
        let top = row as f64 * f64::from(REGION);
        let mut frame = Frame::new((column as f64 * f64::from(REGION), top));
        if column.rem_euclid(2) == 1 {
            frame = frame.at(REGION, 0.0).mirrored_x();
        }
        if flipped {
            frame = frame.at(0.0, REGION).mirrored_y();
        }
        Self { frame, seed, pair, top, flipped }
    }

    pub fn rng(&self, purpose: u64) -> SplitMix64 {
        SplitMix64::of(&[self.seed, purpose])
    }

    /// How far along the coast a y is, in metres, counted on from region to region.
    #[inline(always)]
    pub fn along(&self, y: f32) -> f32 {
        // It starts again where all noise does, or floats would lose precision.
        let top = (self.top % 65_536.0) as f32;
        top + if self.flipped { REGION - y } else { y }
    }

    /// Where the water ends at a y, in metres in the region.
    pub fn coast(&self, world: &World, y: f32) -> f32 {
        coast_at(world, self.along(y))
    }

    /// The river's middle and half its width at an x, in metres in the region.
    #[inline(always)]
    pub fn river(&self, world: &World, x: f32) -> (f32, f32) {
        let own = (self.pair % 200) as f32;
        // At the land's end it meets the mirrored river of the next region.
        // Averaging the noise at several places rounds its corners.
        let bend = |shift: f32| world.noise.smooth((REGION - x).abs() / 22.0 + shift, own);
        let middle = RIVER + 12.0 * (bend(0.0) + bend(0.7) + bend(1.4));
        let mouth = ((COAST + 140.0 - x) / 140.0).clamp(0.0, 1.0);
        let usual = 8.0 + 1.5 * (self.pair / 200 % 8) as f32;
        (middle, usual + 3.0 * world.noise.smooth(x / 20.0, own + 30.5) + 14.0 * mouth)
    }

    /// Everything that stands in the region, in the order in which it is painted.
    pub fn lots(&self) -> Vec<Lot> {
        let mut lots = self.country();
        lots.extend(self.town());
        for row in 0..16 {
            lots.push(self.lot(Kind::Freeway, [FREEWAY_COLUMN, row as f32, 1.0, 1.0]));
        }
        for row in BRIDGES {
            let left = FREEWAY_COLUMN * CELL;
            let road = [left + CELL, row * CELL - AVENUE, REGION, row * CELL + AVENUE];
            lots.push(self.placed(Kind::Road, road));
            lots.push(
                self.placed(Kind::Overpass, [left, row * CELL - AVENUE, left + CELL, row * CELL + AVENUE]),
            );
        }
        lots.push(self.placed(Kind::Harbor, HARBOR));
        lots
    }

    /// What lies outside the town. Regions differ in what their fields' and woods' cells hold.
    fn country(&self) -> Vec<Lot> {
        let mut rng = self.rng(50);
        let mut lots = vec![
            self.lot(Kind::StorageTanks, [4.0, 6.0, 2.0, 2.0]),
            self.lot(Kind::Open, [4.0, 10.0, 5.0, 1.0]),
            self.lot(Kind::GolfCourse, [4.0, 12.0, 5.0, 3.0]),
            self.lot(Kind::SparseResidential, [4.0, 15.0, 3.0, 1.0]),
            self.lot(Kind::Forest, [7.0, 15.0, 2.0, 1.0]),
            self.lot(Kind::River, [3.0, RIVER_ROW, 13.0, 1.0]),
            self.lot(Kind::Airport, [10.0, 0.0, 6.0, 4.0]),
        ];
        let fields = [
            [10.0, 4.0, 2.0, 2.0],
            [12.0, 4.0, 2.0, 2.0],
            [14.0, 4.0, 2.0, 2.0],
            [10.0, 6.0, 2.0, 2.0],
            [12.0, 6.0, 2.0, 2.0],
            [14.0, 6.0, 1.0, 2.0],
            [15.0, 6.0, 1.0, 2.0],
            [10.0, 8.0, 2.0, 1.0],
            [10.0, 9.0, 2.0, 2.0],
            [12.0, 8.0, 2.0, 2.0],
            [14.0, 8.0, 2.0, 2.0],
        ];
        let other = rng.index(fields.len() + 4);
        for (index, field) in fields.into_iter().enumerate() {
            let kind = if index == other {
                rng.pick(&[Kind::Forest, Kind::SparseResidential])
            } else {
                Kind::Farmland
            };
            lots.push(self.lot(kind, field));
        }
        lots.push(self.lot(Kind::Chaparral, [12.0, 10.0, 4.0, 1.0]));
        let woods = [
            (Kind::Forest, [10.0, 12.0, 2.0, 2.0]),
            (Kind::SparseResidential, [12.0, 12.0, 2.0, 2.0]),
            (Kind::Forest, [14.0, 12.0, 2.0, 2.0]),
            (Kind::Chaparral, [10.0, 14.0, 2.0, 2.0]),
            (Kind::Forest, [12.0, 14.0, 2.0, 2.0]),
            (Kind::SparseResidential, [14.0, 14.0, 2.0, 2.0]),
        ];
        let turn = if self.top == 0.0 { 0 } else { rng.index(woods.len()) };
        for (index, (_, cells)) in woods.into_iter().enumerate() {
            lots.push(self.lot(woods[(index + turn) % woods.len()].0, cells));
        }
        lots
    }

    fn town(&self) -> Vec<Lot> {
        let mut rng = self.rng(51);
        let mut blocks: Vec<(usize, usize, u8)> = Vec::new();
        for (row, line) in BLOCKS.iter().enumerate() {
            for (column, &letter) in line.iter().enumerate() {
                if letter != b'.' {
                    blocks.push((TOWN.0 + column, row, letter));
                }
            }
        }
        // Towns differ: some blocks change places.
        for _ in 0..8 {
            let (one, other) = (rng.index(blocks.len()), rng.index(blocks.len()));
            let letter = blocks[one].2;
            blocks[one].2 = blocks[other].2;
            blocks[other].2 = letter;
        }
        blocks
            .into_iter()
            .map(|(column, row, letter)| {
                let kind = match letter {
                    b'd' => Kind::DenseResidential,
                    b'm' => Kind::MediumResidential,
                    b't' => Kind::TennisCourt,
                    b'b' => Kind::BaseballDiamond,
                    b'p' => Kind::ParkingLot,
                    b'h' => Kind::MobileHomePark,
                    _ => Kind::Buildings,
                };
                self.lot(kind, [column as f32, row as f32, 1.0, 1.0])
            })
            .collect()
    }

    fn lot(&self, kind: Kind, cells: [f32; 4]) -> Lot {
        let [x, y, width, height] = cells;
        self.placed(kind, [x * CELL, y * CELL, (x + width) * CELL, (y + height) * CELL])
    }

    fn placed(&self, kind: Kind, bounds: [f32; 4]) -> Lot {
        let seed = hash(&[self.seed, kind as u64, bounds[0].to_bits().into(), bounds[1].to_bits().into()]);
        let size = (bounds[2] - bounds[0], bounds[3] - bounds[1]);
        Lot { kind, frame: self.frame.at(bounds[0], bounds[1]), size, seed, corner: (bounds[0], bounds[1]) }
    }
}

/// Where the water ends at a distance along the coast, in metres in a region. The scales of the noise are
/// such that it joins up where [`Region::along`] starts again.
#[inline(always)]
pub fn coast_at(world: &World, along: f32) -> f32 {
    COAST + 30.0 * world.noise.smooth(along / 32.0, 17.5) + 6.0 * world.noise.smooth(along / 4.0, 90.5)
}

/// Crossings of avenues: their places and how far they extend, in metres in any region.
pub fn intersections() -> Vec<(f32, f32, f32)> {
    let mut found = Vec::new();
    for row in 1..TOWN.2 {
        for column in TOWN.0 + 1..TOWN.1 {
            let (x, y) = (column as f32 * CELL, row as f32 * CELL);
            // The tanks have no street of their own.
            let tanks = (column, row) == (5, 8);
            if (is_avenue_x(column) || is_avenue_y(row)) && !tanks {
                found.push((x, y, AVENUE + 14.0));
            }
        }
    }
    found
}

fn is_avenue_x(line: usize) -> bool {
    line == 6
}

fn is_avenue_y(line: usize) -> bool {
    BRIDGES.contains(&(line as f32))
}

/// The halves of the streets around a block of the town, whose corner is given in metres in the region.
pub fn streets_of(corner: (f32, f32)) -> Streets {
    let (column, row) = ((corner.0 / CELL).round() as usize, (corner.1 / CELL).round() as usize);
    let along_y = |line: usize| {
        if line <= TOWN.0 || line >= TOWN.1 {
            0.0
        } else if is_avenue_x(line) {
            AVENUE
        } else {
            STREET
        }
    };
    let along_x = |line: usize| {
        if line == 0 || line >= TOWN.2 {
            0.0
        } else if is_avenue_y(line) {
            AVENUE
        } else {
            STREET
        }
    };
    [along_y(column), along_x(row), along_y(column + 1), along_x(row + 1)]
}

/// The regions that a rectangle of the world touches.
pub fn regions(world: &World, bounds: [f64; 4]) -> Vec<Region> {
    let span = |from: f64, to: f64| {
        let side = f64::from(REGION);
        (from / side).floor() as i64..=(to / side).floor() as i64
    };
    let mut found = Vec::new();
    for row in span(bounds[1], bounds[3]) {
        for column in span(bounds[0], bounds[2]) {
            found.push(Region::new(world, column, row));
        }
    }
    found
}

/// The upper left corner, in metres in the world, of a small scene whose middle is the first region's
/// harbour.
pub fn corner_for(extent: (f64, f64)) -> (f64, f64) {
    let along = |extent: f64, from: f32, to: f32| {
        let middle = f64::from(0.5 * (from + to));
        (middle - 0.5 * extent).clamp(0.0, (f64::from(REGION) - extent).max(0.0))
    };
    (along(extent.0, HARBOR[0], HARBOR[2]), along(extent.1, HARBOR[1], HARBOR[3]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_coast_goes_on_from_region_to_region() {
        let world = World::new(5);
        for row in -3..6 {
            let (upper, lower) = (Region::new(&world, 0, row), Region::new(&world, 0, row + 1));
            let end = |region: &Region, low: bool| {
                let y = if low == region.flipped { 0.0 } else { REGION };
                region.coast(&world, y)
            };
            let jump = (end(&upper, true) - end(&lower, false)).abs();
            assert!(jump < 0.1, "{jump} m at row {row}");
        }
    }

    #[test]
    fn rivers_meet_where_regions_are_mirrored() {
        let world = World::new(5);
        for row in 0..4 {
            let (one, other) = (Region::new(&world, 2, row), Region::new(&world, 3, row));
            assert_eq!(one.river(&world, REGION), other.river(&world, REGION));
            let (left, right) = (one.frame.to_world(REGION, 300.0), other.frame.to_world(REGION, 300.0));
            assert_eq!(left, right);
        }
    }

    #[test]
    fn small_scenes_are_cut_around_the_harbor() {
        assert_eq!(corner_for((2048.0, 5000.0)), (0.0, 0.0));
        let (x, y) = corner_for((256.0, 256.0));
        assert!((f64::from(HARBOR[0])..f64::from(HARBOR[2])).contains(&(x + 128.0)));
        assert!((f64::from(HARBOR[1])..f64::from(HARBOR[3])).contains(&(y + 128.0)));
    }
}

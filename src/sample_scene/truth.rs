//! The ground truth: boxes of everything that there is to find.

use super::canvas::MetreBounds;
use super::frame::Frame;
use super::ground::{SAND, SURF};
use super::kind::Kind;
use super::lot::Lot;
use super::painter::block;
use super::plan::{CELL, FREEWAY_COLUMN, REGION, Region, intersections};
use super::things::roads::FREEWAY;
use super::things::{airport, sport};
use super::world::World;

/// A thing and its rectangle in the world: left, top, right, bottom, in metres.
#[derive(Clone, Copy, Debug)]
pub struct TrueObject {
    pub kind: Kind,
    pub bounds: [f64; 4],
    /// The place that shows best what it is, in metres in the world.
    pub focus: (f64, f64),
}

/// All that there is to find in a region.
pub fn truths(world: &World, region: &Region) -> Vec<TrueObject> {
    let mut found = shore(world, region);
    for lot in region.lots() {
        of_lot(world, region, &lot, &mut found);
    }
    for (x, y, reach) in intersections() {
        found.push(boxed(Kind::Intersection, &region.frame, [x - reach, y - reach, x + reach, y + reach]));
    }
    found
}

fn boxed(kind: Kind, frame: &Frame, bounds: MetreBounds) -> TrueObject {
    let (one, other) = (frame.to_world(bounds[0], bounds[1]), frame.to_world(bounds[2], bounds[3]));
    TrueObject {
        kind,
        bounds: [one.0.min(other.0), one.1.min(other.1), one.0.max(other.0), one.1.max(other.1)],
        focus: (0.5 * (one.0 + other.0), 0.5 * (one.1 + other.1)),
    }
}

/// Sea and beach, in pieces of one row of cells.
fn shore(world: &World, region: &Region) -> Vec<TrueObject> {
    let mut found = Vec::new();
    for row in 0..16 {
        let (top, bottom) = (row as f32 * CELL, (row + 1) as f32 * CELL);
        let places = (0..=8).map(|step| region.coast(world, top + step as f32 * CELL / 8.0));
        let (nearest, farthest) =
            places.fold((f32::INFINITY, 0.0_f32), |range, coast| (range.0.min(coast), range.1.max(coast)));
        let harbor = (4..7).contains(&row);
        let out = if harbor { 240.0 } else { nearest - SURF };
        found.push(boxed(Kind::Sea, &region.frame, [0.0, top, out, bottom]));
        if !harbor && row != 11 {
            let sand = [nearest - 0.7 * SURF, top, farthest + SAND, bottom];
            found.push(boxed(Kind::Beach, &region.frame, sand));
        }
    }
    found
}

fn of_lot(world: &World, region: &Region, lot: &Lot, found: &mut Vec<TrueObject>) {
    let whole = |lot: &Lot| boxed(lot.kind, &lot.frame, lot.bounds(0.0));
    match lot.kind {
        Kind::Open | Kind::Road | Kind::Sea | Kind::Beach | Kind::Intersection => {}
        Kind::Airport | Kind::Runway | Kind::Airplane => {
            found.push(boxed(Kind::Runway, &lot.frame, airport::runway_bounds(lot)));
            for stand in airport::stands(lot) {
                found.push(boxed(Kind::Airplane, &lot.frame, stand.bounds()));
            }
        }
        Kind::Freeway => {
            let middle = 0.5 * CELL;
            found.push(boxed(lot.kind, &lot.frame, [middle - FREEWAY, 0.0, middle + FREEWAY, CELL]));
        }
        Kind::Overpass => {
            let middle = 0.5 * CELL;
            let reach = FREEWAY + 12.0;
            found.push(boxed(lot.kind, &lot.frame, [middle - reach, 0.0, middle + reach, lot.size.1]));
        }
        Kind::River => found.extend(river(world, region)),
        Kind::TennisCourt => {
            let inner = block(lot);
            found.push(boxed(lot.kind, &inner.frame, sport::courts_bounds(&inner)));
        }
        Kind::BaseballDiamond => {
            let inner = block(lot);
            let (x, y) = sport::infield(&inner);
            let diamond = boxed(lot.kind, &inner.frame, sport::diamond_bounds(&inner));
            found.push(TrueObject { focus: inner.frame.to_world(x, y), ..diamond });
        }
        Kind::Buildings
        | Kind::DenseResidential
        | Kind::MediumResidential
        | Kind::MobileHomePark
        | Kind::ParkingLot => found.push(whole(&block(lot))),
        // Their edges are ragged.
        Kind::Chaparral | Kind::Forest => {
            found.push(boxed(lot.kind, &lot.frame, lot.bounds(10.0)));
        }
        Kind::Farmland | Kind::GolfCourse | Kind::Harbor | Kind::SparseResidential | Kind::StorageTanks => {
            found.push(whole(lot));
        }
    }
}

/// The river, in pieces of one cell, except for those under the freeway and in the surf.
fn river(world: &World, region: &Region) -> Vec<TrueObject> {
    let cells = (REGION / CELL) as usize;
    (4..cells)
        .filter(|&cell| cell != FREEWAY_COLUMN as usize)
        .map(|cell| {
            let left = cell as f32 * CELL;
            let (top, bottom) = (0..=8)
                .map(|step| region.river(world, left + step as f32 * CELL / 8.0))
                .fold((f32::INFINITY, 0.0_f32), |range, (middle, half)| {
                    (range.0.min(middle - half), range.1.max(middle + half))
                });
            boxed(Kind::River, &region.frame, [left, top - 3.0, left + CELL, bottom + 3.0])
        })
        .collect()
}

//! Paints the part of the world that a canvas shows.

use super::canvas::Canvas;
use super::frame::Frame;
use super::ground;
use super::kind::Kind;
use super::lot::Lot;
use super::plan::{CELL, Region, regions, streets_of};
use super::things::{airport, buildings, farm, golf, harbor, houses, parking, roads, sport, tanks, trees};
use super::world::World;

/// How far things and their shadows extend beyond their lot, in metres.
const MARGIN: f64 = 40.0;

/// Paints a tile and returns its pixels row by row, with eight bits per channel. `place` says where its grain
/// begins.
pub fn paint(world: &World, view: Frame, gsd: f32, size: (usize, usize), place: (usize, usize)) -> Vec<u8> {
    develop(&painted(world, view, gsd, size), world, place)
}

/// The light that comes from a part of the world.
pub fn painted(world: &World, view: Frame, gsd: f32, size: (usize, usize)) -> Canvas {
    let mut canvas = Canvas::new(size, view, gsd, world);
    let seen = canvas.world_bounds();
    let wide = [seen[0] - MARGIN, seen[1] - MARGIN, seen[2] + MARGIN, seen[3] + MARGIN];
    let regions = regions(world, wide);
    let mut seen: Vec<(&Region, Vec<Lot>)> = Vec::new();
    for region in &regions {
        let mut lots = region.lots();
        lots.retain(|lot| touches(lot, wide));
        ground::shore(&mut canvas, world, region);
        for lot in lots.iter().filter(|lot| shows_ground(lot.kind)) {
            ground::inland(&mut canvas, world, region, lot);
        }
        seen.push((region, lots));
    }
    for (region, lots) in seen {
        for lot in lots {
            paint_lot(&mut canvas, world, region, &lot);
        }
    }
    canvas
}

/// The pixels that a camera makes of light, row by row.
pub fn develop(canvas: &Canvas, world: &World, place: (usize, usize)) -> Vec<u8> {
    let mut bytes = vec![0; canvas.pixels.len() * 3];
    let lines = canvas.pixels.chunks_exact(canvas.width).zip(bytes.chunks_exact_mut(canvas.width * 3));
    for (row, (line, out)) in lines.enumerate() {
        for (column, (&light, out)) in line.iter().zip(out.chunks_exact_mut(3)).enumerate() {
            let grain = world.noise.grain(place.0 + column, place.1 + row);
            out.copy_from_slice(&world.develop(light, grain));
        }
    }
    bytes
}

/// Whether some of the ground shows through on a lot.
fn shows_ground(kind: Kind) -> bool {
    matches!(kind, Kind::Open | Kind::River | Kind::Freeway | Kind::Forest | Kind::Chaparral)
}

fn touches(lot: &Lot, bounds: [f64; 4]) -> bool {
    let one = lot.frame.origin;
    let other = lot.frame.to_world(lot.size.0, lot.size.1);
    one.0.max(other.0) > bounds[0]
        && one.0.min(other.0) < bounds[2]
        && one.1.max(other.1) > bounds[1]
        && one.1.min(other.1) < bounds[3]
}

fn paint_lot(canvas: &mut Canvas, world: &World, region: &Region, lot: &Lot) {
    match lot.kind {
        Kind::Airport | Kind::Runway | Kind::Airplane => airport::airport(canvas, world, lot),
        Kind::Chaparral => trees::scrub(canvas, world, lot),
        Kind::Farmland => farm::field(canvas, world, lot),
        Kind::Forest => trees::wood(canvas, world, lot),
        Kind::Freeway => roads::freeway(canvas, world, lot),
        Kind::GolfCourse => golf::golf(canvas, world, lot),
        Kind::Harbor => harbor::harbor(canvas, world, lot),
        Kind::Overpass => roads::overpass(canvas, world, &lot.centre(), 0.5 * CELL, lot.seed),
        Kind::River => trees::banks(canvas, world, lot, region),
        Kind::Road => roads::country_road(canvas, world, lot),
        Kind::SparseResidential => houses::sparse(canvas, world, lot),
        Kind::StorageTanks => tanks::tank_farm(canvas, world, lot),
        Kind::Open | Kind::Sea | Kind::Beach | Kind::Intersection => trees::copses(canvas, world, lot),
        Kind::BaseballDiamond
        | Kind::Buildings
        | Kind::DenseResidential
        | Kind::MediumResidential
        | Kind::MobileHomePark
        | Kind::ParkingLot
        | Kind::TennisCourt => paint_block(canvas, world, lot),
    }
}

/// A block of the town within its streets.
fn paint_block(canvas: &mut Canvas, world: &World, lot: &Lot) {
    let halves = streets_of(lot.corner);
    roads::streets(canvas, world, lot, halves);
    let inner = block(lot);
    match lot.kind {
        Kind::BaseballDiamond => sport::baseball(canvas, world, &inner),
        Kind::Buildings => buildings::block(canvas, world, &inner),
        Kind::MediumResidential => {
            houses::quarter(canvas, world, &inner, houses::medium(&mut lot.rng(60)));
        }
        Kind::MobileHomePark => houses::mobile_homes(canvas, world, &inner),
        Kind::ParkingLot => parking::lot_of_cars(canvas, world, &inner),
        Kind::TennisCourt => sport::tennis(canvas, world, &inner),
        _ => houses::quarter(canvas, world, &inner, houses::dense(&mut lot.rng(60))),
    }
}

/// A block of the town without its streets.
pub fn block(lot: &Lot) -> Lot {
    let [left, top, right, bottom] = streets_of(lot.corner);
    lot.inset(left, top, right, bottom)
}

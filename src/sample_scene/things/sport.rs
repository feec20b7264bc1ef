//! Tennis courts and baseball diamonds in their parks.

use super::houses::gabled;
use super::parking;
use super::trees::{leaf, tree};
use crate::random::SplitMix64;
use crate::sample_scene::canvas::{Canvas, MetreBounds};
use crate::sample_scene::colour::{Rgb, mix, scale};
use crate::sample_scene::frame::Frame;
use crate::sample_scene::lot::Lot;
use crate::sample_scene::world::World;

/// A court with the space around it, metres.
const COURT: (f32, f32) = (36.0, 17.4);

/// How many courts stand side by side, in how many rows.
fn courts(lot: &Lot) -> (usize, usize) {
    let mut rng = lot.rng(30);
    (1 + rng.index(2), 1 + rng.index(4))
}

/// The fenced rectangle around all courts, in the lot.
pub fn courts_bounds(lot: &Lot) -> MetreBounds {
    let (columns, rows) = courts(lot);
    let half = (0.5 * columns as f32 * COURT.0 + 1.0, 0.5 * rows as f32 * COURT.1 + 1.0);
    let middle = (0.5 * lot.size.0, 0.5 * lot.size.1);
    [middle.0 - half.0, middle.1 - half.1, middle.0 + half.0, middle.1 + half.1]
}

pub fn tennis(canvas: &mut Canvas, world: &World, lot: &Lot) {
    let mut rng = lot.rng(31);
    let bounds = courts_bounds(lot);
    park(canvas, world, lot, bounds, &mut rng);
    let (columns, rows) = courts(lot);
    let (inside, outside): (Rgb, Rgb) = rng.pick(&[
        ([86.0, 124.0, 96.0], [86.0, 124.0, 96.0]),
        ([74.0, 112.0, 90.0], [150.0, 84.0, 74.0]),
        ([78.0, 104.0, 148.0], [90.0, 130.0, 100.0]),
        ([86.0, 108.0, 140.0], [86.0, 108.0, 140.0]),
        ([150.0, 92.0, 76.0], [86.0, 118.0, 88.0]),
        ([132.0, 98.0, 84.0], [118.0, 92.0, 80.0]),
        ([104.0, 136.0, 110.0], [84.0, 110.0, 92.0]),
        ([172.0, 112.0, 84.0], [172.0, 112.0, 84.0]),
    ]);
    let frame = lot.frame.at(bounds[0], bounds[1]);
    let (width, height) = (bounds[2] - bounds[0], bounds[3] - bounds[1]);
    canvas.area(&frame, [0.0, 0.0, width, height], |x, y| world.rough(outside, x, y, 0.06, 0.05));
    for row in 0..rows {
        for column in 0..columns {
            let x = 1.0 + (column as f32 + 0.5) * COURT.0;
            let y = 1.0 + (row as f32 + 0.5) * COURT.1;
            court(canvas, world, &frame.at(x, y), inside);
        }
    }
    fence(canvas, &frame, (width, height));
}

/// A court around the frame's origin whose net runs along y.
fn court(canvas: &mut Canvas, world: &World, frame: &Frame, inside: Rgb) {
    let (long, wide, single) = (11.89, 5.49, 4.12);
    canvas.slab(frame, (long, wide), |x, y| world.rough(inside, x, y, 0.05, 0.04));
    let white = [232.0, 232.0, 228.0];
    let thin = 0.11;
    for y in [-wide, -single, single, wide] {
        canvas.plain(frame, [-long, y - thin, long, y + thin], white);
    }
    for x in [-long, long] {
        canvas.plain(frame, [x - thin, -wide, x + thin, wide], white);
    }
    for x in [-6.4, 6.4] {
        canvas.plain(frame, [x - thin, -single, x + thin, single], white);
    }
    canvas.plain(frame, [-6.4, -thin, 6.4, thin], white);
    canvas.box_shadow(frame, (0.08, wide + 0.9), 1.0, 0.6);
    canvas.plain(frame, [-0.13, -wide - 0.9, 0.13, wide + 0.9], [60.0, 62.0, 62.0]);
}

fn fence(canvas: &mut Canvas, frame: &Frame, size: (f32, f32)) {
    let middle = frame.at(0.5 * size.0, 0.5 * size.1);
    for (x, y, half) in [
        (0.0, -0.5 * size.1, (0.5 * size.0, 0.1)),
        (0.0, 0.5 * size.1, (0.5 * size.0, 0.1)),
        (-0.5 * size.0, 0.0, (0.1, 0.5 * size.1)),
        (0.5 * size.0, 0.0, (0.1, 0.5 * size.1)),
    ] {
        let side = middle.at(x, y);
        canvas.box_shadow(&side, half, 2.6, 0.78);
        canvas.slab(&side, half, |_, _| [92.0, 98.0, 92.0]);
    }
}

/// Grass, paths, trees and a parking lot around what is played on.
fn park(canvas: &mut Canvas, world: &World, lot: &Lot, keep: MetreBounds, rng: &mut SplitMix64) {
    let grass = mix(world.meadow, world.lawn, rng.range(0.4, 1.0));
    canvas.area(&lot.frame, lot.bounds(0.0), |x, y| world.rough(grass, x, y, 0.12, 0.12));
    let (width, height) = lot.size;
    let path = scale(world.concrete, 0.98);
    canvas.plain(&lot.frame, [keep[0] - 3.4, 0.0, keep[0] - 1.6, height], path);
    canvas.plain(&lot.frame, [0.0, keep[3] + 1.4, width, keep[3] + 3.0], path);
    if keep[1] > 24.0 && rng.chance(0.6) {
        parking::lot_of_cars(canvas, world, &lot.part([keep[0] + 4.0, 1.0, width - 4.0, 20.0], 1));
    }
    if rng.chance(0.5) {
        let club = lot.frame.at((keep[0] * 0.5).max(8.0), keep[3] - 6.0);
        gabled(canvas, &club, (6.0, 4.4), 4.0, [170.0, 158.0, 146.0]);
    }
    let density = rng.range(0.1, 0.5);
    lot.scatter(9.0, 3.0, rng, |frame, x, y, rng| {
        let radius = rng.range(1.6, 4.4);
        let colour = leaf(world, rng);
        let clear = x < keep[0] - 5.0 || x > keep[2] + 5.0 || y < keep[1] - 5.0 || y > keep[3] + 6.0;
        if clear && y > 24.0 && rng.chance(density) {
            tree(canvas, &frame, radius, colour);
        }
    });
}

/// How far the diamond's grass reaches from its home plate, metres.
fn outfield(lot: &Lot) -> f32 {
    0.66 * lot.size.0.min(lot.size.1)
}

/// Home plate's place in the lot; the field opens along the diagonal from there.
fn home(lot: &Lot) -> (f32, f32) {
    (0.5 * lot.size.0 - 0.34 * outfield(lot) - 8.0, 0.5 * lot.size.1 - 0.34 * outfield(lot) - 8.0)
}

/// Where the pitcher stands, about, in the lot.
pub fn infield(lot: &Lot) -> (f32, f32) {
    let (x, y) = home(lot);
    (x + 13.0, y + 13.0)
}

/// The rectangle around the diamond, in the lot.
pub fn diamond_bounds(lot: &Lot) -> MetreBounds {
    let (x, y) = home(lot);
    let reach = outfield(lot);
    [x - 5.0, y - 5.0, (x + reach).min(lot.size.0), (y + reach).min(lot.size.1)]
}

pub fn baseball(canvas: &mut Canvas, world: &World, lot: &Lot) {
    let mut rng = lot.rng(32);
    let keep = diamond_bounds(lot);
    park(canvas, world, lot, keep, &mut rng);
    let (x, y) = home(lot);
    // In the diamond's own metres the field opens along x.
    let frame = lot.frame.at(x, y).turned(std::f32::consts::FRAC_PI_4);
    let reach = outfield(lot);
    let dirt: Rgb = rng.pick(&[
        [190.0, 146.0, 108.0],
        [204.0, 176.0, 132.0],
        [176.0, 118.0, 90.0],
        [198.0, 158.0, 136.0],
        [212.0, 192.0, 156.0],
    ]);
    let grass = scale(world.lawn, rng.range(0.9, 1.1));
    let stripes = rng.pick(&[0.0, 0.05, 0.09]);
    let track = if rng.chance(0.5) { scale(dirt, 0.96) } else { scale(grass, 0.94) };
    let noise = world.noise;
    // The wedge between the foul lines.
    let wedge = |x: f32, y: f32| (y.abs() - x) * std::f32::consts::FRAC_1_SQRT_2;
    canvas.fill(
        &frame,
        [-6.0, -reach, reach, reach],
        |x, y| (x.hypot(y) - reach).max(wedge(x, y) - 3.5),
        |x, y| {
            let stripe = if (x / 6.0).floor() as i32 % 2 == 0 { stripes } else { -stripes };
            scale(world.rough(grass, x, y, 0.08, 0.08), 1.0 + stripe)
        },
    );
    canvas.fill(
        &frame,
        [0.0, -reach, reach, reach],
        |x, y| (x.hypot(y) - reach + 2.0).abs().max(wedge(x, y) - 3.0) - 1.6,
        |_, _| track,
    );
    // Bases 18 to 27 metres apart; the dirt's arc lies around the pitcher.
    let base = rng.range(18.0, 27.4).min(0.36 * reach);
    let pitcher = base * 0.68;
    let arc = base * 1.02;
    let paint = |x: f32, y: f32| {
        scale(dirt, 1.0 + 0.07 * noise.smooth(x * 0.4, y * 0.4) + 0.04 * noise.rough(x * 2.0, y * 2.0))
    };
    canvas.fill(
        &frame,
        [-4.0, -2.0 * base, 2.2 * base, 2.0 * base],
        |x, y| ((x - pitcher).hypot(y) - arc).max(wedge(x, y) - 2.4),
        paint,
    );
    canvas.disc(&frame, 0.16 * base + 1.0, paint);
    if rng.chance(0.6) {
        // Grass within the bases, and the mound.
        let turned = frame.turned(std::f32::consts::FRAC_PI_4).at(0.0, -0.5 * base * 0.0);
        let inner = 0.5 * base - 1.4;
        let middle = turned.at(0.5 * base, -0.5 * base);
        canvas.slab(&middle, (inner, inner), |x, y| world.rough(grass, x, y, 0.08, 0.08));
        canvas.disc(&frame, 0.14 * base + 0.6, paint);
        canvas.disc(&frame.at(pitcher, 0.0), 2.7, paint);
    }
    let white = [230.0, 230.0, 226.0];
    let side = reach * std::f32::consts::FRAC_1_SQRT_2 - 2.0;
    canvas.line(&frame, (1.0, 1.0), (side, side), 0.22, white);
    canvas.line(&frame, (1.0, -1.0), (side, -side), 0.22, white);
    let step = base * std::f32::consts::FRAC_1_SQRT_2;
    for (x, y) in [(step, step), (step, -step), (2.0 * step, 0.0), (0.0, 0.0)] {
        canvas.slab(&frame.at(x, y), (0.4, 0.4), |_, _| white);
    }
    // The backstop and the benches.
    canvas.line(&frame, (-5.0, -4.0), (-5.0, 4.0), 0.4, [92.0, 92.0, 92.0]);
    for side in [-1.0_f32, 1.0] {
        let bench = frame.at(4.0, side * 11.5).turned(side * std::f32::consts::FRAC_PI_4);
        gabled(canvas, &bench, (4.6, 1.3), 2.6, [140.0, 142.0, 146.0]);
    }
}

//! Streets between blocks, their crossings, the freeway and its overpasses.

use super::trees::{leaf, tree};
use super::vehicles::{car, vehicle};
use crate::random::SplitMix64;
use crate::sample_scene::canvas::{Canvas, MetreBounds};
use crate::sample_scene::colour::{Rgb, scale};
use crate::sample_scene::frame::Frame;
use crate::sample_scene::lot::Lot;
use crate::sample_scene::plan::RIVER;
use crate::sample_scene::world::World;

pub const WHITE: Rgb = [222.0, 222.0, 218.0];
const YELLOW: Rgb = [206.0, 172.0, 84.0];
/// From the middle of a street to the plots beside it, metres.
pub const STREET: f32 = 7.5;
pub const AVENUE: f32 = 13.0;
const PAVEMENT: f32 = 2.4;
/// How far the freeway reaches from its middle, metres.
pub const FREEWAY: f32 = 22.0;

/// The halves of the streets around a block, from its edges inwards: left, top, right, bottom, metres.
pub type Streets = [f32; 4];

/// Paints the block's share of the streets around it.
pub fn streets(canvas: &mut Canvas, world: &World, lot: &Lot, halves: Streets) {
    let mut rng = lot.rng(6);
    let (width, height) = lot.size;
    canvas.area(&lot.frame, lot.bounds(0.0), |x, y| world.rough(world.concrete, x, y, 0.07, 0.05));
    let sides = [
        // Each side's frame: x along the street's middle, y into the block.
        (
            Frame { x_axis: lot.frame.y_axis, y_axis: lot.frame.x_axis, ..lot.frame },
            height,
            halves[0],
            halves[1],
            halves[3],
        ),
        (lot.frame, width, halves[1], halves[0], halves[2]),
        {
            let frame = lot.frame.at(width, 0.0).mirrored_x();
            (
                Frame { x_axis: frame.y_axis, y_axis: frame.x_axis, ..frame },
                height,
                halves[2],
                halves[1],
                halves[3],
            )
        },
        (lot.frame.at(0.0, height).mirrored_y(), width, halves[3], halves[0], halves[2]),
    ];
    for (frame, length, half, _, _) in sides.into_iter().filter(|side| side.2 > 0.0) {
        canvas.area(&frame, [0.0, 0.0, length, half - PAVEMENT], |x, y| lane_surface(world, x, y));
    }
    for (frame, length, half, before, after) in sides.into_iter().filter(|side| side.2 > 0.0) {
        half_street(canvas, &frame, length, half, (before, after), &mut rng);
    }
}

fn lane_surface(world: &World, x: f32, y: f32) -> Rgb {
    // Tyres darken the lanes, and asphalt is mended in patches.
    let track = 0.04 * (y * 1.7).cos();
    world.rough(scale(world.asphalt, 1.0 - track), x, y, 0.06, 0.05)
}

fn half_street(
    canvas: &mut Canvas,
    frame: &Frame,
    length: f32,
    half: f32,
    crossings: (f32, f32),
    rng: &mut SplitMix64,
) {
    let (from, to) = (crossings.0 + 4.0, length - crossings.1 - 4.0);
    let wide = half > 10.0;
    if wide {
        canvas.plain(frame, [from, 0.14, to, 0.32], YELLOW);
        dashes(canvas, frame, (from, to), 3.6, (3.0, 6.0), WHITE);
        canvas.plain(frame, [from, 7.1, to, 7.25], scale(WHITE, 0.9));
    } else {
        dashes(canvas, frame, (from, to), 0.0, (3.0, 6.0), YELLOW);
    }
    for (edge, inward) in [(crossings.0, 1.0_f32), (length - crossings.1, -1.0)] {
        let at = edge + inward * 2.6;
        canvas.plain(frame, [at - 0.3, 0.0, at + 0.3, half - PAVEMENT], WHITE);
        // The crossing for those who walk.
        let mut y = 0.4;
        while y < half - PAVEMENT {
            let (one, other) = (edge - inward * 1.6, edge + inward * 1.3);
            canvas.plain(frame, [one.min(other), y, one.max(other), y + 0.5], WHITE);
            y += 1.2;
        }
    }
    let lanes: &[f32] = if wide { &[1.9, 5.4] } else { &[1.7] };
    for &lane in lanes {
        let mut x = from + rng.range(0.0, 30.0);
        while x < to {
            vehicle(canvas, &frame.at(x, lane), rng);
            x += if rng.chance(0.3) {
                rng.range(7.0, 12.0)
            } else {
                rng.range(14.0, if wide { 60.0 } else { 110.0 })
            };
        }
    }
    // Cars at the kerb.
    let mut x = from + rng.range(0.0, 8.0);
    let full = rng.range(0.1, 0.6);
    while x < to {
        if rng.chance(full) {
            car(canvas, &frame.at(x, half - PAVEMENT - 1.15), rng);
        }
        x += 6.4;
    }
}

/// Dashes along x: `(painted, blank)` metres.
fn dashes(canvas: &mut Canvas, frame: &Frame, span: (f32, f32), y: f32, rhythm: (f32, f32), colour: Rgb) {
    let mut x = span.0;
    while x < span.1 {
        canvas.plain(frame, [x, y - 0.09, (x + rhythm.0).min(span.1), y + 0.09], colour);
        x += rhythm.0 + rhythm.1;
    }
}

/// A freeway along y through the middle of its strip.
pub fn freeway(canvas: &mut Canvas, world: &World, lot: &Lot) {
    let (width, height) = lot.size;
    let frame = lot.frame.at(0.5 * width, 0.0);
    // It's the same road everywhere.
    let mut style = SplitMix64::of(&[world.seed, 7]);
    let old = if style.chance(0.5) { world.concrete } else { world.asphalt };
    let surface = scale(old, style.range(0.8, 1.0));
    let median_green = style.chance(0.5);
    let mut rng = lot.rng(7);
    verge(canvas, world, lot, &mut rng);
    for side in [-1.0_f32, 1.0] {
        let frame = if side < 0.0 { frame.mirrored_x() } else { frame };
        let (inner, outer) = if median_green { (4.2, FREEWAY) } else { (0.5, FREEWAY - 3.0) };
        carriageway(canvas, world, &frame, [inner, 0.0, outer, height], surface, &mut rng);
    }
    if !median_green {
        canvas.plain(&frame, [-0.9, 0.0, 0.9, height], scale(surface, 0.8));
        canvas.plain(&frame, [-0.35, 0.0, 0.35, height], [206.0, 202.0, 194.0]);
        canvas.dim(&frame, [-1.5, 0.0, 1.5, height], 0.8, |x, _| (x - 0.7).abs() - 0.4);
    }
}

/// Trees and bushes beside the freeway, but not in the river.
fn verge(canvas: &mut Canvas, world: &World, lot: &Lot, rng: &mut SplitMix64) {
    let wooded = rng.pick(&[0.03, 0.1, 0.4]);
    lot.scatter(8.0, 0.0, rng, |frame, x, y, rng| {
        let radius = rng.range(1.2, 3.6);
        let colour = leaf(world, rng);
        let beside = (x - 0.5 * lot.size.0).abs() > FREEWAY + 6.0;
        let dry = (lot.corner.1 + y - RIVER).abs() > 64.0;
        if rng.chance(wooded + 0.4 * world.noise.smooth(x * 0.2, (lot.corner.1 + y) * 0.2)) && beside && dry {
            tree(canvas, &frame, radius, colour);
        }
    });
}

fn carriageway(
    canvas: &mut Canvas,
    world: &World,
    frame: &Frame,
    bounds: MetreBounds,
    surface: Rgb,
    rng: &mut SplitMix64,
) {
    let [inner, top, outer, bottom] = bounds;
    let noise = world.noise;
    canvas.area(frame, bounds, |x, y| {
        let lane = ((x - inner - 2.0) / 3.6).fract();
        let tyres = 0.05 * (lane * std::f32::consts::TAU * 2.0).cos();
        let slab = if (y / 4.6).fract() < 0.05 { 0.05 } else { 0.0 };
        let wear = 0.06 * noise.smooth(x * 0.8, y * 0.06) + 0.04 * noise.rough(x * 2.0, y * 2.0);
        scale(surface, 1.0 + tyres - slab + wear)
    });
    // Shoulders are of another pour.
    canvas.area(frame, [outer - 2.8, top, outer, bottom], |x, y| {
        world.rough(scale(surface, 0.86), x, y, 0.06, 0.05)
    });
    canvas.plain(frame, [inner + 1.6, top, inner + 1.8, bottom], YELLOW);
    canvas.plain(frame, [outer - 3.1, top, outer - 2.9, bottom], WHITE);
    let lanes = ((outer - 3.0 - inner - 1.8) / 3.6).floor().max(2.0);
    let lane_width = (outer - 3.0 - inner - 1.8) / lanes;
    let turned = Frame { x_axis: frame.y_axis, y_axis: frame.x_axis, ..*frame };
    for lane in 1..lanes as usize {
        let x = inner + 1.8 + lane as f32 * lane_width;
        dashes(canvas, &turned, (top, bottom), x, (3.6, 8.6), WHITE);
    }
    for lane in 0..lanes as usize {
        let x = inner + 1.8 + (lane as f32 + 0.5) * lane_width;
        let mut y = top + rng.range(0.0, 40.0);
        while y < bottom - 8.0 {
            let (dx, turn) = (rng.range(-0.4, 0.4), rng.range(-0.02, 0.02));
            vehicle(canvas, &turned.at(y, x + dx).turned(turn), rng);
            y += rng.range(12.0, 70.0);
        }
    }
}

/// A street on a bridge along x that crosses the freeway beneath. The frame's origin is the bridge's middle.
pub fn overpass(canvas: &mut Canvas, world: &World, frame: &Frame, reach: f32, seed: u64) {
    let mut rng = SplitMix64::of(&[seed, 8]);
    let half = AVENUE - 1.6;
    // The bridge itself is what casts a shadow; its ramps lie on earth.
    canvas.box_shadow(frame, (FREEWAY + 8.0, half), 7.0, 0.36);
    let deck = scale(world.concrete, rng.range(0.8, 1.05));
    canvas.area(frame, [-reach, -half, reach, half], |x, y| world.rough(deck, x, y, 0.05, 0.05));
    for side in [-1.0_f32, 1.0] {
        let y = side * (half - 0.3);
        canvas.plain(frame, [-reach, y - 0.3, reach, y + 0.3], scale(deck, 1.2));
    }
    canvas.area(frame, [-reach, -half + 2.2, reach, half - 2.2], |x, y| lane_surface(world, x, y));
    for side in [-1.0_f32, 1.0] {
        let frame = if side < 0.0 { frame.mirrored_y() } else { *frame };
        canvas.plain(&frame, [-reach, 0.14, reach, 0.32], YELLOW);
        dashes(canvas, &frame, (-reach, reach), 3.6, (3.0, 6.0), WHITE);
        canvas.plain(&frame, [-reach, 7.4, reach, 7.55], WHITE);
        for lane in [1.9, 5.4] {
            let mut x = -reach + rng.range(4.0, 40.0);
            while x < reach - 5.0 {
                vehicle(canvas, &frame.at(x, lane), &mut rng);
                x += rng.range(10.0, 60.0);
            }
        }
    }
    // Joints where the bridge ends.
    for x in [-FREEWAY - 8.0, FREEWAY + 8.0] {
        canvas.plain(frame, [x - 0.25, -half, x + 0.25, half], scale(deck, 0.6));
    }
}

/// A country road along x.
pub fn country_road(canvas: &mut Canvas, world: &World, lot: &Lot) {
    let mut rng = lot.rng(14);
    let frame = lot.frame.at(0.0, 0.5 * lot.size.1);
    let width = lot.size.0;
    canvas
        .area(&frame, [0.0, -8.0, width, 8.0], |x, y| world.rough(scale(world.soil, 0.95), x, y, 0.14, 0.12));
    canvas.area(&frame, [0.0, -5.4, width, 5.4], |x, y| lane_surface(world, x, y));
    for side in [-1.0_f32, 1.0] {
        let frame = if side < 0.0 { frame.mirrored_y() } else { frame };
        canvas.plain(&frame, [0.0, 0.1, width, 0.25], YELLOW);
        canvas.plain(&frame, [0.0, 3.8, width, 3.95], WHITE);
        let mut x = rng.range(4.0, 90.0);
        while x < width - 8.0 {
            vehicle(canvas, &frame.at(x, 1.9), &mut rng);
            x += rng.range(16.0, 200.0);
        }
    }
}

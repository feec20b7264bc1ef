//! Trees: single crowns, and woods of them.

use crate::random::SplitMix64;
use crate::sample_scene::canvas::{Canvas, length};
use crate::sample_scene::colour::{Rgb, ease, mix, scale};
use crate::sample_scene::frame::Frame;
use crate::sample_scene::lot::Lot;
use crate::sample_scene::plan::Region;
use crate::sample_scene::world::World;

/// A crown with its shadow. The radius is in metres.
pub fn tree(canvas: &mut Canvas, frame: &Frame, radius: f32, colour: Rgb) {
    canvas.disc_shadow(frame, radius * 0.85, radius * 1.3, 0.52);
    crown(canvas, frame, radius, colour);
}

fn crown(canvas: &mut Canvas, frame: &Frame, radius: f32, colour: Rgb) {
    let noise = canvas.noise;
    let sun = canvas.sun(frame);
    // Each crown has its own piece of the noise.
    let (dx, dy) = ((frame.origin.0 * 7.3 % 256.0) as f32, (frame.origin.1 * 5.9 % 256.0) as f32);
    let reach = radius * 1.12 + 0.8;
    canvas.fill(
        frame,
        [-reach, -reach, reach, reach],
        |x, y| {
            length(x, y)
                - radius * (0.9 + 0.2 * noise.rough(x * 1.5 + dx, y * 1.5 + dy))
                - 0.8 * noise.smooth(x * 3.0 + dy, y * 3.0 + dx)
        },
        |x, y| {
            let lit = (x * sun.0 + y * sun.1) / radius;
            let leaves = noise.rough(x * 1.7 + dy, y * 1.7 + dx);
            scale(colour, (0.92 + 0.36 * lit + 0.5 * leaves).max(0.25))
        },
    );
}

/// A shade of the world's green.
pub fn leaf(world: &World, rng: &mut SplitMix64) -> Rgb {
    let other = rng.pick(&[[86.0, 98.0, 62.0], [48.0, 66.0, 46.0], [96.0, 94.0, 68.0], [58.0, 86.0, 48.0]]);
    let light = rng.range(0.75, 1.2);
    scale(mix(world.leaf, other, rng.range(0.0, 0.6)), light)
}

/// How far inside a lot something that grew by itself ends: its edge is ragged. Negative outside; metres.
fn ragged(world: &World, lot: &Lot, x: f32, y: f32) -> f32 {
    let half = (0.5 * lot.size.0, 0.5 * lot.size.1);
    // Corners are rounded first.
    let (dx, dy) = ((x - half.0).abs() - half.0 + 50.0, (y - half.1).abs() - half.1 + 50.0);
    let outside = length(dx.max(0.0), dy.max(0.0)) + dx.max(dy).min(0.0);
    let (world_x, world_y) = (lot.corner.0 + x, lot.corner.1 + y);
    32.0 - outside + 18.0 * world.noise.smooth(world_x * 0.5, world_y * 0.5)
}

/// A wood that covers the lot, with a few clearings.
pub fn wood(canvas: &mut Canvas, world: &World, lot: &Lot) {
    let mut rng = lot.rng(1);
    let bare = rng.chance(0.25);
    let floor = if bare { scale(world.soil, 0.62) } else { scale(world.leaf, 0.56) };
    canvas.fill(
        &lot.frame,
        lot.bounds(0.0),
        |x, y| 3.0 - ragged(world, lot, x, y),
        |x, y| world.rough(floor, x, y, 0.3, 0.35),
    );
    let spacing = rng.range(4.0, 7.4);
    let tint = if bare { [118.0, 108.0, 100.0] } else { leaf(world, &mut rng) };
    let open = rng.range(-1.1, -0.5);
    lot.scatter(spacing, 2.0, &mut rng, |frame, x, y, rng| {
        let density = world.noise.smooth(x * 0.35, y * 0.35);
        let radius = spacing * rng.range(0.42, 0.8);
        let colour = scale(mix(leaf(world, rng), tint, 0.6), 0.9 + 0.25 * density);
        let edge = ragged(world, lot, x, y);
        if density > open && (edge > 0.0 || rng.chance(0.3 + edge / 40.0)) {
            tree(canvas, &frame, radius, colour);
        }
    });
}

/// Dry ground with low, dark bushes.
pub fn scrub(canvas: &mut Canvas, world: &World, lot: &Lot) {
    let mut rng = lot.rng(1);
    let ground = mix(world.soil, world.meadow, rng.range(0.0, 0.7));
    let ground = scale(mix(ground, [196.0, 164.0, 128.0], 0.4), rng.range(0.9, 1.1));
    canvas.each(&lot.frame, lot.bounds(0.0), |pixel, x, y| {
        let share = ease(-4.0, 14.0, ragged(world, lot, x, y));
        *pixel = mix(*pixel, world.rough(ground, x, y, 0.1, 0.12), share);
    });
    let bush = scale(mix(world.leaf, [92.0, 78.0, 58.0], 0.5), rng.range(0.7, 1.0));
    let spacing = rng.range(3.4, 5.2);
    lot.scatter(spacing, 1.0, &mut rng, |frame, x, y, rng| {
        let dense = world.noise.smooth(x * 0.6, y * 0.6);
        let radius = rng.range(0.5, 1.7) * (1.0 + 0.3 * dense);
        let lone = (ragged(world, lot, x, y) / 30.0).min(0.0);
        if rng.chance(0.62 + 0.5 * dense + lone) {
            tree(canvas, &frame, radius, scale(bush, rng.range(0.8, 1.2)));
        }
    });
}

/// A few trees and bushes on open ground.
pub fn copses(canvas: &mut Canvas, world: &World, lot: &Lot) {
    let mut rng = lot.rng(1);
    let trees = rng.range(0.04, 0.3);
    lot.scatter(9.0, 4.0, &mut rng, |frame, x, y, rng| {
        let radius = rng.range(1.4, 4.2);
        let colour = leaf(world, rng);
        if rng.chance(trees * (1.0 + 2.2 * world.noise.smooth(x * 0.2, y * 0.2))) {
            tree(canvas, &frame, radius, colour);
        }
    });
}

/// Trees and bushes along the banks of the river that runs along x through the lot; the water stays free.
pub fn banks(canvas: &mut Canvas, world: &World, lot: &Lot, region: &Region) {
    let mut rng = lot.rng(1);
    let wooded = rng.range(0.05, 0.9);
    lot.scatter(6.0, 0.0, &mut rng, |frame, x, y, rng| {
        let (middle, half) = region.river(world, lot.corner.0 + x);
        let off = (lot.corner.1 + y - middle).abs() - half;
        let inland = lot.corner.0 + x - region.coast(world, lot.corner.1 + y);
        let radius = rng.range(1.2, 4.4);
        let colour = leaf(world, rng);
        let dense = 0.7 * world.noise.smooth((lot.corner.0 + x) * 0.12, y * 0.12);
        if rng.chance(wooded + dense - 0.004 * off) && off > 2.0 + 0.5 * radius && inland > 60.0 {
            tree(canvas, &frame, radius, colour);
        }
    });
}

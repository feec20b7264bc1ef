//! A golf course: fairways, greens, bunkers, ponds, trees between them.

use super::trees::{leaf, tree};
use crate::random::SplitMix64;
use crate::sample_scene::canvas::{Canvas, length, segment_distance};
use crate::sample_scene::colour::{mix, scale};
use crate::sample_scene::frame::Frame;
use crate::sample_scene::lot::Lot;
use crate::sample_scene::world::World;

/// Where a hole's green and its tee lie, metres in the lot.
type Hole = ((f32, f32), (f32, f32));

pub fn golf(canvas: &mut Canvas, world: &World, lot: &Lot) {
    let mut rng = lot.rng(13);
    let noise = world.noise;
    let rough = mix(world.meadow, world.lawn, rng.range(0.1, 0.6));
    canvas.area(&lot.frame, lot.bounds(0.0), |x, y| {
        scale(world.rough(rough, x, y, 0.16, 0.14), 1.0 + 0.1 * noise.smooth(x * 0.08, y * 0.08))
    });
    // One hole to each cell of a lattice, so that every stretch of the course has a green.
    let (columns, rows) = ((lot.size.0 / 84.0).round().max(1.0), (lot.size.1 / 104.0).round().max(1.0));
    let (width, height) = (lot.size.0 / columns, lot.size.1 / rows);
    let mut greens = Vec::new();
    for row in 0..rows as usize {
        for column in 0..columns as usize {
            let (left, top) = (column as f32 * width, row as f32 * height);
            // Every second one is played the other way.
            let far = if (row + column) % 2 == 0 { rng.range(0.22, 0.42) } else { rng.range(0.58, 0.78) };
            let green = (left + width * rng.range(0.2, 0.8), top + height * far);
            let edge = 34.0;
            let green = (green.0.clamp(edge, lot.size.0 - edge), green.1.clamp(edge, lot.size.1 - edge));
            let back = if far < 0.5 { rng.range(0.9, 1.25) } else { rng.range(-0.25, 0.1) };
            let tee = (left + width * rng.range(0.0, 1.0), top + height * back);
            let tee = (tee.0.clamp(14.0, lot.size.0 - 14.0), tee.1.clamp(14.0, lot.size.1 - 14.0));
            greens.push((green, tee));
        }
    }
    for &(green, tee) in &greens {
        fairway(canvas, world, &lot.frame, tee, green, &mut rng);
    }
    wooded(canvas, world, lot, &greens, &mut rng);
    for &(green, _) in &greens {
        hole(canvas, world, &lot.frame.at(green.0, green.1), &mut rng);
    }
}

fn fairway(
    canvas: &mut Canvas,
    world: &World,
    frame: &Frame,
    tee: (f32, f32),
    green: (f32, f32),
    rng: &mut SplitMix64,
) {
    let noise = world.noise;
    let half = rng.range(13.0, 18.0);
    let grass = scale(mix(world.lawn, [104.0, 146.0, 92.0], 0.45), rng.range(0.95, 1.12));
    let stripe = rng.pick(&[0.0, 0.03, 0.05]);
    let shift = rng.range(0.0, 200.0);
    let bounds = [
        tee.0.min(green.0) - half - 8.0,
        tee.1.min(green.1) - half - 8.0,
        tee.0.max(green.0) + half + 8.0,
        tee.1.max(green.1) + half + 8.0,
    ];
    canvas.fill(
        frame,
        bounds,
        |x, y| segment_distance((x, y), tee, green) - half - 5.0 * noise.smooth(x * 0.9 + shift, y * 0.9),
        |x, y| {
            let mown = if ((x + y) / 5.0).floor() as i32 % 2 == 0 { stripe } else { -stripe };
            scale(world.rough(grass, x, y, 0.07, 0.06), 1.0 + mown)
        },
    );
    canvas
        .slab(&frame.at(tee.0, tee.1), (4.0, 6.0), |x, y| world.rough(scale(grass, 1.06), x, y, 0.04, 0.05));
}

fn hole(canvas: &mut Canvas, world: &World, frame: &Frame, rng: &mut SplitMix64) {
    if rng.chance(0.14) {
        let angle = rng.range(0.0, 6.2);
        let place = frame.at(38.0 * angle.cos(), 38.0 * angle.sin());
        let water = scale(world.river, 0.8);
        blob(canvas, world, &place, 13.5, rng, |x, y| world.rough(scale(world.soil, 0.9), x, y, 0.1, 0.1));
        blob(canvas, world, &place, 12.0, rng, |x, y| world.rough(water, x, y, 0.05, 0.03));
    }
    let grass = scale(mix(world.lawn, [126.0, 168.0, 108.0], 0.6), rng.range(0.96, 1.14));
    let radius = rng.range(8.0, 13.0);
    blob(canvas, world, frame, radius + 3.0, rng, |x, y| world.rough(scale(grass, 0.9), x, y, 0.05, 0.05));
    blob(canvas, world, frame, radius, rng, |x, y| world.rough(grass, x, y, 0.03, 0.03));
    canvas.disc(&frame.at(2.0, 1.0), 0.3, |_, _| [240.0, 240.0, 236.0]);
    let sand = scale(mix(world.sand, [236.0, 228.0, 208.0], 0.7), 1.04);
    let count = 2 + rng.index(4);
    let start = rng.range(0.0, 6.2);
    for index in 0..count {
        let angle = start + (index as f32 + rng.range(0.1, 0.9)) * std::f32::consts::TAU / count as f32;
        let size = rng.range(4.0, 8.0);
        let far = radius * 1.15 + size + rng.range(1.0, 6.0);
        let place = frame.at(far * angle.cos(), far * angle.sin());
        let lip = scale(world.lawn, 0.74);
        let shift = rng.range(0.0, 250.0);
        let grown = [size + 0.7, size];
        for (step, radius) in grown.into_iter().enumerate() {
            let shape = bunker(world, radius, shift);
            let reach = radius * 2.0;
            canvas.fill(&place, [-reach, -reach, reach, reach], shape, |x, y| {
                if step == 0 { lip } else { world.rough(sand, x, y, 0.03, 0.03) }
            });
        }
    }
}

/// A few lobes of different sizes that melt into each other.
fn bunker(world: &World, size: f32, shift: f32) -> impl Fn(f32, f32) -> f32 {
    let noise = world.noise;
    let mut rng = SplitMix64::of(&[u64::from(shift.to_bits())]);
    let lobes: [(f32, f32, f32); 3] = std::array::from_fn(|index| {
        let along = (index as f32 - 1.0) * rng.range(0.45, 0.75);
        (along * size, rng.range(-0.35, 0.35) * size, rng.range(0.4, 0.68) * size)
    });
    move |x, y| {
        // A smooth minimum: where lobes meet, the edge is round.
        let blend = 0.4 * size;
        let near = lobes.iter().map(|lobe| length(x - lobe.0, y - lobe.1) - lobe.2).reduce(|one, other| {
            let share = (blend - (one - other).abs()).max(0.0) / blend;
            one.min(other) - 0.25 * blend * share * share
        });
        near.unwrap_or(size) - 0.9 * noise.smooth(x * 1.6 + shift, y * 1.6)
    }
}

fn blob(
    canvas: &mut Canvas,
    world: &World,
    frame: &Frame,
    radius: f32,
    rng: &mut SplitMix64,
    colour: impl Fn(f32, f32) -> crate::sample_scene::colour::Rgb,
) {
    let noise = world.noise;
    let (shift, wide) = ((frame.origin.0 % 250.0) as f32, rng.range(0.75, 1.1));
    let reach = radius * 1.6;
    canvas.fill(
        frame,
        [-reach, -reach, reach, reach],
        |x, y| {
            (x * wide).hypot(y / wide)
                - radius * (1.0 + 0.22 * noise.smooth(x * 10.0 / radius + shift, y * 10.0 / radius))
        },
        colour,
    );
}

/// Trees wherever no ball should fly.
fn wooded(canvas: &mut Canvas, world: &World, lot: &Lot, holes: &[Hole], rng: &mut SplitMix64) {
    let noise = world.noise;
    let density = rng.range(0.15, 0.6);
    lot.scatter(8.0, 3.0, rng, |frame, x, y, rng| {
        let radius = rng.range(1.8, 5.2);
        let colour = leaf(world, rng);
        let chance = density + 0.7 * noise.smooth(x * 0.2, y * 0.2);
        let grows = rng.chance(chance);
        let near = || {
            holes
                .iter()
                .map(|&(green, tee)| segment_distance((x, y), tee, green))
                .fold(f32::INFINITY, f32::min)
        };
        if grows && near() > 24.0 {
            tree(canvas, &frame, radius, colour);
        }
    });
}

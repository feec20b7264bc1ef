//! Ponds: still waters with reeds and trees around them, and fish ponds between dikes.

use super::relief::{hills, rugged};
use crate::random::SplitMix64;
use crate::sample_scene::canvas::{Canvas, MetreBounds, length};
use crate::sample_scene::colour::{Rgb, ease, mix, scale};
use crate::sample_scene::frame::Frame;
use crate::sample_scene::sites::{Plot, rounded};
use crate::sample_scene::things::farm;
use crate::sample_scene::things::houses::gabled;
use crate::sample_scene::things::trees::{leaf, tree};
use crate::sample_scene::world::World;

const WATERS: [Rgb; 10] = [
    [62.0, 82.0, 62.0],
    [74.0, 92.0, 60.0],
    [92.0, 100.0, 76.0],
    [104.0, 98.0, 76.0],
    [48.0, 62.0, 54.0],
    [40.0, 56.0, 62.0],
    [58.0, 84.0, 84.0],
    [86.0, 110.0, 98.0],
    [36.0, 46.0, 44.0],
    [118.0, 116.0, 92.0],
];

pub fn pond(canvas: &mut Canvas, world: &World, plot: &Plot) {
    let mut rng = plot.rng(1);
    surroundings(canvas, world, plot, &mut rng);
    if rng.chance(0.36) {
        fish_ponds(canvas, world, plot, &mut rng);
        return;
    }
    let reach = 0.5 * plot.size;
    natural(canvas, world, plot, (0.0, 0.0, reach), &mut rng);
    for _ in 0..rng.index(4) {
        let angle = rng.range(0.0, 6.2);
        let far = reach * rng.range(1.15, 1.6);
        let small = reach * rng.range(0.12, 0.4);
        natural(canvas, world, plot, (far * angle.cos(), far * angle.sin(), small), &mut rng);
    }
}

/// Grass, or fields, or what happens to lie there.
fn surroundings(canvas: &mut Canvas, world: &World, plot: &Plot, rng: &mut SplitMix64) {
    match rng.index(5) {
        0 | 1 => {
            let grass = mix(world.lawn, world.meadow, rng.range(0.0, 1.0));
            let dry = mix(world.meadow, world.soil, 0.5);
            let unit = plot.seen / 12.0;
            let noise = world.noise;
            canvas.each(&plot.frame, plot.all(), |pixel, x, y| {
                let worn = ease(-0.1, 0.9, noise.smooth(x / unit, y / unit));
                *pixel = world.rough(mix(grass, dry, worn), x, y, 0.1, 0.12);
            });
            let trees = rng.range(0.02, 0.3);
            plot.lot(plot.all(), 5).scatter(9.0_f32.max(plot.seen / 40.0), 0.0, rng, |place, x, y, rng| {
                let (radius, colour) = (rng.range(1.5, 4.5), leaf(world, rng));
                if rng.chance(trees * (1.0 + 2.0 * noise.smooth(x * 0.1, y * 0.1))) {
                    tree(canvas, &place, radius, colour);
                }
            });
        }
        2 | 3 => {
            // A patchwork of fields.
            let step = (rng.range(60.0, 150.0), rng.range(40.0, 120.0));
            let (columns, rows) =
                ((2.0 * plot.seen / step.0).ceil() as usize, (2.0 * plot.seen / step.1).ceil() as usize);
            for column in 0..columns {
                for row in 0..rows {
                    let (x, y) = (column as f32 * step.0 - plot.seen, row as f32 * step.1 - plot.seen);
                    let lot = plot.lot([x, y, x + step.0, y + step.1], (100 + row * 64 + column) as u64);
                    farm::field(canvas, world, &lot);
                }
            }
        }
        _ => {}
    }
}

/// A pond around a place, of a reach in metres.
fn natural(
    canvas: &mut Canvas,
    world: &World,
    plot: &Plot,
    (x, y, reach): (f32, f32, f32),
    rng: &mut SplitMix64,
) {
    let frame = plot.frame.at(x, y).turned(rng.range(0.0, 6.2));
    let seed = rng.bits();
    let flat = rng.range(0.5, 1.0);
    let lobes = rng.range(0.35, 1.0);
    // Negative in the water, in metres, roughly.
    let shape = move |x: f32, y: f32| {
        let (u, v) = (x / reach, y / (reach * flat));
        let bent = lobes * rugged(seed, u * 1.3 + 9.0, v * 1.3, 3) + 0.05 * hills(seed + 9, u * 9.0, v * 9.0);
        (length(u, v) - 0.72 - bent) * reach * flat
    };
    let bounds = [-1.5 * reach, -1.5 * reach, 1.5 * reach, 1.5 * reach];
    let noise = world.noise;
    let bank: Rgb = mix(world.soil, world.sand, rng.range(0.0, 0.6));
    let bare = rng.range(0.5, 6.0).min(0.1 * reach + 0.5);
    canvas.fill(
        &frame,
        bounds,
        |x, y| shape(x, y) - bare - 2.0 * noise.smooth(x * 0.3, y * 0.3),
        |x, y| world.rough(bank, x, y, 0.12, 0.14),
    );
    if rng.chance(0.3) {
        let path: Rgb = rng.pick(&[[206.0, 196.0, 172.0], [176.0, 170.0, 160.0], world.asphalt]);
        let (off, half) = (bare + rng.range(3.0, 9.0), rng.range(0.9, 2.4));
        canvas.fill(
            &frame,
            bounds,
            |x, y| (shape(x, y) - off).abs() - half,
            |x, y| world.rough(path, x, y, 0.05, 0.05),
        );
    }
    let water = scale(rng.pick(&WATERS), rng.range(0.8, 1.15));
    let silt = mix(water, bank, 0.4);
    let shallow = rng.range(2.0, 10.0).min(0.2 * reach);
    let algae = if rng.chance(0.3) { rng.range(-0.1, 0.5) } else { 9.0 };
    let ripples = rng.range(0.0, 0.045);
    canvas.fill(&frame, bounds, shape, |x, y| {
        let deep = ease(0.0, -shallow, shape(x, y));
        let still = 0.05 * noise.smooth(x * 0.05, y * 0.05) + ripples * noise.rough(x * 0.9, y * 0.5);
        let clear = mix(silt, water, 0.3 + 0.7 * deep);
        let green = ease(algae, algae + 0.4, noise.smooth(x * 0.2, y * 0.2) + 0.4 * (1.0 - deep));
        scale(mix(clear, [104.0, 128.0, 62.0], 0.8 * green), 1.0 + still)
    });
    // The far bank's shade on the water.
    let tip = canvas.shadow_of(&frame, 1.4);
    canvas.dim(&frame, bounds, 0.72, |x, y| shape(x, y).max(-shape(x - tip.0, y - tip.1)));
    rim(canvas, world, plot, &frame, (reach, bare), &shape, rng);
}

/// Reeds at the water's edge, trees behind them.
fn rim(
    canvas: &mut Canvas,
    world: &World,
    plot: &Plot,
    frame: &Frame,
    (reach, bare): (f32, f32),
    shape: &impl Fn(f32, f32) -> f32,
    rng: &mut SplitMix64,
) {
    let reed: Rgb = rng.pick(&[[134.0, 132.0, 84.0], [98.0, 116.0, 66.0], [158.0, 142.0, 98.0]]);
    let reedy = rng.range(-0.9, 0.5);
    let belt = rng.range(1.5, 7.0).min(0.15 * reach + 0.5);
    let noise = world.noise;
    let bounds = [-1.5 * reach, -1.5 * reach, 1.5 * reach, 1.5 * reach];
    canvas.fill(
        frame,
        bounds,
        |x, y| {
            let here = noise.smooth(x * 0.12, y * 0.12 + 50.0) + reedy;
            (shape(x, y) - 0.3 * belt).abs() - belt * here.min(1.0) - 0.6 * noise.rough(x, y)
        },
        |x, y| scale(reed, 0.9 + 0.25 * noise.rough(x * 2.0, y * 2.0)),
    );
    let wooded = rng.range(-0.5, 0.7);
    let spacing = rng.range(4.5, 7.5).max(plot.seen / 90.0);
    let mut lot = plot.lot(bounds, 3);
    lot.frame = frame.at(-1.5 * reach, -1.5 * reach);
    lot.scatter(spacing, 0.0, rng, |place, x, y, rng| {
        let (x, y) = (x - 1.5 * reach, y - 1.5 * reach);
        let (radius, colour) = (rng.range(1.6, 4.6), leaf(world, rng));
        let off = shape(x, y) - bare;
        let group = noise.smooth(x * 0.15 + 20.0, y * 0.15) + wooded;
        if off > 0.3 * radius && off < 16.0 && group - 0.03 * off > rng.range(0.0, 0.5) {
            tree(canvas, &place, radius, colour);
        }
    });
}

/// Rectangles of water, row beside row, with dikes between them.
fn fish_ponds(canvas: &mut Canvas, world: &World, plot: &Plot, rng: &mut SplitMix64) {
    let half = (0.5 * plot.size, 0.5 * plot.size * rng.range(0.5, 1.0));
    let least = (0.12 * plot.size).max(24.0);
    let step = (least * rng.range(1.0, 2.6), least * rng.range(0.9, 1.5));
    let (columns, rows) =
        (((2.0 * half.0 / step.0).round()).max(1.0), ((2.0 * half.1 / step.1).round()).max(2.0));
    let size = (2.0 * half.0 / columns, 2.0 * half.1 / rows);
    let dike = rng.range(3.0, 9.0).min(0.25 * size.1);
    let earth = mix(mix(world.soil, world.sand, rng.range(0.0, 0.6)), world.meadow, rng.range(0.0, 0.9));
    let rim = (half.0 + dike, half.1 + dike);
    canvas.slab(&plot.frame, rim, |x, y| world.rough(earth, x, y, 0.14, 0.14));
    let common = rng.pick(&WATERS);
    let own = rng.range(0.1, 0.9);
    let aerated = rng.chance(0.3);
    let track = scale(mix(world.sand, world.concrete, 0.5), 1.02);
    for row in 0..rows as usize {
        let top = row as f32 * size.1 - half.1;
        if row % 2 == 1 && rng.chance(0.6) {
            canvas.area(&plot.frame, [-half.0, top - 1.5, half.0, top + 1.5], |x, y| {
                world.rough(track, x, y, 0.08, 0.08)
            });
        }
        let shift = if rng.chance(0.3) { rng.range(-0.3, 0.3) * size.0 } else { 0.0 };
        for column in 0..=columns as usize {
            let left = (column as f32 * size.0 - half.0 + shift).max(-half.0);
            let right = (column as f32 * size.0 - half.0 + shift + size.0).min(half.0);
            if right - left < 2.5 * dike {
                continue;
            }
            let bounds = [left + 0.5 * dike, top + 0.5 * dike, right - 0.5 * dike, top + size.1 - 0.5 * dike];
            let water = scale(mix(common, rng.pick(&WATERS), own), rng.range(0.85, 1.15));
            let water = if rng.chance(0.07) { mix(world.soil, water, 0.25) } else { water };
            basin(canvas, world, plot, bounds, water, rng);
            if aerated {
                for _ in 0..=rng.index(4) {
                    let (x, y) = (rng.range(left + dike, right - dike), top + size.1 * rng.range(0.3, 0.7));
                    canvas.disc(&plot.frame.at(x, y), 1.3, |_, _| [212.0, 218.0, 216.0]);
                }
            }
        }
    }
    let planted = rng.range(0.0, 0.35);
    plot.lot([-rim.0, -rim.1, rim.0, rim.1], 4).scatter(7.0, 0.0, rng, |place, x, y, rng| {
        let edge = x.min(y).min(2.0 * rim.0 - x).min(2.0 * rim.1 - y);
        let (radius, colour) = (rng.range(1.2, 3.2), leaf(world, rng));
        if edge < dike && rng.chance(planted) {
            tree(canvas, &place, radius, colour);
        }
    });
    for _ in 0..rng.index(4) {
        let hut =
            plot.frame.at(rng.range(-1.0, 1.0) * half.0, rng.pick(&[-1.0, 1.0]) * (half.1 + 0.8 * dike));
        gabled(
            canvas,
            &hut,
            (rng.range(3.0, 7.0), 2.8),
            3.5,
            rng.pick(&[[176.0, 120.0, 100.0], [196.0, 198.0, 200.0]]),
        );
    }
}

fn basin(
    canvas: &mut Canvas,
    world: &World,
    plot: &Plot,
    bounds: MetreBounds,
    water: Rgb,
    rng: &mut SplitMix64,
) {
    let [left, top, right, bottom] = bounds;
    let frame = plot.frame.at(0.5 * (left + right), 0.5 * (top + bottom));
    let half = (0.5 * (right - left), 0.5 * (bottom - top));
    let corner = rng.range(1.0, 6.0).min(0.4 * half.1);
    let (shift, noise) = (rng.range(0.0, 200.0), world.noise);
    let edge =
        move |x: f32, y: f32| rounded(x, y, half, corner) + 0.7 * noise.smooth(x * 0.3 + shift, y * 0.3);
    let own = [-half.0 - 1.0, -half.1 - 1.0, half.0 + 1.0, half.1 + 1.0];
    let wet = scale(world.soil, 0.75);
    canvas.fill(&frame, own, |x, y| edge(x, y) - 1.0, |x, y| world.rough(wet, x, y, 0.1, 0.1));
    canvas.fill(&frame, own, edge, |x, y| {
        let deep = ease(0.0, -4.0, edge(x, y));
        let still = 0.06 * noise.smooth(x * 0.06 + shift, y * 0.06) + 0.025 * noise.rough(x * 0.9, y * 0.6);
        scale(mix(mix(water, wet, 0.35), water, deep), 1.0 + still)
    });
}

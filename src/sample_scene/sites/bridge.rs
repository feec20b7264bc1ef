//! A bridge over water: a road on a beam, under arches or on cables, from bank to bank.

use super::{Plot, ships};
use crate::random::SplitMix64;
use crate::sample_scene::canvas::Canvas;
use crate::sample_scene::colour::{Rgb, ease, mix, scale};
use crate::sample_scene::things::trees::{leaf, tree};
use crate::sample_scene::things::vehicles::vehicle;
use crate::sample_scene::world::World;

pub fn bridge(canvas: &mut Canvas, world: &World, plot: &Plot) {
    let mut rng = plot.rng(1);
    let frame = &plot.frame;
    // The water's half width; the bridge runs along x across it.
    let water = 0.5 * plot.size * rng.range(0.7, 0.92);
    river(canvas, world, plot, water, &mut rng);
    let lanes = 1 + rng.index(if plot.size > 250.0 { 3 } else { 2 });
    let half = 1.2 + 3.5 * lanes as f32;
    let deck = scale(if rng.chance(0.5) { world.concrete } else { world.asphalt }, rng.range(0.9, 1.1));
    let high = rng.range(5.0, 9.0) + 0.02 * plot.size;

    // The road goes on over land, on earth.
    let [left, _, right, _] = plot.all();
    canvas.plain(frame, [left, -half - 3.0, right, half + 3.0], mix(world.soil, world.meadow, 0.5));
    let tip = canvas.shadow_of(frame, high);
    let span = [-water - 8.0, -half, water + 8.0, half];
    canvas.dim(
        frame,
        [span[0] - high, -half - 2.0 * high, span[2] + high, half + 2.0 * high],
        0.5,
        |x, y| {
            let (x, y) = (x - tip.0, y - tip.1);
            (x.abs() - water).max(y.abs() - half)
        },
    );
    let piers = (2.0 * water / rng.range(30.0, 70.0)) as usize;
    for pier in 1..=piers {
        let x = -water + 2.0 * water * pier as f32 / (piers + 1) as f32;
        canvas.slab(&frame.at(x, 0.0), (1.6, half + 1.8), |_, _| scale(world.concrete, 0.8));
    }
    canvas.area(frame, [left, -half, right, half], |x, y| world.rough(deck, x, y, 0.04, 0.04));
    let line = [222.0, 222.0, 216.0];
    for side in [-1.0_f32, 1.0] {
        let y = side * (half - 0.35);
        canvas.plain(frame, [span[0], y - 0.35, span[2], y + 0.35], scale(deck, 1.25));
        canvas.plain(frame, [left, side * (half - 1.3) - 0.1, right, side * (half - 1.3) + 0.1], line);
    }
    canvas.plain(frame, [left, -0.15, right, 0.15], line);
    let busy = rng.range(14.0, 90.0);
    for lane in 0..2 * lanes {
        let y = (lane as f32 - lanes as f32 + 0.5) * 3.5;
        let mut x = left + rng.range(0.0, busy);
        while x < right {
            vehicle(canvas, &frame.at(x, y), &mut rng);
            x += rng.range(9.0, 2.0 * busy);
        }
    }
    match rng.index(4) {
        0 if plot.size > 180.0 => cables(canvas, plot, water, half, &mut rng),
        1 => arches(canvas, plot, water, half, &mut rng),
        _ => {}
    }
}

/// Water along y, with ragged banks and trees on them.
fn river(canvas: &mut Canvas, world: &World, plot: &Plot, half: f32, rng: &mut SplitMix64) {
    let noise = world.noise;
    let frame = &plot.frame;
    let lean = rng.range(-0.25, 0.25);
    let shift = rng.range(0.0, 200.0);
    let wave = 0.16 * half + 5.0;
    let edge = move |x: f32, y: f32| {
        let side = if x < 0.0 { 31.0 } else { 77.0 };
        (x - lean * y).abs() - half
            + wave * noise.smooth(y * 14.0 / (half + 60.0) + shift, side)
            + 2.0 * noise.smooth(y * 0.12, side + 7.0)
    };
    let bank = mix(world.soil, world.sand, rng.range(0.0, 0.8));
    let soft = rng.range(4.0, 16.0);
    let base = mix(world.river, world.deep, rng.range(0.0, 1.0));
    let ripples = rng.range(0.3, 1.0);
    canvas.each(frame, plot.all(), |pixel, x, y| {
        let off = edge(x, y);
        if off > soft {
            return;
        }
        let shore = mix(world.rough(bank, x, y, 0.12, 0.1), *pixel, ease(0.3 * soft, soft, off));
        let deep = ease(0.0, -14.0, off);
        let flow = 0.05 * noise.smooth(x * 0.1, y * 0.03) + ripples * 0.05 * noise.rough(x * 0.7, y * 0.9);
        let water = scale(mix(scale(base, 1.2), base, deep), 1.0 + flow);
        *pixel = mix(shore, water, ease(0.8, -0.8, off));
    });
    let wooded = rng.range(0.1, 0.9);
    let green = plot.lot(plot.all(), 5);
    let middle = plot.seen;
    green.scatter(9.0, 0.0, rng, |place, x, y, rng| {
        let (radius, colour) = (rng.range(1.6, 4.6), leaf(world, rng));
        let off = edge(x - middle, y - middle);
        if off > 5.0 && off < 34.0 && (y - middle).abs() > 22.0 && rng.chance(wooded) {
            tree(canvas, &place, radius, colour);
        }
    });
    if rng.chance(0.35) && half > 50.0 {
        let boat = frame.at(rng.range(-0.4, 0.4) * half, rng.pick(&[-0.7, 0.7]) * half).turned(1.57 - lean);
        let length = rng.range(30.0, 90.0).min(0.8 * half);
        ships::wake(canvas, &boat, length, rng);
        ships::ship(canvas, &boat, length, rng);
    }
}

/// Two towers with cables that run down to the deck, as their shadows do on the water.
fn cables(canvas: &mut Canvas, plot: &Plot, water: f32, half: f32, rng: &mut SplitMix64) {
    let frame = &plot.frame;
    let tower = 0.5 * water;
    let high = 0.22 * plot.size.min(500.0);
    let tip = canvas.shadow_of(frame, high);
    let steel: Rgb = rng.pick(&[[206.0, 204.0, 196.0], [150.0, 66.0, 54.0], [120.0, 126.0, 130.0]]);
    for x in [-tower, tower] {
        for y in [-half, half] {
            let from = (x, y);
            let to = (x + tip.0, y + tip.1);
            let bounds = [
                from.0.min(to.0) - 2.0,
                from.1.min(to.1) - 2.0,
                from.0.max(to.0) + 2.0,
                from.1.max(to.1) + 2.0,
            ];
            canvas.dim(frame, bounds, 0.5, |px, py| {
                crate::sample_scene::canvas::segment_distance((px, py), from, to) - 1.8
            });
        }
        canvas.slab(&frame.at(x, 0.0), (2.2, half + 1.6), |_, y| {
            if y.abs() > half - 1.0 { steel } else { scale(steel, 0.9) }
        });
        for y in [-half + 0.4, half - 0.4] {
            for strand in 1..=7 {
                let out = strand as f32 / 7.0 * 0.95 * tower;
                for to in [x - out, x + out] {
                    canvas.line(frame, (x, y), (to, y * 0.2), 0.3, mix(steel, [236.0, 236.0, 232.0], 0.6));
                }
            }
        }
    }
}

/// Steel arches beside the road, joined above it.
fn arches(canvas: &mut Canvas, plot: &Plot, water: f32, half: f32, rng: &mut SplitMix64) {
    let frame = &plot.frame;
    let steel: Rgb = rng.pick(&[[176.0, 180.0, 180.0], [92.0, 120.0, 110.0], [130.0, 76.0, 64.0]]);
    let tip = canvas.shadow_of(frame, 9.0);
    for side in [-1.0_f32, 1.0] {
        let y = side * (half - 0.5);
        canvas.dim(frame, [-water, -half, water, half], 0.6, |px, py| {
            ((py - y - tip.1).abs() - 0.5).max((px - tip.0).abs() - water)
        });
        canvas.plain(frame, [-water, y - 0.6, water, y + 0.6], steel);
    }
    let step = rng.range(7.0, 11.0);
    let mut x = -water + step;
    let mut up = true;
    while x < water {
        let (from, to) = if up { (-half, half) } else { (half, -half) };
        canvas.line(frame, (x - step, from), (x, to), 0.45, steel);
        canvas.plain(frame, [x - 0.3, -half, x + 0.3, half], steel);
        up = !up;
        x += step;
    }
}

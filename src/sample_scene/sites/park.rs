//! A park: lawns between paths, groups of trees, a pond, a playground.

use super::{Plot, rounded};
use crate::random::SplitMix64;
use crate::sample_scene::canvas::{Canvas, length};
use crate::sample_scene::colour::{Rgb, ease, mix, scale};
use crate::sample_scene::frame::Frame;
use crate::sample_scene::things::trees::{leaf, tree};
use crate::sample_scene::world::World;

/// A path is a wave across the park: where it begins, its height and how fast it swings.
struct Path {
    turn: f32,
    off: f32,
    swing: f32,
    rate: f32,
}

pub fn park(canvas: &mut Canvas, world: &World, plot: &Plot) {
    let mut rng = plot.rng(1);
    let frame = &plot.frame;
    let half = (0.5 * plot.size, 0.5 * plot.size * rng.range(0.65, 1.0));
    // Streets around it, then the pavement, then grass.
    canvas.slab(frame, (half.0 + 9.0, half.1 + 9.0), |x, y| world.rough(world.asphalt, x, y, 0.06, 0.05));
    canvas.slab(frame, (half.0 + 2.5, half.1 + 2.5), |x, y| world.rough(world.concrete, x, y, 0.06, 0.05));
    let lawn = mix(world.lawn, [92.0, 126.0, 72.0], rng.range(0.2, 0.7));
    canvas.slab(frame, half, |x, y| world.rough(lawn, x, y, 0.1, 0.1));

    let paths = paths(half, &mut rng);
    let pond = (rng.range(-0.4, 0.4) * half.0, rng.range(-0.4, 0.4) * half.1);
    let wet = if rng.chance(0.75) { rng.range(0.18, 0.36) * half.1 } else { 0.0 };
    let gravel: Rgb = rng.pick(&[
        [206.0, 194.0, 168.0],
        [186.0, 178.0, 164.0],
        [170.0, 166.0, 160.0],
        [196.0, 170.0, 140.0],
    ]);
    let wide = rng.range(1.4, 2.6);
    let bounds = [-half.0, -half.1, half.0, half.1];
    let on_path =
        |x: f32, y: f32| paths.iter().fold(f32::INFINITY, |near, path| near.min(path.distance(x, y)));
    canvas.fill(frame, bounds, |x, y| on_path(x, y) - wide, |x, y| world.rough(gravel, x, y, 0.05, 0.06));
    // A path goes around the pond, too.
    let shape = |x: f32, y: f32| {
        let (x, y) = (x - pond.0, (y - pond.1) * 1.35);
        length(x, y) - wet * (1.0 + 0.3 * world.noise.smooth(x * 0.4 / (1.0 + 0.1 * wet), y * 0.3))
    };
    if wet > 0.0 {
        canvas.fill(frame, bounds, |x, y| (shape(x, y) - 7.0).abs() - wide, |_, _| gravel);
        canvas.fill(frame, bounds, |x, y| shape(x, y) - 1.0, |_, _| mix(world.soil, world.sand, 0.5));
        let water = mix(world.river, world.deep, rng.range(0.0, 0.6));
        canvas.fill(frame, bounds, shape, |x, y| {
            let deep = ease(0.0, -8.0, shape(x, y));
            scale(water, 1.18 - 0.18 * deep + 0.04 * world.noise.rough(x, y))
        });
    }
    if rng.chance(0.7) {
        let place = frame.at(rng.range(-0.7, 0.7) * half.0, rng.pick(&[-0.66, 0.66]) * half.1);
        playground(canvas, world, &place, &mut rng);
    }
    if rng.chance(0.5) {
        parterre(canvas, world, &frame.at(rng.pick(&[-0.6, 0.6]) * half.0, 0.0), &mut rng);
    }
    let wooded = rng.range(-0.1, 0.5);
    let all = plot.lot(bounds, 2);
    all.scatter(rng.range(6.0, 8.5), 2.0, &mut rng, |place, x, y, rng| {
        let (x, y) = (x - half.0, y - half.1);
        let (radius, colour) = (rng.range(2.2, 5.2), leaf(world, rng));
        let group = world.noise.smooth(x * 0.22 + 40.0, y * 0.22) + wooded;
        let rim = rounded(x, y, half, 0.0) > -9.0;
        let dry = wet == 0.0 || shape(x, y) > 4.0;
        let beside = (on_path(x, y) - wide - 3.5).abs() < 2.0 && rng.chance(0.5);
        if dry && on_path(x, y) > wide + 0.5 * radius && (group > 0.25 || beside || (rim && rng.chance(0.6)))
        {
            tree(canvas, &place, radius, colour);
        }
    });
}

fn paths(half: (f32, f32), rng: &mut SplitMix64) -> Vec<Path> {
    (0..3 + rng.index(4))
        .map(|number| Path {
            turn: number as f32 * 0.9 + rng.range(-0.3, 0.3),
            off: rng.range(-0.45, 0.45) * half.1,
            swing: rng.range(0.02, 0.16) * half.1,
            rate: rng.range(1.5, 4.5) / half.0,
        })
        .collect()
}

impl Path {
    fn distance(&self, x: f32, y: f32) -> f32 {
        let (sin, cos) = self.turn.sin_cos();
        let (along, across) = (x * cos + y * sin, y * cos - x * sin);
        (across - self.off - self.swing * (along * self.rate).sin()).abs()
    }
}

fn playground(canvas: &mut Canvas, world: &World, frame: &Frame, rng: &mut SplitMix64) {
    let half = (rng.range(9.0, 18.0), rng.range(8.0, 14.0));
    canvas.fill(
        frame,
        [-half.0, -half.1, half.0, half.1],
        |x, y| rounded(x, y, half, 6.0),
        |x, y| world.rough(world.sand, x, y, 0.06, 0.06),
    );
    for _ in 0..7 {
        let toy = frame
            .at(rng.range(-0.7, 0.7) * half.0, rng.range(-0.7, 0.7) * half.1)
            .turned(rng.range(0.0, 3.0));
        let colour: Rgb =
            rng.pick(&[[196.0, 70.0, 60.0], [70.0, 110.0, 170.0], [216.0, 186.0, 80.0], [90.0, 140.0, 96.0]]);
        let size = (rng.range(0.8, 3.0), rng.range(0.6, 1.6));
        canvas.box_shadow(&toy, size, 2.5, 0.55);
        canvas.slab(&toy, size, |_, _| colour);
    }
}

/// A formal garden: beds around a round basin.
fn parterre(canvas: &mut Canvas, world: &World, frame: &Frame, rng: &mut SplitMix64) {
    let side = rng.range(16.0, 30.0);
    canvas.slab(frame, (side, side), |x, y| world.rough([204.0, 192.0, 168.0], x, y, 0.05, 0.05));
    let flowers: Rgb = rng.pick(&[[176.0, 84.0, 92.0], [196.0, 160.0, 80.0], [120.0, 96.0, 150.0]]);
    for (x, y) in [(-0.5, -0.5), (0.5, -0.5), (-0.5, 0.5), (0.5, 0.5)] {
        let bed = frame.at(x * side, y * side);
        canvas.slab(&bed, (0.42 * side, 0.42 * side), |x, y| world.rough(world.lawn, x, y, 0.06, 0.08));
        canvas.slab(&bed, (0.2 * side, 0.2 * side), |x, y| world.rough(flowers, x, y, 0.1, 0.2));
    }
    canvas.disc(frame, 0.3 * side, |_, _| [210.0, 202.0, 186.0]);
    canvas.disc(frame, 0.24 * side, |_, _| [104.0, 146.0, 152.0]);
}

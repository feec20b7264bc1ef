//! Mountains: ridges and valleys that water has carved, with woods below, rock and scree above, snow on top.

use super::relief::{Relief, Slope, hills, rugged};
use crate::random::SplitMix64;
use crate::sample_scene::canvas::Canvas;
use crate::sample_scene::colour::{Rgb, ease, mix, scale};
use crate::sample_scene::sites::Plot;
use crate::sample_scene::world::World;

const ROCKS: [Rgb; 7] = [
    [132.0, 122.0, 110.0],
    [150.0, 138.0, 122.0],
    [118.0, 112.0, 108.0],
    [146.0, 120.0, 96.0],
    [164.0, 146.0, 122.0],
    [128.0, 106.0, 88.0],
    [128.0, 112.0, 88.0],
];
/// Heights along a side of the relief while water carves its valleys; it is refined thrice then.
const COARSE: [usize; 4] = [32, 42, 54, 76];
const FINEST: usize = 440;

/// What grows and lies at which height, each from 0 at the lowest to 1 at the highest place.
struct Belts {
    wood: f32,
    grass: f32,
    snow: f32,
}

pub fn mountain(canvas: &mut Canvas, world: &World, plot: &Plot) {
    let mut rng = plot.rng(1);
    let relief = raised(plot, &mut rng);
    let (low, high) = relief.range();
    let span = (high - low).max(1.0);
    let belts = match rng.index(10) {
        // Wooded to the top.
        0..=2 => Belts { wood: rng.range(0.9, 1.5), grass: 2.0, snow: 9.0 },
        // Bare.
        3..=5 => Belts { wood: rng.range(-0.6, -0.1), grass: rng.range(0.0, 0.5), snow: 9.0 },
        6 | 7 => Belts { wood: rng.range(0.2, 0.55), grass: rng.range(0.5, 1.0), snow: 9.0 },
        8 => Belts { wood: rng.range(-0.3, 0.35), grass: rng.range(0.1, 0.5), snow: rng.range(0.5, 0.85) },
        _ => Belts { wood: rng.range(0.5, 0.9), grass: rng.range(0.8, 1.4), snow: 9.0 },
    };
    let rock = scale(rng.pick(&ROCKS), rng.range(0.74, 1.0));
    let grass = mix(
        mix(
            world.meadow,
            rng.pick(&[[136.0, 128.0, 92.0], [104.0, 112.0, 74.0], [150.0, 134.0, 104.0]]),
            0.6,
        ),
        rock,
        0.15,
    );
    let leaf = scale(mix(world.leaf, [52.0, 70.0, 48.0], rng.range(0.0, 0.7)), rng.range(1.0, 1.35));
    let scree = scale(mix(rock, [188.0, 174.0, 154.0], 0.35), 1.02);
    let (sun, tall) = (canvas.sun(&plot.frame), rng.range(0.5, 1.0));
    let unit = 0.12 * plot.size;
    let shift = rng.range(0.0, 200.0);
    let noise = world.noise;
    canvas.each(&plot.frame, plot.all(), |pixel, x, y| {
        let slope = relief.at(x, y);
        let uneven = 0.14 * noise.smooth(x / unit * 6.0 + shift, y / unit * 6.0)
            + 0.05 * noise.rough(x * 0.35, y * 0.35 + shift);
        let height = (slope.height - low) / span + uneven;
        // The side away from the sun keeps more water, so trees climb higher there.
        let shady = 0.16 * (slope.rise.0 * sun.0 + slope.rise.1 * sun.1).clamp(-1.0, 1.0);
        let crowns = noise.rough(x * 0.42, y * 0.42);
        let stone = stone(world, &slope, (rock, scree), x, y);
        let turf =
            scale(grass, 1.0 + 0.1 * noise.smooth(x * 0.4, y * 0.4) + 0.06 * noise.rough(x * 1.4, y * 1.4));
        let bare = ease(belts.grass + 0.12, belts.grass - 0.12, height + 0.35 * (slope.steep() - 0.5));
        let ground = mix(stone, turf, bare);
        let trees = scale(leaf, 0.95 + 0.32 * crowns + 0.1 * noise.smooth(x * 0.2 + shift, y * 0.2));
        let wooded = ease(belts.wood + shady + 0.06, belts.wood + shady - 0.06, height + 0.12 * crowns);
        let cliff = ease(1.25, 1.7, slope.steep());
        let ground = mix(ground, trees, wooded * (1.0 - cliff));
        // Snow slides from what is steep.
        let cold = ease(belts.snow - 0.07, belts.snow + 0.09, height + shady - 0.1 * (slope.steep() - 0.6));
        let ground = mix(ground, [206.0, 211.0, 219.0], cold * ease(1.9, 1.0, slope.steep()));
        *pixel = lit(ground, &slope, sun, tall);
    });
    if rng.chance(0.15) {
        road(canvas, world, plot, &relief, &mut rng);
    }
}

/// The ground in sun and shade, and the blue of the sky in the shade.
fn lit(ground: Rgb, slope: &Slope, sun: (f32, f32), tall: f32) -> Rgb {
    let light = slope.light(sun, tall);
    let light = if light > 1.0 { 1.0 + 0.6 * (light - 1.0) } else { light };
    let sky = scale([ground[0] * 0.88, ground[1] * 0.96, ground[2] * 1.12], 0.32);
    let direct = scale(ground, 0.72 * light.min(1.7));
    [sky[0] + direct[0], sky[1] + direct[1], sky[2] + direct[2]]
}

/// Rock in ribs that run down the slope, and scree where it is less steep.
fn stone(world: &World, slope: &Slope, colours: (Rgb, Rgb), x: f32, y: f32) -> Rgb {
    let noise = world.noise;
    let steep = slope.steep().max(1e-3);
    let across = (slope.rise.0 * y - slope.rise.1 * x) / steep;
    let ribs = noise.smooth(across * 0.25, slope.height * 0.06);
    let loose = ease(0.95, 0.5, steep + 0.2 * ribs);
    let broken = 0.12 * ribs + 0.13 * noise.rough(x * 0.8, y * 0.8) + 0.08 * noise.smooth(x * 0.15, y * 0.15);
    scale(mix(colours.0, colours.1, 0.7 * loose), 1.0 + broken * (1.0 - 0.5 * loose))
}

fn raised(plot: &Plot, rng: &mut SplitMix64) -> Relief {
    let seed = rng.bits();
    let unit = plot.size * rng.range(0.3, 0.8);
    let steepness = rng.range(0.5, 0.95);
    // The fewer the places, the wider the valleys.
    let side = rng.pick(&COARSE);
    let step = 2.0 * plot.seen / side as f32;
    let rough = rng.range(0.12, 0.3) * unit;
    // Crooked ground to begin with, so that no valley is straight.
    let mut relief = Relief::new(side, plot.seen, |x, y| {
        rough * rugged(seed, x / unit, y / unit, 5) + 0.1 * step * hills(seed + 31, x / step, y / step)
    });
    let cut = rng.range(0.3, 0.6);
    let creep = rng.range(0.05, 0.2);
    relief.carve(45, steepness * step * cut, cut, creep);
    for (double, share) in [(2, 0.5), (4, 0.25), (8, 0.125)] {
        let step = share * step;
        // Bent a little, or it would show that water ran along the grid.
        let bend = |seed: u64, x: f32, y: f32| 1.5 * step * rugged(seed, x / step * 0.2, y / step * 0.2, 2);
        relief = Relief::new((double * side).min(FINEST), plot.seen, |x, y| {
            let detail = 0.2 * step * rugged(seed + 40 + double as u64, x / step * 0.3, y / step * 0.3, 3);
            relief.at(x + bend(seed + 50, x, y), y + bend(seed + 60, x, y)).height + detail
        });
        relief.carve(4, 0.0, 0.3 * cut, 0.08);
    }
    relief
}

/// A road along the slope: it follows one height.
fn road(canvas: &mut Canvas, world: &World, plot: &Plot, relief: &Relief, rng: &mut SplitMix64) {
    let (low, high) = relief.range();
    let level = low + (high - low) * rng.range(0.12, 0.4);
    let surface = rng.pick(&[world.asphalt, mix(world.sand, world.concrete, 0.5)]);
    let half = rng.range(2.0, 4.5);
    canvas.fill(
        &plot.frame,
        plot.all(),
        |x, y| {
            let slope = relief.at(x, y);
            (slope.height - level).abs() / slope.steep().max(0.12) - half
        },
        |x, y| world.rough(surface, x, y, 0.06, 0.05),
    );
}

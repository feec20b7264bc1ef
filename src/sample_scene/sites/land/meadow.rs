//! A meadow: grass as far as can be seen, mown or not, with single trees, hedges and a path at times.

use super::relief::{Relief, rugged};
use crate::random::SplitMix64;
use crate::sample_scene::canvas::Canvas;
use crate::sample_scene::colour::{Rgb, ease, mix, scale};
use crate::sample_scene::sites::Plot;
use crate::sample_scene::things::trees::{leaf, tree};
use crate::sample_scene::world::World;

const GRASS: [Rgb; 8] = [
    [92.0, 128.0, 66.0],
    [108.0, 140.0, 78.0],
    [84.0, 116.0, 70.0],
    [120.0, 136.0, 82.0],
    [132.0, 144.0, 92.0],
    [76.0, 110.0, 58.0],
    [112.0, 124.0, 74.0],
    [116.0, 138.0, 74.0],
];

pub fn meadow(canvas: &mut Canvas, world: &World, plot: &Plot) {
    let mut rng = plot.rng(1);
    ground(canvas, world, plot, &mut rng);
    let mown = rng.chance(0.4);
    if mown {
        stripes(canvas, world, plot, &mut rng);
    }
    if rng.chance(0.3) {
        path(canvas, world, plot, &mut rng);
    }
    if rng.chance(0.25) {
        hedge(canvas, world, plot, &mut rng);
    }
    if rng.chance(0.45) {
        let many = rng.range(0.003, 0.03);
        let grouped = rng.range(0.0, 2.5);
        plot.lot(plot.all(), 6).scatter((plot.seen / 40.0).max(7.0), 0.0, &mut rng, |place, x, y, rng| {
            let (radius, colour) = (rng.range(1.0, 5.0), leaf(world, rng));
            let group = 1.0 + grouped * world.noise.smooth(x * 0.08, y * 0.08);
            if rng.chance(many * group) {
                tree(canvas, &place, radius, colour);
            }
        });
    }
}

/// Grass in shades that change slowly, over ground that rolls a little.
fn ground(canvas: &mut Canvas, world: &World, plot: &Plot, rng: &mut SplitMix64) {
    let grass = mix(rng.pick(&GRASS), world.lawn, rng.range(0.0, 0.4));
    let other = mix(grass, rng.pick(&GRASS), rng.range(0.3, 1.0));
    let dry: Rgb = mix(other, rng.pick(&[[164.0, 152.0, 110.0], [150.0, 134.0, 104.0], world.soil]), 0.7);
    let thirst = rng.range(0.5, 1.7);
    let seed = rng.bits();
    let unit = plot.size * rng.range(0.12, 0.6);
    let shades = Relief::new(200, plot.seen, |x, y| rugged(seed, x / unit, y / unit, 6));
    let worn = Relief::new(200, plot.seen, |x, y| rugged(seed + 40, 1.7 * x / unit, 1.7 * y / unit, 6));
    let hilly = if rng.chance(0.35) { rng.range(0.06, 0.25) } else { 0.0 };
    let sun = canvas.sun(&plot.frame);
    let (tufts, fine) = (rng.range(0.02, 0.12), rng.range(0.04, 0.12));
    let coarse = rng.range(0.25, 0.9);
    let shift = rng.range(0.0, 250.0);
    let noise = world.noise;
    canvas.each(&plot.frame, plot.all(), |pixel, x, y| {
        let shade = shades.at(x, y);
        let colour = mix(grass, other, ease(-0.4, 0.4, shade.height));
        let colour = mix(colour, dry, ease(thirst - 0.5, thirst + 0.4, worn.at(x, y).height + 0.5));
        let texture = tufts * noise.smooth(x * coarse + shift, y * coarse)
            + fine * noise.rough(x * 1.8 + shift, y * 1.8);
        let lit = -hilly * (shade.rise.0 * sun.0 + shade.rise.1 * sun.1) * unit * 0.3;
        *pixel = scale(colour, 1.0 + texture + lit.clamp(-0.25, 0.25));
    });
}

/// Where a mower went there, grass is lighter than where it came back; hay may lie in rows.
fn stripes(canvas: &mut Canvas, world: &World, plot: &Plot, rng: &mut SplitMix64) {
    let parts = rng.pick(&[1, 1, 2, 3]);
    let wide = rng.range(2.4, 9.0).max(plot.seen / 130.0);
    let strength = rng.range(0.02, 0.08);
    let hay = rng.chance(0.25);
    let noise = world.noise;
    let frame = plot.frame.turned(rng.range(0.0, 3.1));
    let reach = 1.5 * plot.seen;
    for part in 0..parts {
        let from = -reach + 2.0 * reach * part as f32 / parts as f32;
        let to = from + 2.0 * reach / parts as f32;
        let turned = rng.chance(0.3);
        let light = rng.range(0.93, 1.07);
        canvas.each(&frame, [-reach, from, reach, to], |pixel, x, y| {
            let (along, across) = if turned { (y, x) } else { (x, y) };
            let across = across + 2.5 * noise.smooth(along * 0.02, part as f32 * 9.0);
            let wave = (across * std::f32::consts::PI / wide).sin();
            let there = ease(-0.25, 0.25, wave) * 2.0 - 1.0;
            let row = if hay { ease(0.9, 1.0, wave) * 0.14 } else { 0.0 };
            let even = 0.7 + 0.5 * noise.smooth(x * 0.06, y * 0.06);
            *pixel = scale(*pixel, light * (1.0 + even * (strength * there + row)));
        });
    }
}

fn path(canvas: &mut Canvas, world: &World, plot: &Plot, rng: &mut SplitMix64) {
    let frame = plot.frame.turned(rng.range(0.0, 3.1)).at(0.0, rng.range(-0.35, 0.35) * plot.size);
    let (swing, rate) = (rng.range(0.0, 0.08) * plot.size, rng.range(2.0, 6.0) / plot.size);
    let half = rng.range(0.5, 2.2);
    let earth = mix(world.soil, world.sand, rng.range(0.0, 1.0));
    let reach = 1.5 * plot.seen;
    let noise = world.noise;
    canvas.fill(
        &frame,
        [-reach, -swing - half, reach, swing + half],
        |x, y| (y - swing * (x * rate).sin()).abs() - half - 0.5 * noise.smooth(x * 0.3, y * 0.3),
        |x, y| world.rough(earth, x, y, 0.08, 0.08),
    );
}

fn hedge(canvas: &mut Canvas, world: &World, plot: &Plot, rng: &mut SplitMix64) {
    let frame = plot.frame.turned(rng.pick(&[0.0, 1.57])).at(0.0, rng.range(-0.5, 0.5) * plot.size);
    let gaps = rng.range(0.0, 0.5);
    let tall = rng.range(1.2, 3.6);
    let mut x = -1.5 * plot.seen;
    while x < 1.5 * plot.seen {
        let (radius, colour) = (tall * rng.range(0.6, 1.3), leaf(world, rng));
        if !rng.chance(gaps) {
            tree(canvas, &frame.at(x, rng.range(-0.8, 0.8)), radius, colour);
        }
        x += tall * rng.range(0.9, 1.6);
    }
}

//! Fields: rows of crops in any direction, ploughed earth, orchards, circles watered by a pivot.

use super::houses::gabled;
use super::trees::{leaf, tree};
use crate::random::SplitMix64;
use crate::sample_scene::canvas::Canvas;
use crate::sample_scene::colour::{Rgb, ease, mix, scale};
use crate::sample_scene::lot::Lot;
use crate::sample_scene::world::World;

const CROPS: [Rgb; 9] = [
    [92.0, 128.0, 76.0],
    [76.0, 112.0, 72.0],
    [122.0, 146.0, 92.0],
    [150.0, 156.0, 106.0],
    [186.0, 170.0, 118.0],
    [138.0, 122.0, 104.0],
    [116.0, 104.0, 94.0],
    [98.0, 140.0, 104.0],
    [166.0, 146.0, 116.0],
];

pub fn field(canvas: &mut Canvas, world: &World, lot: &Lot) {
    let mut rng = lot.rng(12);
    let track = mix(world.soil, world.concrete, 0.35);
    canvas.area(&lot.frame, lot.bounds(0.0), |x, y| world.rough(track, x, y, 0.12, 0.1));
    let inner = lot.inset(3.0, 3.0, 3.0, 3.0);
    match rng.index(10) {
        0 | 1 if lot.size.0 > 200.0 && lot.size.1 > 200.0 => pivot(canvas, world, &inner, &mut rng),
        2 => orchard(canvas, world, &inner, &mut rng),
        _ => {
            // Some fields are parted in strips.
            let parts = rng.pick(&[1, 1, 2, 3]);
            let step = inner.size.1 / parts as f32;
            for part in 0..parts {
                let top = part as f32 * step;
                let bottom = top + step - if part + 1 < parts { 2.0 } else { 0.0 };
                rows(canvas, world, &inner.part([0.0, top, inner.size.0, bottom], part), &mut rng);
            }
        }
    }
    if rng.chance(0.3) {
        let barn = inner.frame.at(rng.range(16.0, inner.size.0 - 16.0), rng.range(12.0, inner.size.1 - 12.0));
        canvas.slab(&barn, (17.0, 13.0), |x, y| world.rough(track, x, y, 0.12, 0.1));
        let colour = rng.pick(&[[196.0, 198.0, 200.0], [142.0, 74.0, 62.0], [150.0, 142.0, 132.0]]);
        gabled(canvas, &barn.turned(rng.range(0.0, 1.5)), (10.0, 6.0), 6.0, colour);
    }
}

/// A circle watered from its middle, at a quarter's size; its corners stay dry.
pub fn pivot(canvas: &mut Canvas, world: &World, lot: &Lot, rng: &mut SplitMix64) {
    let dry = mix(world.meadow, world.soil, rng.range(0.2, 0.9));
    canvas.area(&lot.frame, lot.bounds(0.0), |x, y| world.rough(dry, x, y, 0.16, 0.12));
    let radius = 0.5 * lot.size.0.min(lot.size.1) - 2.0;
    let centre = lot.centre();
    let crop = rng.pick(&CROPS);
    let (spacing, angle) = (rng.range(1.8, 4.0), rng.range(0.0, 3.1));
    let arm = rng.range(-3.1, 3.1);
    let noise = world.noise;
    let round = rng.chance(0.5);
    let (sin, cos) = angle.sin_cos();
    canvas.disc(&centre, radius, |x, y| {
        let far = x.hypot(y);
        let across = if round { far } else { x * cos + y * sin };
        let furrow = 0.14 * (across * std::f32::consts::TAU / spacing).sin();
        let wheel = if (far / 24.0).fract() < 0.035 { 0.16 } else { 0.0 };
        let growth = 0.1 * noise.smooth(x * 0.15, y * 0.15);
        scale(crop, 1.0 + furrow - wheel + growth + 0.1 * noise.rough(x * 1.5, y * 1.5))
    });
    canvas.dim(&centre, [-radius, -radius, radius, radius], 1.12, |x, y| {
        let turn = (y.atan2(x) - arm).rem_euclid(std::f32::consts::TAU);
        (x.hypot(y) - radius).max((turn - 0.9) * x.hypot(y))
    });
    let tip = (radius * arm.cos(), radius * arm.sin());
    canvas.line(&centre, (0.6, 0.9), (tip.0 + 0.6, tip.1 + 0.9), 0.8, scale(crop, 0.5));
    canvas.line(&centre, (0.0, 0.0), tip, 0.7, [206.0, 208.0, 206.0]);
    canvas.line(&centre, (0.0, 0.0), (0.0, radius), 2.0, mix(world.soil, world.concrete, 0.4));
}

fn rows(canvas: &mut Canvas, world: &World, lot: &Lot, rng: &mut SplitMix64) {
    let crop = rng.pick(&CROPS);
    let crop = scale(mix(crop, rng.pick(&CROPS), rng.range(0.0, 0.5)), rng.range(0.88, 1.15));
    let earth = scale(mix(world.soil, crop, rng.range(0.0, 0.6)), rng.range(0.62, 1.0));
    let spacing = rng.pick(&[1.6, 2.1, 2.6, 3.4, 4.6, 6.2]) * rng.range(0.9, 1.1);
    let angle =
        if rng.chance(0.6) { rng.pick(&[0.0, std::f32::consts::FRAC_PI_2]) } else { rng.range(0.0, 3.1) };
    let (sin, cos) = angle.sin_cos();
    let bend = if rng.chance(0.25) { rng.range(4.0, 16.0) } else { 0.0 };
    let strength = rng.range(0.4, 1.0);
    let clumps = if rng.chance(0.3) { 0.35 } else { 0.1 };
    let gaps = rng.range(0.1, 0.8);
    let tram = rng.pick(&[0.0, 0.0, 18.0, 24.0, 30.0]);
    let shift = rng.range(0.0, 250.0);
    let noise = world.noise;
    canvas.area(&lot.frame, lot.bounds(0.0), |x, y| {
        let wide = noise.smooth(x * 0.12 + shift, y * 0.12);
        let across = x * cos + y * sin + bend * noise.smooth(x * 0.06 + shift, y * 0.06);
        let wave = 0.5 + 0.5 * (across * std::f32::consts::TAU / spacing).sin();
        let grown = wave * strength * (1.0 - gaps * ease(0.2, 0.7, wide));
        let leaves = noise.rough(x * 2.2 + shift, y * 2.2);
        let colour = mix(earth, crop, (grown + clumps * leaves + (1.0 - strength) * 0.6).clamp(0.0, 1.0));
        let wheel = if tram > 0.0 && (across / tram).fract().abs() < 0.05 { 0.14 } else { 0.0 };
        scale(colour, 1.0 + 0.1 * wide + 0.06 * leaves - wheel - 0.2 * (1.0 - wave) * strength)
    });
}

fn orchard(canvas: &mut Canvas, world: &World, lot: &Lot, rng: &mut SplitMix64) {
    let ground = mix(world.soil, world.meadow, rng.range(0.0, 1.0));
    canvas.area(&lot.frame, lot.bounds(0.0), |x, y| world.rough(ground, x, y, 0.14, 0.1));
    let step = (rng.range(4.6, 6.5), rng.range(5.5, 8.0));
    let size = rng.range(0.36, 0.5) * step.0;
    let colour = leaf(world, rng);
    let mut y = step.1;
    while y < lot.size.1 - 2.0 {
        let mut x = step.0;
        while x < lot.size.0 - 2.0 {
            let (dx, dy, grown) = (rng.range(-0.3, 0.3), rng.range(-0.3, 0.3), rng.range(0.75, 1.1));
            if rng.chance(0.96) {
                tree(canvas, &lot.frame.at(x + dx, y + dy), size * grown, scale(colour, rng.range(0.9, 1.1)));
            }
            x += step.0;
        }
        y += step.1;
    }
}

//! Greenhouses: long spans of glass or plastic, block beside block.

use super::Plot;
use crate::random::SplitMix64;
use crate::sample_scene::canvas::Canvas;
use crate::sample_scene::colour::{Rgb, mix, scale};
use crate::sample_scene::frame::Frame;
use crate::sample_scene::things::houses::gabled;
use crate::sample_scene::world::World;

const SKINS: [Rgb; 6] = [
    [232.0, 234.0, 232.0],
    [214.0, 220.0, 220.0],
    [196.0, 208.0, 206.0],
    [240.0, 238.0, 230.0],
    [182.0, 196.0, 192.0],
    [206.0, 212.0, 222.0],
];

pub fn greenhouses(canvas: &mut Canvas, world: &World, plot: &Plot) {
    let mut rng = plot.rng(1);
    let half = 0.5 * plot.size;
    let ground = mix(world.soil, world.meadow, rng.range(0.0, 0.5));
    canvas.slab(&plot.frame, (half, half), |x, y| world.rough(ground, x, y, 0.1, 0.1));
    // Glass stands in even halls, plastic in odd plots.
    let glass = rng.chance(0.4);
    let skin = rng.pick(&SKINS);
    let mut y = -half;
    while y < half {
        let deep = if glass { rng.range(70.0, 110.0) } else { rng.range(28.0, 80.0) };
        let mut x = -half;
        while x < half {
            let wide = if glass { rng.range(80.0, 170.0) } else { rng.range(30.0, 110.0) };
            let lane = rng.range(3.0, 9.0);
            let place = plot.frame.at(x + 0.5 * wide, y + 0.5 * deep);
            let own = if glass { skin } else { rng.pick(&SKINS) };
            let turned = !glass && rng.chance(0.4);
            let size = (0.5 * (wide - lane), 0.5 * (deep - lane));
            let (place, size) = if turned {
                (place.turned(std::f32::consts::FRAC_PI_2), (size.1, size.0))
            } else {
                (place, size)
            };
            match rng.index(12) {
                0 => pond(canvas, &place, size),
                1 if !glass => {
                    canvas.slab(&place, size, |x, y| {
                        world.rough(world.lawn, x, y + 4.0 * (x * 1.2).sin(), 0.1, 0.15)
                    });
                }
                _ => spans(canvas, &place, size, own, &mut rng),
            }
            x += wide;
        }
        if rng.chance(0.4) {
            let road = [-half, y - 3.0, half, y + 1.5];
            canvas.area(&plot.frame, road, |x, y| world.rough(world.sand, x, y, 0.08, 0.08));
            let hut = plot.frame.at(rng.range(-half, half), y + 6.0);
            gabled(canvas, &hut, (7.0, 5.0), 4.0, [176.0, 120.0, 100.0]);
        }
        y += deep;
    }
}

/// Spans side by side along x, each with a lit and a shaded side, and the crop that shows through.
fn spans(canvas: &mut Canvas, frame: &Frame, half: (f32, f32), skin: Rgb, rng: &mut SplitMix64) {
    let span = rng.range(5.0, 9.5);
    let sun = canvas.sun(frame);
    let noise = canvas.noise;
    let crop = rng.range(0.0, 0.35);
    let shift = rng.range(0.0, 200.0);
    let old = rng.range(0.86, 1.04);
    canvas.box_shadow(frame, half, 4.5, 0.5);
    canvas.slab(frame, half, |x, y| {
        let across = (y / span).rem_euclid(1.0);
        let side = if across < 0.5 { -1.0 } else { 1.0 };
        let lit = 0.1 * side * sun.1;
        let gutter = if (0.05..0.95).contains(&across) { 0.0 } else { -0.28 };
        let bar = if (x / 4.0).rem_euclid(1.0) < 0.07 { -0.05 } else { 0.0 };
        let green = crop * (0.6 + 0.5 * noise.smooth(x * 0.15 + shift, y * 0.15));
        let dirt = 0.06 * noise.smooth(x * 0.05 + shift, y * 0.6);
        scale(mix(skin, [116.0, 138.0, 104.0], green.max(0.0)), old + lit + gutter + bar + dirt)
    });
}

/// Water for the plants.
fn pond(canvas: &mut Canvas, frame: &Frame, half: (f32, f32)) {
    let noise = canvas.noise;
    canvas.slab(frame, half, |x, y| scale([150.0, 136.0, 116.0], 1.0 + 0.08 * noise.rough(x, y)));
    let water = (half.0 * 0.4, half.1 * 0.5);
    canvas.slab(frame, (water.0 + 2.5, water.1 + 2.5), |_, _| [178.0, 172.0, 160.0]);
    canvas.slab(frame, water, |x, y| scale([54.0, 88.0, 92.0], 1.0 + 0.05 * noise.smooth(x * 0.3, y * 0.3)));
}

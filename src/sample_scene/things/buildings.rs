//! Large buildings: flat roofs with what stands on them, and their long shadows.

use super::parking;
use super::trees::{leaf, tree};
use crate::random::SplitMix64;
use crate::sample_scene::canvas::Canvas;
use crate::sample_scene::colour::{Rgb, scale};
use crate::sample_scene::frame::Frame;
use crate::sample_scene::lot::Lot;
use crate::sample_scene::world::World;

const ROOFS: [Rgb; 9] = [
    [214.0, 212.0, 206.0],
    [228.0, 226.0, 220.0],
    [182.0, 176.0, 168.0],
    [156.0, 152.0, 146.0],
    [126.0, 124.0, 122.0],
    [198.0, 184.0, 160.0],
    [104.0, 118.0, 132.0],
    [170.0, 150.0, 132.0],
    [206.0, 204.0, 210.0],
];

/// A block of them; the lot lies within its streets.
pub fn block(canvas: &mut Canvas, world: &World, lot: &Lot) {
    let mut rng = lot.rng(9);
    let lot = if rng.chance(0.5) { lot.turned() } else { *lot };
    let paving = if rng.chance(0.5) { world.concrete } else { scale(world.asphalt, 1.05) };
    canvas.area(&lot.frame, lot.bounds(0.0), |x, y| world.rough(paving, x, y, 0.07, 0.05));
    let (width, height) = lot.size;
    let (columns, rows) = (1 + rng.index(3), 1 + rng.index(3));
    let (columns, rows) = if columns * rows == 1 { (2, 2) } else { (columns, rows) };
    let (step_x, step_y) = (width / columns as f32, height / rows as f32);
    let storey = rng.pick(&[6.0, 9.0, 12.0, 16.0]);
    for row in 0..rows {
        for column in 0..columns {
            let (x, y) = ((column as f32 + 0.5) * step_x, (row as f32 + 0.5) * step_y);
            let frame = lot.frame.at(x, y);
            let half = (0.5 * step_x - rng.range(3.0, 7.0), 0.5 * step_y - rng.range(3.0, 9.0));
            let height = storey * rng.range(0.7, 1.5);
            if columns * rows > 2 && rng.chance(0.14) {
                let number = (row * 4 + column) as u64;
                let bounds = [
                    x - 0.5 * step_x + 2.0,
                    y - 0.5 * step_y + 2.0,
                    x + 0.5 * step_x - 2.0,
                    y + 0.5 * step_y - 2.0,
                ];
                parking::lot_of_cars(canvas, world, &lot.part(bounds, number));
            } else {
                building(canvas, &frame, half, height, &mut rng);
            }
        }
    }
    for _ in 0..rng.index(14) {
        let x = rng.range(0.0, width);
        let y = rng.pick(&[0.8, height - 0.8, step_y]);
        let radius = rng.range(1.2, 2.8);
        let colour = leaf(world, &mut rng);
        tree(canvas, &lot.frame.at(x, y), radius, colour);
    }
}

/// A building around the frame's origin, of one, two or three boxes. Metres.
fn building(canvas: &mut Canvas, frame: &Frame, half: (f32, f32), height: f32, rng: &mut SplitMix64) {
    let roof = scale(rng.pick(&ROOFS), rng.range(0.9, 1.06));
    match rng.index(5) {
        0 | 1 => flat(canvas, frame, half, height, roof, rng),
        2 => {
            // An L.
            flat(canvas, &frame.at(-0.55 * half.0, 0.0), (0.45 * half.0, half.1), height, roof, rng);
            flat(
                canvas,
                &frame.at(0.4 * half.0, 0.5 * half.1),
                (0.6 * half.0, 0.5 * half.1),
                height,
                roof,
                rng,
            );
        }
        3 => {
            // A tower on a base.
            flat(canvas, frame, half, height * 0.6, roof, rng);
            let tower = scale(rng.pick(&ROOFS), rng.range(0.9, 1.06));
            flat(
                canvas,
                &frame.at(0.2 * half.0, -0.2 * half.1),
                (0.5 * half.0, 0.55 * half.1),
                height,
                tower,
                rng,
            );
        }
        _ => {
            // A hall of long, ribbed sheets.
            canvas.box_shadow(frame, half, height, 0.36);
            let noise = canvas.noise;
            canvas.slab(frame, half, |x, y| {
                let rib = 0.035 * (x * 1.9).sin();
                let sheet = 0.05 * noise.rough((x / 7.0).floor() * 3.0, 5.0 + (y / 22.0).floor());
                scale(roof, 1.0 + rib + sheet)
            });
            canvas.slab(frame, (half.0, 0.35), |_, _| scale(roof, 0.84));
            let mut x = -half.0 + 6.0;
            while x < half.0 - 4.0 {
                canvas.plain(frame, [x, -0.6 * half.1, x + 1.1, -0.6 * half.1 + 3.0], [196.0, 206.0, 212.0]);
                canvas.plain(frame, [x, 0.6 * half.1 - 3.0, x + 1.1, 0.6 * half.1], [196.0, 206.0, 212.0]);
                x += 9.0;
            }
        }
    }
}

fn flat(canvas: &mut Canvas, frame: &Frame, half: (f32, f32), height: f32, roof: Rgb, rng: &mut SplitMix64) {
    let noise = canvas.noise;
    canvas.box_shadow(frame, half, height, 0.36);
    canvas.slab(frame, half, |_, _| scale(roof, 1.1));
    let shift = rng.range(0.0, 200.0);
    let inner = (half.0 - 0.7, half.1 - 0.7);
    canvas.slab(frame, inner, |x, y| {
        let stain = 0.1 * noise.smooth(x * 0.35 + shift, y * 0.35) + 0.03 * noise.rough(x * 2.0, y * 2.0);
        scale(roof, 0.95 + stain)
    });
    // The parapet shades the roof's edge.
    let tip = canvas.shadow_of(frame, 1.1);
    canvas.dim(frame, [-inner.0, -inner.1, inner.0, inner.1], 0.62, |x, y| {
        crate::sample_scene::canvas::slab_distance(x, y, inner)
            .max(-crate::sample_scene::canvas::slab_distance(x - tip.0, y - tip.1, inner))
    });
    let units = (half.0 * half.1 * 0.022) as usize + rng.index(3);
    for _ in 0..units.min(24) {
        let (x, y) = (rng.range(-0.8, 0.8) * half.0, rng.range(-0.8, 0.8) * half.1);
        let unit = (rng.range(0.6, 2.2), rng.range(0.6, 1.6));
        if unit.0 > 0.4 * half.0 || unit.1 > 0.4 * half.1 {
            continue;
        }
        let frame = frame.at(x, y);
        canvas.box_shadow(&frame, unit, 1.8, 0.5);
        let grey = rng.range(120.0, 230.0);
        canvas.slab(&frame, unit, |_, _| [grey, grey, grey + 3.0]);
        if rng.chance(0.3) {
            canvas.disc(&frame, 0.5 * unit.1, |_, _| [70.0, 70.0, 72.0]);
        }
    }
}

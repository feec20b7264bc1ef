//! A tank farm: round tanks of one or a few sizes with their shadows, dikes, pipes.

use crate::random::SplitMix64;
use crate::sample_scene::canvas::Canvas;
use crate::sample_scene::colour::{Rgb, mix, scale};
use crate::sample_scene::frame::Frame;
use crate::sample_scene::lot::Lot;
use crate::sample_scene::world::World;

pub fn tank_farm(canvas: &mut Canvas, world: &World, lot: &Lot) {
    let mut rng = lot.rng(1);
    let ground = rng.pick(&[
        scale(world.concrete, 0.86),
        mix(world.soil, world.concrete, 0.5),
        scale(world.asphalt, 1.05),
        mix(world.meadow, world.soil, 0.4),
    ]);
    canvas.area(&lot.frame, lot.bounds(0.0), |x, y| world.rough(ground, x, y, 0.12, 0.07));
    // Quarters of the farm, each with tanks of one size on a lattice.
    let (columns, rows) = ((lot.size.0 / 110.0).round().max(1.0), (lot.size.1 / 110.0).round().max(1.0));
    let (width, height) = (lot.size.0 / columns, lot.size.1 / rows);
    for row in 0..rows as usize {
        for column in 0..columns as usize {
            let (x, y) = (column as f32 * width, row as f32 * height);
            let number = (row * 8 + column) as u64;
            quarter(canvas, world, &lot.part([x + 5.0, y + 5.0, x + width - 5.0, y + height - 5.0], number));
        }
    }
}

fn quarter(canvas: &mut Canvas, world: &World, lot: &Lot) {
    let mut rng = lot.rng(2);
    let (width, height) = lot.size;
    let radius = rng.pick(&[5.0, 7.0, 9.0, 12.0, 16.0, 21.0]) * rng.range(0.9, 1.1);
    let step = radius * rng.range(2.5, 3.1);
    let (columns, rows) = ((width / step).floor().max(1.0), (height / step).floor().max(1.0));
    let dike = scale(mix(world.soil, world.concrete, 0.5), 1.08);
    let edge = |x: f32, y: f32| {
        crate::sample_scene::canvas::slab_distance(
            x - 0.5 * width,
            y - 0.5 * height,
            (0.5 * width - 2.0, 0.5 * height - 2.0),
        )
        .abs()
    };
    canvas.fill(&lot.frame, lot.bounds(0.0), |x, y| edge(x, y) - 1.3, |_, _| dike);
    let (step_x, step_y) = (width / columns, height / rows);
    let style = rng.index(6);
    // Pipes behind the tanks.
    for row in 0..rows as usize {
        let y = (row as f32 + 0.5) * step_y + radius * 0.6;
        for pipe in 0..3 {
            let y = y + 0.9 * pipe as f32;
            canvas.plain(&lot.frame, [3.0, y, width - 3.0, y + 0.4], [176.0, 176.0, 172.0]);
            canvas.plain(&lot.frame, [3.0, y + 0.4, width - 3.0, y + 0.7], [84.0, 82.0, 80.0]);
        }
    }
    for row in 0..rows as usize {
        for column in 0..columns as usize {
            let x = (column as f32 + 0.5) * step_x + rng.range(-0.4, 0.4);
            let y = (row as f32 + 0.5) * step_y + rng.range(-0.4, 0.4);
            let present = rng.chance(0.97);
            let own = if rng.chance(0.85) { style } else { rng.index(6) };
            let size = radius * rng.range(0.92, 1.04);
            if present {
                tank(canvas, &lot.frame.at(x, y), size, own, &mut rng);
            }
        }
    }
}

/// A tank around the frame's origin. The radius is in metres.
fn tank(canvas: &mut Canvas, frame: &Frame, radius: f32, style: usize, rng: &mut SplitMix64) {
    let noise = canvas.noise;
    let height = radius.mul_add(0.35, 6.0).min(15.0);
    canvas.disc(frame, radius + 1.6, |x, y| scale([152.0, 146.0, 136.0], 1.0 + 0.1 * noise.rough(x, y)));
    canvas.disc_shadow(frame, radius, height, 0.38);
    let paint: Rgb = match style {
        0 | 1 => [234.0, 234.0, 230.0],
        2 => [214.0, 212.0, 202.0],
        3 => [170.0, 196.0, 186.0],
        4 => [150.0, 128.0, 108.0],
        _ => [196.0, 198.0, 198.0],
    };
    let paint = scale(paint, rng.range(0.92, 1.05));
    let (dx, dy) = (rng.range(0.0, 200.0), rng.range(0.0, 200.0));
    let sun = canvas.sun(frame);
    canvas.disc(frame, radius, |_, _| scale(paint, 0.86));
    // A roof that is a flat cone, or one that floats deep inside and so lies in the rim's shade.
    if style == 5 {
        let floor = rng.pick(&[[150.0, 140.0, 130.0], [176.0, 168.0, 156.0], [138.0, 104.0, 82.0]]);
        canvas.disc(frame, radius - 0.6, |x, y| {
            scale(floor, 1.0 + 0.12 * noise.rough(x * 0.9 + dx, y * 0.9 + dy))
        });
        let depth = rng.range(1.0, 5.0);
        let tip = canvas.shadow_of(frame, depth);
        let inner = radius - 0.6;
        canvas.dim(frame, [-inner, -inner, inner, inner], 0.45, |x, y| {
            (x.hypot(y) - inner).max(inner - (x - tip.0).hypot(y - tip.1))
        });
    } else {
        canvas.disc(frame, radius - 0.45, |x, y| {
            let far = x.hypot(y).max(0.1);
            let lit = (x * sun.0 + y * sun.1) / far;
            let rust = (noise.smooth(x * 0.7 + dx, y * 0.7 + dy) - 0.35).max(0.0);
            let streak = 0.03 * noise.rough(x * 1.5 + dy, y * 1.5);
            mix(
                scale(paint, 1.0 + 0.07 * lit + streak),
                [140.0, 96.0, 70.0],
                rust * if style >= 3 { 0.9 } else { 0.25 },
            )
        });
        canvas.disc(frame, 0.8, |_, _| scale(paint, 0.8));
        canvas.line(frame, (0.0, 0.0), (radius * 0.95, 0.0), 0.5, scale(paint, 0.9));
    }
    // The stairs that wind around it.
    let angle = rng.range(0.0, 6.2);
    for step in 0..8 {
        let (sin, cos) = (angle + 0.12 * step as f32).sin_cos();
        canvas.disc(&frame.at(cos * radius, sin * radius), 0.55, |_, _| [120.0, 120.0, 118.0]);
    }
}

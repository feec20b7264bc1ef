//! A roundabout: a ring of road around an island, and the roads that meet there.

use super::Plot;
use crate::sample_scene::canvas::{Canvas, length};
use crate::sample_scene::colour::{Rgb, mix, scale};
use crate::sample_scene::things::roads::WHITE;
use crate::sample_scene::things::trees::{leaf, tree};
use crate::sample_scene::things::vehicles::vehicle;
use crate::sample_scene::world::World;

pub fn roundabout(canvas: &mut Canvas, world: &World, plot: &Plot) {
    let mut rng = plot.rng(1);
    let outer = 0.5 * plot.size * rng.range(0.62, 0.8);
    let ring = if outer > 22.0 { rng.range(8.0, 11.0) } else { rng.range(5.5, 7.0) };
    let inner = outer - ring;
    let arms = 3 + rng.index(3);
    let lane = if ring > 8.0 { 6.8 } else { 3.6 };
    let surface = scale(world.asphalt, rng.range(0.85, 1.1));
    let paving: Rgb = world.concrete;
    let green = mix(world.lawn, world.meadow, rng.range(0.0, 0.6));
    let around = outer + rng.range(8.0, 20.0);
    canvas.disc(&plot.frame, around, |x, y| world.rough(green, x, y, 0.1, 0.1));

    let start = rng.range(0.0, 6.2);
    let angles: Vec<f32> = (0..arms)
        .map(|arm| start + std::f32::consts::TAU * (arm as f32 + rng.range(-0.14, 0.14)) / arms as f32)
        .collect();
    // Pavements first, then all asphalt, so that nothing crosses the roads.
    canvas.disc(&plot.frame, outer + 2.6, |x, y| world.rough(paving, x, y, 0.06, 0.05));
    for &angle in &angles {
        let arm = plot.frame.turned(angle);
        canvas.area(&arm, [inner, -lane - 2.6, plot.seen, lane + 2.6], |x, y| {
            world.rough(paving, x, y, 0.06, 0.05)
        });
    }
    for &angle in &angles {
        let arm = plot.frame.turned(angle);
        let paint = |x: f32, y: f32| world.rough(surface, x, y, 0.06, 0.05);
        // The mouth is wider than the road.
        canvas.fill(
            &arm,
            [inner, -2.0 * lane, outer + 16.0, 2.0 * lane],
            |x, y| y.abs() - lane - 5.0 * ((outer + 13.0 - x) / 13.0).clamp(0.0, 1.0).powi(2),
            paint,
        );
        canvas.area(&arm, [inner, -lane, plot.seen, lane], paint);
    }
    canvas.fill(
        &plot.frame,
        [-outer, -outer, outer, outer],
        |x, y| length(x, y) - outer,
        |x, y| {
            let track = 0.04 * ((length(x, y) - inner) * 1.7).cos();
            scale(world.rough(surface, x, y, 0.06, 0.05), 1.0 - track)
        },
    );
    for &angle in &angles {
        let arm = plot.frame.turned(angle);
        // An island parts those who come from those who go.
        canvas.fill(
            &arm,
            [outer + 1.0, -3.0, outer + 15.0, 3.0],
            |x, y| y.abs() - 2.2 * ((outer + 15.0 - x) / 14.0),
            |x, y| world.rough(if ring > 8.0 { green } else { paving }, x, y, 0.1, 0.08),
        );
        canvas.plain(&arm, [outer + 15.0, -0.12, plot.seen, 0.12], WHITE);
        let mut stripe = -lane + 0.6;
        while stripe < lane {
            canvas.plain(&arm, [outer + 5.0, stripe, outer + 8.0, stripe + 0.5], WHITE);
            canvas.plain(&arm, [outer - 0.3, stripe, outer + 0.1, stripe + 0.6], WHITE);
            stripe += 1.2;
        }
        let mut x = outer + rng.range(3.0, 40.0);
        while x < plot.seen {
            let side = if rng.chance(0.5) { 1.0 } else { -1.0 };
            vehicle(canvas, &arm.at(x, side * 0.5 * lane), &mut rng);
            x += rng.range(8.0, 50.0);
        }
    }
    if ring > 8.0 {
        let middle = inner + 0.5 * ring;
        canvas.fill(
            &plot.frame,
            [-outer, -outer, outer, outer],
            |x, y| ((length(x, y) - middle).abs() - 0.08).max((x.atan2(y) * 9.0).sin() * middle * 0.1),
            |_, _| WHITE,
        );
    }
    for _ in 0..2 + rng.index(6) {
        let angle = rng.range(0.0, 6.2);
        let at = inner + ring * rng.pick(&[0.3, 0.7]);
        let place = plot.frame.at(at * angle.cos(), at * angle.sin()).turned(angle + 1.57);
        vehicle(canvas, &place, &mut rng);
    }
    island(canvas, world, plot, inner, &mut rng);
}

fn island(canvas: &mut Canvas, world: &World, plot: &Plot, radius: f32, rng: &mut crate::random::SplitMix64) {
    canvas.disc(&plot.frame, radius, |_, _| scale(world.concrete, 1.1));
    canvas.disc(&plot.frame, radius - 0.5, |x, y| {
        let kerb: Rgb = [152.0, 112.0, 98.0];
        if length(x, y) > radius - 2.2 { kerb } else { world.rough(world.lawn, x, y, 0.1, 0.1) }
    });
    match rng.index(4) {
        0 => {
            // A fountain, or a monument.
            let basin = 0.36 * radius;
            canvas.disc(&plot.frame, basin + 2.0, |_, _| scale(world.concrete, 1.05));
            canvas.disc(&plot.frame, basin, |x, y| world.rough([96.0, 138.0, 144.0], x, y, 0.06, 0.05));
            canvas.disc_shadow(&plot.frame, 0.5, 6.0, 0.5);
            canvas.disc(&plot.frame, 1.0, |_, _| [230.0, 232.0, 232.0]);
        }
        1 => {
            // Beds of flowers.
            let flowers = rng.pick(&[[176.0, 76.0, 84.0], [206.0, 170.0, 72.0], [140.0, 100.0, 150.0]]);
            canvas.disc(&plot.frame, 0.62 * radius, |x, y| world.rough(flowers, x, y, 0.14, 0.2));
            canvas.disc(&plot.frame, 0.42 * radius, |x, y| world.rough(world.lawn, x, y, 0.1, 0.1));
        }
        2 => {}
        _ => {
            for _ in 0..(radius * 0.9) as usize {
                let (angle, far) = (rng.range(0.0, 6.3), 0.7 * radius * rng.unit().sqrt());
                let (size, colour) = (rng.range(1.2, 3.2).min(0.4 * radius), leaf(world, rng));
                tree(canvas, &plot.frame.at(far * angle.cos(), far * angle.sin()), size, colour);
            }
        }
    }
}

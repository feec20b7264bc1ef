//! Ships at berth: a quay with cranes and stacks, and ships alongside.

use super::{Plot, ships};
use crate::random::SplitMix64;
use crate::sample_scene::canvas::Canvas;
use crate::sample_scene::colour::{Rgb, scale};
use crate::sample_scene::frame::Frame;
use crate::sample_scene::things::buildings;
use crate::sample_scene::things::vehicles::truck;
use crate::sample_scene::world::World;

const BOXES: [Rgb; 7] = [
    [170.0, 66.0, 54.0],
    [64.0, 92.0, 140.0],
    [196.0, 196.0, 192.0],
    [92.0, 128.0, 96.0],
    [206.0, 132.0, 62.0],
    [120.0, 88.0, 70.0],
    [90.0, 96.0, 104.0],
];

/// The quay's edge runs along x through the middle; water lies at small y.
pub fn berths(canvas: &mut Canvas, world: &World, plot: &Plot) {
    let mut rng = plot.rng(1);
    let frame = &plot.frame;
    let [left, top, right, bottom] = plot.all();
    let edge = rng.range(-0.06, 0.14) * plot.size;
    ships::water(canvas, world, plot, [left, top, right, edge], 0.35);
    canvas.area(frame, [left, edge, right, bottom], |x, y| {
        let slab =
            if (x / 20.0).rem_euclid(1.0) < 0.02 || (y / 20.0).rem_euclid(1.0) < 0.02 { 0.06 } else { 0.0 };
        scale(world.rough(scale(world.concrete, 0.86), x, y, 0.1, 0.05), 1.0 - slab)
    });
    let wall = 3.0;
    canvas.dim(frame, [left, edge - 6.0, right, edge], 0.6, |_, y| (y - edge + 2.0).abs() - 2.0);
    canvas.plain(frame, [left, edge, right, edge + wall], scale(world.concrete, 1.15));
    for y in [6.0, 30.0] {
        canvas.plain(frame, [left, edge + y - 0.5, right, edge + y + 0.5], [104.0, 96.0, 90.0]);
    }
    yard(canvas, world, plot, edge, &mut rng);

    // As many ships as fit between what is seen of the quay.
    let length = (plot.size * rng.range(0.3, 0.65)).clamp(60.0, 330.0);
    let mut x = left + rng.range(0.0, 0.4) * length;
    while x < right {
        let own = length * rng.range(0.75, 1.0);
        let beam = own * 0.085 + 3.0;
        let way = if rng.chance(0.5) { 0.0 } else { std::f32::consts::PI };
        if rng.chance(0.85) {
            ships::ship(canvas, &frame.at(x + 0.5 * own, edge - beam - 1.0).turned(way), own, &mut rng);
        }
        x += own + rng.range(12.0, 50.0);
    }
    if length > 120.0 {
        let mut x = left + rng.range(10.0, 60.0);
        while x < right {
            crane(canvas, &frame.at(x, edge), &mut rng);
            x += rng.range(45.0, 160.0);
        }
    }
}

/// A gantry crane: legs on two rails, and a boom over the ship.
fn crane(canvas: &mut Canvas, frame: &Frame, rng: &mut SplitMix64) {
    let steel: Rgb =
        rng.pick(&[[70.0, 96.0, 150.0], [186.0, 70.0, 60.0], [212.0, 176.0, 80.0], [216.0, 218.0, 218.0]]);
    let boom = rng.range(24.0, 50.0);
    let tip = canvas.shadow_of(frame, 30.0);
    canvas.dim(frame, [tip.0 - 4.0, -boom + tip.1, tip.0 + 4.0, 44.0 + tip.1], 0.6, |x, _| {
        (x - tip.0).abs() - 2.2
    });
    for x in [-9.0_f32, 9.0] {
        canvas.plain(frame, [x - 0.9, 4.0, x + 0.9, 32.0], scale(steel, 0.85));
    }
    for y in [6.0_f32, 30.0] {
        canvas.plain(frame, [-9.0, y - 0.9, 9.0, y + 0.9], steel);
    }
    for x in [-2.2_f32, 2.2] {
        canvas.plain(frame, [x - 0.7, -boom, x + 0.7, 44.0], steel);
    }
    let mut y = -boom;
    while y < 42.0 {
        canvas.plain(frame, [-2.2, y, 2.2, y + 0.5], steel);
        y += 6.0;
    }
    canvas.plain(frame, [-3.6, 32.0, 3.6, 42.0], scale(steel, 1.1));
}

/// Stacks of containers, or warehouses, behind the cranes.
fn yard(canvas: &mut Canvas, world: &World, plot: &Plot, edge: f32, rng: &mut SplitMix64) {
    let [left, _, right, bottom] = plot.all();
    let stacks = rng.chance(0.65);
    let mut y = edge + 42.0;
    let mut row = 0;
    while y < bottom {
        let deep = rng.range(26.0, 36.0);
        let mut x = left + rng.range(0.0, 30.0);
        while x < right {
            let wide = rng.range(60.0, 130.0);
            if stacks {
                stack(canvas, &plot.frame.at(x, y), (wide, deep - 10.0), rng);
            } else if row % 2 == 0 {
                let lot = plot.lot([x, y, x + wide, y + 60.0], (row * 64) + (x - left) as u64);
                buildings::block(canvas, world, &lot);
            }
            x += wide + rng.range(12.0, 22.0);
        }
        for _ in 0..4 {
            truck(canvas, &plot.frame.at(rng.range(left, right), y + deep - 5.0), rng);
        }
        y += if stacks { deep } else { 36.0 };
        row += 1;
    }
}

fn stack(canvas: &mut Canvas, frame: &Frame, size: (f32, f32), rng: &mut SplitMix64) {
    let full = rng.range(0.6, 1.0);
    let rows = (size.1 / 2.6) as usize;
    let columns = (size.0 / 12.6) as usize;
    for column in 0..columns {
        for row in 0..rows {
            let place = frame.at(12.6 * column as f32 + 6.1, 2.6 * row as f32 + 1.2);
            let colour = scale(rng.pick(&BOXES), rng.range(0.85, 1.12));
            let tiers = 1 + rng.index(4);
            if rng.chance(full) {
                if row + 1 == rows || row == 0 {
                    canvas.box_shadow(&place, (6.05, 1.2), 2.6 * tiers as f32, 0.5);
                }
                canvas.slab(&place, (6.05, 1.2), |x, _| scale(colour, 1.0 + 0.05 * (x * 9.0).sin()));
            }
        }
    }
}

//! Homes: houses with hipped or gabled roofs, gardens, drives, pools; and mobile homes.

use super::trees::{leaf, tree};
use super::vehicles::car;
use crate::random::SplitMix64;
use crate::sample_scene::canvas::Canvas;
use crate::sample_scene::colour::{Rgb, ease, mix, scale};
use crate::sample_scene::frame::Frame;
use crate::sample_scene::lot::Lot;
use crate::sample_scene::world::World;

const ROOFS: [Rgb; 12] = [
    [132.0, 126.0, 122.0],
    [112.0, 108.0, 108.0],
    [150.0, 142.0, 134.0],
    [138.0, 112.0, 98.0],
    [164.0, 116.0, 94.0],
    [176.0, 132.0, 108.0],
    [188.0, 166.0, 134.0],
    [206.0, 186.0, 152.0],
    [212.0, 208.0, 202.0],
    [96.0, 94.0, 98.0],
    [122.0, 118.0, 128.0],
    [156.0, 136.0, 120.0],
];

/// What makes a quarter of homes.
#[derive(Clone, Copy)]
pub struct Quarter {
    /// How wide and how deep a plot is, metres.
    plot: (f32, f32),
    /// How much of the plot's width and depth the house takes.
    cover: (f32, f32),
    trees: f32,
    pools: f32,
    green: f32,
}

pub fn dense(rng: &mut SplitMix64) -> Quarter {
    Quarter {
        plot: (rng.range(11.5, 15.5), rng.range(22.0, 28.0)),
        cover: (rng.range(0.72, 0.9), rng.range(0.58, 0.74)),
        trees: rng.range(0.2, 1.4),
        pools: 0.03,
        green: rng.range(0.1, 0.8),
    }
}

pub fn medium(rng: &mut SplitMix64) -> Quarter {
    Quarter {
        plot: (rng.range(18.0, 25.0), rng.range(26.0, 30.0)),
        cover: (rng.range(0.55, 0.72), rng.range(0.42, 0.55)),
        trees: rng.range(0.8, 5.0),
        pools: rng.pick(&[0.0, 0.1, 0.3]),
        green: rng.range(0.3, 1.0),
    }
}

/// A block of houses along both sides of a lane; the lot lies within its streets.
pub fn quarter(canvas: &mut Canvas, world: &World, lot: &Lot, style: Quarter) {
    let mut rng = lot.rng(3);
    let lot = if rng.chance(0.5) { lot.turned() } else { *lot };
    let (width, height) = lot.size;
    let garden = mix(mix(world.soil, world.meadow, 0.5), world.lawn, style.green);
    canvas.area(&lot.frame, lot.bounds(0.0), |x, y| world.rough(garden, x, y, 0.16, 0.16));
    let roofs = [rng.pick(&ROOFS), rng.pick(&ROOFS), rng.pick(&ROOFS)];
    let alike = rng.chance(0.5);
    let angle = rng.range(-0.02, 0.02);
    // Pairs of rows back to back with lanes between the pairs.
    let lane = 9.0;
    let pairs = ((height + lane) / (2.0 * style.plot.1 + lane)).round().max(1.0);
    let depth = (height - (pairs - 1.0) * lane) / (2.0 * pairs);
    let plots = (width / style.plot.0).floor().max(1.0);
    let plot_width = width / plots;
    for pair in 0..pairs as usize {
        let top = pair as f32 * (2.0 * depth + lane);
        if pair > 0 {
            lane_between(canvas, world, &lot.frame.at(0.0, top - lane), (width, lane), &mut rng);
        }
        for (top, upwards) in [(top, true), (top + depth, false)] {
            for plot in 0..plots as usize {
                let frame =
                    lot.frame.at((plot as f32 + 0.5) * plot_width, if upwards { top } else { top + depth });
                // In the plot's own metres the street is at y = 0 and the garden at large y.
                let frame = if upwards { frame } else { frame.mirrored_y() };
                let roof = if alike { roofs[rng.index(3)] } else { rng.pick(&ROOFS) };
                plot_of(canvas, world, &frame.turned(angle), (plot_width, depth), style, roof, &mut rng);
            }
        }
    }
}

fn lane_between(canvas: &mut Canvas, world: &World, frame: &Frame, size: (f32, f32), rng: &mut SplitMix64) {
    canvas.area(frame, [0.0, 0.0, size.0, size.1], |x, y| world.rough(world.concrete, x, y, 0.06, 0.05));
    canvas.area(frame, [0.0, 1.2, size.0, size.1 - 1.2], |x, y| world.rough(world.asphalt, x, y, 0.07, 0.05));
    let mut x = rng.range(4.0, 20.0);
    while x < size.0 - 4.0 {
        let y = if rng.chance(0.5) { 2.4 } else { size.1 - 2.4 };
        car(canvas, &frame.at(x, y), rng);
        x += rng.range(7.0, 34.0);
    }
}

fn plot_of(
    canvas: &mut Canvas,
    world: &World,
    frame: &Frame,
    size: (f32, f32),
    style: Quarter,
    roof: Rgb,
    rng: &mut SplitMix64,
) {
    let (width, depth) = size;
    let half = (
        0.5 * width * style.cover.0 * rng.range(0.88, 1.05),
        0.5 * depth * style.cover.1 * rng.range(0.9, 1.08),
    );
    let setback = rng.range(3.5, 6.5).min(depth - 2.0 * half.1 - 1.0).max(1.5);
    let middle = (rng.range(-0.06, 0.06) * width, setback + half.1);
    // Lawns differ between neighbours; fences part them.
    let lawn = mix(world.meadow, world.lawn, (style.green + rng.range(-0.4, 0.4)).clamp(0.0, 1.0));
    let light = rng.range(0.85, 1.12);
    canvas.area(frame, [-0.5 * width + 0.3, 0.4, 0.5 * width - 0.3, depth - 0.3], |x, y| {
        scale(world.rough(lawn, x + middle.0 * 90.0, y, 0.16, 0.16), light)
    });
    canvas.plain(frame, [0.5 * width - 0.15, setback, 0.5 * width + 0.15, depth], [112.0, 104.0, 96.0]);
    let drive = if rng.chance(0.5) { -1.0 } else { 1.0 } * half.0 * rng.range(0.3, 0.75);
    let pave = scale(world.concrete, rng.range(0.85, 1.1));
    canvas.area(frame, [drive - 2.6, 0.0, drive + 2.6, setback + 2.0], |x, y| {
        world.rough(pave, x, y, 0.05, 0.05)
    });
    if rng.chance(0.4) {
        let turned =
            frame.at(drive + rng.range(-1.0, 1.0), setback - 2.2).turned(std::f32::consts::FRAC_PI_2);
        car(canvas, &turned, rng);
    }
    let behind = middle.1 + half.1;
    if rng.chance(0.35) {
        let patio =
            [middle.0 - 0.5 * half.0, behind, middle.0 + 0.6 * half.0, (behind + 4.0).min(depth - 0.5)];
        canvas.plain(frame, patio, scale(world.concrete, 0.96));
    }
    if rng.chance(style.pools) && depth - behind > 6.0 {
        pool(canvas, &frame.at(rng.range(-0.2, 0.2) * width, 0.5 * (behind + depth)), rng);
    }
    let house_frame = frame.at(middle.0, middle.1);
    house(canvas, &house_frame, half, roof, rng);
    let count = style.trees * rng.range(0.3, 1.6) + rng.unit();
    for _ in 0..count as usize {
        let back = rng.chance(0.7);
        let y = if back { rng.range(behind, depth) } else { rng.range(0.5, setback) };
        let radius = rng.range(1.3, if back { 5.2 } else { 3.4 });
        let colour = leaf(world, rng);
        tree(canvas, &frame.at(rng.range(-0.48, 0.48) * width, y), radius, colour);
    }
    if rng.chance(0.3) && depth - behind > 5.0 {
        let shed = frame.at(rng.range(-0.35, 0.35) * width, depth - 2.4);
        let colour = rng.pick(&ROOFS);
        gabled(canvas, &shed, (1.7, 1.3), 2.4, colour);
    }
}

fn pool(canvas: &mut Canvas, frame: &Frame, rng: &mut SplitMix64) {
    let half = (rng.range(3.0, 4.6), rng.range(1.6, 2.4));
    canvas.slab(frame, (half.0 + 1.3, half.1 + 1.3), |_, _| [206.0, 198.0, 184.0]);
    let noise = canvas.noise;
    canvas.slab(frame, half, |x, y| scale([84.0, 176.0, 188.0], 1.0 + 0.08 * noise.rough(x * 2.0, y * 2.0)));
}

/// A house around the frame's origin: one roof, or two that cross. Metres.
fn house(canvas: &mut Canvas, frame: &Frame, half: (f32, f32), roof: Rgb, rng: &mut SplitMix64) {
    let height = rng.pick(&[4.5, 5.0, 7.0]);
    let roof = scale(roof, rng.range(0.88, 1.1));
    let hip = rng.chance(0.6);
    let build = if hip { hipped } else { gabled };
    match rng.index(4) {
        0 => build(canvas, frame, half, height, roof),
        1 => {
            // A wing to the street.
            let side = if rng.chance(0.5) { 0.5 } else { -0.5 };
            build(canvas, &frame.at(0.0, 0.25 * half.1), (half.0, half.1 * 0.75), height, roof);
            let wing = frame.at(side * half.0, -0.2 * half.1);
            build(canvas, &wing, (half.0 * 0.48, half.1 * 0.8), height, roof);
        }
        2 => {
            // A wing to the garden.
            let side = if rng.chance(0.5) { 0.42 } else { -0.42 };
            build(canvas, &frame.at(0.0, -0.3 * half.1), (half.0, half.1 * 0.7), height, roof);
            build(
                canvas,
                &frame.at(side * half.0, 0.25 * half.1),
                (half.0 * 0.55, half.1 * 0.75),
                height,
                roof,
            );
        }
        _ => {
            // A garage with a lower roof.
            build(canvas, &frame.at(-0.3 * half.0, 0.0), (half.0 * 0.7, half.1), height, roof);
            let garage = frame.at(0.66 * half.0, -0.25 * half.1);
            build(canvas, &garage, (half.0 * 0.36, half.1 * 0.62), height * 0.7, roof);
        }
    }
    if rng.chance(0.5) {
        canvas.slab(&frame.at(0.2 * half.0, 0.1 * half.1), (0.5, 0.5), |_, _| [84.0, 80.0, 78.0]);
    }
}

/// A roof with four slopes.
pub fn hipped(canvas: &mut Canvas, frame: &Frame, half: (f32, f32), height: f32, colour: Rgb) {
    roof(canvas, frame, half, height, colour, true);
}

/// A roof with two slopes.
pub fn gabled(canvas: &mut Canvas, frame: &Frame, half: (f32, f32), height: f32, colour: Rgb) {
    roof(canvas, frame, half, height, colour, false);
}

fn roof(canvas: &mut Canvas, frame: &Frame, half: (f32, f32), height: f32, colour: Rgb, hip: bool) {
    // The ridge runs along the longer side.
    let swap = half.1 > half.0;
    let (long, short) = if swap { (half.1, half.0) } else { half };
    let sun = canvas.sun(frame);
    let sun = if swap { (sun.1, sun.0) } else { sun };
    let noise = canvas.noise;
    canvas.box_shadow(frame, half, height, 0.42);
    canvas.slab(frame, half, |x, y| {
        let (along, across) = if swap { (y, x) } else { (x, y) };
        let (end, side) = (long - along.abs(), short - across.abs());
        let lit = if hip && end < side { sun.0 * along.signum() } else { sun.1 * across.signum() };
        let ridge = if hip {
            (end - side).abs().min(across.abs() + if end < side { 9.0 } else { 0.0 })
        } else {
            across.abs()
        };
        let courses = 0.03 * noise.rough(along * 0.6, side * 3.0);
        let worn = 0.06 * noise.rough(x * 0.8 + half.0 * 31.0, y * 0.8);
        scale(colour, 1.0 + 0.24 * lit + courses + worn + 0.07 * (1.0 - ease(0.0, 0.5, ridge)))
    });
}

/// Few houses on large plots among grass and trees.
pub fn sparse(canvas: &mut Canvas, world: &World, lot: &Lot) {
    let mut rng = lot.rng(4);
    let noise = world.noise;
    let ground = mix(world.meadow, world.lawn, rng.range(0.1, 0.9));
    canvas.area(&lot.frame, lot.bounds(0.0), |x, y| {
        let worn = ease(0.25, 0.8, noise.smooth(x * 0.4, y * 0.4));
        world.rough(mix(ground, world.soil, 0.5 * worn), x, y, 0.13, 0.12)
    });
    let spacing = rng.range(52.0, 74.0);
    let (columns, rows) = ((lot.size.0 / spacing).round().max(1.0), (lot.size.1 / spacing).round().max(1.0));
    let (width, height) = (lot.size.0 / columns, lot.size.1 / rows);
    let wooded = rng.range(0.08, 0.5);
    for row in (1..rows as usize).step_by(2) {
        let lane = lot.frame.at(0.0, row as f32 * height);
        let paved = mix(world.asphalt, world.soil, 0.3);
        let bend = |x: f32| 9.0 * noise.smooth(x * 0.12, row as f32 * 31.5);
        let width = lot.size.0;
        canvas.fill(
            &lane,
            [0.0, -14.0, width, 14.0],
            |x, y| (y - bend(x)).abs() - 2.8,
            |x, y| world.rough(paved, x, y, 0.08, 0.07),
        );
    }
    // The trees come first, and leave a yard around each house.
    let on_lane = |y: f32| {
        let row = (y / height).round();
        row % 2.0 == 1.0 && (y - row * height).abs() < 9.0
    };
    let yard = |x: f32, y: f32| {
        ((x / width).fract() - 0.5).abs() * width < 18.0 && ((y / height).fract() - 0.5).abs() * height < 16.0
            || on_lane(y)
    };
    lot.scatter(8.0, 3.0, &mut rng, |frame, x, y, rng| {
        let dense = noise.smooth(x * 0.25 + 40.0, y * 0.25);
        let radius = rng.range(1.6, 5.0);
        let colour = leaf(world, rng);
        if rng.chance(wooded + 0.5 * dense) && !yard(x, y) {
            tree(canvas, &frame, radius, colour);
        }
    });
    for row in 0..rows as usize {
        for column in 0..columns as usize {
            let (x, y) = ((column as f32 + 0.5) * width, (row as f32 + 0.5) * height);
            let frame = lot.frame.at(x + rng.range(-7.0, 7.0), y + rng.range(-6.0, 6.0));
            // Every second row turns to the lane between them.
            let frame = if row % 2 == 0 { frame.mirrored_y() } else { frame }.turned(rng.range(-0.6, 0.6));
            homestead(canvas, world, &frame, 0.5 * width, &mut rng);
        }
    }
}

fn homestead(canvas: &mut Canvas, world: &World, frame: &Frame, reach: f32, rng: &mut SplitMix64) {
    let pave = mix(world.concrete, world.soil, rng.range(0.0, 0.8));
    let side = rng.range(-0.4, 0.4) * reach;
    canvas.line(frame, (0.0, 0.0), (side, -reach), 3.2, pave);
    canvas.area(frame, [-8.0, -14.0, 4.0, -4.0], |x, y| world.rough(pave, x, y, 0.07, 0.06));
    if rng.chance(0.7) {
        let turned = frame.at(-5.0, -10.5).turned(rng.range(0.0, 3.0));
        car(canvas, &turned, rng);
    }
    if rng.chance(0.35) {
        pool(canvas, &frame.at(rng.range(-6.0, 6.0), 13.0), rng);
    }
    let half = (rng.range(8.0, 13.0), rng.range(5.0, 8.0));
    let colour = rng.pick(&ROOFS);
    house(canvas, frame, half, colour, rng);
    if rng.chance(0.5) {
        let colour = rng.pick(&ROOFS);
        gabled(
            canvas,
            &frame.at(half.0 + rng.range(6.0, 9.0), rng.range(-6.0, 6.0)),
            (3.6, 3.0),
            4.0,
            colour,
        );
    }
    for _ in 0..2 + rng.index(4) {
        let angle = rng.range(0.0, std::f32::consts::TAU);
        let far = rng.range(13.0, 19.0);
        let radius = rng.range(1.5, 4.0);
        let colour = leaf(world, rng);
        tree(canvas, &frame.at(far * angle.cos(), far * angle.sin()), radius, colour);
    }
}

/// Rows of long, mostly white homes that stand aslant along narrow lanes.
pub fn mobile_homes(canvas: &mut Canvas, world: &World, lot: &Lot) {
    let mut rng = lot.rng(5);
    let lot = if rng.chance(0.5) { lot.turned() } else { *lot };
    let (width, height) = lot.size;
    let ground = mix(mix(world.soil, world.concrete, 0.5), world.lawn, rng.range(0.0, 0.6));
    canvas.area(&lot.frame, lot.bounds(0.0), |x, y| world.rough(ground, x, y, 0.16, 0.14));
    let slant = rng.pick(&[0.0, 0.0, 0.35, -0.35, 0.5]);
    let home = (rng.range(2.1, 3.4), rng.range(7.0, 9.0));
    let row_height = 2.0 * home.1 + rng.range(3.0, 5.0);
    let lane = 6.5;
    let step = 2.0 * home.0 + rng.range(3.4, 5.4);
    let white = rng.range(0.5, 0.95);
    let mut y = 1.0;
    while y + row_height <= height {
        let mut x = 0.5 * step + 2.0;
        while x < width - 0.5 * step {
            let frame = lot.frame.at(x, y + 0.5 * row_height).turned(slant + rng.range(-0.02, 0.02));
            let colour = if rng.chance(white) {
                scale([228.0, 228.0, 226.0], rng.range(0.82, 1.06))
            } else {
                rng.pick(&ROOFS)
            };
            let half = (home.0 * rng.range(0.85, 1.1), home.1 * rng.range(0.75, 1.0));
            canvas.plain(
                &frame,
                [half.0, -half.1 * 0.6, half.0 + 2.6, half.1 * 0.7],
                scale(world.concrete, 0.95),
            );
            gabled(canvas, &frame, half, 3.6, colour);
            if rng.chance(0.4) {
                canvas.plain(
                    &frame,
                    [half.0, -half.1 * 0.5, half.0 + 1.8, half.1 * 0.2],
                    scale(colour, 0.86),
                );
            }
            if rng.chance(0.45) {
                car(canvas, &frame.at(half.0 + 1.4, half.1 * 0.75).turned(1.57), &mut rng);
            }
            if rng.chance(0.4) {
                let radius = rng.range(0.9, 2.9);
                let green = leaf(world, &mut rng);
                tree(canvas, &frame.at(-half.0 - 1.2, rng.range(-1.0, 1.0) * half.1), radius, green);
            }
            x += step;
        }
        y += row_height;
        if y + lane < height {
            let frame = lot.frame.at(0.0, y);
            canvas.area(&frame, [0.0, 0.3, width, lane - 0.3], |x, y| {
                world.rough(world.asphalt, x, y, 0.08, 0.05)
            });
        }
        y += lane;
    }
}

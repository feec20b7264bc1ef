//! An industrial area: works in their compounds, with roads between them.

use super::works::{Roof, chimney, docks, hall, plant, yard};
use crate::random::SplitMix64;
use crate::sample_scene::canvas::Canvas;
use crate::sample_scene::colour::{Rgb, mix, scale};
use crate::sample_scene::frame::Frame;
use crate::sample_scene::lot::Lot;
use crate::sample_scene::sites::{Plot, railway};
use crate::sample_scene::things::parking;
use crate::sample_scene::things::roads::WHITE;
use crate::sample_scene::things::trees::{leaf, tree};
use crate::sample_scene::things::vehicles::{car, truck};
use crate::sample_scene::world::World;

const BLUE: Rgb = [66.0, 116.0, 194.0];
const SHEETS: [Rgb; 14] = [
    BLUE,
    [92.0, 140.0, 204.0],
    [120.0, 158.0, 196.0],
    [150.0, 156.0, 162.0],
    [176.0, 180.0, 182.0],
    [212.0, 214.0, 214.0],
    [232.0, 232.0, 230.0],
    [120.0, 122.0, 124.0],
    [98.0, 98.0, 100.0],
    [164.0, 84.0, 70.0],
    [148.0, 104.0, 82.0],
    [172.0, 82.0, 74.0],
    [150.0, 186.0, 182.0],
    [186.0, 172.0, 148.0],
];

/// What the halls of an area have in common.
struct Taste {
    sheets: [Rgb; 3],
    /// How large its compounds are, in metres.
    wide: f32,
    deep: f32,
    /// The share of works with tanks and machines, and of yards.
    plants: f32,
    yards: f32,
    green: f32,
}

pub fn industrial(canvas: &mut Canvas, world: &World, plot: &Plot) {
    let mut rng = plot.rng(1);
    let half = (0.5 * plot.size, 0.5 * plot.size * rng.range(0.7, 1.0));
    let large = (plot.size / 500.0).clamp(0.6, 1.3);
    let main = if rng.chance(0.35) { BLUE } else { rng.pick(&SHEETS) };
    let taste = Taste {
        sheets: [main, rng.pick(&SHEETS), rng.pick(&SHEETS)],
        wide: rng.range(70.0, 190.0) * large,
        deep: rng.range(60.0, 150.0) * large,
        plants: rng.range(0.02, 0.35),
        yards: rng.range(0.05, 0.22),
        green: rng.range(0.0, 0.35),
    };
    let ground =
        mix(mix(world.concrete, world.soil, rng.range(0.0, 0.5)), world.asphalt, rng.range(0.0, 0.4));
    canvas.slab(&plot.frame, half, |x, y| world.rough(ground, x, y, 0.12, 0.07));
    let road = rng.range(4.0, 7.0);
    let mut lines = Vec::new();
    let mut y = -half.1;
    let mut number = 0;
    while y < half.1 - 20.0 {
        let deep = taste.deep * rng.range(0.75, 1.3);
        let bottom = if half.1 - y - deep < 40.0 { half.1 } else { y + deep };
        let mut x = -half.0;
        while x < half.0 - 20.0 {
            let wide = taste.wide * rng.range(0.6, 1.5);
            let right = if half.0 - x - wide < 40.0 { half.0 } else { x + wide };
            let lot = plot.lot([x + 5.0, y + 5.0, right - 5.0, bottom - 5.0], number);
            number += 1;
            compound(canvas, world, &lot, &taste);
            if right < half.0 && rng.chance(0.5) {
                let place = plot.frame.at(right, 0.5 * (y + bottom)).turned(std::f32::consts::FRAC_PI_2);
                street(canvas, world, &place, 0.5 * (bottom - y), 4.0, &mut rng);
            }
            x = right;
        }
        lines.push(y);
        y = bottom;
    }
    lines.push(half.1);
    // Roads last, so that nothing lies across them.
    for (index, y) in lines.into_iter().enumerate() {
        if index % 2 == 0 || rng.chance(0.6) {
            street(canvas, world, &plot.frame.at(0.0, y), half.0, road, &mut rng);
        }
    }
    for _ in 0..=rng.index(2) {
        let x = rng.range(-0.6, 0.6) * half.0;
        let place = plot.frame.at(x, 0.0).turned(std::f32::consts::FRAC_PI_2);
        street(canvas, world, &place, plot.seen, road, &mut rng);
    }
    if rng.chance(0.3) {
        spur(canvas, world, plot, half.1 * rng.pick(&[-0.5, 0.4, 1.0]), &mut rng);
    }
}

/// A road along x around the frame's origin, with lorries. Metres.
fn street(canvas: &mut Canvas, world: &World, frame: &Frame, reach: f32, half: f32, rng: &mut SplitMix64) {
    canvas.slab(frame, (reach, half + 1.6), |x, y| world.rough(scale(world.concrete, 0.9), x, y, 0.1, 0.06));
    canvas.slab(frame, (reach, half), |x, y| world.rough(world.asphalt, x, y, 0.08, 0.06));
    let mut x = -reach + rng.range(0.0, 30.0);
    while x < reach {
        canvas.plain(frame, [x, -0.08, x + 3.0, 0.08], WHITE);
        x += 9.0;
    }
    let mut x = -reach + rng.range(0.0, 60.0);
    while x < reach - 8.0 {
        let side: f32 = rng.pick(&[-1.0, 1.0]);
        let place = frame.at(x, 0.5 * side * half);
        let place = if side > 0.0 { place } else { place.turned(std::f32::consts::PI) };
        if rng.chance(0.4) {
            truck(canvas, &place, rng);
        } else {
            car(canvas, &place, rng);
        }
        x += rng.range(12.0, 80.0);
    }
    if rng.chance(0.3) {
        let mut x = -reach + 6.0;
        while x < reach {
            let (radius, colour) = (rng.range(1.6, 3.2), leaf(world, rng));
            tree(canvas, &frame.at(x, half + 2.5), radius, colour);
            x += rng.range(7.0, 18.0);
        }
    }
}

/// A siding with wagons.
fn spur(canvas: &mut Canvas, world: &World, plot: &Plot, y: f32, rng: &mut SplitMix64) {
    let tracks = 1 + rng.index(3);
    let place = plot.frame.at(0.0, y);
    let half = 2.4 * tracks as f32 + 2.0;
    let stone = mix([134.0, 122.0, 110.0], world.soil, 0.3);
    canvas.slab(&place, (plot.seen, half), |x, y| world.rough(stone, x, y, 0.12, 0.14));
    for track in 0..tracks {
        let off = (track as f32 - 0.5 * (tracks as f32 - 1.0)) * 4.8;
        railway::rails(canvas, &place, plot.seen, off, 0.0);
        if rng.chance(0.7) {
            let length = rng.range(60.0, 260.0);
            let middle = rng.range(-0.5, 0.5) * plot.size;
            railway::train(canvas, &place, (middle, off, 0.0), length, rng);
        }
    }
}

/// What lies within a fence.
fn compound(canvas: &mut Canvas, world: &World, lot: &Lot, taste: &Taste) {
    let mut rng = lot.rng(2);
    let (width, height) = lot.size;
    if width.min(height) < 16.0 {
        return;
    }
    let floor = rng.pick(&[
        scale(world.concrete, 0.95),
        mix(world.concrete, world.soil, 0.4),
        world.asphalt,
        mix(world.asphalt, world.concrete, 0.5),
    ]);
    canvas.area(&lot.frame, lot.bounds(0.0), |x, y| world.rough(floor, x, y, 0.12, 0.07));
    if rng.chance(taste.green) {
        canvas.area(&lot.frame, lot.bounds(1.0), |x, y| {
            let dense = world.noise.smooth(x * 0.1, y * 0.1);
            world.rough(if dense > 0.0 { world.lawn } else { world.meadow }, x, y, 0.14, 0.12)
        });
        canvas.area(&lot.frame, lot.bounds(6.0), |x, y| world.rough(floor, x, y, 0.12, 0.07));
    }
    if rng.chance(taste.plants) {
        plant(canvas, world, &lot.inset(3.0, 3.0, 3.0, 3.0), &mut rng);
        return;
    }
    if rng.chance(taste.yards) {
        yard(canvas, world, &lot.inset(3.0, 3.0, 3.0, 3.0), &mut rng);
        return;
    }
    let lot = if rng.chance(0.3) { lot.turned() } else { *lot };
    let (width, height) = lot.size;
    match rng.index(8) {
        0..=2 => rows_of_halls(canvas, &lot, taste, &mut rng),
        3 | 4 => workshops(canvas, &lot, taste, &mut rng),
        5 if width > 80.0 => {
            // A yard beside the halls.
            let cut = width * rng.range(0.4, 0.7);
            rows_of_halls(canvas, &lot.part([0.0, 0.0, cut, height], 1), taste, &mut rng);
            yard(canvas, world, &lot.part([cut, 4.0, width - 4.0, height - 4.0], 2), &mut rng);
        }
        _ => {
            // One works, with its offices and parking before it.
            let front = (0.3 * height).min(rng.range(16.0, 40.0));
            let half = (0.5 * width - 5.0, 0.5 * (height - front) - 3.0);
            let place = lot.frame.at(0.5 * width, front + half.1);
            let look = (roof(&mut rng), tint(taste, &mut rng));
            docks(canvas, &place.at(0.0, -half.1).mirrored_y(), half.0, &mut rng);
            hall(canvas, &place, half, rng.range(8.0, 16.0), look, &mut rng);
            let desks = (0.5 * rng.range(14.0, 40.0).min(width - 12.0), 0.5 * (front - 6.0).min(14.0));
            let office = lot.frame.at(6.0 + desks.0, 3.0 + desks.1);
            let pale = rng.range(180.0, 226.0);
            hall(canvas, &office, desks, 11.0, (Roof::Flat, [pale, pale, pale - 4.0]), &mut rng);
            let cars = [12.0 + 2.0 * desks.0, 2.0, width - 3.0, front - 8.0];
            if cars[2] - cars[0] > 20.0 && cars[3] - cars[1] > 13.0 && rng.chance(0.7) {
                parking::lot_of_cars(canvas, world, &lot.part(cars, 3));
            }
        }
    }
    if rng.chance(0.1) {
        let place = lot.frame.at(rng.range(0.1, 0.9) * width, rng.range(0.1, 0.9) * height);
        chimney(canvas, &place, rng.range(20.0, 60.0), &mut rng);
    }
    if rng.chance(0.4) {
        for _ in 0..rng.index(12) {
            let (radius, colour) = (rng.range(1.2, 3.0), leaf(world, &mut rng));
            let y = rng.pick(&[1.5, height - 1.5]);
            tree(canvas, &lot.frame.at(rng.range(0.0, width), y), radius, colour);
        }
    }
}

fn tint(taste: &Taste, rng: &mut SplitMix64) -> Rgb {
    scale(taste.sheets[rng.pick(&[0, 0, 0, 1, 1, 2])], rng.range(0.88, 1.08))
}

fn roof(rng: &mut SplitMix64) -> Roof {
    rng.pick(&[
        Roof::Ridged,
        Roof::Ridged,
        Roof::Ridged,
        Roof::SawTooth,
        Roof::Flat,
        Roof::Flat,
        Roof::Vaulted,
    ])
}

/// Long halls side by side, all alike.
fn rows_of_halls(canvas: &mut Canvas, lot: &Lot, taste: &Taste, rng: &mut SplitMix64) {
    let (width, height) = lot.size;
    let gap = rng.range(4.0, 16.0);
    let deep = rng.range(14.0, 42.0);
    let rows = ((height - 4.0) / (deep + gap)).floor().max(1.0);
    let step = (height - 4.0) / rows;
    let halves = if width > 120.0 && rng.chance(0.5) { 2 } else { 1 };
    let wide = (width - 8.0) / halves as f32;
    let look = (roof(rng), tint(taste, rng));
    let high = rng.range(6.0, 12.0);
    for row in 0..rows as usize {
        for column in 0..halves {
            if rng.chance(0.05) {
                continue;
            }
            let half = (0.5 * wide - rng.range(2.0, 5.0), (0.5 * (step - gap)).max(4.0));
            let x = 4.0 + (column as f32 + 0.5) * wide;
            let place = lot.frame.at(x, 2.0 + (row as f32 + 0.5) * step);
            if gap > 12.0 {
                docks(canvas, &place.at(0.0, half.1), half.0, rng);
            }
            let paint = scale(look.1, rng.range(0.95, 1.05));
            hall(canvas, &place, half, high, (look.0, paint), rng);
        }
    }
}

/// Small halls of many sizes, wall to wall.
fn workshops(canvas: &mut Canvas, lot: &Lot, taste: &Taste, rng: &mut SplitMix64) {
    let (width, height) = lot.size;
    let rows = (height / rng.range(26.0, 45.0)).round().max(1.0);
    let step = height / rows;
    for row in 0..rows as usize {
        let mut x = 3.0;
        while x < width - 10.0 {
            let wide = rng.range(12.0, 44.0).min(width - 3.0 - x);
            let half = (0.5 * wide - rng.pick(&[0.2, 0.2, 1.5]), 0.5 * step * rng.range(0.6, 0.92));
            let place = lot.frame.at(x + 0.5 * wide, (row as f32 + 0.5) * step + rng.range(-2.0, 2.0));
            let own = if rng.chance(0.5) { tint(taste, rng) } else { scale(rng.pick(&SHEETS), 0.95) };
            let look = (roof(rng), own);
            if rng.chance(0.92) {
                let (place, half) = if rng.chance(0.4) {
                    (place.turned(std::f32::consts::FRAC_PI_2), (half.1, half.0))
                } else {
                    (place, half)
                };
                hall(canvas, &place, half, rng.range(5.0, 10.0), look, rng);
            }
            x += wide;
        }
    }
}

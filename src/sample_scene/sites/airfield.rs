//! An airport as a whole: one or two runways, taxiways, aprons, a terminal and its aircraft.

use super::Plot;
use crate::random::SplitMix64;
use crate::sample_scene::canvas::Canvas;
use crate::sample_scene::colour::{Rgb, mix, scale};
use crate::sample_scene::frame::Frame;
use crate::sample_scene::things::airport::aircraft;
use crate::sample_scene::things::{buildings, parking};
use crate::sample_scene::world::World;

const WHITE: Rgb = [226.0, 226.0, 222.0];
/// Between the middles of runway and taxiway, metres.
const BESIDE: f32 = 170.0;

/// The first runway runs along x at small y; the terminal lies at large y.
pub fn airport(canvas: &mut Canvas, world: &World, plot: &Plot) {
    let mut rng = plot.rng(1);
    let half = 0.5 * plot.size;
    let top = -0.2 * plot.size.min(1800.0);
    let apron = (top + BESIDE + 45.0, top + BESIDE + rng.range(240.0, 380.0));
    let grass = mix(world.meadow, world.lawn, rng.range(0.0, 0.7));
    let frame = &plot.frame;
    canvas.area(frame, [-half - 120.0, top - 190.0, half + 120.0, apron.1 + 20.0], |x, y| {
        world.rough(grass, x, y, 0.1, 0.09)
    });
    let hard = scale(world.asphalt, rng.range(0.75, 1.1));
    let taxi = scale(world.concrete, rng.range(0.72, 0.95));
    if rng.chance(0.4) {
        // A second one crosses the first, or lies beside it.
        let second = if rng.chance(0.5) {
            frame.at(rng.range(-0.3, 0.3) * half, top).turned(rng.range(0.5, 1.2))
        } else {
            frame.at(rng.range(-0.2, 0.2) * half, top - 150.0)
        };
        runway(canvas, world, &second, half * rng.range(0.6, 0.85), hard);
    }
    let surface = |x: f32, y: f32| world.rough(taxi, x, y, 0.06, 0.05);
    let way = top + BESIDE;
    canvas.area(frame, [-half + 10.0, way - 11.5, half - 10.0, way + 11.5], surface);
    let links = 4 + rng.index(4);
    for link in 0..links {
        let x = -half + 20.0 + (plot.size - 40.0) * link as f32 / (links - 1) as f32;
        let lean = if link == 0 || link + 1 == links { 0.0 } else { rng.pick(&[-60.0, 60.0]) };
        canvas.line(frame, (x, way), (x + lean, top), 23.0, taxi);
    }
    runway(canvas, world, &frame.at(0.0, top), half, hard);

    let wide = (half * rng.range(0.3, 0.5)).clamp(220.0, 700.0);
    let middle = rng.range(-0.4, 0.4) * (half - wide);
    let stand = frame.at(middle, 0.0);
    canvas.area(&stand, [-wide, apron.0, wide, apron.1], |x, y| {
        let joint =
            if (x / 15.0).rem_euclid(1.0) < 0.04 || (y / 15.0).rem_euclid(1.0) < 0.04 { 0.05 } else { 0.0 };
        let stain = 0.08 * world.noise.smooth(x * 0.1, y * 0.1);
        scale(world.rough(scale(world.concrete, 0.98), x, y, 0.04, 0.04), 1.0 - joint + stain)
    });
    for x in [-0.7 * wide, 0.0, 0.7 * wide] {
        canvas.area(&stand, [x - 11.5, way, x + 11.5, apron.0 + 2.0], surface);
    }
    terminal(canvas, world, &stand, plot, (wide, apron.1), &mut rng);
}

/// A runway along x around the frame's origin.
fn runway(canvas: &mut Canvas, world: &World, frame: &Frame, half: f32, surface: Rgb) {
    canvas.slab(frame, (half + 60.0, 30.0), |x, y| world.rough(scale(surface, 1.1), x, y, 0.06, 0.05));
    canvas.slab(frame, (half, 23.0), |x, y| {
        let worn = (-(y * y) / 50.0).exp() * (1.0 - (x.abs() - 0.75 * half).abs() / (0.3 * half)).max(0.1);
        scale(world.rough(surface, x, y, 0.05, 0.05), 1.0 - 0.3 * worn)
    });
    for side in [-1.0_f32, 1.0] {
        canvas.plain(frame, [-half, side * 21.5 - 0.5, half, side * 21.5 + 0.5], WHITE);
        let end = side * half;
        for stripe in 0..12 {
            let y = -20.0 + 3.5 * stripe as f32;
            canvas.plain(
                frame,
                [
                    (end - side * 38.0).min(end - side * 8.0),
                    y,
                    (end - side * 38.0).max(end - side * 8.0),
                    y + 1.8,
                ],
                WHITE,
            );
        }
        for y in [-9.0_f32, 9.0] {
            let aim = end - side * 400.0;
            canvas.plain(frame, [aim - 25.0, y - 4.0, aim + 25.0, y + 4.0], WHITE);
        }
    }
    let mut x = -half + 70.0;
    while x < half - 90.0 {
        canvas.plain(frame, [x, -0.5, x + 30.0, 0.5], WHITE);
        x += 50.0;
    }
}

/// The terminal along the apron's edge with its piers, aircraft around them, parking lots behind.
fn terminal(
    canvas: &mut Canvas,
    world: &World,
    frame: &Frame,
    plot: &Plot,
    apron: (f32, f32),
    rng: &mut SplitMix64,
) {
    let (wide, edge) = apron;
    let roof: Rgb = rng.pick(&[
        [214.0, 214.0, 210.0],
        [182.0, 186.0, 190.0],
        [150.0, 158.0, 164.0],
        [222.0, 214.0, 200.0],
    ]);
    let hall = (0.62 * wide, 26.0);
    let house = frame.at(0.0, edge + 20.0);
    let slab = |canvas: &mut Canvas, place: &Frame, half: (f32, f32)| {
        canvas.box_shadow(place, half, 16.0, 0.42);
        canvas.slab(place, half, |x, y| {
            let rib = if (x / 14.0).rem_euclid(1.0) < 0.08 { -0.08 } else { 0.0 };
            scale(world.rough(roof, x, y, 0.04, 0.03), 1.0 + rib)
        });
    };
    let behind = [-wide, edge + 46.0, wide, edge + 250.0];
    canvas.area(frame, behind, |x, y| world.rough(world.asphalt, x, y, 0.06, 0.05));
    // Jets at the piers' sides, nose in, or along the front.
    let piers = if wide > 300.0 { 1 + rng.index(3) } else { 0 };
    let long = 130.0_f32.min(edge - 40.0);
    for pier in 0..piers {
        let x = (pier as f32 + 0.5 - 0.5 * piers as f32) * 1.1 * wide / piers as f32;
        for side in [-1.0_f32, 1.0] {
            let mut y = edge - long + 20.0;
            while y < edge - 24.0 {
                let length = rng.range(34.0, 56.0);
                let turn = if side < 0.0 { 0.0 } else { std::f32::consts::PI };
                if rng.chance(0.75) {
                    let place = frame.at(x + side * (13.0 + 0.5 * length), y).turned(turn);
                    aircraft(canvas, &place, length, rng);
                }
                y += 58.0;
            }
        }
        slab(canvas, &frame.at(x, edge - 0.5 * long + 6.0), (11.0, 0.5 * long + 8.0));
    }
    let mut x = -wide + 40.0;
    while x < wide - 40.0 {
        let length = rng.range(32.0, 50.0);
        let free = piers == 0 || x.abs() > 0.62 * wide;
        if free && rng.chance(0.7) {
            aircraft(canvas, &frame.at(x, edge - 0.55 * length - 10.0).turned(1.57), length, rng);
        }
        x += 58.0;
    }
    slab(canvas, &house, hall);
    let mut number = 20;
    let mut x = -wide + 8.0;
    while x + 150.0 < wide {
        let lot = plot.lot([0.0, 0.0, 150.0, 110.0], number);
        let lot = crate::sample_scene::lot::Lot { frame: frame.at(x, edge + 64.0), ..lot };
        if rng.chance(0.65) {
            parking::lot_of_cars(canvas, world, &lot);
        } else {
            buildings::block(canvas, world, &lot);
        }
        number += 1;
        x += 160.0;
    }
    // Hangars at the apron's end.
    for hangar in 0..2 + rng.index(3) {
        let place = frame.at(wide + 50.0, edge - 30.0 - 75.0 * hangar as f32);
        slab(canvas, &place, (34.0, 30.0));
    }
}

//! Railways: tracks on their ballast, trains, and stations.

use super::Plot;
use crate::random::SplitMix64;
use crate::sample_scene::canvas::Canvas;
use crate::sample_scene::colour::{Rgb, mix, scale};
use crate::sample_scene::frame::Frame;
use crate::sample_scene::things::parking;
use crate::sample_scene::things::trees::{leaf, tree};
use crate::sample_scene::world::World;

/// From the middle of a track to that of the next, metres.
const APART: f32 = 4.6;
const TRAINS: [Rgb; 7] = [
    [206.0, 208.0, 210.0],
    [176.0, 60.0, 54.0],
    [70.0, 96.0, 150.0],
    [120.0, 122.0, 122.0],
    [226.0, 214.0, 120.0],
    [96.0, 120.0, 92.0],
    [236.0, 236.0, 234.0],
];

/// A line of one to four tracks, or a yard of many, in a gentle bend.
pub fn line(canvas: &mut Canvas, world: &World, plot: &Plot) {
    let mut rng = plot.rng(1);
    let yard = plot.size > 110.0 && rng.chance(0.35);
    let tracks = if yard { 7 + rng.index(10) } else { 1 + rng.index(4) };
    let reach = plot.seen;
    let bend = if yard { 0.0 } else { rng.range(-0.12, 0.12) / reach };
    let half = 0.5 * tracks as f32 * APART;
    let verge = rng.range(4.0, 14.0);
    let green = mix(world.meadow, world.soil, rng.range(0.0, 0.6));
    ribbon(canvas, &plot.frame, (reach, half + verge), bend, |x, y| world.rough(green, x, y, 0.14, 0.12));
    let bushes = rng.range(0.0, 0.5);
    for side in [-1.0_f32, 1.0] {
        let mut x = -reach;
        while x < reach {
            let off = side * (half + verge * rng.range(0.6, 1.1));
            let (radius, colour) = (rng.range(0.9, 2.6), leaf(world, &mut rng));
            if rng.chance(bushes) {
                tree(canvas, &plot.frame.at(x, off + bend * x * x), radius, colour);
            }
            x += rng.range(3.0, 9.0);
        }
    }
    bed(canvas, world, plot, (-half, half), bend, &mut rng);
    for track in 0..tracks {
        let y = (track as f32 + 0.5) * APART - half;
        rails(canvas, &plot.frame, reach, y, bend);
        if rng.chance(if yard { 0.55 } else { 0.3 }) {
            let length = rng.range(60.0, 400.0);
            train(canvas, &plot.frame, (rng.range(-reach, reach), y, bend), length, &mut rng);
        }
    }
    if rng.chance(0.6) {
        masts(canvas, plot, half + 0.6, bend);
    }
}

/// A station: platforms with roofs between many tracks, its building and the place in front of it.
pub fn station(canvas: &mut Canvas, world: &World, plot: &Plot) {
    let mut rng = plot.rng(1);
    let reach = plot.seen;
    let platforms = 2 + rng.index(5);
    let wide = rng.range(7.0, 11.0);
    // Two tracks, a platform, two tracks, and so on.
    let pitch = 2.0 * APART + wide;
    let half = 0.5 * (platforms as f32 * pitch + 2.0 * APART);
    bed(canvas, world, plot, (-half - 3.0, half + 3.0), 0.0, &mut rng);
    let length = 0.5 * plot.size * rng.range(0.6, 0.9);
    let roof: Rgb = rng.pick(&[
        [206.0, 206.0, 202.0],
        [150.0, 152.0, 154.0],
        [176.0, 116.0, 94.0],
        [226.0, 226.0, 224.0],
        [120.0, 132.0, 140.0],
    ]);
    for number in 0..=platforms {
        let y = -half + number as f32 * pitch;
        for track in 0..2 {
            let y = y + (track as f32 + 0.5) * APART;
            rails(canvas, &plot.frame, reach, y, 0.0);
            if rng.chance(0.45) {
                let long = rng.range(80.0, 260.0);
                train(canvas, &plot.frame, (rng.range(-0.4, 0.4) * length, y, 0.0), long, &mut rng);
            }
        }
        if number < platforms {
            let shift = rng.range(-12.0, 12.0);
            let place = plot.frame.at(shift, y + 2.0 * APART + 0.5 * wide);
            platform(canvas, world, &place, (length, 0.5 * wide - 0.5), roof, &mut rng);
        }
    }
    // Some stations have a hall over all tracks, or a bridge for those who walk.
    if rng.chance(0.25) {
        let hall = (0.3 * length, half + 1.0);
        let place = plot.frame.at(rng.range(-0.3, 0.3) * length, 0.0);
        canvas.box_shadow(&place, hall, 16.0, 0.42);
        canvas.slab(&place, hall, |x, y| {
            let rib = if (x / 9.0).rem_euclid(1.0) < 0.12 { -0.16 } else { 0.0 };
            scale(mix(roof, [196.0, 208.0, 214.0], 0.5), 1.0 + rib + 0.08 * (y * 0.25).cos())
        });
    } else {
        let place = plot.frame.at(rng.range(-0.5, 0.5) * length, 0.0);
        canvas.box_shadow(&place, (2.4, half), 8.0, 0.5);
        canvas.slab(&place, (2.4, half + 2.0), |_, _| scale(roof, 0.94));
    }
    forecourt(canvas, world, plot, half + 3.0, length, roof);
}

fn platform(
    canvas: &mut Canvas,
    world: &World,
    frame: &Frame,
    half: (f32, f32),
    roof: Rgb,
    rng: &mut SplitMix64,
) {
    canvas.slab(frame, half, |x, y| world.rough(scale(world.concrete, 0.95), x, y, 0.06, 0.05));
    for side in [-1.0_f32, 1.0] {
        let y = side * (half.1 - 0.5);
        canvas.plain(frame, [-half.0, y - 0.2, half.0, y + 0.2], [228.0, 222.0, 196.0]);
    }
    let cover = (half.0 * rng.range(0.5, 0.95), half.1 * 0.8);
    canvas.box_shadow(frame, cover, 5.0, 0.45);
    canvas.slab(frame, cover, |x, y| {
        // A valley or a ridge runs along the middle.
        let slope = if y < 0.0 { 0.06 } else { -0.06 };
        let sheet = if (x / 12.0).rem_euclid(1.0) < 0.04 { -0.12 } else { 0.0 };
        scale(roof, 1.0 + slope + sheet)
    });
}

fn forecourt(canvas: &mut Canvas, world: &World, plot: &Plot, from: f32, length: f32, roof: Rgb) {
    let mut rng = plot.rng(3);
    let deep = rng.range(70.0, 110.0);
    let paving = scale(world.concrete, 0.95);
    canvas.area(&plot.frame, [-length, from, length, from + deep], |x, y| {
        world.rough(paving, x, y, 0.06, 0.05)
    });
    let half = (length * rng.range(0.3, 0.7), rng.range(9.0, 16.0));
    let house = plot.frame.at(rng.range(-0.2, 0.2) * length, from + half.1 + 3.0);
    canvas.box_shadow(&house, half, 14.0, 0.4);
    let tiles = if rng.chance(0.4) { [158.0, 96.0, 76.0] } else { scale(roof, 0.92) };
    canvas.slab(&house, half, |x, y| {
        let slope = if y < 0.0 { 0.09 } else { -0.09 };
        scale(world.rough(tiles, x, y, 0.05, 0.04), 1.0 + slope)
    });
    let middle = house.at(0.0, 0.0);
    canvas.slab(&middle, (0.18 * half.0, half.1 + 2.5), |_, _| scale(tiles, 1.12));
    let cars = plot.lot([-length + 4.0, from + 2.0 * half.1 + 16.0, length - 4.0, from + deep - 3.0], 7);
    parking::lot_of_cars(canvas, world, &cars);
}

/// A strip along x around a gentle bend.
fn ribbon(canvas: &mut Canvas, frame: &Frame, half: (f32, f32), bend: f32, colour: impl Fn(f32, f32) -> Rgb) {
    let sag = bend.abs() * half.0 * half.0;
    let bounds = [-half.0, -half.1 - sag, half.0, half.1 + sag];
    canvas.fill(frame, bounds, |x, y| (y - bend * x * x).abs() - half.1, |x, y| colour(x, y - bend * x * x));
}

/// Ballast between two edges.
fn bed(canvas: &mut Canvas, world: &World, plot: &Plot, edges: (f32, f32), bend: f32, rng: &mut SplitMix64) {
    let stone: Rgb =
        rng.pick(&[[142.0, 132.0, 122.0], [126.0, 116.0, 108.0], [156.0, 148.0, 140.0], [116.0, 98.0, 86.0]]);
    let middle = 0.5 * (edges.0 + edges.1);
    let half = 0.5 * (edges.1 - edges.0) + 1.2;
    ribbon(canvas, &plot.frame.at(0.0, middle), (plot.seen, half), bend, |x, y| {
        world.rough(stone, x, y, 0.1, 0.16)
    });
}

/// A track: sleepers, two rails, and rust along them.
pub fn rails(canvas: &mut Canvas, frame: &Frame, reach: f32, y: f32, bend: f32) {
    let place = frame.at(0.0, y);
    ribbon(canvas, &place, (reach, 1.5), bend, |_, _| [104.0, 92.0, 82.0]);
    let sleeper = [150.0, 144.0, 136.0];
    ribbon(canvas, &place, (reach, 1.25), bend, |x, _| {
        if (x / 0.65).rem_euclid(1.0) < 0.4 { sleeper } else { [98.0, 88.0, 80.0] }
    });
    for side in [-0.72_f32, 0.72] {
        let half = (reach, 0.11);
        let sag = bend.abs() * reach * reach;
        let bounds = [-reach, side - 0.2 - sag, reach, side + 0.2 + sag];
        canvas.fill(
            &place,
            bounds,
            |x, y| (y - side - bend * x * x).abs() - half.1,
            |_, _| [196.0, 186.0, 176.0],
        );
    }
}

/// A train of cars that follow the track; `at` is its middle along x, the track's y and the bend.
pub fn train(canvas: &mut Canvas, frame: &Frame, at: (f32, f32, f32), length: f32, rng: &mut SplitMix64) {
    let (middle, y, bend) = at;
    let freight = rng.chance(0.5);
    let paint = rng.pick(&TRAINS);
    let car = if freight { rng.range(13.0, 19.0) } else { rng.range(22.0, 26.0) };
    let mut x = middle - 0.5 * length;
    while x < middle + 0.5 * length {
        let centre = x + 0.5 * car;
        let place = frame.at(centre, y + bend * centre * centre).turned((2.0 * bend * centre).atan());
        let half = (0.5 * car - 0.5, 1.45);
        let colour = if freight { scale(rng.pick(&TRAINS), rng.range(0.6, 1.0)) } else { paint };
        canvas.box_shadow(&place, half, 4.0, 0.45);
        canvas.slab(&place, half, |_, _| scale(colour, 0.9));
        canvas.slab(&place, (half.0 - 0.5, 0.9), |x, _| {
            let ridge = if (x / 5.0).rem_euclid(1.0) < 0.1 { -0.1 } else { 0.06 };
            scale(colour, 1.0 + ridge)
        });
        x += car;
    }
}

/// The masts of the overhead line, with their shadows.
fn masts(canvas: &mut Canvas, plot: &Plot, off: f32, bend: f32) {
    let mut x = -plot.seen + 12.0;
    while x < plot.seen {
        for side in [-1.0_f32, 1.0] {
            let place = plot.frame.at(x, side * off + bend * x * x);
            canvas.disc_shadow(&place, 0.14, 8.0, 0.5);
            canvas.disc(&place, 0.25, |_, _| [176.0, 178.0, 176.0]);
        }
        canvas.line(
            &plot.frame,
            (x, -off + bend * x * x),
            (x, off + bend * x * x),
            0.14,
            [150.0, 150.0, 148.0],
        );
        x += 50.0;
    }
}

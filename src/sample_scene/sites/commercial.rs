//! A commercial area: shopping centres with their large roofs among parking, or a business district of towers
//! on wide bases.

use super::Plot;
use crate::random::SplitMix64;
use crate::sample_scene::canvas::{Canvas, slab_distance};
use crate::sample_scene::colour::{Rgb, mix, scale};
use crate::sample_scene::frame::Frame;
use crate::sample_scene::things::parking::lot_of_cars;
use crate::sample_scene::things::roads::WHITE;
use crate::sample_scene::things::trees::{leaf, tree};
use crate::sample_scene::things::vehicles::{truck, vehicle};
use crate::sample_scene::world::World;

const ROOFS: [Rgb; 8] = [
    [230.0, 230.0, 226.0],
    [218.0, 216.0, 210.0],
    [240.0, 240.0, 238.0],
    [206.0, 206.0, 208.0],
    [198.0, 192.0, 180.0],
    [222.0, 214.0, 198.0],
    [184.0, 184.0, 184.0],
    [212.0, 218.0, 224.0],
];
const ACCENTS: [Rgb; 6] = [
    [150.0, 84.0, 70.0],
    [92.0, 122.0, 160.0],
    [120.0, 130.0, 124.0],
    [176.0, 150.0, 118.0],
    [108.0, 112.0, 118.0],
    [164.0, 104.0, 84.0],
];
/// From the middle of a street to the plots beside it, in metres.
const STREET: f32 = 9.0;

/// A large roof.
#[derive(Clone, Copy)]
struct Hall {
    half: (f32, f32),
    height: f32,
    roof: Rgb,
}

pub fn commercial(canvas: &mut Canvas, world: &World, plot: &Plot) {
    let mut rng = plot.rng(1);
    let reach = plot.seen;
    canvas.slab(&plot.frame, (reach, reach), |x, y| world.rough(world.concrete, x, y, 0.06, 0.05));
    let business = rng.chance(0.45);
    let (wide, deep) =
        if business { ((70.0, 130.0), (60.0, 110.0)) } else { ((150.0, 260.0), (130.0, 220.0)) };
    let mut top = -reach - rng.range(0.0, 60.0);
    while top < reach {
        let bottom = top + rng.range(deep.0, deep.1);
        let mut left = -reach - rng.range(0.0, 80.0);
        while left < reach {
            let right = left + rng.range(wide.0, wide.1);
            let middle = plot.frame.at(0.5 * (left + right), 0.5 * (top + bottom));
            let half = (0.5 * (right - left), 0.5 * (bottom - top));
            let number = (left.to_bits() ^ top.to_bits().rotate_left(7)).into();
            streets(canvas, world, &middle, half, &mut rng);
            let inner = (half.0 - STREET, half.1 - STREET);
            let block = plot.lot([left + STREET, top + STREET, right - STREET, bottom - STREET], number);
            if business {
                if rng.chance(0.06) {
                    square(canvas, world, &middle, inner, &mut rng);
                } else {
                    towers(canvas, world, &middle, inner, &mut rng);
                }
            } else {
                lot_of_cars(canvas, world, &block);
                centre(canvas, world, &middle, inner, &mut rng);
            }
            edge_trees(canvas, world, &middle, inner, &mut rng);
            left = right;
        }
        top = bottom;
    }
}

/// The streets around a block, up to their middles.
fn streets(canvas: &mut Canvas, world: &World, frame: &Frame, half: (f32, f32), rng: &mut SplitMix64) {
    let lanes = STREET - 2.5;
    for (frame, half) in [(*frame, half), (frame.turned(std::f32::consts::FRAC_PI_2), (half.1, half.0))] {
        for side in [-1.0_f32, 1.0] {
            let y = side * half.1;
            canvas.area(&frame, [-half.0, y - lanes, half.0, y + lanes], |x, y| {
                world.rough(world.asphalt, x, y, 0.06, 0.05)
            });
            canvas.plain(&frame, [-half.0 + 12.0, y - 0.15, half.0 - 12.0, y + 0.15], [206.0, 172.0, 84.0]);
            let mut x = -half.0 + rng.range(12.0, 40.0);
            while x < half.0 - 12.0 {
                vehicle(canvas, &frame.at(x, y - side * rng.pick(&[1.9, 4.8])), rng);
                x += rng.range(8.0, 50.0);
            }
            let mut walk = -lanes;
            while walk < lanes {
                let end = side * (half.0 - STREET - 1.5);
                canvas.plain(&frame, [end - 1.4, y + walk, end + 1.4, y + walk + 0.6], WHITE);
                walk += 1.3;
            }
        }
    }
}

/// A shopping centre of one or several halls, with its cars around it.
fn centre(canvas: &mut Canvas, world: &World, frame: &Frame, half: (f32, f32), rng: &mut SplitMix64) {
    let roof = scale(rng.pick(&ROOFS), rng.range(0.92, 1.03));
    let height = rng.range(8.0, 15.0);
    match rng.index(4) {
        0 => {
            // Shops side by side along one edge.
            let deep = half.1 * rng.range(0.35, 0.5);
            let mut x = -0.92 * half.0;
            let place = frame.at(0.0, -half.1 + deep + 3.0);
            while x < 0.9 * half.0 - 14.0 {
                let wide = rng.range(18.0, 60.0).min(0.94 * half.0 - x);
                let hall = Hall {
                    half: (0.5 * wide, deep * rng.range(0.75, 1.0)),
                    height: height * rng.range(0.7, 1.1),
                    roof: scale(rng.pick(&ROOFS), rng.range(0.88, 1.03)),
                };
                top(canvas, &place.at(x + 0.5 * wide, 0.0), hall, rng);
                x += wide;
            }
            docks(canvas, &place.at(0.0, -deep - 1.0), half.0, rng);
        }
        1 => {
            // A long middle with large shops at its ends.
            let spine = (0.62 * half.0, 0.24 * half.1);
            pavement(canvas, world, frame, (0.86 * half.0, 0.56 * half.1));
            for side in [-1.0_f32, 1.0] {
                let end = Hall {
                    half: (half.0 * rng.range(0.2, 0.28), half.1 * rng.range(0.38, 0.52)),
                    height: height * 1.2,
                    roof: scale(rng.pick(&ROOFS), rng.range(0.9, 1.03)),
                };
                top(canvas, &frame.at(side * 0.58 * half.0, rng.range(-0.1, 0.1) * half.1), end, rng);
            }
            top(canvas, frame, Hall { half: spine, height, roof }, rng);
            let anchor = Hall { half: (0.22 * half.0, 0.3 * half.1), height: height * 1.15, roof };
            top(canvas, &frame.at(0.0, rng.pick(&[-0.32, 0.32]) * half.1), anchor, rng);
            glass(canvas, frame, (0.9 * spine.0, rng.range(2.5, 5.0)));
        }
        2 => {
            // One great hall.
            let hall =
                Hall { half: (half.0 * rng.range(0.5, 0.72), half.1 * rng.range(0.42, 0.64)), height, roof };
            let place = frame.at(rng.range(-0.2, 0.2) * half.0, rng.range(-0.25, 0.25) * half.1);
            pavement(canvas, world, &place, (hall.half.0 + 7.0, hall.half.1 + 7.0));
            top(canvas, &place, hall, rng);
            let entrance =
                Hall { half: (0.16 * hall.half.0, 5.0), height: height * 1.15, roof: rng.pick(&ACCENTS) };
            top(canvas, &place.at(rng.range(-0.5, 0.5) * hall.half.0, hall.half.1), entrance, rng);
            docks(canvas, &place.at(0.0, -hall.half.1 - 5.0), hall.half.0, rng);
        }
        _ => {
            // Halls apart from each other.
            let sign = rng.pick(&[-1.0, 1.0]);
            for (x, y, size) in
                [(-0.5, -0.4 * sign, 0.36), (0.45, 0.35 * sign, 0.42), (0.55, -0.5 * sign, 0.24)]
            {
                let hall = Hall {
                    half: (half.0 * size, half.1 * size * rng.range(0.8, 1.15)),
                    height: height * rng.range(0.6, 1.1),
                    roof: scale(rng.pick(&ROOFS), rng.range(0.88, 1.03)),
                };
                let place = frame.at(x * half.0, y * half.1);
                pavement(canvas, world, &place, (hall.half.0 + 4.0, hall.half.1 + 4.0));
                top(canvas, &place, hall, rng);
            }
        }
    }
}

/// Towers on wide bases, and lower houses of shops between them.
fn towers(canvas: &mut Canvas, world: &World, frame: &Frame, half: (f32, f32), rng: &mut SplitMix64) {
    let base = Hall {
        half: (half.0 - rng.range(3.0, 9.0), half.1 - rng.range(3.0, 9.0)),
        height: rng.range(10.0, 22.0),
        roof: scale(mix(rng.pick(&ROOFS), rng.pick(&ACCENTS), rng.range(0.0, 0.5)), rng.range(0.85, 1.0)),
    };
    pavement(canvas, world, frame, half);
    if rng.chance(0.5) {
        top(canvas, frame, base, rng);
        if rng.chance(0.3) {
            let garden = (0.4 * base.half.0, 0.3 * base.half.1);
            canvas.slab(frame, garden, |x, y| world.rough(world.lawn, x, y, 0.1, 0.15));
        }
        for _ in 0..=rng.index(3) {
            let place = frame.at(rng.range(-0.55, 0.55) * base.half.0, rng.range(-0.5, 0.5) * base.half.1);
            let tower = Hall {
                half: (rng.range(10.0, 17.0), rng.range(9.0, 15.0)),
                height: rng.range(15.0, 45.0),
                roof: scale(
                    mix(rng.pick(&ROOFS), rng.pick(&ACCENTS), rng.range(0.0, 1.0)),
                    rng.range(0.8, 1.0),
                ),
            };
            top(canvas, &place, tower, rng);
        }
        return;
    }
    // Houses around a yard.
    let deep = (0.22 * half.0).max(11.0).min(0.42 * half.1);
    for (x, y, along) in [(0.0, -1.0, true), (0.0, 1.0, true), (-1.0, 0.0, false), (1.0, 0.0, false)] {
        let own = if along { (base.half.0, deep) } else { (deep, base.half.1 - 2.0 * deep) };
        if own.0 < 4.0 || own.1 < 4.0 || rng.chance(0.12) {
            continue;
        }
        let place = frame.at(x * (base.half.0 - deep), y * (base.half.1 - deep));
        let parts = if along { 1 + rng.index(3) } else { 1 };
        let step = 2.0 * own.0 / parts as f32;
        for part in 0..parts {
            let hall = Hall {
                half: (0.5 * step, own.1),
                height: rng.range(10.0, 36.0),
                roof: scale(
                    mix(rng.pick(&ROOFS), rng.pick(&ACCENTS), rng.range(0.0, 0.8)),
                    rng.range(0.85, 1.0),
                ),
            };
            top(canvas, &place.at((part as f32 + 0.5) * step - own.0, 0.0), hall, rng);
        }
    }
}

/// Paving in a pattern, with trees in rows and a round basin.
fn square(canvas: &mut Canvas, world: &World, frame: &Frame, half: (f32, f32), rng: &mut SplitMix64) {
    let (one, other) =
        (world.concrete, scale(rng.pick(&[[206.0, 190.0, 168.0], [186.0, 168.0, 156.0]]), 1.0));
    let tile = rng.range(6.0, 14.0);
    canvas.slab(frame, half, |x, y| {
        let line = (x / tile).rem_euclid(1.0) < 0.12 || (y / tile).rem_euclid(1.0) < 0.12;
        world.rough(if line { other } else { one }, x, y, 0.04, 0.04)
    });
    canvas.disc(frame, 9.0, |_, _| [214.0, 208.0, 196.0]);
    canvas.disc(frame, 7.5, |_, _| [104.0, 142.0, 150.0]);
    let mut x = -half.0 + 5.0;
    while x < half.0 - 3.0 {
        for y in [-0.75, 0.75] {
            let colour = leaf(world, rng);
            tree(canvas, &frame.at(x, y * half.1), rng.range(1.8, 2.8), colour);
        }
        x += 8.0;
    }
}

fn pavement(canvas: &mut Canvas, world: &World, frame: &Frame, half: (f32, f32)) {
    let paving = scale(world.concrete, 1.03);
    canvas.slab(frame, half, |x, y| world.rough(paving, x, y, 0.05, 0.04));
}

/// A flat roof with its parapet, seams, skylights and machines.
fn top(canvas: &mut Canvas, frame: &Frame, hall: Hall, rng: &mut SplitMix64) {
    let Hall { half, height, roof } = hall;
    let noise = canvas.noise;
    let shift = rng.range(0.0, 200.0);
    canvas.box_shadow(frame, half, height, 0.36);
    canvas.slab(frame, half, |_, _| scale(roof, 1.07));
    let inner = (half.0 - 0.8, half.1 - 0.8);
    let seam = rng.range(6.0, 14.0);
    canvas.slab(frame, inner, |x, y| {
        let line = if (x / seam).rem_euclid(1.0) < 0.03 { -0.05 } else { 0.0 };
        let stain = 0.06 * noise.smooth(x * 0.2 + shift, y * 0.2) + 0.025 * noise.rough(x * 1.6, y * 1.6);
        scale(roof, 0.96 + stain + line)
    });
    let tip = canvas.shadow_of(frame, 1.2);
    canvas.dim(frame, [-inner.0, -inner.1, inner.0, inner.1], 0.64, |x, y| {
        slab_distance(x, y, inner).max(-slab_distance(x - tip.0, y - tip.1, inner))
    });
    if half.0.min(half.1) < 7.0 {
        return;
    }
    if rng.chance(0.5) {
        // Skylights in even rows.
        let step = rng.range(8.0, 15.0);
        let own = (rng.range(0.6, 2.6), rng.range(0.5, 1.2));
        let mut y = -half.1 + 0.7 * step;
        while y < half.1 - 0.4 * step {
            let mut x = -half.0 + 0.7 * step;
            while x < half.0 - 0.4 * step {
                canvas.slab(&frame.at(x, y), own, |_, _| mix(roof, [150.0, 178.0, 196.0], 0.7));
                x += step;
            }
            y += step;
        }
    }
    if half.0.min(half.1) > 22.0 && rng.chance(0.3) {
        let size = (half.0 * rng.range(0.12, 0.3), half.1 * rng.range(0.12, 0.3));
        glass(canvas, &frame.at(rng.range(-0.4, 0.4) * half.0, rng.range(-0.4, 0.4) * half.1), size);
    }
    let machines = (half.0 * half.1 * 0.012) as usize + 2;
    for _ in 0..machines.min(40) {
        let place = frame.at(rng.range(-0.85, 0.85) * half.0, rng.range(-0.85, 0.85) * half.1);
        let unit = (rng.range(0.8, 3.0), rng.range(0.7, 1.8));
        canvas.box_shadow(&place, unit, rng.range(1.2, 2.4), 0.5);
        let grey = rng.range(120.0, 226.0);
        canvas.slab(&place, unit, |_, _| [grey, grey, grey + 3.0]);
        if rng.chance(0.35) {
            canvas.disc(&place, 0.5 * unit.1, |_, _| [74.0, 74.0, 76.0]);
        }
    }
}

/// A glass roof over a mall.
fn glass(canvas: &mut Canvas, frame: &Frame, half: (f32, f32)) {
    let sun = canvas.sun(frame);
    canvas.box_shadow(frame, half, 2.0, 0.6);
    canvas.slab(frame, half, |x, y| {
        let bar = (x / 2.4).rem_euclid(1.0) < 0.16;
        let lit = 0.14 * sun.1 * y.signum();
        scale(if bar { [196.0, 204.0, 208.0] } else { [112.0, 140.0, 156.0] }, 1.0 + lit)
    });
}

/// Trucks unload behind the shops.
fn docks(canvas: &mut Canvas, frame: &Frame, half: f32, rng: &mut SplitMix64) {
    for _ in 0..rng.index(6) {
        let place = frame.at(rng.range(-0.8, 0.8) * half, rng.range(-3.0, 0.0));
        truck(canvas, &place.turned(rng.pick(&[1.57, 1.57, 0.0])), rng);
    }
}

fn edge_trees(canvas: &mut Canvas, world: &World, frame: &Frame, half: (f32, f32), rng: &mut SplitMix64) {
    let planted = rng.range(0.0, 0.8);
    for (frame, half) in [(*frame, half), (frame.turned(std::f32::consts::FRAC_PI_2), (half.1, half.0))] {
        for side in [-1.0_f32, 1.0] {
            let mut x = -half.0;
            while x < half.0 {
                let (radius, colour) = (rng.range(1.3, 3.2), leaf(world, rng));
                if rng.chance(planted) {
                    tree(canvas, &frame.at(x, side * (half.1 - 1.0)), radius, colour);
                }
                x += rng.range(6.0, 11.0);
            }
        }
    }
}

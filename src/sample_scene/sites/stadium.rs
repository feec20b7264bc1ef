//! A stadium: a pitch in a bowl of seats under a ring of roof.

use super::{Plot, rounded, track};
use crate::sample_scene::canvas::Canvas;
use crate::sample_scene::colour::{Rgb, mix, scale};
use crate::sample_scene::things::parking;
use crate::sample_scene::things::trees::{leaf, tree};
use crate::sample_scene::world::World;

const SEATS: [Rgb; 7] = [
    [178.0, 60.0, 56.0],
    [60.0, 84.0, 150.0],
    [196.0, 196.0, 192.0],
    [120.0, 126.0, 130.0],
    [212.0, 178.0, 84.0],
    [84.0, 132.0, 96.0],
    [224.0, 120.0, 60.0],
];

pub fn stadium(canvas: &mut Canvas, world: &World, plot: &Plot) {
    let mut rng = plot.rng(1);
    let frame = &plot.frame;
    let half = (0.5 * plot.size, 0.5 * plot.size * rng.range(0.76, 0.9));
    surroundings(canvas, world, plot, half);

    // The corners are round, or all of it is.
    let round = half.1 * rng.pick(&[0.55, 0.8, 0.97]);
    let bowl = |x: f32, y: f32| rounded(x, y, half, round);
    let bounds = [-half.0, -half.1, half.0, half.1];
    let high = rng.range(18.0, 42.0);
    let tip = canvas.shadow_of(frame, high);
    let reach = high * 1.3;
    let shade = [bounds[0] - reach, bounds[1] - reach, bounds[2] + reach, bounds[3] + reach];
    canvas.dim(frame, shade, 0.42, |x, y| {
        bowl(x - tip.0, y - tip.1).min(bowl(x - 0.5 * tip.0, y - 0.5 * tip.1))
    });

    let wall = scale(world.concrete, 0.95);
    canvas.fill(frame, bounds, bowl, |_, _| wall);
    let stands = half.1 * rng.range(0.36, 0.5);
    seats(canvas, plot, half, round, stands, &mut rng);

    // The pitch lies in the middle, with or without a track around it.
    let inner = (half.0 - stands, half.1 - stands);
    let verge = if rng.chance(0.4) { [150.0, 84.0, 70.0] } else { mix(world.lawn, world.asphalt, 0.3) };
    canvas.fill(
        frame,
        bounds,
        |x, y| rounded(x, y, inner, (round - stands).max(4.0)),
        |x, y| world.rough(verge, x, y, 0.06, 0.05),
    );
    let pitch = ((inner.0 - 7.0).min(54.0), (inner.1 - 6.0).min(36.0));
    track::pitch(canvas, world, frame, pitch, &mut rng);

    if rng.chance(0.85) {
        roof(canvas, plot, half, round, stands, high, &mut rng);
    }
}

/// Rows of seats that rise outwards, in blocks between stairs.
fn seats(
    canvas: &mut Canvas,
    plot: &Plot,
    half: (f32, f32),
    round: f32,
    stands: f32,
    rng: &mut crate::random::SplitMix64,
) {
    let paint = rng.pick(&SEATS);
    let other = if rng.chance(0.5) { rng.pick(&SEATS) } else { paint };
    let sun = canvas.sun(&plot.frame);
    let noise = canvas.noise;
    let bounds = [-half.0, -half.1, half.0, half.1];
    let tier = stands * rng.range(0.4, 0.6);
    canvas.fill(
        &plot.frame,
        bounds,
        |x, y| rounded(x, y, half, round) + 2.0,
        |x, y| {
            let deep = -rounded(x, y, half, round);
            let block = (x.atan2(y) * 9.0).floor();
            let colour = if (block as i32).rem_euclid(3) == 0 { other } else { paint };
            let stairs = (x.atan2(y) * 9.0).rem_euclid(1.0) < 0.06 || (deep - tier).abs() < 1.2;
            let row = 0.1 * (deep * 6.0).sin();
            // What rises outwards is lit where it faces the sun.
            let far = x.hypot(y).max(1.0);
            let lit = -0.22 * (x * sun.0 + y * sun.1) / far;
            let crowd = 0.12 * noise.rough(x * 1.7, y * 1.7);
            let base = if stairs { [186.0, 184.0, 178.0] } else { colour };
            scale(base, 0.92 + row + lit + crowd)
        },
    );
}

/// A ring above the outer rows, which shades those within.
fn roof(
    canvas: &mut Canvas,
    plot: &Plot,
    half: (f32, f32),
    round: f32,
    stands: f32,
    high: f32,
    rng: &mut crate::random::SplitMix64,
) {
    let cover = stands * rng.range(0.45, 0.95);
    let ring = move |x: f32, y: f32| {
        let edge = rounded(x, y, half, round);
        edge.max(-edge - cover)
    };
    let open = rng.chance(0.25);
    let along = half.0 > 0.0 && open;
    let covered = move |x: f32, y: f32| {
        // Some roofs are above the long sides alone.
        if along { ring(x, y).max(x.abs() - 0.62 * half.0) } else { ring(x, y) }
    };
    let bounds = [-half.0, -half.1, half.0, half.1];
    let tip = canvas.shadow_of(&plot.frame, 0.6 * high);
    canvas
        .dim(&plot.frame, bounds, 0.45, |x, y| covered(x - tip.0, y - tip.1).max(rounded(x, y, half, round)));
    let sheet: Rgb = rng.pick(&[
        [236.0, 236.0, 234.0],
        [206.0, 208.0, 210.0],
        [160.0, 166.0, 172.0],
        [222.0, 216.0, 204.0],
    ]);
    let sun = canvas.sun(&plot.frame);
    canvas.fill(&plot.frame, bounds, covered, |x, y| {
        let rib = if (x.atan2(y) * 20.0).rem_euclid(1.0) < 0.12 { -0.14 } else { 0.0 };
        let lit = 0.08 * (x * sun.0 + y * sun.1) / x.hypot(y).max(1.0);
        scale(sheet, 0.97 + rib + lit)
    });
    canvas.fill(
        &plot.frame,
        bounds,
        move |x, y| (covered(x, y) + 0.7).abs() - 0.5,
        |_, _| scale(sheet, 0.78),
    );
}

/// A plaza, parking lots and trees around it.
fn surroundings(canvas: &mut Canvas, world: &World, plot: &Plot, half: (f32, f32)) {
    let mut rng = plot.rng(2);
    let out = (half.0 + rng.range(16.0, 40.0), half.1 + rng.range(16.0, 40.0));
    let wide = (out.0 + 70.0, out.1 + 60.0);
    let ground = if rng.chance(0.5) { world.lawn } else { scale(world.concrete, 0.9) };
    canvas.slab(&plot.frame, wide, |x, y| world.rough(ground, x, y, 0.08, 0.07));
    for (number, bounds) in [
        [-wide.0 + 3.0, out.1 + 4.0, wide.0 - 3.0, wide.1 - 3.0],
        [-wide.0 + 3.0, -wide.1 + 3.0, wide.0 - 3.0, -out.1 - 4.0],
        [out.0 + 4.0, -out.1, wide.0 - 3.0, out.1],
        [-wide.0 + 3.0, -out.1, -out.0 - 4.0, out.1],
    ]
    .into_iter()
    .enumerate()
    {
        let lot = plot.lot(bounds, number as u64);
        if rng.chance(0.6) {
            parking::lot_of_cars(canvas, world, &lot);
        } else {
            lot.scatter(11.0, 4.0, &mut rng, |frame, _, _, rng| {
                let (radius, colour) = (rng.range(2.0, 4.2), leaf(world, rng));
                if rng.chance(0.5) {
                    tree(canvas, &frame, radius, colour);
                }
            });
        }
    }
    let plaza = scale(world.concrete, rng.range(0.9, 1.1));
    canvas.fill(
        &plot.frame,
        [-out.0, -out.1, out.0, out.1],
        |x, y| rounded(x, y, out, 30.0),
        |x, y| world.rough(plaza, x, y, 0.05, 0.04),
    );
}

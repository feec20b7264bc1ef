//! A city park: groves and lawns, a lake, winding paths with places where they meet, a playground, and the
//! city around it.

use super::city::{City, city};
use super::{Plot, rounded};
use crate::random::SplitMix64;
use crate::sample_scene::canvas::{Canvas, length};
use crate::sample_scene::colour::{Rgb, ease, mix, scale};
use crate::sample_scene::frame::Frame;
use crate::sample_scene::things::houses::hipped;
use crate::sample_scene::things::trees::{leaf, tree};
use crate::sample_scene::world::World;

/// A path is a wave across the park: where it begins, its height and how fast it swings.
struct Path {
    turn: f32,
    off: f32,
    swing: f32,
    rate: f32,
}

/// A lake of two or three basins; its shore winds.
struct Lake {
    /// Their middles and radii, in metres; none if the park is dry.
    basins: Vec<(f32, f32, f32)>,
    /// The number of metres over which the shore winds.
    bay: f32,
    shift: f32,
}

pub fn park(canvas: &mut Canvas, world: &World, plot: &Plot) {
    let mut rng = plot.rng(1);
    let frame = &plot.frame;
    let half = (0.5 * plot.size, 0.5 * plot.size * rng.range(0.6, 1.0));
    let round = rng.pick(&[0.0, 0.08, 0.16, 0.3]) * half.1;
    if rng.chance(0.65) {
        let around = City {
            storeys: rng.range(2.5, 7.0),
            towers: rng.range(0.0, 0.35),
            highest: rng.range(30.0, 90.0),
            green: rng.range(0.2, 0.9),
            lean: rng.pick(&[0.0, 0.1, 0.25]),
        };
        city(canvas, world, plot, Some((half.0 + 12.0, half.1 + 12.0)), &around);
    }
    // Streets around it, then the pavement, then grass.
    canvas.slab(frame, (half.0 + 11.0, half.1 + 11.0), |x, y| world.rough(world.asphalt, x, y, 0.06, 0.05));
    canvas.slab(frame, (half.0 + 2.5, half.1 + 2.5), |x, y| world.rough(world.concrete, x, y, 0.06, 0.05));
    let lawn = mix(world.lawn, [92.0, 126.0, 72.0], rng.range(0.0, 0.7));
    let dry = mix(lawn, world.meadow, rng.range(0.2, 0.8));
    let bounds = [-half.0, -half.1, half.0, half.1];
    let inside = |x: f32, y: f32| rounded(x, y, half, round);
    canvas.fill(frame, bounds, inside, |x, y| {
        let patch = ease(-0.3, 0.5, world.noise.smooth(x * 0.2 + 9.0, y * 0.2));
        world.rough(mix(lawn, dry, patch), x, y, 0.1, 0.1)
    });

    let paths = paths(half, &mut rng);
    let lake = lake(half, &mut rng);
    let gravel: Rgb = rng.pick(&[
        [206.0, 194.0, 168.0],
        [186.0, 178.0, 164.0],
        [170.0, 166.0, 160.0],
        [196.0, 170.0, 140.0],
    ]);
    let wide = rng.range(0.9, 1.8);
    let ring = rng.range(9.0, 24.0);
    // The paths bend a little more than waves do; one runs around the park, one around the lake.
    let on_path = |x: f32, y: f32| {
        let (east, south) = (
            x + 9.0 * world.noise.smooth(x * 0.05, y * 0.05),
            y + 9.0 * world.noise.smooth(x * 0.05 + 70.0, y * 0.05),
        );
        let around = (inside(east, south) + ring).abs();
        paths.iter().fold(around, |near, path| near.min(path.distance(east, south)))
    };
    let shore = |x: f32, y: f32| lake.shore(world, x, y);
    canvas.fill(
        frame,
        bounds,
        |x, y| (on_path(x, y) - wide).min((shore(x, y) - 8.0).abs() - wide).max(inside(x, y)),
        |x, y| world.rough(gravel, x, y, 0.05, 0.06),
    );
    let plazas: Vec<(f32, f32, f32)> = (0..=rng.index(4))
        .map(|_| (rng.range(-0.7, 0.7) * half.0, rng.range(-0.7, 0.7) * half.1, rng.range(7.0, 20.0)))
        .filter(|&(x, y, radius)| shore(x, y) > radius * 0.6)
        .collect();
    for &(x, y, radius) in &plazas {
        plaza(canvas, world, &frame.at(x, y), radius, gravel, &mut rng);
    }
    water(canvas, world, frame, &lake, bounds, &mut rng);
    if rng.chance(0.5) && lake.basins.first().is_some_and(|basin| basin.2 < 45.0) {
        // A bridge across the lake.
        let (x, y, radius) = lake.basins[0];
        let place = frame.at(x, y).turned(rng.range(0.0, 3.1));
        canvas.box_shadow(&place, (1.15 * radius, 1.2), 1.6, 0.6);
        canvas.slab(&place, (1.15 * radius, 1.4), |_, _| scale(gravel, 1.05));
    }
    let mut taken: Vec<(f32, f32, f32)> = plazas;
    if rng.chance(0.7) {
        let (x, y) = (rng.range(-0.7, 0.7) * half.0, rng.pick(&[-0.66, 0.66]) * half.1);
        if shore(x, y) > 20.0 {
            playground(canvas, world, &frame.at(x, y), &mut rng);
            taken.push((x, y, 15.0));
        }
    }
    if rng.chance(0.4) {
        let x = rng.pick(&[-0.6, 0.6]) * half.0;
        let side = rng.range(16.0, 30.0);
        if shore(x, 0.0) > side {
            parterre(canvas, world, &frame.at(x, 0.0), side, &mut rng);
            taken.push((x, 0.0, 1.2 * side));
        }
    }
    for _ in 0..rng.index(5) {
        let (x, y) = (rng.range(-0.8, 0.8) * half.0, rng.range(-0.8, 0.8) * half.1);
        if shore(x, y) > 16.0 {
            let size = (rng.range(4.0, 11.0), rng.range(3.5, 7.0));
            let tiles = rng.pick(&[[150.0, 92.0, 74.0], [190.0, 186.0, 178.0], [88.0, 118.0, 168.0]]);
            hipped(canvas, &frame.at(x, y).turned(rng.range(0.0, 3.1)), size, 5.0, tiles);
            taken.push((x, y, size.0));
        }
    }
    let free = |x: f32, y: f32, radius: f32| {
        taken.iter().all(|&(tx, ty, away)| length(x - tx, y - ty) > away + 0.5 * radius)
            && inside(x, y) < -2.0
            && shore(x, y) > 2.0 + 0.4 * radius
    };
    let path = |x: f32, y: f32| on_path(x, y) - wide;
    let rim = |x: f32, y: f32| inside(x, y) > -10.0;
    grove(canvas, world, plot, half, (&free, &path, &rim), &mut rng);
}

/// Whether a crown of some radius has room, how far the next path is, and what is near the park's rim.
type Room<'a> =
    (&'a dyn Fn(f32, f32, f32) -> bool, &'a dyn Fn(f32, f32) -> f32, &'a dyn Fn(f32, f32) -> bool);

/// Trees in groups, along paths and around the park.
fn grove(
    canvas: &mut Canvas,
    world: &World,
    plot: &Plot,
    half: (f32, f32),
    room: Room,
    rng: &mut SplitMix64,
) {
    let (free, path, rim) = room;
    let wooded = rng.range(0.1, 0.8);
    let spread = rng.range(0.16, 0.5);
    let spacing = rng.range(5.5, 7.5) * (plot.size / 500.0).clamp(1.0, 1.4);
    let tint = leaf(world, rng);
    let all = plot.lot([-half.0, -half.1, half.0, half.1], 2);
    all.scatter(spacing, 2.0, rng, |place, x, y, rng| {
        let (x, y) = (x - half.0, y - half.1);
        let radius = spacing * rng.range(0.34, 0.74);
        let colour = mix(leaf(world, rng), tint, 0.4);
        let group = world.noise.smooth(x * spread + 40.0, y * spread) + wooded;
        let path = path(x, y);
        let beside = path < 5.0 && rng.chance(0.5);
        let rim = rim(x, y) && rng.chance(0.7);
        if free(x, y, radius) && path > 0.45 * radius && (group > 0.25 || beside || rim || rng.chance(0.04)) {
            tree(canvas, &place, radius, colour);
        }
    });
}

fn paths(half: (f32, f32), rng: &mut SplitMix64) -> Vec<Path> {
    (0..2 + rng.index(5))
        .map(|number| Path {
            turn: number as f32 * 0.9 + rng.range(-0.3, 0.3),
            off: rng.range(-0.5, 0.5) * half.1,
            swing: rng.range(0.02, 0.22) * half.1,
            rate: rng.range(1.5, 5.0) / half.0,
        })
        .collect()
}

impl Path {
    fn distance(&self, x: f32, y: f32) -> f32 {
        let (sin, cos) = self.turn.sin_cos();
        let (along, across) = (x * cos + y * sin, y * cos - x * sin);
        (across - self.off - self.swing * (along * self.rate).sin()).abs()
    }
}

fn lake(half: (f32, f32), rng: &mut SplitMix64) -> Lake {
    let count = if rng.chance(0.2) { 0 } else { 1 + rng.index(3) };
    let radius = rng.range(0.2, 0.5) * half.1;
    let (mut x, mut y) = (rng.range(-0.4, 0.4) * half.0, rng.range(-0.35, 0.35) * half.1);
    let mut basins = Vec::new();
    for _ in 0..count {
        let own = radius * rng.range(0.6, 1.0);
        basins.push((x, y, own));
        let angle = rng.range(0.0, std::f32::consts::TAU);
        x = (x + 1.7 * own * angle.cos()).clamp(-0.6 * half.0, 0.6 * half.0);
        y = (y + 1.7 * own * angle.sin()).clamp(-0.5 * half.1, 0.5 * half.1);
    }
    Lake { basins, bay: (radius * 0.5).max(8.0), shift: rng.range(0.0, 200.0) }
}

impl Lake {
    /// The distance from its shore, in metres, negative on the water.
    #[inline(always)]
    fn shore(&self, world: &World, x: f32, y: f32) -> f32 {
        // Noise is widest at 32 units.
        let rate = 14.0 / self.bay;
        let winding = 0.7 * self.bay * world.noise.smooth(x * rate * 0.6 + self.shift, y * rate * 0.6);
        // Basins that nearly touch flow together.
        self.basins.iter().fold(f32::INFINITY, |near, &(east, south, radius)| {
            let own = length(x - east, (y - south) * 1.2) - radius;
            let part = (0.5 + 0.5 * (near - own) / self.bay).clamp(0.0, 1.0);
            if near.is_finite() {
                near + (own - near) * part - self.bay * 0.5 * part * (1.0 - part)
            } else {
                own
            }
        }) + winding
    }
}

fn water(
    canvas: &mut Canvas,
    world: &World,
    frame: &Frame,
    lake: &Lake,
    bounds: [f32; 4],
    rng: &mut SplitMix64,
) {
    if lake.basins.is_empty() {
        return;
    }
    let shore = |x: f32, y: f32| lake.shore(world, x, y);
    let bank = mix(mix(world.soil, world.sand, 0.5), world.concrete, rng.range(0.0, 1.0));
    let wide = rng.range(0.5, 1.6);
    canvas.fill(frame, bounds, |x, y| shore(x, y) - wide, |_, _| bank);
    let pond = rng.pick(&[[58.0, 84.0, 66.0], [76.0, 98.0, 76.0], [44.0, 62.0, 58.0], [98.0, 114.0, 98.0]]);
    let water = mix(mix(world.river, world.deep, rng.range(0.0, 0.6)), pond, rng.range(0.2, 0.8));
    canvas.fill(frame, bounds, shore, |x, y| {
        let deep = ease(0.0, -8.0, shore(x, y));
        let calm = 0.05 * world.noise.smooth(x * 0.1, y * 0.1) + 0.025 * world.noise.rough(x, y);
        scale(water, 1.14 - 0.16 * deep + calm)
    });
    // An island.
    let (x, y, radius) = lake.basins[lake.basins.len() - 1];
    if radius > 22.0 && rng.chance(0.55) {
        let island = radius * rng.range(0.2, 0.4);
        let place = frame.at(x + rng.range(-0.2, 0.2) * radius, y + rng.range(-0.2, 0.2) * radius);
        canvas.disc(&place, island + 1.2, |_, _| bank);
        canvas.disc(&place, island, |x, y| world.rough(world.lawn, x, y, 0.1, 0.1));
        for _ in 0..(island * island * 0.05) as usize + 2 {
            let (angle, far) = (rng.range(0.0, 6.3), 0.85 * island * rng.unit().sqrt());
            let (size, colour) = (rng.range(2.0, 4.5), leaf(world, rng));
            tree(canvas, &place.at(far * angle.cos(), far * angle.sin()), size, colour);
        }
    }
    // Boats.
    for _ in 0..rng.index(9) {
        let (east, south) = (rng.range(-1.0, 1.0) * radius, rng.range(-0.8, 0.8) * radius);
        if shore(x + east, y + south) < -4.0 {
            let boat = frame.at(x + east, y + south).turned(rng.range(0.0, 3.1));
            canvas.slab(&boat, (1.7, 0.7), |_, _| [228.0, 226.0, 220.0]);
        }
    }
}

/// A round place where people meet, with rings of stone and at times a fountain or a monument.
fn plaza(canvas: &mut Canvas, world: &World, frame: &Frame, radius: f32, stone: Rgb, rng: &mut SplitMix64) {
    let pale = mix(stone, [216.0, 212.0, 204.0], rng.range(0.2, 0.9));
    canvas.disc(frame, radius, |x, y| {
        let band = if (length(x, y) / 4.0).rem_euclid(1.0) < 0.18 { 0.86 } else { 1.0 };
        scale(world.rough(pale, x, y, 0.05, 0.05), band)
    });
    match rng.index(3) {
        0 => {
            canvas.disc(frame, 0.42 * radius, |x, y| world.rough(world.lawn, x, y, 0.1, 0.1));
            canvas.disc_shadow(frame, 0.8, 6.0, 0.5);
            canvas.disc(frame, 1.3, |_, _| [226.0, 226.0, 222.0]);
        }
        1 => {
            canvas.disc(frame, 0.4 * radius + 0.8, |_, _| scale(pale, 1.1));
            canvas.disc(frame, 0.4 * radius, |x, y| world.rough([96.0, 138.0, 144.0], x, y, 0.06, 0.05));
        }
        _ => {}
    }
}

fn playground(canvas: &mut Canvas, world: &World, frame: &Frame, rng: &mut SplitMix64) {
    let half = (rng.range(9.0, 18.0), rng.range(8.0, 14.0));
    canvas.fill(
        frame,
        [-half.0, -half.1, half.0, half.1],
        |x, y| rounded(x, y, half, 6.0),
        |x, y| world.rough(world.sand, x, y, 0.06, 0.06),
    );
    for _ in 0..7 {
        let toy = frame
            .at(rng.range(-0.7, 0.7) * half.0, rng.range(-0.7, 0.7) * half.1)
            .turned(rng.range(0.0, 3.0));
        let colour: Rgb =
            rng.pick(&[[196.0, 70.0, 60.0], [70.0, 110.0, 170.0], [216.0, 186.0, 80.0], [90.0, 140.0, 96.0]]);
        let size = (rng.range(0.8, 3.0), rng.range(0.6, 1.6));
        canvas.box_shadow(&toy, size, 2.5, 0.55);
        canvas.slab(&toy, size, |_, _| colour);
    }
}

/// A formal garden: beds around a round basin. Half its side is given in metres.
fn parterre(canvas: &mut Canvas, world: &World, frame: &Frame, side: f32, rng: &mut SplitMix64) {
    canvas.slab(frame, (side, side), |x, y| world.rough([204.0, 192.0, 168.0], x, y, 0.05, 0.05));
    let flowers: Rgb = rng.pick(&[[176.0, 84.0, 92.0], [196.0, 160.0, 80.0], [120.0, 96.0, 150.0]]);
    for (x, y) in [(-0.5, -0.5), (0.5, -0.5), (-0.5, 0.5), (0.5, 0.5)] {
        let bed = frame.at(x * side, y * side);
        canvas.slab(&bed, (0.42 * side, 0.42 * side), |x, y| world.rough(world.lawn, x, y, 0.06, 0.08));
        canvas.slab(&bed, (0.2 * side, 0.2 * side), |x, y| world.rough(flowers, x, y, 0.1, 0.2));
    }
    canvas.disc(frame, 0.3 * side, |_, _| [210.0, 202.0, 186.0]);
    canvas.disc(frame, 0.24 * side, |_, _| [104.0, 146.0, 152.0]);
}

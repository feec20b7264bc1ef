//! A desert: dunes in ranks or alone, plains of sand and gravel, dry rivers, bare rock.

use super::relief::{Relief, Slope, hills, rugged};
use crate::random::SplitMix64;
use crate::sample_scene::canvas::Canvas;
use crate::sample_scene::colour::{Rgb, ease, mix, scale};
use crate::sample_scene::sites::Plot;
use crate::sample_scene::things::trees::tree;
use crate::sample_scene::world::World;

const SANDS: [Rgb; 9] = [
    [212.0, 174.0, 124.0],
    [224.0, 192.0, 144.0],
    [200.0, 152.0, 104.0],
    [216.0, 184.0, 150.0],
    [190.0, 170.0, 140.0],
    [186.0, 176.0, 162.0],
    [202.0, 140.0, 96.0],
    [226.0, 206.0, 168.0],
    [182.0, 146.0, 112.0],
];
const ROCKS: [Rgb; 5] = [
    [122.0, 98.0, 80.0],
    [140.0, 112.0, 88.0],
    [104.0, 92.0, 84.0],
    [150.0, 128.0, 108.0],
    [128.0, 88.0, 66.0],
];
/// Heights along a side of the relief.
const GRID: usize = 420;

pub fn desert(canvas: &mut Canvas, world: &World, plot: &Plot) {
    let mut rng = plot.rng(1);
    match rng.index(10) {
        0..=4 => dunes(canvas, world, plot, &mut rng),
        5 => lone_dunes(canvas, world, plot, &mut rng),
        6 | 7 => plain(canvas, world, plot, &mut rng),
        _ => rocks(canvas, world, plot, &mut rng),
    }
    if rng.chance(0.25) {
        shrubs(canvas, world, plot, &mut rng);
    }
    if rng.chance(0.25) {
        track(canvas, world, plot, &mut rng);
    }
}

/// The way up a dune and down again: slowly against the wind, steeply behind its crest. 0 to 1.
fn profile(phase: f32, crest: f32) -> f32 {
    let part = phase.rem_euclid(1.0);
    if part < crest { ease(-0.35 * crest, crest * 1.02, part) } else { ease(1.0, crest * 0.98, part) }
}

/// How dunes of sand are coloured: lit by the sun, dark where they face away, pale along the crests.
fn sanded(world: &World, sand: Rgb, slope: &Slope, light: (f32, f32), x: f32, y: f32, top: f32) -> Rgb {
    let (ripple, strength) = light;
    let wind = 0.035 * ripple + 0.03 * world.noise.smooth(x * 0.25, y * 0.25);
    let shade = 1.0 + (strength - 1.0) * 0.75;
    let shade = if shade < 0.8 { 0.8 - 0.6 * (0.8 - shade) } else { shade.min(1.3) };
    let hollow = mix(scale(sand, 0.9), sand, ease(0.0, 0.5 * top.max(0.1), slope.height));
    // Shade in the desert is lit by the sky, so it is less yellow.
    let cool = mix(hollow, [150.0, 130.0, 122.0], (0.35 * (1.0 - shade)).clamp(0.0, 0.3));
    scale(cool, shade + wind + 0.035 * world.noise.rough(x * 1.3, y * 1.3))
}

fn dunes(canvas: &mut Canvas, world: &World, plot: &Plot, rng: &mut SplitMix64) {
    let sand = rng.pick(&SANDS);
    let linear = rng.chance(0.3);
    let spacing = (plot.size / rng.range(3.0, 14.0)).clamp(12.0, 420.0);
    let top = spacing * rng.range(0.05, 0.13);
    let wander = if linear { rng.range(0.25, 0.6) } else { rng.range(0.5, 1.1) };
    let stretch = if linear { 0.16 } else { rng.range(0.3, 0.7) };
    let crest = if linear { 0.5 } else { rng.range(0.62, 0.8) };
    let second = if rng.chance(0.5) { rng.range(0.1, 0.45) } else { 0.0 };
    let (seed, turn) = (rng.bits(), rng.range(0.0, 6.2));
    let (sin, cos) = turn.sin_cos();
    let small = 0.22 * spacing;
    let relief = Relief::new(GRID, plot.seen, |x, y| {
        let (along, across) = ((x * cos + y * sin) / spacing, (y * cos - x * sin) / spacing);
        let bend = wander * rugged(seed, across * stretch, along * 0.35, 3)
            + 0.12 * rugged(seed + 20, across * 1.4, along, 2);
        let grown = 0.62 + 0.6 * hills(seed + 40, along * 0.4, across * stretch * 0.7);
        let main = profile(along + bend, crest) * grown.max(0.05);
        let phase = (y * cos + x * sin) / spacing * 1.3;
        let crossing = second * profile(phase + 0.8 * hills(seed + 60, across, along), 0.6);
        let fine_bend = 0.8 * hills(seed + 80, x / small * 0.4, y / small * 0.4);
        let fine = profile(along * spacing / small + fine_bend, 0.65);
        top * (main + crossing + 0.07 * fine)
    });
    let sun = canvas.sun(&plot.frame);
    let high = rng.range(0.45, 0.9);
    // Between the dunes the ground may be harder and greyer.
    let floor = if rng.chance(0.4) { mix(rng.pick(&ROCKS), sand, 0.55) } else { sand };
    let between = rng.range(0.06, 0.3);
    let wave = rng.range(2.0, 4.5);
    let noise = world.noise;
    canvas.each(&plot.frame, plot.all(), |pixel, x, y| {
        let slope = relief.at(x, y);
        let bend = 5.0 * noise.smooth(x * 0.12, y * 0.12);
        let ripple = ((x * cos + y * sin + bend) * std::f32::consts::TAU / wave).sin();
        let ground = sanded(world, sand, &slope, (ripple, slope.light(sun, high)), x, y, top);
        let hard = ease(between, 0.0, slope.height / top) * ease(0.12, 0.02, slope.steep());
        *pixel = mix(ground, world.rough(floor, x, y, 0.06, 0.07), 0.8 * hard);
    });
}

/// Crescents that wander over a hard plain.
fn lone_dunes(canvas: &mut Canvas, world: &World, plot: &Plot, rng: &mut SplitMix64) {
    let sand = rng.pick(&SANDS);
    let floor = scale(mix(rng.pick(&ROCKS), sand, rng.range(0.35, 0.75)), rng.range(0.95, 1.1));
    let spacing = (plot.size / rng.range(3.0, 8.0)).clamp(16.0, 300.0);
    let turn = rng.range(0.0, 6.2);
    let (sin, cos) = turn.sin_cos();
    let count = (2.2 * plot.seen / spacing).ceil() as i32;
    let mut places = Vec::new();
    for row in -count..=count {
        for column in -count..=count {
            if rng.chance(0.55) {
                let x = (column as f32 + rng.range(-0.5, 0.5)) * spacing;
                let y = (row as f32 + rng.range(-0.5, 0.5)) * spacing;
                places.push((x, y, spacing * rng.range(0.25, 0.62)));
            }
        }
    }
    let seed = rng.bits();
    let top = 0.12 * spacing;
    let relief = Relief::new(GRID, plot.seen, |x, y| {
        let bent = 0.12 * spacing * hills(seed, x / spacing * 2.0, y / spacing * 2.0);
        let (along, across) = (x * cos + y * sin + bent, y * cos - x * sin + bent);
        places.iter().fold(0.0_f32, |height, &(at_x, at_y, size)| {
            let (along, across) = ((along - at_x) / size, (across - at_y) / size);
            if along.abs() > 1.5 || across.abs() > 1.2 {
                return height;
            }
            // A mound, less a round bite on the lee side.
            let horns = along - 0.9 * across * across;
            let mound = 1.0 - (0.9 * horns * horns + across * across);
            let lee = ease(0.32, 0.16, horns);
            height.max(size * 0.24 * mound.max(0.0).powf(0.8) * lee)
        })
    });
    let sun = canvas.sun(&plot.frame);
    let noise = world.noise;
    canvas.each(&plot.frame, plot.all(), |pixel, x, y| {
        let slope = relief.at(x, y);
        let streak = noise.smooth((x * cos + y * sin) * 0.03, (y * cos - x * sin) * 0.2);
        let bare = world.rough(mix(floor, sand, (0.3 + 0.4 * streak).clamp(0.0, 1.0)), x, y, 0.05, 0.08);
        let ripple = ((x * cos + y * sin) * 2.0 + 3.0 * noise.smooth(x * 0.1, y * 0.1)).sin();
        let dune = sanded(world, sand, &slope, (ripple, slope.light(sun, 0.6)), x, y, top);
        *pixel = mix(bare, dune, ease(0.01 * spacing.min(60.0) * 0.3, 0.012 * spacing, slope.height));
    });
}

/// Gravel and sand, level, with the beds of rivers that seldom run.
fn plain(canvas: &mut Canvas, world: &World, plot: &Plot, rng: &mut SplitMix64) {
    let sand = rng.pick(&SANDS);
    let gravel = mix(rng.pick(&ROCKS), sand, rng.range(0.2, 0.75));
    let seed = rng.bits();
    let unit = plot.size * rng.range(0.12, 0.4);
    let wadis = rng.chance(0.65);
    let width = rng.range(0.04, 0.12);
    let turn = rng.range(0.0, 6.2);
    let (sin, cos) = turn.sin_cos();
    let relief = Relief::new(GRID, plot.seen, |x, y| rugged(seed + 9, x / unit, y / unit, 6) * unit * 0.05);
    let beds = Relief::new(GRID, plot.seen, |x, y| {
        let (along, across) = ((x * cos + y * sin) / unit, (y * cos - x * sin) / unit);
        let bend = rugged(seed + 30, along * 0.8, across * 0.8, 4);
        rugged(seed + 60, across * 0.9 + 0.8 * bend, along * 0.28, 2).abs()
    });
    let sun = canvas.sun(&plot.frame);
    let noise = world.noise;
    canvas.each(&plot.frame, plot.all(), |pixel, x, y| {
        let slope = relief.at(x, y);
        let patch = 0.5 + 0.7 * slope.height / (unit * 0.05) + 0.25 * noise.smooth(x * 0.3, y * 0.3);
        let stones = noise.rough(x * 1.1, y * 1.1);
        let ground = scale(mix(gravel, sand, patch.clamp(0.0, 1.0)), 1.0 + 0.09 * stones);
        let bed = if wadis { ease(width, 0.35 * width, beds.at(x, y).height) } else { 0.0 };
        let braid = 0.06 * noise.smooth(x * 0.5, y * 0.5);
        let pale = scale(mix(sand, [232.0, 222.0, 204.0], 0.35), 1.02 + braid);
        let lit = 0.35 + 0.65 * slope.light(sun, 0.7);
        let bank =
            1.0 - 0.16 * ease(1.6 * width, width, beds.at(x, y).height) * (1.0 - bed) * f32::from(wadis);
        *pixel = scale(mix(ground, pale, bed), lit * bank);
    });
}

/// Bare rock cut by water, with sand in the hollows.
fn rocks(canvas: &mut Canvas, world: &World, plot: &Plot, rng: &mut SplitMix64) {
    let sand = rng.pick(&SANDS);
    let rock = mix(rng.pick(&ROCKS), sand, rng.range(0.25, 0.65));
    let seed = rng.bits();
    let unit = plot.size * rng.range(0.2, 0.5);
    let step = 2.0 * plot.seen / 100.0;
    let mut relief = Relief::new(100, plot.seen, |x, y| {
        0.2 * unit * rugged(seed, x / unit, y / unit, 5) + 0.1 * step * hills(seed, x / step, y / step)
    });
    let cut = rng.range(0.25, 0.5);
    relief.carve(30, rng.range(0.3, 0.7) * step * cut, cut, 0.08);
    let relief = Relief::new(GRID, plot.seen, |x, y| {
        let bend = |seed: u64| 0.8 * step * rugged(seed, x / step * 0.2, y / step * 0.2, 2);
        let detail = 0.1 * step * rugged(seed + 5, x / step * 0.7, y / step * 0.7, 3);
        relief.at(x + bend(seed + 50), y + bend(seed + 60)).height + detail
    });
    let (low, high) = relief.range();
    let filled = low + (high - low) * rng.range(0.1, 0.5);
    let soft = 0.12 * (high - low);
    let sun = canvas.sun(&plot.frame);
    let noise = world.noise;
    let layers = rng.range(0.0, 0.12);
    canvas.each(&plot.frame, plot.all(), |pixel, x, y| {
        let slope = relief.at(x, y);
        let band = layers * (slope.height / (high - low) * 60.0 + noise.smooth(x * 0.05, y * 0.05)).sin();
        let stone = scale(rock, 1.0 + band + 0.12 * noise.rough(x * 0.9, y * 0.9));
        let drift = ease(filled + soft, filled, slope.height) * ease(0.6, 0.2, slope.steep());
        let ground = mix(stone, world.rough(sand, x, y, 0.05, 0.05), drift);
        *pixel = scale(ground, 0.3 + 0.7 * slope.light(sun, 0.75).min(1.6));
    });
}

fn shrubs(canvas: &mut Canvas, world: &World, plot: &Plot, rng: &mut SplitMix64) {
    let bush = mix(world.leaf, [110.0, 98.0, 70.0], 0.6);
    let spacing = (plot.seen / 45.0).max(rng.range(5.0, 12.0));
    let many = rng.range(0.05, 0.35);
    plot.lot(plot.all(), 7).scatter(spacing, 0.0, rng, |place, x, y, rng| {
        let radius = rng.range(0.6, 2.0);
        if rng.chance(many * (1.0 + world.noise.smooth(x / spacing, y / spacing))) {
            tree(canvas, &place, radius, bush);
        }
    });
}

/// Wheels have left two pale lines.
fn track(canvas: &mut Canvas, world: &World, plot: &Plot, rng: &mut SplitMix64) {
    let off = rng.range(-0.3, 0.3) * plot.size;
    let frame = plot.frame.turned(rng.range(0.0, 3.1)).at(0.0, off);
    let (swing, rate) = (rng.range(0.02, 0.08) * plot.size, rng.range(2.0, 6.0) / plot.size);
    let wide = rng.range(2.5, 6.0);
    let bounds = [-1.5 * plot.seen, -swing - wide, 1.5 * plot.seen, swing + wide];
    let noise = world.noise;
    canvas.each(&frame, bounds, |pixel, x, y| {
        let from_middle = (y - swing * (x * rate).sin()).abs();
        let wheel = ease(0.24, 0.08, (from_middle - 0.3 * wide).abs() / wide);
        let seen = ease(-0.6, 0.2, noise.smooth(x * 0.05, off)) * wheel;
        *pixel = mix(*pixel, scale(*pixel, 1.14), seen);
    });
}

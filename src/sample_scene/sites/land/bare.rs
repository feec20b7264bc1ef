//! Bare land: earth without crops, ground that is levelled and built on, wheel tracks, a little grass.

use super::relief::{Relief, rugged};
use crate::random::SplitMix64;
use crate::sample_scene::canvas::{Canvas, length};
use crate::sample_scene::colour::{Rgb, ease, mix, scale};
use crate::sample_scene::frame::Frame;
use crate::sample_scene::sites::Plot;
use crate::sample_scene::things::houses::gabled;
use crate::sample_scene::things::trees::{leaf, tree};
use crate::sample_scene::things::vehicles::{car, truck};
use crate::sample_scene::world::World;

const EARTHS: [Rgb; 8] = [
    [170.0, 140.0, 110.0],
    [186.0, 164.0, 134.0],
    [150.0, 128.0, 106.0],
    [176.0, 136.0, 102.0],
    [164.0, 152.0, 134.0],
    [196.0, 180.0, 156.0],
    [140.0, 112.0, 92.0],
    [182.0, 150.0, 124.0],
];

pub fn bare_land(canvas: &mut Canvas, world: &World, plot: &Plot) {
    let mut rng = plot.rng(1);
    let earth = mix(rng.pick(&EARTHS), world.soil, rng.range(0.0, 0.5));
    ground(canvas, world, plot, earth, &mut rng);
    let site = rng.chance(0.5);
    if site {
        levelled(canvas, world, plot, earth, &mut rng);
    }
    tracks(canvas, world, plot, earth, &mut rng);
    if site {
        works(canvas, world, plot, earth, &mut rng);
    } else {
        for _ in 0..rng.index(5) {
            let place = anywhere(plot, &mut rng);
            let radius = rng.range(2.0, 7.0);
            heap(canvas, &place, radius, scale(earth, rng.range(0.85, 1.12)));
        }
    }
    let many = rng.pick(&[0.0, 0.01, 0.03, 0.1]);
    plot.lot(plot.all(), 6).scatter((plot.seen / 40.0).max(6.0), 0.0, &mut rng, |place, x, y, rng| {
        let (radius, colour) = (rng.range(0.8, 2.8), leaf(world, rng));
        if rng.chance(many * (1.0 + 2.0 * world.noise.smooth(x * 0.1, y * 0.1))) {
            tree(canvas, &place, radius, colour);
        }
    });
}

fn anywhere(plot: &Plot, rng: &mut SplitMix64) -> Frame {
    let (x, y) = (rng.range(-0.5, 0.5) * plot.size, rng.range(-0.5, 0.5) * plot.size);
    plot.frame.at(x, y).turned(rng.range(0.0, 6.2))
}

/// Earth in several shades, and where grass has come back.
fn ground(canvas: &mut Canvas, world: &World, plot: &Plot, earth: Rgb, rng: &mut SplitMix64) {
    let seed = rng.bits();
    let unit = plot.size * rng.range(0.15, 0.5);
    let shades = Relief::new(220, plot.seen, |x, y| rugged(seed, x / unit, y / unit, 6));
    let grown = Relief::new(220, plot.seen, |x, y| rugged(seed + 30, 1.6 * x / unit, 1.6 * y / unit, 6));
    let (dark, pale) =
        (scale(earth, rng.range(0.72, 0.95)), mix(earth, [214.0, 202.0, 184.0], rng.range(0.1, 0.6)));
    let grass = mix(world.meadow, rng.pick(&[[112.0, 118.0, 76.0], [134.0, 130.0, 92.0]]), 0.6);
    let green = rng.range(0.0, 0.75);
    let sun = canvas.sun(&plot.frame);
    let noise = world.noise;
    let bumps = rng.range(0.0, 0.25);
    canvas.each(&plot.frame, plot.all(), |pixel, x, y| {
        let shade = shades.at(x, y);
        let colour = mix(dark, pale, ease(-0.45, 0.45, shade.height));
        let lit = -bumps * (shade.rise.0 * sun.0 + shade.rise.1 * sun.1) * unit * 0.3;
        let soil = scale(
            world.rough(colour, x, y, 0.05, 0.07),
            1.0 + 0.05 * noise.smooth(x * 0.15, y * 0.15) + lit.clamp(-0.25, 0.25),
        );
        let tuft = 0.25 * noise.rough(x * 0.7, y * 0.7) + 0.2 * noise.smooth(x * 0.4, y * 0.4);
        let growth = ease(0.05, 0.35, grown.at(x, y).height + tuft + green - 0.65);
        *pixel = mix(soil, world.rough(grass, x, y, 0.1, 0.16), 0.85 * growth);
    });
}

/// Pieces of ground that machines have scraped, each of its own shade.
fn levelled(canvas: &mut Canvas, world: &World, plot: &Plot, earth: Rgb, rng: &mut SplitMix64) {
    let noise = world.noise;
    for _ in 0..2 + rng.index(6) {
        let place = anywhere(plot, rng).turned(0.0);
        let place = Frame { x_axis: plot.frame.x_axis, y_axis: plot.frame.y_axis, ..place };
        let half = (plot.size * rng.range(0.08, 0.3), plot.size * rng.range(0.06, 0.22));
        let colour = scale(mix(earth, rng.pick(&EARTHS), rng.range(0.1, 0.7)), rng.range(0.85, 1.12));
        let (shift, lines) = (rng.range(0.0, 200.0), rng.range(0.0, 0.05));
        let own = [-half.0 - 3.0, -half.1 - 3.0, half.0 + 3.0, half.1 + 3.0];
        canvas.fill(
            &place,
            own,
            |x, y| {
                let (dx, dy) = (x.abs() - half.0, y.abs() - half.1);
                dx.max(dy) + 2.5 * noise.smooth(x * 0.2 + shift, y * 0.2)
            },
            |x, y| scale(world.rough(colour, x, y, 0.05, 0.06), 1.0 + lines * (y * 1.8).sin()),
        );
    }
}

/// Wheel tracks that bend over the ground, wide ones and many narrow ones.
fn tracks(canvas: &mut Canvas, world: &World, plot: &Plot, earth: Rgb, rng: &mut SplitMix64) {
    let noise = world.noise;
    let pale = mix(earth, [222.0, 212.0, 196.0], rng.range(0.3, 0.7));
    for number in 0..rng.index(9) {
        let frame = anywhere(plot, rng);
        let (swing, rate) = (rng.range(0.02, 0.18) * plot.size, rng.range(1.5, 7.0) / plot.size);
        let wide = number < 2;
        let half = if wide { rng.range(2.0, 4.5) } else { rng.range(0.8, 1.6) };
        let reach = if wide { 2.0 * plot.seen } else { plot.size * rng.range(0.15, 0.6) };
        let strength = if wide { rng.range(0.5, 0.95) } else { rng.range(0.3, 0.7) };
        let colour = if !wide && rng.chance(0.4) { scale(earth, 0.72) } else { pale };
        canvas.each(&frame, [-reach, -swing - 2.0 * half, reach, swing + 2.0 * half], |pixel, x, y| {
            let off = (y - swing * (x * rate).sin()).abs();
            let worn = if wide { ease(half, 0.7 * half, off) } else { ease(0.5, 0.15, (off - half).abs()) };
            let end = ease(reach, 0.7 * reach, x.abs());
            let here = worn * end * strength * (0.8 + 0.4 * noise.smooth(x * 0.15, y * 0.15));
            *pixel = mix(*pixel, colour, here.clamp(0.0, 1.0));
        });
    }
}

/// What stands on a building site: heaps, foundations, machines, huts, puddles.
fn works(canvas: &mut Canvas, world: &World, plot: &Plot, earth: Rgb, rng: &mut SplitMix64) {
    let noise = world.noise;
    let even = |place: Frame| Frame { x_axis: plot.frame.x_axis, y_axis: plot.frame.y_axis, ..place };
    for _ in 0..rng.index(4) {
        let place = anywhere(plot, rng);
        let radius = rng.range(3.0, 14.0);
        let water = mix([104.0, 104.0, 92.0], earth, rng.range(0.1, 0.5));
        let (shift, bounds) =
            (rng.range(0.0, 200.0), [-2.0 * radius, -2.0 * radius, 2.0 * radius, 2.0 * radius]);
        canvas.fill(
            &place,
            bounds,
            |x, y| length(x, 1.6 * y) - radius * (1.0 + 0.5 * noise.smooth(x * 0.8 + shift, y * 0.8)),
            |_, _| water,
        );
    }
    for _ in 0..rng.index(4) {
        foundation(canvas, world, &even(anywhere(plot, rng)), rng);
    }
    for _ in 0..=rng.index(7) {
        let place = anywhere(plot, rng);
        let radius = rng.range(2.5, 11.0);
        let colour = scale(mix(earth, rng.pick(&EARTHS), 0.4), rng.range(0.85, 1.1));
        for _ in 0..=rng.index(3) {
            heap(
                canvas,
                &place.at(rng.range(-1.0, 1.0) * radius, rng.range(-1.0, 1.0) * radius),
                radius,
                colour,
            );
        }
    }
    for _ in 0..rng.index(7) {
        let place = anywhere(plot, rng);
        match rng.index(3) {
            0 => truck(canvas, &place, rng),
            1 => car(canvas, &place, rng),
            _ => digger(canvas, &place),
        }
    }
    if rng.chance(0.5) {
        let place = even(anywhere(plot, rng));
        let colour: Rgb = rng.pick(&[[92.0, 128.0, 176.0], [222.0, 222.0, 220.0], [176.0, 84.0, 70.0]]);
        for row in 0..=rng.index(4) {
            gabled(canvas, &place.at(0.0, row as f32 * 9.0), (rng.range(8.0, 18.0), 2.8), 4.0, colour);
        }
    }
}

/// A slab of concrete with the first walls on it, or a pit for one.
fn foundation(canvas: &mut Canvas, world: &World, frame: &Frame, rng: &mut SplitMix64) {
    let half = (rng.range(7.0, 26.0), rng.range(6.0, 14.0));
    let colour =
        if rng.chance(0.7) { scale(world.concrete, rng.range(0.85, 1.1)) } else { scale(world.soil, 0.7) };
    canvas.slab(frame, (half.0 + 2.0, half.1 + 2.0), |x, y| {
        world.rough(scale(world.soil, 0.85), x, y, 0.1, 0.1)
    });
    canvas.slab(frame, half, |x, y| world.rough(colour, x, y, 0.06, 0.06));
    let room = rng.range(4.0, 8.0);
    let mut x = -half.0 + room;
    while x < half.0 {
        canvas.plain(frame, [x - 0.25, -half.1, x + 0.25, half.1], scale(colour, 0.78));
        x += room;
    }
    canvas.plain(frame, [-half.0, -0.25, half.0, 0.25], scale(colour, 0.78));
}

fn heap(canvas: &mut Canvas, frame: &Frame, radius: f32, colour: Rgb) {
    let sun = canvas.sun(frame);
    let noise = canvas.noise;
    canvas.disc_shadow(frame, 0.7 * radius, 0.45 * radius, 0.6);
    let bounds = [-1.3 * radius, -1.3 * radius, 1.3 * radius, 1.3 * radius];
    canvas.fill(
        frame,
        bounds,
        |x, y| {
            length(x, y)
                - radius * (0.95 + 0.25 * noise.smooth(x * 2.0 / radius * 4.0, y * 2.0 / radius * 4.0))
        },
        |x, y| {
            let lit = (x * sun.0 + y * sun.1) / length(x, y).max(0.4 * radius);
            scale(colour, 0.95 + 0.26 * lit + 0.06 * noise.rough(x * 1.5, y * 1.5))
        },
    );
}

fn digger(canvas: &mut Canvas, frame: &Frame) {
    let yellow: Rgb = [214.0, 166.0, 60.0];
    canvas.box_shadow(frame, (2.2, 1.5), 3.0, 0.55);
    canvas.plain(frame, [-2.2, -1.5, 2.2, 1.5], [70.0, 66.0, 62.0]);
    canvas.plain(frame, [-2.4, -1.2, 1.4, 1.2], yellow);
    canvas.line(frame, (1.0, 0.3), (6.0, 0.8), 0.8, scale(yellow, 0.9));
    canvas.plain(frame, [5.6, 0.1, 6.8, 1.5], [90.0, 84.0, 76.0]);
}

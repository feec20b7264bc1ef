//! Ships, and those under way at sea.

use super::Plot;
use crate::random::SplitMix64;
use crate::sample_scene::canvas::Canvas;
use crate::sample_scene::colour::{Rgb, ease, mix, scale};
use crate::sample_scene::frame::Frame;
use crate::sample_scene::world::World;

const HULLS: [Rgb; 6] = [
    [120.0, 52.0, 48.0],
    [44.0, 52.0, 66.0],
    [52.0, 84.0, 110.0],
    [60.0, 62.0, 64.0],
    [140.0, 70.0, 52.0],
    [222.0, 222.0, 220.0],
];
const BOXES: [Rgb; 8] = [
    [170.0, 66.0, 54.0],
    [64.0, 92.0, 140.0],
    [196.0, 196.0, 192.0],
    [92.0, 128.0, 96.0],
    [206.0, 132.0, 62.0],
    [120.0, 88.0, 70.0],
    [222.0, 204.0, 120.0],
    [110.0, 60.0, 60.0],
];

/// One to four ships on open water.
pub fn at_sea(canvas: &mut Canvas, world: &World, plot: &Plot) {
    let mut rng = plot.rng(1);
    water(canvas, world, plot, plot.all(), rng.range(0.3, 1.0));
    let others = if rng.chance(0.4) { 1 + rng.index(3) } else { 0 };
    for number in 0..=others {
        let length = plot.size * if number == 0 { 1.0 } else { rng.range(0.4, 1.0) };
        let far = if number == 0 { 0.0 } else { rng.range(0.5, 0.9) * plot.seen };
        let around = rng.range(0.0, std::f32::consts::TAU);
        let turn = if rng.chance(0.6) { 0.0 } else { rng.range(0.0, std::f32::consts::TAU) };
        let place = plot.frame.at(far * around.cos(), far * around.sin()).turned(turn);
        if rng.chance(0.75) {
            wake(canvas, &place, length, &mut rng);
        }
        ship(canvas, &place, length, &mut rng);
    }
}

/// Water with swell, ripples and now and then white caps; `rough` is how much wind there is.
pub fn water(canvas: &mut Canvas, world: &World, plot: &Plot, bounds: [f32; 4], rough: f32) {
    let mut rng = plot.rng(40);
    let noise = world.noise;
    let tint = mix(world.deep, rng.pick(&[world.deep, world.shallow, world.river]), rng.range(0.0, 0.5));
    let wave = rng.range(14.0, 34.0);
    let caps = if rng.chance(0.3) { rough } else { 0.0 };
    let glint = if rng.chance(0.15) { 0.5 } else { 0.0 };
    canvas.area(&plot.frame, bounds, |x, y| {
        let warp = noise.smooth(x * 0.05, y * 0.03);
        let swell = ((y + 24.0 * warp) * std::f32::consts::TAU / wave).sin();
        let ripple = noise.rough(x * 0.5, y * 0.9);
        let chop = noise.rough(x * 1.9, y * 2.5);
        let light = 1.0 + rough * (0.05 * swell + 0.07 * ripple + 0.05 * chop) + 0.08 * warp;
        let cap = ease(1.2, 1.7, chop + 0.8 * ripple + 0.4 * warp) * caps;
        let sea = mix(scale(tint, light), [216.0, 222.0, 222.0], cap);
        mix(sea, [176.0, 182.0, 184.0], glint * (0.6 + 0.3 * warp + 0.3 * ripple * rough))
    });
}

/// The foam behind a ship: a turbulent strip that widens, and two arms.
pub fn wake(canvas: &mut Canvas, frame: &Frame, length: f32, rng: &mut SplitMix64) {
    let noise = canvas.noise;
    let reach = length * rng.range(2.0, 6.0);
    let wide = 0.09 * length;
    let strength = rng.range(0.5, 0.95);
    let bounds = [-reach, -0.36 * reach, 0.4 * length, 0.36 * reach];
    canvas.each(frame, bounds, |pixel, x, y| {
        let behind = -x - 0.4 * length;
        let fading = (1.0 - behind / reach).clamp(0.0, 1.0);
        let spread = wide * (0.7 + 0.6 * (behind / length).max(0.0).sqrt());
        let strip = if behind > 0.0 { ease(spread, 0.3 * spread, y.abs()) * fading * fading } else { 0.0 };
        // The bow's waves leave it at about twenty degrees.
        let arm_at = 0.05 * length + 0.34 * (0.42 * length - x);
        let arm = ease(0.03 * length + 1.5, 0.0, (y.abs() - arm_at).abs()) * fading * fading * 0.7;
        let torn = 0.7 + 0.5 * noise.rough(x * 0.9, y * 0.9);
        *pixel = mix(*pixel, [222.0, 230.0, 230.0], (strip.max(arm) * torn * strength).clamp(0.0, 0.92));
    });
}

/// A ship around the frame's origin whose bow points along x. The length is in metres.
pub fn ship(canvas: &mut Canvas, frame: &Frame, length: f32, rng: &mut SplitMix64) {
    let half = (0.5 * length, length * rng.range(0.062, 0.085) + 1.2);
    let outline = move |x: f32, y: f32| {
        let bow = ((x - 0.3 * length) / (0.2 * length)).max(0.0);
        let stern = ((-x - 0.46 * length) / (0.04 * length)).max(0.0);
        (y.abs() - half.1 * (1.0 - bow.powf(1.7)) * (1.0 - 0.25 * stern)).max(x.abs() - half.0)
    };
    let bounds = [-half.0, -half.1, half.0, half.1];
    let board = 2.0 + 0.028 * length;
    let tip = canvas.shadow_of(frame, board);
    let shade =
        [bounds[0] - board * 2.0, bounds[1] - board * 2.0, bounds[2] + board * 2.0, bounds[3] + board * 2.0];
    canvas.dim(frame, shade, 0.45, |x, y| outline(x - tip.0, y - tip.1));
    let hull = rng.pick(&HULLS);
    canvas.fill(frame, bounds, outline, |_, _| hull);
    let deck: Rgb =
        rng.pick(&[[142.0, 70.0, 58.0], [106.0, 122.0, 104.0], [150.0, 150.0, 146.0], [92.0, 108.0, 122.0]]);
    canvas.fill(frame, bounds, |x, y| outline(x, y) + 0.06 * half.1 + 0.4, |_, _| deck);
    match rng.index(4) {
        0 | 1 => containers(canvas, frame, length, half.1, rng),
        2 => hatches(canvas, frame, length, half.1, rng),
        _ => pipes(canvas, frame, length, half.1),
    }
    bridge(canvas, frame, length, half.1, rng);
}

fn containers(canvas: &mut Canvas, frame: &Frame, length: f32, beam: f32, rng: &mut SplitMix64) {
    let bay = 13.0_f32.min(0.09 * length);
    let mut x = -0.24 * length;
    while x + bay < 0.4 * length {
        let wide = beam * if x > 0.26 * length { 0.55 } else { 0.9 };
        let rows = ((2.0 * wide / 2.5) as usize).max(1);
        let step = 2.0 * wide / rows as f32;
        let stacked = rng.chance(0.85);
        for row in 0..rows {
            let y = -wide + row as f32 * step;
            let colour = scale(rng.pick(&BOXES), rng.range(0.85, 1.15));
            if stacked {
                canvas.plain(frame, [x, y, x + bay - 1.0, y + step - 0.1], colour);
            }
        }
        x += bay;
    }
}

fn hatches(canvas: &mut Canvas, frame: &Frame, length: f32, beam: f32, rng: &mut SplitMix64) {
    let cover: Rgb = rng.pick(&[[176.0, 116.0, 96.0], [196.0, 192.0, 182.0], [120.0, 130.0, 124.0]]);
    for hold in 0..5 {
        let x = (-0.2 + 0.135 * hold as f32) * length;
        let place = frame.at(x, 0.0);
        let half = (0.045 * length, 0.6 * beam * if hold == 4 { 0.8 } else { 1.0 });
        canvas.box_shadow(&place, half, 1.5, 0.6);
        canvas.slab(&place, half, |x, _| scale(cover, if x.abs() < 0.4 { 0.8 } else { 1.0 }));
    }
}

fn pipes(canvas: &mut Canvas, frame: &Frame, length: f32, beam: f32) {
    for y in [-0.12_f32, 0.0, 0.12] {
        let y = y * beam;
        canvas.plain(frame, [-0.24 * length, y - 0.3, 0.38 * length, y + 0.3], [206.0, 202.0, 192.0]);
    }
    for x in [-0.1_f32, 0.06, 0.22] {
        let x = x * length;
        canvas.plain(frame, [x - 0.5, -0.75 * beam, x + 0.5, 0.75 * beam], [196.0, 192.0, 184.0]);
    }
}

fn bridge(canvas: &mut Canvas, frame: &Frame, length: f32, beam: f32, rng: &mut SplitMix64) {
    let house = frame.at(-0.35 * length, 0.0);
    let half = (0.05 * length, 0.82 * beam);
    canvas.box_shadow(&house, half, 4.0 + 0.05 * length, 0.45);
    canvas.slab(&house, half, |_, _| [238.0, 238.0, 236.0]);
    canvas.plain(&house, [half.0 * 0.4, -beam, half.0 * 0.75, beam], [226.0, 226.0, 224.0]);
    let funnel: Rgb = rng.pick(&[[60.0, 62.0, 66.0], [176.0, 60.0, 52.0], [60.0, 88.0, 140.0]]);
    canvas.slab(&house.at(-0.6 * half.0, 0.0), (0.22 * half.0, 0.2 * beam), |_, _| funnel);
}

//! Cars and trucks.

use crate::random::SplitMix64;
use crate::sample_scene::canvas::Canvas;
use crate::sample_scene::colour::{Rgb, scale};
use crate::sample_scene::frame::Frame;

const PAINTS: [Rgb; 14] = [
    [226.0, 228.0, 228.0],
    [232.0, 232.0, 230.0],
    [240.0, 240.0, 238.0],
    [176.0, 180.0, 184.0],
    [150.0, 152.0, 154.0],
    [44.0, 46.0, 50.0],
    [30.0, 30.0, 34.0],
    [62.0, 64.0, 68.0],
    [152.0, 42.0, 40.0],
    [120.0, 34.0, 36.0],
    [44.0, 66.0, 112.0],
    [62.0, 90.0, 130.0],
    [172.0, 158.0, 126.0],
    [74.0, 92.0, 78.0],
];

/// A car around the frame's origin, driving along x.
pub fn car(canvas: &mut Canvas, frame: &Frame, rng: &mut SplitMix64) {
    let paint = rng.pick(&PAINTS);
    let half = (rng.range(2.1, 2.6), rng.range(0.88, 1.02));
    canvas.box_shadow(frame, half, 1.4, 0.5);
    canvas.slab(frame, half, |_, _| paint);
    // Glass around the roof, which shines.
    canvas.plain(frame, [-half.0 * 0.72, -half.1 * 0.82, half.0 * 0.42, half.1 * 0.82], [38.0, 44.0, 52.0]);
    canvas.plain(frame, [-half.0 * 0.46, -half.1 * 0.78, half.0 * 0.12, half.1 * 0.78], scale(paint, 1.08));
}

/// A truck with a long, mostly white box.
pub fn truck(canvas: &mut Canvas, frame: &Frame, rng: &mut SplitMix64) {
    let cab = rng.pick(&PAINTS);
    let load =
        rng.pick(&[[236.0, 236.0, 234.0], [220.0, 222.0, 224.0], [196.0, 190.0, 176.0], [120.0, 70.0, 60.0]]);
    let length = rng.range(4.0, 7.5);
    canvas.box_shadow(frame, (length, 1.25), 3.4, 0.5);
    canvas.plain(frame, [-length, -1.25, length - 2.4, 1.25], load);
    canvas.plain(frame, [length - 2.1, -1.15, length, 1.15], cab);
}

/// Mostly cars.
pub fn vehicle(canvas: &mut Canvas, frame: &Frame, rng: &mut SplitMix64) {
    if rng.chance(0.1) {
        truck(canvas, frame, rng);
    } else {
        car(canvas, frame, rng);
    }
}

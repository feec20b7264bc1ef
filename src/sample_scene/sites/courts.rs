//! Basketball courts.

use super::Plot;
use crate::random::SplitMix64;
use crate::sample_scene::canvas::Canvas;
use crate::sample_scene::colour::{Rgb, mix, scale};
use crate::sample_scene::frame::Frame;
use crate::sample_scene::things::trees::{leaf, tree};
use crate::sample_scene::world::World;

const WHITE: Rgb = [234.0, 234.0, 230.0];
/// Half a court, and half the space that it takes, metres.
const COURT: (f32, f32) = (14.0, 7.5);
const SPACE: (f32, f32) = (16.5, 9.6);

/// One to four courts side by side.
pub fn basketball(canvas: &mut Canvas, world: &World, plot: &Plot) {
    let mut rng = plot.rng(1);
    let rows = if plot.size > 44.0 { 2 + rng.index(2) } else { 1 };
    let columns = if plot.size > 66.0 { 2 } else { 1 };
    let half = (columns as f32 * SPACE.0, rows as f32 * SPACE.1);
    grounds(canvas, world, plot, half);
    let (inside, outside): (Rgb, Rgb) = rng.pick(&[
        ([150.0, 84.0, 70.0], [86.0, 124.0, 92.0]),
        ([80.0, 108.0, 152.0], [86.0, 128.0, 98.0]),
        ([84.0, 122.0, 94.0], [150.0, 86.0, 72.0]),
        ([124.0, 122.0, 118.0], [124.0, 122.0, 118.0]),
        ([158.0, 154.0, 146.0], [158.0, 154.0, 146.0]),
        ([176.0, 128.0, 92.0], [90.0, 110.0, 146.0]),
        ([84.0, 110.0, 150.0], [140.0, 82.0, 74.0]),
    ]);
    let key = rng.pick(&[inside, outside, [170.0, 70.0, 62.0], [62.0, 84.0, 140.0]]);
    canvas.slab(&plot.frame, half, |x, y| world.rough(outside, x, y, 0.07, 0.05));
    for row in 0..rows {
        for column in 0..columns {
            let x = (2.0 * column as f32 + 1.0) * SPACE.0 - half.0;
            let y = (2.0 * row as f32 + 1.0) * SPACE.1 - half.1;
            court(canvas, world, &plot.frame.at(x, y), inside, key);
        }
    }
    for (x, y, side) in [
        (0.0, -half.1, (half.0, 0.12)),
        (0.0, half.1, (half.0, 0.12)),
        (-half.0, 0.0, (0.12, half.1)),
        (half.0, 0.0, (0.12, half.1)),
    ] {
        let fence = plot.frame.at(x, y);
        canvas.box_shadow(&fence, side, 3.0, 0.8);
        canvas.slab(&fence, side, |_, _| [96.0, 100.0, 96.0]);
    }
}

/// A court around the frame's origin, with its keys and rings.
fn court(canvas: &mut Canvas, world: &World, frame: &Frame, inside: Rgb, key: Rgb) {
    canvas.slab(frame, COURT, |x, y| world.rough(inside, x, y, 0.05, 0.04));
    let thin = 0.07;
    let ring = |canvas: &mut Canvas, at: f32, radius: f32, beyond: f32, side: f32| {
        let bounds = [at - radius - 0.2, -radius - 0.2, at + radius + 0.2, radius + 0.2];
        canvas.fill(
            frame,
            bounds,
            |x, y| (((x - at).hypot(y) - radius).abs() - thin).max(side * (x - beyond)),
            |_, _| WHITE,
        );
    };
    for side in [-1.0_f32, 1.0] {
        let end = side * COURT.0;
        let foul = end - side * 5.8;
        canvas.plain(frame, [end.min(foul), -2.45, end.max(foul), 2.45], key);
        for y in [-2.45, 2.45] {
            canvas.plain(frame, [end.min(foul), y - thin, end.max(foul), y + thin], WHITE);
        }
        canvas.plain(frame, [foul - thin, -2.45, foul + thin, 2.45], WHITE);
        ring(canvas, foul, 1.8, 1e6, side);
        // The three-point line: an arc, and straight to the end.
        ring(canvas, end - side * 1.57, 6.75, end - side * 2.99, side);
        for y in [-6.6, 6.6] {
            let to = end - side * 2.99;
            canvas.plain(frame, [end.min(to), y - thin, end.max(to), y + thin], WHITE);
        }
        // The board on its post.
        let board = frame.at(end - side * 1.2, 0.0);
        canvas.box_shadow(&board, (0.12, 0.9), 3.6, 0.45);
        canvas.line(frame, (end + side * 0.8, 0.0), (end - side * 1.2, 0.0), 0.22, [70.0, 72.0, 78.0]);
        canvas.slab(&board, (0.12, 0.9), |_, _| WHITE);
        canvas.disc(&frame.at(end - side * 1.6, 0.0), 0.26, |_, _| [196.0, 96.0, 52.0]);
    }
    ring(canvas, 0.0, 1.8, 1e6, 1.0);
    canvas.plain(frame, [-thin, -COURT.1, thin, COURT.1], WHITE);
    for y in [-COURT.1, COURT.1] {
        canvas.plain(frame, [-COURT.0, y - thin, COURT.0, y + thin], WHITE);
    }
    for x in [-COURT.0, COURT.0] {
        canvas.plain(frame, [x - thin, -COURT.1, x + thin, COURT.1], WHITE);
    }
}

/// Lawn or a paved yard with a few trees.
fn grounds(canvas: &mut Canvas, world: &World, plot: &Plot, half: (f32, f32)) {
    let mut rng: SplitMix64 = plot.rng(2);
    let out = (half.0 + rng.range(8.0, 22.0), half.1 + rng.range(8.0, 22.0));
    let lawn = mix(world.meadow, world.lawn, rng.range(0.3, 1.0));
    let ground = if rng.chance(0.7) { lawn } else { scale(world.asphalt, 1.1) };
    canvas.slab(&plot.frame, out, |x, y| world.rough(ground, x, y, 0.1, 0.09));
    let path = scale(world.concrete, 0.98);
    canvas.plain(&plot.frame, [-out.0, half.1 + 1.5, out.0, half.1 + 3.5], path);
    let all = plot.lot([-out.0, -out.1, out.0, out.1], 1);
    let dense = rng.range(0.1, 0.6);
    all.scatter(7.0, 1.0, &mut rng, |frame, x, y, rng| {
        let (radius, colour) = (rng.range(1.4, 3.6), leaf(world, rng));
        let clear = (x - out.0).abs() > half.0 + 3.0 || (y - out.1).abs() > half.1 + 5.0;
        if clear && rng.chance(dense) {
            tree(canvas, &frame, radius, colour);
        }
    });
}

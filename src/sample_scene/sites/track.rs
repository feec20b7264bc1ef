//! A running track around a pitch.

use super::Plot;
use crate::random::SplitMix64;
use crate::sample_scene::canvas::{Canvas, segment_distance};
use crate::sample_scene::colour::{Rgb, mix, scale};
use crate::sample_scene::frame::Frame;
use crate::sample_scene::things::buildings;
use crate::sample_scene::things::trees::{leaf, tree};
use crate::sample_scene::world::World;

const WHITE: Rgb = [232.0, 232.0, 228.0];
/// A lane's width, metres.
const LANE: f32 = 1.22;

pub fn running_track(canvas: &mut Canvas, world: &World, plot: &Plot) {
    let mut rng = plot.rng(1);
    let frame = &plot.frame;
    grounds(canvas, world, plot);

    // 400 m: two straights and two half circles.
    let lanes = 6 + rng.index(3);
    let width = lanes as f32 * LANE;
    let radius = rng.range(35.0, 38.0);
    let straight = 0.5 * plot.size - radius - width;
    let off = move |x: f32, y: f32| segment_distance((x, y), (-straight, 0.0), (straight, 0.0)) - radius;
    let reach = (straight + radius + width, radius + width);
    let bounds = [-reach.0, -reach.1, reach.0, reach.1];
    let rubber: Rgb = rng.pick(&[
        [168.0, 84.0, 68.0],
        [182.0, 96.0, 76.0],
        [150.0, 72.0, 62.0],
        [164.0, 84.0, 68.0],
        [84.0, 116.0, 160.0],
        [120.0, 92.0, 84.0],
    ]);
    canvas.fill(frame, bounds, |x, y| off(x, y) - width, |x, y| world.rough(rubber, x, y, 0.05, 0.04));
    for lane in 0..=lanes {
        let at = lane as f32 * LANE;
        canvas.fill(frame, bounds, |x, y| (off(x, y) - at).abs() - 0.05, |_, _| mix(rubber, WHITE, 0.75));
    }
    // Infield: grass, in the half circles often rubber, too.
    let ends = if rng.chance(0.6) { rubber } else { world.lawn };
    let field = |x: f32, y: f32| off(x, y) + 0.6;
    canvas.fill(frame, bounds, field, |x, y| {
        let colour = if x.abs() > straight + 8.0 { ends } else { world.lawn };
        world.rough(colour, x, y, 0.06, 0.05)
    });
    pitch(
        canvas,
        world,
        frame,
        (rng.range(45.0, 52.5).min(straight + 12.0), rng.range(29.0, 33.0)),
        &mut rng,
    );
    // Where the sprints begin, and the finish.
    let finish = if rng.chance(0.5) { straight } else { -straight };
    canvas.plain(frame, [finish - 0.2, radius, finish + 0.2, radius + width], WHITE);
    canvas.area(frame, [-straight - 22.0, radius, -straight, radius + width], |x, y| {
        world.rough(rubber, x, y, 0.05, 0.04)
    });
    for lane in 0..=lanes {
        let y = radius + lane as f32 * LANE;
        canvas.plain(frame, [-straight - 22.0, y - 0.05, -straight, y + 0.05], mix(rubber, WHITE, 0.75));
    }
    if rng.chance(0.6) {
        grandstand(canvas, &frame.at(0.0, radius + width + 12.0), rng.range(25.0, 50.0), &mut rng);
    }
}

/// A pitch around the frame's origin, mown in stripes, with its lines and goals.
pub fn pitch(canvas: &mut Canvas, world: &World, frame: &Frame, half: (f32, f32), rng: &mut SplitMix64) {
    let artificial = rng.chance(0.3);
    let grass = if artificial { [74.0, 116.0, 72.0] } else { mix(world.lawn, [84.0, 128.0, 66.0], 0.5) };
    let stripe = rng.range(4.5, 6.5);
    let contrast = rng.range(0.02, 0.1);
    let worn = if artificial { 0.02 } else { 0.1 };
    canvas.slab(frame, (half.0 + 3.0, half.1 + 2.5), |x, y| {
        let mown = if ((x / stripe).floor() as i32).rem_euclid(2) == 0 { contrast } else { -contrast };
        scale(world.rough(grass, x, y, worn, 0.05), 1.0 + mown)
    });
    let edge = |canvas: &mut Canvas, bounds: [f32; 4]| {
        let [left, top, right, bottom] = bounds;
        for line in [
            [left, top, right, top],
            [left, bottom, right, bottom],
            [left, top, left, bottom],
            [right, top, right, bottom],
        ] {
            canvas.line(frame, (line[0], line[1]), (line[2], line[3]), 0.16, WHITE);
        }
    };
    edge(canvas, [-half.0, -half.1, half.0, half.1]);
    canvas.line(frame, (0.0, -half.1), (0.0, half.1), 0.16, WHITE);
    let ring = [-9.5, -9.5, 9.5, 9.5];
    canvas.fill(frame, ring, |x, y| (x.hypot(y) - 9.15).abs() - 0.08, |_, _| WHITE);
    for side in [-1.0_f32, 1.0] {
        let goal = side * half.0;
        for (deep, wide) in [(16.5_f32, 20.1_f32), (5.5, 9.2)] {
            let wide = wide.min(half.1 - 1.0);
            let inner = goal - side * deep;
            edge(canvas, [goal.min(inner), -wide, goal.max(inner), wide]);
        }
        canvas.plain(&frame.at(goal + side * 0.8, 0.0), [-0.8, -3.66, 0.8, 3.66], [206.0, 208.0, 206.0]);
    }
}

fn grandstand(canvas: &mut Canvas, frame: &Frame, half: f32, rng: &mut SplitMix64) {
    canvas.box_shadow(frame, (half, 5.5), 8.0, 0.42);
    let roof: Rgb = rng.pick(&[[226.0, 226.0, 224.0], [170.0, 174.0, 178.0], [120.0, 132.0, 150.0]]);
    canvas.slab(frame, (half, 5.5), |x, y| {
        let row = if y < 0.0 { 0.16 * (y * 5.0).sin() } else { 0.03 * (x * 1.4).sin() };
        scale(roof, 1.0 + row)
    });
}

/// A school's grounds: lawn, a few trees, perhaps a building.
fn grounds(canvas: &mut Canvas, world: &World, plot: &Plot) {
    let mut rng = plot.rng(2);
    let half = (0.5 * plot.size + rng.range(8.0, 24.0), 48.0 + rng.range(8.0, 30.0));
    let grass = mix(world.lawn, world.meadow, rng.range(0.0, 0.7));
    canvas.slab(&plot.frame, half, |x, y| world.rough(grass, x, y, 0.12, 0.1));
    if rng.chance(0.5) {
        let lot = plot.lot([-half.0, half.1, half.0, half.1 + 60.0], 3);
        buildings::block(canvas, world, &lot);
    }
    let rows = plot.lot([-half.0, -half.1, half.0, -half.1 + 10.0], 4);
    rows.scatter(7.0, 1.0, &mut rng, |frame, _, _, rng| {
        let (radius, colour) = (rng.range(1.8, 4.0), leaf(world, rng));
        if rng.chance(0.6) {
            tree(canvas, &frame, radius, colour);
        }
    });
}

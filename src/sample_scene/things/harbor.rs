//! A harbour: a basin behind moles, piers, and boats on both sides of them.

use super::vehicles::car;
use crate::random::SplitMix64;
use crate::sample_scene::canvas::Canvas;
use crate::sample_scene::colour::{Rgb, mix, scale};
use crate::sample_scene::frame::Frame;
use crate::sample_scene::lot::Lot;
use crate::sample_scene::world::World;

/// Metres of quay on the land's side, at large x.
pub const QUAY: f32 = 26.0;
const MOLE: f32 = 11.0;

/// The sea is at small x.
pub fn harbor(canvas: &mut Canvas, world: &World, lot: &Lot) {
    let mut rng = lot.rng(1);
    let (width, height) = lot.size;
    let frame = &lot.frame;
    let noise = world.noise;
    let calm = rng.pick(&[
        scale(world.deep, 0.9),
        scale(world.deep, 0.75),
        mix(world.deep, [22.0, 74.0, 66.0], 0.6),
        scale(world.deep, 0.62),
        mix(world.deep, [54.0, 58.0, 60.0], 0.7),
        mix(world.deep, [96.0, 92.0, 78.0], 0.8),
    ]);
    canvas.area(frame, [0.0, 0.0, width - QUAY, height], |x, y| {
        let ripple = noise.rough(x * 2.2, y * 1.6);
        scale(calm, 1.0 + 0.05 * noise.smooth(x * 0.2, y * 0.2) + 0.05 * ripple)
    });
    let stone = [150.0, 144.0, 134.0];
    let rubble =
        |x: f32, y: f32| scale(stone, 1.0 + 0.28 * noise.rough(x * 0.9, y * 0.9) + 0.1 * noise.smooth(x, y));
    // The moles leave an entrance in the middle of the sea's side.
    let gap = 24.0;
    for bounds in [
        [0.0, 0.0, width - QUAY, MOLE],
        [0.0, height - MOLE, width - QUAY, height],
        [0.0, 0.0, MOLE, 0.5 * height - gap],
        [0.0, 0.5 * height + gap, MOLE, height],
    ] {
        canvas.area(frame, bounds, rubble);
    }
    quay(canvas, world, lot, &mut rng);

    let deck = rng.pick(&[
        [206.0, 200.0, 188.0],
        [186.0, 178.0, 164.0],
        [164.0, 150.0, 132.0],
        [214.0, 212.0, 206.0],
    ]);
    // Piers reach out from the quay; the length of the boats sets the distance between piers.
    let mut y = MOLE + rng.range(6.0, 14.0);
    while y < height - MOLE - 12.0 {
        let boat = rng.range(8.0, 16.0);
        let fairway = boat * rng.range(1.0, 1.5);
        y += boat;
        if y + boat + 2.0 > height - MOLE {
            break;
        }
        let from =
            if (y - 0.5 * height).abs() < gap + 14.0 { MOLE + 60.0 } else { MOLE + rng.range(20.0, 34.0) };
        pier(canvas, &frame.at(width - QUAY, y), width - QUAY - from, boat, deck, &mut rng);
        y += boat + fairway;
    }
    for _ in 0..rng.index(4) {
        let (x, y) = (rng.range(30.0, width - QUAY - 30.0), 0.5 * height + rng.range(-12.0, 12.0));
        let length = rng.range(7.0, 13.0);
        let boat_frame = frame.at(x, y).turned(rng.range(-0.3, 0.3));
        wake(canvas, &boat_frame, length);
        boat(canvas, &boat_frame, length, &mut rng);
    }
}

fn quay(canvas: &mut Canvas, world: &World, lot: &Lot, rng: &mut SplitMix64) {
    let (width, height) = lot.size;
    let frame = &lot.frame;
    canvas.area(frame, [width - QUAY, 0.0, width, height], |x, y| {
        world.rough(world.concrete, x, y, 0.08, 0.05)
    });
    canvas.plain(frame, [width - QUAY, 0.0, width - QUAY + 1.2, height], scale(world.concrete, 1.18));
    canvas.area(frame, [width - 18.0, 4.0, width, height - 4.0], |x, y| {
        world.rough(world.asphalt, x, y, 0.08, 0.05)
    });
    let mut y = 8.0;
    while y < height - 8.0 {
        canvas.plain(frame, [width - 17.5, y - 1.45, width - 12.5, y - 1.3], [214.0, 214.0, 210.0]);
        if rng.chance(0.6) {
            car(canvas, &frame.at(width - 15.0, y), rng);
        }
        y += 2.75;
    }
}

/// A floating pier that reaches `length` metres from the frame's origin towards small x, with berths on both
/// sides.
fn pier(canvas: &mut Canvas, frame: &Frame, length: f32, boat_length: f32, deck: Rgb, rng: &mut SplitMix64) {
    let half = rng.range(0.9, 1.6);
    canvas.box_shadow(&frame.at(-0.5 * length, 0.0), (0.5 * length, half), 0.8, 0.6);
    let noise = canvas.noise;
    canvas.area(frame, [-length, -half, 0.0, half], |x, y| {
        scale(deck, 1.0 + 0.08 * noise.rough(x * 2.0, y * 2.0))
    });
    let berth = boat_length * rng.range(0.36, 0.46);
    let full = rng.range(0.72, 0.98);
    let finger_every = 1 + rng.index(2);
    for (index, count) in (0..((length - 4.0) / berth) as usize).enumerate() {
        let x = -(4.0 + (count as f32 + 0.5) * berth);
        for side in [-1.0_f32, 1.0] {
            if index.is_multiple_of(finger_every) {
                let at = x - 0.5 * berth;
                let tip = side * (half + boat_length * 0.85);
                canvas.plain(frame, [at - 0.32, tip.min(0.0), at + 0.32, tip.max(0.0)], deck);
            }
            if rng.chance(full) {
                let long = boat_length * rng.range(0.68, 1.0);
                let y = side * (half + 0.8 + 0.5 * long);
                // Some lie bow first.
                let bow = if rng.chance(0.5) { side } else { -side };
                let boat_frame =
                    frame.at(x, y).turned(bow * std::f32::consts::FRAC_PI_2 + rng.range(-0.03, 0.03));
                boat(canvas, &boat_frame, long, rng);
            } else {
                let _ = rng.bits();
            }
        }
    }
    // The head of the pier.
    canvas.plain(frame, [-length - 1.0, -half - 2.0, -length + 1.2, half + 2.0], deck);
}

fn wake(canvas: &mut Canvas, frame: &Frame, length: f32) {
    let noise = canvas.noise;
    let reach = length * 6.0;
    canvas.each(frame, [-reach, -14.0, -length * 0.3, 14.0], |pixel, x, y| {
        let spread = 0.8 - x * 0.14;
        let arm = (1.0 - (y.abs() - spread).abs() / 1.4).max(0.0) * (1.0 + x / reach);
        let foam = (arm * (0.55 + 0.5 * noise.rough(x * 1.5, y * 1.5))).clamp(0.0, 0.8);
        *pixel = mix(*pixel, [214.0, 222.0, 222.0], foam);
    });
}

/// A motor boat or a sailing boat around the frame's origin whose bow points along x. The length is in
/// metres.
pub fn boat(canvas: &mut Canvas, frame: &Frame, length: f32, rng: &mut SplitMix64) {
    let hull = rng.pick(&[
        [240.0, 240.0, 238.0],
        [232.0, 232.0, 230.0],
        [244.0, 243.0, 238.0],
        [222.0, 220.0, 214.0],
        [56.0, 72.0, 110.0],
        [190.0, 186.0, 176.0],
    ]);
    let half = (0.5 * length, length * rng.range(0.14, 0.175));
    let outline = |x: f32, y: f32| {
        // The beam narrows to the bow.
        let forward = ((x + 0.1 * length) / (0.6 * length)).max(0.0);
        let beam = half.1 * (1.0 - forward * forward);
        (y.abs() - beam).max(x.abs() - half.0)
    };
    let bounds = [-half.0, -half.1, half.0, half.1];
    let tip = canvas.shadow_of(frame, 1.6);
    canvas.dim(
        frame,
        [
            bounds[0] + tip.0.min(0.0),
            bounds[1] + tip.1.min(0.0),
            bounds[2] + tip.0.max(0.0),
            bounds[3] + tip.1.max(0.0),
        ],
        0.5,
        |x, y| outline(x - tip.0, y - tip.1),
    );
    canvas.fill(frame, bounds, outline, |_, _| hull);
    let deck = rng.pick(&[[214.0, 206.0, 190.0], [196.0, 180.0, 152.0], [236.0, 236.0, 234.0]]);
    canvas.fill(frame, bounds, |x, y| outline(x, y) + 0.45, |_, _| deck);
    if rng.chance(0.35) {
        // A sailing boat: a covered boom, a mast with its long shadow.
        let cover =
            rng.pick(&[[48.0, 72.0, 124.0], [60.0, 90.0, 84.0], [206.0, 200.0, 184.0], [120.0, 44.0, 44.0]]);
        canvas.plain(frame, [-0.36 * length, -0.35, 0.1 * length, 0.35], cover);
        canvas.plain(
            frame,
            [-0.2 * length, -half.1 * 0.5, 0.18 * length, half.1 * 0.5],
            [238.0, 238.0, 236.0],
        );
        canvas.plain(frame, [-0.36 * length, -0.3, 0.1 * length, 0.3], cover);
    } else {
        let cabin = rng.pick(&[
            [246.0, 246.0, 244.0],
            [236.0, 234.0, 228.0],
            [58.0, 84.0, 136.0],
            [226.0, 224.0, 218.0],
        ]);
        let (from, to) = (-rng.range(0.1, 0.3) * length, rng.range(0.12, 0.24) * length);
        let side = half.1 * 0.68;
        canvas.plain(frame, [from, -side, to + 0.5, side], [52.0, 58.0, 66.0]);
        canvas.plain(frame, [from, -side, to - 0.5, side], cabin);
        if rng.chance(0.5) {
            // The cockpit behind it.
            canvas.plain(frame, [-0.44 * length, -side, from - 0.3, side], [120.0, 110.0, 100.0]);
        }
    }
}

//! An airport: a runway with its markings, a taxiway, an apron with aircraft, hangars.

use super::houses::gabled;
use super::parking;
use super::vehicles::{car, truck};
use crate::random::SplitMix64;
use crate::sample_scene::canvas::{Canvas, MetreBounds};
use crate::sample_scene::colour::{Rgb, mix, scale};
use crate::sample_scene::frame::Frame;
use crate::sample_scene::lot::Lot;
use crate::sample_scene::world::World;

const RUNWAY: f32 = 110.0;
const RUNWAY_HALF: f32 = 22.5;
const TAXIWAY: f32 = 232.0;
const APRON: MetreBounds = [150.0, 268.0, 690.0, 428.0];
const YELLOW: Rgb = [214.0, 176.0, 70.0];

/// An aircraft's place: metres in the lot, radians, its length in metres.
pub struct Stand {
    pub x: f32,
    pub y: f32,
    pub angle: f32,
    pub length: f32,
}

impl Stand {
    /// The rectangle around the aircraft, in the lot.
    pub fn bounds(&self) -> MetreBounds {
        let half = (0.5 * self.length, wingspan(self.length) * 0.5);
        let (sin, cos) = (self.angle.sin().abs(), self.angle.cos().abs());
        let (across, down) = (half.0 * cos + half.1 * sin, half.0 * sin + half.1 * cos);
        [self.x - across, self.y - down, self.x + across, self.y + down]
    }
}

fn is_jet(length: f32) -> bool {
    length > 20.0
}

fn wingspan(length: f32) -> f32 {
    if is_jet(length) { 0.96 * length } else { 1.24 * length }
}

/// The runway's rectangle within the lot.
pub fn runway_bounds(lot: &Lot) -> MetreBounds {
    [20.0, RUNWAY - RUNWAY_HALF, lot.size.0, RUNWAY + RUNWAY_HALF]
}

/// Where aircraft stand; the same for who paints them and who boxes them.
pub fn stands(lot: &Lot) -> Vec<Stand> {
    let mut rng = lot.rng(20);
    let mut stands = Vec::new();
    let mut x = APRON[0] + 30.0;
    let half_turn = std::f32::consts::FRAC_PI_2;
    while x < APRON[2] - 190.0 {
        let length = rng.range(31.0, 44.0);
        let angle = half_turn + rng.range(-0.12, 0.12);
        if rng.chance(0.82) {
            stands.push(Stand { x, y: APRON[3] - 0.5 * length - rng.range(6.0, 14.0), angle, length });
        }
        x += rng.range(46.0, 56.0);
    }
    // Light aircraft in two rows, each turned a little its own way.
    for row in 0..2 {
        let mut x = APRON[2] - 165.0;
        while x < APRON[2] - 12.0 {
            let length = rng.range(8.0, 15.0);
            let angle = if row % 2 == 0 { half_turn } else { -half_turn };
            if rng.chance(0.7) {
                let y = APRON[3] - 22.0 - 42.0 * row as f32;
                stands.push(Stand { x, y, angle: angle + rng.range(-0.5, 0.5), length });
            }
            x += rng.range(18.0, 24.0);
        }
    }
    // One rolls out, one is on the runway.
    stands.push(Stand { x: rng.range(120.0, 600.0), y: TAXIWAY, angle: 0.0, length: rng.range(32.0, 40.0) });
    stands.push(Stand { x: rng.range(160.0, 650.0), y: RUNWAY, angle: 0.02, length: rng.range(32.0, 40.0) });
    stands.push(Stand { x: rng.range(200.0, 480.0), y: 300.0, angle: rng.range(-0.5, 0.5), length: 36.0 });
    stands
}

pub fn airport(canvas: &mut Canvas, world: &World, lot: &Lot) {
    let mut rng = lot.rng(21);
    // The mirrored half beyond the land's end is the same airport.
    let mut style = SplitMix64::of(&[world.seed, 22, lot.frame.origin.1.to_bits()]);
    let frame = &lot.frame;
    let grass = mix(world.meadow, world.lawn, style.range(0.0, 0.6));
    canvas.area(frame, lot.bounds(0.0), |x, y| world.rough(grass, x, y, 0.12, 0.1));
    runway(canvas, world, lot, &mut style);
    taxiways(canvas, world, lot, &mut style);

    let apron = scale(world.concrete, style.range(0.78, 1.02));
    canvas.area(frame, APRON, |x, y| {
        let joint = if (x / 7.5).fract() < 0.05 || (y / 7.5).fract() < 0.05 { 0.07 } else { 0.0 };
        let stain = 0.09 * world.noise.smooth(x * 0.3, y * 0.3);
        scale(world.rough(apron, x, y, 0.04, 0.04), 1.0 - joint + stain)
    });
    canvas.plain(frame, [APRON[0], 285.0, APRON[2], 285.3], YELLOW);
    buildings(canvas, world, lot, &mut rng);
    for stand in stands(lot) {
        let place = frame.at(stand.x, stand.y).turned(stand.angle);
        if stand.y > RUNWAY + 200.0 {
            canvas.line(&place, (-1.6 * stand.length, 0.0), (0.4 * stand.length, 0.0), 0.35, YELLOW);
        }
        if is_jet(stand.length) && stand.y > 330.0 {
            service(canvas, &place, stand.length, &mut rng);
        }
        aircraft(canvas, &place, stand.length, &mut rng);
    }
}

fn runway(canvas: &mut Canvas, world: &World, lot: &Lot, rng: &mut SplitMix64) {
    let frame = &lot.frame.at(0.0, RUNWAY);
    let width = lot.size.0;
    let surface = if rng.chance(0.4) {
        scale(world.concrete, 0.84)
    } else {
        scale(world.asphalt, rng.range(0.7, 1.05))
    };
    canvas.area(frame, [20.0, -RUNWAY_HALF - 7.0, width, RUNWAY_HALF + 7.0], |x, y| {
        world.rough(scale(surface, 0.9), x, y, 0.07, 0.05)
    });
    canvas.area(frame, [20.0, -RUNWAY_HALF, width, RUNWAY_HALF], |x, y| {
        // Rubber darkens the middle where wheels touch down.
        let middle = (-(y * y) / 60.0).exp() * (1.0 - ((x - 300.0) / 320.0).abs()).max(0.15);
        let streaks = world.noise.smooth(x * 0.03, y * 1.6);
        scale(
            world.rough(surface, x, y, 0.05, 0.05),
            1.0 - 0.34 * middle * (0.8 + 0.5 * streaks) + 0.03 * streaks,
        )
    });
    let white = [226.0, 226.0, 222.0];
    for side in [-1.0_f32, 1.0] {
        let y = side * (RUNWAY_HALF - 1.2);
        canvas.plain(frame, [62.0, y - 0.45, width, y + 0.45], white);
    }
    // The threshold's stripes, the number, the aiming points, the touchdown zones.
    for stripe in 0..12 {
        let y = -RUNWAY_HALF + 2.6 + 3.4 * stripe as f32 + if stripe > 5 { 1.6 } else { 0.0 };
        canvas.plain(frame, [66.0, y, 96.0, y + 1.8], white);
    }
    for side in [-1.0_f32, 1.0] {
        let digit = side * 4.2;
        canvas.plain(frame, [108.0, digit - 2.0, 117.0, digit - 1.2], white);
        canvas.plain(frame, [108.0, digit + 1.2, 117.0, digit + 2.0], white);
        canvas.plain(frame, [108.0, digit - 2.0, 108.9, digit + 2.0], white);
        canvas.plain(frame, [112.2, digit - 2.0, 113.0, digit + 2.0], white);
        let y = side * 10.5;
        canvas.plain(frame, [400.0, y - 3.6, 448.0, y + 3.6], white);
        for (x, bars) in [(210.0, 3), (300.0, 3), (520.0, 2), (620.0, 1)] {
            for bar in 0..bars {
                let y = side * (6.4 + 3.4 * bar as f32);
                canvas.plain(frame, [x, y - 0.9, x + 22.5, y + 0.9], white);
            }
        }
        // Yellow chevrons on the shoulders.
        let mut x = 80.0;
        while x < width {
            let y = side * (RUNWAY_HALF + 1.5);
            canvas.line(frame, (x, y), (x + 3.0, y + side * 5.0), 0.9, YELLOW);
            x += 30.0;
        }
    }
    let mut x = 130.0;
    while x < width {
        canvas.plain(frame, [x, -0.45, x + 36.0, 0.45], white);
        x += 60.0;
    }
}

fn taxiways(canvas: &mut Canvas, world: &World, lot: &Lot, rng: &mut SplitMix64) {
    let width = lot.size.0;
    let frame = &lot.frame;
    let surface = scale(world.asphalt, rng.range(0.85, 1.1));
    let paint = |x: f32, y: f32| world.rough(surface, x, y, 0.06, 0.05);
    canvas.area(frame, [70.0, TAXIWAY - 9.0, width, TAXIWAY + 9.0], paint);
    let links = [80.0, 380.0, 640.0];
    for x in links {
        canvas.area(frame, [x - 10.0, RUNWAY + RUNWAY_HALF, x + 10.0, TAXIWAY + 9.0], paint);
        canvas.plain(frame, [x - 0.2, RUNWAY + RUNWAY_HALF - 8.0, x + 0.2, TAXIWAY], YELLOW);
        canvas.plain(frame, [x - 10.0, RUNWAY + 60.0, x + 10.0, RUNWAY + 60.5], YELLOW);
        canvas.plain(frame, [x - 10.0, RUNWAY + 61.2, x + 10.0, RUNWAY + 61.7], YELLOW);
    }
    for x in [240.0, 560.0] {
        canvas.area(frame, [x - 10.0, TAXIWAY, x + 10.0, APRON[1] + 1.0], paint);
        canvas.plain(frame, [x - 0.2, TAXIWAY, x + 0.2, APRON[1] + 20.0], YELLOW);
    }
    canvas.plain(frame, [70.0, TAXIWAY - 0.2, width, TAXIWAY + 0.2], YELLOW);
}

fn buildings(canvas: &mut Canvas, world: &World, lot: &Lot, rng: &mut SplitMix64) {
    let frame = &lot.frame;
    let terminal = frame.at(0.5 * (APRON[0] + APRON[2]) - 80.0, APRON[3] + 17.0);
    let half = (150.0, 13.0);
    canvas.box_shadow(&terminal, half, 12.0, 0.38);
    let roof = [206.0, 206.0, 204.0];
    canvas.slab(&terminal, half, |x, y| {
        world.rough(scale(roof, 1.0 + 0.03 * (x * 0.9).sin()), x, y, 0.05, 0.03)
    });
    canvas.slab(&terminal, (half.0, 1.6), |_, _| [150.0, 166.0, 178.0]);
    for index in 0..3 {
        let hangar = frame.at(APRON[2] - 140.0 + 56.0 * index as f32, APRON[3] + 24.0);
        let colour = rng.pick(&[[188.0, 192.0, 196.0], [160.0, 172.0, 178.0], [204.0, 196.0, 180.0]]);
        gabled(canvas, &hangar, (23.0, 19.0), 9.0, colour);
    }
    let mut cars = lot.part([APRON[0] - 10.0, APRON[3] + 36.0, APRON[2] - 180.0, lot.size.1 - 6.0], 3);
    cars.size.1 = cars.size.1.max(10.0);
    parking::lot_of_cars(canvas, world, &cars);
}

/// Trucks and carts around an aircraft that is being served.
fn service(canvas: &mut Canvas, place: &Frame, length: f32, rng: &mut SplitMix64) {
    for (x, y) in [(0.34, 0.15), (-0.16, 0.16), (0.3, -0.2), (0.56, 0.05)] {
        let (dx, dy, turn) = (rng.range(-3.0, 3.0), rng.range(-1.0, 1.0), rng.range(0.0, 6.2));
        if rng.chance(0.6) {
            truck(canvas, &place.at(x * length + dx, y * length + dy).turned(turn), rng);
        } else {
            car(canvas, &place.at(x * length + dx, y * length + dy).turned(turn), rng);
        }
    }
}

/// An aircraft around the frame's origin whose nose points along x. The length is in metres.
pub fn aircraft(canvas: &mut Canvas, frame: &Frame, length: f32, rng: &mut SplitMix64) {
    let jet = is_jet(length);
    let body: Rgb = rng.pick(&[
        [238.0, 240.0, 242.0],
        [244.0, 244.0, 244.0],
        [222.0, 224.0, 228.0],
        [236.0, 232.0, 222.0],
    ]);
    let body = if jet && rng.chance(0.14) { [54.0, 66.0, 136.0] } else { body };
    let tail: Rgb = rng.pick(&[
        [46.0, 64.0, 130.0],
        [178.0, 48.0, 46.0],
        [230.0, 232.0, 234.0],
        [196.0, 120.0, 50.0],
        [60.0, 110.0, 110.0],
    ]);
    let half = 0.5 * length;
    let radius = if jet { 0.052 * length } else { 0.065 * length };
    let span = 0.5 * wingspan(length);
    let fuselage = move |x: f32, y: f32| {
        // The nose is round and the tail a cone.
        let back = ((-x - 0.2 * length) / (0.3 * length)).clamp(0.0, 1.0);
        let front = ((x - 0.42 * length) / (0.08 * length)).clamp(0.0, 1.0);
        let beam = radius * (1.0 - 0.85 * back * back) * (1.0 - front * front).max(0.0).sqrt();
        (y.abs() - beam).max(x.abs() - half)
    };
    // A wing by its leading edge at the body, its chord there and at the tip, its sweep and its span.
    let wing = |x: f32, y: f32, lead: f32, chord: f32, tip: f32, sweep: f32, span: f32| {
        let out = (y.abs() / span).min(1.2);
        let front = lead - sweep * y.abs();
        let deep = chord + (tip - chord) * out;
        (x - front).max(front - deep - x).max(y.abs() - span) * 0.9
    };
    let wings = move |x: f32, y: f32| {
        if jet {
            wing(x, y, 0.14 * length, 0.22 * length, 0.05 * length, 0.5, span)
        } else {
            wing(x, y, 0.16 * length, 0.2 * length, 0.16 * length, 0.02, span)
        }
    };
    let stabiliser = move |x: f32, y: f32| {
        let sweep = if jet { 0.55 } else { 0.1 };
        wing(x, y, -0.36 * length, 0.11 * length, 0.05 * length, sweep, 0.18 * length)
    };
    let all = move |x: f32, y: f32| fuselage(x, y).min(wings(x, y)).min(stabiliser(x, y));
    let reach = half.max(span) + 1.0;
    let bounds = [-half - 1.0, -reach, half + 1.0, reach];
    let tip = canvas.shadow_of(frame, if jet { 4.0 } else { 1.8 });
    canvas.dim(
        frame,
        [
            bounds[0] + tip.0.min(0.0),
            bounds[1] + tip.1.min(0.0),
            bounds[2] + tip.0.max(0.0),
            bounds[3] + tip.1.max(0.0),
        ],
        0.4,
        |x, y| all(x - tip.0, y - tip.1),
    );
    let metal = mix(body, [206.0, 210.0, 214.0], 0.7);
    canvas.fill(
        frame,
        bounds,
        |x, y| wings(x, y).min(stabiliser(x, y)),
        |x, _| scale(metal, 1.0 + 0.05 * (x * 0.4).sin()),
    );
    if jet {
        for side in [-1.0_f32, 1.0] {
            let engine = frame.at(0.1 * length - 0.5 * 0.17 * length, side * 0.17 * length);
            canvas.slab(&engine, (0.055 * length, 0.026 * length), |_, _| [188.0, 192.0, 196.0]);
            canvas.slab(&engine.at(0.055 * length, 0.0), (0.5, 0.026 * length), |_, _| [70.0, 72.0, 76.0]);
        }
    }
    let sun = canvas.sun(frame);
    canvas.fill(frame, bounds, fuselage, |_, y| scale(body, 0.97 + 0.12 * sun.1 * y / radius));
    // The fin seen from above, and the cockpit's glass.
    canvas.plain(frame, [-half, -0.4, -0.32 * length, 0.4], tail);
    let glass = if jet { [0.445, 0.465] } else { [0.12, 0.22] };
    canvas.plain(
        frame,
        [glass[0] * length, -radius * 0.7, glass[1] * length, radius * 0.7],
        [50.0, 54.0, 62.0],
    );
}

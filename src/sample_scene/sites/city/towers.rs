//! Boxes of any height as a camera beside them sees them: roofs, leaning walls, shadows on the ground and on
//! lower roofs.

use crate::random::SplitMix64;
use crate::sample_scene::canvas::{Canvas, slab_distance};
use crate::sample_scene::colour::{Rgb, mix, scale};
use crate::sample_scene::frame::Frame;

/// What remains of the light in the shade.
const SHADE: f32 = 0.4;

/// A box, in metres in the site's frame and above the ground.
#[derive(Clone, Copy)]
pub struct Tower {
    pub middle: (f32, f32),
    pub half: (f32, f32),
    pub low: f32,
    pub high: f32,
    pub roof: Rgb,
    pub wall: Rgb,
    /// Whether its roof has two slopes, as old houses have.
    pub ridged: bool,
    pub seed: u64,
}

/// Buildings, each of boxes from the lowest to the highest.
pub struct Skyline {
    buildings: Vec<Vec<Tower>>,
    /// How far a roof one metre high lies from its base, in metres in the site's frame.
    lean: (f32, f32),
}

impl Skyline {
    pub fn new(lean: (f32, f32)) -> Self {
        Self { buildings: Vec::new(), lean }
    }

    pub fn add(&mut self, building: Vec<Tower>) {
        self.buildings.push(building);
    }

    /// Paints all of them, and their shadows on what has been painted.
    pub fn paint(mut self, canvas: &mut Canvas, frame: &Frame) {
        let lean = self.lean;
        let boxes: Vec<Tower> = self.buildings.iter().flatten().copied().collect();
        let lit = canvas.pixels.clone();
        for one in &boxes {
            canvas.box_shadow(&frame.at(one.middle.0, one.middle.1), one.half, one.high, SHADE);
        }
        // Where shadows meet it is no darker than in one of them.
        for (pixel, lit) in canvas.pixels.iter_mut().zip(lit) {
            *pixel = [0, 1, 2].map(|channel| pixel[channel].max(SHADE * lit[channel]));
        }
        // Those that lean over others come later.
        let order = |building: &Vec<Tower>| {
            building.first().map_or(0.0, |one| one.middle.0 * lean.0 + one.middle.1 * lean.1)
        };
        self.buildings.sort_by(|one, other| order(other).total_cmp(&order(one)));
        for one in self.buildings.iter().flatten() {
            walls(canvas, frame, one, lean);
            roof(canvas, frame, one, lean);
            shade(canvas, frame, one, lean, &boxes);
        }
    }
}

/// The distance from what a rectangle around the origin covers on its way to a tip.
#[inline(always)]
fn swept(x: f32, y: f32, half: (f32, f32), tip: (f32, f32)) -> f32 {
    let length = tip.0.hypot(tip.1).max(1e-3);
    let span = |at: f32, half: f32, tip: f32| {
        let tip = if tip.abs() < 1e-3 { 1e-3 } else { tip };
        let (one, other) = ((at - half) / tip, (at + half) / tip);
        (one.min(other), one.max(other))
    };
    let (x_from, x_to) = span(x, half.0, tip.0);
    let (y_from, y_to) = span(y, half.1, tip.1);
    (x_from.max(y_from).max(0.0) - x_to.min(y_to).min(1.0)) * length
}

fn walls(canvas: &mut Canvas, frame: &Frame, one: &Tower, lean: (f32, f32)) {
    let tall = one.high - one.low;
    let tip = (lean.0 * tall, lean.1 * tall);
    if tip.0.hypot(tip.1) < 0.3 {
        return;
    }
    let half = one.half;
    let base = frame.at(one.middle.0 + lean.0 * one.low, one.middle.1 + lean.1 * one.low);
    let sun = canvas.sun(&base);
    let bounds =
        [tip.0.min(0.0) - half.0, tip.1.min(0.0) - half.1, tip.0.max(0.0) + half.0, tip.1.max(0.0) + half.1];
    let mut rng = SplitMix64::of(&[one.seed, 1]);
    let (storey, bay) = (rng.range(3.2, 4.0), rng.range(2.6, 6.0));
    let glass = mix([58.0, 68.0, 78.0], one.wall, rng.range(0.1, 0.5));
    let ribbon = rng.chance(0.4);
    canvas.fill(
        &base,
        bounds,
        |x, y| swept(x, y, half, tip),
        |x, y| {
            // Of the two walls that can be seen, the one that this place belongs to.
            let up_x = if tip.0.abs() > 1e-3 { (x + half.0 * tip.0.signum()) / tip.0 } else { 2.0 };
            let along_y = y - up_x * tip.1;
            let (up, along, facing) = if (0.0..=1.0).contains(&up_x) && along_y.abs() <= half.1 {
                (up_x, along_y, -sun.0 * tip.0.signum())
            } else {
                let up = if tip.1.abs() > 1e-3 { (y + half.1 * tip.1.signum()) / tip.1 } else { 0.5 };
                (up, x - up * tip.0, -sun.1 * tip.1.signum())
            };
            let floor = (up * tall / storey).rem_euclid(1.0);
            let window =
                (0.3..0.8).contains(&floor) && (ribbon || (along / bay).rem_euclid(1.0) < 0.62) && up < 0.97;
            let light = if facing > 0.0 { 0.72 + 0.4 * facing } else { 0.5 };
            scale(if window { glass } else { one.wall }, light)
        },
    );
}

fn roof(canvas: &mut Canvas, frame: &Frame, one: &Tower, lean: (f32, f32)) {
    let noise = canvas.noise;
    let half = one.half;
    let place = frame.at(one.middle.0 + lean.0 * one.high, one.middle.1 + lean.1 * one.high);
    let mut rng = SplitMix64::of(&[one.seed, 2]);
    let shift = rng.range(0.0, 200.0);
    let sun = canvas.sun(&place);
    if one.ridged {
        let swap = half.1 > half.0;
        canvas.slab(&place, half, |x, y| {
            let lit = if swap { sun.0 * x.signum() } else { sun.1 * y.signum() };
            let worn = 0.08 * noise.rough(x * 0.8 + shift, y * 0.8);
            scale(one.roof, 0.96 + 0.2 * lit + worn)
        });
        return;
    }
    canvas.slab(&place, half, |_, _| scale(one.roof, 1.12));
    let rim = (0.07 * half.0.min(half.1)).clamp(0.3, 0.8);
    let inner = (half.0 - rim, half.1 - rim);
    canvas.slab(&place, inner, |x, y| {
        let stain = 0.1 * noise.smooth(x * 0.35 + shift, y * 0.35) + 0.04 * noise.rough(x * 2.0, y * 2.0);
        scale(one.roof, 0.92 + stain)
    });
    let tip = canvas.shadow_of(&place, 1.2);
    canvas.dim(&place, [-inner.0, -inner.1, inner.0, inner.1], 0.6, |x, y| {
        slab_distance(x, y, inner).max(-slab_distance(x - tip.0, y - tip.1, inner))
    });
    // Machines, in a cluster or in rows.
    let units = ((half.0 * half.1 * 0.03) as usize + rng.index(3)).min(14);
    for _ in 0..units {
        let unit = (rng.range(0.7, 2.4), rng.range(0.6, 1.8));
        if unit.0 > 0.35 * half.0 || unit.1 > 0.35 * half.1 {
            continue;
        }
        let unit_place = place.at(rng.range(-0.75, 0.75) * half.0, rng.range(-0.75, 0.75) * half.1);
        canvas.box_shadow(&unit_place, unit, 2.0, 0.5);
        let grey = rng.range(110.0, 225.0);
        canvas.slab(&unit_place, unit, |_, _| [grey, grey, grey + 3.0]);
    }
}

/// Of a box: where it stands, half its size, and where its shadow ends.
type Shadow = ((f32, f32), (f32, f32), (f32, f32));

/// The shadows that higher boxes throw on a roof.
fn shade(canvas: &mut Canvas, frame: &Frame, one: &Tower, lean: (f32, f32), boxes: &[Tower]) {
    let near: Vec<Shadow> = boxes
        .iter()
        .filter(|other| other.high > one.high + 1.0)
        .filter_map(|other| {
            let off = (other.middle.0 - one.middle.0, other.middle.1 - one.middle.1);
            let tip = canvas.shadow_of(frame, other.high - one.high);
            let reaches =
                |off: f32, tip: f32, halves: f32| off + tip.min(0.0) < halves && off + tip.max(0.0) > -halves;
            (reaches(off.0, tip.0, one.half.0 + other.half.0)
                && reaches(off.1, tip.1, one.half.1 + other.half.1))
            .then_some((off, other.half, tip))
        })
        .collect();
    if near.is_empty() {
        return;
    }
    let place = frame.at(one.middle.0 + lean.0 * one.high, one.middle.1 + lean.1 * one.high);
    canvas.dim(&place, [-one.half.0, -one.half.1, one.half.0, one.half.1], SHADE, |x, y| {
        let shadow = near.iter().fold(f32::INFINITY, |least, &(off, half, tip)| {
            least.min(swept(x - off.0, y - off.1, half, tip))
        });
        slab_distance(x, y, one.half).max(shadow)
    });
}

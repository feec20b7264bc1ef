//! What stands in works: halls, chimneys, silos and pipes, goods in yards.

use crate::random::SplitMix64;
use crate::sample_scene::canvas::{Canvas, length};
use crate::sample_scene::colour::{Rgb, mix, scale};
use crate::sample_scene::frame::Frame;
use crate::sample_scene::lot::Lot;
use crate::sample_scene::things::vehicles::{car, truck};
use crate::sample_scene::world::World;

/// How a hall is roofed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Roof {
    /// One or more pairs of slopes.
    Ridged,
    /// Slopes with glass between them that looks away from the sun.
    SawTooth,
    Flat,
    /// Vaults side by side.
    Vaulted,
}

/// A hall around the frame's origin, its spans along x. Metres.
pub fn hall(
    canvas: &mut Canvas,
    frame: &Frame,
    half: (f32, f32),
    height: f32,
    look: (Roof, Rgb),
    rng: &mut SplitMix64,
) {
    let (shape, paint) = look;
    let noise = canvas.noise;
    let sun = canvas.sun(frame);
    canvas.box_shadow(frame, half, height, 0.4);
    let usual = match shape {
        Roof::Ridged => rng.range(16.0, 34.0),
        Roof::SawTooth => rng.range(6.0, 11.0),
        Roof::Flat => 60.0,
        Roof::Vaulted => rng.range(12.0, 22.0),
    };
    let span = 2.0 * half.1 / (2.0 * half.1 / usual).round().max(1.0);
    let sheet = rng.range(3.0, 9.0);
    let shift = rng.range(0.0, 200.0);
    let skylights = if rng.chance(0.55) { rng.range(6.0, 16.0) } else { 1e6 };
    let (rust, old) = (rng.range(0.0, 0.5), rng.range(0.02, 0.12));
    let flip = if rng.chance(0.5) { 1.0 } else { -1.0 };
    canvas.slab(frame, half, |x, y| {
        let across = ((y + half.1) / span).rem_euclid(1.0);
        let side = if across < 0.5 { -1.0 } else { 1.0 };
        let part = if flip > 0.0 { across } else { 1.0 - across };
        let pane = (x / skylights).rem_euclid(1.0) * skylights < 1.6;
        let sheets = old * noise.rough((x / sheet).floor() * 3.0 + shift, (y / span * 2.0).floor() * 5.0);
        let rib = 0.03 * (x * 2.4).sin();
        let stain = (noise.smooth(x * 0.16 + shift, y * 0.3) - 0.25).max(0.0);
        let metal = mix(paint, [142.0, 104.0, 80.0], (rust * stain).min(0.6));
        let light = 1.0 + sheets + rib + 0.05 * noise.smooth(x * 0.05 + shift, y * 0.5);
        let glass = [208.0, 218.0, 218.0];
        match shape {
            Roof::Ridged => {
                let ridge = if (across - 0.5).abs() * span < 0.5 { 0.1 } else { 0.0 };
                let gutter = if across.min(1.0 - across) * span < 0.5 { -0.2 } else { 0.0 };
                let lit = light + 0.15 * side * sun.1 + ridge + gutter;
                let panel = pane && (0.14..0.4).contains(&(0.5 - (across - 0.5).abs()));
                scale(if panel { mix(metal, glass, 0.8) } else { metal }, lit)
            }
            Roof::SawTooth => {
                if part > 0.72 {
                    let facing = flip * sun.1;
                    scale([96.0, 112.0, 124.0], if facing > 0.0 { 1.3 } else { 0.7 })
                } else {
                    scale(metal, light - 0.12 * flip * sun.1)
                }
            }
            Roof::Flat => {
                let panel = pane && (y / 11.0).rem_euclid(1.0) < 0.28;
                scale(if panel { mix(metal, glass, 0.8) } else { metal }, light)
            }
            Roof::Vaulted => scale(metal, light + 0.24 * (2.0 * across - 1.0) * sun.1),
        }
    });
    // Fans along the ridge, and a lower annex at the end.
    if shape != Roof::SawTooth && rng.chance(0.5) {
        let step = rng.range(7.0, 14.0);
        let mut x = -half.0 + 5.0;
        while x < half.0 - 4.0 {
            let fan = frame.at(x, -half.1 + 0.5 * span);
            canvas.disc_shadow(&fan, 0.7, 1.4, 0.55);
            canvas.disc(&fan, 0.8, |_, _| [206.0, 206.0, 204.0]);
            x += step;
        }
    }
    for _ in 0..rng.index(4) {
        let unit = (rng.range(1.0, 3.5), rng.range(1.0, 2.5));
        let place = frame.at(rng.range(-0.8, 0.8) * half.0, rng.range(-0.7, 0.7) * half.1);
        canvas.box_shadow(&place, unit, 3.0, 0.5);
        canvas.slab(&place, unit, |_, _| scale(paint, 0.75));
    }
}

/// A chimney around the frame's origin. Metres.
pub fn chimney(canvas: &mut Canvas, frame: &Frame, height: f32, rng: &mut SplitMix64) {
    let radius = 0.8 + height * 0.025;
    let brick = rng.pick(&[[196.0, 190.0, 182.0], [160.0, 108.0, 88.0], [214.0, 212.0, 208.0]]);
    canvas.disc_shadow(frame, 0.85 * radius, height, 0.42);
    canvas.disc(frame, 1.9 * radius, |_, _| scale(brick, 0.7));
    // The top is nearer to the camera and so beside its foot.
    let (x, y) = (rng.range(-0.12, 0.12) * height, rng.range(-0.12, 0.12) * height);
    canvas.line(frame, (0.0, 0.0), (x, y), 2.0 * radius, scale(brick, 0.85));
    let top = frame.at(x, y);
    canvas.disc(&top, radius, |_, _| brick);
    canvas.disc(&top, 0.6 * radius, |_, _| [48.0, 44.0, 42.0]);
}

/// A cylinder with a cone or a dome on it, around the frame's origin. Metres.
pub fn silo(canvas: &mut Canvas, frame: &Frame, radius: f32, height: f32, paint: Rgb) {
    let sun = canvas.sun(frame);
    let noise = canvas.noise;
    canvas.disc_shadow(frame, radius, height, 0.42);
    canvas.disc(frame, radius, |_, _| scale(paint, 0.8));
    canvas.disc(frame, 0.94 * radius, |x, y| {
        let lit = 0.18 * (x * sun.0 + y * sun.1) / length(x, y).max(0.3);
        scale(paint, 1.0 + lit + 0.05 * noise.rough(x * 1.3, y * 1.3))
    });
    canvas.disc(frame, 0.14 * radius + 0.2, |_, _| scale(paint, 0.72));
}

/// Tanks and silos in rows, pipes between them, a frame of machines, a chimney. It fills the lot.
pub fn plant(canvas: &mut Canvas, world: &World, lot: &Lot, rng: &mut SplitMix64) {
    let (width, height) = lot.size;
    let floor = mix(world.concrete, world.asphalt, rng.range(0.1, 0.8));
    canvas.area(&lot.frame, lot.bounds(0.0), |x, y| world.rough(floor, x, y, 0.14, 0.08));
    let mut y = 4.0;
    while y < height - 8.0 {
        let row = rng.range(12.0, 26.0).min(height - 2.0 - y);
        let middle = y + 0.5 * row;
        // A bridge of pipes runs beside every row.
        let bridge = lot.frame.at(0.5 * width, y);
        canvas.box_shadow(&bridge, (0.5 * width - 3.0, 1.6), 5.0, 0.6);
        for pipe in 0..4 {
            let at = pipe as f32 * 0.8 - 1.6;
            let grey = rng.range(120.0, 206.0);
            canvas.plain(&bridge, [3.0 - 0.5 * width, at, 0.5 * width - 3.0, at + 0.5], [grey, grey, grey]);
        }
        let paint = rng.pick(&[[226.0, 226.0, 222.0], [196.0, 198.0, 198.0], [176.0, 160.0, 140.0]]);
        let mut x = 5.0;
        while x < width - 10.0 {
            let left = (width - 4.0 - x).min(rng.range(18.0, 60.0));
            match rng.index(5) {
                0 | 1 => {
                    let radius = (0.36 * row).min(rng.range(2.5, 9.0));
                    let mut at = x + radius;
                    while at < x + left - radius {
                        silo(canvas, &lot.frame.at(at, middle), radius, rng.range(8.0, 22.0), paint);
                        at += 2.3 * radius;
                    }
                }
                2 | 3 => machines(canvas, &lot.part([x, y + 2.5, x + left - 2.0, y + row - 2.5], 7), rng),
                _ => {
                    let half = (0.5 * left - 3.0, 0.5 * row - 3.0);
                    let grey = rng.range(110.0, 210.0);
                    let look = (Roof::Ridged, [grey, grey, grey + 4.0]);
                    hall(canvas, &lot.frame.at(x + 0.5 * left, middle), half, 9.0, look, rng);
                }
            }
            x += left;
        }
        y += row + 3.0;
    }
    for _ in 0..=rng.index(3) {
        let place = lot.frame.at(rng.range(0.1, 0.9) * width, rng.range(0.1, 0.9) * height);
        chimney(canvas, &place, rng.range(25.0, 80.0), rng);
    }
}

/// A clutter of boxes of all heights on steel frames.
fn machines(canvas: &mut Canvas, lot: &Lot, rng: &mut SplitMix64) {
    canvas.area(&lot.frame, lot.bounds(0.0), |_, _| [104.0, 100.0, 96.0]);
    lot.scatter(4.5, 1.0, rng, |place, _, _, rng| {
        let half = (rng.range(0.8, 3.0), rng.range(0.6, 2.4));
        let grey = rng.range(80.0, 200.0);
        canvas.box_shadow(&place, half, rng.range(2.0, 14.0), 0.5);
        canvas.slab(&place, half, |_, _| [grey, grey * 0.97, grey * 0.94]);
    });
}

/// A yard with rows of goods, heaps and trucks. It fills the lot.
pub fn yard(canvas: &mut Canvas, world: &World, lot: &Lot, rng: &mut SplitMix64) {
    let (width, height) = lot.size;
    let ground =
        mix(mix(world.concrete, world.soil, rng.range(0.0, 0.8)), world.asphalt, rng.range(0.0, 0.5));
    canvas.area(&lot.frame, lot.bounds(0.0), |x, y| {
        let tracks = 0.06 * world.noise.smooth(x * 0.08, y * 0.5);
        scale(world.rough(ground, x, y, 0.14, 0.08), 1.0 + tracks)
    });
    let goods: [Rgb; 7] = [
        [146.0, 106.0, 82.0],
        [176.0, 150.0, 116.0],
        [160.0, 160.0, 158.0],
        [204.0, 202.0, 196.0],
        [66.0, 94.0, 140.0],
        [150.0, 64.0, 54.0],
        [96.0, 92.0, 90.0],
    ];
    let alike = rng.pick(&goods);
    let size = (rng.range(2.0, 6.2), rng.range(1.0, 2.2));
    let noise = canvas.noise;
    let mut y = 5.0 + size.1;
    while y < height - 5.0 {
        let heaps = rng.chance(0.18);
        let mut x = 5.0 + size.0;
        while x < width - 5.0 - size.0 {
            let place = lot.frame.at(x, y + rng.range(-0.5, 0.5));
            if heaps && height - y > 12.0 {
                let radius = rng.range(3.0, 7.0);
                let heap = rng.pick(&[[70.0, 68.0, 68.0], [186.0, 168.0, 140.0], [140.0, 118.0, 100.0]]);
                canvas.disc_shadow(&place, 0.7 * radius, 0.5 * radius, 0.6);
                let sun = canvas.sun(&place);
                canvas.disc(&place, radius * 0.95, |x, y| {
                    scale(heap, 0.95 + 0.25 * (x * sun.0 + y * sun.1) / radius + 0.1 * noise.rough(x, y))
                });
                x += 2.0 * radius;
            } else if rng.chance(0.75) {
                let colour = if rng.chance(0.6) { alike } else { rng.pick(&goods) };
                let colour = scale(colour, rng.range(0.85, 1.15));
                canvas.box_shadow(&place, size, rng.range(1.0, 4.0), 0.5);
                canvas.slab(&place, size, |x, _| scale(colour, 1.0 + 0.06 * (x * 3.0).sin()));
                x += 2.0 * size.0 + rng.pick(&[0.3, 0.6, 2.0]);
            } else {
                x += rng.range(4.0, 16.0);
            }
        }
        y += 2.0 * size.1 + if rng.chance(0.4) { rng.range(6.0, 11.0) } else { 0.5 };
        if heaps {
            y += 9.0;
        }
    }
    for _ in 0..rng.index(5) {
        let place = lot.frame.at(rng.range(0.1, 0.9) * width, rng.range(0.1, 0.9) * height);
        truck(canvas, &place.turned(rng.range(0.0, 6.2)), rng);
    }
}

/// Trucks at docks along a wall, and cars beyond them; x runs along the wall, which is at y = 0.
pub fn docks(canvas: &mut Canvas, frame: &Frame, half: f32, rng: &mut SplitMix64) {
    let mut x = -half + 3.0;
    while x < half - 3.0 {
        if rng.chance(0.4) {
            truck(canvas, &frame.at(x, 8.0).turned(std::f32::consts::FRAC_PI_2), rng);
        } else if rng.chance(0.15) {
            car(canvas, &frame.at(x, 4.0).turned(std::f32::consts::FRAC_PI_2), rng);
        }
        x += 4.2;
    }
}

//! Clouds over land, and their shadows on it.

use super::Plot;
use crate::sample_scene::canvas::Canvas;
use crate::sample_scene::colour::{ease, mix, scale};
use crate::sample_scene::world::World;

/// Metres above the ground for each unit that the sky is covered: thick clouds are high.
const HEIGHT: f32 = 0.12;
/// Pieces of the sky that are looked at.
const TRIES: usize = 24;

pub fn clouds(canvas: &mut Canvas, world: &World, plot: &Plot) {
    let mut rng = plot.rng(1);
    let noise = world.noise;
    // The largest clouds are a part of what is seen, whatever its size.
    let wide = plot.size * rng.range(0.012, 0.035);
    let least = rng.range(-0.6, 0.2);
    let wanted = rng.range(0.25, 0.65);
    let thin = rng.chance(0.2);
    // How much cover it takes to hide the ground.
    let soft = if thin { 1.4 } else { 0.5 };
    let stretch = if thin { rng.range(0.25, 0.5) } else { rng.range(0.8, 1.2) };
    let covered_at = move |shift: (f32, f32), x: f32, y: f32| {
        let (x, y) = (x / wide + shift.0, y / wide * stretch + shift.1);
        let shape = noise.smooth(x, y) + 0.5 * noise.smooth(x * 2.7 + 31.0, y * 2.7);
        let torn =
            0.25 * noise.smooth(x * 7.3, y * 7.3 + 17.0) + 0.1 * noise.smooth(x * 19.0 + 5.0, y * 19.0);
        shape + torn - least
    };
    // Of some pieces of the sky, the one that hides as much of the ground as is wanted.
    let (mut shift, mut best) = ((0.0, 0.0), f32::INFINITY);
    for _ in 0..TRIES {
        let tried = (rng.range(0.0, 250.0), rng.range(0.0, 250.0));
        let off = (share_covered(plot.size, |x, y| covered_at(tried, x, y) - 0.5 * soft) - wanted).abs();
        if off < best {
            (shift, best) = (tried, off);
        }
    }
    let cover = move |x: f32, y: f32| covered_at(shift, x, y);
    let high = HEIGHT * plot.size.min(2500.0);
    let tip = canvas.shadow_of(&plot.frame, high);
    let deepest = if thin { 0.25 } else { 0.55 };
    let sun = canvas.sun(&plot.frame);
    let lean = 2.2 * wide;
    canvas.each(&plot.frame, plot.all(), |pixel, x, y| {
        let shade = ease(0.0, soft, cover(x - tip.0, y - tip.1)) * deepest;
        let dimmed = mix(*pixel, scale(*pixel, 0.4), shade);
        let here = cover(x, y);
        // The side towards the sun is whiter.
        let lit = (here - cover(x + sun.0 * lean, y + sun.1 * lean)).clamp(-1.0, 1.0);
        let white = scale([240.0, 242.0, 244.0], 0.93 + 0.09 * lit + 0.05 * here.min(1.0));
        let thick = ease(0.0, soft, here) * if thin { 0.75 } else { 1.0 };
        *pixel = mix(dimmed, white, thick);
    });
}

/// How much of what is seen lies under clouds, from 0 to 1.
fn share_covered(size: f32, cover: impl Fn(f32, f32) -> f32) -> f32 {
    const STEPS: i32 = 9;
    let at = |step: i32| (step as f32 / STEPS as f32 - 0.5) * size;
    let places = (0..=STEPS).flat_map(|row| (0..=STEPS).map(move |column| (column, row)));
    let covered = places.filter(|&(column, row)| cover(at(column), at(row)) > 0.0).count();
    covered as f32 / ((STEPS + 1) * (STEPS + 1)) as f32
}

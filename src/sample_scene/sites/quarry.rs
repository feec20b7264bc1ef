//! A quarry: a pit of benches in pale rock, with a road down to its floor.

use super::Plot;
use crate::sample_scene::canvas::{Canvas, length};
use crate::sample_scene::colour::{Rgb, ease, mix, scale};
use crate::sample_scene::things::houses::gabled;
use crate::sample_scene::things::vehicles::truck;
use crate::sample_scene::world::World;

pub fn quarry(canvas: &mut Canvas, world: &World, plot: &Plot) {
    let mut rng = plot.rng(1);
    let noise = world.noise;
    let frame = &plot.frame;
    let reach = 0.5 * plot.size;
    let (shift, flat) = (rng.range(0.0, 200.0), rng.range(0.65, 1.0));
    let rock: Rgb = rng.pick(&[
        [212.0, 202.0, 184.0],
        [194.0, 186.0, 174.0],
        [186.0, 158.0, 126.0],
        [168.0, 164.0, 158.0],
        [198.0, 148.0, 116.0],
        [226.0, 220.0, 208.0],
    ]);
    let benches = 3 + rng.index(5);
    // How deep below the rim, from 0 at the edge to 1 on the floor; the edge is ragged.
    let scale_of = 9.0 / reach;
    let depth = move |x: f32, y: f32| {
        let far = length(x, y / flat) / reach;
        let ragged = 0.2 * noise.smooth(x * scale_of + shift, y * scale_of)
            + 0.03 * noise.smooth(x * 5.0 * scale_of, y * 5.0 * scale_of + shift);
        (0.92 + ragged - far) / 0.5
    };
    let sun = canvas.sun(frame);
    let water = if rng.chance(0.45) { rng.range(0.85, 1.2) } else { 9.0 };
    let pool: Rgb =
        rng.pick(&[[84.0, 150.0, 148.0], [64.0, 112.0, 116.0], [110.0, 140.0, 120.0], [70.0, 96.0, 92.0]]);
    let step = 0.006 * reach;
    canvas.each(frame, plot.all(), |pixel, x, y| {
        let deep = depth(x, y);
        if deep < -0.16 {
            return;
        }
        let dust = mix(*pixel, mix(world.soil, rock, 0.6), ease(-0.16, 0.0, deep));
        if deep < 0.0 {
            *pixel = dust;
            return;
        }
        let bench = (deep.min(1.0) * benches as f32).fract();
        let face = deep < 1.0 && bench < 0.3;
        // Which way the slope looks decides how it is lit.
        let slope = ((depth(x + step, y) - depth(x - step, y)), (depth(x, y + step) - depth(x, y - step)));
        let steep = length(slope.0, slope.1).max(1e-4);
        let towards = (slope.0 * sun.0 + slope.1 * sun.1) / steep;
        let grain = 0.1 * noise.rough(x * 0.8, y * 0.8) + 0.1 * noise.smooth(x * 0.06 + shift, y * 0.06);
        let light = if face { 0.74 + 0.4 * towards } else { 1.04 };
        let stained = mix(rock, world.soil, (0.3 * noise.smooth(x * 0.03, y * 0.03 + shift)).max(0.0));
        let ground = scale(stained, light + grain);
        let pond = depth(x, y) + 0.12 * noise.smooth(x * 0.02 + 90.0, y * 0.02);
        *pixel = if pond > water {
            let shallow = ease(water + 0.2, water, pond);
            mix(pool, mix(pool, rock, 0.6), shallow)
        } else {
            ground
        };
    });
    // The haul road winds down.
    let mut angle = rng.range(0.0, 6.2);
    let mut far = 1.08 * reach;
    let track = scale(mix(rock, [236.0, 230.0, 218.0], 0.4), 1.05);
    while far > 0.42 * reach {
        let next = (angle + 0.12, far - 0.016 * reach);
        let at = |(angle, far): (f32, f32)| (far * angle.cos(), far * angle.sin() * flat);
        canvas.line(frame, at((angle, far)), at(next), 9.0, track);
        if rng.chance(0.12) {
            let (x, y) = at((angle, far));
            truck(canvas, &frame.at(x, y).turned(angle + 1.57), &mut rng);
        }
        (angle, far) = next;
    }
    if reach > 110.0 && rng.chance(0.8) {
        plant(canvas, world, plot, reach, &mut rng);
    }
}

/// Crusher, belts and heaps of gravel beside the pit.
fn plant(canvas: &mut Canvas, world: &World, plot: &Plot, reach: f32, rng: &mut crate::random::SplitMix64) {
    let angle = rng.range(0.0, 6.2);
    let site = plot.frame.at(0.72 * reach * angle.cos(), 0.62 * reach * angle.sin()).turned(angle);
    let yard = mix(world.soil, [206.0, 196.0, 180.0], 0.6);
    let noise = world.noise;
    let ragged = |x: f32, y: f32| length(x, y) - 30.0 - 14.0 * noise.smooth(x * 0.3 + angle, y * 0.3);
    canvas.fill(&site, [-46.0, -46.0, 46.0, 46.0], ragged, |x, y| world.rough(yard, x, y, 0.1, 0.1));
    for heap in 0..3 + rng.index(4) {
        let turn = heap as f32 * 1.1 + rng.range(0.0, 0.5);
        let (x, y) = (24.0 * turn.cos(), 24.0 * turn.sin());
        let radius = rng.range(4.0, 9.0);
        let place = site.at(x, y);
        let gravel = rng.pick(&[[196.0, 188.0, 176.0], [150.0, 144.0, 136.0], [214.0, 204.0, 186.0]]);
        let sun = canvas.sun(&place);
        canvas.disc_shadow(&place, 0.7 * radius, 0.5 * radius, 0.55);
        canvas.disc(&place, radius, |x, y| {
            let lit = (x * sun.0 + y * sun.1) / length(x, y).max(0.5);
            scale(gravel, 0.92 + 0.24 * lit)
        });
        canvas.line(&site, (0.0, 0.0), (x, y), 1.4, [120.0, 122.0, 124.0]);
    }
    gabled(canvas, &site, (9.0, 6.0), 9.0, [156.0, 164.0, 168.0]);
}

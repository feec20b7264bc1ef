//! A solar farm: rows of panels in fields, between tracks.

use super::Plot;
use crate::random::SplitMix64;
use crate::sample_scene::canvas::{Canvas, MetreBounds};
use crate::sample_scene::colour::{Rgb, mix, scale};
use crate::sample_scene::world::World;

const PANELS: [Rgb; 5] =
    [[44.0, 56.0, 92.0], [34.0, 42.0, 66.0], [60.0, 72.0, 104.0], [38.0, 44.0, 54.0], [52.0, 70.0, 110.0]];

pub fn farm(canvas: &mut Canvas, world: &World, plot: &Plot) {
    let mut rng = plot.rng(1);
    let half = (0.5 * plot.size, 0.5 * plot.size * rng.range(0.55, 1.0));
    let bare = mix(world.soil, world.meadow, rng.range(0.0, 1.0));
    canvas.slab(&plot.frame, (half.0 + 9.0, half.1 + 9.0), |x, y| world.rough(bare, x, y, 0.1, 0.1));
    let panel = rng.pick(&PANELS);
    let pitch = rng.range(5.0, 11.0);
    let table = pitch * rng.range(0.42, 0.66);
    // Blocks of rows; some of a farm's outline is left out.
    let block = (rng.range(70.0, 150.0), rng.range(60.0, 140.0));
    let (columns, rows) = ((2.0 * half.0 / block.0).ceil(), (2.0 * half.1 / block.1).ceil());
    let size = (2.0 * half.0 / columns, 2.0 * half.1 / rows);
    let track = mix(world.sand, world.soil, rng.range(0.2, 0.8));
    for column in 0..columns as usize {
        for row in 0..rows as usize {
            let (x, y) = (column as f32 * size.0 - half.0, row as f32 * size.1 - half.1);
            canvas.area(&plot.frame, [x - 2.4, y - 2.4, x + size.0 + 2.4, y + size.1 + 2.4], |x, y| {
                world.rough(track, x, y, 0.08, 0.08)
            });
            let inner = [x + 2.4, y + 2.4, x + size.0 - 2.4, y + size.1 - 2.4];
            canvas.area(&plot.frame, inner, |x, y| world.rough(bare, x, y, 0.12, 0.12));
            let corner =
                (column == 0 || column + 1 == columns as usize) && (row == 0 || row + 1 == rows as usize);
            if !(corner && columns > 2.0 && rng.chance(0.4)) {
                rows_of_panels(
                    canvas,
                    plot,
                    [x + 5.0, y + 5.0, x + size.0 - 5.0, y + size.1 - 5.0],
                    (pitch, table),
                    panel,
                );
                station(canvas, plot, (x + 0.5 * size.0, y + 0.5 * size.1), &mut rng);
            }
        }
    }
}

fn rows_of_panels(canvas: &mut Canvas, plot: &Plot, bounds: MetreBounds, rhythm: (f32, f32), panel: Rgb) {
    let (pitch, table) = rhythm;
    let [left, top, right, bottom] = bounds;
    let tip = canvas.shadow_of(&plot.frame, 1.6);
    let noise = canvas.noise;
    let mut y = top;
    while y + table < bottom {
        canvas
            .dim(&plot.frame, [left + tip.0, y + tip.1, right + tip.0, y + table + tip.1], 0.55, |_, _| -9.0);
        canvas.area(&plot.frame, [left, y, right, y + table], |x, y_at| {
            let joint = (x / 1.05).rem_euclid(1.0) < 0.07 || (y_at - y - 0.5 * table).abs() < 0.06;
            let gap = (x / 24.0).rem_euclid(1.0) < 0.015;
            let cell = 0.07 * noise.rough((x / 1.05).floor() * 3.0, y * 2.0);
            if gap {
                [132.0, 124.0, 112.0]
            } else if joint {
                mix(panel, [176.0, 182.0, 190.0], 0.55)
            } else {
                scale(panel, 1.0 + cell)
            }
        });
        canvas.plain(&plot.frame, [left, y, right, y + 0.16], mix(panel, [200.0, 204.0, 210.0], 0.6));
        y += pitch;
    }
}

/// The hut where a block's current is gathered.
fn station(canvas: &mut Canvas, plot: &Plot, at: (f32, f32), rng: &mut SplitMix64) {
    let place = plot.frame.at(at.0 + rng.range(-9.0, 9.0), at.1);
    canvas.slab(&place, (7.0, 4.0), |_, _| [176.0, 166.0, 148.0]);
    canvas.box_shadow(&place, (3.2, 1.3), 2.8, 0.5);
    canvas.slab(&place, (3.2, 1.3), |_, _| [228.0, 228.0, 224.0]);
}

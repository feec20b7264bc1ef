//! Parking lots: rows of stalls with their lines and cars.

use super::roads::WHITE;
use super::trees::{leaf, tree};
use super::vehicles::car;
use crate::sample_scene::canvas::Canvas;
use crate::sample_scene::colour::scale;
use crate::sample_scene::lot::Lot;
use crate::sample_scene::world::World;

/// Fills the lot with double rows of stalls.
pub fn lot_of_cars(canvas: &mut Canvas, world: &World, lot: &Lot) {
    let mut rng = lot.rng(10);
    let lot = if rng.chance(0.5) { lot.turned() } else { *lot };
    let (width, height) = lot.size;
    let surface = if rng.chance(0.3) {
        scale(world.concrete, 0.85)
    } else {
        scale(world.asphalt, rng.range(0.85, 1.15))
    };
    canvas.area(&lot.frame, lot.bounds(0.0), |x, y| {
        let oil = 0.05 * world.noise.smooth(x * 0.12, y * 0.9);
        scale(world.rough(surface, x, y, 0.07, 0.05), 1.0 + oil)
    });
    let stall = (rng.range(2.5, 2.9), rng.range(5.0, 5.6));
    let aisle = rng.range(6.0, 8.0);
    let full = rng.range(0.55, 1.0);
    let slant = rng.pick(&[0.0, 0.0, 0.0, 0.35, -0.35]);
    let islands = rng.chance(0.4);
    let lines = scale(WHITE, rng.range(0.85, 1.0));
    let mut y = aisle * 0.7;
    while y + 2.0 * stall.1 < height - 1.0 {
        let middle = y + stall.1;
        canvas.plain(&lot.frame, [4.0, middle - 0.07, width - 4.0, middle + 0.07], lines);
        let count = ((width - 9.0) / stall.0).floor().max(0.0) as usize;
        for index in 0..=count {
            let x = 4.5 + index as f32 * stall.0;
            let lean = slant * stall.1;
            canvas.line(&lot.frame, (x, middle), (x + lean, middle - stall.1), 0.14, lines);
            canvas.line(&lot.frame, (x, middle), (x + lean, middle + stall.1), 0.14, lines);
            if index == count {
                break;
            }
            let planted = islands && index % 12 == 0;
            for side in [-1.0_f32, 1.0] {
                let frame = lot.frame.at(
                    x + 0.5 * stall.0 + 0.5 * lean,
                    middle + side * (0.5 * stall.1 + rng.range(-0.3, 0.3)),
                );
                let across = side * (std::f32::consts::FRAC_PI_2 - slant);
                let turn = if rng.chance(0.25) { across + std::f32::consts::PI } else { across };
                let taken = rng.chance(full);
                if planted {
                    canvas.slab(&frame, (0.45 * stall.0, 0.45 * stall.1), |x, y| {
                        world.rough(world.lawn, x, y, 0.1, 0.15)
                    });
                    let radius = rng.range(1.1, 2.2);
                    let colour = leaf(world, &mut rng);
                    tree(canvas, &frame, radius, colour);
                } else if taken {
                    car(canvas, &frame.turned(turn + rng.range(-0.03, 0.03)), &mut rng);
                }
            }
        }
        // Someone looks for a place.
        if rng.chance(0.5) {
            car(canvas, &lot.frame.at(rng.range(8.0, width - 8.0), middle + stall.1 + 0.5 * aisle), &mut rng);
        }
        y += 2.0 * stall.1 + aisle;
    }
}

//! A square in a city.

use crate::random::SplitMix64;
use crate::sample_scene::canvas::Canvas;
use crate::sample_scene::colour::{mix, scale};
use crate::sample_scene::lot::Lot;
use crate::sample_scene::things::trees::{leaf, tree};
use crate::sample_scene::world::World;

/// A square with trees and a fountain.
pub fn square(canvas: &mut Canvas, world: &World, lot: &Lot, rng: &mut SplitMix64) {
    let stone = mix(world.concrete, world.sand, rng.range(0.0, 0.6));
    canvas.area(&lot.frame, lot.bounds(0.0), |x, y| {
        let slabs =
            if (x / 6.0).rem_euclid(1.0) < 0.06 || (y / 6.0).rem_euclid(1.0) < 0.06 { 0.92 } else { 1.0 };
        scale(world.rough(stone, x, y, 0.05, 0.04), slabs)
    });
    let half = (0.5 * lot.size.0, 0.5 * lot.size.1);
    let green = rng.chance(0.6);
    if green {
        for (x, y) in [(-0.5, -0.5), (0.5, -0.5), (-0.5, 0.5), (0.5, 0.5)] {
            let bed = lot.centre().at(x * half.0, y * half.1);
            canvas.slab(&bed, (0.38 * half.0, 0.38 * half.1), |x, y| world.rough(world.lawn, x, y, 0.1, 0.1));
        }
    }
    canvas.disc(&lot.centre(), 0.2 * half.0.min(half.1), |_, _| scale(world.concrete, 1.1));
    canvas.disc(&lot.centre(), 0.15 * half.0.min(half.1), |x, y| {
        world.rough([96.0, 138.0, 144.0], x, y, 0.06, 0.05)
    });
    lot.scatter(8.0, 3.0, rng, |place, x, y, rng| {
        let (radius, colour) = (rng.range(2.0, 3.6), leaf(world, rng));
        let rim = x.min(y).min(2.0 * half.0 - x).min(2.0 * half.1 - y) < 9.0;
        if rng.chance(if rim {
            0.7
        } else if green {
            0.25
        } else {
            0.03
        }) {
            tree(canvas, &place, radius, colour);
        }
    });
}

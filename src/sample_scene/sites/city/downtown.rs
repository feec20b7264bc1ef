//! The middle of a large city: blocks of high buildings between streets.

use super::blocks::{City, city};
use crate::sample_scene::canvas::Canvas;
use crate::sample_scene::sites::Plot;
use crate::sample_scene::world::World;

pub fn downtown(canvas: &mut Canvas, world: &World, plot: &Plot) {
    let mut rng = plot.rng(1);
    let kind = City {
        storeys: rng.range(5.0, 10.0),
        towers: rng.range(0.1, 0.6),
        highest: rng.range(60.0, 170.0),
        green: rng.range(0.0, 0.5),
        lean: if rng.chance(0.75) { rng.range(0.05, 0.5) } else { 0.0 },
    };
    city(canvas, world, plot, None, &kind);
}

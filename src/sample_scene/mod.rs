//! Paints scenes to look at, to measure on and to train on: a coast with harbour, town, airport and fields, seen from
//! straight above, with the truth about what is where.
//!
//! Everything follows from a seed and a place in the world, so that any tile can be painted by itself and a scene may
//! be as large as a disk.

mod airport;
mod buildings;
mod canvas;
mod colour;
mod error;
mod farm;
mod frame;
mod golf;
mod ground;
mod harbor;
mod houses;
mod kind;
mod lot;
mod noise;
mod painter;
mod parking;
mod patches;
mod plan;
mod random;
mod roads;
mod sport;
mod tanks;
mod trees;
mod truth;
mod vehicles;
mod world;

pub use error::SampleSceneError;
pub use patches::write_patches;

/// Sides of a scene, pixels.
pub const MIN_SIDE: u64 = 1;
pub const MAX_SIDE: u64 = 1_000_000;

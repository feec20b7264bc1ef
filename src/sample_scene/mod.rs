//! Paints scenes to look at, to measure on and to train on: a coast with harbour, town, airport and fields, seen from
//! straight above, with the truth about what is where.
//!
//! Everything follows from a seed and a place in the world, so that any tile can be painted by itself and a scene may
//! be as large as a disk.

mod airport;
mod buildings;
mod canvas;
mod coco;
mod colour;
mod error;
mod farm;
mod frame;
mod geotiff;
mod golf;
mod ground;
mod harbor;
mod houses;
mod kept;
mod kind;
mod lot;
mod noise;
mod painter;
mod parking;
mod patches;
mod plan;
mod pyramid;
mod random;
mod roads;
mod scene;
mod sport;
mod tanks;
mod trees;
mod truth;
mod vehicles;
mod world;

pub use coco::write_truth;
pub use error::SampleSceneError;
pub use geotiff::write_scene;
pub use kept::sample_scene_file;
pub use patches::write_patches;
pub use scene::SampleScene;

/// How many kinds of places there are to find.
pub const KINDS: usize = kind::Kind::ALL.len();

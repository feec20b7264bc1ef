//! Painted scenes to look at, to measure with and to train on: a coast with harbour, town, airport and
//! fields, seen from straight above, with the ground truth of what is where.
//!
//! Everything is determined by a seed and a place in the world, so any tile can be painted by itself and a
//! scene may be as large as a disk.
//!
//! - `scene`, `world`, `plan`: a scene, what its seed decides, and what lies where
//! - `lot`, `frame`, `kind`, `truth`: a piece of the plan, its axes, its kind, and the boxes around things
//! - `painter`, `ground`, `things`: the painting of a tile
//! - `sites`: places that no scene holds, painted for patches alone
//! - `canvas`, `colour`, `noise`: the pixels and strokes of the painting
//! - `files`: what is written

mod canvas;
mod colour;
mod error;
mod files;
mod frame;
mod ground;
mod kind;
mod lot;
mod noise;
mod painter;
mod plan;
mod scene;
mod sites;
mod things;
mod truth;
mod world;

pub use error::SampleSceneError;
pub use files::coco::write_truth;
pub use files::geotiff::write_scene;
pub use files::kept::sample_scene_file;
pub use files::patches::{Variety, write_patches};
pub use scene::SampleScene;

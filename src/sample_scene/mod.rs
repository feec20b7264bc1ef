//! Paints scenes to look at, to measure on and to train on: a coast with harbour, town, airport and fields,
//! seen from straight above, with the truth about what is where.
//!
//! Everything follows from a seed and a place in the world, so that any tile can be painted by itself and a
//! scene may be as large as a disk.

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
mod random;
mod scene;
mod things;
mod truth;
mod world;

pub use error::SampleSceneError;
pub use files::coco::write_truth;
pub use files::geotiff::write_scene;
pub use files::kept::sample_scene_file;
pub use files::patches::write_patches;
pub use scene::SampleScene;

/// How many kinds of places there are to find.
pub const KINDS: usize = kind::Kind::ALL.len();

//! The files of a painted scene.
//!
//! - [`geotiff`], with [`pyramid`]: the scene with its overviews
//! - [`coco`]: the ground truth
//! - [`patches`]: pictures to train on
//! - [`kept`]: the sample scene in the cache folder

pub mod coco;
pub mod geotiff;
pub mod kept;
pub mod patches;
pub mod pyramid;

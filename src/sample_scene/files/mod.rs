//! What is written: the GeoTIFF with its overviews, the ground truth, patches to train on.

pub mod coco;
pub mod geotiff;
pub mod kept;
pub mod patches;
pub mod pyramid;

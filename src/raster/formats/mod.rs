//! File formats, each behind the trait `Reader`, and what stands beside images.

pub mod containers;
pub mod jp2;
pub mod mosaic;
pub mod pam;
pub mod picture;
pub mod product;
pub mod sidecar;
pub mod tiff;
pub mod vrt;
pub mod xml;

//! File formats, each behind the trait [`Reader`](super::reader::Reader).
//!
//! - [`open`]: which format a file has; [`open_context`]: how it is opened.
//! - [`sidecars`]: the files beside an image that add to it, such as `.ovr`, `.msk` and `.aux.xml`.
//! - [`tiff`], [`jp2`]: read block by block. [`picture`]: PNG, JPEG and WebP, decoded as a whole.
//! - [`vrt`], [`product`]: scenes made of several files; [`mosaic`]: what the two have in common.
//! - [`containers`]: what Skysift doesn't read, and the command that converts it.
//! - [`xml`]: XML with bounds.

pub mod containers;
pub mod jp2;
pub mod mosaic;
pub mod open;
pub mod open_context;
pub mod picture;
pub mod product;
pub mod sidecars;
pub mod tiff;
pub mod vrt;
pub mod xml;

//! Skysift finds what you type in satellite images.
//!
//! A scene is cut into windows, CLIP scores every window against "a photo of a {keyword}", and the
//! best are drawn as boxes. Each module knows only the ones below it: [`app`], [`cli`], [`export`],
//! [`train`], [`evaluate`], [`dataset`], [`scan`], [`models`], [`clip`], [`raster`].

pub mod app;
mod atomic;
pub mod cli;
pub mod clip;
pub mod dataset;
pub mod encoder;
pub mod evaluate;
pub mod export;
mod fingerprint;
mod guard;
mod mapped_file;
pub mod models;
pub mod notices;
mod outputs;
mod paths;
pub mod project;
mod random;
pub mod raster;
pub mod sample_scene;
pub mod scan;
pub mod search;
pub mod store;
mod text_file;
pub mod train;
pub mod windows;

//! Skysift finds what you type in satellite images.
//!
//! A scene is cut into windows, CLIP scores every window against "a photo of a {keyword}", and the
//! best are drawn as boxes. Each module knows only the ones below it: [`app`], [`cli`], [`export`],
//! [`scan`], [`clip`], [`raster`].

pub mod app;
pub mod cli;
pub mod clip;
pub mod export;
mod guard;
pub mod raster;
pub mod sample_scene;
pub mod scan;

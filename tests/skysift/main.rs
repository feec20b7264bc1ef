//! Everything a user sees, in one binary: each test binary links all of burn and wgpu.
#![allow(clippy::unwrap_used, clippy::expect_used)] // In the helpers of tests, too.

mod cli;
mod clip;
mod evaluate;
mod evaluate_detect;
mod finetune;
mod formats;
mod fuzz_findings;
mod heat_map;
mod hub;
mod model_layouts;
mod models;
mod mosaic;
mod overviews;
mod raster;
mod remote;
mod rendering;
mod sample_scene;
mod scan;
mod scan_again;
mod store;
mod support;
mod torch;
mod twins;
mod window;

//! Everything a user sees, in one binary: each test binary links all of burn and wgpu.
#![allow(clippy::unwrap_used, clippy::expect_used)] // In the helpers of tests, too.
#![allow(clippy::print_stdout, clippy::print_stderr)] // Whoever runs tests reads them.

mod cli;
mod clip;
mod containers;
mod evaluate;
mod evaluate_detect;
mod finetune;
mod formats;
mod fuzz_findings;
mod heat_map;
mod house;
mod hub;
mod identity;
mod incomplete;
mod labels;
mod missing_parts;
mod model_layouts;
mod models;
mod mosaic;
mod needed;
mod outputs;
mod overviews;
mod places;
mod places_written;
mod products;
mod raster;
mod remote;
mod remote_faults;
mod rendering;
mod sample_scene;
mod scan;
mod scan_again;
mod screen;
mod store;
mod store_faults;
mod store_together;
mod strips;
mod support;
mod texts;
mod tiff;
mod torch;
mod twins;
mod window;

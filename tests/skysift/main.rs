//! Everything a user sees, in one binary: each test binary links all of burn and wgpu.

mod cli;
mod clip;
mod raster;
mod scan;
mod support;
mod window;

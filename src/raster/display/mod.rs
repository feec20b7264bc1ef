//! From samples to the 8-bit picture that is shown and encoded: bands, stretch, tone map.

pub mod bands;
pub mod scene_view;
pub mod settings;
pub mod statistics;
pub mod stretch;
pub mod tone_map;

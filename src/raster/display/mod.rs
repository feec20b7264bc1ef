//! From samples to the 8-bit picture that is shown and encoded.
//!
//! - [`settings`]: what a person may choose: bands, stretch and gamma.
//! - [`band_selection`]: which bands are shown by default.
//! - [`statistics`]: statistics of a band, from a bounded sample.
//! - [`stretch`]: which values become black and white.
//! - [`tone_map`]: samples to 8-bit RGBA.
//! - [`prepared`]: settings with all that is derived from them.

pub mod band_selection;
pub mod prepared;
pub mod settings;
pub mod statistics;
pub mod stretch;
pub mod tone_map;

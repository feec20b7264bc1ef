//! The scan: windows, their order, ranking; plain data in, events out.
//!
//! The method is that of the thesis Skysift grew from: a square window of `window` x `window` tiles slides
//! over the scene by `step` tiles, CLIP scores every window against each prompt, the best `top_k` are kept.
//! This module knows neither GPU nor window: it is given a [`SceneSource`] and an [`Encoder`].

mod blocks;
mod error;
mod events;
mod nodata;
mod pass;
mod read_ahead;
mod reader;
mod scanned_scene;
mod scanner;
mod source;
mod speed;
mod summary;
mod uniform;

pub use error::ScanError;
pub use events::{Command, Event, ScanRequest};
pub use scanner::Scanner;
pub use source::{Identity, SceneSource, place_of};
pub use summary::{Early, Failures, ScanProgress, ScanSummary};

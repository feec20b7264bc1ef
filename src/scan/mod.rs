//! Going over a scene: windows are read, encoded in batches and ranked; commands in, events out.
//!
//! The method is that of the thesis Skysift grew from: a square window of `window` x `window` tiles slides
//! over the scene by `step` tiles, CLIP scores every window against each prompt, the best `top_k` are kept.
//! This module knows neither GPU nor window: it is given a [`SceneSource`] and an
//! [`Encoder`](crate::encoder::Encoder).
//!
//! `settings` say how, `events` what is asked and told, `summary` what came of it. `scanner` is the thread
//! that owns the encoder; each scan is a `pass`. `blocks` orders the windows; `read_ahead` has them read
//! by several threads, each with a `reader` that finds the pixels without data (`nodata`) and of one
//! colour (`uniform`). A dense scan has `cells` in place of windows, with a `cell_reader`. `source` is the
//! scene as all of these see it, `scanned_scene` as a query does; `speed` tells the time left.

mod blocks;
mod cell_reader;
mod cells;
mod error;
mod events;
mod nodata;
mod pass;
mod read_ahead;
mod reader;
mod scanned_scene;
mod scanner;
mod settings;
mod source;
mod speed;
mod summary;
mod uniform;

pub use cells::cell_sides;
pub use error::ScanError;
pub use events::{Command, Event, ScanRequest};
pub use scanner::Scanner;
pub use settings::{ScanOverrides, ScanSettings};
pub use source::{SceneIdentity, SceneSource, place_of};
pub use summary::{EarlyRecall, Failures, ScanProgress, ScanSummary};

//! How far model and scan are, as far as the window knows.

use crate::encoder::EncoderCard;
use crate::scan::{Early, Failures};

/// The model as far as the window knows.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum ModelState {
    #[default]
    None,
    Loading,
    Ready(EncoderCard),
    Failed(String),
}

/// How far the scan is.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Progress {
    #[default]
    Idle,
    /// Asked for, not yet begun (the model may still be loading).
    Waiting,
    Running {
        done: usize,
        /// Those of `done` that have no data, and those that could not be read.
        skipped: usize,
        failed: Failures,
        windows: usize,
        windows_per_second: f64,
        seconds_left: f64,
    },
    Finished {
        windows: usize,
        /// Those of `windows` that were encoded by an earlier scan.
        known: usize,
        skipped: usize,
        failed: Failures,
        /// How much of the ranking was there early on.
        early: Early,
        seconds: f64,
    },
    Cancelled {
        done: usize,
        skipped: usize,
        failed: Failures,
        windows: usize,
    },
    Failed(String),
}

/// A scan in numbers before it is begun.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    pub windows: usize,
    /// `None` before any speed is known.
    pub seconds: Option<f64>,
}

//! How far model and scan are, as far as the window knows.

use crate::encoder::EncoderCard;
use crate::scan::{ScanProgress, ScanSummary};

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
#[expect(clippy::large_enum_variant, reason = "there is one of it")]
pub enum ScanState {
    #[default]
    Idle,
    /// Asked for, not yet begun (the model may still be loading).
    Waiting,
    Running(ScanProgress),
    Finished(ScanSummary),
    Cancelled(ScanProgress),
    Failed(String),
}

/// A scan in numbers before it is begun.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    pub windows: usize,
    /// `None` before any speed is known.
    pub seconds: Option<f64>,
}

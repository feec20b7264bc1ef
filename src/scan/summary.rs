//! How far a scan is, and what it came to.

use serde::Serialize;

use super::ScanError;
use crate::encoder::EncoderCard;

/// How far a scan is.
#[derive(Clone, Debug, PartialEq)]
pub struct ScanProgress {
    /// All windows that the scan looks at.
    pub windows: usize,
    /// Those that are done with: encoded now or before, without data, not to be read.
    pub done: usize,
    /// Those of `done` that have no data.
    pub skipped: usize,
    /// Those of `done` that could not be read.
    pub failed: Failures,
    /// 0 before it is known.
    pub windows_per_second: f64,
    /// Infinite before it is known.
    pub seconds_left: f64,
}

impl ScanProgress {
    /// A scan that has just begun, with `done` windows of earlier scans.
    #[must_use]
    pub fn new(windows: usize, done: usize) -> Self {
        Self {
            windows,
            done,
            skipped: 0,
            failed: Failures::default(),
            windows_per_second: 0.0,
            seconds_left: f64::INFINITY,
        }
    }

    /// The windows so far that have an embedding.
    #[must_use]
    pub fn encoded(&self) -> usize {
        self.done.saturating_sub(self.skipped + self.failed.windows)
    }
}

/// What a scan came to.
#[derive(Clone, Debug, PartialEq)]
pub struct ScanSummary {
    /// Windows with an embedding, made now or before; not those that failed, or without data or promise.
    pub windows: usize,
    /// Those of `windows` that an earlier scan encoded.
    pub reused: usize,
    /// Windows that were left out since they have no data.
    pub skipped: usize,
    pub failed: Failures,
    pub early: EarlyRecall,
    pub seconds: f64,
    /// What the scan ran on at its end: a lost GPU changes the device.
    pub card: EncoderCard,
    /// What all that is stored of the scene takes on disk; `None` when it isn't kept, or not all of it.
    pub kept_bytes: Option<u64>,
}

impl ScanSummary {
    /// The windows that it was to look at.
    #[must_use]
    pub fn all_windows(&self) -> usize {
        self.windows + self.skipped + self.failed.windows
    }

    /// Whether nothing had to be encoded.
    #[must_use]
    pub fn is_all_reused(&self) -> bool {
        self.windows > 0 && self.reused >= self.windows
    }

    /// How much could not be read, in a sentence; nothing where all could.
    #[must_use]
    pub fn incomplete(&self) -> Option<String> {
        self.failed.sentence(self.all_windows())
    }
}

/// Windows that could not be read or prepared for the model. They are neither ranked nor kept, so that the
/// next scan tries them again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Failures {
    pub windows: usize,
    /// Why, of the first of them.
    pub reason: String,
}

impl Failures {
    pub(super) fn add(&mut self, error: &ScanError) {
        if self.windows == 0 {
            self.reason = error.to_string();
        }
        self.windows += 1;
    }

    /// What there is to say about them, of all windows of the scan; nothing where there are none.
    #[must_use]
    pub fn sentence(&self, of: usize) -> Option<String> {
        let Self { windows, reason } = self;
        (*windows > 0).then(|| format!("{windows} of {of} windows could not be read: {reason}"))
    }
}

/// How much of the final ranking was there early on, when a scan looks at promising places first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct EarlyRecall {
    /// Share of the best windows that were among the first tenth of all windows.
    pub tenth: f64,
    /// The same for the first quarter.
    pub quarter: f64,
}

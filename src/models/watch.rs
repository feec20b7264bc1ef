//! The progress of a download, and whether it should go on.

use std::sync::atomic::{AtomicBool, Ordering};

use super::ModelError;

/// The progress of a download.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DownloadProgress {
    /// Bytes of all files that are here, and how many there will be.
    pub done: u64,
    pub total: u64,
    /// The current file.
    pub file: String,
    /// Whether another program is downloading that file, for which this one waits.
    pub waiting: bool,
}

/// Watches a download for whoever waits for it.
pub struct Watch<'a> {
    progress: DownloadProgress,
    stop: &'a AtomicBool,
    tell: &'a mut dyn FnMut(&DownloadProgress),
}

impl<'a> Watch<'a> {
    /// `tell` is called at every step. The download ends soon after `stop` is set.
    pub fn new(stop: &'a AtomicBool, tell: &'a mut dyn FnMut(&DownloadProgress)) -> Self {
        Self { progress: DownloadProgress::default(), stop, tell }
    }

    /// # Errors
    /// [`ModelError::Stopped`] if it should end.
    pub(super) fn check(&self) -> Result<(), ModelError> {
        if self.stop.load(Ordering::Relaxed) { Err(ModelError::Stopped) } else { Ok(()) }
    }

    pub(super) fn begin(&mut self, done: u64, total: u64) {
        self.progress.done = done;
        self.progress.total = total;
        (self.tell)(&self.progress);
    }

    /// Bytes that are still to come.
    pub(super) fn left(&self) -> u64 {
        self.progress.total.saturating_sub(self.progress.done)
    }

    pub(super) fn file(&mut self, name: &str) {
        name.clone_into(&mut self.progress.file);
        self.waiting(false);
    }

    pub(super) fn waiting(&mut self, waiting: bool) {
        self.progress.waiting = waiting;
        (self.tell)(&self.progress);
    }

    /// Adds to the bytes that are here, or subtracts if some have to be downloaded again.
    pub(super) fn advance(&mut self, bytes: i64) {
        self.progress.done = self.progress.done.saturating_add_signed(bytes);
        (self.tell)(&self.progress);
    }
}

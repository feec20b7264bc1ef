//! How far a download is, and whether it should go on.

use std::sync::atomic::{AtomicBool, Ordering};

use super::ModelError;

/// How far it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Bytes that are here, of all files together, and how many there will be.
    pub done: u64,
    pub total: u64,
    /// The file at hand.
    pub file: String,
    /// Another program fetches that file; this one waits for it.
    pub waiting: bool,
}

/// Whoever waits for a download.
pub struct Watch<'a> {
    progress: Progress,
    stop: &'a AtomicBool,
    tell: &'a mut dyn FnMut(&Progress),
}

impl<'a> Watch<'a> {
    /// `tell` hears of every step; the download ends soon after `stop` is set.
    pub fn new(stop: &'a AtomicBool, tell: &'a mut dyn FnMut(&Progress)) -> Self {
        Self { progress: Progress::default(), stop, tell }
    }

    /// # Errors
    /// [`ModelError::Stopped`] when it should not go on.
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

    /// So many bytes more, or fewer where some have to be fetched again.
    pub(super) fn advance(&mut self, bytes: i64) {
        self.progress.done = self.progress.done.saturating_add_signed(bytes);
        (self.tell)(&self.progress);
    }
}

//! The progress of a slow opening.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// How much of a picture has been decoded while it is opened, shared between the thread that opens it and the
/// one that shows the progress.
#[derive(Clone, Debug, Default)]
pub struct OpenProgress {
    /// Steps done, plus one; 0 if unknown.
    reported: Arc<AtomicU32>,
}

/// Finer than the eye can see.
const STEPS: u64 = 1000;

impl OpenProgress {
    /// The fraction decoded, 0 to 1; `None` for files that need no decoding or don't report it.
    #[must_use]
    pub fn fraction(&self) -> Option<f32> {
        let steps = self.reported.load(Ordering::Relaxed).checked_sub(1)?;
        Some(steps as f32 / STEPS as f32)
    }

    /// Reports `done` of `all`. Progress never goes back.
    pub(in crate::raster) fn report(&self, done: u64, all: u64) {
        let steps = (u128::from(done.min(all)) * u128::from(STEPS) / u128::from(all.max(1))) as u32;
        self.reported.fetch_max(steps + 1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_told_in_parts_and_never_goes_back() {
        let progress = OpenProgress::default();
        let waiting = progress.clone();
        assert_eq!(waiting.fraction(), None);
        progress.report(0, 10);
        assert_eq!(waiting.fraction(), Some(0.0));
        progress.report(5, 10);
        progress.report(2, 10);
        assert_eq!(waiting.fraction(), Some(0.5));
        progress.report(11, 10);
        assert_eq!(waiting.fraction(), Some(1.0));
        OpenProgress::default().report(u64::MAX, 0);
    }
}

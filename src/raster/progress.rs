//! How far a slow opening is.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// How far the decoding of a picture is that is being opened: shared between the thread that opens it and
/// whoever waits for that.
#[derive(Clone, Debug, Default)]
pub struct OpenProgress {
    /// Steps done, plus one; 0 while nothing is known.
    told: Arc<AtomicU32>,
}

/// Finer than anybody sees.
const STEPS: u64 = 1000;

impl OpenProgress {
    /// The part that is decoded, 0 to 1; `None` for whatever needs no decoding or doesn't tell.
    #[must_use]
    pub fn part(&self) -> Option<f32> {
        let steps = self.told.load(Ordering::Relaxed).checked_sub(1)?;
        Some(steps as f32 / STEPS as f32)
    }

    /// Never goes back.
    pub(super) fn tell(&self, done: u64, all: u64) {
        let steps = (u128::from(done.min(all)) * u128::from(STEPS) / u128::from(all.max(1))) as u32;
        self.told.fetch_max(steps + 1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_told_in_parts_and_never_goes_back() {
        let progress = OpenProgress::default();
        let waiting = progress.clone();
        assert_eq!(waiting.part(), None);
        progress.tell(0, 10);
        assert_eq!(waiting.part(), Some(0.0));
        progress.tell(5, 10);
        progress.tell(2, 10);
        assert_eq!(waiting.part(), Some(0.5));
        progress.tell(11, 10);
        assert_eq!(waiting.part(), Some(1.0));
        OpenProgress::default().tell(u64::MAX, 0);
    }
}

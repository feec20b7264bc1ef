//! The speed of a download over the last seconds.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// The time over which the speed is measured.
const SPAN: Duration = Duration::from_secs(8);
/// At most one measurement is kept per this time.
const STEP: Duration = Duration::from_millis(100);

/// The speed of a download.
#[derive(Clone, Debug, Default)]
pub struct Pace {
    steps: VecDeque<(Instant, u64)>,
}

impl Pace {
    /// Notes the number of bytes that are there at a time.
    pub fn note(&mut self, now: Instant, done: u64) {
        if self.steps.back().is_some_and(|(_, before)| done < *before) {
            self.steps.clear();
        }
        if self.steps.back().is_none_or(|(last, _)| now.duration_since(*last) >= STEP) {
            self.steps.push_back((now, done));
        }
        while self.steps.len() > 1
            && self.steps.front().is_some_and(|(first, _)| now.duration_since(*first) > SPAN)
        {
            self.steps.pop_front();
        }
    }

    /// Bytes per second; `None` at the very beginning.
    #[must_use]
    pub fn speed(&self) -> Option<f64> {
        let ((first, from), (last, to)) = (self.steps.front()?, self.steps.back()?);
        let seconds = last.duration_since(*first).as_secs_f64();
        (seconds >= 0.2).then(|| (to - from) as f64 / seconds)
    }

    /// Seconds until `bytes` more are there.
    #[must_use]
    pub fn seconds_left(&self, bytes: u64) -> Option<f64> {
        self.speed().filter(|speed| *speed > 0.0).map(|speed| bytes as f64 / speed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_seconds_count() {
        let began = Instant::now();
        let at = |seconds: u64| began + Duration::from_secs(seconds);
        let mut pace = Pace::default();
        assert_eq!(pace.speed(), None);
        // A resumed download begins with what was there.
        pace.note(at(0), 1000);
        assert_eq!(pace.speed(), None);
        for second in 1..=20 {
            pace.note(at(second), 1000 + second * if second < 10 { 1 } else { 100 });
        }
        assert_eq!((pace.speed(), pace.seconds_left(500)), (Some(100.0), Some(5.0)));
        pace.note(at(21), 5);
        assert_eq!(pace.speed(), None, "it began anew");
    }
}

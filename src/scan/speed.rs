//! How fast a scan is, and how long it still takes.

use std::time::Instant;

/// Windows a second and the time left, counted from the first batch on, so that warming up isn't in it.
pub struct Speed {
    windows: usize,
    first: Option<(Instant, usize)>,
    started: Instant,
    /// Those that were there before it started.
    reused: usize,
}

impl Speed {
    pub fn new(windows: usize, reused: usize) -> Self {
        Self { windows, first: None, started: Instant::now(), reused }
    }

    /// (windows a second, seconds left) when `done` windows are done.
    pub fn after(&mut self, done: usize) -> (f64, f64) {
        let (since, before) = self.first.unwrap_or((self.started, self.reused));
        self.first.get_or_insert((Instant::now(), done));
        let seconds = since.elapsed().as_secs_f64().max(1e-6);
        let windows_per_second = done.saturating_sub(before) as f64 / seconds;
        let left = self.windows.saturating_sub(done) as f64 / windows_per_second.max(1e-9);
        (windows_per_second, left)
    }
}

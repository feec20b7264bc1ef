//! How far the encoding of a set is.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressStyle};

use crate::cli::output;
use crate::evaluate::EncodeProgress;

/// A progress bar on a terminal; what can't be read is named on any kind of stderr.
pub struct EncodingBar {
    bar: ProgressBar,
    quiet: bool,
}

impl EncodingBar {
    pub fn new(quiet: bool, total: usize, what: &'static str) -> Self {
        let visible = !quiet && total > 0 && std::io::stderr().is_terminal();
        let bar = if visible { ProgressBar::new(total as u64) } else { ProgressBar::hidden() };
        if let Ok(style) = ProgressStyle::with_template("{bar:32} {pos}/{len} {msg}, {eta} left") {
            bar.set_style(style);
        }
        bar.set_message(what);
        bar.tick();
        Self { bar, quiet }
    }

    pub fn show(&self, step: &EncodeProgress) {
        for skipped in &step.unreadable {
            self.bar.suspend(|| output::note(format_args!("left out: {}", skipped.reason)));
        }
        if let (Some(notice), false) = (&step.notice, self.quiet) {
            self.bar.suspend(|| output::note(notice));
        }
        self.bar.set_position(step.done as u64);
    }

    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

//! A scan without a window, followed to its end.

use std::io::IsTerminal;
use std::time::Duration;

use anyhow::bail;
use indicatif::{ProgressBar, ProgressStyle};

use super::output;
use crate::scan::{Early, EncoderCard, Event, Ranking, Scanner};

/// What a scan came to.
pub struct Outcome {
    pub card: EncoderCard,
    pub windows: usize,
    /// Those that an earlier scan encoded.
    pub known: usize,
    pub early: Early,
    /// Windows that were left out since they have no data.
    pub skipped: usize,
    pub seconds: f64,
    pub ranking: Ranking,
}

/// Follows the scan for `keywords` to its end.
///
/// # Errors
/// When the model can't be loaded or the scan fails.
pub fn wait(scanner: &Scanner, keywords: &[String], progress: &Progress) -> anyhow::Result<Outcome> {
    for event in scanner.events() {
        match event {
            Event::Batch { done, windows_per_second, seconds_left, .. } => {
                progress.show(done, windows_per_second, seconds_left);
            }
            Event::Notice(notice) => progress.note(&notice),
            Event::Finished { windows, known, skipped, early, seconds, ranking, card } => {
                progress.finish();
                if skipped > 0 {
                    let have = if skipped == 1 { "window has" } else { "windows have" };
                    progress.note(&format!("{skipped} {have} no data and were left out"));
                }
                return Ok(Outcome { card, windows, known, early, skipped, seconds, ranking });
            }
            Event::LoadFailed(message) | Event::Failed(message) => {
                progress.finish();
                bail!(message);
            }
            Event::Loaded { card, .. } => {
                if let Some(note) = card.known_words.note_on(keywords.iter().map(String::as_str)) {
                    progress.note(&note);
                }
            }
            Event::Started { .. } | Event::Ranked { .. } | Event::Cancelled { .. } => {}
        }
    }
    bail!("the scan ended without a result")
}

/// Waits until the model is loaded.
///
/// # Errors
/// When it can't be.
pub fn wait_for_model(scanner: &Scanner, quiet: bool) -> anyhow::Result<EncoderCard> {
    for event in scanner.events() {
        match event {
            Event::Loaded { card, .. } => return Ok(card),
            Event::LoadFailed(message) | Event::Failed(message) => bail!(message),
            Event::Notice(notice) if !quiet => output::note(notice),
            _ => {}
        }
    }
    bail!("the model could not be loaded")
}

/// A progress bar on a terminal, nothing elsewhere.
pub struct Progress {
    bar: ProgressBar,
    quiet: bool,
}

impl Progress {
    /// `doing` is what is done before the first windows.
    pub fn new(quiet: bool, windows: u64, doing: &str) -> Self {
        let visible = !quiet && std::io::stderr().is_terminal();
        let bar = if visible { ProgressBar::new(windows) } else { ProgressBar::hidden() };
        let template = "{bar:32} {pos}/{len} windows {msg}";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_message(doing.to_owned());
        bar.tick();
        Self { bar, quiet }
    }

    fn show(&self, done: usize, windows_per_second: f64, seconds_left: f64) {
        let left = indicatif::HumanDuration(Duration::try_from_secs_f64(seconds_left).unwrap_or_default());
        self.bar.set_message(format!("{windows_per_second:.1} a second, {left} left"));
        self.bar.set_position(done as u64);
    }

    fn note(&self, notice: &str) {
        if !self.quiet {
            self.bar.suspend(|| output::note(notice));
        }
    }

    fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

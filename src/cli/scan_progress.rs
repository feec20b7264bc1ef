//! A scan without a window, followed to its end.

use std::cell::Cell;
use std::io::IsTerminal;
use std::time::Duration;

use anyhow::bail;
use crossbeam_channel::RecvTimeoutError;
use indicatif::{ProgressBar, ProgressStyle};

use super::output;
use crate::encoder::EncoderCard;
use crate::notices::Notices;
use crate::scan::{Early, Event, Failures, Scanner};
use crate::search::Ranking;

/// What a scan came to.
pub struct Outcome {
    pub card: EncoderCard,
    pub windows: usize,
    /// Those that an earlier scan encoded.
    pub known: usize,
    pub early: Early,
    /// Windows that were left out since they have no data.
    pub skipped: usize,
    pub failed: Failures,
    /// What there is to know of the model and of what is stored.
    pub notices: Vec<String>,
    pub seconds: f64,
    pub ranking: Ranking,
    /// What all that is stored of the scene takes on disk; `None` when it isn't kept, or not all of it.
    pub kept_bytes: Option<u64>,
}

impl Outcome {
    /// The windows that it was to look at.
    pub fn all_windows(&self) -> usize {
        self.windows + self.skipped + self.failed.windows
    }

    /// Says how much could not be read.
    ///
    /// # Errors
    /// When that is anything: the result is incomplete.
    pub fn check_complete(&self) -> anyhow::Result<()> {
        match self.failed.sentence(self.all_windows()) {
            Some(incomplete) => bail!(incomplete),
            None => Ok(()),
        }
    }
}

/// Follows the scan for `keywords` to its end.
///
/// # Errors
/// When the model can't be loaded or the scan fails.
pub fn wait(scanner: &Scanner, keywords: &[String], progress: &Progress) -> anyhow::Result<Outcome> {
    /// A scene that is waited for, on a server for instance, may have something to tell meanwhile.
    const PATIENCE: Duration = Duration::from_millis(200);
    let mut notices = Vec::new();
    loop {
        let event = scanner.events().recv_timeout(PATIENCE);
        progress.tell_of_scene();
        let event = match event {
            Ok(event) => event,
            Err(RecvTimeoutError::Timeout) => continue,
            Err(RecvTimeoutError::Disconnected) => bail!("the scan ended without a result"),
        };
        match event {
            Event::Batch { done, windows_per_second, seconds_left, .. } => {
                progress.show(done, windows_per_second, seconds_left);
            }
            Event::Notice(notice) => {
                progress.note(&notice);
                notices.push(notice);
            }
            Event::Finished {
                windows,
                known,
                skipped,
                failed,
                early,
                seconds,
                ranking,
                card,
                kept_bytes,
            } => {
                progress.finish();
                if skipped > 0 {
                    let have = if skipped == 1 { "window has" } else { "windows have" };
                    progress.note(&format!("{skipped} {have} no data and were left out"));
                }
                return Ok(Outcome {
                    card,
                    windows,
                    known,
                    early,
                    skipped,
                    failed,
                    notices,
                    seconds,
                    ranking,
                    kept_bytes,
                });
            }
            Event::LoadFailed(message) | Event::Failed(message) | Event::Refused(message) => {
                progress.finish();
                bail!(message);
            }
            Event::Loaded { card, .. } => {
                if let Some(note) = card.known_words.note_on(keywords.iter().map(String::as_str)) {
                    progress.note(&note);
                    notices.push(note);
                }
            }
            Event::Started { .. } | Event::Ranked { .. } | Event::Cancelled { .. } => {}
        }
    }
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

/// A progress bar on a terminal, nothing elsewhere; and what there is to know of the scene, as soon as it is
/// known.
pub struct Progress {
    bar: ProgressBar,
    quiet: bool,
    scene: Notices,
    /// How many of the scene's notices were told.
    told: Cell<usize>,
}

impl Progress {
    /// `doing` is what is done before the first windows.
    pub fn new(quiet: bool, windows: u64, doing: &str, scene: &Notices) -> Self {
        let visible = !quiet && std::io::stderr().is_terminal();
        let bar = if visible { ProgressBar::new(windows) } else { ProgressBar::hidden() };
        let template = "{bar:32} {pos}/{len} windows {msg}";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        let progress = Self { bar, quiet, scene: scene.clone(), told: Cell::new(0) };
        progress.tell_of_scene();
        progress.bar.set_message(doing.to_owned());
        progress.bar.tick();
        progress
    }

    fn show(&self, done: usize, windows_per_second: f64, seconds_left: f64) {
        let left = indicatif::HumanDuration(Duration::try_from_secs_f64(seconds_left).unwrap_or_default());
        self.bar.set_message(format!("{windows_per_second:.1} a second, {left} left"));
        self.bar.set_position(done as u64);
    }

    /// Tells what is new of the scene; what makes a result incomplete or approximate even when all else is
    /// kept quiet.
    fn tell_of_scene(&self) {
        let mut told = self.told.get();
        for notice in self.scene.news(&mut told, !self.quiet) {
            self.bar.suspend(|| output::note(notice));
        }
        self.told.set(told);
    }

    fn note(&self, notice: &str) {
        if !self.quiet {
            self.bar.suspend(|| output::note(notice));
        }
    }

    fn finish(&self) {
        self.tell_of_scene();
        self.bar.finish_and_clear();
        if let Some(more) = self.scene.left_out() {
            output::note(more);
        }
    }
}

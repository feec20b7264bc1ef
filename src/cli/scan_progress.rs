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
use crate::scan::{Event, ScanProgress, ScanSummary, Scanner};
use crate::search::{Ranking, own_phrases};

/// A scan that came to its end.
pub struct FinishedScan {
    pub summary: ScanSummary,
    pub ranking: Ranking,
    /// What there is to know of the model and of what is stored.
    pub notices: Vec<String>,
}

impl FinishedScan {
    /// Says how much could not be read.
    ///
    /// # Errors
    /// When that is anything: the result is incomplete.
    pub fn check_complete(&self) -> anyhow::Result<()> {
        match self.summary.incomplete() {
            Some(incomplete) => bail!(incomplete),
            None => Ok(()),
        }
    }
}

/// Follows the scan for `keywords` to its end.
///
/// # Errors
/// When the model can't be loaded or the scan fails.
pub fn wait(scanner: &Scanner, keywords: &[String], bar: &ScanBar) -> anyhow::Result<FinishedScan> {
    /// A scene that is waited for, on a server for instance, may have something to tell meanwhile.
    const PATIENCE: Duration = Duration::from_millis(200);
    let mut notices = Vec::new();
    loop {
        let event = scanner.events().recv_timeout(PATIENCE);
        bar.tell_of_scene();
        let event = match event {
            Ok(event) => event,
            Err(RecvTimeoutError::Timeout) => continue,
            Err(RecvTimeoutError::Disconnected) => bail!("the scan ended without a result"),
        };
        match event {
            Event::Batch { progress, .. } => bar.show(&progress),
            Event::Notice(notice) => {
                bar.note(&notice);
                notices.push(notice);
            }
            Event::Finished { summary, ranking } => {
                bar.finish();
                if summary.skipped > 0 {
                    let have = if summary.skipped == 1 { "window has" } else { "windows have" };
                    bar.note(&format!("{} {have} no data and were left out", summary.skipped));
                }
                return Ok(FinishedScan { summary, ranking, notices });
            }
            Event::LoadFailed(message) | Event::Failed(message) | Event::Refused(message) => {
                bar.finish();
                bail!(message);
            }
            Event::Loaded { card, .. } => {
                let phrases: Vec<String> = keywords.iter().flat_map(|keyword| own_phrases(keyword)).collect();
                if let Some(note) = card.known_words.note_on(phrases.iter().map(String::as_str)) {
                    bar.note(&note);
                    notices.push(note);
                }
            }
            Event::Started { windows, .. } => bar.begin(windows),
            Event::Ranked { .. } | Event::Cancelled { .. } => {}
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
pub struct ScanBar {
    bar: ProgressBar,
    quiet: bool,
    scene: Notices,
    /// How many of the scene's notices were told.
    told: Cell<usize>,
}

impl ScanBar {
    /// How many windows there are, once the model is known.
    fn begin(&self, windows: usize) {
        self.bar.set_length(windows as u64);
    }

    /// `doing` is what is done before the first windows.
    pub fn new(quiet: bool, windows: u64, doing: &str, scene: &Notices) -> Self {
        let visible = !quiet && std::io::stderr().is_terminal();
        let bar = if visible { ProgressBar::new(windows) } else { ProgressBar::hidden() };
        let template = "{bar:32} {pos}/{len} windows {msg}";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        let scan_bar = Self { bar, quiet, scene: scene.clone(), told: Cell::new(0) };
        scan_bar.tell_of_scene();
        scan_bar.bar.set_message(doing.to_owned());
        scan_bar.bar.tick();
        scan_bar
    }

    fn show(&self, progress: &ScanProgress) {
        let ScanProgress { done, windows_per_second, seconds_left, .. } = progress;
        let left = Duration::try_from_secs_f64(*seconds_left).unwrap_or_default();
        let left = indicatif::HumanDuration(left);
        self.bar.set_message(format!("{windows_per_second:.1} a second, {left} left"));
        self.bar.set_position(*done as u64);
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

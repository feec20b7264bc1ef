//! The button that everything leads to, with what is missing or how far the scan is.

use eframe::egui;
use eframe::egui::{RichText, Ui};

use super::{SearchContext, SearchPanel, main_button};
use crate::app::action::Action;
use crate::app::commands::UiCommand;
use crate::app::format;
use crate::app::search::{ModelState, ScanState, Search};
use crate::app::settings::Settings;
use crate::scan::{ScanProgress, ScanSummary};
use crate::search::PromptTemplate;
use crate::windows::Area;

impl SearchPanel {
    /// What is still needed before a scan.
    #[must_use]
    pub fn missing(
        &self,
        settings: &Settings,
        search: &Search,
        scene_is_open: bool,
        areas: &[Area],
    ) -> Option<&'static str> {
        if !scene_is_open {
            return Some("Open an image first.");
        }
        if self.keywords.is_empty() {
            return Some("Type a keyword to look for first.");
        }
        if self.keywords.chips().iter().all(|chip| self.problem(&chip.word, search).is_some()) {
            return Some("Change the keywords first; the note under them says why.");
        }
        if PromptTemplate::new(&settings.template).is_err() {
            return Some("The prompt needs {} where the keyword goes.");
        }
        if self.window_count.fails() && !areas.is_empty() && self.grid.is_some() {
            return Some("There is nothing to scan in these areas; choose others.");
        }
        if self.window_count.fails() || self.grid.is_none() {
            return Some("These windows do not fit; choose another tile.");
        }
        match search.model() {
            ModelState::None => Some("Choose a model first."),
            ModelState::Failed(_) => Some("Choose another model first."),
            ModelState::Loading | ModelState::Ready(_) => None,
        }
    }

    pub(super) fn show_scan_controls(
        &self,
        ui: &mut Ui,
        settings: &Settings,
        cx: SearchContext<'_>,
    ) -> Option<Action> {
        let search = cx.search;
        let running = search.running();
        let command = if running { UiCommand::Cancel } else { UiCommand::Scan };
        let missing = self.missing(settings, search, cx.scene_size.is_some(), cx.areas);
        let enabled = if running { !search.cancelling() } else { missing.is_none() };
        let stopped = matches!(search.progress(), ScanState::Cancelled(_));
        let resumes = stopped && !search.differs(&settings.scan(Vec::new()), cx.areas);
        let text = if resumes { "Resume scan" } else { command.text() };
        let button = main_button(ui, command, text, enabled);
        let button = match missing {
            Some(missing) => button.on_disabled_hover_text(missing),
            None => button,
        };
        let action = button.clicked().then_some(Action::Run(command));
        ui.add_space(2.0);
        let weak = |ui: &mut Ui, text: String| ui.add(egui::Label::new(RichText::new(text).weak()).wrap());
        let what = format::looked_at(search.scanned_dense().unwrap_or_default());
        match search.progress() {
            ScanState::Idle => weak(ui, missing.unwrap_or("Ready to scan.").to_owned()),
            ScanState::Waiting if *search.model() == ModelState::Loading => {
                weak(ui, "The scan begins when the model is loaded.".to_owned())
            }
            ScanState::Waiting => weak(ui, "The scan begins…".to_owned()),
            ScanState::Running(_) if search.cancelling() => weak(ui, "Stopping…".to_owned()),
            ScanState::Running(ScanProgress { seconds_left, .. }) => weak(
                ui,
                format!(
                    "Scanning, {} left. You can change keywords meanwhile.",
                    format::duration(*seconds_left)
                ),
            ),
            ScanState::Finished(ScanSummary { windows, .. }) if search.all_known() => {
                weak(ui, format!("From cache: {} {what}.", format::count(*windows)))
            }
            ScanState::Finished(ScanSummary { windows, seconds, .. }) => weak(
                ui,
                format!("Scanned {} {what} in {}.", format::count(*windows), format::duration(*seconds)),
            ),
            ScanState::Cancelled(ScanProgress { done, windows, .. }) => weak(
                ui,
                format!("Stopped after {} of {} {what}.", format::count(*done), format::count(*windows)),
            ),
            ScanState::Failed(reason) => {
                ui.colored_label(ui.visuals().error_fg_color, format::sentence(reason))
            }
        };
        action
    }
}

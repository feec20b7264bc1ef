//! From what the controls say to a scan: the query, what is missing for it, the button that begins it.

use std::sync::Arc;

use eframe::egui;
use eframe::egui::{Context, RichText, Ui};

use super::{ModelState, Progress};
use crate::app::format;
use crate::app::search_panel::main_button;
use crate::app::{App, UiCommand};
use crate::scan::{ScanRequest, SceneSource};
use crate::search::{PromptTemplate, Query};

impl App {
    /// What is looked for, when that is complete.
    pub(in crate::app) fn query(&self) -> Option<Query> {
        let template = PromptTemplate::new(&self.settings.template).ok()?;
        let draft = self.keywords.draft().map(|draft| draft.word.clone());
        let keywords: Vec<String> = self
            .keywords
            .words()
            .into_iter()
            .chain(draft)
            .filter(|word| self.problem(word).is_none())
            .collect();
        (!keywords.is_empty()).then(|| Query {
            template,
            background: self.background.of(self.settings.background),
            rank_by: self.settings.rank_by,
            top_k: self.settings.top_k,
            examples: [self.examples.clone(), self.saved.examples(&keywords)].concat(),
            thumbs: self.feedback.given(),
            heat_map: self.heat.wanted(&self.keywords),
            boxes: self.settings.boxes(),
            threshold: self.settings.threshold,
            keywords,
        })
    }

    pub(in crate::app) fn scan(&mut self) {
        self.enter_keywords();
        if self.missing().is_some() {
            return;
        }
        let (Some(open), Some(query)) = (&self.scene, self.query()) else { return };
        let view = self.view.visible(open.scene.size());
        let scene: Arc<dyn SceneSource> = Arc::clone(&open.scene) as _;
        self.search.start(ScanRequest {
            scales: self.settings.scales(),
            areas: self.areas.clone(),
            view,
            exact: self.settings.exact,
            coarse: self.settings.coarse(),
            uniform: self.settings.uniform,
            store: self.store(),
            ..ScanRequest::new(scene, self.settings.grid(), query)
        });
        self.view.selected = None;
    }

    /// Begins the scan that was to begin with the scene.
    pub(in crate::app) fn scan_if_due(&mut self, ctx: &Context) {
        if !self.scan_when_ready || self.scene.is_none() || self.grid.is_none() || self.saved.reading() {
            return;
        }
        self.scan_when_ready = false;
        match self.missing() {
            None => self.scan(),
            // The panel says what is missing, and the person goes on from there.
            Some(_) if self.screenshot.is_none() => {}
            Some(_) if self.search.model == ModelState::None => {
                let error =
                    "no model is chosen, so the keywords cannot be looked for; name one with --model DIR";
                self.fail(ctx, error.to_owned());
            }
            Some(missing) => self.fail(ctx, missing.to_owned()),
        }
    }

    /// What is still needed before a scan.
    #[must_use]
    pub(in crate::app) fn missing(&self) -> Option<&'static str> {
        if self.scene.is_none() {
            return Some("Open an image first.");
        }
        if self.keywords.is_empty() {
            return Some("Type a keyword to look for first.");
        }
        if self.keywords.chips().iter().all(|chip| self.problem(&chip.word).is_some()) {
            return Some("Change the keywords first; the note under them says why.");
        }
        if PromptTemplate::new(&self.settings.template).is_err() {
            return Some("The prompt needs {} where the keyword goes.");
        }
        if self.plan.fails() && !self.areas.is_empty() && self.grid.is_some() {
            return Some("There is nothing to scan in these areas; choose others.");
        }
        if self.plan.fails() || self.grid.is_none() {
            return Some("These windows do not fit; choose another tile.");
        }
        match self.search.model {
            ModelState::None => Some("Choose a model first."),
            ModelState::Failed(_) => Some("Choose another model first."),
            ModelState::Loading | ModelState::Ready(_) => None,
        }
    }

    /// The button that everything leads to, with what is missing or how far it is.
    pub(in crate::app) fn show_scan_controls(&mut self, ui: &mut Ui) {
        let running = self.search.running();
        let command = if running { UiCommand::Cancel } else { UiCommand::Scan };
        let missing = self.missing();
        let enabled = if running { !self.search.cancelling() } else { missing.is_none() };
        let button = main_button(ui, command, enabled);
        let button = match missing {
            Some(missing) => button.on_disabled_hover_text(missing),
            None => button,
        };
        if button.clicked() {
            self.run(ui.ctx(), command);
        }
        ui.add_space(2.0);
        let weak = |ui: &mut Ui, text: String| ui.add(egui::Label::new(RichText::new(text).weak()).wrap());
        match &self.search.progress {
            Progress::Idle => weak(ui, missing.unwrap_or("Ready to scan.").to_owned()),
            Progress::Waiting if self.search.model == ModelState::Loading => {
                weak(ui, "The scan begins when the model is loaded.".to_owned())
            }
            Progress::Waiting => weak(ui, "The scan begins…".to_owned()),
            Progress::Running { .. } if self.search.cancelling() => weak(ui, "Stopping…".to_owned()),
            Progress::Running { seconds_left, .. } => weak(
                ui,
                format!(
                    "Scanning, {} left. You can change keywords meanwhile.",
                    format::duration(*seconds_left)
                ),
            ),
            Progress::Finished { windows, .. } if self.search.all_known() => {
                weak(ui, format!("Answered from stored embeddings: {} windows.", format::count(*windows)))
            }
            Progress::Finished { windows, seconds, .. } => weak(
                ui,
                format!("Scanned {} windows in {}.", format::count(*windows), format::duration(*seconds)),
            ),
            Progress::Cancelled { done, windows, .. } => weak(
                ui,
                format!("Stopped after {} of {} windows.", format::count(*done), format::count(*windows)),
            ),
            Progress::Failed(reason) => {
                ui.colored_label(ui.visuals().error_fg_color, format::sentence(reason))
            }
        };
    }
}

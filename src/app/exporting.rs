//! From what was found to an export of it.

use std::path::Path;
use std::sync::Arc;

use eframe::egui::Context;

use super::App;
use super::results::export::{Export, ExportTarget, Reads, What, keywords_by_slot, summary_of};
use super::results::feedback::Feedback;
use super::results::shown;
use super::search::ModelState;
use crate::export::Verdict;
use crate::notices::Notices;
use crate::raster::Rect;
use crate::search::Detection;

impl App {
    /// Asks where to save an export.
    pub(super) fn pick_target(&mut self, ctx: &Context, what: What) {
        if let Some(scene) = self.scene.scene() {
            self.chrome.pick_target(ctx, what, scene.path());
        }
    }

    pub(super) fn export(&mut self, ctx: &Context, target: ExportTarget) {
        let Some(open) = self.scene.open_scene() else { return };
        let scene = open.scene();
        let (width, height) = scene.size();
        let ranking = self.search.ranking();
        let keywords = self.search_panel.keywords();
        let card = match self.search.model() {
            ModelState::Ready(card) => Some(card),
            ModelState::None | ModelState::Loading | ModelState::Failed(_) => None,
        };
        let detections: Vec<Detection> = shown(ranking, keywords, self.results.shows_unclear())
            .into_iter()
            .map(|(detection, _)| detection.clone())
            .collect();
        let feedback = self.results.feedback();
        let verdict = |found: &Detection| match feedback.of(&found.keyword, found.window) {
            Some(Feedback::Accepted) => Verdict::Accepted,
            Some(Feedback::Rejected) => Verdict::Rejected,
            None => Verdict::None,
        };
        let export = Export {
            target,
            scene: Arc::clone(scene),
            picture: Arc::clone(open.display().shown()),
            view: self.viewport.visible((width, height)).unwrap_or_else(|| Rect::new(0, 0, width, height)),
            ranking: Arc::clone(ranking),
            verdicts: detections.iter().map(verdict).collect(),
            detections,
            keywords: keywords_by_slot(keywords),
            query: self.search.query().cloned().or_else(|| self.query()).unwrap_or_default(),
            grid: self.search.scanned().unwrap_or_else(|| self.settings.grid()),
            scales: self.search.scanned_scales().unwrap_or_else(|| self.settings.scales()),
            summary: summary_of(self.search.progress(), card),
            notices: self.chrome.notices().session().to_vec(),
            lacks: Notices::default(),
            reads: Reads {
                model: self.inputs.model(&self.settings).map(Path::to_owned),
                sharpener: self.inputs.sharpener.clone(),
                store: self.inputs.store.clone(),
                queries: self.search_panel.saved_queries_folder().map(Path::to_owned),
                region: self.inputs.region.clone(),
            },
        };
        let action = self.results.start_export(ctx, export);
        self.perform(ctx, action);
    }
}

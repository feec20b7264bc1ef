//! From what the controls say to a scan and its query.

use std::sync::Arc;
use std::time::Duration;

use eframe::egui::Context;

use super::App;
use super::action::About;
use super::search::{ModelState, Tick};
use crate::scan::{ScanRequest, SceneSource};
use crate::search::Query;
use crate::windows::Area;

impl App {
    /// What is looked for, when that is complete.
    pub(super) fn query(&self) -> Option<Query> {
        let heat_map = self.viewport.wanted_heat_map(self.search_panel.keywords());
        let given = self.results.feedback().given();
        let mut query = self.search_panel.query(&self.settings, &self.search, given, heat_map)?;
        // It is asked of what was scanned.
        query.boxes.regions = self.search.scanned_dense().unwrap_or(self.settings.fine);
        Some(query)
    }

    /// What is still needed before a scan.
    pub(super) fn missing(&self) -> Option<&'static str> {
        let areas = self.viewport.areas();
        self.search_panel.missing(&self.settings, &self.search, self.scene.is_open(), areas)
    }

    pub(super) fn scan(&mut self) {
        self.search_panel.enter_keywords(&self.search);
        if self.missing().is_some() {
            return;
        }
        let (Some(scene), Some(mut query)) = (self.scene.scene(), self.query()) else { return };
        query.boxes.regions = self.settings.fine;
        let view = self.viewport.visible(scene.size());
        let source: Arc<dyn SceneSource> = Arc::clone(scene) as _;
        let settings = self.settings.scan(Vec::new());
        self.search.start(ScanRequest {
            areas: self.viewport.areas().to_vec(),
            view,
            store: self.inputs.used_store(&self.settings),
            ..settings.request(source, query)
        });
        self.viewport.deselect();
        // What the scan before could not read, this one tells again.
        self.chrome.is_over(About::Scene);
    }

    /// Whether what was found comes from other windows, areas or another model than a scan would use now.
    pub(super) fn results_are_of_other_settings(&self) -> bool {
        self.search.differs(&self.settings.scan(Vec::new()), self.viewport.areas())
    }

    /// Looks at what is in view, and at nothing else.
    pub(super) fn scan_view(&mut self) {
        let visible = self.scene.size().and_then(|size| self.viewport.visible(size));
        if let Some(visible) = visible {
            self.viewport.set_areas(vec![Area::rect(visible)]);
            self.scan();
        }
    }

    /// Looks everywhere again.
    pub(super) fn clear_areas(&mut self) {
        if !self.viewport.areas().is_empty() {
            self.viewport.set_areas(Vec::new());
            self.areas_changed();
        }
    }

    /// A scan that runs begins anew; what it has encoded is kept, so that costs nothing.
    pub(super) fn areas_changed(&mut self) {
        if self.search.running() {
            self.scan();
        }
    }

    /// Begins the scan that was to begin with the scene.
    pub(super) fn scan_if_due(&mut self, ctx: &Context) {
        let ready = self.scene.is_open()
            && self.search_panel.grid().is_some()
            && !self.search_panel.is_reading_queries();
        if !self.startup.scans_when_ready() || !ready {
            return;
        }
        self.startup.set_scan_when_ready(false);
        match self.missing() {
            None => self.scan(),
            // The panel says what is missing, and the person goes on from there.
            Some(_) if !self.startup.is_for_screenshot() => {}
            Some(_) if *self.search.model() == ModelState::None => {
                let error =
                    "no model is chosen, so the keywords cannot be looked for; name one with --model DIR";
                self.fail(ctx, About::Model, error.to_owned());
            }
            Some(missing) => self.fail(ctx, About::Deed, missing.to_owned()),
        }
    }

    /// Looks for what the controls say now. It comes last in a frame, so that it knows of a key that was
    /// pressed; when the answer comes at once, the frame is laid out anew with it before anybody sees it.
    pub(super) fn ask(&mut self, ctx: &Context) {
        self.search_panel.sync_draft(&self.search);
        let now = ctx.input(|input| input.time);
        if let Some(query) = self.query() {
            self.search.ask(query, now);
        }
        match self.search.tick(now) {
            Tick::Idle => {}
            Tick::Wait(seconds) => ctx.request_repaint_after(Duration::from_secs_f64(seconds)),
            Tick::Answered => ctx.request_discard("the answer came"),
        }
    }
}

//! What happens in a frame, in which order.

use std::time::Duration;

use eframe::egui;
use eframe::egui::{Context, Ui};

use super::action::{About, Action};
use super::chrome::{ChromeContext, toolbar_ui};
use super::commands::UiCommand;
use super::results::ResultsContext;
use super::results::filter::Show;
use super::search_panel::SearchContext;
use super::settings::Settings;
use super::textures::SceneTextures;
use super::viewport::ViewportContext;
use super::{App, theme};

/// While a scan runs, notices are looked at this often.
const NOTICES_PAUSE: Duration = Duration::from_secs(1);

impl App {
    /// Everything that happens in a frame before anything is drawn.
    pub(super) fn update(&mut self, ctx: &Context) {
        self.poll_jobs(ctx);
        self.poll_scanner(ctx);
        if self.search.running() {
            // The scene may have something to tell while nothing else happens.
            ctx.request_repaint_after(NOTICES_PAUSE);
        }
        self.handle_dropped_files(ctx);
        self.take_result_key(ctx);
        for command in UiCommand::pressed(ctx) {
            self.run(ctx, command);
        }
        self.sync_scene(ctx);
        self.scene.poll_pixel(ctx, self.viewport.view().pointer);
        let size = self.scene.size();
        let actions =
            self.search_panel.sync(ctx, &self.settings, self.search.cells(), size, self.viewport.areas());
        self.perform(ctx, actions);
        self.viewport.poll(ctx, &self.search);
        self.scan_if_due(ctx);
        self.answer_from_store(ctx);
        self.chrome.sync_title(ctx, self.scene.scene().map(AsRef::as_ref));
    }

    /// Takes what jobs came to, and starts those that are due.
    fn poll_jobs(&mut self, ctx: &Context) {
        if let Some((request, opened)) = self.scene.poll_opening() {
            self.opened(ctx, &request, opened);
        }
        let store = self.inputs.store(&self.settings);
        let mut actions = self.chrome.poll(ctx, store, &self.search);
        actions.extend(self.published_models.poll(ctx, &mut self.settings));
        actions.extend(self.results.poll());
        self.perform(ctx, actions);
    }

    /// Takes what the scanner told.
    fn poll_scanner(&mut self, ctx: &Context) {
        self.search.poll();
        for notice in self.search.take_lasting() {
            self.chrome.notices_mut().add(notice);
        }
        if let Some(incomplete) = self.search.take_incomplete() {
            self.tell_incomplete(incomplete);
        }
        for (about, error) in self.search.take_errors() {
            self.fail(ctx, about, error);
        }
    }

    fn handle_dropped_files(&mut self, ctx: &Context) {
        let dropped = ctx.input(|input| input.raw.dropped_files.first().map(|file| file.path().to_owned()));
        if let Some(path) = dropped {
            // A folder cannot be a scene, but it can hold a model.
            if path.join("config.json").is_file() || path.join("open_clip_config.json").is_file() {
                self.choose_model(path);
            } else {
                self.open(ctx, path);
            }
        }
    }

    /// Brings the textures in step with how the scene is shown.
    fn sync_scene(&mut self, ctx: &Context) {
        let Some(textures) = &mut self.textures else { return };
        if let Some(source) = self.scene.poll_display(ctx, textures.patches_complete()) {
            textures.set_source(&source);
        }
        match self.scene.poll_overviews() {
            Some(Ok(true)) => {
                // Now the scene can be read at every scale.
                if let Some(open) = self.scene.open_scene() {
                    textures.reload_patches(&open.source());
                }
            }
            Some(Ok(false)) => {
                self.search.notify("The picture stays coarse from afar: its overviews were stopped.");
            }
            Some(Err(error)) => self.search.notify(error.to_string()),
            None => {}
        }
    }

    /// Draws the window.
    pub(super) fn show(&mut self, ui: &mut Ui) {
        let ctx = ui.ctx().clone();
        let toolbar =
            egui::Panel::top("toolbar").frame(theme::panel_frame(ui.style(), 10, 6)).show(ui, |ui| {
                let cx = ChromeContext {
                    scene: &self.scene,
                    viewport: &self.viewport,
                    results: &self.results,
                    search: &self.search,
                };
                toolbar_ui(ui, &mut self.settings, cx)
            });
        self.perform(&ctx, toolbar.inner);
        egui::Panel::bottom("status")
            .exact_size(theme::STATUS_HEIGHT)
            .frame(theme::panel_frame(ui.style(), 10, 2))
            .show(ui, |ui| {
                let cx = ChromeContext {
                    scene: &self.scene,
                    viewport: &self.viewport,
                    results: &self.results,
                    search: &self.search,
                };
                self.chrome.status_ui(ui, cx);
            });
        self.show_search_panel(ui);
        if self.search.scanned().is_some() {
            self.show_results(ui);
        } else {
            self.results.clear_hovered();
        }
        self.show_viewport(ui);
        self.show_windows(&ctx);
        self.ask(&ctx);
    }

    fn show_search_panel(&mut self, ui: &mut Ui) {
        let panel = egui::Panel::left("search")
            .resizable(true)
            .default_size(theme::SEARCH_WIDTH)
            .size_range(260.0..=480.0)
            .frame(theme::panel_frame(ui.style(), 12, 0));
        let shown = panel.show(ui, |ui| {
            let cx = SearchContext {
                search: &self.search,
                scene_size: self.scene.size(),
                ground_sample_distance: self.scene.ground_sample_distance(),
                areas: self.viewport.areas(),
                models: &self.published_models,
                bundled_model: self.inputs.bundled_model.as_deref(),
                can_sharpen: self.inputs.sharpener.is_some(),
            };
            self.search_panel.ui(ui, &mut self.settings, cx, |ui| self.scene.display_ui(ui))
        });
        self.perform(ui.ctx(), shown.inner);
    }

    fn show_results(&mut self, ui: &mut Ui) {
        let panel = egui::Panel::right("detections")
            .resizable(true)
            .default_size(theme::LIST_WIDTH)
            .size_range(200.0..=900.0)
            .frame(theme::panel_frame(ui.style(), 10, 0));
        let shown = panel.show(ui, |ui| {
            let cx = ResultsContext {
                search: &self.search,
                keywords: self.search_panel.keywords(),
                scene: self.scene.scene().map(AsRef::as_ref),
                selected: self.viewport.selected(),
                visible: self.scene.size().and_then(|size| self.viewport.visible(size)),
                outdated: self.results_are_of_other_settings(),
            };
            self.results.ui(ui, &mut self.settings, self.textures.as_mut(), cx)
        });
        self.perform(ui.ctx(), shown.inner);
    }

    fn show_viewport(&mut self, ui: &mut Ui) {
        let shown = egui::CentralPanel::no_frame().show(ui, |ui| {
            let cx = ViewportContext {
                settings: &self.settings,
                scene: &self.scene,
                search: &self.search,
                search_panel: &self.search_panel,
                results: &self.results,
                error: self.chrome.error(),
            };
            self.viewport.ui(ui, self.textures.as_mut(), cx)
        });
        self.perform(ui.ctx(), shown.inner);
        let complete = self.textures.as_ref().is_some_and(SceneTextures::patches_complete);
        self.scene.make_overviews_if_due(ui.ctx(), complete);
    }

    /// The windows within the window.
    fn show_windows(&mut self, ctx: &Context) {
        let store = self.inputs.store(&self.settings);
        self.chrome.windows_ui(ctx, &mut self.settings, store.as_ref());
        let actions = self.published_models.ui(ctx, &self.settings);
        self.perform(ctx, actions);
        let action = self.search_panel.naming_ui(ctx, &self.search);
        self.perform(ctx, action);
        if let Some(address) = self.scene.address_ui(ctx) {
            self.open(ctx, address);
        }
        if let (Some(at), Some(size)) =
            (self.go_to.ui(ctx, self.scene.scene().map(AsRef::as_ref)), self.scene.size())
        {
            self.viewport.go_to(ctx, at, size);
        }
        let command = self.chrome.palette_ui(ctx, &mut self.settings);
        self.perform(ctx, command.map(Action::Run));
    }

    /// Remembers at once which model is being fetched, or that it has come: a kill comes without a word, and
    /// what is kept every half minute may be too late.
    fn keep_download(&mut self, frame: &mut eframe::Frame) {
        if self.published_models.must_remember(&self.settings)
            && let Some(storage) = frame.storage_mut()
        {
            eframe::App::save(self, storage);
            storage.flush();
        }
    }

    /// Whether nothing is still to come of what the window shows.
    pub(super) fn shows_everything(&self) -> bool {
        let scene = match (self.scene.open_scene(), &self.textures) {
            (Some(open), Some(textures)) => {
                let thumbnails = self.settings.show == Show::List || textures.thumbnails_complete();
                textures.patches_complete() && open.display().settled() && thumbnails
            }
            _ => self.scene.opening().is_none(),
        };
        let idle = !self.search.running() && !self.startup.scans_when_ready() && self.viewport.is_at_rest();
        scene && idle && self.viewport.heat_map_is_there(&self.search_panel, &self.search)
    }
}

impl eframe::App for App {
    fn logic(&mut self, ctx: &Context, frame: &mut eframe::Frame) {
        if let Some(log) = &mut self.frame_log {
            log.next_frame(frame.info().cpu_usage.map(|seconds| f64::from(seconds) * 1000.0));
        }
        self.update(ctx);
    }

    fn ui(&mut self, ui: &mut Ui, frame: &mut eframe::Frame) {
        self.show(ui);
        let everything = self.shows_everything();
        if let Some(error) = self.startup.advance_screenshot(ui.ctx(), everything) {
            self.fail(ui.ctx(), About::Deed, error.to_string());
        }
        self.keep_download(frame);
    }

    /// The colour of panels, which therefore paint no ground of their own.
    fn clear_color(&self, visuals: &egui::Visuals) -> [f32; 4] {
        visuals.panel_fill.to_normalized_gamma_f32()
    }

    fn save(&mut self, storage: &mut dyn eframe::Storage) {
        if !self.startup.is_for_screenshot() {
            let now = self.startup.remembered(&self.settings);
            eframe::set_value(storage, Settings::KEY, &self.remembered.saved(now));
        }
    }

    fn persist_egui_memory(&self) -> bool {
        !self.startup.is_for_screenshot()
    }
}

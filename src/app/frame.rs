//! What happens in a frame, in which order.

use std::time::Duration;

use eframe::egui;
use eframe::egui::{Context, Ui};

use super::chrome::help;
use super::search::Tick;
use super::settings::Settings;
use super::{App, UiCommand};
use super::{format, theme};
use crate::windows::Grid;

/// While a scan runs, notices are looked at this often.
const NOTICES_PAUSE: Duration = Duration::from_secs(1);

impl App {
    /// Everything that happens in a frame before anything is drawn.
    pub(super) fn think(&mut self, ctx: &Context) {
        self.take_reports(ctx);
        if self.search.running() {
            // The scene may have something to tell while nothing else happens.
            ctx.request_repaint_after(NOTICES_PAUSE);
        }
        self.take_dropped_files(ctx);
        for command in UiCommand::pressed(ctx) {
            self.run(ctx, command);
        }
        self.follow_controls();
        self.follow_picture();
        self.follow_heat_map(ctx);
        self.scan_if_due(ctx);
        self.show_title(ctx);
    }

    /// Draws the window.
    pub(super) fn show(&mut self, ui: &mut Ui) {
        egui::Panel::top("toolbar")
            .frame(theme::panel_frame(ui.style(), 10, 6))
            .show(ui, |ui| self.show_toolbar(ui));
        egui::Panel::bottom("status")
            .exact_size(theme::STATUS_HEIGHT)
            .frame(theme::panel_frame(ui.style(), 10, 2))
            .show(ui, |ui| self.show_status(ui));
        egui::Panel::left("search")
            .resizable(true)
            .default_size(theme::SEARCH_WIDTH)
            .size_range(260.0..=480.0)
            .frame(theme::panel_frame(ui.style(), 12, 0))
            .show(ui, |ui| self.show_search_panel(ui));
        self.list_hovered = None;
        if self.search.scanned.is_some() {
            egui::Panel::right("detections")
                .resizable(true)
                .default_size(theme::LIST_WIDTH)
                .size_range(200.0..=900.0)
                .frame(theme::panel_frame(ui.style(), 10, 0))
                .show(ui, |ui| self.show_list_panel(ui));
        }
        egui::CentralPanel::no_frame().show(ui, |ui| self.show_viewport(ui));
        self.make_overviews_if_due();
        help::show(ui.ctx(), &mut self.help);
        self.show_preferences(&ui.ctx().clone());
        self.show_get_model(&ui.ctx().clone());
        self.show_naming(&ui.ctx().clone());
        if let Some(address) = self.url_dialog.show(ui.ctx()) {
            self.open(address);
        }
        self.ask(&ui.ctx().clone());
    }

    /// Keeps the scanner's query and the grid in step with the controls.
    fn follow_controls(&mut self) {
        let settings = self.settings.grid();
        let size = self.scene.as_ref().map(|open| open.scene.size());
        let up_to_date = |grid: &Grid| grid.settings() == settings && Some(grid.scene_size()) == size;
        if !self.grid.as_ref().is_some_and(up_to_date) {
            self.grid = size.and_then(|(width, height)| Grid::new(width, height, settings).ok());
        }
        self.forget_unused_examples();
        self.follow_plan();
        self.follow_preferences();
        self.follow_get_model();
    }

    /// Looks for what the controls say now. It comes last in a frame, so that it knows of a key that was
    /// pressed; when the answer comes at once, the frame is laid out anew with it before anybody sees it.
    fn ask(&mut self, ctx: &Context) {
        self.follow_typing();
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

    /// Remembers at once which model is being fetched, or that it has come: a kill comes without a word, and
    /// what is kept every half minute may be too late.
    fn keep_download(&mut self, frame: &mut eframe::Frame) {
        if self.get_model.remembered == self.settings.unfinished_model {
            return;
        }
        self.get_model.remembered.clone_from(&self.settings.unfinished_model);
        if let Some(storage) = frame.storage_mut() {
            eframe::App::save(self, storage);
            storage.flush();
        }
    }

    /// The title names the scene.
    fn show_title(&mut self, ctx: &Context) {
        let title = self.scene.as_ref().map_or_else(
            || "Skysift".to_owned(),
            |open| format!("{} – Skysift", format::file_name(open.scene.path())),
        );
        if title != self.title {
            ctx.send_viewport_cmd(egui::ViewportCommand::Title(title.clone()));
            self.title = title;
        }
    }
}

impl eframe::App for App {
    fn logic(&mut self, ctx: &Context, frame: &mut eframe::Frame) {
        if let Some(log) = &mut self.frame_log {
            log.next_frame(frame.info().cpu_usage.map(|seconds| f64::from(seconds) * 1000.0));
        }
        self.think(ctx);
    }

    fn ui(&mut self, ui: &mut Ui, frame: &mut eframe::Frame) {
        self.show(ui);
        self.advance_screenshot(&ui.ctx().clone());
        self.keep_download(frame);
    }

    /// The colour of panels, which therefore paint no ground of their own.
    fn clear_color(&self, visuals: &egui::Visuals) -> [f32; 4] {
        visuals.panel_fill.to_normalized_gamma_f32()
    }

    fn save(&mut self, storage: &mut dyn eframe::Storage) {
        if self.screenshot.is_none() {
            eframe::set_value(storage, Settings::KEY, &self.start.remembered(&self.settings));
        }
    }

    fn persist_egui_memory(&self) -> bool {
        self.screenshot.is_none()
    }
}

//! What each command does.

use std::path::PathBuf;

use eframe::egui::Context;

use super::chrome::dialogs;
use super::results::export::What;
use super::results::feedback::Feedback;
use super::search_panel::keyword_field;
use super::viewport::tools::Tool;
use super::{App, UiCommand};

impl App {
    /// Carries out a command.
    pub(super) fn run(&mut self, ctx: &Context, command: UiCommand) {
        let now = ctx.input(|input| input.time);
        let size = self.scene.as_ref().map(|open| open.scene.size());
        ctx.request_repaint();
        match (command, size) {
            (UiCommand::Open, _) => {
                dialogs::pick_image(&self.jobs, self.settings.recent_scenes.first().map(PathBuf::as_path));
            }
            (UiCommand::OpenFolder, _) => {
                dialogs::pick_folder(&self.jobs, self.settings.recent_scenes.first().map(PathBuf::as_path));
            }
            (UiCommand::OpenUrl, _) => self.url_dialog.open(),
            (UiCommand::OpenSample, _) => self.open_sample(),
            (UiCommand::FocusKeywords, _) => {
                ctx.memory_mut(|memory| memory.request_focus(keyword_field::keyword_field()));
            }
            (UiCommand::Scan, _) => self.scan(),
            (UiCommand::Cancel, _) => self.search.cancel(),
            (UiCommand::Fit, Some(size)) => self.view.fit(size, now),
            (UiCommand::ActualSize, Some(size)) => self.view.actual_size(size, ctx.pixels_per_point(), now),
            (UiCommand::ZoomIn, Some(size)) => self.view.zoom(size, 1),
            (UiCommand::ZoomOut, Some(size)) => self.view.zoom(size, -1),
            (UiCommand::PanLeft, Some(size)) => self.view.pan(size, (-1.0, 0.0)),
            (UiCommand::PanRight, Some(size)) => self.view.pan(size, (1.0, 0.0)),
            (UiCommand::PanUp, Some(size)) => self.view.pan(size, (0.0, -1.0)),
            (UiCommand::PanDown, Some(size)) => self.view.pan(size, (0.0, 1.0)),
            (UiCommand::NextDetection, _) => self.step_selection(ctx, true),
            (UiCommand::PreviousDetection, _) => self.step_selection(ctx, false),
            (UiCommand::Deselect, _) => self.deselect(),
            (UiCommand::ToggleGrid, _) => self.settings.show_grid = !self.settings.show_grid,
            (UiCommand::ToggleBoxes, _) => self.settings.show_boxes = !self.settings.show_boxes,
            (UiCommand::ToolPan, _) => self.tools.choose(Tool::Pan),
            (UiCommand::ToolSimilar, Some(_)) => self.tools.choose(Tool::Similar),
            (UiCommand::ToolRectangle, Some(_)) => self.tools.choose(Tool::Rectangle),
            (UiCommand::ToolPolygon, Some(_)) => self.tools.choose(Tool::Polygon),
            (UiCommand::ScanView, Some(_)) => self.scan_view(),
            (UiCommand::WholeScene, _) => self.clear_areas(),
            (UiCommand::ToggleHeatMap, _) => self.heat.on = !self.heat.on,
            (UiCommand::ToggleGallery, _) => self.settings.show = self.settings.show.toggled(),
            (UiCommand::Accept, _) => self.give_feedback(Feedback::Accepted),
            (UiCommand::Reject, _) => self.give_feedback(Feedback::Rejected),
            (UiCommand::UndoFeedback, _) => self.feedback.undo(),
            (UiCommand::ExportPicture, Some(_)) => self.ask_target(What::Picture),
            (UiCommand::ExportView, Some(_)) => self.ask_target(What::View),
            (UiCommand::ExportGeoJson, Some(_)) => self.ask_target(What::GeoJson),
            (UiCommand::ExportGeoJsonPixels, Some(_)) => self.ask_target(What::GeoJsonPixels),
            (UiCommand::ExportCsv, Some(_)) => self.ask_target(What::Csv),
            (UiCommand::ExportCsvExcel, Some(_)) => self.ask_target(What::CsvExcel),
            (UiCommand::ExportJson, Some(_)) => self.ask_target(What::Json),
            (UiCommand::Help, _) => self.help = !self.help,
            (UiCommand::GetModel, _) => self.get_model.toggle(),
            (UiCommand::Preferences, _) => self.preferences.toggle(),
            (UiCommand::ToggleNotices, _) => self.toggle_notices(),
            // Without a scene there is nothing to look at or to save.
            (_, None) => {}
        }
    }

    /// Closes what is open, the topmost first.
    fn deselect(&mut self) {
        if self.notices.close() {
            // That was all.
        } else if self.url_dialog.is_open() {
            self.url_dialog.close();
        } else if self.saved.close() {
            // That was all.
        } else if self.get_model.is_open() {
            self.get_model.toggle();
        } else if self.preferences.is_open() {
            self.preferences.toggle();
        } else if self.help {
            self.help = false;
        } else if self.error.is_some() {
            self.error = None;
        } else if self.opening.is_some() {
            self.opening = None;
        } else if !self.tools.cancel() {
            self.view.selected = None;
        }
    }
}

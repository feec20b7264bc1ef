//! The search panel: what to look for, with which model, in which windows.

pub mod background;
pub mod boxes;
pub mod chips;
pub mod examples;
pub mod grid;
pub mod keyword_field;
pub mod keywords;
pub mod live_query;
pub mod model;
pub mod prompt;
pub mod ranking;
pub mod saved_queries;
pub mod suggestions;
pub mod window_count;

use eframe::egui;
use eframe::egui::{Button, Layout, Response, RichText, ScrollArea, Ui};

use super::theme::{self, SECTION_GAP};
use super::{App, UiCommand};

impl App {
    /// The panel at the left.
    pub(super) fn show_search_panel(&mut self, ui: &mut Ui) {
        egui::Panel::bottom("scan")
            .show_separator_line(true)
            .frame(egui::Frame::new().inner_margin(egui::Margin::symmetric(0, 10)))
            .show(ui, |ui| self.show_scan_controls(ui));
        ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
            ui.add_space(4.0);
            section(ui, "Look for");
            self.show_keywords(ui);
            self.show_template(ui);
            section(ui, "Model");
            self.show_model(ui);
            section(ui, "Windows");
            self.show_grid_settings(ui);
            section(ui, "Best windows");
            self.show_ranking_settings(ui);
            section(ui, "Picture");
            self.show_picture(ui);
            ui.add_space(SECTION_GAP);
            if UiCommand::Preferences.button(ui, true).clicked() {
                self.run(ui.ctx(), UiCommand::Preferences);
            }
            ui.add_space(SECTION_GAP);
        });
    }
}

fn section(ui: &mut Ui, title: &str) {
    ui.add_space(SECTION_GAP);
    ui.label(RichText::new(title).strong().size(14.0));
}

/// A wide button in the accent colour.
pub fn main_button(ui: &mut Ui, command: UiCommand, enabled: bool) -> Response {
    let tokens = theme::tokens(ui.visuals());
    let size = egui::vec2(ui.available_width().min(456.0), 32.0);
    let text = RichText::new(command.text()).size(15.0);
    let button = if enabled {
        Button::new(text.color(tokens.on_accent)).fill(tokens.accent)
    } else {
        Button::new(text)
    };
    // Centred and justified, the text stands in the middle of the button.
    let layout = Layout::centered_and_justified(egui::Direction::TopDown);
    let placed =
        ui.allocate_ui_with_layout(size, layout, |ui| ui.add_enabled(enabled, button.min_size(size)));
    command.explain(placed.inner)
}

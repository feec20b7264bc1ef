//! What the view shows where there is no scene to show: how to begin, and that a file can be dropped.

use std::path::PathBuf;

use eframe::egui;
use eframe::egui::{Align2, Color32, FontId, Rect, Shape, Ui, vec2};

use crate::app::action::Action;
use crate::app::commands::UiCommand;
use crate::app::format;
use crate::app::scene::opening::Opening;
use crate::app::search_panel::main_button;

/// How to begin, or how far opening is. `recent` are scenes that were opened before.
pub fn show(ui: &mut Ui, rect: Rect, opening: Option<&Opening>, recent: &[PathBuf]) -> Vec<Action> {
    let mut actions = Vec::new();
    let area = Rect::from_center_size(rect.center(), vec2(420.0_f32.min(rect.width() - 32.0), 300.0));
    ui.scope_builder(egui::UiBuilder::new().max_rect(area), |ui| {
        ui.vertical_centered(|ui| {
            if let Some(opening) = opening {
                ui.add_space(90.0);
                ui.add(egui::Spinner::new().size(28.0));
                ui.add_space(8.0);
                ui.label(opening.text());
                if ui.button("Cancel").on_hover_text("Do not open this image (Esc)").clicked() {
                    actions.push(Action::CancelOpening);
                }
                return;
            }
            ui.add_space(30.0);
            ui.heading("Find what you type in a satellite image");
            ui.add_space(8.0);
            ui.weak("Drop an image here, or open one: GeoTIFF, PNG, JPEG or WebP.");
            ui.weak("Then type a keyword such as “harbor” and press Scan.");
            ui.add_space(14.0);
            if main_button(ui, UiCommand::Open, UiCommand::Open.text(), true).clicked() {
                actions.push(Action::Run(UiCommand::Open));
            }
            if UiCommand::OpenSample.button(ui, true).clicked() {
                actions.push(Action::Run(UiCommand::OpenSample));
            }
            if !recent.is_empty() {
                ui.add_space(18.0);
                ui.weak("Recent");
                for path in recent.iter().take(5) {
                    let link = ui.link(format::file_name(path));
                    if link.on_hover_text(path.display().to_string()).clicked() {
                        actions.push(Action::Open(path.clone()));
                    }
                }
            }
        });
    });
    actions
}

/// Says that a file over the window can be dropped.
pub fn show_drop_hint(ui: &Ui, rect: Rect) {
    let hovering = ui.input(|input| input.raw.hovered_files.len());
    if hovering == 0 {
        return;
    }
    let painter = ui.painter_at(rect);
    painter.rect_filled(rect, 0.0, Color32::from_black_alpha(170));
    let frame = rect.shrink(24.0);
    let stroke = egui::Stroke::new(2.0, Color32::WHITE);
    let outline =
        [frame.left_top(), frame.right_top(), frame.right_bottom(), frame.left_bottom(), frame.left_top()];
    painter.extend(Shape::dashed_line(&outline, stroke, 12.0, 8.0));
    let text = if hovering == 1 { "Drop to open" } else { "Drop to open the first of these" };
    painter.text(rect.center(), Align2::CENTER_CENTER, text, FontId::proportional(24.0), Color32::WHITE);
}

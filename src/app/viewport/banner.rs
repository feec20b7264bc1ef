//! What went wrong, over the view.

use eframe::egui;
use eframe::egui::{Color32, Rect, Ui, vec2};

use crate::app::{format, theme};

/// Shows what went wrong. Returns whether that was dismissed.
pub fn show(ui: &mut Ui, rect: Rect, error: &str) -> bool {
    let tokens = theme::tokens(ui.visuals());
    let area = Rect::from_min_size(rect.min + vec2(12.0, 12.0), vec2(rect.width() - 24.0, 80.0));
    let mut dismissed = false;
    ui.scope_builder(egui::UiBuilder::new().max_rect(area), |ui| {
        egui::Frame::new()
            .fill(tokens.error_fill)
            .corner_radius(theme::CORNER)
            .inner_margin(egui::Margin::symmetric(12, 8))
            .show(ui, |ui| {
                egui::Sides::new().shrink_left().wrap().show(
                    ui,
                    |ui| {
                        ui.label(egui::RichText::new(format::sentence(error)).color(tokens.error_text));
                    },
                    |ui| {
                        let button = egui::Button::new("Dismiss").fill(Color32::TRANSPARENT);
                        dismissed = ui.add(button).on_hover_text("Close this message (Esc)").clicked();
                    },
                );
            });
    });
    dismissed
}

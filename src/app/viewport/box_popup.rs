//! What stands beside a box: its scores while the pointer is over it, its thumbs while it is selected.

use eframe::egui;
use eframe::egui::{Rect, Response, Sense, Ui, pos2, vec2};

use crate::app::App;
use crate::app::format;
use crate::app::results::feedback;
use crate::app::theme;
use crate::search::Detection;

impl App {
    /// The thumbs of the selected box, below it.
    pub(in crate::app) fn show_thumbs(&mut self, ui: &Ui, view: Rect) {
        let (Some(id), Some(camera)) = (self.view.selected.clone(), self.view.camera) else { return };
        let place = camera.rect_to_screen(view, id.window);
        if self.view.flying() || !self.settings.show_boxes || !place.intersects(view) {
            return;
        }
        let given = self.feedback.of(&id.keyword, id.window);
        let bottom = place.bottom().min(view.bottom() - 44.0);
        egui::Area::new(egui::Id::unique("thumbs"))
            .fixed_pos(pos2(place.left().max(view.left()), bottom + 6.0))
            .constrain_to(view)
            .show(ui.ctx(), |ui| {
                egui::Frame::popup(ui.style()).inner_margin(4).show(ui, |ui| {
                    ui.horizontal(|ui| {
                        if let Some(pressed) = feedback::buttons(ui, "the selected detection", given) {
                            self.give_feedback_on(&id, pressed);
                        }
                    });
                });
            });
    }

    /// All scores of a window, beside the pointer.
    pub(in crate::app) fn show_scores(&self, ui: &Ui, response: &Response, detection: &Detection) {
        let tooltip = egui::Tooltip::always_open(
            ui.ctx().clone(),
            ui.layer_id(),
            response.id.with("scores"),
            egui::PopupAnchor::Pointer,
        );
        tooltip.gap(14.0).show(|ui| {
            let text = format!("{} · rank {}", detection.keyword, detection.rank);
            ui.strong(text);
            if let Some(gaps) = format::gaps(detection.nodata) {
                ui.weak(gaps);
            }
            egui::Grid::new("scores").num_columns(4).min_col_width(0.0).spacing(vec2(12.0, 3.0)).show(
                ui,
                |ui| {
                    ui.label("");
                    ui.weak("Keyword");
                    ui.weak("Probability");
                    ui.weak("Cosine");
                    ui.end_row();
                    for (word, probability, cosine) in &detection.scores {
                        let slot = self.keywords.find(word).map_or(0, |chip| chip.slot);
                        let (dot, _) = ui.allocate_exact_size(vec2(10.0, 10.0), Sense::hover());
                        ui.painter().rect_filled(dot, 2.0, theme::keyword_color(slot));
                        ui.label(word);
                        ui.monospace(format!("{probability:.3}"));
                        ui.monospace(format!("{cosine:.3}"));
                        ui.end_row();
                    }
                },
            );
        });
    }
}

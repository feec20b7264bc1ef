//! What stands beside a box: its scores while the pointer is over it, the feedback on it while it is
//! selected.

use eframe::egui;
use eframe::egui::{Rect, Response, Sense, Ui, pos2, vec2};

use super::{Viewport, ViewportContext};
use crate::app::action::Action;
use crate::app::results::feedback;
use crate::app::search_panel::keywords::Keywords;
use crate::app::{format, theme};
use crate::search::Detection;

impl Viewport {
    /// The buttons for feedback on the selected box, below it.
    pub(super) fn show_box_popup(&self, ui: &Ui, view: Rect, cx: ViewportContext<'_>) -> Option<Action> {
        let (id, camera) = (self.view.selected.as_ref()?, self.view.camera?);
        let place = camera.rect_to_screen(view, id.window);
        if self.view.flying() || !cx.settings.show_boxes || !place.intersects(view) {
            return None;
        }
        let given = cx.results.feedback().of(&id.keyword, id.window);
        let bottom = place.bottom().min(view.bottom() - 44.0);
        let shown = egui::Area::new(egui::Id::unique("thumbs"))
            .fixed_pos(pos2(place.left().max(view.left()), bottom + 6.0))
            .constrain_to(view)
            .show(ui.ctx(), |ui| {
                let frame = egui::Frame::popup(ui.style()).inner_margin(4);
                frame.show(ui, |ui| {
                    ui.horizontal(|ui| feedback::buttons(ui, "the selected detection", given)).inner
                })
            });
        shown.inner.inner.map(|pressed| Action::GiveFeedback(id.clone(), pressed))
    }
}

/// All scores of a window, beside it; beside the pointer where the window fills most of the `view`. `place`
/// is the window's on the screen.
pub fn show_scores(
    ui: &Ui,
    response: &Response,
    (place, view): (Rect, Rect),
    detection: &Detection,
    keywords: &Keywords,
) {
    let seen = place.intersect(view);
    let beside = seen.height() < view.height() / 2.0 && seen.is_positive();
    let anchor = if beside { egui::PopupAnchor::ParentRect(seen) } else { egui::PopupAnchor::Pointer };
    let tooltip =
        egui::Tooltip::always_open(ui.ctx().clone(), ui.layer_id(), response.id.with("scores"), anchor);
    tooltip.gap(14.0).show(|ui| {
        let text = format!("{} · rank {}", detection.keyword, detection.rank);
        ui.strong(text);
        if let Some(gaps) = format::gaps(detection.nodata) {
            ui.weak(gaps);
        }
        egui::Grid::new("scores").num_columns(4).min_col_width(0.0).spacing(vec2(12.0, 3.0)).show(ui, |ui| {
            ui.label("");
            ui.weak("Keyword");
            ui.weak("Probability");
            ui.weak("Cosine");
            ui.end_row();
            for (word, probability, cosine) in &detection.scores {
                let slot = keywords.find(word).map_or(0, |chip| chip.slot);
                let (dot, _) = ui.allocate_exact_size(vec2(10.0, 10.0), Sense::hover());
                theme::swatch(ui.painter(), dot.shrink(1.0), slot, None);
                ui.label(word);
                ui.monospace(format!("{probability:.3}"));
                ui.monospace(format!("{cosine:.3}"));
                ui.end_row();
            }
        });
    });
}

//! The detections as pictures: in one grid, or side by side with a column a keyword.

use std::sync::Arc;

use eframe::egui;
use eframe::egui::{
    Align2, Color32, FontId, Id, Key, Modifiers, Rect, Response, ScrollArea, Sense, Stroke, StrokeKind, Ui,
    WidgetInfo, pos2, vec2,
};

use super::cells::Cells;
use super::feedback;
use super::feedback::Feedback;
use super::filter::{Arranged, Show};
use crate::app::App;
use crate::app::format;
use crate::app::theme;
use crate::app::viewport::boxes::DetectionId;
use crate::raster::Scene;
use crate::search::Detection;

/// Side of a picture in the grid, and the least side in columns, in points.
const SIDE: f32 = 112.0;
const LEAST_SIDE: f32 = 76.0;
/// Height of what stands below a picture: two lines and the thumbs.
const BELOW: f32 = 60.0;
const GAP: f32 = 8.0;

impl App {
    /// The pictures.
    pub(in crate::app) fn show_gallery(
        &mut self,
        ui: &mut Ui,
        arranged: &Arranged,
        was_focused: Option<DetectionId>,
    ) {
        let ranking = Arc::clone(&self.search.ranking);
        let compare = self.settings.show == Show::Compare;
        let room = (ui.available_width() - 12.0).max(SIDE);
        let fitting = ((room + GAP) / (SIDE + GAP)).floor().max(1.0) as usize;
        let across = if compare { arranged.columns.len().max(1) } else { fitting };
        let side = if compare {
            ((room + GAP) / across as f32 - GAP).clamp(LEAST_SIDE, SIDE)
        } else {
            // What is left over goes into the pictures.
            (room + GAP) / across as f32 - GAP
        };
        let cells = Cells { arranged, compare, across };
        self.take_gallery_keys(ui, &ranking, &cells, was_focused);
        if let Some(open) = &mut self.scene {
            open.crops.begin(ui.ctx());
        }
        let scroll = std::mem::take(&mut self.scroll_to_selected);
        let selected = self.view.selected.as_ref().filter(|_| scroll);
        let row = selected.and_then(|id| cells.find(&ranking, id)).map(|(row, _)| row);
        let mut area = ScrollArea::new([compare, true]).auto_shrink(false);
        let height = side + BELOW;
        if let Some(row) = row {
            let step = height + ui.spacing().item_spacing.y;
            area = area
                .vertical_scroll_offset((row as f32 * step - (ui.available_height() - step) / 2.0).max(0.0));
        }
        if compare {
            self.show_column_names(ui, arranged, side);
        }
        let mut chosen = None;
        let scrolled = area.show_rows(ui, height, cells.rows(), |ui, rows| {
            for row in rows {
                ui.horizontal(|ui| {
                    ui.spacing_mut().item_spacing.x = GAP;
                    for column in 0..across {
                        match cells.at(row, column).and_then(|index| ranking.get(index)) {
                            Some(detection) => {
                                if self.show_cell(ui, detection, side).clicked() {
                                    chosen = Some(detection);
                                }
                            }
                            // A column may end before the others do.
                            None => {
                                ui.allocate_exact_size(vec2(side, height), Sense::hover());
                            }
                        }
                    }
                });
            }
        });
        self.gallery.scrolled = scrolled.state.clamped_offset().x;
        if let Some(open) = &mut self.scene {
            open.crops.end();
        }
        if let Some(detection) = chosen {
            self.select(ui.ctx(), detection);
        }
    }

    /// The keywords above their columns, which they follow sideways.
    fn show_column_names(&self, ui: &mut Ui, arranged: &Arranged, side: f32) {
        let (row, _) = ui.allocate_exact_size(vec2(ui.available_width(), 20.0), Sense::hover());
        let color = ui.visuals().strong_text_color();
        let mut left = row.left() - self.gallery.scrolled;
        for (keyword, own) in &arranged.columns {
            let place = Rect::from_min_size(pos2(left, row.top()), vec2(side, row.height())).intersect(row);
            if place.is_positive() {
                let text = format!("{keyword}, {}", format::count(own.len()));
                let name = ui.interact(place, ui.scope_id().with(("column", keyword)), Sense::hover());
                let at = pos2(left, row.center().y);
                let painter = ui.painter_at(place);
                painter.text(at, Align2::LEFT_CENTER, &text, FontId::proportional(12.5), color);
                name.on_hover_text(text);
            }
            left += side + GAP;
        }
    }

    /// Arrows walk from picture to picture and Space accepts; X is a key of the window's own.
    fn take_gallery_keys(
        &mut self,
        ui: &Ui,
        ranking: &[Detection],
        cells: &Cells<'_>,
        was_focused: Option<DetectionId>,
    ) {
        let has_focus = ui.memory(egui::Memory::focused);
        let Some(id) = was_focused.filter(|id| has_focus == Some(cell_id(id))) else { return };
        self.gallery.focused = Some(id.clone());
        if ui.input_mut(|input| input.consume_key(Modifiers::NONE, Key::Space)) {
            self.give_feedback_on(&id, Feedback::Accepted);
        }
        let arrows = [Key::ArrowUp, Key::ArrowDown, Key::ArrowLeft, Key::ArrowRight];
        let pressed =
            arrows.into_iter().find(|key| ui.input_mut(|input| input.consume_key(Modifiers::NONE, *key)));
        let Some(next) = pressed
            .and_then(|key| cells.beside(cells.find(ranking, &id)?, key))
            .and_then(|index| ranking.get(index))
        else {
            return;
        };
        let next_id = DetectionId::of(next);
        ui.memory_mut(|memory| memory.request_focus(cell_id(&next_id)));
        self.gallery.focused = Some(next_id);
        self.scroll_to_selected = true;
        self.select(ui.ctx(), next);
    }

    /// One picture with its rank, score, place and thumbs.
    fn show_cell(&mut self, ui: &mut Ui, detection: &Detection, side: f32) -> Response {
        let id = DetectionId::of(detection);
        let (place, _) = ui.allocate_exact_size(vec2(side, side + BELOW), Sense::hover());
        let picture = Rect::from_min_size(place.min, vec2(side, side));
        let response = ui.interact(picture, cell_id(&id), Sense::click());
        if response.has_focus() {
            let filter =
                egui::EventFilter { horizontal_arrows: true, vertical_arrows: true, ..Default::default() };
            ui.memory_mut(|memory| memory.set_focus_lock_filter(response.id, filter));
            self.gallery.focused = Some(id.clone());
        }
        if response.hovered() {
            self.list_hovered = Some(id.clone());
        }
        let score = detection.score_text(self.settings.rank_by);
        let moved = self.feedback.moved(detection);
        let name = format!("{} {}, score {score}", detection.keyword, detection.rank);
        response.widget_info(|| WidgetInfo::labeled(egui::Role::Button, true, name.clone()));

        self.paint_picture(ui, detection, picture, &response);
        let font = FontId::proportional(12.0);
        let painter = ui.painter_at(place);
        let text = format!("{} {score} {}", detection.rank, detection.keyword);
        let at = pos2(place.left(), picture.bottom() + 3.0);
        painter.text(at, Align2::LEFT_TOP, text, font.clone(), ui.visuals().text_color());
        let scene = self.scene.as_ref().map(|open| &open.scene);
        let (x, y) = detection.window.center();
        let weak = ui.visuals().weak_text_color();
        let where_at = at + vec2(0.0, 15.0);
        painter.text(where_at, Align2::LEFT_TOP, place_text(scene.map(AsRef::as_ref), x, y), font, weak);

        let row = Rect::from_min_max(pos2(place.left(), place.bottom() - 26.0), place.max);
        let given = self.feedback.of(&id.keyword, id.window);
        ui.scope_builder(egui::UiBuilder::new().max_rect(row).id_salt(("thumbs", &id)), |ui| {
            ui.horizontal(|ui| {
                ui.spacing_mut().item_spacing.x = 2.0;
                ui.spacing_mut().button_padding.x = 4.0;
                let label = format!("{} {}", detection.keyword, detection.rank);
                if let Some(pressed) = feedback::buttons(ui, &label, given) {
                    self.give_feedback_on(&id, pressed);
                }
                if let Some(moved) = moved {
                    ui.monospace(moved.text()).on_hover_text(moved.sentence());
                }
            });
        });
        response.on_hover_text(format!(
            "Go there: pixel {x:.0}, {y:.0}\nProbability {:.3}, cosine {:.3}\nSpace accepts, X rejects",
            detection.probability, detection.cosine
        ))
    }

    fn paint_picture(&mut self, ui: &Ui, detection: &Detection, place: Rect, response: &Response) {
        let painter = ui.painter_at(place.expand(3.0));
        painter.rect_filled(place, 2.0, theme::tokens(ui.visuals()).chip_fill);
        let texture = self.scene.as_mut().and_then(|open| open.crops.get(detection.window));
        if let Some(texture) = texture {
            let size = texture.size_vec2();
            let scale = (place.width() / size.x.max(1.0)).min(place.height() / size.y.max(1.0));
            let shown = Rect::from_center_size(place.center(), size * scale);
            let uv = Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
            painter.image(texture.id(), shown, uv, Color32::WHITE);
        }
        let slot = self.keywords.exact(&detection.keyword).map_or(0, |chip| chip.slot);
        let selected = self.view.selected.as_ref().is_some_and(|id| id.is(detection));
        let stroke = if selected { 3.0 } else { 1.5 };
        let stroke = Stroke::new(stroke, theme::keyword_color(slot));
        painter.rect_stroke(place, 2.0, stroke, StrokeKind::Inside);
        if response.has_focus() || response.hovered() {
            painter.rect_stroke(place, 2.0, ui.visuals().selection.stroke, StrokeKind::Outside);
        }
        if let Some(given) = self.feedback.of(&detection.keyword, detection.window) {
            theme::badge(&painter, place, place.left_top() + vec2(4.0, 4.0), given.text());
        }
    }
}

/// A picture in the gallery, as a control that has the keyboard.
fn cell_id(id: &DetectionId) -> Id {
    Id::unique(("gallery cell", id))
}

/// Where a box lies, in few letters: latitude and longitude, or pixels where these are unknown.
fn place_text(scene: Option<&Scene>, x: f64, y: f64) -> String {
    match scene.and_then(|scene| scene.lon_lat(x, y)) {
        Some((lon, lat)) => format!("{lat:.4}, {lon:.4}"),
        None => format!("{x:.0}, {y:.0} px"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_without_a_map_are_pixels() {
        assert_eq!(place_text(None, 12.4, 99.0), "12, 99 px");
    }
}

//! The detections as pictures: in one grid, or side by side with a column a keyword.

use eframe::egui;
use eframe::egui::{
    Align2, Color32, FontId, Id, Rect, Response, ScrollArea, Sense, Stroke, StrokeKind, Ui, WidgetInfo, pos2,
    vec2,
};

use super::arrangement::Arranged;
use super::cells::Cells;
use super::feedback::{self, Feedback};
use super::filter::Show;
use super::{ResultsContext, ResultsPanel};
use crate::app::action::Action;
use crate::app::search::{ModelState, Search};
use crate::app::settings::Settings;
use crate::app::textures::{SceneTextures, thumbnails};
use crate::app::viewport::boxes::DetectionId;
use crate::app::{format, theme};
use crate::raster::Scene;
use crate::search::{Detection, RankBy};

/// Side of a picture in the grid, and the least side in columns, in points.
const SIDE: f32 = 112.0;
const LEAST_SIDE: f32 = 76.0;
/// Height of what stands below a picture: two lines and the thumbs.
const BELOW: f32 = 60.0;
const GAP: f32 = 8.0;

impl ResultsPanel {
    /// The pictures.
    pub(super) fn show_gallery(
        &mut self,
        ui: &mut Ui,
        arranged: &Arranged,
        settings: &Settings,
        mut textures: Option<&mut SceneTextures>,
        cx: ResultsContext<'_>,
    ) -> Vec<Action> {
        let mut actions = Vec::new();
        let ranking = cx.search.ranking();
        let compare = settings.show == Show::Compare;
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
        self.across = across;
        if let Some(textures) = &mut textures {
            textures.begin_pictures(ui.ctx());
        }
        let scroll = std::mem::take(&mut self.scroll_to_selected);
        let selected = cx.selected.filter(|_| scroll);
        let row = selected.and_then(|id| cells.find(ranking, id)).map(|(row, _)| row);
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
        let scrolled = area.show_rows(ui, height, cells.rows(), |ui, rows| {
            for row in rows {
                ui.horizontal(|ui| {
                    ui.spacing_mut().item_spacing.x = GAP;
                    for column in 0..across {
                        if let Some(detection) = cells.at(row, column).and_then(|index| ranking.get(index)) {
                            let Settings { rank_by, sharpen, .. } = *settings;
                            let cell = Cell { detection, side, rank_by, sharpen };
                            let textures = textures.as_deref_mut();
                            let response = self.show_cell(ui, &cell, textures, &mut actions, cx);
                            let is_selected = cx.selected.is_some_and(|id| id.is(detection));
                            let walked = self.note_focus(&response) && !is_selected;
                            if response.clicked() || walked {
                                actions.push(Action::Select(detection.clone()));
                            }
                        } else {
                            // A column may end before the others do.
                            ui.allocate_exact_size(vec2(side, height), Sense::hover());
                        }
                    }
                });
            }
        });
        self.scrolled = scrolled.state.clamped_offset().x;
        if let Some(textures) = textures {
            textures.end_pictures();
        }
        actions
    }

    /// The keywords above their columns, which they follow sideways.
    fn show_column_names(&self, ui: &mut Ui, arranged: &Arranged, side: f32) {
        let (row, _) = ui.allocate_exact_size(vec2(ui.available_width(), 20.0), Sense::hover());
        let color = ui.visuals().strong_text_color();
        let mut left = row.left() - self.scrolled;
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

    /// One picture with its rank, score, place and feedback.
    fn show_cell(
        &mut self,
        ui: &mut Ui,
        cell: &Cell<'_>,
        mut textures: Option<&mut SceneTextures>,
        actions: &mut Vec<Action>,
        cx: ResultsContext<'_>,
    ) -> Response {
        let Cell { detection, side, rank_by, .. } = *cell;
        let id = DetectionId::of(detection);
        let (place, _) = ui.allocate_exact_size(vec2(side, side + BELOW), Sense::hover());
        let picture = Rect::from_min_size(place.min, vec2(side, side));
        let response = ui.interact(picture, cell_id(&id), Sense::click());
        self.hand_focus(&response, cx.selected.is_some_and(|selected| *selected == id));
        if response.hovered() {
            self.hovered = Some(id.clone());
        }
        let score = detection.score_text(rank_by);
        let moved = self.feedback.moved(detection);
        let name = format!("{} {}, score {score}", detection.keyword, detection.rank);
        response.widget_info(|| WidgetInfo::labeled(egui::Role::Button, true, name.clone()));

        let given = self.feedback.of(&id.keyword, id.window);
        paint_picture(ui, cell, picture, &response, textures.as_deref_mut(), given, cx);
        let font = FontId::proportional(12.0);
        let painter = ui.painter_at(place);
        let weak = if detection.weak { ", weak" } else { "" };
        let text = format!("{} {score} {}{weak}", detection.rank, detection.keyword);
        let at = pos2(place.left(), picture.bottom() + 3.0);
        painter.text(at, Align2::LEFT_TOP, text, font.clone(), ui.visuals().text_color());
        let (x, y) = detection.window.center();
        let weak = ui.visuals().weak_text_color();
        let where_at = at + vec2(0.0, 15.0);
        painter.text(where_at, Align2::LEFT_TOP, place_text(cx.scene, x, y), font, weak);

        let row = Rect::from_min_max(pos2(place.left(), place.bottom() - 26.0), place.max);
        ui.scope_builder(egui::UiBuilder::new().max_rect(row).id_salt(("thumbs", &id)), |ui| {
            ui.horizontal(|ui| {
                ui.spacing_mut().item_spacing.x = 2.0;
                ui.spacing_mut().button_padding.x = 4.0;
                let label = format!("{} {}", detection.keyword, detection.rank);
                if let Some(pressed) = feedback::buttons(ui, &label, given) {
                    actions.push(Action::GiveFeedback(id.clone(), pressed));
                }
                if let Some(moved) = moved {
                    ui.monospace(moved.text()).on_hover_text(moved.sentence());
                }
            });
        });
        response.on_hover_ui(|ui| {
            ui.label(format!(
                "{}\nGo there: pixel {x:.0}, {y:.0}\nProbability {:.3}, cosine {:.3}\nSpace accepts, X rejects",
                detection.keyword, detection.probability, detection.cosine
            ));
            if let Some(textures) = textures.filter(|_| is_sharpened(cell, cx.search)) {
                show_sharpened(ui, detection.window, textures);
            }
        })
    }
}

/// A detection with the side of its picture.
struct Cell<'a> {
    detection: &'a Detection,
    side: f32,
    rank_by: RankBy,
    sharpen: bool,
}

/// Whether the model was shown a detection's window sharpened, as far as the small picture can show that.
fn is_sharpened(cell: &Cell<'_>, search: &Search) -> bool {
    let ModelState::Ready(card) = search.model() else { return false };
    let longest = cell.detection.window.width.max(cell.detection.window.height);
    cell.sharpen && longest < card.input_size && longest <= thumbnails::SIDE
}

/// A window as it is, and beside it as the network shows it.
fn show_sharpened(ui: &mut Ui, window: crate::raster::Rect, textures: &mut SceneTextures) {
    const SIDE: f32 = 224.0;
    let plain = textures.thumbnails().get(window).map(|texture| (texture.id(), texture.size_vec2()));
    let sharpened = textures.sharpened().and_then(|pictures| pictures.get(window));
    let sharpened = sharpened.map(|texture| (texture.id(), texture.size_vec2()));
    ui.horizontal(|ui| {
        for (picture, text) in [(plain, "As it is"), (sharpened, "Sharpened")] {
            ui.vertical(|ui| {
                let (place, _) = ui.allocate_exact_size(vec2(SIDE, SIDE), Sense::hover());
                if let Some((id, size)) = picture {
                    let scale = SIDE / size.x.max(size.y).max(1.0);
                    let shown = Rect::from_center_size(place.center(), size * scale);
                    let uv = Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
                    ui.painter().image(id, shown, uv, Color32::WHITE);
                }
                ui.weak(text);
            });
        }
    });
}

fn paint_picture(
    ui: &Ui,
    cell: &Cell<'_>,
    place: Rect,
    response: &Response,
    textures: Option<&mut SceneTextures>,
    given: Option<Feedback>,
    cx: ResultsContext<'_>,
) {
    let detection = cell.detection;
    let painter = ui.painter_at(place.expand(3.0));
    painter.rect_filled(place, 2.0, theme::tokens(ui.visuals()).chip_fill);
    if let Some(texture) = textures.and_then(|textures| textures.thumbnails().get(detection.window)) {
        let size = texture.size_vec2();
        let scale = (place.width() / size.x.max(1.0)).min(place.height() / size.y.max(1.0));
        let shown = Rect::from_center_size(place.center(), size * scale);
        let uv = Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
        painter.image(texture.id(), shown, uv, Color32::WHITE);
    }
    let slot = cx.keywords.exact(&detection.keyword).map_or(0, |chip| chip.slot);
    let selected = cx.selected.is_some_and(|id| id.is(detection));
    // As faint as its box.
    let strength = if detection.weak && !selected { 0.4 } else { 1.0 };
    let color = theme::keyword_color(slot).gamma_multiply(strength);
    let stroke = Stroke::new(if selected { 3.0 } else { 1.5 }, color);
    painter.rect_stroke(place, 2.0, stroke, StrokeKind::Inside);
    if response.has_focus() || response.hovered() {
        painter.rect_stroke(place, 2.0, ui.visuals().selection.stroke, StrokeKind::Outside);
    }
    if let Some(given) = given {
        theme::badge(&painter, place, place.left_top() + vec2(4.0, 4.0), given.text());
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

//! The detections as pictures: in one grid, or side by side with a column a keyword.

use std::sync::Arc;

use eframe::egui;
use eframe::egui::{
    Align2, Color32, ComboBox, DragValue, FontId, Id, Key, Modifiers, Rect, Response, ScrollArea, Sense,
    Stroke, StrokeKind, Ui, WidgetInfo, pos2, vec2,
};

use super::App;
use super::arrangement::{Filter, Judged, Sort, Wish, arrange, columns};
use super::overlay::DetectionId;
use super::theme;
use super::thumbs::{self, Verdict};
use super::words;
use crate::raster::Scene;
use crate::scan::{Detection, Ranking};

/// Side of a picture in the grid, and the least side in columns, in points.
const SIDE: f32 = 112.0;
const LEAST_SIDE: f32 = 76.0;
/// Height of what stands below a picture: two lines and the thumbs.
const BELOW: f32 = 60.0;
const GAP: f32 = 8.0;

/// How detections are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Show {
    #[default]
    List,
    Gallery,
    /// A column a keyword.
    Compare,
}

/// What is shown of a ranking, and in which order.
#[derive(Default)]
pub struct Arranged {
    /// Places in the ranking.
    pub order: Vec<usize>,
    pub columns: Vec<(String, Vec<usize>)>,
    /// Keywords that have boxes, but no clear match.
    pub without_match: Vec<String>,
    /// Whether anything in the ranking is no clear match.
    pub any_unclear: bool,
}

impl Arranged {
    fn new(ranking: &[Detection], wish: &Wish, votes: &super::Votes) -> Self {
        let order = arrange(ranking, wish, votes);
        let keywords: Vec<String> = wish.keywords.iter().map(|(word, _)| word.clone()).collect();
        let columns = columns(ranking, &order, &keywords);
        let mut without_match = Vec::new();
        for (keyword, _) in wish.keywords.iter().filter(|(_, hidden)| !hidden) {
            let mut own = ranking.iter().filter(|detection| detection.keyword == *keyword).peekable();
            if own.peek().is_some() && own.all(|detection| !detection.clear) {
                without_match.push(keyword.clone());
            }
        }
        let any_unclear = ranking.iter().any(|detection| !detection.clear);
        Self { order, columns, without_match, any_unclear }
    }
}

/// The controls of the gallery, and what they lead to.
#[derive(Default)]
pub struct Gallery {
    pub show: Show,
    sort: Sort,
    filter: Filter,
    /// The arrangement at hand, with all that it depends on.
    arranged: Option<(Ranking, Wish, Arc<Arranged>)>,
    /// The box that has the keyboard, as of the last frame.
    focused: Option<DetectionId>,
    /// How far the columns were scrolled to the right in the last frame.
    scrolled: f32,
}

impl Gallery {
    /// Forgets the scene before.
    pub fn forget(&mut self) {
        *self = Self { show: self.show, sort: self.sort, ..Self::default() };
    }

    /// From the list to the pictures and back.
    pub fn toggle(&mut self) {
        self.show = if self.show == Show::List { Show::Gallery } else { Show::List };
    }

    #[must_use]
    pub fn focused(&self) -> Option<DetectionId> {
        self.focused.clone()
    }

    /// The box that had the keyboard in the last frame; this one finds it anew.
    pub fn take_focused(&mut self) -> Option<DetectionId> {
        self.focused.take()
    }

    /// Whether anything is left out on request.
    #[must_use]
    pub fn filters(&self) -> bool {
        self.filter != Filter::default()
    }
}

/// Where a box stands in the gallery.
struct Cells<'a> {
    arranged: &'a Arranged,
    compare: bool,
    across: usize,
}

impl Cells<'_> {
    fn rows(&self) -> usize {
        if self.compare {
            self.arranged.columns.iter().map(|(_, own)| own.len()).max().unwrap_or(0)
        } else {
            self.arranged.order.len().div_ceil(self.across.max(1))
        }
    }

    /// The place in the ranking of the box in a row and column.
    fn at(&self, row: usize, column: usize) -> Option<usize> {
        if column >= self.across {
            None
        } else if self.compare {
            self.arranged.columns.get(column)?.1.get(row).copied()
        } else {
            self.arranged.order.get(row * self.across + column).copied()
        }
    }

    fn find(&self, ranking: &[Detection], id: &DetectionId) -> Option<(usize, usize)> {
        let is = |index: &usize| ranking.get(*index).is_some_and(|detection| id.is(detection));
        if self.compare {
            let column = self.arranged.columns.iter().position(|(keyword, _)| *keyword == id.keyword)?;
            let row = self.arranged.columns.get(column)?.1.iter().position(is)?;
            Some((row, column))
        } else {
            let place = self.arranged.order.iter().position(is)?;
            Some((place / self.across.max(1), place % self.across.max(1)))
        }
    }

    /// The box beside one, as the arrow keys go.
    fn beside(&self, (row, column): (usize, usize), key: Key) -> Option<usize> {
        match key {
            Key::ArrowUp => self.at(row.checked_sub(1)?, column),
            Key::ArrowDown => self.at(row + 1, column),
            Key::ArrowLeft if column > 0 => self.at(row, column - 1),
            Key::ArrowRight if column + 1 < self.across => self.at(row, column + 1),
            // Around the end of a row, as one reads; columns end where they end.
            Key::ArrowLeft if !self.compare => self.at(row.checked_sub(1)?, self.across.checked_sub(1)?),
            Key::ArrowRight if !self.compare => self.at(row + 1, 0),
            _ => None,
        }
    }
}

impl App {
    /// What list and gallery show now.
    pub(super) fn arranged(&mut self) -> Arc<Arranged> {
        let size = self.scene.as_ref().map(|open| open.scene.size());
        let in_view = self.gallery.filter.in_view;
        let wish = Wish {
            sort: self.gallery.sort,
            filter: self.gallery.filter.clone(),
            rank_by: self.settings.rank_by,
            unclear: self.show_unclear,
            keywords: Wish::of_keywords(&self.keywords),
            votes: self.thumbs.revision(),
            view: size.filter(|_| in_view).and_then(|size| self.view.visible(size)),
        };
        let ranking = &self.search.ranking;
        if let Some((known, made_for, arranged)) = &self.gallery.arranged
            && Arc::ptr_eq(known, ranking)
            && *made_for == wish
        {
            return Arc::clone(arranged);
        }
        let arranged = Arc::new(Arranged::new(ranking, &wish, &self.thumbs));
        self.gallery.arranged = Some((Arc::clone(ranking), wish, Arc::clone(&arranged)));
        arranged
    }

    /// List or pictures, and the controls that sort and filter them.
    pub(super) fn show_arrangement(&mut self, ui: &mut Ui) {
        ui.horizontal_wrapped(|ui| {
            for (show, text, tip) in [
                (Show::List, "List", "One line a detection (C)"),
                (Show::Gallery, "Gallery", "A picture of each detection (C)"),
                (Show::Compare, "Compare", "Pictures side by side, a column for each keyword"),
            ] {
                if ui.selectable_label(self.gallery.show == show, text).on_hover_text(tip).clicked() {
                    self.gallery.show = show;
                }
            }
        });
        let title = if self.gallery.filters() { "Sort and filter (on)" } else { "Sort and filter" };
        let header = egui::CollapsingHeader::new(title).id_salt("sort and filter");
        let header = header.show(ui, |ui| self.show_filters(ui));
        header.header_response.on_hover_text("The order of detections, and which are shown here");
    }

    fn show_filters(&mut self, ui: &mut Ui) {
        let Gallery { sort, filter, .. } = &mut self.gallery;
        ui.horizontal_wrapped(|ui| {
            ui.label("Sort by");
            for (by, text, tip) in [
                (Sort::Rank, "Rank", "Keyword by keyword, the best first"),
                (Sort::Score, "Score", "All keywords together, the best first"),
                (Sort::Place, "Place", "From the top of the scene to its bottom"),
            ] {
                if ui.selectable_label(*sort == by, text).on_hover_text(tip).clicked() {
                    *sort = by;
                }
            }
        });
        ui.horizontal(|ui| {
            let label = ui.label("Least score");
            ui.add(DragValue::new(&mut filter.least).range(0.0..=1.0).speed(0.005).max_decimals(3))
                .labelled_by(label.id)
                .on_hover_text("Leave out detections with a lower score; 0 shows all");
        });
        let keyword = ComboBox::from_id_salt("only keyword")
            .truncate()
            .selected_text(filter.keyword.clone().unwrap_or_else(|| "All keywords".to_owned()))
            .show_ui(ui, |ui| {
                if ui.selectable_label(filter.keyword.is_none(), "All keywords").clicked() {
                    filter.keyword = None;
                }
                for chip in self.keywords.chips() {
                    let on = filter.keyword.as_ref() == Some(&chip.word);
                    if ui.selectable_label(on, &chip.word).clicked() {
                        filter.keyword = Some(chip.word.clone());
                    }
                }
            });
        keyword.response.accessible_name("Only keyword").on_hover_text("Show this keyword alone");
        ui.horizontal_wrapped(|ui| {
            for (judged, text, tip) in [
                (Judged::All, "All", "Whatever you said about them"),
                (Judged::Accepted, "👍 Accepted", "Only those that you accepted"),
                (Judged::Rejected, "👎 Rejected", "Only those that you rejected"),
                (Judged::Undecided, "Undecided", "Only those without a thumb"),
            ] {
                if ui.selectable_label(filter.judged == judged, text).on_hover_text(tip).clicked() {
                    filter.judged = judged;
                }
            }
        });
        ui.checkbox(&mut filter.in_view, "Only in view")
            .on_hover_text("Only detections in the part of the scene that you see");
        let changed = *filter != Filter::default();
        let clear = ui.add_enabled(changed, egui::Button::new("Show all"));
        if clear.on_hover_text("Remove all filters").clicked() {
            *filter = Filter::default();
        }
        ui.add_space(4.0);
    }

    /// The pictures.
    pub(super) fn show_gallery(
        &mut self,
        ui: &mut Ui,
        arranged: &Arranged,
        was_focused: Option<DetectionId>,
    ) {
        let ranking = Arc::clone(&self.search.ranking);
        let compare = self.gallery.show == Show::Compare;
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
        self.gallery.scrolled = scrolled.state.offset.x;
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
                let text = format!("{keyword}, {}", words::count(own.len()));
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
            self.judge_box(&id, Verdict::Accepted);
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
        let moved = self.thumbs.moved(detection);
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
        let verdict = self.thumbs.verdict(&id.keyword, id.window);
        ui.scope_builder(egui::UiBuilder::new().max_rect(row).id_salt(("thumbs", &id)), |ui| {
            ui.horizontal(|ui| {
                ui.spacing_mut().item_spacing.x = 2.0;
                ui.spacing_mut().button_padding.x = 4.0;
                let label = format!("{} {}", detection.keyword, detection.rank);
                if let Some(pressed) = thumbs::buttons(ui, &label, verdict) {
                    self.judge_box(&id, pressed);
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
        let sign = match self.thumbs.verdict(&detection.keyword, detection.window) {
            Some(Verdict::Accepted) => "👍",
            Some(Verdict::Rejected) => "👎",
            None => return,
        };
        theme::badge(&painter, place, place.left_top() + vec2(4.0, 4.0), sign);
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

    fn arranged() -> Arranged {
        Arranged {
            order: vec![10, 11, 12, 13, 14],
            columns: vec![("a".to_owned(), vec![10, 11, 12]), ("b".to_owned(), vec![13])],
            ..Arranged::default()
        }
    }

    #[test]
    fn arrows_walk_as_one_reads() {
        let arranged = arranged();
        let cells = Cells { arranged: &arranged, compare: false, across: 2 };
        assert_eq!(cells.rows(), 3);
        assert_eq!(cells.beside((0, 1), Key::ArrowRight), Some(12));
        assert_eq!(cells.beside((1, 0), Key::ArrowLeft), Some(11));
        assert_eq!(cells.beside((1, 0), Key::ArrowDown), Some(14));
        assert_eq!(cells.beside((1, 1), Key::ArrowDown), None);
        assert_eq!(cells.beside((0, 0), Key::ArrowUp), None);
        assert_eq!(cells.beside((0, 0), Key::ArrowLeft), None);
        assert_eq!(cells.beside((2, 0), Key::ArrowRight), None);
    }

    #[test]
    fn columns_end_where_they_end() {
        let arranged = arranged();
        let cells = Cells { arranged: &arranged, compare: true, across: 2 };
        assert_eq!(cells.rows(), 3);
        assert_eq!(cells.beside((0, 0), Key::ArrowRight), Some(13));
        assert_eq!(cells.beside((0, 1), Key::ArrowRight), None);
        assert_eq!(cells.beside((0, 1), Key::ArrowDown), None);
        assert_eq!(cells.beside((1, 0), Key::ArrowRight), None);
        assert_eq!(cells.beside((1, 0), Key::ArrowDown), Some(12));
    }

    #[test]
    fn places_without_a_map_are_pixels() {
        assert_eq!(place_text(None, 12.4, 99.0), "12, 99 px");
    }
}

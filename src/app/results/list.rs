//! The list of detections, and the menu to save them.

use std::sync::Arc;

use eframe::egui;
use eframe::egui::{Button, RichText, ScrollArea, Ui, vec2};

use super::feedback::{Feedback, Moved};
use super::filter::{Arranged, Show};
use crate::app::format;
use crate::app::search_panel::keywords::Keywords;
use crate::app::theme;
use crate::app::viewport::boxes::DetectionId;
use crate::app::{App, UiCommand};
use crate::search::Detection;
use crate::search::RankBy;

const ROW_HEIGHT: f32 = 24.0;

impl App {
    /// The panel at the right.
    pub(in crate::app) fn show_list_panel(&mut self, ui: &mut Ui) {
        let was_focused = self.gallery.take_focused();
        let arranged = self.arranged();
        ui.add_space(6.0);
        let count = match arranged.order.len() {
            1 => "1 detection".to_owned(),
            several => format!("{} detections", format::count(several)),
        };
        ui.label(RichText::new(count).strong().size(14.0));
        ui.add_space(4.0);
        self.show_arrangement(ui);
        self.show_refinement(ui);
        self.show_doubts(ui, &arranged);
        if arranged.order.is_empty() {
            ui.weak(if self.search.ranking.is_empty() && self.search.running() {
                "The first boxes appear in a moment."
            } else if self.gallery.filters() {
                "Nothing passes the filter."
            } else {
                "Nothing to show."
            });
        } else if self.settings.show == Show::List {
            self.show_rows(ui, &arranged);
        } else {
            self.show_gallery(ui, &arranged, was_focused);
        }
    }

    /// Says which keywords have no clear match.
    fn show_doubts(&mut self, ui: &mut Ui, arranged: &Arranged) {
        for keyword in &arranged.without_match {
            ui.label(format!("{keyword}: no clear match"))
                .on_hover_text("No window reaches the threshold, so the best ones are likely something else");
        }
        if arranged.any_unclear {
            ui.checkbox(&mut self.show_unclear, "Show the best anyway")
                .on_hover_text("Show boxes below the threshold, too");
            ui.add_space(4.0);
        }
    }

    /// One line a detection.
    fn show_rows(&mut self, ui: &mut Ui, arranged: &Arranged) {
        let ranking = Arc::clone(&self.search.ranking);
        let found = |row: usize| arranged.order.get(row).and_then(|index| ranking.get(*index));
        let mut chosen = None;
        let mut hovered = None;
        let selected = self.selected_row(arranged);
        let scroll = selected.filter(|_| std::mem::take(&mut self.scroll_to_selected));
        let mut area = ScrollArea::vertical().auto_shrink(false);
        if let Some(row) = scroll {
            // Rows that are out of sight are not laid out, so the place is worked out here.
            let step = ROW_HEIGHT + ui.spacing().item_spacing.y;
            area = area.vertical_scroll_offset((row as f32 * step - ui.available_height() / 2.0).max(0.0));
        }
        area.show_rows(ui, ROW_HEIGHT, arranged.order.len(), |ui, rows| {
            for index in rows {
                let Some(detection) = found(index) else { continue };
                let line = Row {
                    detection,
                    slot: self.keywords.exact(&detection.keyword).map_or(0, |chip| chip.slot),
                    selected: selected == Some(index),
                    rank_by: self.settings.rank_by,
                    moved: self.feedback.moved(detection),
                    feedback: self.feedback.of(&detection.keyword, detection.window),
                };
                let response = line.show(ui);
                let arrow = |input: &egui::InputState| {
                    input.key_pressed(egui::Key::ArrowUp) || input.key_pressed(egui::Key::ArrowDown)
                };
                // Walking through the list with the arrows goes along, as a click does.
                if response.clicked() || (response.gained_focus() && ui.input(arrow)) {
                    chosen = Some(detection);
                }
                if response.hovered() {
                    hovered = Some(DetectionId::of(detection));
                }
            }
        });
        self.list_hovered = hovered;
        if let Some(detection) = chosen {
            self.select(ui.ctx(), detection);
        }
    }

    /// Where the selected detection stands in the list.
    fn selected_row(&self, arranged: &Arranged) -> Option<usize> {
        let id = self.view.selected.as_ref()?;
        let is = |index: &usize| self.search.ranking.get(*index).is_some_and(|found| id.is(found));
        arranged.order.iter().position(is)
    }

    pub(in crate::app) fn export_menu(&mut self, ui: &mut Ui) {
        let scene = self.scene.is_some();
        let boxes = !self.search.ranking.is_empty();
        // Without longitudes and latitudes there are pixels, but only for somebody who asks for them.
        let on_globe = self.scene.as_ref().is_some_and(|open| open.scene.is_on_globe());
        let geojson =
            if on_globe || !scene { UiCommand::ExportGeoJson } else { UiCommand::ExportGeoJsonPixels };
        for (command, enabled) in [
            (UiCommand::ExportPicture, scene),
            (UiCommand::ExportView, scene),
            (geojson, boxes),
            (UiCommand::ExportCsv, boxes),
            (UiCommand::ExportCsvExcel, boxes),
            (UiCommand::ExportJson, boxes),
        ] {
            if command.entry(ui, enabled).clicked() {
                self.run(ui.ctx(), command);
                ui.close();
            }
        }
    }

    /// Selects the next detection of the list, or the one before.
    pub(in crate::app) fn step_selection(&mut self, ctx: &egui::Context, forward: bool) {
        let ranking = Arc::clone(&self.search.ranking);
        let arranged = self.arranged();
        let current = self.selected_row(&arranged);
        let Some(row) = next_index(current, arranged.order.len(), forward) else { return };
        if let Some(detection) = arranged.order.get(row).and_then(|index| ranking.get(*index)) {
            self.scroll_to_selected = true;
            self.select(ctx, detection);
        }
    }
}

/// The detections that are drawn and exported, in the order of the ranking, with their slots. Those that are
/// no clear match only when `unclear`.
pub fn shown<'a>(
    ranking: &'a [Detection],
    keywords: &Keywords,
    unclear: bool,
) -> Vec<(&'a Detection, usize)> {
    let visible = |detection: &'a Detection| {
        if !detection.clear && !unclear {
            return None;
        }
        let chip = keywords.exact(&detection.keyword)?;
        (!chip.hidden).then_some((detection, chip.slot))
    };
    ranking.iter().filter_map(visible).collect()
}

/// The index after or before the current one, around the ends.
fn next_index(current: Option<usize>, length: usize, forward: bool) -> Option<usize> {
    let last = length.checked_sub(1)?;
    Some(match (current, forward) {
        (None, true) => 0,
        (None, false) => last,
        (Some(index), true) => {
            if index >= last {
                0
            } else {
                index + 1
            }
        }
        (Some(index), false) => {
            if index == 0 {
                last
            } else {
                index - 1
            }
        }
    })
}

/// A line of the list.
struct Row<'a> {
    detection: &'a Detection,
    slot: usize,
    selected: bool,
    rank_by: RankBy,
    moved: Option<Moved>,
    feedback: Option<Feedback>,
}

impl Row<'_> {
    fn show(&self, ui: &mut Ui) -> egui::Response {
        let Detection { rank, keyword, .. } = self.detection;
        let score = self.detection.score_text(self.rank_by);
        let right = match self.moved {
            Some(moved) => format!("{} {score}", moved.text()),
            None => score,
        };
        let feedback = self
            .feedback
            .map_or_else(String::new, |feedback| format!(", {}", feedback.text().to_lowercase()));
        let button = Button::selectable(self.selected, format!("      {rank}  {keyword}{feedback}"))
            .right_text(RichText::new(&right).monospace())
            .truncate()
            .min_size(vec2(ui.available_width(), ROW_HEIGHT));
        let response = ui.add(button);
        let dot =
            egui::Rect::from_center_size(response.rect.left_center() + vec2(14.0, 0.0), vec2(10.0, 10.0));
        ui.painter().rect_filled(dot, 2.0, theme::keyword_color(self.slot));
        // Only the row under the pointer needs its words.
        response.on_hover_ui(|ui| {
            ui.label(self.tip());
        })
    }

    fn tip(&self) -> String {
        let Detection { probability, cosine, .. } = self.detection;
        let (x, y) = self.detection.window.center();
        let mut tip =
            format!("Go there: pixel {x:.0}, {y:.0}\nProbability {probability:.3}, cosine {cosine:.3}");
        let more = [self.moved.map(Moved::sentence), format::gaps(self.detection.nodata)];
        for line in more.into_iter().flatten() {
            tip.push('\n');
            tip.push_str(&line);
        }
        tip
    }
}

#[cfg(test)]
mod tests {
    use super::next_index;

    #[test]
    fn walking_goes_around() {
        assert_eq!(next_index(None, 0, true), None);
        assert_eq!(next_index(None, 3, true), Some(0));
        assert_eq!(next_index(None, 3, false), Some(2));
        assert_eq!(next_index(Some(2), 3, true), Some(0));
        assert_eq!(next_index(Some(0), 3, false), Some(2));
        assert_eq!(next_index(Some(9), 3, true), Some(0));
    }
}

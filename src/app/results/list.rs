//! The detections as a list, one line each.

use eframe::egui;
use eframe::egui::{Button, RichText, ScrollArea, Ui, vec2};

use super::arrangement::Arranged;
use super::feedback::{Feedback, Moved};
use super::{ResultsContext, ResultsPanel};
use crate::app::action::Action;
use crate::app::settings::Settings;
use crate::app::viewport::boxes::DetectionId;
use crate::app::{format, theme};
use crate::search::{Detection, RankBy};

const ROW_HEIGHT: f32 = 24.0;

impl ResultsPanel {
    /// One line a detection.
    pub(super) fn show_rows(
        &mut self,
        ui: &mut Ui,
        arranged: &Arranged,
        settings: &Settings,
        cx: ResultsContext<'_>,
    ) -> Option<Action> {
        let ranking = cx.search.ranking();
        let found = |row: usize| arranged.order.get(row).and_then(|index| ranking.get(*index));
        let mut chosen = None;
        let selected = Self::selected_row(arranged, cx);
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
                    slot: cx.keywords.exact(&detection.keyword).map_or(0, |chip| chip.slot),
                    selected: selected == Some(index),
                    rank_by: settings.rank_by,
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
                    self.hovered = Some(DetectionId::of(detection));
                }
            }
        });
        chosen.cloned().map(Action::Select)
    }
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

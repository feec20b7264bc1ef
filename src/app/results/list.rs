//! The detections as a table, one line each.

use eframe::egui;
use eframe::egui::{Align, Button, Layout, Response, RichText, Sense, Ui, vec2};
use egui_extras::{Column, TableBuilder, TableRow};

use super::arrangement::Arranged;
use super::feedback::{Feedback, Moved};
use super::{ResultsContext, ResultsPanel};
use crate::app::action::Action;
use crate::app::settings::Settings;
use crate::app::viewport::boxes::DetectionId;
use crate::app::{format, theme};
use crate::search::{Detection, RankBy};

const ROW_HEIGHT: f32 = 24.0;
const DOT_WIDTH: f32 = 22.0;
const DIGIT_WIDTH: f32 = 8.0;
const SCORE_WIDTH: f32 = 58.0;
/// An arrow with a number before the score, once feedback moved something.
const MOVED_WIDTH: f32 = 36.0;

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
        let selected = Self::selected_row(arranged, cx);
        let digits = arranged.order.len().to_string().len();
        let moved_width = if self.feedback.summary().is_some() { MOVED_WIDTH } else { 0.0 };
        let mut table = TableBuilder::new(ui)
            .id_salt("detections")
            // A click counts anywhere in a line, but the keyboard stops at its keyword alone.
            .sense(Sense::CLICK)
            .auto_shrink(false)
            .animate_scrolling(false)
            .cell_layout(Layout::left_to_right(Align::Center))
            .column(Column::exact(DOT_WIDTH + DIGIT_WIDTH * digits as f32))
            .column(Column::remainder().clip(true))
            .column(Column::exact(SCORE_WIDTH + moved_width));
        if let Some(row) = selected.filter(|_| std::mem::take(&mut self.scroll_to_selected)) {
            table = table.scroll_to_row(row, Some(Align::Center));
        }
        let mut chosen = None;
        table.body(|body| {
            body.rows(ROW_HEIGHT, arranged.order.len(), |row| {
                let index = row.index();
                let found = arranged.order.get(index).and_then(|place| ranking.get(*place));
                let Some(detection) = found else { return };
                let line = Line {
                    detection,
                    slot: cx.keywords.exact(&detection.keyword).map_or(0, |chip| chip.slot),
                    selected: selected == Some(index),
                    rank_by: settings.rank_by,
                    moved: self.feedback.moved(detection),
                    feedback: self.feedback.of(&detection.keyword, detection.window),
                };
                let response = line.show(row);
                self.hand_focus(&response, line.selected);
                let walked = self.note_focus(&response) && !line.selected;
                if response.clicked() || walked {
                    chosen = Some(detection);
                }
                if response.hovered() {
                    self.hovered = Some(DetectionId::of(detection));
                }
            });
        });
        chosen.cloned().map(Action::Select)
    }
}

/// A line of the list.
struct Line<'a> {
    detection: &'a Detection,
    slot: usize,
    selected: bool,
    rank_by: RankBy,
    moved: Option<Moved>,
    feedback: Option<Feedback>,
}

impl Line<'_> {
    fn show(&self, mut row: TableRow<'_, '_>) -> Response {
        row.set_selected(self.selected);
        row.col(|ui| self.show_rank(ui));
        let mut keyword = None;
        row.col(|ui| keyword = Some(self.show_keyword(ui)));
        row.col(|ui| self.show_score(ui));
        let line = row.response();
        let response = keyword.map_or(line.clone(), |keyword| keyword.union(line));
        // Only the line under the pointer needs its words.
        response.on_hover_ui(|ui| {
            ui.label(self.tip());
        })
    }

    fn show_rank(&self, ui: &mut Ui) {
        let (dot, _) =
            ui.allocate_exact_size(vec2(DOT_WIDTH - ui.spacing().item_spacing.x, 10.0), Sense::hover());
        let dot = egui::Rect::from_center_size(dot.center(), vec2(10.0, 10.0));
        theme::swatch(ui.painter(), dot, self.slot, None);
        ui.add(egui::Label::new(self.detection.rank.to_string()).selectable(false));
    }

    fn show_keyword(&self, ui: &mut Ui) -> Response {
        let Detection { rank, keyword, .. } = self.detection;
        let said = self.feedback.map_or_else(String::new, |said| format!(", {}", said.text().to_lowercase()));
        let text = RichText::new(format!("{keyword}{said}"));
        let text = if self.detection.weak { text.weak() } else { text };
        let weak = if self.detection.weak { ", weak" } else { "" };
        let name = format!("{rank} {keyword}{weak}{said}");
        let button = Button::selectable(self.selected, text)
            // Nothing at the right keeps the text at the left.
            .right_text("")
            .truncate()
            .min_size(vec2(ui.available_width(), ROW_HEIGHT));
        ui.add(button).accessible_name(name)
    }

    fn show_score(&self, ui: &mut Ui) {
        let score = self.detection.score_text(self.rank_by);
        // What is weak stands in brackets.
        let score = if self.detection.weak { format!("({score})") } else { score };
        let text = match self.moved {
            Some(moved) => format!("{} {score}", moved.text()),
            None => score,
        };
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.add(egui::Label::new(RichText::new(text).monospace()).selectable(false));
        });
    }

    fn tip(&self) -> String {
        let Detection { keyword, probability, cosine, .. } = self.detection;
        let (x, y) = self.detection.window.center();
        let weak = if self.detection.weak { ", a weak match" } else { "" };
        let mut tip = format!(
            "{keyword}{weak}\nGo there: pixel {x:.0}, {y:.0}\nProbability {probability:.3}, cosine {cosine:.3}"
        );
        let more = [self.moved.map(Moved::sentence), format::gaps(self.detection.nodata)];
        for line in more.into_iter().flatten() {
            tip.push('\n');
            tip.push_str(&line);
        }
        tip
    }
}

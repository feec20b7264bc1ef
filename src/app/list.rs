//! The list of detections, and the menu to save them.

use std::sync::Arc;

use eframe::egui;
use eframe::egui::{Button, RichText, ScrollArea, Ui, vec2};

use super::keywords::Keywords;
use super::overlay::DetectionId;
use super::theme;
use super::words;
use super::{App, UiCommand};
use crate::scan::Detection;

const ROW_HEIGHT: f32 = 24.0;

impl App {
    /// The panel at the right.
    pub(super) fn show_list_panel(&mut self, ui: &mut Ui) {
        let ranking = Arc::clone(&self.search.ranking);
        let shown = shown(&ranking, &self.keywords);
        ui.add_space(6.0);
        let count = match shown.len() {
            1 => "1 detection".to_owned(),
            several => format!("{} detections", words::count(several)),
        };
        ui.label(RichText::new(count).strong().size(14.0));
        ui.add_space(4.0);
        if shown.is_empty() {
            ui.weak(if self.search.running() {
                "The first boxes appear in a moment."
            } else {
                "Nothing to show."
            });
            return;
        }
        let mut chosen = None;
        let mut hovered = None;
        let selected = self
            .view
            .selected
            .as_ref()
            .and_then(|id| shown.iter().position(|(detection, _)| id.is(detection)));
        let scroll = selected.filter(|_| std::mem::take(&mut self.scroll_to_selected));
        let mut area = ScrollArea::vertical().auto_shrink(false);
        if let Some(row) = scroll {
            // Rows that are out of sight are not laid out, so the place is worked out here.
            let row = f32::from(u16::try_from(row).unwrap_or(u16::MAX));
            let step = ROW_HEIGHT + ui.spacing().item_spacing.y;
            area = area.vertical_scroll_offset((row * step - ui.available_height() / 2.0).max(0.0));
        }
        area.show_rows(ui, ROW_HEIGHT, shown.len(), |ui, rows| {
            for index in rows {
                let Some((detection, slot)) = shown.get(index) else { continue };
                let response = row(ui, detection, *slot, selected == Some(index), self.settings.rank_by);
                let arrow = |input: &egui::InputState| {
                    input.key_pressed(egui::Key::ArrowUp) || input.key_pressed(egui::Key::ArrowDown)
                };
                // Walking through the list with the arrows goes along, as a click does.
                if response.clicked() || (response.gained_focus() && ui.input(arrow)) {
                    chosen = Some(index);
                }
                if response.hovered() {
                    hovered = Some(DetectionId::of(detection));
                }
            }
        });
        self.list_hovered = hovered;
        if let Some((detection, _)) = chosen.and_then(|index| shown.get(index)) {
            self.select(ui.ctx(), detection);
        }
    }

    pub(super) fn export_menu(&mut self, ui: &mut Ui) {
        let scene = self.scene.is_some();
        let boxes = !self.search.ranking.is_empty();
        for (command, enabled) in [
            (UiCommand::ExportPicture, scene),
            (UiCommand::ExportView, scene),
            (UiCommand::ExportGeoJson, boxes),
            (UiCommand::ExportCsv, boxes),
            (UiCommand::ExportJson, boxes),
        ] {
            if command.entry(ui, enabled).clicked() {
                self.run(ui.ctx(), command);
                ui.close();
            }
        }
    }

    /// Selects the next detection of the list, or the one before.
    pub(super) fn step_selection(&mut self, ctx: &egui::Context, forward: bool) {
        let ranking = Arc::clone(&self.search.ranking);
        let shown = shown(&ranking, &self.keywords);
        let current = self
            .view
            .selected
            .as_ref()
            .and_then(|id| shown.iter().position(|(detection, _)| id.is(detection)));
        let Some(index) = next_index(current, shown.len(), forward) else { return };
        if let Some((detection, _)) = shown.get(index) {
            self.scroll_to_selected = true;
            self.select(ctx, detection);
        }
    }
}

/// The detections that are shown, in the order of the list, with their slots.
pub fn shown<'a>(ranking: &'a [Detection], keywords: &Keywords) -> Vec<(&'a Detection, usize)> {
    let visible = |detection: &'a Detection| {
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

fn row(
    ui: &mut Ui,
    detection: &Detection,
    slot: usize,
    selected: bool,
    rank_by: crate::scan::RankBy,
) -> egui::Response {
    let Detection { rank, keyword, .. } = detection;
    let score = detection.score_text(rank_by);
    let button = Button::selectable(selected, format!("      {rank}  {keyword}"))
        .right_text(RichText::new(&score).monospace())
        .truncate()
        .min_size(vec2(ui.available_width(), ROW_HEIGHT));
    let response = ui.add(button);
    let dot = egui::Rect::from_center_size(response.rect.left_center() + vec2(14.0, 0.0), vec2(10.0, 10.0));
    ui.painter().rect_filled(dot, 2.0, theme::keyword_color(slot));
    let (x, y) = detection.window.center();
    let mut tip = format!(
        "Go there: pixel {x:.0}, {y:.0}\nProbability {:.3}, cosine {:.3}",
        detection.probability, detection.cosine
    );
    if let Some(gaps) = words::gaps(detection.nodata) {
        tip.push('\n');
        tip.push_str(&gaps);
    }
    response.on_hover_text(tip)
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

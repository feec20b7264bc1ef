//! The labels of boxes: which boxes have one, what it says, and where it stands.

use std::sync::Arc;

use eframe::egui;
use eframe::egui::epaint::Galley;
use eframe::egui::{Color32, FontId, Painter, Rect, vec2};

use super::boxes::{Boxes, Seen, strength_of};
use crate::app::settings::Labels;
use crate::app::theme;
use crate::export::{LabelRect, LabelWish, place_labels};
use crate::search::{Detection, RankBy};

/// Labels in sight at most; further ones could not be read anyway.
const MAX_LABELS: usize = 150;
/// A box narrower than this many points gets no label unless it is selected: the best of each keyword have
/// labels down to the first width, all others to the second.
const LABEL_MIN_WIDTHS: (f32, f32) = (14.0, 48.0);
const BEST_RANKS: usize = 3;
/// The part of the view that labels may cover where they are thinned out, and the letters of a keyword in
/// one.
const LABELLED_PART: f32 = 0.05;
const LONGEST_WORD: usize = 24;

impl Boxes<'_> {
    pub(super) fn draw_labels(&self, painter: &Painter, view: Rect, seen: &[Seen<'_>]) {
        let font = FontId::proportional(12.5);
        // The strongest choose first: they are drawn last, hence the reversal.
        let labelled: Vec<(&Seen<'_>, Arc<Galley>)> = seen
            .iter()
            .rev()
            .filter(|item| {
                let pointed = item.selected || item.hovered;
                let rank = if item.detection.weak { usize::MAX } else { item.detection.rank };
                match self.labels {
                    Labels::Auto | Labels::All => pointed || is_labelled(rank, item.place.width()),
                    Labels::Selected => pointed,
                    Labels::None => false,
                }
            })
            .take(MAX_LABELS)
            .map(|item| {
                let text = label(item.detection, self.rank_by);
                let color = if is_faint(item) {
                    Color32::from_white_alpha(200)
                } else {
                    theme::text_on(theme::keyword_color(item.slot))
                };
                (item, painter.layout_no_wrap(text, font.clone(), color))
            })
            .collect();
        let padding = vec2(4.0, 1.0);
        let labelled = if self.labels == Labels::Auto { thinned(labelled, view) } else { labelled };
        let wishes: Vec<LabelWish> = labelled
            .iter()
            .map(|(item, galley)| LabelWish {
                around: item.place.into(),
                size: (galley.size() + 2.0 * padding).into(),
                must_show: item.selected || item.hovered,
            })
            .collect();
        let places = place_labels(&wishes, view.shrink(2.0).into());
        // Those that must show may cover others, so they are drawn last.
        for ((item, galley), place) in labelled.into_iter().zip(places).rev() {
            let Some(place) = place.map(Rect::from) else { continue };
            let strength = if item.selected || item.hovered { 1.0 } else { strength_of(item.detection) };
            let fill = if is_faint(item) {
                Color32::from_black_alpha(130)
            } else {
                theme::keyword_color(item.slot).gamma_multiply(0.55 + 0.45 * strength)
            };
            painter.rect_filled(place, 3.0, fill);
            painter.galley(place.min + padding, galley, Color32::WHITE);
        }
    }
}

/// What stands at a box. A long keyword is cut; all of it stands in the tooltip of the box.
fn label(detection: &Detection, rank_by: RankBy) -> String {
    let Detection { rank, keyword, .. } = detection;
    let score = detection.score_text(rank_by);
    match keyword.char_indices().nth(LONGEST_WORD) {
        Some((end, _)) => format!("{rank} {}… {score}", keyword[..end].trim_end()),
        None => format!("{rank} {keyword} {score}"),
    }
}

/// The first labels, as many as cover a small part of the view together, and those that are pointed at.
fn thinned<'a, 'b>(labels: Vec<(&'a Seen<'b>, Arc<Galley>)>, view: Rect) -> Vec<(&'a Seen<'b>, Arc<Galley>)> {
    let mut room = view.area() * LABELLED_PART;
    let fits = |(item, galley): &(&Seen<'_>, Arc<Galley>)| {
        room -= galley.size().x * galley.size().y;
        room > 0.0 || item.selected || item.hovered
    };
    labels.into_iter().filter(fits).collect()
}

impl From<Rect> for LabelRect {
    fn from(rect: Rect) -> Self {
        Self { left: rect.left(), top: rect.top(), right: rect.right(), bottom: rect.bottom() }
    }
}

impl From<LabelRect> for Rect {
    fn from(LabelRect { left, top, right, bottom }: LabelRect) -> Self {
        Self { min: egui::pos2(left, top), max: egui::pos2(right, bottom) }
    }
}

/// Whether a label is written on dark glass instead of its keyword's colour: that is for what was found.
fn is_faint(item: &Seen<'_>) -> bool {
    item.detection.weak && !item.selected && !item.hovered
}

/// Whether a box of this rank and width on the screen is large enough for a label.
fn is_labelled(rank: usize, width: f32) -> bool {
    width >= if rank <= BEST_RANKS { LABEL_MIN_WIDTHS.0 } else { LABEL_MIN_WIDTHS.1 }
}

#[cfg(test)]
mod tests {
    use eframe::egui::Pos2;

    use super::*;
    use crate::app::viewport::boxes::tests::detection;

    #[test]
    fn on_small_boxes_only_the_best_are_labelled() {
        assert!(is_labelled(1, 20.0) && !is_labelled(9, 20.0));
        assert!(is_labelled(9, 60.0) && !is_labelled(1, 5.0));
    }

    #[test]
    fn long_keywords_are_cut_in_labels() {
        let long = detection("houses with swimming pools and gardens", 2, 0);
        assert_eq!(label(&long, RankBy::Probability), "2 houses with swimming poo… 0.50");
        assert_eq!(label(&detection("harbor", 1, 0), RankBy::Probability), "1 harbor 0.50");
    }

    #[test]
    fn many_labels_leave_the_picture_in_sight() {
        let detections: Vec<Detection> = (0..100).map(|rank| detection("harbor", rank + 1, 0)).collect();
        let seen: Vec<Seen<'_>> = detections
            .iter()
            .map(|detection| Seen {
                detection,
                slot: 0,
                place: Rect::NOTHING,
                outline: Vec::new(),
                selected: detection.rank == 100,
                hovered: false,
            })
            .collect();
        let ctx = egui::Context::default();
        let mut kept = Vec::new();
        let view = Rect::from_min_size(Pos2::ZERO, vec2(800.0, 600.0));
        let _ = ctx.run_ui(egui::RawInput::default(), |ui| {
            let galley = |text: &str| {
                ui.painter().layout_no_wrap(text.to_owned(), FontId::proportional(12.5), Color32::WHITE)
            };
            let labels = seen.iter().map(|item| (item, galley("12 harbor 0.50"))).collect();
            kept = thinned(labels, view).iter().map(|(item, _)| item.detection.rank).collect();
        });
        assert!(kept.len() > 5 && kept.len() < 40, "{}", kept.len());
        assert_eq!((kept[0], kept.last().copied()), (1, Some(100)), "the best, and the selected one");
    }
}

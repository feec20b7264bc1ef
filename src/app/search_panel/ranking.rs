//! How many of the best windows are shown, and by which score.

use eframe::egui::{DragValue, Ui};

use super::SearchPanel;
use super::boxes::show_box_settings;
use crate::app::search::{ModelState, Search};
use crate::app::settings::{MAX_TOP, Settings};
use crate::clip::Scoring;
use crate::search::RankBy;

/// Lengths of the list at hand.
const TOPS: [usize; 5] = [5, 10, 30, 50, 100];

impl SearchPanel {
    pub(super) fn show_ranking_settings(&self, ui: &mut Ui, settings: &mut Settings, search: &Search) {
        let scores_alone = scores_words_alone(search);
        ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().item_spacing.x = 4.0;
            let label = ui.label("Show");
            let mut top = settings.top_k;
            ui.add(DragValue::new(&mut top).range(1..=MAX_TOP).speed(0.2))
                .labelled_by(label.id)
                .on_hover_text("How many of the best windows to show for each keyword");
            settings.top_k = top;
            for top in TOPS {
                let button = ui.selectable_label(settings.top_k == top, top.to_string());
                if button.on_hover_text(format!("The best {top} of each keyword")).clicked() {
                    settings.top_k = top;
                }
            }
        });
        ui.horizontal(|ui| {
            ui.label("Rank by");
            for (rank_by, text, tip) in [
                (
                    RankBy::Probability,
                    "Probability",
                    if scores_alone {
                        "How likely the keyword is by itself, as this model scores words"
                    } else {
                        "How likely the keyword is among all keywords and background words"
                    },
                ),
                (RankBy::Cosine, "Cosine", "How similar window and sentence are, whatever the other words"),
            ] {
                if ui.selectable_label(settings.rank_by == rank_by, text).on_hover_text(tip).clicked() {
                    settings.rank_by = rank_by;
                }
            }
        });
        self.background.show(ui, &mut settings.background);
        if scores_alone {
            ui.weak("This model scores each word by itself.").on_hover_text(
                "Probability isn't shared: other words don't change it, and background words only tell clear matches",
            );
        }
        show_box_settings(ui, settings);
    }
}

/// Whether the model gives each word a probability of its own.
fn scores_words_alone(search: &Search) -> bool {
    matches!(search.model(), ModelState::Ready(card) if card.scoring != Scoring::Softmax)
}

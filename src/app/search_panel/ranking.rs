//! How many of the best windows are shown, and by which score.

use eframe::egui::{DragValue, Ui};

use crate::app::App;
use crate::app::search::ModelState;
use crate::app::settings::MAX_TOP;
use crate::clip::Scoring;
use crate::search::RankBy;

/// Lengths of the list at hand.
const TOPS: [usize; 5] = [5, 10, 30, 50, 100];

impl App {
    pub(in crate::app) fn show_ranking_settings(&mut self, ui: &mut Ui) {
        let scores_alone = self.scores_words_alone();
        let settings = &mut self.settings;
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
        self.show_box_settings(ui);
    }

    /// Whether the model gives each word a probability of its own.
    fn scores_words_alone(&self) -> bool {
        matches!(&self.search.model, ModelState::Ready(card) if card.scoring != Scoring::Softmax)
    }
}

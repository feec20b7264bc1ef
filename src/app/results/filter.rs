//! The controls that sort and filter the detections in list and gallery.

use std::sync::Arc;

use eframe::egui;
use eframe::egui::{ComboBox, DragValue, Ui};
use serde::{Deserialize, Serialize};

use super::arrangement::{ArrangeOptions, Arranged, FeedbackFilter, ResultsFilter, Sort};
use super::{ResultsContext, ResultsPanel};
use crate::app::keyboard::is_taken;
use crate::app::search_panel::keywords::Keywords;
use crate::app::settings::Settings;
use crate::search::Ranking;

/// How detections are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Show {
    #[default]
    List,
    Gallery,
    /// A column a keyword.
    Compare,
}

impl Show {
    /// From the list to the pictures and back.
    #[must_use]
    pub fn toggled(self) -> Self {
        if self == Self::List { Self::Gallery } else { Self::List }
    }
}

/// An arrangement, with the ranking and the options that it was made for.
pub type ArrangedFor = (Ranking, ArrangeOptions, Arc<Arranged>);

impl ResultsPanel {
    /// Whether anything is left out on request.
    pub(super) fn filters(&self) -> bool {
        self.filter != ResultsFilter::default()
    }

    /// What list and gallery show now.
    pub(super) fn arranged(&mut self, settings: &Settings, cx: ResultsContext<'_>) -> Arc<Arranged> {
        let options = ArrangeOptions {
            sort: settings.sort,
            filter: self.filter.clone(),
            rank_by: settings.rank_by,
            unclear: self.show_unclear,
            keywords: ArrangeOptions::of_keywords(cx.keywords),
            feedback: self.feedback.revision(),
            view: cx.visible.filter(|_| self.filter.in_view),
        };
        let ranking = cx.search.ranking();
        if let Some((known, made_for, arranged)) = &self.arranged
            && Arc::ptr_eq(known, ranking)
            && *made_for == options
        {
            return Arc::clone(arranged);
        }
        let arranged = Arc::new(Arranged::new(ranking, &options, &self.feedback));
        self.arranged = Some((Arc::clone(ranking), options, Arc::clone(&arranged)));
        arranged
    }

    /// List or pictures, and the controls that sort and filter them.
    pub(super) fn show_arrangement(&mut self, ui: &mut Ui, settings: &mut Settings, keywords: &Keywords) {
        ui.horizontal_wrapped(|ui| {
            for (show, text, tip) in [
                (Show::List, "List", "One line a detection (C)"),
                (Show::Gallery, "Gallery", "A picture of each detection (C)"),
                (Show::Compare, "Compare", "Pictures side by side, a column for each keyword"),
            ] {
                if ui.selectable_label(settings.show == show, text).on_hover_text(tip).clicked() {
                    settings.show = show;
                }
            }
        });
        let title = if self.filters() { "Sort and filter (on)" } else { "Sort and filter" };
        let header = egui::CollapsingHeader::new(title).id_salt("sort and filter");
        let header = header.show(ui, |ui| self.show_filters(ui, &mut settings.sort, keywords));
        header.header_response.on_hover_text("The order of detections, and which are shown here");
    }

    fn show_filters(&mut self, ui: &mut Ui, sort: &mut Sort, keywords: &Keywords) {
        let filter = &mut self.filter;
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
            let label = ui.label("Minimum score");
            ui.add(DragValue::new(&mut filter.minimum_score).range(0.0..=1.0).speed(0.005).max_decimals(3))
                .labelled_by(label.id)
                .on_hover_text("Leave out detections with a lower score; 0 shows all");
        });
        let keyword = ComboBox::from_id_salt("only keyword")
            .truncate()
            .selected_text(filter.keyword.clone().unwrap_or_else(|| "All keywords".to_owned()))
            .show_ui(ui, |ui| {
                let all = ui.selectable_label(filter.keyword.is_none(), "All keywords");
                if is_taken(ui, &all) {
                    filter.keyword = None;
                }
                for chip in keywords.chips() {
                    let on = filter.keyword.as_ref() == Some(&chip.word);
                    let only = ui.selectable_label(on, &chip.word);
                    if is_taken(ui, &only) {
                        filter.keyword = Some(chip.word.clone());
                    }
                }
            });
        keyword.response.accessible_name("Only keyword").on_hover_text("Show this keyword alone");
        ui.horizontal_wrapped(|ui| {
            for (feedback, text, tip) in [
                (FeedbackFilter::All, "All", "Whatever you said about them"),
                (FeedbackFilter::Accepted, "Accepted", "Only those that you accepted"),
                (FeedbackFilter::Rejected, "Rejected", "Only those that you rejected"),
                (FeedbackFilter::Undecided, "Undecided", "Only those without a thumb"),
            ] {
                if ui.selectable_label(filter.feedback == feedback, text).on_hover_text(tip).clicked() {
                    filter.feedback = feedback;
                }
            }
        });
        ui.checkbox(&mut filter.in_view, "Only in view")
            .on_hover_text("Only detections in the part of the scene that you see");
        let changed = *filter != ResultsFilter::default();
        let clear = ui.add_enabled(changed, egui::Button::new("Show all"));
        if clear.on_hover_text("Remove all filters").clicked() {
            *filter = ResultsFilter::default();
        }
        ui.add_space(4.0);
    }
}

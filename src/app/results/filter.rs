//! What list and gallery show: the controls that sort and filter, and the arrangement that they lead to.

use std::sync::Arc;

use eframe::egui;
use eframe::egui::{ComboBox, DragValue, Ui};
use serde::{Deserialize, Serialize};

use super::arrangement::{ArrangeOptions, FeedbackFilter, Filter, Sort, arrange, columns};
use super::feedback::FeedbackHistory;
use crate::app::App;
use crate::app::viewport::boxes::DetectionId;
use crate::search::{Detection, Ranking};

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
    fn new(ranking: &[Detection], options: &ArrangeOptions, feedback: &FeedbackHistory) -> Self {
        let order = arrange(ranking, options, feedback);
        let keywords: Vec<String> = options.keywords.iter().map(|(word, _)| word.clone()).collect();
        let columns = columns(ranking, &order, &keywords);
        let mut without_match = Vec::new();
        for (keyword, _) in options.keywords.iter().filter(|(_, hidden)| !hidden) {
            let mut own = ranking.iter().filter(|detection| detection.keyword == *keyword).peekable();
            if own.peek().is_some() && own.all(|detection| !detection.clear) {
                without_match.push(keyword.clone());
            }
        }
        let any_unclear = ranking.iter().any(|detection| !detection.clear);
        Self { order, columns, without_match, any_unclear }
    }
}

/// What is left out of the detections, and what all controls lead to.
#[derive(Default)]
pub struct Gallery {
    filter: Filter,
    /// The arrangement at hand, with all that it depends on.
    arranged: Option<(Ranking, ArrangeOptions, Arc<Arranged>)>,
    /// The box that has the keyboard, as of the last frame.
    pub focused: Option<DetectionId>,
    /// How far the columns were scrolled to the right in the last frame.
    pub scrolled: f32,
}

impl Gallery {
    /// Forgets the scene before.
    pub fn forget(&mut self) {
        *self = Self::default();
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

impl App {
    /// What list and gallery show now.
    pub(in crate::app) fn arranged(&mut self) -> Arc<Arranged> {
        let size = self.scene.as_ref().map(|open| open.scene.size());
        let in_view = self.gallery.filter.in_view;
        let options = ArrangeOptions {
            sort: self.settings.sort,
            filter: self.gallery.filter.clone(),
            rank_by: self.settings.rank_by,
            unclear: self.show_unclear,
            keywords: ArrangeOptions::of_keywords(&self.keywords),
            feedback: self.feedback.revision(),
            view: size.filter(|_| in_view).and_then(|size| self.view.visible(size)),
        };
        let ranking = &self.search.ranking;
        if let Some((known, made_for, arranged)) = &self.gallery.arranged
            && Arc::ptr_eq(known, ranking)
            && *made_for == options
        {
            return Arc::clone(arranged);
        }
        let arranged = Arc::new(Arranged::new(ranking, &options, &self.feedback));
        self.gallery.arranged = Some((Arc::clone(ranking), options, Arc::clone(&arranged)));
        arranged
    }

    /// List or pictures, and the controls that sort and filter them.
    pub(in crate::app) fn show_arrangement(&mut self, ui: &mut Ui) {
        ui.horizontal_wrapped(|ui| {
            for (show, text, tip) in [
                (Show::List, "List", "One line a detection (C)"),
                (Show::Gallery, "Gallery", "A picture of each detection (C)"),
                (Show::Compare, "Compare", "Pictures side by side, a column for each keyword"),
            ] {
                if ui.selectable_label(self.settings.show == show, text).on_hover_text(tip).clicked() {
                    self.settings.show = show;
                }
            }
        });
        let title = if self.gallery.filters() { "Sort and filter (on)" } else { "Sort and filter" };
        let header = egui::CollapsingHeader::new(title).id_salt("sort and filter");
        let header = header.show(ui, |ui| self.show_filters(ui));
        header.header_response.on_hover_text("The order of detections, and which are shown here");
    }

    fn show_filters(&mut self, ui: &mut Ui) {
        let (sort, filter) = (&mut self.settings.sort, &mut self.gallery.filter);
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
        let changed = *filter != Filter::default();
        let clear = ui.add_enabled(changed, egui::Button::new("Show all"));
        if clear.on_hover_text("Remove all filters").clicked() {
            *filter = Filter::default();
        }
        ui.add_space(4.0);
    }
}

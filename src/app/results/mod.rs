//! What was found.
//!
//! `list` shows detections as rows, `gallery` as pictures in `cells`, and `keys` walk through both. `filter`
//! has the controls that sort and filter them, `arrangement` is what follows from these. `feedback` holds
//! what a person said about detections, and `export` saves them.

pub mod arrangement;
pub mod cells;
pub mod export;
pub mod feedback;
pub mod filter;
pub mod gallery;
pub mod keys;
pub mod list;

use eframe::egui::{self, Context, Id, RichText, Ui};

use super::action::Action;
use super::commands::UiCommand;
use super::format;
use super::search::Search;
use super::search_panel::keywords::Keywords;
use super::settings::Settings;
use super::textures::SceneTextures;
use super::viewport::boxes::DetectionId;
use crate::raster::{Rect, Scene};
use crate::search::Detection;
use arrangement::{Arranged, ResultsFilter};
use export::{Export, ExportJob};
use feedback::{Feedback, FeedbackHistory};
use filter::{ArrangedFor, Show};

/// What the panel of results looks at.
#[derive(Clone, Copy)]
pub struct ResultsContext<'a> {
    pub search: &'a Search,
    pub keywords: &'a Keywords,
    pub scene: Option<&'a Scene>,
    pub selected: Option<&'a DetectionId>,
    /// The part of the scene in view.
    pub visible: Option<Rect>,
    /// A scan would look at something else now than the one did that found this.
    pub outdated: bool,
}

/// The panel of results, and what was said about them.
#[derive(Default)]
pub struct ResultsPanel {
    filter: ResultsFilter,
    /// The arrangement at hand, with all that it depends on.
    arranged: Option<ArrangedFor>,
    /// The line or picture that has the keyboard, as of the last frame.
    focused: Option<Id>,
    /// The selected one takes the keyboard when it is drawn.
    focus_selected: bool,
    /// Pictures in a row of the gallery, as of the last frame.
    across: usize,
    /// How far the columns were scrolled to the right in the last frame.
    scrolled: f32,
    hovered: Option<DetectionId>,
    scroll_to_selected: bool,
    /// Show the best boxes of a keyword even where none is a clear match.
    show_unclear: bool,
    feedback: FeedbackHistory,
    export: Option<ExportJob>,
}

impl ResultsPanel {
    /// Forgets the scene before. An export of it goes on.
    pub fn reset(&mut self) {
        self.feedback.reset();
        let (feedback, export) = (std::mem::take(&mut self.feedback), self.export.take());
        *self = Self { feedback, export, ..Self::default() };
    }

    /// Whether boxes below the threshold are shown, too.
    #[must_use]
    pub fn shows_unclear(&self) -> bool {
        self.show_unclear
    }

    /// The detection under the pointer in the list or the gallery.
    #[must_use]
    pub fn hovered(&self) -> Option<&DetectionId> {
        self.hovered.as_ref()
    }

    #[must_use]
    pub fn feedback(&self) -> &FeedbackHistory {
        &self.feedback
    }

    pub fn feedback_mut(&mut self) -> &mut FeedbackHistory {
        &mut self.feedback
    }

    /// Says something about a detection; the ranking follows at once.
    pub fn give_feedback(&mut self, id: &DetectionId, feedback: Feedback, search: &Search) {
        self.feedback.toggle(id, feedback, search.ranking());
    }

    /// The export, while it runs.
    #[must_use]
    pub fn export_job(&self) -> Option<&ExportJob> {
        self.export.as_ref()
    }

    /// Begins an export, or tells why that can't be.
    pub fn start_export(&mut self, ctx: &Context, export: Export) -> Option<Action> {
        match export.start(ctx) {
            Ok(job) => {
                self.export = Some(job);
                None
            }
            Err(error) => Some(Action::ShowError(error.to_string())),
        }
    }

    /// Tells how an export ended.
    pub fn poll(&mut self) -> Option<Action> {
        let action = match ExportJob::poll(&mut self.export)? {
            Ok(notice) => Action::Notify(notice),
            Err(error) => Action::ShowError(error.to_string()),
        };
        Some(action)
    }

    /// No detection is under the pointer.
    pub fn clear_hovered(&mut self) {
        self.hovered = None;
    }

    /// The panel at the right.
    pub fn ui(
        &mut self,
        ui: &mut Ui,
        settings: &mut Settings,
        textures: Option<&mut SceneTextures>,
        cx: ResultsContext<'_>,
    ) -> Vec<Action> {
        self.hovered = None;
        self.focused = None;
        let arranged = self.arranged(settings, cx);
        ui.add_space(6.0);
        let count = RichText::new(count_text(arranged.order.len(), arranged.weak)).strong().size(14.0);
        ui.label(count).on_hover_text(
            "A weak match is likely something else: a word for land cover fits there far better, or the windows \
             around it don't agree",
        );
        ui.add_space(4.0);
        let mut actions: Vec<Action> = show_outdated(ui, cx).into_iter().collect();
        self.show_arrangement(ui, settings, cx.keywords);
        actions.extend(self.show_feedback(ui));
        self.show_doubts(ui, &arranged);
        if arranged.order.is_empty() {
            ui.weak(if cx.search.ranking().is_empty() && cx.search.running() {
                "The first boxes appear in a moment."
            } else if self.filters() {
                "Nothing passes the filter."
            } else {
                "Nothing to show."
            });
        } else if settings.show == Show::List {
            actions.extend(self.show_rows(ui, &arranged, settings, cx));
        } else {
            actions.extend(self.show_gallery(ui, &arranged, settings, textures, cx));
        }
        actions
    }

    /// The line that says what feedback did, with the ways back.
    fn show_feedback(&mut self, ui: &mut Ui) -> Vec<Action> {
        let mut actions = Vec::new();
        let Some(summary) = self.feedback.summary() else { return actions };
        ui.horizontal_wrapped(|ui| {
            ui.label(summary).on_hover_text(
                "Thumbs move a keyword towards the boxes that you accepted and away from those that you rejected",
            );
            if UiCommand::UndoFeedback.explain(ui.small_button("Undo")).clicked() {
                actions.push(Action::Run(UiCommand::UndoFeedback));
            }
            let reset = ui.small_button("Reset").on_hover_text("Take all thumbs back");
            if reset.accessible_name("Reset thumbs").clicked() {
                self.feedback.reset();
            }
        });
        ui.add_space(4.0);
        actions
    }

    /// Says which keywords have no clear match.
    fn show_doubts(&mut self, ui: &mut Ui, arranged: &Arranged) {
        for keyword in &arranged.without_match {
            ui.label(format!("{keyword}: no clear match"))
                .on_hover_text("The best ones are likely something else; they are drawn faint and in dashes");
        }
        if arranged.any_unclear {
            ui.checkbox(&mut self.show_unclear, "Show the best anyway")
                .on_hover_text("Show boxes below the threshold, too");
            ui.add_space(4.0);
        }
    }

    /// Where the selected detection stands in the list.
    fn selected_row(arranged: &Arranged, cx: ResultsContext<'_>) -> Option<usize> {
        let id = cx.selected?;
        let is = |index: &usize| cx.search.ranking().get(*index).is_some_and(|found| id.is(found));
        arranged.order.iter().position(is)
    }

    /// The next detection of the list, or the one before, which will be scrolled to.
    pub fn step(&mut self, settings: &Settings, cx: ResultsContext<'_>, forward: bool) -> Option<Detection> {
        let arranged = self.arranged(settings, cx);
        let current = Self::selected_row(&arranged, cx);
        let row = next_index(current, arranged.order.len(), forward)?;
        let detection = cx.search.ranking().get(*arranged.order.get(row)?)?.clone();
        self.scroll_to_selected = true;
        Some(detection)
    }
}

/// Says that these are not what a scan would find now, with the way to that.
fn show_outdated(ui: &mut Ui, cx: ResultsContext<'_>) -> Option<Action> {
    if !cx.outdated {
        return None;
    }
    ui.horizontal_wrapped(|ui| {
        ui.colored_label(ui.visuals().warn_fg_color, "From other settings")
            .on_hover_text("These were found with other windows, in other areas or by another model");
        let scan = ui.add_enabled(!cx.search.running(), egui::Button::new("Scan again").small());
        UiCommand::Scan.explain(scan).clicked().then_some(Action::Run(UiCommand::Scan))
    })
    .inner
}

/// The detections that are drawn and exported, in the order of the ranking, with their slots. Those that are
/// no clear match only when `unclear`.
#[must_use]
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

/// How much was found, what is no clear match counted apart.
fn count_text(all: usize, weak: usize) -> String {
    match (all, weak) {
        (1, 0) => "1 detection".to_owned(),
        (several, 0) => format!("{} detections", format::count(several)),
        (all, weak) => {
            format!("{} clear, {} weak", format::count(all.saturating_sub(weak)), format::count(weak))
        }
    }
}

/// The index after or before the current one, around the ends.
fn next_index(current: Option<usize>, length: usize, forward: bool) -> Option<usize> {
    let last = length.checked_sub(1)?;
    Some(match (current, forward) {
        (None, true) => 0,
        (None | Some(0), false) => last,
        (Some(index), true) if index >= last => 0,
        (Some(index), true) => index + 1,
        (Some(index), false) => index - 1,
    })
}

#[cfg(test)]
mod tests {
    use super::{count_text, next_index};

    #[test]
    fn what_is_no_find_is_counted_apart() {
        assert_eq!(count_text(1, 0), "1 detection");
        assert_eq!(count_text(1200, 0), "1,200 detections");
        assert_eq!(count_text(5, 5), "0 clear, 5 weak");
        assert_eq!(count_text(5, 2), "3 clear, 2 weak");
    }

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

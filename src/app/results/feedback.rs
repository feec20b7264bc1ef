//! What a person said about boxes: thumbs up and down, how to take them back, and what they changed.

use std::collections::HashMap;
use std::sync::Arc;

use eframe::egui;
use eframe::egui::{Button, Ui};

use crate::app::viewport::boxes::DetectionId;
use crate::app::{App, UiCommand};
use crate::raster::Rect;
use crate::search::Detection;
use crate::search::KeywordFeedback;

/// What was said about one box.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Accepted,
    Rejected,
}

/// How the rank of a box changed since before the first thumb of its keyword.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moved {
    Up(usize),
    Down(usize),
    Stayed,
    /// It was not among the best before.
    New,
}

impl Moved {
    /// In few letters, as it stands in the list.
    #[must_use]
    pub fn text(self) -> String {
        match self {
            Self::Up(ranks) => format!("up {ranks}"),
            Self::Down(ranks) => format!("down {ranks}"),
            Self::Stayed => "=".to_owned(),
            Self::New => "new".to_owned(),
        }
    }

    /// In a sentence, for tooltips.
    #[must_use]
    pub fn sentence(self) -> String {
        let ranks = |count| if count == 1 { "1 rank".to_owned() } else { format!("{count} ranks") };
        match self {
            Self::Up(count) => format!("Your thumbs moved it up by {}", ranks(count)),
            Self::Down(count) => format!("Your thumbs moved it down by {}", ranks(count)),
            Self::Stayed => "Your thumbs left it where it was".to_owned(),
            Self::New => "Your thumbs brought it into the list".to_owned(),
        }
    }
}

/// A step that can be taken back.
#[derive(Clone, Debug)]
struct Change {
    keyword: String,
    place: Rect,
    before: Option<Verdict>,
}

/// All thumbs of a scene.
#[derive(Clone, Debug, Default)]
pub struct Votes {
    thumbs: Vec<KeywordFeedback>,
    history: Vec<Change>,
    /// The ranks that each keyword's boxes had before its first thumb.
    before: HashMap<String, HashMap<Rect, usize>>,
    /// Counts the changes, for whoever keeps something that depends on them.
    revision: u64,
}

impl Votes {
    /// What the scanner is told.
    #[must_use]
    pub fn thumbs(&self) -> Vec<KeywordFeedback> {
        self.thumbs.clone()
    }

    #[must_use]
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// What was said about a box.
    #[must_use]
    pub fn verdict(&self, keyword: &str, place: Rect) -> Option<Verdict> {
        let thumbs = self.thumbs.iter().find(|thumbs| thumbs.keyword == keyword)?;
        if thumbs.accepted.contains(&place) {
            Some(Verdict::Accepted)
        } else {
            thumbs.rejected.contains(&place).then_some(Verdict::Rejected)
        }
    }

    /// Says something about a box, or takes it back when that was said already. `ranking` is the one on the
    /// screen.
    pub fn toggle(&mut self, id: &DetectionId, verdict: Verdict, ranking: &[Detection]) {
        let before = self.verdict(&id.keyword, id.window);
        if !self.before.contains_key(&id.keyword) {
            let own = ranking.iter().filter(|detection| detection.keyword == id.keyword);
            let ranks = own.map(|detection| (detection.window, detection.rank)).collect();
            self.before.insert(id.keyword.clone(), ranks);
        }
        self.history.push(Change { keyword: id.keyword.clone(), place: id.window, before });
        self.set(&id.keyword, id.window, (before != Some(verdict)).then_some(verdict));
    }

    /// Takes the last step back.
    pub fn undo(&mut self) {
        if let Some(Change { keyword, place, before }) = self.history.pop() {
            self.set(&keyword, place, before);
        }
    }

    /// Takes all thumbs back.
    pub fn reset(&mut self) {
        *self = Self { revision: self.revision + 1, ..Self::default() };
    }

    /// A keyword is written in another way from now on; what was said about its boxes stays.
    pub fn rename(&mut self, old: &str, new: &str) {
        for thumbs in self.thumbs.iter_mut().filter(|thumbs| thumbs.keyword == old) {
            new.clone_into(&mut thumbs.keyword);
        }
        for change in self.history.iter_mut().filter(|change| change.keyword == old) {
            new.clone_into(&mut change.keyword);
        }
        if let Some(ranks) = self.before.remove(old) {
            self.before.insert(new.to_owned(), ranks);
        }
        self.revision += 1;
    }

    /// How a box moved; `None` while nothing was said about its keyword.
    #[must_use]
    pub fn moved(&self, detection: &Detection) -> Option<Moved> {
        let ranks = self.before.get(&detection.keyword)?;
        Some(match ranks.get(&detection.window) {
            None => Moved::New,
            Some(before) if *before > detection.rank => Moved::Up(before - detection.rank),
            Some(before) if *before < detection.rank => Moved::Down(detection.rank - before),
            Some(_) => Moved::Stayed,
        })
    }

    /// "Refined by 2 up, 1 down"; nothing without thumbs.
    #[must_use]
    pub fn summary(&self) -> Option<String> {
        let up: usize = self.thumbs.iter().map(|thumbs| thumbs.accepted.len()).sum();
        let down: usize = self.thumbs.iter().map(|thumbs| thumbs.rejected.len()).sum();
        match (up, down) {
            (0, 0) => None,
            (up, 0) => Some(format!("Refined by {up} up")),
            (0, down) => Some(format!("Refined by {down} down")),
            (up, down) => Some(format!("Refined by {up} up, {down} down")),
        }
    }

    fn set(&mut self, keyword: &str, place: Rect, verdict: Option<Verdict>) {
        self.revision += 1;
        let known = self.thumbs.iter().position(|thumbs| thumbs.keyword == keyword);
        let index = known.unwrap_or_else(|| {
            self.thumbs.push(KeywordFeedback { keyword: keyword.to_owned(), ..KeywordFeedback::default() });
            self.thumbs.len() - 1
        });
        if let Some(thumbs) = self.thumbs.get_mut(index) {
            thumbs.accepted.retain(|at| *at != place);
            thumbs.rejected.retain(|at| *at != place);
            match verdict {
                Some(Verdict::Accepted) => thumbs.accepted.push(place),
                Some(Verdict::Rejected) => thumbs.rejected.push(place),
                None => {}
            }
        }
        self.thumbs.retain(|thumbs| !thumbs.accepted.is_empty() || !thumbs.rejected.is_empty());
        // Without thumbs a keyword ranks as ever, and the next first thumb starts anew.
        let judged = |keyword: &String| self.thumbs.iter().any(|thumbs| thumbs.keyword == *keyword);
        self.before.retain(|keyword, _| judged(keyword));
    }
}

impl App {
    /// Says something about the box that has the keyboard in the gallery, or about the selected one.
    pub(in crate::app) fn judge(&mut self, verdict: Verdict) {
        if let Some(id) = self.gallery.focused().or_else(|| self.view.selected.clone()) {
            self.judge_box(&id, verdict);
        }
    }

    /// Says something about a box; the ranking follows at once.
    pub(in crate::app) fn judge_box(&mut self, id: &DetectionId, verdict: Verdict) {
        let ranking = Arc::clone(&self.search.ranking);
        self.thumbs.toggle(id, verdict, &ranking);
    }

    /// The line that says what thumbs did, with the ways back.
    pub(in crate::app) fn show_refinement(&mut self, ui: &mut Ui) {
        let Some(summary) = self.thumbs.summary() else { return };
        ui.horizontal_wrapped(|ui| {
            ui.label(summary).on_hover_text(
                "Thumbs move a keyword towards the boxes that you accepted and away from those that you rejected",
            );
            if UiCommand::UndoThumb.explain(ui.small_button("Undo")).clicked() {
                self.run(ui.ctx(), UiCommand::UndoThumb);
            }
            let reset = ui.small_button("Reset").on_hover_text("Take all thumbs back");
            if reset.accessible_name("Reset thumbs").clicked() {
                self.thumbs.reset();
            }
        });
        ui.add_space(4.0);
    }
}

/// What was said about a box, in a word.
#[must_use]
pub fn verdict_text(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Accepted => "Accepted",
        Verdict::Rejected => "Rejected",
    }
}

/// The two thumbs of a box. Returns the one that was pressed.
pub fn buttons(ui: &mut Ui, label: &str, verdict: Option<Verdict>) -> Option<Verdict> {
    let mut pressed = None;
    for (this, verb, tip) in
        [(Verdict::Accepted, "Accept", "More like this"), (Verdict::Rejected, "Reject", "Less like this")]
    {
        let on = verdict == Some(this);
        // In other words, since colour must not be the only sign.
        let text = if on { verdict_text(this) } else { verb };
        let command = if this == Verdict::Accepted { UiCommand::ThumbUp } else { UiCommand::ThumbDown };
        let keys = command.keys(ui.ctx());
        let tip = if on { format!("Take it back ({keys})") } else { format!("{tip} ({keys})") };
        let button = ui.add(Button::selectable(on, text).min_size(egui::vec2(24.0, 20.0)));
        if button.accessible_name(format!("{verb} {label}")).on_hover_text(tip).clicked() {
            pressed = Some(this);
        }
    }
    pressed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detection(keyword: &str, rank: usize, x: u32) -> Detection {
        Detection {
            keyword: keyword.to_owned(),
            rank,
            probability: 0.5,
            cosine: 0.25,
            window: Rect::new(x, 0, 10, 10),
            nodata: 0.0,
            clear: true,
            scores: Vec::new(),
        }
    }

    fn id(keyword: &str, x: u32) -> DetectionId {
        DetectionId { keyword: keyword.to_owned(), window: Rect::new(x, 0, 10, 10) }
    }

    #[test]
    fn the_same_thumb_twice_is_none() {
        let mut votes = Votes::default();
        votes.toggle(&id("harbor", 0), Verdict::Accepted, &[]);
        assert_eq!(votes.verdict("harbor", Rect::new(0, 0, 10, 10)), Some(Verdict::Accepted));
        assert_eq!(votes.verdict("beach", Rect::new(0, 0, 10, 10)), None);
        votes.toggle(&id("harbor", 0), Verdict::Rejected, &[]);
        assert_eq!(votes.thumbs()[0].rejected, [Rect::new(0, 0, 10, 10)]);
        assert!(votes.thumbs()[0].accepted.is_empty());
        votes.toggle(&id("harbor", 0), Verdict::Rejected, &[]);
        assert!(votes.thumbs().is_empty() && votes.summary().is_none());
    }

    #[test]
    fn the_last_thumb_is_taken_back() {
        let mut votes = Votes::default();
        votes.toggle(&id("harbor", 0), Verdict::Accepted, &[]);
        votes.toggle(&id("harbor", 20), Verdict::Rejected, &[]);
        votes.toggle(&id("harbor", 0), Verdict::Rejected, &[]);
        assert_eq!(votes.summary().unwrap(), "Refined by 2 down");
        votes.undo();
        assert_eq!(votes.summary().unwrap(), "Refined by 1 up, 1 down");
        votes.undo();
        votes.undo();
        votes.undo();
        assert!(votes.thumbs().is_empty());
    }

    #[test]
    fn moves_are_told_against_the_ranking_before_the_first_thumb() {
        let before = [detection("harbor", 1, 0), detection("harbor", 2, 20), detection("harbor", 3, 40)];
        let mut votes = Votes::default();
        assert_eq!(votes.moved(&before[0]), None);
        votes.toggle(&id("harbor", 40), Verdict::Accepted, &before);
        let after = [detection("harbor", 1, 40), detection("harbor", 2, 20), detection("harbor", 3, 60)];
        // A second thumb leaves the first ranking in place.
        votes.toggle(&id("harbor", 60), Verdict::Rejected, &after);
        let moved: Vec<_> = after.iter().map(|found| votes.moved(found).unwrap()).collect();
        assert_eq!(moved, [Moved::Up(2), Moved::Stayed, Moved::New]);
        assert_eq!(votes.moved(&detection("harbor", 9, 0)), Some(Moved::Down(8)));
        assert_eq!(votes.moved(&detection("beach", 1, 0)), None);
        assert_eq!(Moved::Up(2).text(), "up 2");
        votes.reset();
        assert_eq!(votes.moved(&after[0]), None);
    }

    #[test]
    fn thumbs_follow_a_keyword_that_is_written_anew() {
        let mut votes = Votes::default();
        votes.toggle(&id("harbor", 0), Verdict::Accepted, &[]);
        votes.rename("harbor", "harbor + @1");
        assert_eq!(votes.thumbs()[0].keyword, "harbor + @1");
        votes.undo();
        assert!(votes.thumbs().is_empty());
    }

    #[test]
    fn every_change_counts() {
        let mut votes = Votes::default();
        let first = votes.revision();
        votes.toggle(&id("harbor", 0), Verdict::Accepted, &[]);
        let second = votes.revision();
        votes.reset();
        assert!(first < second && second < votes.revision());
    }
}

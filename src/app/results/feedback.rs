//! Feedback on detections: how it is given and taken back, and what it changed.

use std::collections::HashMap;

use eframe::egui;
use eframe::egui::{Button, Ui};

use crate::app::commands::UiCommand;
use crate::app::viewport::boxes::DetectionId;
use crate::raster::Rect;
use crate::search::Detection;
use crate::search::KeywordFeedback;

/// What a person said about one box.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feedback {
    Accepted,
    Rejected,
}

impl Feedback {
    /// In a word.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::Accepted => "Accepted",
            Self::Rejected => "Rejected",
        }
    }
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
    before: Option<Feedback>,
}

/// All feedback on the detections of a scene.
#[derive(Clone, Debug, Default)]
pub struct FeedbackHistory {
    given: Vec<KeywordFeedback>,
    history: Vec<Change>,
    /// The ranks that each keyword's boxes had before its first thumb.
    before: HashMap<String, HashMap<Rect, usize>>,
    /// Counts the changes, for whoever keeps something that depends on them.
    revision: u64,
}

impl FeedbackHistory {
    /// What the scanner is told.
    #[must_use]
    pub fn given(&self) -> Vec<KeywordFeedback> {
        self.given.clone()
    }

    #[must_use]
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// What was said about a box.
    #[must_use]
    pub fn of(&self, keyword: &str, place: Rect) -> Option<Feedback> {
        let thumbs = self.given.iter().find(|thumbs| thumbs.keyword == keyword)?;
        if thumbs.accepted.contains(&place) {
            Some(Feedback::Accepted)
        } else {
            thumbs.rejected.contains(&place).then_some(Feedback::Rejected)
        }
    }

    /// Says something about a box, or takes it back when that was said already. `ranking` is the one on the
    /// screen.
    pub fn toggle(&mut self, id: &DetectionId, feedback: Feedback, ranking: &[Detection]) {
        let before = self.of(&id.keyword, id.window);
        if !self.before.contains_key(&id.keyword) {
            let own = ranking.iter().filter(|detection| detection.keyword == id.keyword);
            let ranks = own.map(|detection| (detection.window, detection.rank)).collect();
            self.before.insert(id.keyword.clone(), ranks);
        }
        self.history.push(Change { keyword: id.keyword.clone(), place: id.window, before });
        self.set(&id.keyword, id.window, (before != Some(feedback)).then_some(feedback));
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
        for thumbs in self.given.iter_mut().filter(|thumbs| thumbs.keyword == old) {
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

    /// "2 accepted, 1 rejected"; nothing without thumbs.
    #[must_use]
    pub fn summary(&self) -> Option<String> {
        let up: usize = self.given.iter().map(|thumbs| thumbs.accepted.len()).sum();
        let down: usize = self.given.iter().map(|thumbs| thumbs.rejected.len()).sum();
        match (up, down) {
            (0, 0) => None,
            (up, 0) => Some(format!("{up} accepted")),
            (0, down) => Some(format!("{down} rejected")),
            (up, down) => Some(format!("{up} accepted, {down} rejected")),
        }
    }

    fn set(&mut self, keyword: &str, place: Rect, feedback: Option<Feedback>) {
        self.revision += 1;
        let known = self.given.iter().position(|thumbs| thumbs.keyword == keyword);
        let index = known.unwrap_or_else(|| {
            self.given.push(KeywordFeedback { keyword: keyword.to_owned(), ..KeywordFeedback::default() });
            self.given.len() - 1
        });
        if let Some(thumbs) = self.given.get_mut(index) {
            thumbs.accepted.retain(|at| *at != place);
            thumbs.rejected.retain(|at| *at != place);
            match feedback {
                Some(Feedback::Accepted) => thumbs.accepted.push(place),
                Some(Feedback::Rejected) => thumbs.rejected.push(place),
                None => {}
            }
        }
        self.given.retain(|thumbs| !thumbs.accepted.is_empty() || !thumbs.rejected.is_empty());
        // Without thumbs a keyword ranks as ever, and the next first thumb starts anew.
        let feedback = |keyword: &String| self.given.iter().any(|thumbs| thumbs.keyword == *keyword);
        self.before.retain(|keyword, _| feedback(keyword));
    }
}

/// The two buttons to accept and reject a detection. Returns the feedback of the one that was pressed.
pub fn buttons(ui: &mut Ui, label: &str, feedback: Option<Feedback>) -> Option<Feedback> {
    let mut pressed = None;
    for (this, verb, tip) in
        [(Feedback::Accepted, "Accept", "More like this"), (Feedback::Rejected, "Reject", "Less like this")]
    {
        let on = feedback == Some(this);
        // In other words, since colour must not be the only sign.
        let text = if on { this.text() } else { verb };
        let command = if this == Feedback::Accepted { UiCommand::Accept } else { UiCommand::Reject };
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
            outline: None,
            weak: false,
            by_example: false,
            clear: true,
            scores: Vec::new(),
        }
    }

    fn id(keyword: &str, x: u32) -> DetectionId {
        DetectionId { keyword: keyword.to_owned(), window: Rect::new(x, 0, 10, 10) }
    }

    #[test]
    fn the_same_thumb_twice_is_none() {
        let mut history = FeedbackHistory::default();
        history.toggle(&id("harbor", 0), Feedback::Accepted, &[]);
        assert_eq!(history.of("harbor", Rect::new(0, 0, 10, 10)), Some(Feedback::Accepted));
        assert_eq!(history.of("beach", Rect::new(0, 0, 10, 10)), None);
        history.toggle(&id("harbor", 0), Feedback::Rejected, &[]);
        assert_eq!(history.given()[0].rejected, [Rect::new(0, 0, 10, 10)]);
        assert!(history.given()[0].accepted.is_empty());
        history.toggle(&id("harbor", 0), Feedback::Rejected, &[]);
        assert!(history.given().is_empty() && history.summary().is_none());
    }

    #[test]
    fn the_last_thumb_is_taken_back() {
        let mut history = FeedbackHistory::default();
        history.toggle(&id("harbor", 0), Feedback::Accepted, &[]);
        history.toggle(&id("harbor", 20), Feedback::Rejected, &[]);
        history.toggle(&id("harbor", 0), Feedback::Rejected, &[]);
        assert_eq!(history.summary().unwrap(), "2 rejected");
        history.undo();
        assert_eq!(history.summary().unwrap(), "1 accepted, 1 rejected");
        history.undo();
        history.undo();
        history.undo();
        assert!(history.given().is_empty());
    }

    #[test]
    fn moves_are_told_against_the_ranking_before_the_first_thumb() {
        let before = [detection("harbor", 1, 0), detection("harbor", 2, 20), detection("harbor", 3, 40)];
        let mut history = FeedbackHistory::default();
        assert_eq!(history.moved(&before[0]), None);
        history.toggle(&id("harbor", 40), Feedback::Accepted, &before);
        let after = [detection("harbor", 1, 40), detection("harbor", 2, 20), detection("harbor", 3, 60)];
        // A second thumb leaves the first ranking in place.
        history.toggle(&id("harbor", 60), Feedback::Rejected, &after);
        let moved: Vec<_> = after.iter().map(|found| history.moved(found).unwrap()).collect();
        assert_eq!(moved, [Moved::Up(2), Moved::Stayed, Moved::New]);
        assert_eq!(history.moved(&detection("harbor", 9, 0)), Some(Moved::Down(8)));
        assert_eq!(history.moved(&detection("beach", 1, 0)), None);
        assert_eq!(Moved::Up(2).text(), "up 2");
        history.reset();
        assert_eq!(history.moved(&after[0]), None);
    }

    #[test]
    fn thumbs_follow_a_keyword_that_is_written_anew() {
        let mut history = FeedbackHistory::default();
        history.toggle(&id("harbor", 0), Feedback::Accepted, &[]);
        history.rename("harbor", "harbor + @1");
        assert_eq!(history.given()[0].keyword, "harbor + @1");
        history.undo();
        assert!(history.given().is_empty());
    }

    #[test]
    fn every_change_counts() {
        let mut history = FeedbackHistory::default();
        let first = history.revision();
        history.toggle(&id("harbor", 0), Feedback::Accepted, &[]);
        let second = history.revision();
        history.reset();
        assert!(first < second && second < history.revision());
    }
}

//! Results while typing: the word after the last comma is looked for before it is entered.

use eframe::egui::Ui;

use super::keywords::Keywords;
use super::{SearchPanel, chips};
use crate::app::search::Search;
use crate::search::example_name;

/// Shorter words are not looked for before they are entered.
const LEAST_LETTERS: usize = 2;

/// What is being typed after the last comma, without needless spaces.
#[must_use]
pub fn begun_word(input: &str) -> String {
    let part = input.rsplit([',', '\n']).next().unwrap_or_default();
    part.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The word to look for while it is typed, if it is one.
fn draft_of(keywords: &Keywords, fits: impl Fn(&str) -> bool) -> Option<String> {
    let word = begun_word(&keywords.input);
    let letters = word.chars().filter(|letter| letter.is_alphanumeric()).count();
    (letters >= LEAST_LETTERS && keywords.find(&word).is_none() && fits(&word)).then_some(word)
}

impl SearchPanel {
    /// Looks for what is being typed, once there is something to look in.
    pub fn sync_draft(&mut self, search: &Search) {
        let word = if search.asked() {
            draft_of(&self.keywords, |word| self.problem(word, search).is_none())
        } else {
            None
        };
        self.keywords.set_draft(word);
    }

    /// Why a keyword can't be looked for, if it can't.
    #[must_use]
    pub fn problem(&self, keyword: &str, search: &Search) -> Option<String> {
        let drawn: Vec<&str> = self.examples.all().iter().map(|example| example.name.as_str()).collect();
        self.saved.problem(keyword, search.model_fingerprint(), &drawn)
    }

    /// Makes keywords of what was typed; what can't be understood stays in the field.
    pub fn enter_keywords(&mut self, search: &Search) {
        let input = std::mem::take(&mut self.keywords.input);
        let parts = input.split([',', '\n']).map(str::trim).filter(|part| !part.is_empty());
        // A name may still turn up, and is checked again before it is looked for.
        let (fitting, rest): (Vec<&str>, Vec<&str>) =
            parts.partition(|part| self.saved.is_reading() || self.problem(part, search).is_none());
        self.keywords.add(&fitting.join(","));
        self.keywords.set_draft(None);
        self.keywords.refuse(rest.join(", "));
    }

    /// Says under the field which keywords can't be looked for, and why.
    pub(super) fn show_problems(&self, ui: &mut Ui, search: &Search) {
        let begun = begun_word(&self.keywords.input);
        let typed = (!begun.is_empty() && (self.keywords.refused() || !self.unfinished(&begun)))
            .then_some(begun.as_str());
        let chips = self.keywords.chips().iter().map(|chip| chip.word.as_str());
        let mut told: Vec<String> = Vec::new();
        for problem in chips
            .filter(|_| !self.saved.is_reading())
            .chain(typed)
            .filter_map(|word| self.problem(word, search))
        {
            if !told.contains(&problem) {
                told.push(problem);
            }
        }
        for problem in told {
            chips::show_unknown(ui, problem).on_hover_text(
                "This is not looked for; words can be put together like harbor + ships - beach",
            );
        }
    }

    /// Whether more letters may make sense of what is typed.
    fn unfinished(&self, begun: &str) -> bool {
        let last = begun.split_whitespace().next_back().unwrap_or_default();
        begun.ends_with(['+', '-', '|', '*', ':', '@', '.'])
            || begun.chars().all(|letter| letter.is_ascii_digit())
            || example_name(last).is_some_and(|name| self.saved.begins(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_after_the_last_comma_is_looked_for() {
        let draft = |input: &str| {
            let mut keywords = Keywords::default();
            keywords.add("harbor");
            keywords.input = input.to_owned();
            draft_of(&keywords, |word| !word.ends_with('+'))
        };
        assert_eq!(draft("beach,  oil   ta").as_deref(), Some("oil ta"));
        assert_eq!(draft("s"), None);
        assert_eq!(draft("ship,"), None);
        assert_eq!(draft("Harbor"), None, "it is there already");
        assert_eq!(draft("ships +"), None, "it makes no sense yet");
        assert_eq!(draft(""), None);
    }
}

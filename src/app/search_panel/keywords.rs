//! What is looked for: the keywords, each with its colour.

use crate::clip::KnownWords;
use crate::search::{folded_keyword, tidy_keyword};

/// Words to begin with.
pub const SUGGESTED: [&str; 10] = [
    "harbor",
    "airport",
    "beach",
    "stadium",
    "park",
    "forest",
    "river",
    "freeway",
    "railway station",
    "industrial facilities",
];

/// One keyword.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chip {
    pub word: String,
    /// What it is known by, however it is spelt.
    folded: String,
    /// The number of its colour and line style; it keeps it while others come and go.
    pub slot: usize,
    /// Its boxes are not drawn and not listed.
    pub hidden: bool,
}

impl Chip {
    fn new(word: String, slot: usize) -> Self {
        Self { folded: folded_keyword(&word), word, slot, hidden: false }
    }
}

/// All keywords, in the order in which they were typed, and the text being typed.
#[derive(Clone, Debug, Default)]
pub struct Keywords {
    chips: Vec<Chip>,
    pub input: String,
    /// What is looked for while it is typed.
    draft: Option<Chip>,
    /// A keyword that is being written in another way.
    edited: Option<(String, String)>,
    /// What was entered and can't be understood, as it stands in the field.
    refused: String,
}

impl Keywords {
    #[must_use]
    pub fn chips(&self) -> &[Chip] {
        &self.chips
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.chips.is_empty()
    }

    #[must_use]
    pub fn words(&self) -> Vec<String> {
        self.chips.iter().map(|chip| chip.word.clone()).collect()
    }

    /// The keyword as it is known here, whatever its case and spaces.
    #[must_use]
    pub fn find(&self, word: &str) -> Option<&Chip> {
        let folded = folded_keyword(word);
        self.chips.iter().find(|chip| chip.folded == folded)
    }

    /// All that is looked for: the keywords, and what is being typed.
    pub fn sought(&self) -> impl Iterator<Item = &Chip> {
        self.chips.iter().chain(&self.draft)
    }

    /// What is sought in exactly these letters, as detections name it.
    #[must_use]
    pub fn exact(&self, word: &str) -> Option<&Chip> {
        self.sought().find(|chip| chip.word == word)
    }

    #[must_use]
    pub fn draft(&self) -> Option<&Chip> {
        self.draft.as_ref()
    }

    /// Looks for a word while it is typed, in a colour that no keyword has.
    pub fn set_draft(&mut self, word: Option<String>) {
        if self.draft.as_ref().map(|draft| &draft.word) != word.as_ref() {
            let slot = self.draft.take().map_or_else(|| self.free_slot(), |draft| draft.slot);
            self.draft = word.map(|word| Chip::new(word, slot));
        }
    }

    /// Leaves in the field what can't be understood.
    pub fn refuse(&mut self, text: String) {
        self.input.clone_from(&text);
        self.refused = text;
    }

    /// Whether what stands in the field was entered and can't be understood.
    #[must_use]
    pub fn refused(&self) -> bool {
        !self.input.is_empty() && self.input == self.refused
    }

    /// Takes the words of a text, separated by commas. Returns whether any was new.
    pub fn add(&mut self, text: &str) -> bool {
        let before = self.chips.len();
        for part in text.split([',', '\n']) {
            let word = tidy_keyword(part);
            if !word.is_empty() && self.find(&word).is_none() {
                // What was looked for while it was typed keeps its colour.
                let folded = folded_keyword(&word);
                let drafted = self.draft.take_if(|draft| draft.folded == folded);
                let slot = drafted.map_or_else(|| self.free_slot(), |draft| draft.slot);
                self.chips.push(Chip::new(word, slot));
            }
        }
        self.chips.len() > before
    }

    pub fn remove(&mut self, word: &str) {
        let folded = folded_keyword(word);
        self.chips.retain(|chip| chip.folded != folded);
    }

    pub fn toggle(&mut self, word: &str) {
        let folded = folded_keyword(word);
        if let Some(chip) = self.chips.iter_mut().find(|chip| chip.folded == folded) {
            chip.hidden = !chip.hidden;
        }
    }

    /// Writes a keyword in another way; it keeps its colour. Nothing happens when that is there already.
    pub fn rename(&mut self, old: &str, new: &str) {
        if self.find(new).is_none()
            && let Some(chip) = self.chips.iter_mut().find(|chip| chip.word == old)
        {
            *chip = Chip { hidden: chip.hidden, ..Chip::new(new.to_owned(), chip.slot) };
        }
    }

    pub fn remove_all(&mut self) {
        self.chips.clear();
    }

    /// Gives a keyword the colour of a slot; one that has it takes the colour of the other.
    pub fn recolor(&mut self, word: &str, slot: usize) {
        let Some(before) = self.exact(word).map(|chip| chip.slot) else { return };
        for chip in self.chips.iter_mut().chain(&mut self.draft) {
            if chip.word == word {
                chip.slot = slot;
            } else if chip.slot == slot {
                chip.slot = before;
            }
        }
    }

    /// Begins to write a keyword in another way.
    pub fn edit(&mut self, word: &str) {
        self.edited = Some((word.to_owned(), word.to_owned()));
    }

    /// The keyword that is being written in another way, and what stands there by now.
    pub fn edited_mut(&mut self) -> &mut Option<(String, String)> {
        &mut self.edited
    }

    /// Puts a word in place of what is being typed, after the last comma; a name in place of one that was
    /// begun.
    pub fn complete(&mut self, word: &str) {
        let begun = if word.starts_with('@') { self.input.rfind('@') } else { None };
        let begun = begun.or_else(|| self.input.rfind(',').map(|comma| comma + 1)).unwrap_or_default();
        self.input.truncate(begun);
        self.input.push_str(word);
    }

    /// Suggested words that are not there yet: of those to begin with the ones that the model knows, then the
    /// first ones of its own.
    #[must_use]
    pub fn suggestions(&self, known: &KnownWords) -> Vec<String> {
        let common = SUGGESTED.iter().filter(|word| known.knows(word)).map(|word| (*word).to_owned());
        let own = known.as_slice().iter().filter(|word| !SUGGESTED.contains(&word.as_str())).cloned();
        common.chain(own).take(SUGGESTED.len()).filter(|word| self.find(word).is_none()).collect()
    }

    fn free_slot(&self) -> usize {
        // Of one more slot than there are chips, a draft among them, one is free.
        let taken = |slot: usize| self.sought().any(|chip| chip.slot == slot);
        (0..=self.chips.len() + 1).find(|slot| !taken(*slot)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_words_are_taken_at_once() {
        let mut keywords = Keywords::default();
        assert!(keywords.add(" harbor,  railway   station,, ,Harbor "));
        assert_eq!(keywords.words(), ["harbor", "railway station"]);
        assert!(!keywords.add("HARBOR"));
        assert!(!keywords.add("Railway\u{a0}Station"));
        assert!(keywords.add("harbor + ships") && !keywords.add("Harbor  +  Ships"));
    }

    #[test]
    fn colours_stay_with_their_words() {
        let mut keywords = Keywords::default();
        keywords.add("a, b, c");
        keywords.remove("B");
        assert_eq!(keywords.find("c").unwrap().slot, 2);
        keywords.add("d");
        assert_eq!(keywords.find("d").unwrap().slot, 1);
    }

    #[test]
    fn two_keywords_swap_colours() {
        let mut keywords = Keywords::default();
        keywords.add("a, b");
        keywords.recolor("b", 0);
        assert_eq!((keywords.find("a").unwrap().slot, keywords.find("b").unwrap().slot), (1, 0));
        keywords.recolor("b", 7);
        assert_eq!((keywords.find("a").unwrap().slot, keywords.find("b").unwrap().slot), (1, 7));
    }

    #[test]
    fn a_renamed_keyword_keeps_its_colour() {
        let mut keywords = Keywords::default();
        keywords.add("a, b");
        keywords.rename("b", "b + @1");
        assert_eq!(keywords.find("b + @1").unwrap().slot, 1);
        keywords.rename("a", "b + @1");
        assert_eq!(keywords.words(), ["a", "b + @1"]);
    }

    #[test]
    fn suggestions_leave_out_what_is_there() {
        let mut keywords = Keywords::default();
        keywords.add("Harbor");
        let suggestions = keywords.suggestions(&KnownWords::default());
        assert_eq!(suggestions, SUGGESTED[1..]);
    }

    #[test]
    fn words_that_the_model_knows_are_suggested() {
        let known: KnownWords =
            ["airplane", "river", "harbor", "lake"].map(str::to_owned).into_iter().collect();
        let mut keywords = Keywords::default();
        assert_eq!(keywords.suggestions(&known), ["harbor", "river", "airplane", "lake"]);
        keywords.add("airplane");
        assert_eq!(keywords.suggestions(&known), ["harbor", "river", "lake"]);
    }

    #[test]
    fn a_suggestion_takes_the_place_of_what_was_begun() {
        let mut keywords = Keywords { input: "ship, har".to_owned(), ..Keywords::default() };
        keywords.complete("harbor");
        assert_eq!(keywords.input, "ship,harbor");
        keywords.input = "ship, harbor + @p".to_owned();
        keywords.complete("@ports");
        assert_eq!(keywords.input, "ship, harbor + @ports");
    }

    #[test]
    fn a_draft_has_a_colour_of_its_own_and_keeps_it() {
        let mut keywords = Keywords::default();
        keywords.add("a, b, c");
        keywords.remove("b");
        keywords.set_draft(Some("ship".to_owned()));
        keywords.set_draft(Some("ships".to_owned()));
        assert_eq!(keywords.exact("ships").unwrap().slot, 1);
        assert_eq!(keywords.words(), ["a", "c"]);
        keywords.add("x, ships");
        assert_eq!((keywords.find("ships").unwrap().slot, keywords.find("x").unwrap().slot), (1, 3));
        assert_eq!(keywords.draft(), None);
        keywords.set_draft(Some("sea".to_owned()));
        keywords.set_draft(None);
        assert_eq!(keywords.exact("sea"), None);
    }

    #[test]
    fn what_was_refused_stays_in_the_field() {
        let mut keywords = Keywords::default();
        assert!(!keywords.refused());
        keywords.refuse("a +".to_owned());
        assert!(keywords.refused());
        keywords.input.push_str(" b");
        assert!(!keywords.refused());
    }
}

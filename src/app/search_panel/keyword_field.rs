//! The keywords in the search panel: the field, the chips, what could be looked for as well.

use eframe::egui;
use eframe::egui::{Button, Color32, RichText, TextEdit, Ui};

use super::{SearchPanel, chips};
use crate::app::action::Action;
use crate::app::commands::UiCommand;
use crate::app::format;
use crate::app::search::Search;
use crate::clip::KnownWords;
use crate::search::{own_phrases, tidy_keyword};

impl SearchPanel {
    pub(super) fn show_keywords(&mut self, ui: &mut Ui, search: &Search) -> Option<Action> {
        let known = search.known_words();
        self.show_keyword_field(ui, &known, search);
        self.show_problems(ui, search);
        let can_save = |word: &str| self.saved.can_save(word, search);
        for action in chips::show(ui, &self.keywords, &known, &can_save) {
            match action {
                chips::ChipAction::Remove(word) => self.keywords.remove(&word),
                chips::ChipAction::Toggle(word) => self.keywords.toggle(&word),
                chips::ChipAction::Save(word) => self.saved.ask_name(word),
                chips::ChipAction::Edit(word) => self.keywords.edit(&word),
                chips::ChipAction::Recolor(word, slot) => self.keywords.recolor(&word, slot),
                chips::ChipAction::RemoveAll => self.keywords.remove_all(),
            }
        }
        let renamed = self.show_edited(ui, search);
        let wanted = self.show_note_on_words(ui, &known);
        if let Some(word) = self.saved.ui(ui, &self.keywords, search) {
            self.keywords.add(&word);
        }
        let mut chosen = None;
        ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().item_spacing = egui::vec2(4.0, 4.0);
            for word in self.keywords.suggestions(&known) {
                let text = RichText::new(format!("+ {word}")).size(12.0);
                let button = Button::new(text).fill(Color32::TRANSPARENT).corner_radius(10);
                if ui.add(button).on_hover_text(format!("Look for {word}")).clicked() {
                    chosen = Some(word);
                }
            }
        });
        if let Some(word) = chosen {
            self.keywords.add(&word);
        }
        renamed.or_else(|| wanted.then_some(Action::Run(UiCommand::GetModel)))
    }

    /// The field of a keyword that is being written in another way: Enter takes it, Esc leaves it as it was.
    fn show_edited(&mut self, ui: &mut Ui, search: &Search) -> Option<Action> {
        let (old, mut text) = self.keywords.edited_mut().take()?;
        let field = TextEdit::singleline(&mut text).desired_width(ui.available_width()).char_limit(400);
        let field = ui.add(field).accessible_name(format!("Edit {old}"));
        let field = field.on_hover_text("Enter takes it, Esc leaves the keyword as it was");
        if !field.lost_focus() {
            if !field.has_focus() {
                field.request_focus();
            }
            *self.keywords.edited_mut() = Some((old, text));
            return None;
        }
        let new = tidy_keyword(&text);
        let entered = ui.input(|input| input.key_pressed(egui::Key::Enter));
        if !entered || new.is_empty() || new == old {
            return None;
        }
        if let Some(problem) = self.problem(&new, search) {
            return Some(Action::Notify(problem));
        }
        self.keywords.rename(&old, &new);
        Some(Action::KeywordRenamed { old, new })
    }

    /// The field where keywords are typed, with the list of those that the model knows.
    fn show_keyword_field(&mut self, ui: &mut Ui, known: &KnownWords, search: &Search) {
        let width = ui.available_width();
        let by_key = self.suggestions.handle_keys(ui, &self.keywords.input);
        let keys = self.suggestions.event_filter(&self.keywords.input);
        let field = TextEdit::singleline(&mut self.keywords.input)
            .id(keyword_field())
            .hint_text("Type a word and press Enter")
            .desired_width(width)
            .char_limit(400)
            .event_filter(keys);
        let response =
            self.suggestions.add_field(ui, field).accessible_name("Keywords").on_hover_text(
                "What to look for, in a word or a few; several at once with commas between them. Words can be put \
                 together: harbor + ships - beach, or ship | boat, or 0.5*beach; @name is a saved query",
            );
        let drawn = self.examples.all().iter().map(|example| example.name.clone());
        let names: Vec<String> = drawn.chain(self.saved.names()).map(|name| format!("@{name}")).collect();
        let by_mouse = self.suggestions.show(&response, known.as_slice(), &names, &self.keywords);
        let suggested = by_key.or(by_mouse);
        if let Some(word) = &suggested {
            self.keywords.complete(word);
        }
        let entered = response.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter));
        if entered || suggested.is_some() {
            self.enter_keywords(search);
            // The next word can be typed at once, and the new one is in sight.
            response.request_focus();
            self.suggestions.close("");
        }
    }

    /// Says which keywords the model doesn't know, and offers what may have been meant, or other models; true
    /// when one of these is wanted.
    fn show_note_on_words(&mut self, ui: &mut Ui, known: &KnownWords) -> bool {
        let mut phrases: Vec<(String, String)> = Vec::new();
        for chip in self.keywords.chips() {
            phrases.extend(own_phrases(&chip.word).into_iter().map(|phrase| (chip.word.clone(), phrase)));
        }
        let Some(note) = known.note_on(phrases.iter().map(|(_, phrase)| phrase.as_str())) else {
            return false;
        };
        chips::show_unknown(ui, format::sentence(&note)).on_hover_text(
            "This model learnt only the words in the list under the field. It ranks windows for any word; for these, \
             the order may follow chance.",
        );
        for (keyword, phrase) in &phrases {
            let Some(meant) = known.nearest(phrase) else { continue };
            let button = ui.small_button(format!("Did you mean {meant}?"));
            if button.on_hover_text(format!("Look for {meant} instead of {phrase}")).clicked() {
                let better = keyword.replace(phrase.as_str(), meant);
                if self.keywords.find(&better).is_some() {
                    self.keywords.remove(keyword);
                } else {
                    self.keywords.rename(keyword, &better);
                }
            }
        }
        UiCommand::GetModel.explain(ui.small_button(UiCommand::GetModel.text())).clicked()
    }
}

/// The field where keywords are typed.
#[must_use]
pub fn keyword_field() -> egui::Id {
    egui::Id::unique("keyword field")
}

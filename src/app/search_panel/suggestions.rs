//! The list under the keyword field: words that the model knows, to choose by arrow keys, Tab or mouse.
//!
//! The keyboard stays in the field. Enter takes what was typed unless a word of the list was chosen, since
//! any word may be looked for.

use eframe::egui;
use eframe::egui::{
    Button, EventFilter, FocusDirection, Key, Modifiers, Popup, PopupKind, RectAlign, Response, RichText,
    ScrollArea, SurrenderFocusOn, Ui,
};

use super::keywords::Keywords;
use crate::app::format;

const MAX_HEIGHT: f32 = 220.0;

/// The list from one frame to the next.
#[derive(Debug, Default)]
pub struct Suggestions {
    /// The words that fit what is typed; empty while the list is closed.
    offered: Vec<String>,
    chosen: Option<usize>,
    /// The choice moved by key, so it has to be brought into sight.
    moved: bool,
    /// The list stays closed until something else than this is typed.
    closed_at: Option<String>,
}

impl Suggestions {
    /// Takes the keys that belong to the open list, before the field gets them. Returns the word that was
    /// taken.
    pub fn handle_keys(&mut self, ui: &Ui, typed: &str) -> Option<String> {
        self.moved = false;
        let len = self.offered.len();
        if len == 0 {
            return None;
        }
        let pressed = |modifiers, key| ui.input_mut(|input| input.consume_key(modifiers, key));
        if pressed(Modifiers::NONE, Key::ArrowDown) {
            self.choose(self.chosen.map_or(0, |chosen| (chosen + 1) % len));
        }
        if pressed(Modifiers::NONE, Key::ArrowUp) {
            self.choose(self.chosen.map_or(len, |chosen| chosen + len).wrapping_sub(1) % len);
        }
        if pressed(Modifiers::NONE, Key::Escape) {
            self.close(typed);
        }
        if pressed(Modifiers::SHIFT, Key::Tab) {
            ui.memory_mut(|memory| memory.move_focus(FocusDirection::Previous));
        }
        let enter = self.chosen.is_some() && pressed(Modifiers::NONE, Key::Enter);
        let tab = self.takes_tab(typed) && pressed(Modifiers::NONE, Key::Tab);
        if enter || tab { self.offered.get(self.chosen.unwrap_or_default()).cloned() } else { None }
    }

    /// The keys that don't take the keyboard away from the field while the list is open.
    #[must_use]
    pub fn event_filter(&self, typed: &str) -> EventFilter {
        let open = !self.offered.is_empty();
        EventFilter {
            tab: open && self.takes_tab(typed),
            escape: open,
            horizontal_arrows: true,
            vertical_arrows: true,
        }
    }

    /// Tab completes what has been begun, and goes on to the next control otherwise.
    fn takes_tab(&self, typed: &str) -> bool {
        self.chosen.is_some() || !last_part(typed).is_empty()
    }

    fn choose(&mut self, index: usize) {
        self.chosen = Some(index);
        self.moved = true;
    }

    /// Closes the list until something else is typed, so that what lies below it can be seen.
    pub fn close(&mut self, typed: &str) {
        self.closed_at = Some(typed.to_owned());
        self.offered.clear();
        self.chosen = None;
    }

    /// Adds the field, which keeps the keyboard while the mouse chooses from the list.
    pub fn add_field(&self, ui: &mut Ui, field: egui::TextEdit) -> Response {
        let popup = egui::LayerId::new(PopupKind::Popup.order(), popup_id());
        let on_list = !self.offered.is_empty()
            && ui.ctx().pointer_interact_pos().and_then(|at| ui.ctx().layer_id_at(at)) == Some(popup);
        let before = ui.ctx().options(|options| options.input_options.surrender_focus_on);
        if on_list {
            ui.ctx()
                .options_mut(|options| options.input_options.surrender_focus_on = SurrenderFocusOn::Never);
        }
        let response = ui.add(field);
        ui.ctx().options_mut(|options| options.input_options.surrender_focus_on = before);
        response
    }

    /// Shows the list under the field while it has the keyboard. Returns the word that was clicked.
    /// `names` are those of examples, with their `@`.
    pub fn show(
        &mut self,
        field: &Response,
        known: &[String],
        names: &[String],
        keywords: &Keywords,
    ) -> Option<String> {
        let typed = &keywords.input;
        let asked = field.gained_focus() || field.clicked() || arrow_pressed(field);
        if asked || self.closed_at.as_ref().is_some_and(|closed| closed != typed) {
            self.closed_at = None;
        }
        let chosen = self.chosen.and_then(|chosen| self.offered.get(chosen)).cloned();
        let open = field.has_focus() && self.closed_at.is_none();
        let begun = begun_name(typed);
        self.offered = match begun {
            _ if !open => Vec::new(),
            Some(begun) => fitting_names(names, begun),
            None => fitting(known, keywords),
        };
        let title = match begun {
            Some(_) => "Examples and saved queries".to_owned(),
            None => format!("Words that the model knows: {}", format::count(known.len())),
        };
        self.chosen = chosen.and_then(|word| self.offered.iter().position(|offered| *offered == word));
        Popup::from_response(field)
            .id(popup_id())
            .kind(PopupKind::Popup)
            .open(!self.offered.is_empty())
            .align(RectAlign::BOTTOM_START)
            .align_alternatives(&[RectAlign::TOP_START])
            .gap(2.0)
            .width(field.rect.width() - 14.0)
            .show(|ui| self.show_words(ui, title, begun.is_some()))
            .and_then(|shown| shown.inner)
    }

    fn show_words(&self, ui: &mut Ui, title: String, names: bool) -> Option<String> {
        let mut clicked = None;
        ui.label(RichText::new(title).weak().size(12.0)).on_hover_text(if names {
            "What a name stands for is looked for, by itself or together with words"
        } else {
            "It learnt these. Any other word can be looked for, too, and finds less."
        });
        ScrollArea::vertical().max_height(MAX_HEIGHT).show(ui, |ui| {
            ui.spacing_mut().item_spacing.y = 0.0;
            for (index, word) in self.offered.iter().enumerate() {
                let chosen = self.chosen == Some(index);
                let button =
                    Button::selectable(chosen, word.as_str()).min_size(egui::vec2(ui.available_width(), 0.0));
                let response = ui.add(button).on_hover_text(format!("Look for {word}"));
                if chosen && self.moved {
                    response.scroll_to_me(None);
                }
                if response.clicked() {
                    clicked = Some(word.clone());
                }
            }
        });
        clicked
    }
}

fn popup_id() -> egui::Id {
    egui::Id::unique("keyword suggestions")
}

/// Whether the down key asks for the list.
fn arrow_pressed(field: &Response) -> bool {
    field.has_focus() && field.ctx.input(|input| input.key_pressed(Key::ArrowDown))
}

/// What is being typed after the last comma.
fn last_part(typed: &str) -> &str {
    typed.rsplit(',').next().unwrap_or_default().trim()
}

/// The name of an example that is being typed, with its `@`.
pub fn begun_name(typed: &str) -> Option<&str> {
    let word = last_part(typed).rsplit(char::is_whitespace).next().unwrap_or_default();
    word.starts_with('@').then_some(word)
}

/// The names that begin as one does that is being typed.
fn fitting_names(names: &[String], begun: &str) -> Vec<String> {
    let begun = begun.to_lowercase();
    let fits = |name: &&String| {
        let name = name.to_lowercase();
        name.starts_with(&begun) && name != begun
    };
    names.iter().filter(fits).cloned().collect()
}

/// The known words that go with what is typed, and aren't keywords yet: first those that begin with it, then
/// those of which a later word does, then those with it inside. All of them while nothing is typed.
fn fitting(known: &[String], keywords: &Keywords) -> Vec<String> {
    let typed = last_part(&keywords.input).to_lowercase();
    let mut found: Vec<(usize, &String)> = known
        .iter()
        .filter(|word| keywords.find(word).is_none())
        .filter_map(|word| {
            let lower = word.to_lowercase();
            let place = lower.find(&typed)?;
            let begins = lower[..place].chars().next_back().is_none_or(|before| !before.is_alphanumeric());
            // A word that stands there already needs no completing.
            (lower != typed).then_some((if place == 0 { 0 } else { 1 + usize::from(!begins) }, word))
        })
        .collect();
    found.sort_by_key(|(rank, word)| (*rank, word.to_lowercase()));
    found.into_iter().map(|(_, word)| word.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(input: &str) -> Vec<String> {
        let known = ["harbor", "car park", "parking lot", "lake", "Airport", "parked cars", "scar"];
        let mut keywords = Keywords::default();
        keywords.input = input.to_owned();
        keywords.add("lake");
        fitting(&known.map(str::to_owned), &keywords)
    }

    #[test]
    fn words_that_begin_so_come_first() {
        assert_eq!(found("car"), ["car park", "parked cars", "scar"]);
        assert_eq!(found("PARK"), ["parked cars", "parking lot", "car park"]);
        assert_eq!(found("tower"), [""; 0]);
    }

    #[test]
    fn what_follows_the_last_comma_counts() {
        assert_eq!(found("harbor, air"), ["Airport"]);
        assert_eq!(found("air, harbor"), [""; 0], "it is whole already");
        assert_eq!(found("scar,").len(), 6);
    }

    #[test]
    fn an_at_sign_asks_for_names() {
        assert_eq!(begun_name("beach, harbor + @po"), Some("@po"));
        assert_eq!(begun_name("harbor + "), None);
        let names = ["@1", "@ports", "@Pools"].map(str::to_owned);
        assert_eq!(fitting_names(&names, "@"), names);
        assert_eq!(fitting_names(&names, "@po"), ["@ports", "@Pools"]);
        assert!(fitting_names(&names, "@1").is_empty(), "it is whole already");
    }

    #[test]
    fn all_but_the_keywords_are_there_to_begin_with() {
        assert_eq!(found(""), ["Airport", "car park", "harbor", "parked cars", "parking lot", "scar"]);
    }
}

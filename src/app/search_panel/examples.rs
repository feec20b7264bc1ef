//! Examples drawn in the scene, which keywords refer to by their numbers.

use eframe::egui;
use eframe::egui::{Color32, Stroke};

use super::SearchPanel;
use super::keywords::Keywords;
use crate::app::theme;
use crate::app::viewport::boxes::DetectionId;
use crate::app::viewport::camera::Camera;
use crate::raster::Rect;
use crate::search::{Example, ExampleOf, Expression};

/// What keywords refer to as `@name`.
#[derive(Default)]
pub struct Examples {
    all: Vec<Example>,
    /// How many were drawn so far: the name of the last.
    drawn: u32,
}

/// What a new example led to.
pub enum ExampleAdded {
    /// A keyword that is looked for by this name.
    Keyword(String),
    /// A keyword is written in another way now, with the name of the example in it.
    Renamed { name: String, old: String, new: String },
}

impl Examples {
    #[must_use]
    pub fn all(&self) -> &[Example] {
        &self.all
    }

    /// Adds a place of the scene. Returns its name.
    fn add(&mut self, place: Rect) -> String {
        self.drawn += 1;
        let name = self.drawn.to_string();
        self.all.push(Example { name: name.clone(), of: ExampleOf::Place(place) });
        name
    }

    /// Forgets examples that no keyword refers to any more, nor what is being typed. The others keep their
    /// names, and a name is never given twice: feedback that is taken back is of one and the same example.
    pub fn forget_unused(&mut self, keywords: &Keywords) {
        self.all.retain(|example| {
            keywords.chips().iter().any(|chip| refers_to(&chip.word, &example.name))
                || mentions(&keywords.input, &example.name)
        });
    }

    /// Forgets the places of the scene before. Returns the keywords that refer to them.
    pub fn forget_places(&mut self, keywords: &Keywords) -> Vec<String> {
        let is_place = |example: &mut Example| matches!(example.of, ExampleOf::Place(_));
        let gone: Vec<String> = self.all.extract_if(.., is_place).map(|example| example.name).collect();
        if self.all.is_empty() {
            self.drawn = 0;
        }
        let refers = |word: &String| gone.iter().any(|name| refers_to(word, name));
        keywords.words().into_iter().filter(refers).collect()
    }

    /// Draws the places that keywords refer to, with their names.
    pub fn draw(&self, painter: &egui::Painter, view: egui::Rect, camera: &Camera, keywords: &Keywords) {
        for example in &self.all {
            let ExampleOf::Place(place) = &example.of else { continue };
            if !keywords.chips().iter().any(|chip| refers_to(&chip.word, &example.name)) {
                continue;
            }
            let place = camera.rect_to_screen(view, *place);
            if place.intersects(view) {
                for (width, color) in [(3.0, Color32::from_black_alpha(150)), (1.5, Color32::WHITE)] {
                    painter.rect_stroke(place, 4.0, Stroke::new(width, color), egui::StrokeKind::Outside);
                }
                theme::badge(painter, view, place.left_bottom(), &format!("@{}", example.name));
            }
        }
    }
}

impl SearchPanel {
    /// Looks for what a box shows: as a keyword of its own, or together with `keyword`.
    pub fn add_example(&mut self, place: Rect, keyword: Option<String>) -> ExampleAdded {
        let name = self.examples.add(place);
        if let Some(old) = keyword {
            let new = with_example(&old, &name);
            self.keywords.rename(&old, &new);
            return ExampleAdded::Renamed { name: format!("@{name}"), old, new };
        }
        let word = format!("@{name}");
        self.keywords.add(&word);
        ExampleAdded::Keyword(word)
    }

    /// The keyword that an example is added to: that of the selected box, else the last.
    #[must_use]
    pub fn keyword_for_examples(&self, selected: Option<&DetectionId>) -> Option<String> {
        let selected = selected.and_then(|id| self.keywords.exact(&id.keyword));
        selected.or_else(|| self.keywords.chips().last()).map(|chip| chip.word.clone())
    }
}

/// A keyword together with an example, in each of its alternatives.
fn with_example(keyword: &str, name: &str) -> String {
    let parts: Vec<String> = keyword.split('|').map(|part| format!("{} + @{name}", part.trim())).collect();
    parts.join(" | ")
}

/// Whether a keyword refers to an example.
fn refers_to(keyword: &str, name: &str) -> bool {
    Expression::parse(keyword).is_ok_and(|expression| {
        expression
            .phrases()
            .any(|phrase| phrase.strip_prefix('@').is_some_and(|other| other.eq_ignore_ascii_case(name)))
    })
}

/// Whether a text that need not make sense yet has the name of an example in it.
fn mentions(text: &str, name: &str) -> bool {
    let part_of_name = |letter: char| letter.is_alphanumeric() || matches!(letter, '@' | '-' | '_');
    text.split(|letter| !part_of_name(letter))
        .any(|word| word.strip_prefix('@').is_some_and(|other| other.eq_ignore_ascii_case(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_example_joins_every_alternative() {
        assert_eq!(with_example("harbor", "1"), "harbor + @1");
        assert_eq!(with_example("ship | boat", "2"), "ship + @2 | boat + @2");
        assert!(refers_to("ship + @2 | boat", "2") && !refers_to("ship + @2", "1"));
        assert!(!refers_to("ship", "1"));
        assert!(mentions("beach, ship + 0.5*@2 +", "2"));
        assert!(!mentions("ship + @21", "2") && !mentions("2", "2"));
    }
}

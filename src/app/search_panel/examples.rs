//! Examples drawn in the scene, which keywords refer to by their numbers.

use eframe::egui;
use eframe::egui::{Color32, Stroke};

use crate::app::App;
use crate::app::theme;
use crate::app::viewport::camera::Camera;
use crate::raster::Rect;
use crate::search::{Example, ExampleOf, Expression};

impl App {
    /// Looks for what a box shows: as a keyword of its own, or together with the selected one.
    pub(in crate::app) fn add_example(&mut self, place: Rect, to_selected: bool) {
        self.examples_drawn += 1;
        let name = self.examples_drawn.to_string();
        self.examples.push(Example { name: name.clone(), of: ExampleOf::Place(place) });
        match self.keyword_for_examples().filter(|_| to_selected) {
            Some(keyword) => {
                let sum = with_example(&keyword, &name);
                self.keywords.rename(&keyword, &sum);
                self.feedback.rename(&keyword, &sum);
                self.heat.rename(&keyword, &sum);
                // Its boxes have another name now.
                self.view.selected = None;
            }
            None => {
                self.keywords.add(&format!("@{name}"));
            }
        }
        if self.search.scanned.is_none() {
            self.search.notify(format!("Press Scan to look for example @{name}"));
        }
    }

    /// The keyword that an example is added to: that of the selected box, else the last.
    pub(in crate::app) fn keyword_for_examples(&self) -> Option<String> {
        let selected = self.view.selected.as_ref().and_then(|id| self.keywords.exact(&id.keyword));
        selected.or_else(|| self.keywords.chips().last()).map(|chip| chip.word.clone())
    }

    /// Forgets examples that no keyword refers to any more, nor what is being typed. The others keep their
    /// names, and a name is never given twice: thumbs that are taken back are of one and the same example.
    pub(in crate::app) fn forget_unused_examples(&mut self) {
        let keywords = &self.keywords;
        self.examples.retain(|example| {
            keywords.chips().iter().any(|chip| refers_to(&chip.word, &example.name))
                || mentions(&keywords.input, &example.name)
        });
    }

    /// The places that keywords refer to as examples, with their names.
    pub(in crate::app) fn draw_examples(&self, painter: &egui::Painter, view: egui::Rect, camera: &Camera) {
        for example in &self.examples {
            let ExampleOf::Place(place) = &example.of else { continue };
            if !self.keywords.chips().iter().any(|chip| refers_to(&chip.word, &example.name)) {
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

/// A keyword together with an example, in each of its alternatives.
fn with_example(keyword: &str, name: &str) -> String {
    let parts: Vec<String> = keyword.split('|').map(|part| format!("{} + @{name}", part.trim())).collect();
    parts.join(" | ")
}

/// Whether a keyword refers to an example.
pub fn refers_to(keyword: &str, name: &str) -> bool {
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

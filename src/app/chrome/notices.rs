//! What a person should know of the scene and the model: a bell in the status bar, and the list behind it.

use std::collections::HashSet;

use eframe::egui;
use eframe::egui::{
    Atom, Button, Color32, IdSalt, Painter, Popup, PopupCloseBehavior, Rect, RichText, ScrollArea, Shape,
    Stroke, Ui, vec2,
};

use crate::app::commands::UiCommand;
use crate::app::format;
use crate::raster::Scene;

/// Width of the list, and its height at most, in points.
const WIDTH: f32 = 420.0;
const MAX_HEIGHT: f32 = 320.0;
/// Side of the bell, in points.
const BELL: f32 = 13.0;

/// The list, and what of it was read.
#[derive(Default)]
pub struct NoticeList {
    /// Those of the model and of what is stored; those of the scene are the scene's own.
    session: Vec<String>,
    read: HashSet<String>,
    open: bool,
    /// What the open list shows; that was read once it is closed.
    shown: Vec<String>,
}

impl NoticeList {
    /// Adds one that stays when another scene is opened.
    pub fn add(&mut self, notice: String) {
        if !self.session.contains(&notice) {
            self.session.push(notice);
        }
    }

    /// Closes the list. Returns whether it was open.
    pub fn close(&mut self) -> bool {
        std::mem::take(&mut self.open)
    }

    /// Forgets those of the model before.
    pub fn forget_model(&mut self) {
        self.session.clear();
    }

    /// Those that stay when another scene is opened.
    #[must_use]
    pub fn session(&self) -> &[String] {
        &self.session
    }

    /// All notices, those of the scene first.
    fn all(&self, scene: Option<&Scene>) -> Vec<String> {
        let mut notices = scene.map_or_else(Vec::new, |scene| scene.notices().list());
        notices.extend(self.session.iter().cloned());
        notices
    }

    /// Opens or closes the list, where there is something to say.
    pub fn toggle(&mut self, scene: Option<&Scene>) {
        self.open = !self.open && !self.all(scene).is_empty();
    }

    /// The bell, where there is something to say, and the list while it is open.
    pub fn bell_ui(&mut self, ui: &mut Ui, scene: Option<&Scene>) {
        let notices = self.all(scene);
        if notices.is_empty() {
            self.open = false;
        }
        if !self.open {
            let shown = std::mem::take(&mut self.shown);
            self.read.extend(shown);
        }
        if notices.is_empty() {
            return;
        }
        let is_new = |notice: &&String| !self.read.contains(*notice);
        let new = notices.iter().filter(is_new).count();
        let (text, name) = count(notices.len(), new);
        let text = if new > 0 { RichText::new(text).strong() } else { RichText::new(text) };
        let bell = IdSalt::new("bell");
        let shown = Button::new((Atom::custom(bell, vec2(BELL, BELL)), text)).small().atom_ui(ui);
        if let Some(place) = shown.rect(bell) {
            let visuals = ui.style().interact(&shown.response);
            draw_bell(ui.painter(), place, visuals.text_color());
        }
        let button = UiCommand::ToggleNotices.explain(shown.response.accessible_name(name));
        if button.clicked() {
            self.toggle(scene);
        }
        let read = &self.read;
        Popup::from_response(&button)
            .open_bool(&mut self.open)
            .close_behavior(PopupCloseBehavior::CloseOnClickOutside)
            .accessible_name("Notices")
            .show(|ui| {
                ui.set_width(WIDTH);
                ui.strong("Notices");
                ScrollArea::vertical().max_height(MAX_HEIGHT).show(ui, |ui| {
                    for notice in &notices {
                        ui.separator();
                        show_notice(ui, notice, !read.contains(notice));
                    }
                });
            });
        if self.open {
            self.shown = notices;
        }
    }
}

/// What stands beside the bell, and what it is called: how many there are, and how many of them nobody saw
/// yet.
fn count(notices: usize, new: usize) -> (String, String) {
    let plural = if notices == 1 { "" } else { "s" };
    match new {
        0 => (notices.to_string(), format!("{notices} notice{plural}")),
        _ => (format!("{notices} · {new} new"), format!("{notices} notice{plural}, {new} new")),
    }
}

/// Draws a bell; no font that comes with the window has one.
fn draw_bell(painter: &Painter, place: Rect, color: Color32) {
    let at = |x: f32, y: f32| place.lerp_inside(vec2(x, y));
    // One side from the top to the rim; the other mirrors it.
    let side = [(0.5, 0.08), (0.36, 0.13), (0.27, 0.26), (0.23, 0.52), (0.1, 0.76)];
    let mirrored = side.iter().rev().map(|(x, y)| (1.0 - x, *y));
    let outline = side.iter().copied().chain(mirrored).map(|(x, y)| at(x, y)).collect();
    painter.add(Shape::closed_line(outline, Stroke::new(1.3, color)));
    painter.circle_filled(at(0.5, 0.9), 0.1 * place.width(), color);
}

fn show_notice(ui: &mut Ui, notice: &str, is_new: bool) {
    ui.horizontal_top(|ui| {
        if is_new {
            ui.strong("New").on_hover_text("Told since the list was last open");
        }
        ui.add(egui::Label::new(format::sentence(notice)).wrap());
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bell_says_how_many_and_how_many_are_new() {
        assert_eq!(count(1, 0), ("1".to_owned(), "1 notice".to_owned()));
        assert_eq!(count(3, 2), ("3 · 2 new".to_owned(), "3 notices, 2 new".to_owned()));
    }

    #[test]
    fn notices_are_kept_once() {
        let mut list = NoticeList::default();
        list.add("a".to_owned());
        list.add("a".to_owned());
        assert_eq!(list.session(), ["a"]);
        list.forget_model();
        assert!(list.session().is_empty());
    }
}

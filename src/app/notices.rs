//! What a person should know of the scene and the model: a bell in the status bar, and the list behind it.

use std::collections::HashSet;

use eframe::egui;
use eframe::egui::{Popup, PopupCloseBehavior, RichText, ScrollArea, Ui};

use super::{App, UiCommand, words};

/// Width of the list, and its height at most, in points.
const WIDTH: f32 = 420.0;
const MAX_HEIGHT: f32 = 320.0;

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

    /// Forgets those of the model before.
    pub fn forget_model(&mut self) {
        self.session.clear();
    }

    /// Those that stay when another scene is opened.
    #[must_use]
    pub fn session(&self) -> &[String] {
        &self.session
    }
}

/// What the bell says: how many there are, and how many of them nobody saw yet.
fn bell(notices: usize, new: usize) -> (String, String) {
    let plural = if notices == 1 { "" } else { "s" };
    match new {
        0 => (format!("🔔 {notices}"), format!("{notices} notice{plural}")),
        _ => (format!("🔔 {notices} · {new} new"), format!("{notices} notice{plural}, {new} new")),
    }
}

impl App {
    /// All notices, those of the scene first.
    #[must_use]
    pub(super) fn all_notices(&self) -> Vec<String> {
        let mut notices = self.scene.as_ref().map_or_else(Vec::new, |open| open.scene.notices().list());
        notices.extend(self.notices.session.iter().cloned());
        notices
    }

    pub(super) fn toggle_notices(&mut self) {
        self.notices.open = !self.notices.open && !self.all_notices().is_empty();
    }

    /// The bell, where there is something to say, and the list while it is open.
    pub(super) fn show_bell(&mut self, ui: &mut Ui) {
        let notices = self.all_notices();
        if notices.is_empty() {
            self.notices.open = false;
        }
        if !self.notices.open {
            let shown = std::mem::take(&mut self.notices.shown);
            self.notices.read.extend(shown);
        }
        if notices.is_empty() {
            return;
        }
        let is_new = |notice: &&String| !self.notices.read.contains(*notice);
        let new = notices.iter().filter(is_new).count();
        let (text, name) = bell(notices.len(), new);
        let text = if new > 0 { RichText::new(text).strong() } else { RichText::new(text) };
        let button = UiCommand::ToggleNotices.explain(ui.small_button(text).accessible_name(name));
        if button.clicked() {
            self.toggle_notices();
        }
        let read = &self.notices.read;
        Popup::from_response(&button)
            .open_bool(&mut self.notices.open)
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
        if self.notices.open {
            self.notices.shown = notices;
        }
    }
}

fn show_notice(ui: &mut Ui, notice: &str, is_new: bool) {
    ui.horizontal_top(|ui| {
        if is_new {
            ui.strong("New").on_hover_text("Told since the list was last open");
        }
        ui.add(egui::Label::new(words::sentence(notice)).wrap());
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bell_says_how_many_and_how_many_are_new() {
        assert_eq!(bell(1, 0), ("🔔 1".to_owned(), "1 notice".to_owned()));
        assert_eq!(bell(3, 2), ("🔔 3 · 2 new".to_owned(), "3 notices, 2 new".to_owned()));
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

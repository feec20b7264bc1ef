//! The list of all commands, found by a few letters.

use eframe::egui;
use eframe::egui::{Context, Key, Modifiers, ScrollArea, TextEdit, Window};
use strum::IntoEnumIterator as _;

use crate::app::commands::UiCommand;
use crate::app::settings::Settings;

const LIST_HEIGHT: f32 = 340.0;

/// The list and what was typed into its field.
#[derive(Default)]
pub struct Palette {
    open: bool,
    /// Since the last frame, so that the field gets the keyboard once.
    fresh: bool,
    text: String,
    /// The place of the chosen command in the list.
    chosen: usize,
}

impl Palette {
    pub fn toggle(&mut self) {
        let open = !self.open;
        *self = Self { open, fresh: open, ..Self::default() };
    }

    /// Closes the list. Returns whether it was open.
    pub fn close(&mut self) -> bool {
        std::mem::take(&mut self.open)
    }

    /// Shows the list while it is open; the command that was chosen, which is remembered.
    pub fn ui(&mut self, ctx: &Context, settings: &mut Settings) -> Option<UiCommand> {
        if !self.open {
            return None;
        }
        let key = |key| ctx.input_mut(|input| input.consume_key(Modifiers::NONE, key));
        let (down, up, enter) = (key(Key::ArrowDown), key(Key::ArrowUp), key(Key::Enter));
        let mut found = found(&self.text, &settings.recent_commands);
        self.chosen = (self.chosen + usize::from(down)).saturating_sub(usize::from(up));
        self.chosen = self.chosen.min(found.len().saturating_sub(1));
        let mut run = found.get(self.chosen).copied().filter(|_| enter);
        let mut open = true;
        Window::new("All commands")
            .open(&mut open)
            .collapsible(false)
            .resizable(false)
            .anchor(egui::Align2::CENTER_TOP, egui::vec2(0.0, 70.0))
            .show(ctx, |ui| {
                let field =
                    TextEdit::singleline(&mut self.text).hint_text("A few letters").desired_width(420.0);
                let field = ui.add(field).accessible_name("Command");
                let field = field.on_hover_text("Arrows choose a command, Enter runs it");
                if std::mem::take(&mut self.fresh) {
                    field.request_focus();
                }
                if field.changed() {
                    self.chosen = 0;
                    found = self::found(&self.text, &settings.recent_commands);
                }
                ScrollArea::vertical().max_height(LIST_HEIGHT).auto_shrink([false, true]).show(ui, |ui| {
                    for (index, command) in found.iter().enumerate() {
                        let button = egui::Button::selectable(index == self.chosen, command.text())
                            .shortcut_text(command.keys(ui.ctx()))
                            .min_size(egui::vec2(ui.available_width(), 0.0));
                        let entry = ui.add(button).on_hover_text(command.tooltip());
                        if index == self.chosen && (down || up) {
                            entry.scroll_to_me(None);
                        }
                        if entry.clicked() {
                            run = Some(*command);
                        }
                    }
                    if found.is_empty() {
                        ui.weak("No command has these letters in this order.");
                    }
                });
            });
        self.open = open && run.is_none();
        if let Some(command) = run {
            settings.remember_command(format!("{command:?}"));
        }
        run
    }
}

/// The commands with these letters, the best first; of equal ones those that were used last, then in the
/// order of all. The palette itself isn't among them.
fn found(text: &str, recent: &[String]) -> Vec<UiCommand> {
    let mut found: Vec<(u32, usize, UiCommand)> = UiCommand::iter()
        .filter(|command| *command != UiCommand::Palette)
        .filter_map(|command| {
            let fit = fit(text, command.text());
            // What it does is told in many words, which say less.
            let fit = fit.or_else(|| Some(fit_of_words(text, command.tooltip())? + 1000))?;
            let name = format!("{command:?}");
            let age = recent.iter().position(|known| *known == name).unwrap_or(usize::MAX);
            Some((fit, age, command))
        })
        .collect();
    found.sort_by_key(|(fit, age, _)| (*fit, *age));
    found.into_iter().map(|(.., command)| command).collect()
}

/// How badly letters fit into a text that has them in their order: a begun word costs nothing, a letter next
/// to the one before a little, any other more. `None` where they aren't there.
fn fit(wanted: &str, text: &str) -> Option<u32> {
    let text: Vec<char> = text.to_lowercase().chars().collect();
    let (mut cost, mut at) = (0, 0);
    for letter in wanted.to_lowercase().chars().filter(|c| !c.is_whitespace()) {
        let begins = |index: usize| index == 0 || text.get(index - 1) == Some(&' ');
        let here = |index: &usize| text.get(*index) == Some(&letter);
        let next = Some(at).filter(here).filter(|at| *at > 0);
        let word = (at..text.len()).filter(here).find(|index| begins(*index));
        let any = (at..text.len()).find(here);
        let (index, price) = match (next, word, any) {
            (Some(index), ..) => (index, 1),
            (_, Some(index), _) => (index, 2 + u32::from(index > 0)),
            (.., Some(index)) => (index, 20),
            _ => return None,
        };
        cost += price;
        at = index + 1;
    }
    Some(cost)
}

/// As [`fit`], for texts that hold the letters as they stand.
fn fit_of_words(wanted: &str, text: &str) -> Option<u32> {
    let at = text.to_lowercase().find(&wanted.trim().to_lowercase())?;
    u32::try_from(at).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_letters_find_a_command() {
        for (text, command) in [
            ("go", UiCommand::GoTo),
            ("gt", UiCommand::GoTo),
            ("full", UiCommand::FullScreen),
            ("fs", UiCommand::FullScreen),
            ("zin", UiCommand::ZoomIn),
            ("heat", UiCommand::ToggleHeatMap),
            ("HM", UiCommand::ToggleHeatMap),
            ("excel", UiCommand::ExportCsvExcel),
            ("actual size", UiCommand::ActualSize),
            ("mgrs", UiCommand::GoTo),
        ] {
            assert_eq!(found(text, &[]).first(), Some(&command), "{text}: {:?}", found(text, &[]));
        }
        assert!(found("qqq", &[]).is_empty());
        assert_eq!(found("", &[]).len(), UiCommand::iter().count() - 1);
    }

    #[test]
    fn what_was_used_last_comes_first() {
        let recent = ["ZoomOut".to_owned(), "Scan".to_owned(), "gone".to_owned()];
        assert_eq!(found("", &recent)[..2], [UiCommand::ZoomOut, UiCommand::Scan]);
        // Better letters count more.
        assert_eq!(found("zoom in", &recent)[0], UiCommand::ZoomIn);
    }
}

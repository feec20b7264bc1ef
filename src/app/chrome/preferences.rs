//! The window of preferences: memory, and the embeddings that are kept.

use std::collections::HashSet;

use eframe::egui;
use eframe::egui::{Context, DragValue, RichText, Ui, Window};

use crate::app::App;
use crate::app::format;
use crate::app::jobs::Report;
use crate::app::settings::{MAX_MEMORY, MAX_STORE};
use crate::store::{Inventory, Store};

/// What is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stored {
    pub bytes: u64,
    pub scenes: usize,
}

impl Stored {
    fn of(store: &Store) -> Result<Self, String> {
        let inventory = Inventory::of(store)
            .map_err(|error| format!("cannot look into {}: {error}", store.root.display()))?;
        let scenes: HashSet<&str> =
            inventory.entries.iter().map(|entry| entry.provenance.scene_fingerprint.as_str()).collect();
        Ok(Self { bytes: inventory.bytes(), scenes: scenes.len() })
    }

    fn text(self) -> String {
        match self.scenes {
            0 => "Nothing is stored yet.".to_owned(),
            1 => format!("{} of 1 scene", format::bytes(self.bytes)),
            several => format!("{} of {} scenes", format::bytes(self.bytes), format::count(several)),
        }
    }
}

/// The window and what it knows.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct Preferences {
    open: bool,
    /// What was stored when it was last looked up.
    stored: Option<Result<Stored, String>>,
    looking: bool,
    /// Something may have changed since.
    outdated: bool,
    clearing: Clearing,
    scanning: bool,
}

/// How far it is to an empty store.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Clearing {
    #[default]
    Off,
    /// Whether it is meant.
    Asking,
    Running,
}

impl Preferences {
    pub fn toggle(&mut self) {
        self.open = !self.open;
        if self.clearing == Clearing::Asking {
            self.clearing = Clearing::Off;
        }
        self.outdated |= self.open;
    }

    #[must_use]
    pub fn is_open(&self) -> bool {
        self.open
    }

    /// Whether it is still being looked up what is stored.
    #[cfg(test)]
    pub fn is_looking(&self) -> bool {
        self.looking || self.outdated || self.stored.is_none()
    }

    /// Takes what a job found.
    pub fn take(&mut self, stored: Result<Stored, String>) {
        self.looking = false;
        self.stored = Some(stored);
    }
}

impl App {
    /// The store that scans use, if any.
    #[must_use]
    pub(in crate::app) fn store(&self) -> Option<Store> {
        self.any_store().filter(|_| self.settings.keep_embeddings)
    }

    /// The store, whether it is used or not.
    fn any_store(&self) -> Option<Store> {
        let root = self.store.clone()?;
        Some(Store { root, limit: self.settings.store_limit << 30 })
    }

    /// Has looked up what is stored, when the window is open and that may have changed.
    pub(in crate::app) fn follow_preferences(&mut self) {
        let scanning = self.search.running();
        let ended = std::mem::replace(&mut self.preferences.scanning, scanning) && !scanning;
        self.preferences.outdated |= ended;
        let Preferences { open, looking, outdated, clearing, .. } = self.preferences;
        let Some(store) =
            self.any_store().filter(|_| open && outdated && !looking && clearing != Clearing::Running)
        else {
            return;
        };
        self.preferences.outdated = false;
        self.preferences.looking = self.jobs.start("stored embeddings", move |reporter| {
            reporter.tell(Report::Stored(Stored::of(&store)));
        });
    }

    /// Shows the window while it is open.
    pub(in crate::app) fn show_preferences(&mut self, ctx: &Context) {
        let mut open = self.preferences.open;
        Window::new("Preferences")
            .open(&mut open)
            .collapsible(false)
            .resizable(false)
            .default_width(380.0)
            .anchor(egui::Align2::CENTER_CENTER, egui::Vec2::ZERO)
            .show(ctx, |ui| {
                ui.horizontal(|ui| {
                    let label = ui.label("Memory");
                    let memory = DragValue::new(&mut self.settings.memory)
                        .range(128..=MAX_MEMORY)
                        .speed(16)
                        .suffix(" MiB");
                    ui.add(memory).labelled_by(label.id).on_hover_text(
                        "Memory for pixels of the image, beside the model; counts from the next start on",
                    );
                });
                ui.add_space(6.0);
                ui.label(RichText::new("Stored embeddings").strong().size(14.0));
                self.show_stored(ui);
            });
        self.preferences.open = open && self.preferences.open;
    }

    fn show_stored(&mut self, ui: &mut Ui) {
        if self.store.is_none() {
            ui.weak("Nothing is kept: this window was started without a folder for embeddings.");
            return;
        }
        ui.checkbox(&mut self.settings.keep_embeddings, "Keep embeddings").on_hover_text(
            "Keep on disk what the model saw in each window, so that a scene which was scanned once answers any word \
             at once; counts from the next scan on",
        );
        ui.horizontal(|ui| {
            let label = ui.label("Room on disk");
            let limit = DragValue::new(&mut self.settings.store_limit).range(1..=MAX_STORE).suffix(" GiB");
            ui.add(limit)
                .labelled_by(label.id)
                .on_hover_text("What was not used for longest leaves beyond this, when the next scan begins");
        });
        match &self.preferences.stored {
            None => ui.weak("Looking…"),
            Some(Ok(stored)) => ui.label(stored.text()),
            Some(Err(error)) => ui.colored_label(ui.visuals().error_fg_color, format::sentence(error)),
        };
        if let Some(store) = self.any_store() {
            ui.weak(RichText::new(store.root.display().to_string()).size(12.0))
                .on_hover_text("The folder where they lie");
        }
        self.show_clear(ui);
    }

    /// The button that removes what is stored, and the question whether that is meant.
    fn show_clear(&mut self, ui: &mut Ui) {
        if self.preferences.clearing == Clearing::Running {
            ui.horizontal(|ui| {
                ui.add(egui::Spinner::new().size(14.0));
                ui.weak("Removing…");
            });
            return;
        }
        if self.preferences.clearing == Clearing::Off {
            let some = matches!(&self.preferences.stored, Some(Ok(stored)) if stored.scenes > 0);
            let button = ui.add_enabled(some, egui::Button::new("Clear…"));
            if button.on_hover_text("Remove all stored embeddings").clicked() {
                self.preferences.clearing = Clearing::Asking;
            }
            return;
        }
        ui.label("Remove all stored embeddings? Scenes are then encoded anew.");
        ui.horizontal(|ui| {
            if ui.button("Remove them").on_hover_text("Remove all stored embeddings now").clicked() {
                self.preferences.clearing = Clearing::Off;
                self.clear_store();
            }
            if ui.button("Keep them").on_hover_text("Leave everything as it is").clicked() {
                self.preferences.clearing = Clearing::Off;
            }
        });
    }

    fn clear_store(&mut self) {
        let Some(store) = self.any_store() else { return };
        let started = self.jobs.start("clear embeddings", move |reporter| {
            let cleared = store
                .clear()
                .map_err(|error| format!("cannot clear {}: {error}", store.root.display()))
                .and_then(|()| Stored::of(&store));
            reporter.tell(Report::Cleared(cleared));
        });
        if started {
            self.preferences.clearing = Clearing::Running;
        }
    }

    /// Tells how the clearing went.
    pub(in crate::app) fn cleared(&mut self, cleared: Result<Stored, String>) {
        self.preferences.clearing = Clearing::Off;
        match cleared {
            Ok(left) => {
                self.search.notify(match left.scenes {
                    0 => "Stored embeddings were removed",
                    _ => "Stored embeddings were removed, except for those of the scene at hand",
                });
                self.preferences.stored = Some(Ok(left));
            }
            Err(error) => {
                self.error = Some(error);
                self.preferences.outdated = true;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_is_told_in_a_line() {
        let text = |bytes, scenes| Stored { bytes, scenes }.text();
        assert_eq!(text(0, 0), "Nothing is stored yet.");
        assert_eq!(text(3 << 20, 1), "3.0 MiB of 1 scene");
        assert_eq!(text(5 << 30, 1200), "5.0 GiB of 1,200 scenes");
    }

    #[test]
    fn an_empty_store_holds_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(&folder.path().join("none"));
        assert_eq!(Stored::of(&store), Ok(Stored { bytes: 0, scenes: 0 }));
    }
}

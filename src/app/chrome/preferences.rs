//! The window of preferences: memory, and the embeddings that are kept.

use std::collections::HashSet;
use std::io;
use std::path::PathBuf;

use eframe::egui;
use eframe::egui::{Context, DragValue, RichText, Ui, Window};

use crate::app::action::Action;
use crate::app::format;
use crate::app::jobs::{Job, OutOfThreads};
use crate::app::settings::{MAX_MEMORY, MAX_STORE, Settings};
use crate::store::{Inventory, Store};

/// What is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stored {
    pub bytes: u64,
    pub scenes: usize,
}

/// Why what is stored can't be looked up or removed.
#[derive(Debug, thiserror::Error)]
pub enum StoredError {
    #[error("cannot look into {root}: {source}", root = root.display())]
    Look { root: PathBuf, source: io::Error },
    #[error("cannot clear {root}: {source}", root = root.display())]
    Clear { root: PathBuf, source: io::Error },
    #[error(transparent)]
    Threads(#[from] OutOfThreads),
}

impl Stored {
    fn of(store: &Store) -> Result<Self, StoredError> {
        let failed = |source| StoredError::Look { root: store.root.clone(), source };
        let inventory = Inventory::of(store).map_err(failed)?;
        let scenes: HashSet<&str> =
            inventory.entries.iter().map(|entry| entry.provenance.scene_fingerprint.as_str()).collect();
        Ok(Self { bytes: inventory.bytes(), scenes: scenes.len() })
    }

    /// Removes what is stored. Returns what is left.
    fn clear(store: &Store) -> Result<Self, StoredError> {
        store.clear().map_err(|source| StoredError::Clear { root: store.root.clone(), source })?;
        Self::of(store)
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
#[expect(clippy::struct_excessive_bools, reason = "each may be so or not, whatever the others are")]
#[derive(Default)]
pub struct Preferences {
    open: bool,
    /// What was stored when it was last looked up.
    stored: Option<Result<Stored, StoredError>>,
    looking: Option<Job<Result<Stored, StoredError>>>,
    clearing: Option<Job<Result<Stored, StoredError>>>,
    /// Whether it is being asked if clearing is meant.
    asking: bool,
    /// Something may have changed since.
    outdated: bool,
    scanning: bool,
}

impl Preferences {
    pub fn toggle(&mut self) {
        self.open = !self.open;
        self.asking = false;
        self.outdated |= self.open;
    }

    /// Closes the window. Returns whether it was open.
    pub fn close(&mut self) -> bool {
        let open = self.open;
        if open {
            self.toggle();
        }
        open
    }

    #[cfg(test)]
    pub fn is_open(&self) -> bool {
        self.open
    }

    /// Whether it is still being looked up what is stored.
    #[cfg(test)]
    pub fn is_looking(&self) -> bool {
        self.looking.is_some() || self.outdated || self.stored.is_none()
    }

    /// Takes what jobs found, and has looked up what is stored when the window is open and that may have
    /// changed.
    pub fn poll(&mut self, ctx: &Context, store: Option<Store>, scanning: bool) -> Option<Action> {
        if let Some(stored) = Job::poll(&mut self.looking) {
            self.stored = Some(stored);
        }
        let action = Job::poll(&mut self.clearing).map(|cleared| self.cleared(cleared));
        let ended = std::mem::replace(&mut self.scanning, scanning) && !scanning;
        self.outdated |= ended;
        let idle = self.looking.is_none() && self.clearing.is_none();
        if let Some(store) = store.filter(|_| self.open && self.outdated && idle) {
            self.outdated = false;
            match Job::start(ctx, "stored embeddings", move |_| Stored::of(&store)) {
                Ok(job) => self.looking = Some(job),
                Err(error) => self.stored = Some(Err(error.into())),
            }
        }
        action
    }

    /// Tells how the clearing went.
    fn cleared(&mut self, cleared: Result<Stored, StoredError>) -> Action {
        match cleared {
            Ok(left) => {
                self.stored = Some(Ok(left));
                let notice = match left.scenes {
                    0 => "Stored embeddings were removed",
                    _ => "Stored embeddings were removed, except for those of the scene at hand",
                };
                Action::Notify(notice.to_owned())
            }
            Err(error) => {
                self.outdated = true;
                Action::ShowError(error.to_string())
            }
        }
    }

    /// Shows the window while it is open.
    pub fn ui(&mut self, ctx: &Context, settings: &mut Settings, store: Option<&Store>) {
        let mut open = self.open;
        Window::new("Preferences")
            .open(&mut open)
            .collapsible(false)
            .resizable(false)
            .default_width(380.0)
            .anchor(egui::Align2::CENTER_CENTER, egui::Vec2::ZERO)
            .show(ctx, |ui| {
                ui.horizontal(|ui| {
                    let label = ui.label("Memory");
                    let memory =
                        DragValue::new(&mut settings.memory).range(128..=MAX_MEMORY).speed(16).suffix(" MiB");
                    ui.add(memory).labelled_by(label.id).on_hover_text(
                        "Memory for pixels of the image, beside the model; counts from the next start on",
                    );
                });
                ui.add_space(6.0);
                ui.label(RichText::new("Stored embeddings").strong().size(14.0));
                self.show_stored(ui, settings, store);
            });
        self.open = open && self.open;
    }

    fn show_stored(&mut self, ui: &mut Ui, settings: &mut Settings, store: Option<&Store>) {
        let Some(store) = store else {
            ui.weak("Nothing is kept: this window was started without a folder for embeddings.");
            return;
        };
        ui.checkbox(&mut settings.keep_embeddings, "Keep embeddings").on_hover_text(
            "Keep on disk what the model saw in each window, so that a scene which was scanned once answers any word \
             at once; counts from the next scan on",
        );
        ui.horizontal(|ui| {
            let label = ui.label("Disk limit");
            let limit = DragValue::new(&mut settings.store_limit).range(1..=MAX_STORE).suffix(" GiB");
            ui.add(limit)
                .labelled_by(label.id)
                .on_hover_text("What was not used for longest leaves beyond this, when the next scan begins");
        });
        match &self.stored {
            None => ui.weak("Looking…"),
            Some(Ok(stored)) => ui.label(stored.text()),
            Some(Err(error)) => {
                ui.colored_label(ui.visuals().error_fg_color, format::sentence(&error.to_string()))
            }
        };
        ui.weak(RichText::new(store.root.display().to_string()).size(12.0))
            .on_hover_text("The folder where they lie");
        self.show_clear(ui, store);
    }

    /// The button that removes what is stored, and the question whether that is meant.
    fn show_clear(&mut self, ui: &mut Ui, store: &Store) {
        if self.clearing.is_some() {
            ui.horizontal(|ui| {
                ui.add(egui::Spinner::new().size(14.0));
                ui.weak("Removing…");
            });
            return;
        }
        if !self.asking {
            let some = matches!(&self.stored, Some(Ok(stored)) if stored.scenes > 0);
            let button = ui.add_enabled(some, egui::Button::new("Clear…"));
            if button.on_hover_text("Remove all stored embeddings").clicked() {
                self.asking = true;
            }
            return;
        }
        ui.label("Remove all stored embeddings? Scenes are then encoded anew.");
        ui.horizontal(|ui| {
            if ui.button("Remove them").on_hover_text("Remove all stored embeddings now").clicked() {
                self.asking = false;
                let store = store.clone();
                match Job::start(ui.ctx(), "clear embeddings", move |_| Stored::clear(&store)) {
                    Ok(job) => self.clearing = Some(job),
                    Err(error) => self.stored = Some(Err(error.into())),
                }
            }
            if ui.button("Keep them").on_hover_text("Leave everything as it is").clicked() {
                self.asking = false;
            }
        });
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
        assert_eq!(Stored::of(&store).unwrap(), Stored { bytes: 0, scenes: 0 });
    }
}

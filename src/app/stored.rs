//! A scene whose embeddings are stored answers by itself: it is looked for among what is stored as soon as it
//! and the model are there.

use std::sync::Arc;
use std::time::Duration;

use eframe::egui::Context;

use super::App;
use super::jobs::{Job, Monitor};
use super::search::ModelState;
use crate::raster::Scene;
use crate::store::{Inventory, Store};

/// How often it is looked whether the scene's fingerprint is known.
const PATIENCE: Duration = Duration::from_millis(200);

/// How far looking is.
#[derive(Default)]
pub enum StoredSearch {
    /// Nothing was looked for yet.
    #[default]
    Due,
    Looking(Option<Job<bool>>),
    Done,
}

impl App {
    /// Answers from what is stored, once for each scene, unless something was scanned already.
    pub(super) fn answer_from_store(&mut self, ctx: &Context) {
        if let StoredSearch::Looking(job) = &mut self.stored {
            let found = Job::poll(job);
            if found.is_some() || job.is_none() {
                self.stored = StoredSearch::Done;
            }
            if found == Some(true) && self.search.scanned().is_none() && self.missing().is_none() {
                self.scan();
                self.search.keep_to_what_is_stored();
            }
            return;
        }
        let ModelState::Ready(card) = self.search.model() else { return };
        let idle = self.search.scanned().is_none() && !self.startup.scans_when_ready();
        let ready = matches!(self.stored, StoredSearch::Due) && idle && self.missing().is_none();
        let (Some(scene), Some(store)) = (self.scene.scene(), self.inputs.used_store(&self.settings)) else {
            return;
        };
        if !ready {
            return;
        }
        let (scene, model, dense) = (Arc::clone(scene), card.fingerprint.clone(), self.settings.fine);
        let job =
            Job::start(ctx, "stored scene", move |monitor| is_stored(&scene, &store, &model, dense, monitor));
        self.stored = StoredSearch::Looking(job.ok());
    }
}

/// Whether anything of a scene is stored that a model saw.
fn is_stored(scene: &Arc<Scene>, store: &Store, model: &str, dense: bool, monitor: &Monitor<()>) -> bool {
    let weak = Arc::downgrade(scene);
    while !monitor.is_stopped() && !store.is_empty() {
        // Another scene may have taken its place.
        let Some(scene) = weak.upgrade() else { return false };
        let Some(fingerprint) = scene.fingerprint_within(PATIENCE) else { continue };
        let (Ok(fingerprint), Ok(inventory)) = (fingerprint, Inventory::of(store)) else { return false };
        return inventory.entries.iter().any(|entry| {
            let known = &entry.provenance;
            known.scene_fingerprint == fingerprint
                && known.model_fingerprint == model
                && known.is_dense() == dense
        });
    }
    false
}

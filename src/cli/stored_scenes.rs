//! Which of the stored scenes a command is about, and the images that they were made of.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::bail;

use crate::raster::{Scene, without_secrets};
use crate::scan::{Entry, Provenance};

/// Opens images only where something has to be known of them that isn't stored: their place on the globe.
pub struct StoredScenes {
    /// Those on the command line; none for everything.
    named: Vec<Arc<Scene>>,
    /// By fingerprint; `None` for an image that is gone or was changed.
    opened: HashMap<String, Option<Arc<Scene>>>,
}

impl StoredScenes {
    /// # Errors
    /// When an image can't be opened.
    pub fn named(images: &[PathBuf]) -> anyhow::Result<Self> {
        let open = |path: &PathBuf| Scene::open(path).map(Arc::new);
        let named = images.iter().map(open).collect::<Result<Vec<_>, _>>()?;
        let opened = named.iter().map(|scene| (scene.fingerprint(), Some(Arc::clone(scene)))).collect();
        Ok(Self { named, opened })
    }

    /// The entries of the images that were named, or all.
    ///
    /// # Errors
    /// When there is none, or none of an image that was named.
    pub fn select(&self, mut entries: Vec<Entry>, store: &Path) -> anyhow::Result<Vec<Entry>> {
        let of = |entry: &Entry, scene: &Scene| entry.provenance.scene_fingerprint == scene.fingerprint();
        for scene in &self.named {
            if !entries.iter().any(|entry| of(entry, scene)) {
                let name = scene.info().path.display();
                bail!("{name} is not indexed with this model; run skysift index {name}");
            }
        }
        if entries.is_empty() {
            bail!("nothing is indexed with this model in {}; run skysift index IMAGE first", store.display());
        }
        if !self.named.is_empty() {
            entries.retain(|entry| self.named.iter().any(|scene| of(entry, scene)));
        }
        Ok(entries)
    }

    /// The image of a scene, as long as it is what was indexed.
    pub fn scene(&mut self, provenance: &Provenance) -> Option<Arc<Scene>> {
        let fingerprint = &provenance.scene_fingerprint;
        let open = || {
            let scene = Scene::open(Path::new(&provenance.scene)).ok()?;
            (scene.fingerprint() == *fingerprint).then(|| Arc::new(scene))
        };
        self.opened.entry(fingerprint.clone()).or_insert_with(open).clone()
    }

    /// What to call a scene: the path that it was named by, or else that of its scan.
    pub fn name(&self, provenance: &Provenance) -> String {
        let same = |scene: &&Arc<Scene>| scene.fingerprint() == provenance.scene_fingerprint;
        match self.named.iter().find(same) {
            Some(scene) => scene.info().path.display().to_string(),
            None => without_secrets(Path::new(&provenance.scene)).display().to_string(),
        }
    }
}

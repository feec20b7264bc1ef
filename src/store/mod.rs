//! Embeddings on disk, so that no window is ever encoded twice.
//!
//! An embedding depends on the pixels of its window and on the model, never on what is looked for, nor on the
//! grid that the window belongs to. So a [`Collection`] is that of one scene, model and preprocessing, and
//! its windows are found by their place: the 4 x 4 window of 64 px tiles is the 2 x 2 window of 128 px tiles.
//!
//! A collection is a folder of files that only grow: segments, one for each program that ever added to it. A
//! program holds a lock on its own and reads those of the others.
//!
//! `segment` is such a file, `batch` what it consists of, `checksums` the file beside it that says what is
//! whole; `files` finds them, `writer` appends, `compaction` writes one anew. `manifest` says what a folder
//! is of, `remarks` what was told of the scene. `claims` share the work among programs, `inventory` lists
//! what is stored, `eviction` makes room.

mod batch;
mod checksums;
mod claims;
mod collection;
mod compaction;
mod eviction;
#[cfg(test)]
mod faults;
mod files;
mod inventory;
mod manifest;
mod remarks;
mod segment;
mod writer;

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

pub use batch::Record;
pub(crate) use batch::{StoredBatch, to_half, window_bytes};
pub use collection::Collection;
pub(crate) use collection::WindowId;
pub(crate) use eviction::StoreBudget;
pub use inventory::{Inventory, StoredCollection};
pub(crate) use remarks::lost as lost_remarks;

use crate::fingerprint;

/// What is stored under another number is not found any more; to be raised when windows are read in another
/// way.
const FORMAT: u32 = 2;

/// What made the embeddings of a collection; it stands in each of its files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Provenance {
    /// Path or address of the scene when it was scanned.
    pub scene: PathBuf,
    pub scene_fingerprint: String,
    /// Width and height of the scene in level-0 pixels.
    pub scene_size: (u32, u32),
    pub model: String,
    pub model_fingerprint: String,
    /// How pixels became the model's input.
    pub preprocessing: String,
}

impl Provenance {
    /// What `preprocessing` says of embeddings that were made in bf16.
    pub const BF16: &str = ", bf16";
    /// What `preprocessing` says of the cells of a dense scan.
    pub const CELLS: &'static str = ", cells with what lies around them";

    /// Whether the embeddings are of the cells of a dense scan instead of windows.
    #[must_use]
    pub fn is_dense(&self) -> bool {
        self.preprocessing.contains(Self::CELLS)
    }

    fn to_metadata(&self) -> HashMap<String, String> {
        let pairs = [
            ("format", FORMAT.to_string()),
            ("scene", self.scene.display().to_string()),
            ("scene_fingerprint", self.scene_fingerprint.clone()),
            ("scene_width", self.scene_size.0.to_string()),
            ("scene_height", self.scene_size.1.to_string()),
            ("model", self.model.clone()),
            ("model_fingerprint", self.model_fingerprint.clone()),
            ("preprocessing", self.preprocessing.clone()),
            ("skysift_version", env!("CARGO_PKG_VERSION").to_owned()),
        ];
        pairs.map(|(key, value)| (key.to_owned(), value)).into()
    }

    fn of_metadata(metadata: &arrow_schema::Metadata) -> Self {
        let text = |key: &str| metadata.get(key).cloned().unwrap_or_default();
        let number = |key: &str| text(key).parse().unwrap_or_default();
        Self {
            scene: text("scene").into(),
            scene_fingerprint: text("scene_fingerprint"),
            scene_size: (number("scene_width"), number("scene_height")),
            model: text("model"),
            model_fingerprint: text("model_fingerprint"),
            preprocessing: text("preprocessing"),
        }
    }

    /// The folder's name: the scene's part first, so that all that is stored of it is found by it. The path
    /// isn't in it, so that a scene that was moved or copied keeps its embeddings.
    fn folder(&self) -> String {
        let mut hash = Sha256::new();
        for part in [&self.scene_fingerprint, &self.model_fingerprint, &self.preprocessing] {
            hash.update(part);
            hash.update([0]);
        }
        hash.update(FORMAT.to_le_bytes());
        let mut name = fingerprint::finish(hash);
        name.truncate(24);
        format!("{}-{name}", scene_part(&self.scene_fingerprint))
    }
}

/// What the names of all folders of a scene begin with.
fn scene_part(scene_fingerprint: &str) -> String {
    let mut name = fingerprint::of(scene_fingerprint.as_bytes());
    name.truncate(16);
    name
}

/// Where embeddings are kept, and how many bytes of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Store {
    pub root: PathBuf,
    /// Collections that were not used for longest leave beyond it.
    pub limit: u64,
}

impl Store {
    /// 20 GiB: 20 million windows of a model with 512 values.
    pub const DEFAULT_LIMIT: u64 = 20 << 30;

    #[must_use]
    pub fn new(root: &Path) -> Self {
        Self { root: root.to_owned(), limit: Self::DEFAULT_LIMIT }
    }

    /// Whether nothing is stored, or that can't be known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.folders().is_ok_and(|folders| folders.is_empty())
    }

    /// Notes where a scene was seen, in all that is stored of it: it is looked for there from then on.
    ///
    /// # Errors
    /// When the store can't be read or written.
    pub fn note_place(&self, scene_fingerprint: &str, place: &Path) -> io::Result<()> {
        let part = scene_part(scene_fingerprint);
        let of_scene = |folder: &PathBuf| {
            folder.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(part.as_bytes()))
        };
        for folder in self.folders()?.into_iter().filter(of_scene) {
            let (manifest, _) = inventory::manifest_of(&folder)?;
            let Some(mut manifest) = manifest.filter(|manifest| manifest.is_of(scene_fingerprint)) else {
                continue;
            };
            manifest.move_to(place);
            manifest.write(&folder)?;
        }
        Ok(())
    }

    /// The folder of this user's data. A user without a home has at least a temporary one.
    #[must_use]
    pub fn user_folder() -> PathBuf {
        let folders = directories::ProjectDirs::from("", "", "skysift");
        let data = folders.map_or_else(|| std::env::temp_dir().join("skysift"), |f| f.data_dir().to_owned());
        data.join("embeddings")
    }
}

//! The inventory of a store: which scenes by which models, and how large.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::files::{EXTENSION, files};
use super::manifest::Manifest;
use super::{FORMAT, Provenance, Store, segment};

/// The embeddings of one scene by one model, as they lie on disk.
#[derive(Clone, Debug)]
pub struct StoredCollection {
    pub folder: PathBuf,
    pub provenance: Provenance,
    /// Where the scene was seen, the latest place first.
    pub places: Vec<PathBuf>,
    pub bytes: u64,
    /// When something was last added, or the scene was last scanned.
    pub used: SystemTime,
}

/// Everything in a store, what was used last first.
#[derive(Clone, Debug, Default)]
pub struct Inventory {
    pub entries: Vec<StoredCollection>,
    /// Sentences on what is stored and damaged.
    pub damaged: Vec<String>,
    /// What earlier versions stored, which is not read any more and leaves first.
    pub outdated_bytes: u64,
}

impl Inventory {
    /// Looks through a store, with one small file a scene; one that isn't there is empty.
    ///
    /// # Errors
    /// When the folder can't be read.
    pub fn of(store: &Store) -> io::Result<Self> {
        let mut inventory = Self::default();
        for folder in store.folders()? {
            let Some((bytes, used)) = measure(&folder)? else { continue };
            let (manifest, is_damaged) = manifest_of(&folder)?;
            let Some(manifest) = manifest else {
                if is_damaged {
                    let folder = folder.display();
                    inventory.damaged.push(format!("what {folder} holds is damaged and left out"));
                } else {
                    inventory.outdated_bytes += bytes;
                }
                continue;
            };
            let (provenance, places) = (manifest.provenance(), manifest.places());
            inventory.entries.push(StoredCollection { folder, provenance, places, bytes, used });
        }
        inventory.entries.sort_by(|a, b| b.used.cmp(&a.used).then_with(|| a.folder.cmp(&b.folder)));
        Ok(inventory)
    }

    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.outdated_bytes + self.entries.iter().map(|entry| entry.bytes).sum::<u64>()
    }
}

/// What a folder is of, if that is embeddings of this version, and whether what says so is damaged. Files of
/// embeddings say it, too.
pub(super) fn manifest_of(folder: &Path) -> io::Result<(Option<Manifest>, bool)> {
    let is_damaged = match Manifest::read(folder) {
        Ok(Some(manifest)) => return Ok((Some(manifest), false)),
        Ok(None) => false,
        Err(error) if error.kind() == io::ErrorKind::InvalidData => true,
        Err(error) => return Err(error),
    };
    for path in files(folder)? {
        let Ok(file) = File::open(path) else { continue };
        let Some(schema) = segment::schema_of(&file)? else { continue };
        let provenance = Provenance::of_metadata(schema.metadata());
        if let Some(length) = segment::embedding_len(&schema)
            && schema.metadata().get("format").is_some_and(|format| *format == FORMAT.to_string())
            // Where it lies says whether what stands there is whole.
            && folder.ends_with(provenance.folder())
        {
            return Ok((Some(Manifest::new(&provenance, length)), false));
        }
    }
    Ok((None, is_damaged))
}

/// Whether a folder holds embeddings, of this version or an earlier one.
pub(super) fn is_ours(folder: &Path) -> io::Result<bool> {
    if Manifest::exists(folder) {
        return Ok(true);
    }
    for path in files(folder)? {
        let Ok(file) = File::open(path) else { continue };
        let is_ours = |schema: arrow_schema::Schema| schema.metadata().contains_key("scene_fingerprint");
        if segment::schema_of(&file)?.is_some_and(is_ours) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The bytes of a collection and when it was last used, without a look into its files; `None` for a folder
/// that holds no embeddings.
pub(super) fn measure(folder: &Path) -> io::Result<Option<(u64, SystemTime)>> {
    let (mut is_collection, mut bytes, mut used) = (Manifest::exists(folder), 0, SystemTime::UNIX_EPOCH);
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        // Another program makes room, too.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    for file in entries {
        let file = file?;
        // It may be gone by now.
        let Ok(metadata) = file.metadata() else { continue };
        is_collection |= file.path().extension().is_some_and(|extension| extension == EXTENSION);
        bytes += metadata.len();
        used = used.max(metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH));
    }
    Ok(is_collection.then_some((bytes, used)))
}

//! What is stored: which scenes by which models, and how large.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::collection::{EXTENSION, segments};
use super::{Provenance, Store, segment};

/// The embeddings of one scene by one model, as they lie on disk.
#[derive(Clone, Debug)]
pub struct Entry {
    pub folder: PathBuf,
    pub provenance: Provenance,
    pub bytes: u64,
    /// When something was last added, or the scene was last scanned.
    pub used: SystemTime,
}

/// Everything in a store, what was used last first.
#[derive(Clone, Debug, Default)]
pub struct Inventory {
    pub entries: Vec<Entry>,
}

impl Inventory {
    /// Looks through a store; one that isn't there is empty.
    ///
    /// # Errors
    /// When the folder can't be read.
    pub fn of(store: &Store) -> io::Result<Self> {
        let mut entries = Vec::new();
        for folder in store.folders()? {
            entries.extend(entry(&folder)?);
        }
        entries.sort_by(|a, b| b.used.cmp(&a.used).then_with(|| a.folder.cmp(&b.folder)));
        Ok(Self { entries })
    }

    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.entries.iter().map(|entry| entry.bytes).sum()
    }
}

/// What a folder holds, if that is embeddings.
pub(super) fn entry(folder: &Path) -> io::Result<Option<Entry>> {
    let Some((bytes, used)) = measure(folder)? else { return Ok(None) };
    for path in segments(folder)? {
        if let Ok(Some((provenance, _))) = segment::about(&File::open(path)?) {
            return Ok(Some(Entry { folder: folder.to_owned(), provenance, bytes, used }));
        }
    }
    Ok(None)
}

/// The bytes of a collection and when it was last used, without a look into its files; `None` for a folder that holds
/// no embeddings.
pub(super) fn measure(folder: &Path) -> io::Result<Option<(u64, SystemTime)>> {
    let (mut is_collection, mut bytes, mut used) = (false, 0, SystemTime::UNIX_EPOCH);
    for file in fs::read_dir(folder)? {
        let file = file?;
        // It may be gone by now: another program makes room, too.
        let Ok(metadata) = file.metadata() else { continue };
        is_collection |= file.path().extension().is_some_and(|extension| extension == EXTENSION);
        bytes += metadata.len();
        used = used.max(metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH));
    }
    Ok(is_collection.then_some((bytes, used)))
}

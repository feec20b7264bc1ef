//! What is stored: which scenes by which models, how large, and how to make room.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::collection::EXTENSION;
use super::writer::lock_path;
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
            if folder.is_dir()
                && let Some(entry) = entry(&folder)?
            {
                entries.push(entry);
            }
        }
        entries.sort_by(|a, b| b.used.cmp(&a.used).then_with(|| a.folder.cmp(&b.folder)));
        Ok(Self { entries })
    }

    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.entries.iter().map(|entry| entry.bytes).sum()
    }
}

fn entry(folder: &Path) -> io::Result<Option<Entry>> {
    let (mut provenance, mut bytes, mut used) = (None, 0, SystemTime::UNIX_EPOCH);
    for file in fs::read_dir(folder)? {
        let file = file?;
        // It may be gone by now: another program makes room, too.
        let Ok(metadata) = file.metadata() else { continue };
        bytes += metadata.len();
        used = used.max(metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH));
        let path = file.path();
        if provenance.is_none() && path.extension().is_some_and(|extension| extension == EXTENSION) {
            provenance = segment::about(&File::open(path)?).ok().flatten().map(|(provenance, _)| provenance);
        }
    }
    let entry = |provenance| Entry { folder: folder.to_owned(), provenance, bytes, used };
    Ok(provenance.map(entry))
}

impl Store {
    /// Removes all embeddings that no program adds to at the moment.
    ///
    /// # Errors
    /// When something can't be removed.
    pub fn clear(&self) -> io::Result<()> {
        for folder in self.folders()? {
            remove(&folder)?;
        }
        Ok(())
    }

    /// What lies in the store; nothing where there is none yet.
    fn folders(&self) -> io::Result<Vec<PathBuf>> {
        match fs::read_dir(&self.root) {
            Ok(folders) => folders.map(|folder| Ok(folder?.path())).collect(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// Removes what was not used for longest until the store is within its limit.
    ///
    /// # Errors
    /// As [`Inventory::of`] and [`Self::clear`].
    pub fn make_room(&self) -> io::Result<()> {
        let inventory = Inventory::of(self)?;
        let mut bytes = inventory.bytes();
        for entry in inventory.entries.iter().rev() {
            if bytes <= self.limit {
                break;
            }
            if remove(&entry.folder)? {
                bytes -= entry.bytes;
            }
        }
        Ok(())
    }
}

/// Removes a collection unless a program adds to it. Returns whether it is gone.
fn remove(folder: &Path) -> io::Result<bool> {
    let mut locks = Vec::new();
    for file in fs::read_dir(folder)? {
        let path = file?.path();
        if path.extension().is_some_and(|extension| extension == EXTENSION) {
            let lock = OpenOptions::new().create(true).truncate(false).write(true).open(lock_path(&path))?;
            match lock.try_lock() {
                Ok(()) => locks.push(lock),
                Err(fs::TryLockError::WouldBlock) => return Ok(false),
                Err(fs::TryLockError::Error(error)) => return Err(error),
            }
        }
    }
    fs::remove_dir_all(folder)?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::super::{Collection, Record, WindowKey, to_half};
    use super::*;

    fn add(store: &Store, scene: &str) -> Collection {
        let provenance = Provenance {
            scene: scene.to_owned(),
            scene_fingerprint: scene.to_owned(),
            ..Provenance::default()
        };
        let (mut collection, _) = Collection::open(Some(store), provenance, 2).unwrap();
        let key = WindowKey { x: 0, y: 0, side: 9 };
        collection.append(&[Record { key, nodata: 0.0, embedding: to_half(&[1.0, 0.0]) }]).unwrap();
        collection
    }

    #[test]
    fn the_oldest_leave_first_and_what_is_in_use_stays() {
        let root = tempfile::tempdir().unwrap();
        let mut store = Store::new(root.path());
        drop(add(&store, "old"));
        std::thread::sleep(std::time::Duration::from_millis(20));
        let in_use = add(&store, "in use");
        std::thread::sleep(std::time::Duration::from_millis(20));
        drop(add(&store, "new"));
        let scenes = |store: &Store| -> Vec<String> {
            let entries = Inventory::of(store).unwrap().entries;
            entries.into_iter().map(|entry| entry.provenance.scene).collect()
        };
        assert_eq!(scenes(&store), ["new", "in use", "old"]);
        let each = Inventory::of(&store).unwrap().bytes() / 3;
        store.limit = 2 * each + each / 2;
        store.make_room().unwrap();
        assert_eq!(scenes(&store), ["new", "in use"]);
        store.clear().unwrap();
        assert_eq!(scenes(&store), ["in use"]);
        drop(in_use);
        store.clear().unwrap();
        assert!(scenes(&store).is_empty());
        assert!(Inventory::of(&Store::new(&root.path().join("none"))).unwrap().entries.is_empty());
    }
}

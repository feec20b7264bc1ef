//! Eviction: removing what was not used for longest, and when there is need to.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use super::Store;
use super::files::{files, lock_path};
use super::inventory::{is_ours, measure};

/// How much may be added to a store before it has to be looked through.
#[derive(Default)]
pub struct StoreBudget {
    store: Option<Store>,
    /// What was left when it was last looked through, less what may have been added since.
    bytes: u64,
}

impl StoreBudget {
    /// Removes old embeddings if `bytes` more may take a store past its limit. Only then it is looked
    /// through, and what other programs added counts: with many scenes that takes longer than a small scan.
    ///
    /// # Errors
    /// When the store can't be read, or something can't be removed.
    pub fn make_room(&mut self, store: &Store, bytes: u64) -> io::Result<()> {
        if self.store.as_ref() != Some(store) || self.bytes < bytes {
            self.bytes = store.limit.saturating_sub(store.evict()?);
            self.store = Some(store.clone());
        }
        self.bytes = self.bytes.saturating_sub(bytes);
        Ok(())
    }
}

impl Store {
    /// Removes all embeddings that no program adds to at the moment.
    ///
    /// # Errors
    /// When something can't be removed.
    pub fn clear(&self) -> io::Result<()> {
        for folder in self.folders()? {
            if is_ours(&folder)? {
                remove(&folder)?;
            }
        }
        Ok(())
    }

    /// The folders in the store; none where it isn't there yet.
    pub(super) fn folders(&self) -> io::Result<Vec<PathBuf>> {
        match fs::read_dir(&self.root) {
            Ok(folders) => {
                let paths = folders.map(|folder| Ok(folder?.path()));
                paths.filter(|path| path.as_ref().map_or(true, |path| path.is_dir())).collect()
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// Removes what was not used for longest until the store is within its limit. Returns the bytes that it
    /// holds then.
    ///
    /// # Errors
    /// When a folder can't be read, or as [`Self::clear`].
    fn evict(&self) -> io::Result<u64> {
        let mut kept = Vec::new();
        for folder in self.folders()? {
            if let Some((bytes, used)) = measure(&folder)? {
                kept.push((used, folder, bytes));
            }
        }
        kept.sort();
        let mut total: u64 = kept.iter().map(|(_, _, bytes)| bytes).sum();
        for (_, folder, bytes) in kept {
            if total <= self.limit {
                break;
            }
            // Files of other kinds may have the same ending.
            if is_ours(&folder)? && remove(&folder)? {
                total -= bytes;
            }
        }
        Ok(total)
    }
}

/// Removes a collection unless a program adds to it. Returns whether it is gone.
fn remove(folder: &Path) -> io::Result<bool> {
    let mut locks = Vec::new();
    for path in files(folder)? {
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(lock_path(&path))?;
        match lock.try_lock() {
            Ok(()) => locks.push(lock),
            Err(fs::TryLockError::WouldBlock) => return Ok(false),
            Err(fs::TryLockError::Error(error)) => return Err(error),
        }
    }
    fs::remove_dir_all(folder)?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Collection, Inventory, Provenance, Record, to_half};
    use crate::windows::WindowKey;

    fn add(store: &Store, scene: &str) -> Collection {
        let provenance =
            Provenance { scene: scene.into(), scene_fingerprint: scene.to_owned(), ..Provenance::default() };
        let mut collection = Collection::open(Some(store), provenance, 2).unwrap();
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
            entries.into_iter().map(|entry| entry.provenance.scene.display().to_string()).collect()
        };
        assert_eq!(scenes(&store), ["new", "in use", "old"]);
        let each = Inventory::of(&store).unwrap().bytes() / 3;
        store.limit = 2 * each + each / 2;
        let left = store.evict().unwrap();
        assert_eq!(scenes(&store), ["new", "in use"]);
        assert_eq!(left, Inventory::of(&store).unwrap().bytes());
        store.clear().unwrap();
        assert_eq!(scenes(&store), ["in use"]);
        drop(in_use);
        store.clear().unwrap();
        assert!(scenes(&store).is_empty());
        assert!(Inventory::of(&Store::new(&root.path().join("none"))).unwrap().entries.is_empty());
    }

    #[test]
    fn a_store_is_looked_through_only_when_it_may_be_full() {
        let root = tempfile::tempdir().unwrap();
        let mut store = Store::new(root.path());
        let collections = ["a", "b", "c"].map(|scene| add(&store, scene));
        drop(collections);
        let bytes = |store: &Store| Inventory::of(store).unwrap().bytes();
        let each = bytes(&store) / 3;
        store.limit = 4 * each;
        let mut budget = StoreBudget::default();
        budget.make_room(&store, each / 2).unwrap();
        drop(["d", "e"].map(|scene| add(&store, scene)));
        budget.make_room(&store, each / 2).unwrap();
        assert_eq!(bytes(&store), 5 * each, "as far as it knows there is room");
        budget.make_room(&store, 1).unwrap();
        assert_eq!(bytes(&store), 4 * each);
        store.limit = 3 * each;
        budget.make_room(&store, 0).unwrap();
        assert_eq!(bytes(&store), 3 * each, "another limit is another store");
    }
}

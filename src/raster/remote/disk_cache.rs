//! Blocks that were fetched from servers, kept on disk.
//!
//! There is one file per block, in a folder named by a hash of address, version and length: another version
//! has another folder, and the old one is evicted sooner or later. Each file ends with a hash of its bytes,
//! since a power cut may leave zeros behind. If the disk is full or can't be written to, the cache is turned
//! off, and nothing else changes.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use sha2::{Digest, Sha256};

use super::RemoteOptions;
use super::source::{BLOCK_BYTES, Block};
use crate::atomic::NewFile;
use crate::fingerprint;
use crate::notices::Notices;
use crate::raster::cache::eviction::{CachedFile, evict, touch};
use crate::raster::storage::Storage;

const HASH_BYTES: usize = 32;
/// After writing this many bytes, the folder is measured again, since other scenes and programs write to it,
/// too.
const MEASURE_AFTER: u64 = 256 << 20;

/// The cached blocks of one file.
pub(super) struct DiskCache {
    /// The folder for all files.
    root: PathBuf,
    folder: PathBuf,
    max_bytes: u64,
    /// Bytes in `root`, as far as known.
    held: AtomicU64,
    /// Bytes written since that was measured.
    written: AtomicU64,
    off: AtomicBool,
    /// Receives a notice when the cache is turned off.
    notices: Notices,
}

impl DiskCache {
    /// The cache for one version of the file at an address.
    pub fn new(options: &RemoteOptions, address: &str, version: &str, notices: &Notices) -> Option<Self> {
        if options.cache_bytes == 0 {
            return None;
        }
        let root = options.cache.clone().unwrap_or_else(Storage::user_cache).join("remote");
        let folder = root.join(fingerprint::of(format!("{address}\n{version}").as_bytes()));
        Some(Self {
            held: AtomicU64::new(list(&root).iter().map(|file| file.bytes).sum()),
            root,
            folder,
            max_bytes: options.cache_bytes,
            written: AtomicU64::new(0),
            off: AtomicBool::new(false),
            notices: notices.clone(),
        })
    }

    /// A block of `length` bytes, if it is cached and intact.
    pub fn get(&self, index: u64, length: usize) -> Option<Block> {
        let path = self.path(index);
        let mut bytes = Vec::with_capacity(length + HASH_BYTES);
        let file = File::open(&path).ok()?;
        (&file).take(BLOCK_BYTES + HASH_BYTES as u64 + 1).read_to_end(&mut bytes).ok()?;
        let (block, hash) = bytes.split_at_checked(length)?;
        if Sha256::digest(block).as_slice() != hash {
            return None;
        }
        // If that fails, the block is evicted earlier.
        let _ = touch(&path);
        Some(Block::from(block))
    }

    /// Caches a block, if possible.
    pub fn put(&self, index: u64, block: &[u8]) {
        if self.off.load(Ordering::Relaxed) {
            return;
        }
        match self.write(index, block) {
            Ok(()) => self.evict((block.len() + HASH_BYTES) as u64),
            Err(error) => {
                if !self.off.swap(true, Ordering::Relaxed) {
                    let folder = self.root.display();
                    self.notices.advise(format!(
                        "what the server sends can't be kept in {folder} and is fetched anew each time: {error}"
                    ));
                }
            }
        }
    }

    fn write(&self, index: u64, block: &[u8]) -> io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        let new = NewFile::beside(&self.path(index))?;
        new.file().write_all(block)?;
        new.file().write_all(&Sha256::digest(block))?;
        new.finish()
    }

    /// Removes the least recently used blocks if need be, a tenth more than necessary so that this happens
    /// rarely.
    fn evict(&self, added: u64) {
        let held = self.held.fetch_add(added, Ordering::Relaxed) + added;
        let written = self.written.fetch_add(added, Ordering::Relaxed) + added;
        if held <= self.max_bytes && written < MEASURE_AFTER {
            return;
        }
        self.written.store(0, Ordering::Relaxed);
        let files = list(&self.root);
        let held: u64 = files.iter().map(|file| file.bytes).sum();
        let held = if held > self.max_bytes { evict(files, self.max_bytes / 10 * 9, None) } else { held };
        self.held.store(held, Ordering::Relaxed);
    }

    fn path(&self, index: u64) -> PathBuf {
        self.folder.join(index.to_string())
    }
}

/// All blocks of all files.
fn list(root: &Path) -> Vec<CachedFile> {
    let entries = |folder: &Path| fs::read_dir(folder).into_iter().flatten().flatten();
    let files = entries(root).flat_map(|folder| entries(&folder.path()));
    files.filter_map(|entry| CachedFile::of(&entry)).collect()
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;

    fn cache(folder: &Path, bytes: u64, version: &str) -> DiskCache {
        let options =
            RemoteOptions { cache: Some(folder.to_owned()), cache_bytes: bytes, ..RemoteOptions::default() };
        DiskCache::new(&options, "https://host/a.tif", version, &Notices::default()).unwrap()
    }

    #[test]
    fn what_was_put_is_found_again_in_the_same_version() {
        let folder = tempfile::tempdir().unwrap();
        cache(folder.path(), 1 << 20, "1").put(3, b"abc");
        let again = cache(folder.path(), 1 << 20, "1");
        assert_eq!(again.get(3, 3).as_deref(), Some(&b"abc"[..]));
        assert_eq!(again.get(3, 4), None);
        assert_eq!(again.get(4, 3), None);
        assert_eq!(cache(folder.path(), 1 << 20, "2").get(3, 3), None);
        fs::write(again.path(3), [0; 3 + HASH_BYTES]).unwrap();
        assert_eq!(again.get(3, 3), None, "zeros after a power cut");
    }

    #[test]
    fn the_least_recently_used_leaves_first_across_scenes() {
        let folder = tempfile::tempdir().unwrap();
        let budget = 10 * (100 + HASH_BYTES as u64);
        let old = cache(folder.path(), budget, "old");
        let long_ago = SystemTime::now() - Duration::from_hours(1);
        for index in 0..4 {
            old.put(index, &[1; 100]);
            File::options().append(true).open(old.path(index)).unwrap().set_modified(long_ago).unwrap();
        }
        assert!(old.get(0, 100).is_some(), "used again");
        let new = cache(folder.path(), budget, "new");
        for index in 0..8 {
            new.put(index, &[2; 100]);
        }
        let held: u64 = list(&old.root).iter().map(|file| file.bytes).sum();
        assert!(held <= budget, "{held}");
        assert!(old.get(0, 100).is_some() && new.get(7, 100).is_some());
        assert_eq!((1..4).filter(|index| old.get(*index, 100).is_some()).count(), 1);
    }

    #[test]
    fn a_place_that_cannot_be_written_turns_it_off() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        let cache = cache(&file, 1 << 20, "1");
        cache.put(0, b"abc");
        assert!(cache.off.load(Ordering::Relaxed) && cache.get(0, 3).is_none());
        assert_eq!(cache.notices.list().len(), 1);
    }
}

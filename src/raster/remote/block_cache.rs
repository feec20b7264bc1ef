//! What was fetched from servers, kept on disk for the next time.
//!
//! One file a block, in a folder named by the hash of address, version and length: another version is another
//! folder, and the old one leaves when its turn comes. Each file ends with the hash of its bytes, since a
//! power cut may leave zeros behind. A disk that is full or can't be written turns the cache off and changes
//! nothing else.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::SystemTime;

use sha2::{Digest, Sha256};

use super::RemoteOptions;
use super::source::{BLOCK, Block};
use crate::fingerprint;
use crate::notices::Notices;
use crate::raster::Storage;

const HASH: usize = 32;
/// After so many bytes the folder is measured again: other scenes and programs write into it, too.
const MEASURE_AFTER: u64 = 256 << 20;

/// The blocks of one file.
pub(super) struct BlockCache {
    /// For all files.
    root: PathBuf,
    folder: PathBuf,
    most: u64,
    /// Bytes in `root`, as far as is known.
    held: AtomicU64,
    /// Bytes written since that was measured.
    written: AtomicU64,
    off: AtomicBool,
    /// Told when it is off.
    notices: Notices,
}

impl BlockCache {
    /// The place of one version of the file at an address.
    pub fn new(options: &RemoteOptions, address: &str, version: &str, notices: &Notices) -> Option<Self> {
        if options.cache_bytes == 0 {
            return None;
        }
        let root = options.cache.clone().unwrap_or_else(Storage::user_cache).join("remote");
        let folder = root.join(fingerprint::of(format!("{address}\n{version}").as_bytes()));
        Some(Self {
            held: AtomicU64::new(measure(&root).iter().map(|file| file.bytes).sum()),
            root,
            folder,
            most: options.cache_bytes,
            written: AtomicU64::new(0),
            off: AtomicBool::new(false),
            notices: notices.clone(),
        })
    }

    /// A block of so many bytes, if it's there and whole.
    pub fn get(&self, index: u64, length: usize) -> Option<Block> {
        let path = self.path(index);
        let mut bytes = Vec::with_capacity(length + HASH);
        let file = File::open(&path).ok()?;
        (&file).take(BLOCK + HASH as u64 + 1).read_to_end(&mut bytes).ok()?;
        let (block, hash) = bytes.split_at_checked(length)?;
        if Sha256::digest(block).as_slice() != hash {
            return None;
        }
        // The time of the last change serves as that of the last use, which most systems don't keep.
        if let Ok(file) = File::options().append(true).open(&path) {
            let _ = file.set_modified(SystemTime::now());
        }
        Some(Block::from(block))
    }

    /// Keeps a block, if that can be done.
    pub fn put(&self, index: u64, block: &[u8]) {
        if self.off.load(Ordering::Relaxed) {
            return;
        }
        match self.write(index, block) {
            Ok(()) => self.make_room((block.len() + HASH) as u64),
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
        let mut file = tempfile::NamedTempFile::new_in(&self.folder).map_err(crate::atomic::plain)?;
        file.write_all(block)?;
        file.write_all(&Sha256::digest(block))?;
        file.persist(self.path(index)).map_err(|error| error.error)?;
        Ok(())
    }

    /// Has the least recently used leave, a tenth more than needed so that this is done seldom.
    fn make_room(&self, added: u64) {
        let held = self.held.fetch_add(added, Ordering::Relaxed) + added;
        let written = self.written.fetch_add(added, Ordering::Relaxed) + added;
        if held <= self.most && written < MEASURE_AFTER {
            return;
        }
        self.written.store(0, Ordering::Relaxed);
        let mut files = measure(&self.root);
        let mut held: u64 = files.iter().map(|file| file.bytes).sum();
        if held > self.most {
            files.sort_by_key(|file| file.used);
            for file in files {
                if held <= self.most / 10 * 9 {
                    break;
                }
                if fs::remove_file(&file.path).is_ok() {
                    held = held.saturating_sub(file.bytes);
                    // Only a folder that became empty can be removed.
                    let _ = file.path.parent().map(fs::remove_dir);
                }
            }
        }
        self.held.store(held, Ordering::Relaxed);
    }

    fn path(&self, index: u64) -> PathBuf {
        self.folder.join(index.to_string())
    }
}

struct KeptFile {
    path: PathBuf,
    bytes: u64,
    used: SystemTime,
}

/// All files of all scenes.
fn measure(root: &Path) -> Vec<KeptFile> {
    let entries = |folder: &Path| fs::read_dir(folder).into_iter().flatten().flatten();
    let files = entries(root).flat_map(|folder| entries(&folder.path()));
    files
        .filter_map(|entry| {
            let metadata = entry.metadata().ok().filter(fs::Metadata::is_file)?;
            let used = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
            Some(KeptFile { path: entry.path(), bytes: metadata.len(), used })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn cache(folder: &Path, bytes: u64, version: &str) -> BlockCache {
        let options =
            RemoteOptions { cache: Some(folder.to_owned()), cache_bytes: bytes, ..RemoteOptions::default() };
        BlockCache::new(&options, "https://host/a.tif", version, &Notices::default()).unwrap()
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
        fs::write(again.path(3), [0; 3 + HASH]).unwrap();
        assert_eq!(again.get(3, 3), None, "zeros after a power cut");
    }

    #[test]
    fn the_least_recently_used_leaves_first_across_scenes() {
        let folder = tempfile::tempdir().unwrap();
        let room = 10 * (100 + HASH as u64);
        let old = cache(folder.path(), room, "old");
        let long_ago = SystemTime::now() - Duration::from_hours(1);
        for index in 0..4 {
            old.put(index, &[1; 100]);
            File::options().append(true).open(old.path(index)).unwrap().set_modified(long_ago).unwrap();
        }
        assert!(old.get(0, 100).is_some(), "used again");
        let new = cache(folder.path(), room, "new");
        for index in 0..8 {
            new.put(index, &[2; 100]);
        }
        let held: u64 = measure(&old.root).iter().map(|file| file.bytes).sum();
        assert!(held <= room, "{held}");
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

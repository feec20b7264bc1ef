//! The folder for what Skysift makes from a user's files and can make again: overviews and decoded pictures.
//!
//! A file's name there is a hash of the path and the stamp (size, times, inode) of what it was made from, so
//! that a file made from an earlier state is never found. Files are written under a temporary name and then
//! renamed. Once the folder is over its budget, the least recently used files are removed.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;

use super::eviction::{self, CachedFile};
use super::file_stamp::FileStamp;
use crate::atomic::plain;
use crate::raster::storage::Storage;

/// The prefix of files that are being written, by which those that killed programs left behind are found.
const UNFINISHED: &str = ".unfinished-";
/// A younger file may not be locked yet by the program that is writing it.
const MIN_ABANDONED_AGE: Duration = Duration::from_mins(1);

/// The folder; `None` when nothing is cached.
pub(in crate::raster) fn path(storage: &Storage) -> Option<PathBuf> {
    Some(storage.cache.as_ref()?.join("overviews"))
}

/// A hash of a format's version and of some files' paths and stamps; `None` when one of them isn't there.
pub(in crate::raster) fn state_hash(version: u32, files: &[PathBuf]) -> Option<Sha256> {
    let mut hash = Sha256::new_with_prefix(version.to_le_bytes());
    for file in files {
        let file = fs::canonicalize(file).ok()?;
        hash.update(file.as_os_str().as_encoded_bytes());
        FileStamp::of(&file).ok()?.add_to(&mut hash);
    }
    Some(hash)
}

/// Creates a file, locked so that no other program takes it for abandoned.
///
/// # Errors
/// When the folder can't be written to.
pub(in crate::raster) fn create(folder: &Path) -> io::Result<NamedTempFile> {
    let file = tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(folder).map_err(plain)?;
    file.as_file().try_lock().map_err(io::Error::from)?;
    Ok(file)
}

/// Gives a complete file its name, and evicts others if need be.
///
/// # Errors
/// When it can't be renamed; the file is gone then.
pub(in crate::raster) fn finish(file: NamedTempFile, name: &Path, budget: u64) -> io::Result<File> {
    let kept = file.persist(name).map_err(|error| error.error)?;
    // On some systems a lock would keep other programs from reading it.
    kept.unlock()?;
    if let Some(folder) = name.parent() {
        clean_up(folder, name, budget);
    }
    Ok(kept)
}

/// Marks a file as just used; the least recently used one is evicted first.
pub(in crate::raster) fn touch(file: &Path) {
    if let Err(error) = eviction::touch(file) {
        log::debug!("{} keeps its old date: {error}", file.display());
    }
}

/// Whether a folder can be written to. If not, nothing is cached, and is made again the next time.
pub(in crate::raster) fn is_usable(folder: &Path) -> bool {
    let usable = fs::create_dir_all(folder).and_then(|()| tempfile::tempfile_in(folder).map(drop));
    if let Err(error) = &usable {
        log::warn!(
            "nothing is kept for the next time, since {} can't be written to: {error}",
            folder.display()
        );
    }
    usable.is_ok()
}

/// Removes what killed programs left behind, and the least recently used files beyond the budget in bytes,
/// but never `newest`.
fn clean_up(folder: &Path, newest: &Path, budget: u64) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let mut files = Vec::new();
    for entry in entries.flatten() {
        let Some(file) = CachedFile::of(&entry) else { continue };
        if !entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
            files.push(file);
        } else if file.used.elapsed().is_ok_and(|age| age > MIN_ABANDONED_AGE) {
            remove_if_abandoned(&file.path);
        }
    }
    eviction::evict(files, budget, Some(newest));
}

/// Removes a file unless it is locked by the program that is writing it.
fn remove_if_abandoned(file: &Path) {
    let unlocked = File::open(file).and_then(|file| file.try_lock().map_err(io::Error::from));
    if unlocked.is_ok()
        && let Err(error) = fs::remove_file(file)
    {
        log::debug!("{} stays: {error}", file.display());
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    fn file(folder: &Path, name: &str, bytes: usize, age: u64) -> PathBuf {
        let path = folder.join(name);
        fs::write(&path, vec![0; bytes]).unwrap();
        let date = SystemTime::now() - Duration::from_secs(age);
        File::options().append(true).open(&path).unwrap().set_modified(date).unwrap();
        path
    }

    #[test]
    fn the_oldest_leave_and_the_newest_stays() {
        let folder = tempfile::tempdir().unwrap();
        let [old, used, new] = [("a.tif", 300), ("b.tif", 200), ("c.tif", 100)]
            .map(|(name, age)| file(folder.path(), name, 100, age));
        clean_up(folder.path(), &new, 250);
        assert_eq!([old.exists(), used.exists(), new.exists()], [false, true, true]);
        clean_up(folder.path(), &new, 10);
        assert_eq!([used.exists(), new.exists()], [false, true]);
    }

    #[test]
    fn what_killed_programs_left_is_removed_and_what_is_being_written_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let abandoned = file(folder.path(), ".unfinished-a", 10, 1000);
        let written = file(folder.path(), ".unfinished-b", 10, 1000);
        let fresh = file(folder.path(), ".unfinished-c", 10, 0);
        let lock = File::open(&written).unwrap();
        lock.try_lock().unwrap();
        clean_up(folder.path(), Path::new("none"), u64::MAX);
        assert_eq!([abandoned.exists(), written.exists(), fresh.exists()], [false, true, true]);
    }

    #[test]
    fn a_folder_that_cannot_be_written_to_is_none() {
        let folder = tempfile::tempdir().unwrap();
        assert!(is_usable(&folder.path().join("new/folder")));
        assert!(!is_usable(&file(folder.path(), "a file", 1, 0).join("below")));
    }
}

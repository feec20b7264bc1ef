//! The folder of this user for what Skysift made from files and can make again: overviews, decoded pictures.
//!
//! A file's name there stands for the place and the stamp (size, times, number) of what it was made from, so
//! that one made from an earlier state is never found. It is written under another name and renamed. Once the
//! folder is over its budget, the files that were not used for the longest time leave.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;

use super::Storage;
use super::identity::stamp::Stamp;
use crate::atomic::plain;

/// The names of files that are being written, so that those of killed programs are found.
const UNFINISHED: &str = ".unfinished-";
/// A file that somebody just made may not be locked yet.
const SWEEP_AGE: Duration = Duration::from_mins(1);

/// Where files are kept; `None` when nothing is.
pub(crate) fn of(storage: &Storage) -> Option<PathBuf> {
    Some(storage.cache.as_ref()?.join("overviews"))
}

/// The hash of a format's version and of some files' places and stamps; `None` when one of them isn't there.
pub(crate) fn state(version: u32, files: &[PathBuf]) -> Option<Sha256> {
    let mut hash = Sha256::new_with_prefix(version.to_le_bytes());
    for file in files {
        let file = fs::canonicalize(file).ok()?;
        hash.update(file.as_os_str().as_encoded_bytes());
        Stamp::of(&file).ok()?.add_to(&mut hash);
    }
    Some(hash)
}

/// A new file in a folder, locked so that nobody sweeps it away.
///
/// # Errors
/// When the folder can't be written to.
pub(crate) fn begin(folder: &Path) -> io::Result<NamedTempFile> {
    let file = tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(folder).map_err(plain)?;
    file.as_file().try_lock().map_err(io::Error::from)?;
    Ok(file)
}

/// Gives a file that is complete its name, and makes room for it.
///
/// # Errors
/// When it can't be renamed; it is gone then.
pub(crate) fn keep(file: NamedTempFile, name: &Path, budget: u64) -> io::Result<File> {
    let kept = file.persist(name).map_err(|error| error.error)?;
    // Some systems would keep others from reading it.
    kept.unlock()?;
    if let Some(folder) = name.parent() {
        tidy(folder, name, budget);
    }
    Ok(kept)
}

/// Notes that a file is used: the one that was not for the longest time leaves first.
pub(crate) fn touch(file: &Path) {
    let touched =
        File::options().append(true).open(file).and_then(|file| file.set_modified(SystemTime::now()));
    if let Err(error) = touched {
        log::debug!("{} keeps its old date: {error}", file.display());
    }
}

/// A folder that can't be written to is as none: what it would hold is made anew the next time.
pub(crate) fn is_usable(folder: &Path) -> bool {
    let usable = fs::create_dir_all(folder).and_then(|()| tempfile::tempfile_in(folder).map(drop));
    if let Err(error) = &usable {
        log::warn!(
            "nothing is kept for the next time, since {} can't be written to: {error}",
            folder.display()
        );
    }
    usable.is_ok()
}

/// Removes what killed programs left, and the oldest files beyond the budget in bytes, but never `newest`.
fn tidy(folder: &Path, newest: &Path, budget: u64) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let mut files = Vec::new();
    for entry in entries.flatten() {
        let Ok(metadata) = entry.metadata() else { continue };
        let modified = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
        if !entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
            files.push((modified, metadata.len(), entry.path()));
        } else if modified.elapsed().is_ok_and(|age| age > SWEEP_AGE) {
            remove_if_abandoned(&entry.path());
        }
    }
    files.sort();
    let mut total: u64 = files.iter().map(|(_, length, _)| length).sum();
    for (_, length, file) in files {
        if total <= budget {
            break;
        }
        if file != newest && fs::remove_file(&file).is_ok() {
            total -= length;
        }
    }
}

/// Whoever still writes a file holds its lock.
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
        tidy(folder.path(), &new, 250);
        assert_eq!([old.exists(), used.exists(), new.exists()], [false, true, true]);
        tidy(folder.path(), &new, 10);
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
        tidy(folder.path(), Path::new("none"), u64::MAX);
        assert_eq!([abandoned.exists(), written.exists(), fresh.exists()], [false, true, true]);
    }

    #[test]
    fn a_folder_that_cannot_be_written_to_is_none() {
        let folder = tempfile::tempdir().unwrap();
        assert!(is_usable(&folder.path().join("new/folder")));
        assert!(!is_usable(&file(folder.path(), "a file", 1, 0).join("below")));
    }
}

//! Overviews that Skysift made for a scene that has none, kept in the user's cache folder.
//!
//! They are for looking at a scene. A scan never reads them: its results must not depend on what is in a cache.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;

use super::error::Fault;
use super::reader::{Level, Reader};
use super::storage::Storage;
use super::threads::background;
use super::{RasterError, pyramid, reader, tiff};
use crate::atomic::NewFile;
use crate::fingerprint;

/// Part of every key: files of another version are not read.
const VERSION: u32 = 1;
/// The names of files that are being written, so that those of killed programs are found.
const UNFINISHED: &str = ".unfinished-";
/// A file that somebody just made may not be locked yet.
const SWEEP_AGE: Duration = Duration::from_mins(1);

/// Overviews beside a scene's own levels.
pub(super) struct Overviews {
    pub reader: Box<dyn Reader>,
    /// All levels of the scene: its own, then these.
    pub levels: Vec<Level>,
    /// Without a cache folder they vanish with the scene.
    _temporary: Option<NamedTempFile>,
}

/// What was kept of an earlier time.
pub(super) fn kept(path: &Path, scene: &dyn Reader) -> Option<Overviews> {
    let file = place(path, scene)?;
    let overviews = open(&file, scene, None).ok()?;
    // The one that was not looked at for the longest time leaves first.
    let touched =
        File::options().append(true).open(&file).and_then(|file| file.set_modified(SystemTime::now()));
    if let Err(error) = touched {
        log::debug!("{} keeps its old date: {error}", file.display());
    }
    Some(overviews)
}

/// Makes them. `None` when `tell`, which is told the part that is done, did not want to go on.
pub(super) fn make(
    path: &Path,
    scene: &dyn Reader,
    tell: &(dyn Fn(f64) -> bool + Sync),
) -> Result<Option<Overviews>, RasterError> {
    let file = place(path, scene);
    let folder = file.as_deref().and_then(Path::parent).filter(|folder| is_usable(folder));
    let place = folder.map_or_else(std::env::temp_dir, Path::to_path_buf);
    let failed = |source| RasterError::Overviews { path: path.to_owned(), folder: place.clone(), source };
    let temporary = tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(&place).map_err(failed)?;
    temporary.as_file().try_lock().map_err(|error| failed(error.into()))?;
    if !fill(path, scene, temporary.as_file(), tell).map_err(|fault| of(fault, path, &place))? {
        return Ok(None);
    }
    let (Some(folder), Some(file)) = (folder, &file) else {
        let name = temporary.path().to_owned();
        return open(&name, scene, Some(temporary)).map(Some);
    };
    temporary.persist(file).map_err(|error| failed(error.error))?;
    tidy(folder, file, Storage::get().cache_bytes);
    open(file, scene, None).map(Some)
}

/// Writes the levels below the image's coarsest one to a file of their own, as GDAL's `.ovr`: a tiled `BigTIFF`, read by
/// GDAL and QGIS when it lies beside the image under the image's name and `.ovr`. `tell` is told the part that is done
/// and answers whether to go on. False when it did not want to; then no file is left.
///
/// # Errors
/// When the image can't be read or needs no more levels, or there is no space.
pub fn write_overviews(
    path: &Path,
    target: &Path,
    tell: &(dyn Fn(f64) -> bool + Sync),
) -> Result<bool, RasterError> {
    let scene = &*reader::open_without_ovr(path)?;
    if !pyramid::is_possible(&scene.header().levels) {
        return Err(Fault::unsupported(
            "its coarsest level is as small as levels get",
            "it needs no more overviews",
        )
        .of(path));
    }
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let failed = |source| RasterError::Overviews { path: path.to_owned(), folder: folder.to_owned(), source };
    let new = NewFile::beside(target).map_err(failed)?;
    let done = fill(path, scene, new.file(), tell).map_err(|fault| of(fault, path, folder))?;
    if done {
        new.finish().map_err(failed)?;
    }
    Ok(done)
}

/// What the disk can't do is told of the folder, all else of the image.
fn of(fault: Fault, path: &Path, folder: &Path) -> RasterError {
    match fault {
        Fault::Scratch(source) => {
            RasterError::Overviews { path: path.to_owned(), folder: folder.to_owned(), source }
        }
        fault => fault.of(path),
    }
}

fn fill(
    path: &Path,
    scene: &dyn Reader,
    file: &File,
    tell: &(dyn Fn(f64) -> bool + Sync),
) -> Result<bool, Fault> {
    let before = state(path, scene);
    let done = background(|| pyramid::build(scene, file, tell))?;
    if before != state(path, scene) {
        return Err(Fault::Damaged("it changed while its overviews were made".to_owned()));
    }
    Ok(done)
}

fn open(file: &Path, scene: &dyn Reader, temporary: Option<NamedTempFile>) -> Result<Overviews, RasterError> {
    let reader = tiff::open_within(file, Storage::get().block_cache_bytes())?;
    let (own, made) = (scene.header(), reader.header());
    let fits = own.bands.len() == made.bands.len() && own.sample_type == made.sample_type;
    let coarser = own.levels.last().zip(made.levels.first()).is_some_and(|(own, made)| {
        (made.width, made.height) == (own.width.div_ceil(2), own.height.div_ceil(2))
    });
    if !fits || !coarser {
        return Err(Fault::Damaged("it holds overviews of another image".to_owned()).of(file));
    }
    let levels = own.levels.iter().chain(&made.levels).copied().collect();
    Ok(Overviews { reader, levels, _temporary: temporary })
}

/// The file that holds a scene's overviews: its name stands for the scene's place, size and date.
fn place(path: &Path, scene: &dyn Reader) -> Option<PathBuf> {
    let folder = Storage::get().cache?.join("overviews");
    Some(folder.join(format!("{}.tif", state(path, scene)?)))
}

fn state(path: &Path, scene: &dyn Reader) -> Option<String> {
    let mut files = scene.contents();
    files.push(path.to_owned());
    let mut hash = Sha256::new_with_prefix(VERSION.to_le_bytes());
    for file in files {
        let file = fs::canonicalize(file).ok()?;
        let metadata = file.metadata().ok()?;
        let modified = metadata.modified().ok()?.duration_since(SystemTime::UNIX_EPOCH).ok()?;
        hash.update(file.as_os_str().as_encoded_bytes());
        hash.update(metadata.len().to_le_bytes());
        hash.update(modified.as_nanos().to_le_bytes());
    }
    // Overviews that somebody put beside the scene meanwhile change what is missing.
    for level in &scene.header().levels {
        hash.update(level.width.to_le_bytes());
        hash.update(level.height.to_le_bytes());
    }
    Some(fingerprint::finish(hash))
}

/// A folder that can't be written to is as none: the overviews are made anew the next time.
fn is_usable(folder: &Path) -> bool {
    let usable = fs::create_dir_all(folder).and_then(|()| tempfile::tempfile_in(folder).map(drop));
    if let Err(error) = &usable {
        log::warn!("overviews are not kept, since {} can't be written to: {error}", folder.display());
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

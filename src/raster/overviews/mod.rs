//! Overviews that Skysift makes for scenes that have none, kept in the user's cache folder.
//!
//! They are for looking at a scene. A scan never reads them, since its results must not depend on what is in
//! a cache.
//!
//! - [`pyramid`]: all levels in one pass over the scene.
//! - [`file`]: the file that they are written to.

pub mod file;
pub mod pyramid;

use std::fs::File;
use std::path::{Path, PathBuf};

use sha2::Digest;
use tempfile::NamedTempFile;

use crate::atomic::NewFile;
use crate::fingerprint;
use crate::notices::Notices;
use crate::raster::cache::folder;
use crate::raster::error::{RasterError, ReaderError};
use crate::raster::formats::{self, tiff};
use crate::raster::reader::{Level, Reader};
use crate::raster::storage::Storage;
use crate::raster::threads::background;

/// Part of every cache key, so that files of another version are not read.
const VERSION: u32 = 1;

/// Overviews made for a scene.
pub(in crate::raster) struct Overviews {
    pub reader: Box<dyn Reader>,
    /// All levels of the scene: the file's own, then these.
    pub levels: Vec<Level>,
    /// Without a cache folder, the file vanishes with the scene.
    _temporary: Option<NamedTempFile>,
}

/// Overviews from an earlier session.
pub(in crate::raster) fn cached(path: &Path, scene: &dyn Reader, storage: &Storage) -> Option<Overviews> {
    let file = cache_file(path, scene, storage)?;
    let overviews = open(&file, scene, storage, None).ok()?;
    folder::touch(&file);
    Some(overviews)
}

/// Makes overviews. `report` is given the fraction done and returns whether to go on; `None` when it did not
/// want to.
pub(in crate::raster) fn make(
    path: &Path,
    scene: &dyn Reader,
    storage: &Storage,
    report: &(dyn Fn(f64) -> bool + Sync),
) -> Result<Option<Overviews>, RasterError> {
    let file = cache_file(path, scene, storage);
    let cache = file.as_deref().and_then(Path::parent).filter(|cache| folder::is_usable(cache));
    let target = cache.map_or_else(std::env::temp_dir, Path::to_path_buf);
    let failed = |source| RasterError::Overviews { path: path.to_owned(), folder: target.clone(), source };
    let temporary = folder::create(&target).map_err(failed)?;
    if !fill(path, scene, temporary.as_file(), report).map_err(|error| named(error, path, &target))? {
        return Ok(None);
    }
    let (Some(_), Some(file)) = (cache, &file) else {
        let name = temporary.path().to_owned();
        return open(&name, scene, storage, Some(temporary)).map(Some);
    };
    folder::finish(temporary, file, storage.cache_bytes).map_err(failed)?;
    open(file, scene, storage, None).map(Some)
}

/// Writes the levels below the image's coarsest one to a separate file, like GDAL's `.ovr`: a tiled `BigTIFF`
/// that GDAL and QGIS read if it lies beside the image under the image's name plus `.ovr`. `report` is given
/// the fraction done and returns whether to go on. False when it did not want to; then no file is left.
///
/// # Errors
/// When the image can't be read or needs no more levels, or there is no space.
pub fn write_overviews(
    path: &Path,
    target: &Path,
    report: &(dyn Fn(f64) -> bool + Sync),
) -> Result<bool, RasterError> {
    let scene = &*formats::open::open_without_ovr(path, &Storage::default())?;
    if !pyramid::is_possible(&scene.header().levels) {
        return Err(ReaderError::unsupported(
            "its coarsest level is as small as levels get",
            "it needs no more overviews",
        )
        .for_file(path));
    }
    let parent = target.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let failed = |source| RasterError::Overviews { path: path.to_owned(), folder: parent.to_owned(), source };
    let new = NewFile::beside(target).map_err(failed)?;
    let done = fill(path, scene, new.file(), report).map_err(|error| named(error, path, parent))?;
    if done {
        new.finish().map_err(failed)?;
    }
    Ok(done)
}

/// An error of the disk names the folder, any other one the image.
fn named(error: ReaderError, path: &Path, folder: &Path) -> RasterError {
    match error {
        ReaderError::Scratch(source) => {
            RasterError::Overviews { path: path.to_owned(), folder: folder.to_owned(), source }
        }
        error => error.for_file(path),
    }
}

fn fill(
    path: &Path,
    scene: &dyn Reader,
    file: &File,
    report: &(dyn Fn(f64) -> bool + Sync),
) -> Result<bool, ReaderError> {
    let before = state(path, scene);
    let done = background(|| pyramid::build(scene, file, report))?;
    if before != state(path, scene) {
        return Err(ReaderError::Damaged("it changed while its overviews were made".to_owned()));
    }
    Ok(done)
}

fn open(
    file: &Path,
    scene: &dyn Reader,
    storage: &Storage,
    temporary: Option<NamedTempFile>,
) -> Result<Overviews, RasterError> {
    let notices = Notices::default();
    let reader = tiff::open(file, storage.memory_budget(), &notices)?;
    if !notices.list().is_empty() {
        return Err(ReaderError::Damaged("a part of it is missing".to_owned()).for_file(file));
    }
    let (own, made) = (scene.header(), reader.header());
    let fits = own.bands.len() == made.bands.len() && own.sample_type == made.sample_type;
    let coarser = own.levels.last().zip(made.levels.first()).is_some_and(|(own, made)| {
        (made.width, made.height) == (own.width.div_ceil(2), own.height.div_ceil(2))
    });
    if !fits || !coarser {
        return Err(ReaderError::Damaged("it holds overviews of another image".to_owned()).for_file(file));
    }
    let levels = own.levels.iter().chain(&made.levels).copied().collect();
    Ok(Overviews { reader, levels, _temporary: temporary })
}

/// The file for a scene's overviews. Its name depends on the paths and stamps of the scene's files.
fn cache_file(path: &Path, scene: &dyn Reader, storage: &Storage) -> Option<PathBuf> {
    Some(folder::path(storage)?.join(format!("{}.tif", state(path, scene)?)))
}

fn state(path: &Path, scene: &dyn Reader) -> Option<String> {
    let mut files = scene.source_files();
    // A scene without one of its sources is another scene.
    files.retain(|file| file.exists());
    files.push(path.to_owned());
    let mut hash = folder::state_hash(VERSION, &files)?;
    // An `.ovr` that was added since changes which levels are missing.
    for level in &scene.header().levels {
        hash.update(level.width.to_le_bytes());
        hash.update(level.height.to_le_bytes());
    }
    Some(fingerprint::finish(hash))
}

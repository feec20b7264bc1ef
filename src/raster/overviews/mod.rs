//! Overviews that Skysift made for a scene that has none, kept in the user's cache folder.
//!
//! They are for looking at a scene. A scan never reads them: its results must not depend on what is in a
//! cache.

pub mod file;
pub mod halve;
pub mod pyramid;

use std::fs::File;
use std::path::{Path, PathBuf};

use sha2::Digest;
use tempfile::NamedTempFile;

use super::error::Fault;
use super::formats::tiff;
use super::reader::{Level, Reader};
use super::storage::Storage;
use super::threads::background;
use super::{RasterError, reader};
use crate::atomic::NewFile;
use crate::fingerprint;
use crate::raster::cache_folder;

/// Part of every key: files of another version are not read.
const VERSION: u32 = 1;

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
    cache_folder::touch(&file);
    Some(overviews)
}

/// Makes them. `None` when `tell`, which is told the part that is done, did not want to go on.
pub(super) fn make(
    path: &Path,
    scene: &dyn Reader,
    tell: &(dyn Fn(f64) -> bool + Sync),
) -> Result<Option<Overviews>, RasterError> {
    let file = place(path, scene);
    let folder = file.as_deref().and_then(Path::parent).filter(|folder| cache_folder::is_usable(folder));
    let place = folder.map_or_else(std::env::temp_dir, Path::to_path_buf);
    let failed = |source| RasterError::Overviews { path: path.to_owned(), folder: place.clone(), source };
    let temporary = cache_folder::begin(&place).map_err(failed)?;
    if !fill(path, scene, temporary.as_file(), tell).map_err(|fault| of(fault, path, &place))? {
        return Ok(None);
    }
    let (Some(_), Some(file)) = (folder, &file) else {
        let name = temporary.path().to_owned();
        return open(&name, scene, Some(temporary)).map(Some);
    };
    cache_folder::keep(temporary, file, Storage::get().cache_bytes).map_err(failed)?;
    open(file, scene, None).map(Some)
}

/// Writes the levels below the image's coarsest one to a file of their own, as GDAL's `.ovr`: a tiled
/// `BigTIFF`, read by GDAL and QGIS when it lies beside the image under the image's name and `.ovr`. `tell`
/// is told the part that is done and answers whether to go on. False when it did not want to; then no file is
/// left.
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

/// The file that holds a scene's overviews: its name stands for the places and stamps of the scene's files.
fn place(path: &Path, scene: &dyn Reader) -> Option<PathBuf> {
    Some(cache_folder::of(&Storage::get())?.join(format!("{}.tif", state(path, scene)?)))
}

fn state(path: &Path, scene: &dyn Reader) -> Option<String> {
    let mut files = scene.contents();
    // A source that isn't there leaves a hole, and a scene without it is another one.
    files.retain(|file| file.exists());
    files.push(path.to_owned());
    let mut hash = cache_folder::state(VERSION, &files)?;
    // Overviews that somebody put beside the scene meanwhile change what is missing.
    for level in &scene.header().levels {
        hash.update(level.width.to_le_bytes());
        hash.update(level.height.to_le_bytes());
    }
    Some(fingerprint::finish(hash))
}

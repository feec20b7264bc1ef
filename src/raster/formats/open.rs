//! Opens a file by its content, whatever its name.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::open_context::OpenContext;
use super::{containers, jp2, picture, product, sidecars, tiff, vrt};
use crate::notices::Notices;
use crate::raster::error::{RasterError, ReaderError};
use crate::raster::progress::OpenProgress;
use crate::raster::reader::Reader;
use crate::raster::storage::Storage;

/// Opens a file, or the folder of a product, together with its sidecar files.
pub(in crate::raster) fn open(
    path: &Path,
    storage: &Storage,
    progress: &OpenProgress,
    notices: &Notices,
) -> Result<Box<dyn Reader>, RasterError> {
    open_in(path, &OpenContext::new(storage, progress.clone(), notices.clone(), open_in))
}

/// As [`open`], but ignores an `.ovr` beside the file, which is about to be replaced.
pub(in crate::raster) fn open_without_ovr(
    path: &Path,
    storage: &Storage,
) -> Result<Box<dyn Reader>, RasterError> {
    let mut context = OpenContext::new(storage, OpenProgress::default(), Notices::default(), open_in);
    context.skip_ovr = true;
    open_in(path, &context)
}

fn open_in(path: &Path, context: &OpenContext) -> Result<Box<dyn Reader>, RasterError> {
    if path.is_file()
        && let Some(product) = product::open_metadata(path, context)
    {
        return product;
    }
    open_format(path, context).map(|reader| sidecars::attach(path, reader, context))
}

fn open_format(path: &Path, context: &OpenContext) -> Result<Box<dyn Reader>, RasterError> {
    let failed = |source| RasterError::Open { path: path.to_owned(), source };
    let metadata = std::fs::metadata(path).map_err(failed)?;
    if metadata.is_dir() {
        let product = product::open_folder(path, context);
        let other = || containers::recognise_folder(path).map(|error| Err(error.for_file(path)));
        return product.or_else(other).unwrap_or_else(|| Err(RasterError::Folder { path: path.to_owned() }));
    }
    if !metadata.is_file() {
        // Reading from a pipe or a device might block forever.
        let error = ReaderError::unsupported("it is not a regular file", "copy it to a disk first");
        return Err(error.for_file(path));
    }
    let mut start = Vec::new();
    File::open(path).and_then(|file| file.take(16).read_to_end(&mut start)).map_err(failed)?;
    match start.as_slice() {
        [] => Err(RasterError::Empty { path: path.to_owned() }),
        start if is_tiff(start) => tiff::open(path, context.memory, &context.notices),
        [0x89, b'P', b'N', b'G', ..] => picture::open_png(path, context),
        [0xff, 0xd8, 0xff, ..] => picture::open_jpeg(path, context),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => picture::open_webp(path, context),
        [b'<', ..] | [0xef, 0xbb, 0xbf, b'<', ..] if vrt::is_vrt(path) => vrt::open(path, context),
        [0, 0, 0, 12, b'j', b'P', ..] | [0xff, 0x4f, 0xff, 0x51, ..] => {
            jp2::open(path, context.memory, &context.notices)
        }
        _ => Err(match containers::recognise(path) {
            Some(error) => error.for_file(path),
            None => RasterError::UnknownFormat { path: path.to_owned() },
        }),
    }
}

/// Whether a file that starts with these bytes is TIFF or `BigTIFF`.
pub(in crate::raster) fn is_tiff(start: &[u8]) -> bool {
    matches!(start, [b'I', b'I', 42 | 43, 0, ..] | [b'M', b'M', 0, 42 | 43, ..])
}

/// The other files that make up the scene at a path, as [`Reader::source_files`]. Opens only what can have
/// any.
pub(in crate::raster) fn source_files_of(
    path: &Path,
    storage: &Storage,
) -> Result<Vec<PathBuf>, RasterError> {
    if !path.is_dir() && !product::is_metadata(path) && !vrt::is_vrt(path) {
        return Ok(Vec::new());
    }
    Ok(open(path, storage, &OpenProgress::default(), &Notices::default())?.source_files())
}

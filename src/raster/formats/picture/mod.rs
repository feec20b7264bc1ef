//! PNG, JPEG and WebP: decoded once into a file with overviews, then read from there.
//!
//! - [`png`], [`jpeg`], [`whole_image`]: the decoders.
//! - [`row_sink`]: where decoded rows go.
//! - [`scratch`]: the file with overviews.
//! - [`decoded_copy`]: a large picture's file in the user's cache folder.

mod decoded_copy;
mod jpeg;
mod png;
mod row_sink;
mod scratch;
mod whole_image;

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use super::open_context::OpenContext;
use crate::raster::band::{Band, Role};
use crate::raster::error::{RasterError, ReaderError, catch_panics};
use crate::raster::interleave::pick_bands;
use crate::raster::progress::OpenProgress;
use crate::raster::reader::{Header, Reader};
use crate::raster::rect::Rect;
use crate::raster::samples::SampleType;
use crate::raster::storage::Storage;
use decoded_copy::DecodedCopy;
use row_sink::{DecodeTarget, RowSink};
use scratch::{PixelKind, Scratch};

struct PictureReader {
    header: Header,
    scratch: Scratch,
}

impl Reader for PictureReader {
    fn header(&self) -> &Header {
        &self.header
    }

    fn read(&self, level: usize, rect: Rect, bands: &[usize]) -> Result<Vec<u8>, ReaderError> {
        let all = self.scratch.read(level, rect).map_err(ReaderError::Scratch)?;
        Ok(pick_bands(all, self.header.bands.len(), self.header.sample_type.bytes(), bands))
    }
}

/// A format: its names for [`Header`], and its decoder.
struct Format {
    name: &'static str,
    compression: &'static str,
    decode: for<'a> fn(File, &DecodeTarget<'a>) -> Result<RowSink<'a>, ReaderError>,
}

const PNG: Format = Format { name: "PNG", compression: "deflate", decode: png::decode };
const JPEG: Format = Format { name: "JPEG", compression: "jpeg", decode: jpeg::decode };
const WEBP: Format = Format { name: "WebP", compression: "webp", decode: whole_image::decode_webp };

/// Opens a PNG of any size, which is decoded row by row.
pub(in crate::raster) fn open_png(
    path: &Path,
    context: &OpenContext,
) -> Result<Box<dyn Reader>, RasterError> {
    open(path, &PNG, &context.progress, &context.storage)
}

/// Opens a JPEG, which is decoded whole, or row by row if that would take too much memory.
pub(in crate::raster) fn open_jpeg(
    path: &Path,
    context: &OpenContext,
) -> Result<Box<dyn Reader>, RasterError> {
    open(path, &JPEG, &context.progress, &context.storage)
}

/// Opens a WebP, or the first frame of an animation, which is decoded whole.
pub(in crate::raster) fn open_webp(
    path: &Path,
    context: &OpenContext,
) -> Result<Box<dyn Reader>, RasterError> {
    open(path, &WEBP, &context.progress, &context.storage)
}

/// Opens the copy from an earlier session, or decodes the picture.
fn open(
    path: &Path,
    format: &Format,
    progress: &OpenProgress,
    storage: &Storage,
) -> Result<Box<dyn Reader>, RasterError> {
    let read = || {
        let copy = DecodedCopy::of(path, storage);
        let scratch = match copy.as_ref().and_then(DecodedCopy::open) {
            Some(scratch) => scratch,
            None => decode(path, format, copy.as_ref(), progress)?,
        };
        Ok(PictureReader { header: header(format, &scratch), scratch })
    };
    catch_panics(read).map(|reader| Box::new(reader) as Box<dyn Reader>).map_err(|error| error.for_file(path))
}

fn decode(
    path: &Path,
    format: &Format,
    copy: Option<&DecodedCopy>,
    progress: &OpenProgress,
) -> Result<Scratch, ReaderError> {
    let decode_to = |copy| {
        let file = File::open(path).map_err(ReaderError::Io)?;
        (format.decode)(file, &DecodeTarget { copy, progress })?.finish()
    };
    match decode_to(copy) {
        Err(ReaderError::Scratch(error)) if copy.is_some() => {
            log::warn!("the decoded {} is not kept for the next time: {error}", path.display());
            decode_to(None)
        }
        outcome => outcome,
    }
}

fn header(format: &Format, scratch: &Scratch) -> Header {
    let kind = scratch.kind();
    Header {
        format: format.name,
        compression: format.compression,
        sample_type: kind.sample_type,
        bits: kind.bits,
        bands: bands(kind),
        stored_blocks: None,
        levels: scratch.levels(),
        cached_strip_rows: None,
        nodata: None,
        palette: None,
        white_is_zero: false,
        has_mask: false,
        georeference: None,
        remarks: Vec::new(),
    }
}

fn bands(kind: PixelKind) -> Vec<Band> {
    let roles: &[Role] = match kind.bands {
        1 => &[Role::Grey],
        2 => &[Role::Grey, Role::Alpha],
        3 => &[Role::Red, Role::Green, Role::Blue],
        _ => &[Role::Red, Role::Green, Role::Blue, Role::Alpha],
    };
    roles.iter().map(|&role| Band::new(role)).collect()
}

fn pixel_kind(bands: usize, sample_type: SampleType) -> PixelKind {
    let alpha = bands.is_multiple_of(2).then(|| bands - 1);
    PixelKind { bands, alpha, sample_type, bits: if sample_type == SampleType::Uint16 { 16 } else { 8 } }
}

fn buffered<T: std::io::Read>(file: T) -> BufReader<T> {
    BufReader::with_capacity(1 << 18, file)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;
    use std::time::SystemTime;

    use tempfile::TempDir;

    use super::*;

    /// Just large enough to be cached.
    const SIZE: (u32, u32) = (4200, 4000);

    /// A folder with a large picture of a single grey, and a cache.
    fn picture(grey: u8) -> (TempDir, PathBuf, Storage) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("large.png");
        write(&path, grey);
        let storage = Storage { cache: Some(folder.path().join("cache")), ..Storage::default() };
        (folder, path, storage)
    }

    fn write(path: &Path, grey: u8) {
        let mut encoder = ::png::Encoder::new(File::create(path).unwrap(), SIZE.0, SIZE.1);
        encoder.set_color(::png::ColorType::Grayscale);
        encoder.set_compression(::png::Compression::Fastest);
        let mut writer = encoder.write_header().unwrap();
        writer.write_image_data(&vec![grey; (SIZE.0 * SIZE.1) as usize]).unwrap();
    }

    /// Opens a picture; returns its levels, its grey, and whether it had to be decoded.
    fn opened(path: &Path, storage: &Storage) -> (Vec<(u32, u32)>, u8, bool) {
        let progress = OpenProgress::default();
        let reader = open(path, &PNG, &progress, storage).unwrap();
        let levels = &reader.header().levels;
        let last = levels.len() - 1;
        let greys: Vec<u8> = [0, last]
            .iter()
            .map(|&level| reader.read(level, Rect::new(3, 5, 1, 1), &[0]).unwrap()[0])
            .collect();
        assert_eq!(greys[0], greys[1]);
        let sizes = levels.iter().map(|level| (level.width, level.height)).collect();
        (sizes, greys[0], progress.fraction() == Some(1.0))
    }

    fn copies(storage: &Storage) -> Vec<PathBuf> {
        let Ok(entries) = fs::read_dir(storage.cache.as_ref().unwrap().join("overviews")) else {
            return Vec::new();
        };
        entries.map(|entry| entry.unwrap().path()).collect()
    }

    #[test]
    fn a_large_picture_is_decoded_once() {
        let (_folder, path, storage) = picture(7);
        let (levels, grey, decoded) = opened(&path, &storage);
        assert_eq!((levels[0], levels.len(), grey, decoded), (SIZE, 6, 7, true));
        assert_eq!(copies(&storage).len(), 1);
        assert_eq!(opened(&path, &storage), (levels.clone(), 7, false));

        // Another picture under the same name isn't the one that was cached.
        write(&path, 9);
        File::options().append(true).open(&path).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
        assert_eq!(opened(&path, &storage), (levels, 9, true));
    }

    #[test]
    fn a_damaged_copy_is_thrown_away() {
        let (_folder, path, storage) = picture(7);
        opened(&path, &storage);
        let [copy] = copies(&storage).try_into().unwrap();
        let whole = fs::metadata(&copy).unwrap().len();
        for length in [0, 300, whole / 2, whole - 1] {
            File::options().write(true).open(&copy).unwrap().set_len(length).unwrap();
            let (_, grey, decoded) = opened(&path, &storage);
            assert_eq!((grey, decoded), (7, true), "{length} bytes");
            assert_eq!(fs::metadata(&copy).unwrap().len(), whole);
            assert!(!opened(&path, &storage).2);
        }
    }

    #[test]
    fn what_cannot_be_kept_is_decoded_all_the_same() {
        let (folder, path, storage) = picture(7);
        // A file where the folder should be, no folder at all, and too small a budget.
        let file = folder.path().join("a file");
        fs::write(&file, "").unwrap();
        let small = Storage { cache_bytes: 1 << 20, ..storage.clone() };
        for storage in
            [Storage { cache: Some(file), ..storage.clone() }, Storage { cache: None, ..storage }, small]
        {
            for _ in 0..2 {
                let (_, grey, decoded) = opened(&path, &storage);
                assert_eq!((grey, decoded), (7, true), "{storage:?}");
            }
            assert!(storage.cache.is_none() || copies(&storage).is_empty());
        }
    }

    #[test]
    fn a_disk_that_is_full_meanwhile_leaves_a_temporary_file() {
        fn full<'a>(file: File, target: &DecodeTarget<'a>) -> Result<RowSink<'a>, ReaderError> {
            match target.copy {
                Some(_) => Err(ReaderError::Scratch(std::io::ErrorKind::StorageFull.into())),
                None => png::decode(file, target),
            }
        }
        let (_folder, path, storage) = picture(7);
        let reader =
            open(&path, &Format { decode: full, ..PNG }, &OpenProgress::default(), &storage).unwrap();
        assert_eq!(reader.read(0, Rect::new(0, 0, 1, 1), &[0]).unwrap(), [7]);
        assert_eq!(copies(&storage), Vec::<PathBuf>::new());
    }

    #[test]
    fn a_small_picture_is_not_kept() {
        let folder = tempfile::tempdir().unwrap();
        let storage = Storage { cache: Some(folder.path().to_owned()), ..Storage::default() };
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/raster/photo.jpg");
        let progress = OpenProgress::default();
        open(&path, &JPEG, &progress, &storage).unwrap();
        assert_eq!(progress.fraction(), Some(1.0));
        assert_eq!(copies(&storage), Vec::<PathBuf>::new());
    }
}

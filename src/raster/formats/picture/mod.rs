//! PNG, JPEG and WebP: decoded once, then read like any other scene.

pub mod jpeg;
pub mod kept;
pub mod png;
pub mod rows;
pub mod scratch;
pub mod whole;

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use super::tiff::pick;
use crate::raster::display::bands::{Band, Role};
use crate::raster::error::Fault;
use crate::raster::error::guard;
use crate::raster::reader::{Header, Reader};
use crate::raster::storage::Storage;
use crate::raster::{OpenProgress, RasterError, Rect, SampleType};
use kept::Kept;
use rows::{Rows, Target};
use scratch::{PixelKind, Scratch};

struct PictureReader {
    header: Header,
    scratch: Scratch,
}

impl Reader for PictureReader {
    fn header(&self) -> &Header {
        &self.header
    }

    fn read(&self, level: usize, rect: Rect, bands: &[usize]) -> Result<Vec<u8>, Fault> {
        let all = self.scratch.read(level, rect).map_err(Fault::Scratch)?;
        Ok(pick(all, self.header.bands.len(), self.header.sample_type.bytes(), bands))
    }
}

/// A format with its words for [`Header`] and its decoder.
struct Format {
    name: &'static str,
    compression: &'static str,
    decode: for<'a> fn(File, &Target<'a>) -> Result<Rows<'a>, Fault>,
}

/// PNG, row by row, 8 or 16 bits, any size.
pub(in crate::raster) fn open_png(
    path: &Path,
    progress: &OpenProgress,
) -> Result<Box<dyn Reader>, RasterError> {
    let format = Format { name: "PNG", compression: "deflate", decode: png::decode };
    open(path, &format, progress, &Storage::get())
}

/// JPEG, whole, or row by row where that would take too much memory.
pub(in crate::raster) fn open_jpeg(
    path: &Path,
    progress: &OpenProgress,
) -> Result<Box<dyn Reader>, RasterError> {
    let format = Format { name: "JPEG", compression: "jpeg", decode: jpeg::decode };
    open(path, &format, progress, &Storage::get())
}

/// WebP, whole; of an animation the first picture.
pub(in crate::raster) fn open_webp(
    path: &Path,
    progress: &OpenProgress,
) -> Result<Box<dyn Reader>, RasterError> {
    let format = Format { name: "WebP", compression: "webp", decode: whole::decode_webp };
    open(path, &format, progress, &Storage::get())
}

/// Takes the copy of an earlier time, or decodes the picture.
fn open(
    path: &Path,
    format: &Format,
    progress: &OpenProgress,
    storage: &Storage,
) -> Result<Box<dyn Reader>, RasterError> {
    let read = || {
        let kept = Kept::of(path, storage);
        let scratch = match kept.as_ref().and_then(Kept::open) {
            Some(scratch) => scratch,
            None => decode(path, format, kept.as_ref(), progress)?,
        };
        Ok(PictureReader { header: header(format, &scratch), scratch })
    };
    guard(read).map(|reader| Box::new(reader) as Box<dyn Reader>).map_err(|fault| fault.of(path))
}

fn decode(
    path: &Path,
    format: &Format,
    kept: Option<&Kept>,
    progress: &OpenProgress,
) -> Result<Scratch, Fault> {
    let into = |kept| {
        let file = File::open(path).map_err(Fault::Io)?;
        (format.decode)(file, &Target { kept, progress })?.finish()
    };
    match into(kept) {
        Err(Fault::Scratch(error)) if kept.is_some() => {
            log::warn!("the decoded {} is not kept for the next time: {error}", path.display());
            into(None)
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
        stored: None,
        levels: scratch.levels(),
        strip_rows: None,
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

    const PNG: Format = Format { name: "PNG", compression: "deflate", decode: png::decode };
    /// A little more than what is kept.
    const SIZE: (u32, u32) = (4200, 4000);

    /// A folder with a large picture of one grey, and a cache.
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

    /// Opens it; its levels and grey, and whether it was decoded for that.
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
        (sizes, greys[0], progress.part() == Some(1.0))
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

        // Another picture under the same name is not the one that was kept.
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
        // No place for it: a file where the folder should be, no folder at all, and a budget that is too
        // small.
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
        fn full<'a>(file: File, target: &Target<'a>) -> Result<Rows<'a>, Fault> {
            match target.kept {
                Some(_) => Err(Fault::Scratch(std::io::ErrorKind::StorageFull.into())),
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
        let jpeg = Format { name: "JPEG", compression: "jpeg", decode: jpeg::decode };
        let progress = OpenProgress::default();
        open(&path, &jpeg, &progress, &storage).unwrap();
        assert_eq!(progress.part(), Some(1.0));
        assert_eq!(copies(&storage), Vec::<PathBuf>::new());
    }
}

//! Sidecar files: files beside an image that add overviews (`.ovr`), a mask (`.msk`), or a georeference,
//! statistics and colours (`.aux.xml`, world files, `.prj`, RPC files).
//!
//! A damaged sidecar becomes a notice and never keeps a scene from opening.
//!
//! - [`metadata`]: what they say about the header of their image.
//! - [`pam`]: GDAL's `.aux.xml`.
//! - [`names`]: which files are sidecars.

mod metadata;
mod names;
pub mod pam;

use std::path::{Path, PathBuf};

use super::open_context::OpenContext;
use super::tiff;
use crate::notices::Notices;
use crate::raster::error::ReaderError;
use crate::raster::reader::{Header, Level, Reader};
use crate::raster::rect::Rect;
use crate::raster::storage::MemoryBudget;
use names::append;
pub(in crate::raster) use names::candidates;

/// The block cache of an `.ovr` or `.msk`: their images are small.
const BLOCK_CACHE_BYTES: usize = 64 << 20;
/// How many mask pixels are read for one region of a level without a mask of its own size.
const MAX_MASK_PIXELS: u64 = 16 << 20;

/// An image together with its sidecar files.
struct WithSidecars {
    image: Box<dyn Reader>,
    overviews: Option<SidecarImage>,
    mask: Option<SidecarImage>,
    header: Header,
    /// For each level of `header`, the file that holds it.
    sources: Vec<LevelSource>,
}

/// An image in a sidecar file.
struct SidecarImage {
    file: PathBuf,
    reader: Box<dyn Reader>,
}

impl SidecarImage {
    /// Says in an error that this file is damaged, and not the image beside it.
    fn named<T>(&self, read: Result<T, ReaderError>) -> Result<T, ReaderError> {
        read.map_err(|error| match error {
            ReaderError::Damaged(reason) => ReaderError::Unsupported {
                what: format!("{} is damaged ({reason})", self.file.display()),
                advice: "take it away or make it anew".to_owned(),
            },
            error => error,
        })
    }
}

/// Where a level is: in which file, and at which level there.
#[derive(Clone, Copy)]
enum LevelSource {
    Image(usize),
    Overviews(usize),
}

/// The image with its sidecar files; the image itself if there are none.
pub(in crate::raster) fn attach(
    path: &Path,
    image: Box<dyn Reader>,
    context: &OpenContext,
) -> Box<dyn Reader> {
    let notices = &context.notices;
    let mut header = image.header().clone();
    let mut sources: Vec<LevelSource> = (0..header.levels.len()).map(LevelSource::Image).collect();
    let has_metadata = metadata::apply(path, &mut header, notices);
    let memory = MemoryBudget { block_cache: BLOCK_CACHE_BYTES, ..context.memory };
    let names = [append(path, ".ovr"), path.with_extension("ovr")];
    let overviews = open_tiff(if context.skip_ovr { &[] } else { &names }, memory, notices)
        .filter(|overviews| fits(overviews, &header, notices));
    let mask = open_tiff(&[append(path, ".msk")], memory, notices).filter(|mask| {
        let theirs = mask.reader.header();
        let same = |level: &Level| (level.width, level.height);
        let fits = theirs.levels.first().map(same) == header.levels.first().map(same)
            && theirs.sample_type.bytes() == 1;
        if !fits {
            notices.tell(format!("{} is no mask for its image and is left out", mask.file.display()));
        }
        fits
    });
    if !has_metadata && overviews.is_none() && mask.is_none() {
        return image;
    }
    if let Some(overviews) = &overviews {
        let mut all: Vec<_> = header.levels.iter().copied().zip(sources).collect();
        let theirs = overviews.reader.header().levels.iter().copied();
        all.extend(theirs.enumerate().map(|(index, level)| (level, LevelSource::Overviews(index))));
        all.sort_by_key(|(level, _)| std::cmp::Reverse(u64::from(level.width) * u64::from(level.height)));
        all.dedup_by_key(|(level, _)| (level.width, level.height));
        (header.levels, sources) = all.into_iter().unzip();
    }
    header.has_mask |= mask.is_some();
    let mask = mask.map(|mask| match open_tiff(&[append(&mask.file, ".ovr")], memory, notices) {
        Some(overviews) => combine(mask, overviews),
        None => mask,
    });
    Box::new(WithSidecars { image, overviews, mask, header, sources })
}

/// Adds overviews to a mask.
fn combine(mask: SidecarImage, overviews: SidecarImage) -> SidecarImage {
    let SidecarImage { file, reader: image } = mask;
    let mut header = image.header().clone();
    let mut sources: Vec<LevelSource> = (0..header.levels.len()).map(LevelSource::Image).collect();
    let theirs = &overviews.reader.header().levels;
    header.levels.extend(theirs);
    sources.extend((0..theirs.len()).map(LevelSource::Overviews));
    let reader = Box::new(WithSidecars { image, overviews: Some(overviews), mask: None, header, sources });
    SidecarImage { file, reader }
}

impl WithSidecars {
    /// Reads from the file that holds a level.
    fn read_level<T>(
        &self,
        level: usize,
        read: impl FnOnce(&dyn Reader, usize) -> Result<T, ReaderError>,
    ) -> Result<T, ReaderError> {
        match (self.sources.get(level), &self.overviews) {
            (Some(&LevelSource::Image(level)), _) => read(&*self.image, level),
            (Some(&LevelSource::Overviews(level)), Some(overviews)) => {
                overviews.named(read(&*overviews.reader, level))
            }
            _ => Err(ReaderError::Damaged(format!("it has no level {level}"))),
        }
    }

    /// The mask of the level's size, or else the nearest pixels of a finer one that is small enough.
    fn read_sidecar_mask(
        &self,
        mask: &dyn Reader,
        level: usize,
        rect: Rect,
    ) -> Result<Option<Vec<u8>>, ReaderError> {
        let levels = &mask.header().levels;
        let Some(size) = self.header.levels.get(level) else { return Ok(None) };
        let finer = |mask: &Level| mask.width >= size.width && mask.height >= size.height;
        let Some(index) = levels.iter().rposition(finer) else { return Ok(None) };
        let Some(finer) = levels.get(index) else { return Ok(None) };
        if (finer.width, finer.height) == (size.width, size.height) {
            return mask.read(index, rect, &[0]).map(Some);
        }
        let nearest = |at: u32, size: u32, finer: u32| {
            let at = (2 * u64::from(at) + 1) * u64::from(finer) / (2 * u64::from(size));
            u32::try_from(at).unwrap_or(0).min(finer - 1)
        };
        let columns: Vec<u32> = (rect.x..rect.right()).map(|x| nearest(x, size.width, finer.width)).collect();
        let rows: Vec<u32> = (rect.y..rect.bottom()).map(|y| nearest(y, size.height, finer.height)).collect();
        let (Some(&left), Some(&right), Some(&top), Some(&bottom)) =
            (columns.first(), columns.last(), rows.first(), rows.last())
        else {
            return Ok(Some(Vec::new()));
        };
        let part = Rect::new(left, top, right - left + 1, bottom - top + 1);
        if u64::from(part.width) * u64::from(part.height) > MAX_MASK_PIXELS {
            return Ok(None);
        }
        let data = mask.read(index, part, &[0])?;
        let at = |x: u32, y: u32| {
            data.get((y - top) as usize * part.width as usize + (x - left) as usize).copied().unwrap_or(0)
        };
        Ok(Some(
            rows.iter().flat_map(|&y| columns.iter().map(move |&x| (x, y))).map(|(x, y)| at(x, y)).collect(),
        ))
    }
}

impl Reader for WithSidecars {
    fn header(&self) -> &Header {
        &self.header
    }

    fn read(&self, level: usize, rect: Rect, bands: &[usize]) -> Result<Vec<u8>, ReaderError> {
        self.read_level(level, |reader, level| reader.read(level, rect, bands))
    }

    fn read_mask(&self, level: usize, rect: Rect) -> Result<Option<Vec<u8>>, ReaderError> {
        if let Some(mask) = &self.mask {
            return mask.named(self.read_sidecar_mask(&*mask.reader, level, rect));
        }
        self.read_level(level, |reader, level| reader.read_mask(level, rect))
    }

    fn read_missing(
        &self,
        level: usize,
        rect: Rect,
        bands: &[usize],
    ) -> Result<Option<Vec<u8>>, ReaderError> {
        match self.sources.get(level) {
            Some(&LevelSource::Image(level)) => self.image.read_missing(level, rect, bands),
            // What was missing when the overviews were made isn't known.
            _ => Ok(None),
        }
    }

    fn source_files(&self) -> Vec<PathBuf> {
        self.image.source_files()
    }
}

/// Opens the first of these files that exists.
fn open_tiff(paths: &[PathBuf], memory: MemoryBudget, notices: &Notices) -> Option<SidecarImage> {
    let path = paths.iter().find(|path| path.is_file())?;
    match tiff::open(path, memory, notices) {
        Ok(reader) => Some(SidecarImage { file: path.clone(), reader }),
        Err(error) => {
            notices.tell(format!("{error}; the scene is shown without it"));
            None
        }
    }
}

/// Whether overviews have the bands and sample type of their image, and fewer pixels.
fn fits(SidecarImage { file, reader }: &SidecarImage, image: &Header, notices: &Notices) -> bool {
    let overviews = reader.header();
    let (Some(theirs), Some(ours)) = (overviews.levels.first(), image.levels.first()) else { return false };
    let fits = overviews.sample_type == image.sample_type
        && overviews.bands.len() == image.bands.len()
        && theirs.width <= ours.width
        && theirs.height <= ours.height;
    if !fits {
        notices.tell(format!("{} holds no overviews of its image and is left out", file.display()));
    }
    fits
}

//! The images of a file: the levels of the scene, their masks, and how each is read.

use tiff_reader::{Ifd, RasterLayout, TiffFile};

use super::blocks::Blocks;
use super::colours::ColourConversion;
use super::encoding::SampleEncoding;
use super::repair;
use super::uncompressed::Uncompressed;
use crate::raster::error::ReaderError;
use crate::raster::reader::Level;
use crate::raster::storage::MemoryBudget;

const NEW_SUBFILE_TYPE: u16 = 254;
pub(super) const REDUCED: u64 = 1;
pub(super) const MASK: u64 = 4;
/// Red, green, blue and alpha.
const MAX_SHOWN_BANDS: usize = 4;

pub(super) struct TiffLevel {
    pub image: Image,
    pub mask: Option<Image>,
}

/// One image of the file (IFD).
pub(super) struct Image {
    pub ifd: Ifd,
    /// The size of the image and of its strips or tiles.
    pub stored: Level,
    /// For strips that need no decoding.
    pub uncompressed: Option<Uncompressed>,
    /// For blocks that are decompressed here.
    pub blocks: Option<Blocks>,
    pub planar: bool,
}

/// The size of the block cache in bytes, and how many rows of the image fit into it if it is stored in
/// strips. For strips the cache is twice as large, since a row of windows needs all strips that it touches.
pub(super) fn strip_cache(
    image: &Image,
    layout: &RasterLayout,
    memory: MemoryBudget,
) -> (usize, Option<u32>) {
    if image.ifd.is_tiled() || image.uncompressed.is_some() {
        return (memory.block_cache, None);
    }
    let block_cache = memory.block_cache;
    let twice = block_cache.saturating_mul(2).min(memory.decoded_bytes()).max(block_cache);
    let bytes = if image.blocks.is_some() { twice } else { block_cache };
    let bands =
        if image.planar { layout.samples_per_pixel.min(MAX_SHOWN_BANDS) } else { layout.samples_per_pixel };
    let row = layout.width.saturating_mul(bands).saturating_mul(layout.bytes_per_sample).max(1);
    (bytes, Some(u32::try_from(bytes / row).unwrap_or(u32::MAX)))
}

/// The base image and its overviews, finest first, each with the mask of its size.
pub(super) fn levels(
    file: &TiffFile,
    images: Vec<Ifd>,
    base: Ifd,
    conversion: ColourConversion,
    memory: MemoryBudget,
) -> Result<Vec<TiffLevel>, ReaderError> {
    let mut candidates: Vec<Ifd> = images.into_iter().filter(|ifd| ifd.offset() != base.offset()).collect();
    let nested = base.sub_ifd_offsets().unwrap_or_default().into_iter().take(64);
    let nested = nested.filter_map(|offset| file.read_ifd_at_offset(offset).ok());
    candidates.extend(nested.filter_map(|ifd| repair::repair(&ifd, file.source().len()).ok()));

    let (masks, images): (Vec<Ifd>, Vec<Ifd>) = candidates.into_iter().partition(is_mask);
    let mut images: Vec<Ifd> = images.into_iter().filter(|image| is_overview(&base, image)).collect();
    images.insert(0, base);
    images.sort_by_key(|image| std::cmp::Reverse(u64::from(image.width()) * u64::from(image.height())));
    images.dedup_by_key(|image| (image.width(), image.height()));
    let mut levels = Vec::new();
    for ifd in images {
        let same_size = |mask: &&Ifd| (mask.width(), mask.height()) == (ifd.width(), ifd.height());
        let mask = masks.iter().find(same_size);
        let mask =
            mask.map(|mask| Image::of(file, mask.clone(), ColourConversion::None, memory)).transpose()?;
        match Image::of(file, ifd, conversion, memory) {
            Ok(image) => levels.push(TiffLevel { image, mask }),
            // The scene can be shown without an overview that can't be read.
            Err(_) if !levels.is_empty() => {}
            Err(error) => return Err(error),
        }
    }
    Ok(levels)
}

impl Image {
    fn of(
        file: &TiffFile,
        ifd: Ifd,
        conversion: ColourConversion,
        memory: MemoryBudget,
    ) -> Result<Self, ReaderError> {
        let encoding = SampleEncoding::of(&ifd, file.byte_order())?;
        let stored = stored_size(&ifd)?;
        let is_decoded_here = conversion != ColourConversion::ByDecoder;
        let uncompressed = if is_decoded_here && encoding.is_native() {
            Uncompressed::of(file, &ifd, &encoding.layout)
        } else {
            None
        };
        Ok(Self {
            uncompressed,
            blocks: if is_decoded_here { Blocks::of(file, &ifd, &encoding, stored, memory) } else { None },
            planar: encoding.layout.planar_configuration == 2,
            stored,
            ifd,
        })
    }

    /// The blocks that can be read on their own, for those who plan reads.
    pub fn readable_blocks(&self) -> Level {
        // Any part of an uncompressed row can be read on its own; 1024 pixels keep the number of reads down.
        const PIECE: u32 = 1024;
        let Level { width, .. } = self.stored;
        match self.uncompressed {
            Some(_) => Level { block_width: width.min(PIECE), block_height: 1, ..self.stored },
            None => self.stored,
        }
    }
}

/// `NewSubfileType`.
pub(super) fn subfile_type(ifd: &Ifd) -> u64 {
    ifd.tag(NEW_SUBFILE_TYPE).and_then(|tag| tag.value.as_u64()).unwrap_or(0)
}

fn is_mask(ifd: &Ifd) -> bool {
    subfile_type(ifd) & MASK != 0 && ifd.samples_per_pixel() == 1
}

/// Whether an image is an overview of the base image: the same bands and type, and both sides divided by the
/// same number, to within a pixel of rounding. Other pages and unrelated thumbnails are not.
fn is_overview(base: &Ifd, image: &Ifd) -> bool {
    let says_so = subfile_type(image) & REDUCED != 0 || image.tag(NEW_SUBFILE_TYPE).is_none();
    let same_kind = image.samples_per_pixel() == base.samples_per_pixel()
        && image.photometric_interpretation() == base.photometric_interpretation()
        && image.bits_per_sample().ok() == base.bits_per_sample().ok()
        && image.sample_format().ok() == base.sample_format().ok();
    let (width, height) = (f64::from(image.width()), f64::from(image.height()));
    let (full_width, full_height) = (f64::from(base.width()), f64::from(base.height()));
    let smaller = width >= 1.0 && height >= 1.0 && width < full_width && height <= full_height;
    let same_shape = (height - full_height * width / full_width).abs() <= 1.0
        || (width - full_width * height / full_height).abs() <= 1.0;
    says_so && same_kind && smaller && same_shape
}

/// The size of an image and of its strips or tiles.
fn stored_size(image: &Ifd) -> Result<Level, ReaderError> {
    let (width, height) = (image.width(), image.height());
    let (block_width, block_height) = match (image.tile_width(), image.tile_height()) {
        (Some(tile_width), Some(tile_height)) => (tile_width, tile_height),
        _ => (width, image.rows_per_strip().min(height)),
    };
    if [width, height, block_width, block_height].contains(&0) {
        return Err(ReaderError::Damaged("an image or its tiles have no pixels".to_owned()));
    }
    Ok(Level { width, height, block_width, block_height })
}

/// The size in bytes of the largest strip or tile that has to be decoded. Fails before anything is decoded if
/// that doesn't fit into memory.
pub(super) fn largest_block(
    levels: &[TiffLevel],
    layout: &RasterLayout,
    memory: MemoryBudget,
) -> Result<usize, ReaderError> {
    let bytes = |level: &TiffLevel| {
        let bands = if level.image.planar { 1 } else { layout.samples_per_pixel };
        let Level { block_width, block_height, .. } = level.image.stored;
        (block_width as usize)
            .saturating_mul(block_height as usize)
            .saturating_mul(bands * layout.bytes_per_sample)
    };
    let largest =
        levels.iter().filter(|level| level.image.uncompressed.is_none()).map(bytes).max().unwrap_or(0);
    let max_bytes = memory.decoded_bytes();
    // Of images that are read row by row, one row of the shown bands has to fit.
    let row = |level: &TiffLevel| {
        let bands = layout.samples_per_pixel.min(MAX_SHOWN_BANDS);
        (level.image.stored.width as usize).saturating_mul(bands * layout.bytes_per_sample)
    };
    let widest = levels.iter().filter(|level| level.image.uncompressed.is_some()).map(row).max().unwrap_or(0);
    if widest > max_bytes {
        return Err(ReaderError::convert(format!("a row of it takes {} MiB", widest >> 20)));
    }
    if largest <= max_bytes {
        return Ok(largest);
    }
    Err(ReaderError::convert(format!(
        "it is stored in pieces of {} MiB and more than {} MiB cannot be decoded at once",
        largest >> 20,
        max_bytes >> 20
    )))
}

//! The images of a file: the scene's levels, their masks, and how each is read.

use tiff_reader::{Ifd, RasterLayout, TiffFile};

use super::blocks::Blocks;
use super::kind::Kind;
use super::rows::Rows;
use super::{Colours, mend};
use crate::raster::error::Fault;
use crate::raster::reader::Level;
use crate::raster::storage::Storage;

const NEW_SUBFILE_TYPE: u16 = 254;
pub(super) const REDUCED: u64 = 1;
pub(super) const MASK: u64 = 4;
/// Red, green, blue and alpha.
const SHOWN_BANDS: usize = 4;

pub(super) struct TiffLevel {
    pub image: Image,
    pub mask: Option<Image>,
}

/// One image of the file.
pub(super) struct Image {
    pub ifd: Ifd,
    /// Size and true strips or tiles.
    pub stored: Level,
    /// For strips that need no decoding.
    pub rows: Option<Rows>,
    /// For blocks that are unpacked here.
    pub blocks: Option<Blocks>,
    pub planar: bool,
}

/// Bytes of unpacked blocks that stay in memory. Of strips twice as many do, since a row of windows takes all
/// strips that it touches; and how many rows of the image these are.
pub(super) fn strips_in_memory(
    image: &Image,
    layout: &RasterLayout,
    cache_bytes: usize,
) -> (usize, Option<u32>) {
    if image.ifd.is_tiled() || image.rows.is_some() {
        return (cache_bytes, None);
    }
    let twice = cache_bytes.saturating_mul(2).min(Storage::get().decoded_bytes()).max(cache_bytes);
    let bytes = if image.blocks.is_some() { twice } else { cache_bytes };
    let bands =
        if image.planar { layout.samples_per_pixel.min(SHOWN_BANDS) } else { layout.samples_per_pixel };
    let row = layout.width.saturating_mul(bands).saturating_mul(layout.bytes_per_sample).max(1);
    (bytes, Some(u32::try_from(bytes / row).unwrap_or(u32::MAX)))
}

/// The base image and its overviews, finest first, each with the mask of its size.
pub(super) fn levels(
    file: &TiffFile,
    images: Vec<Ifd>,
    base: Ifd,
    colours: Colours,
) -> Result<Vec<TiffLevel>, Fault> {
    let mut candidates: Vec<Ifd> = images.into_iter().filter(|ifd| ifd.offset() != base.offset()).collect();
    let nested = base.sub_ifd_offsets().unwrap_or_default().into_iter().take(64);
    let nested = nested.filter_map(|offset| file.read_ifd_at_offset(offset).ok());
    candidates.extend(nested.filter_map(|ifd| mend::mend(&ifd, file.source().len()).ok()));

    let (masks, images): (Vec<Ifd>, Vec<Ifd>) = candidates.into_iter().partition(is_mask);
    let mut images: Vec<Ifd> = images.into_iter().filter(|image| is_overview(&base, image)).collect();
    images.insert(0, base);
    images.sort_by_key(|image| std::cmp::Reverse(u64::from(image.width()) * u64::from(image.height())));
    images.dedup_by_key(|image| (image.width(), image.height()));
    let mut levels = Vec::new();
    for ifd in images {
        let same_size = |mask: &&Ifd| (mask.width(), mask.height()) == (ifd.width(), ifd.height());
        let mask = masks.iter().find(same_size);
        let mask = mask.map(|mask| Image::of(file, mask.clone(), Colours::AsStored)).transpose()?;
        match Image::of(file, ifd, colours) {
            Ok(image) => levels.push(TiffLevel { image, mask }),
            // An overview that can't be read isn't needed.
            Err(_) if !levels.is_empty() => {}
            Err(fault) => return Err(fault),
        }
    }
    Ok(levels)
}

impl Image {
    fn of(file: &TiffFile, ifd: Ifd, colours: Colours) -> Result<Self, Fault> {
        let kind = Kind::of(&ifd, file.byte_order())?;
        let stored = stored(&ifd)?;
        let own = colours != Colours::Decoded;
        Ok(Self {
            rows: if own && kind.is_plain() { Rows::of(file, &ifd, &kind.layout) } else { None },
            blocks: if own { Blocks::of(file, &ifd, &kind, stored) } else { None },
            planar: kind.layout.planar_configuration == 2,
            stored,
            ifd,
        })
    }

    /// What can be read at once, for those who plan reads.
    pub fn blocks(&self) -> Level {
        // Any part of a row can be read on its own; a kilopixel keeps the number of reads down.
        const PIECE: u32 = 1024;
        let Level { width, .. } = self.stored;
        match self.rows {
            Some(_) => Level { block_width: width.min(PIECE), block_height: 1, ..self.stored },
            None => self.stored,
        }
    }
}

pub(super) fn flags(ifd: &Ifd) -> u64 {
    ifd.tag(NEW_SUBFILE_TYPE).and_then(|tag| tag.value.as_u64()).unwrap_or(0)
}

fn is_mask(ifd: &Ifd) -> bool {
    flags(ifd) & MASK != 0 && ifd.samples_per_pixel() == 1
}

/// Whether an image is the base image made smaller: the same bands and type, both sides divided by the same
/// number, give or take a rounded pixel. Other pages and unrelated thumbnails are not.
fn is_overview(base: &Ifd, image: &Ifd) -> bool {
    let says_so = flags(image) & REDUCED != 0 || image.tag(NEW_SUBFILE_TYPE).is_none();
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

fn stored(image: &Ifd) -> Result<Level, Fault> {
    let (width, height) = (image.width(), image.height());
    let (block_width, block_height) = match (image.tile_width(), image.tile_height()) {
        (Some(tile_width), Some(tile_height)) => (tile_width, tile_height),
        _ => (width, image.rows_per_strip().min(height)),
    };
    if [width, height, block_width, block_height].contains(&0) {
        return Err(Fault::Damaged("an image or its tiles have no pixels".to_owned()));
    }
    Ok(Level { width, height, block_width, block_height })
}

/// Bytes of the largest strip or tile that has to be decoded. Refuses what does not fit into memory before
/// anything is decoded.
pub(super) fn largest_block(levels: &[TiffLevel], layout: &RasterLayout) -> Result<usize, Fault> {
    let bytes = |level: &TiffLevel| {
        let bands = if level.image.planar { 1 } else { layout.samples_per_pixel };
        let Level { block_width, block_height, .. } = level.image.stored;
        (block_width as usize)
            .saturating_mul(block_height as usize)
            .saturating_mul(bands * layout.bytes_per_sample)
    };
    let largest = levels.iter().filter(|level| level.image.rows.is_none()).map(bytes).max().unwrap_or(0);
    let most = Storage::get().decoded_bytes();
    // Of those that are read row by row, one row of the bands that are shown.
    let row = |level: &TiffLevel| {
        let bands = layout.samples_per_pixel.min(SHOWN_BANDS);
        (level.image.stored.width as usize).saturating_mul(bands * layout.bytes_per_sample)
    };
    let widest = levels.iter().filter(|level| level.image.rows.is_some()).map(row).max().unwrap_or(0);
    if widest > most {
        return Err(Fault::convert(format!("a row of it takes {} MiB", widest >> 20)));
    }
    if largest <= most {
        return Ok(largest);
    }
    Err(Fault::convert(format!(
        "it is stored in pieces of {} MiB and more than {} MiB cannot be decoded at once",
        largest >> 20,
        most >> 20
    )))
}

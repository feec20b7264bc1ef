//! What the rest of `raster` asks of a file format.

use std::path::PathBuf;

use serde::Serialize;

use crate::raster::band::Band;
use crate::raster::error::ReaderError;
use crate::raster::georeference::Georeference;
use crate::raster::rect::Rect;
use crate::raster::samples::SampleType;

/// An open file of one format. Reads may come from several threads at once.
pub(in crate::raster) trait Reader: Send + Sync {
    fn header(&self) -> &Header;

    /// The samples of `bands` (indices into [`Header::bands`]) inside `rect`, which lies inside the level:
    /// row by row, interleaved by pixel in the order of `bands`, in native byte order.
    fn read(&self, level: usize, rect: Rect, bands: &[usize]) -> Result<Vec<u8>, ReaderError>;

    /// One byte per pixel, 0 where the file's own mask says that there is no data; `None` without a mask.
    fn read_mask(&self, level: usize, rect: Rect) -> Result<Option<Vec<u8>>, ReaderError> {
        let _ = (level, rect);
        Ok(None)
    }

    /// One byte per pixel, 0 where any of `bands` is missing because its source file can't be opened; `None`
    /// where nothing is missing.
    fn read_missing(
        &self,
        level: usize,
        rect: Rect,
        bands: &[usize],
    ) -> Result<Option<Vec<u8>>, ReaderError> {
        let _ = (level, rect, bands);
        Ok(None)
    }

    /// The other files that make up this scene, such as bands and mosaic sources; without the one that was
    /// opened.
    fn source_files(&self) -> Vec<PathBuf> {
        Vec::new()
    }
}

/// The valid-data mask of some bands: the file's mask, less what is missing.
pub(in crate::raster) fn read_valid_mask(
    reader: &dyn Reader,
    level: usize,
    rect: Rect,
    bands: &[usize],
) -> Result<Option<Vec<u8>>, ReaderError> {
    let mask = reader.read_mask(level, rect)?;
    let Some(missing) = reader.read_missing(level, rect, bands)? else { return Ok(mask) };
    let Some(mut mask) = mask else { return Ok(Some(missing)) };
    mask.iter_mut().zip(missing).for_each(|(mask, missing)| *mask = (*mask).min(missing));
    Ok(Some(mask))
}

/// What a file says about itself.
#[derive(Clone)]
pub(in crate::raster) struct Header {
    /// "TIFF", "`BigTIFF`", "PNG"…
    pub format: &'static str,
    /// "deflate", "jpeg", "none"…
    pub compression: &'static str,
    pub sample_type: SampleType,
    /// Bits in use per sample: fewer than the type has in files of 1, 2, 4 or 12 bits.
    pub bits: u16,
    /// At least one.
    pub bands: Vec<Band>,
    /// How level 0 is stored in the file; [`Level`] says what can be read at once. `None` for a file that is
    /// decoded as a whole, whose overviews are made when it is opened.
    pub stored_blocks: Option<BlockInfo>,
    /// Finest first; at least one.
    pub levels: Vec<Level>,
    /// If level 0 is stored in compressed strips: how many of its rows the block cache holds.
    pub cached_strip_rows: Option<u32>,
    pub nodata: Option<f64>,
    /// The colour table of the first band.
    pub palette: Option<Vec<[u8; 3]>>,
    /// 0 is white (photometric interpretation `MinIsWhite`).
    pub white_is_zero: bool,
    pub has_mask: bool,
    pub georeference: Option<Georeference>,
    /// Remarks for the user on how the file is read. Each becomes a notice, after the file's name and a
    /// colon.
    pub remarks: Vec<String>,
}

/// The size of a level, and of the blocks that can be decoded on their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::raster) struct Level {
    pub width: u32,
    pub height: u32,
    pub block_width: u32,
    pub block_height: u32,
}

/// The strips or tiles in which a file stores its pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct BlockInfo {
    /// Tiles are narrower than the scene, strips are not.
    pub tiled: bool,
    pub width: u32,
    pub height: u32,
}

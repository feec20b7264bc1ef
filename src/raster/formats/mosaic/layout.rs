//! What a mosaic is made of.

use std::path::PathBuf;

use super::resampling::Resampling;
use crate::raster::band::Band;
use crate::raster::georeference::Georeference;
use crate::raster::samples::SampleType;

/// A rectangle in fractional pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::raster) struct FloatRect {
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub height: f64,
}

/// A rectangle of a file's pixels, and where it goes in the mosaic.
#[derive(Clone, Debug)]
pub(in crate::raster) struct MosaicSource {
    /// The index in [`MosaicLayout::files`].
    pub file: usize,
    /// Bands of the mosaic with the bands of the file that fill them; empty for a source of the mask.
    pub bands: Vec<(usize, usize)>,
    pub src_rect: FloatRect,
    pub dst_rect: FloatRect,
    /// The value in the file that is left out.
    pub nodata: Option<f64>,
    /// Values are multiplied by the first and then increased by the second.
    pub scale: Option<(f64, f64)>,
    /// Whether pixels outside the file's own mask are left out.
    pub masked: bool,
    /// How the pixels are resampled to the size of `dst_rect`.
    pub resampling: Resampling,
}

/// The sources of a mosaic, later ones over earlier ones, and what its header says.
pub(in crate::raster) struct MosaicLayout {
    pub format: &'static str,
    pub width: u32,
    pub height: u32,
    pub sample_type: SampleType,
    pub bands: Vec<Band>,
    pub nodata: Option<f64>,
    pub palette: Option<Vec<[u8; 3]>>,
    pub georeference: Option<Georeference>,
    pub files: Vec<PathBuf>,
    pub sources: Vec<MosaicSource>,
    pub has_mask: bool,
    /// As [`Reader::source_files`](crate::raster::reader::Reader::source_files).
    pub source_files: Vec<PathBuf>,
}

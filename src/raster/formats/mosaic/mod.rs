//! One scene made of many files: what VRTs and products have in common.
//!
//! Each source puts a rectangle of a file's pixels into a rectangle of the mosaic, over what earlier sources
//! put there. What no source covers is nodata.
//!
//! - [`layout`]: the sources.
//! - [`files`]: their files, opened when needed.
//! - [`spatial_index`]: which sources touch a region.
//! - [`axis`]: where the pixels of a source lie on its file.
//! - [`composite`]: the pixels of one source, copied or resampled into a region; [`resampling`]: the kernels.
//! - [`missing`]: where data is missing because a file can't be opened.

mod axis;
mod composite;
mod files;
pub mod layout;
mod missing;
mod resampling;
mod spatial_index;

use std::path::{Path, PathBuf};

use crate::raster::band::Role;
use crate::raster::error::ReaderError;
use crate::raster::formats::open_context::OpenContext;
use crate::raster::reader::{Header, Level, Reader};
use crate::raster::rect::Rect;
use crate::raster::samples::{nearest_bytes, value};
use axis::Axes;
use composite::{Composite, for_each_chunk};
use files::{SourceFiles, Unavailable};
use layout::{MosaicLayout, MosaicSource};
pub(in crate::raster) use resampling::Resampling;
use spatial_index::SourceIndex;

/// How many pixels of a file are read at once.
const CHUNK_PIXELS: u64 = 4 << 20;
/// How many files are opened to find out the levels of the mosaic.
const MAX_INSPECTED: usize = 8;
/// The block size if the files have none that is practical.
const DEFAULT_BLOCK: u32 = 512;

pub(in crate::raster) struct Mosaic {
    header: Header,
    sources: Vec<MosaicSource>,
    index: Option<SourceIndex>,
    files: SourceFiles,
    source_files: Vec<PathBuf>,
}

impl Mosaic {
    /// `inside` is the context of the mosaic's sources, from the path of the mosaic.
    pub fn new(layout: MosaicLayout, inside: &OpenContext) -> Result<Self, ReaderError> {
        let files = SourceFiles::new(layout.files, layout.sources.len(), inside)?;
        let full = Level {
            width: layout.width,
            height: layout.height,
            block_width: DEFAULT_BLOCK,
            block_height: DEFAULT_BLOCK,
        };
        let header = Header {
            format: layout.format,
            compression: "none",
            sample_type: layout.sample_type,
            bits: u16::try_from(layout.sample_type.bytes() * 8).unwrap_or(64),
            bands: layout.bands,
            stored_blocks: None,
            levels: vec![full],
            cached_strip_rows: None,
            nodata: layout.nodata,
            palette: layout.palette,
            white_is_zero: false,
            has_mask: layout.has_mask,
            georeference: layout.georeference,
            remarks: Vec::new(),
        };
        let index = SourceIndex::of(&layout.sources, full);
        let source_files = layout.source_files;
        let mut mosaic = Self { header, sources: layout.sources, index, files, source_files };
        mosaic.inspect_files(full)?;
        Ok(mosaic)
    }

    /// Takes block size, compression and levels from a few of the files.
    fn inspect_files(&mut self, full: Level) -> Result<(), ReaderError> {
        let count = self.sources.len();
        // No more than stay open: files of nested mosaics would open one another again and again.
        let inspected = count.min(MAX_INSPECTED).min(self.files.max_open());
        let mut coarsest: Option<u32> = None;
        let mut failed = None;
        let mut block = None;
        for step in 0..inspected {
            let Some(source) = self.sources.get(step * count / inspected) else { continue };
            let file = match self.files.try_get(source.file) {
                Ok(Some(file)) => file,
                Ok(None) => continue,
                Err(Unavailable::TooNested(what)) => return Err(ReaderError::TooNested(what)),
                Err(Unavailable::Unreadable(message)) => {
                    failed.get_or_insert(message);
                    continue;
                }
            };
            let header = file.header();
            let Some(base) = header.levels.first() else { continue };
            let ratio = source.src_rect.width / source.dst_rect.width;
            let last = header.levels.last().map_or(1.0, |last| f64::from(base.width) / f64::from(last.width));
            // An overview of odd size is slightly finer or coarser than half.
            let powers = (last / ratio * 1.02).log2().clamp(0.0, 31.0) as u32;
            coarsest = Some(coarsest.map_or(powers, |coarsest| coarsest.min(powers)));
            if block.is_none() {
                self.header.compression = header.compression;
                block = Some((base.block_width, base.block_height));
            }
        }
        let Some(coarsest) = coarsest else {
            let reason = failed.unwrap_or_else(|| "it names none".to_owned());
            if count > inspected {
                return Ok(());
            }
            let what = format!("none of its source files can be opened ({reason})");
            return Err(ReaderError::unsupported(what, "put them where it names them"));
        };
        let is_practical = |side: &u32| (64..=2048).contains(side);
        let (block_width, block_height) = block
            .filter(|(width, height)| is_practical(width) && is_practical(height))
            .unwrap_or((DEFAULT_BLOCK, DEFAULT_BLOCK));
        let levels = (0..=coarsest).filter_map(|power| {
            let width = full.width.div_ceil(1 << power);
            let height = full.height.div_ceil(1 << power);
            (power == 0 || width > 1 || height > 1).then_some(Level {
                width,
                height,
                block_width,
                block_height,
            })
        });
        self.header.levels = levels.collect();
        Ok(())
    }

    /// The indices of the sources that touch a region of level 0, in order.
    fn touching(&self, left: f64, top: f64, right: f64, bottom: f64) -> Vec<usize> {
        let touches = |index: &usize| {
            self.sources.get(*index).is_some_and(|MosaicSource { dst_rect, .. }| {
                dst_rect.x < right
                    && dst_rect.y < bottom
                    && dst_rect.x + dst_rect.width > left
                    && dst_rect.y + dst_rect.height > top
            })
        };
        let Some(index) = &self.index else { return (0..self.sources.len()).filter(touches).collect() };
        let mut found = index.touching(left, top, right, bottom);
        found.sort_unstable();
        found.dedup();
        found.retain(touches);
        found
    }

    /// How many level-0 pixels one pixel of a level is wide and high.
    fn level_factor(&self, level: usize) -> Result<(f64, f64), ReaderError> {
        match (self.header.levels.first(), self.header.levels.get(level)) {
            (Some(full), Some(level)) => Ok((
                f64::from(full.width) / f64::from(level.width),
                f64::from(full.height) / f64::from(level.height),
            )),
            _ => Err(ReaderError::Damaged(format!("it has no level {level}"))),
        }
    }

    /// Calls `act` with each source that touches a region of a level, and with the level's factor.
    fn for_each_source(
        &self,
        level: usize,
        rect: Rect,
        mut act: impl FnMut(&MosaicSource, (f64, f64)) -> Result<(), ReaderError>,
    ) -> Result<(), ReaderError> {
        let (x, y) = self.level_factor(level)?;
        let (left, top) = (f64::from(rect.x) * x, f64::from(rect.y) * y);
        let (right, bottom) = (f64::from(rect.right()) * x, f64::from(rect.bottom()) * y);
        for index in self.touching(left, top, right, bottom) {
            if let Some(source) = self.sources.get(index) {
                act(source, (x, y))?;
            }
        }
        Ok(())
    }

    /// Adds the name of a source's file to its error.
    fn named(&self, source: &MosaicSource, error: ReaderError) -> ReaderError {
        let path = self.files.path(source.file).map(Path::display);
        let path = path.map(|path| path.to_string()).unwrap_or_default();
        match error {
            ReaderError::Damaged(reason) => ReaderError::Damaged(format!("{path}: {reason}")),
            ReaderError::Io(error) => ReaderError::Damaged(format!("{path}: {error}")),
            error => error,
        }
    }
}

impl Reader for Mosaic {
    fn header(&self) -> &Header {
        &self.header
    }

    fn read(&self, level: usize, rect: Rect, bands: &[usize]) -> Result<Vec<u8>, ReaderError> {
        let sample_type = self.header.sample_type;
        let fill = nearest_bytes(sample_type, self.header.nodata.unwrap_or(0.0));
        let mut out = fill.repeat(rect.width as usize * rect.height as usize * bands.len());
        self.for_each_source(level, rect, |source, factor| {
            let slots = band_slots(source, bands);
            if slots.is_empty() {
                return Ok(());
            }
            let Some(file) = self.files.get(source.file)? else { return Ok(()) };
            if slots.iter().any(|slot| slot.band >= file.header().bands.len()) {
                let error = ReaderError::Damaged("it has fewer bands than are asked of it".to_owned());
                return Err(self.named(source, error));
            }
            let Some(axes) = Axes::of(source, &file.header().levels, rect, factor) else { return Ok(()) };
            let slot_count = bands.len();
            let composite = Composite { source, file: &*file, axes, slots, rect, sample_type, slot_count };
            composite.apply(&mut out).map_err(|error| self.named(source, error))
        })?;
        Ok(out)
    }

    fn read_mask(&self, level: usize, rect: Rect) -> Result<Option<Vec<u8>>, ReaderError> {
        if !self.header.has_mask {
            return Ok(None);
        }
        let mut out = vec![0; rect.width as usize * rect.height as usize];
        self.for_each_source(level, rect, |source, factor| {
            if !source.bands.is_empty() {
                return Ok(());
            }
            let Some(file) = self.files.get(source.file)? else { return Ok(()) };
            let Some(axes) = Axes::of(source, &file.header().levels, rect, factor) else { return Ok(()) };
            for_each_chunk(&axes, |level, chunk, pixels| {
                let mask = mask_of(&*file, level, chunk).map_err(|error| self.named(source, error))?;
                pixels.for_each(|from, to| {
                    let value = mask.as_ref().map_or(255, |mask| mask.get(from).copied().unwrap_or(0));
                    if let Some(out) = out.get_mut(to) {
                        *out = value;
                    }
                });
                Ok(())
            })
        })?;
        Ok(Some(out))
    }

    fn read_missing(
        &self,
        level: usize,
        rect: Rect,
        bands: &[usize],
    ) -> Result<Option<Vec<u8>>, ReaderError> {
        self.find_missing(level, rect, bands)
    }

    fn source_files(&self) -> Vec<PathBuf> {
        self.source_files.clone()
    }
}

/// Where in an output pixel a band of the file goes.
#[derive(Clone, Copy)]
struct BandSlot {
    slot: usize,
    band: usize,
}

/// The slots that a source fills in a pixel made of `bands`.
fn band_slots(source: &MosaicSource, bands: &[usize]) -> Vec<BandSlot> {
    let of_band = |(slot, band): (usize, &usize)| {
        let matching = source.bands.iter().filter(|(ours, _)| ours == band);
        matching.map(|&(_, band)| BandSlot { slot, band }).collect::<Vec<_>>()
    };
    bands.iter().enumerate().flat_map(of_band).collect()
}

/// Where a file has data, by its mask, its alpha band or its nodata value.
fn mask_of(file: &dyn Reader, level: usize, rect: Rect) -> Result<Option<Vec<u8>>, ReaderError> {
    if let Some(mask) = file.read_mask(level, rect)? {
        return Ok(Some(mask));
    }
    let header = file.header();
    let alpha = header.bands.iter().position(|band| band.role == Role::Alpha);
    let Some((band, nodata)) = alpha.map(|band| (band, 0.0)).or(header.nodata.map(|nodata| (0, nodata)))
    else {
        return Ok(None);
    };
    let data = file.read(level, rect, &[band])?;
    let samples = data.chunks_exact(header.sample_type.bytes());
    Ok(Some(samples.map(|sample| u8::from(value(header.sample_type, sample) != nodata) * 255).collect()))
}

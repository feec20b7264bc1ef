//! JPEG 2000: tiles are decoded on their own, at any resolution that the wavelets hold.
//!
//! - [`boxes`]: the boxes of a JP2 file.
//! - [`codestream`]: the codestream, cut into single tiles.
//! - [`memory_estimate`]: how much memory the decoder needs for a tile.
//! - [`gml`]: the georeference of GMLJP2.

mod boxes;
mod codestream;
mod gml;
mod memory_estimate;

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use hayro_jpeg2000::{ColorSpace, DecodeSettings, DecoderContext, Image};
use rayon::prelude::*;
use tiff_reader::TiffFile;

use crate::notices::Notices;
use crate::raster::band::{Band, Role};
use crate::raster::cache::block_cache::BlockCache;
use crate::raster::error::{RasterError, ReaderError, catch_panics};
use crate::raster::georeference::{Affine, Georeference};
use crate::raster::interleave::{copy_overlap, pick_bands};
use crate::raster::reader::{BlockInfo, Header, Level, Reader};
use crate::raster::rect::Rect;
use crate::raster::samples::SampleType;
use crate::raster::storage::MemoryBudget;
use boxes::Boxes;
use codestream::Codestream;

/// Levels end once both sides are at most this long.
const SMALLEST_SIDE: u32 = 256;
/// Bytes that the decoder needs per sample: the result and its coefficients are floats.
const DECODER_BYTES: usize = 4;

struct Jp2Reader {
    file: File,
    header: Header,
    boxes: Boxes,
    stream: Codestream,
    cache: BlockCache,
    memory: MemoryBudget,
}

/// Opens a JP2 file or a bare codestream. A notice tells if a part of it is missing.
pub(in crate::raster) fn open(
    path: &Path,
    memory: MemoryBudget,
    notices: &Notices,
) -> Result<Box<dyn Reader>, RasterError> {
    let reader = catch_panics(|| Jp2Reader::open(path, memory)).map_err(|error| error.for_file(path))?;
    let (tiles, lacking) = reader.stream.count_tiles();
    if lacking > 0 {
        let name = path.display();
        let verb = if lacking == 1 { "is" } else { "are" };
        notices.tell(format!(
            "{name} is cut off: {lacking} of its {tiles} tiles {verb} incomplete and cannot be read; copy or \
             download it again"
        ));
    }
    Ok(Box::new(reader))
}

impl Jp2Reader {
    fn open(path: &Path, memory: MemoryBudget) -> Result<Self, ReaderError> {
        let file = File::open(path).map_err(ReaderError::Io)?;
        let length = file.metadata().map_err(ReaderError::Io)?.len();
        let boxes = boxes::read(&file, length)?;
        let stream = Codestream::read(&file, boxes.codestream)?;
        check(&stream)?;
        let levels = levels(&stream, boxes.has_palette);
        let first = stream.tile(&file, 0)?;
        let overhead = decoder_overhead(&stream, 0, &first)?;
        let first = wrapped(&boxes, &first);
        let image = Image::new(&first, &DecodeSettings::default()).map_err(decoder_error)?;
        let bands = bands(&image, &boxes)?;
        let sample_type = if stream.precision <= 8 { SampleType::Uint8 } else { SampleType::Uint16 };
        let finest =
            levels.first().copied().ok_or_else(|| ReaderError::Damaged("it has no pixels".to_owned()))?;
        check_memory(finest, bands.len().max(stream.components), overhead, memory)?;
        let header = Header {
            format: "JPEG 2000",
            compression: "jpeg2000",
            sample_type,
            bits: u16::from(stream.precision),
            bands,
            stored_blocks: Some(BlockInfo {
                tiled: finest.block_width < finest.width,
                width: finest.block_width,
                height: finest.block_height,
            }),
            levels,
            cached_strip_rows: None,
            nodata: None,
            palette: None,
            white_is_zero: false,
            has_mask: false,
            georeference: georeference(&boxes),
            remarks: Vec::new(),
        };
        let cache = BlockCache::new(memory.block_cache);
        Ok(Self { file, header, boxes, stream, cache, memory })
    }

    /// A tile's samples, with all bands interleaved, and its position on the level.
    fn tile(&self, level: usize, tile: u32) -> Result<(Rect, Arc<Vec<u8>>), ReaderError> {
        let place = self.stream.place(tile, level as u8);
        if let Some(samples) = self.cache.get((level, tile)) {
            return Ok((place, samples));
        }
        let stream = self.stream.tile(&self.file, tile)?;
        // Each tile may have a coding style of its own.
        if decoder_overhead(&self.stream, tile, &stream)? > self.memory.total {
            return Err(ReaderError::Damaged(format!("tile {tile} is cut into too many pieces to be true")));
        }
        let stream = wrapped(&self.boxes, &stream);
        let samples = Arc::new(catch_panics(|| self.decode(&stream, tile, level as u8, place))?);
        self.cache.insert((level, tile), &samples);
        Ok((place, samples))
    }

    fn decode(&self, stream: &[u8], tile: u32, halvings: u8, place: Rect) -> Result<Vec<u8>, ReaderError> {
        // The decoder can halve a tile as long as both sides have at least one pixel; beyond that, pixels are
        // picked.
        let full = self.stream.place(tile, 0);
        let possible = full.width.min(full.height).max(1).ilog2() as u8;
        let decoded = halvings.min(possible);
        let target = (decoded > 0).then(|| (full.width >> decoded, full.height >> decoded));
        let settings = DecodeSettings { target_resolution: target, ..DecodeSettings::default() };
        let image = Image::new(stream, &settings).map_err(decoder_error)?;
        let mut context = DecoderContext::default();
        let size = self.stream.place(tile, decoded);
        let width = image.width() as usize;
        let image = image.decode(&mut context).map_err(decoder_error)?;
        let components = image.components();
        let samples = (size.width as usize).saturating_mul(size.height as usize);
        let fits = components.iter().all(|component| component.samples().len() == samples);
        if components.len() != self.header.bands.len() || !fits || width != size.width as usize {
            return Err(ReaderError::Damaged(format!("tile {tile} is not of the kind that the others are")));
        }
        let step = halvings - decoded;
        let mut data =
            Vec::with_capacity(place.width as usize * place.height as usize * components.len() * 2);
        for y in 0..place.height {
            let row = ((y << step).min(size.height - 1)) as usize * width;
            for x in 0..place.width {
                let at = row + ((x << step).min(size.width - 1)) as usize;
                for component in components {
                    let value = component.samples().get(at).copied().unwrap_or(0.0).round();
                    match self.header.sample_type {
                        SampleType::Uint8 => data.push(value as u8),
                        _ => data.extend((value as u16).to_ne_bytes()),
                    }
                }
            }
        }
        Ok(data)
    }
}

impl Reader for Jp2Reader {
    fn header(&self) -> &Header {
        &self.header
    }

    fn read(&self, level: usize, rect: Rect, bands: &[usize]) -> Result<Vec<u8>, ReaderError> {
        let pixel = self.header.bands.len() * self.header.sample_type.bytes();
        let row = rect.width as usize * pixel;
        let mut data = vec![0; row * rect.height as usize];
        let tiles = self.stream.tiles_in(rect, level as u8);
        // A few at a time, so that memory is bounded by the number of threads and not by the region.
        for batch in tiles.chunks(rayon::current_num_threads().max(1)) {
            let decoded: Vec<_> = batch.par_iter().map(|&tile| self.tile(level, tile)).collect();
            for tile in decoded {
                let (place, samples) = tile?;
                copy_overlap(&samples, place, &mut data, rect, pixel);
            }
        }
        Ok(pick_bands(data, self.header.bands.len(), self.header.sample_type.bytes(), bands))
    }
}

/// Refuses codestreams whose samples can't be read.
fn check(stream: &Codestream) -> Result<(), ReaderError> {
    if stream.signed || stream.precision > 16 {
        return Err(ReaderError::convert(format!(
            "its samples ({}{} bits) are not of a type that Skysift reads in JPEG 2000",
            if stream.signed { "signed, " } else { "" },
            stream.precision
        )));
    }
    if stream.subsampled {
        return Err(ReaderError::convert("its bands have fewer samples than the image has pixels"));
    }
    Ok(())
}

/// Bytes that the decoder allocates for a tile besides its samples.
fn decoder_overhead(stream: &Codestream, tile: u32, coded: &[u8]) -> Result<usize, ReaderError> {
    let Rect { width, height, .. } = stream.place(tile, 0);
    let bytes = memory_estimate::decoder_bytes(coded, [width, height], stream.components)?;
    Ok(usize::try_from(bytes).unwrap_or(usize::MAX))
}

/// Refuses tiles that don't fit into memory.
fn check_memory(
    finest: Level,
    bands: usize,
    overhead: usize,
    memory: MemoryBudget,
) -> Result<(), ReaderError> {
    let pixels = (finest.block_width as usize).saturating_mul(finest.block_height as usize);
    let needed = pixels.saturating_mul(bands + 2).saturating_mul(DECODER_BYTES).saturating_add(overhead);
    if needed <= memory.total {
        return Ok(());
    }
    Err(ReaderError::convert(format!(
        "it is stored in pieces of {} x {} pixels, and decoding one takes {} MiB of memory",
        finest.block_width,
        finest.block_height,
        needed >> 20
    )))
}

/// The file with all tiles but one left out, as the decoder expects it.
fn wrapped(boxes: &Boxes, codestream: &[u8]) -> Vec<u8> {
    if boxes.prefix.is_empty() {
        return codestream.to_vec();
    }
    let mut file = boxes.prefix.clone();
    // A length of 0: the last box extends to the end of the file.
    file.extend([0, 0, 0, 0]);
    file.extend(b"jp2c");
    file.extend(codestream);
    file
}

/// The levels; only the full one where `whole_only`, since palette indices can't be halved.
fn levels(stream: &Codestream, whole_only: bool) -> Vec<Level> {
    let deepest = if whole_only { 0 } else { stream.decompositions.min(30) };
    let mut levels = Vec::new();
    for halvings in 0..=deepest {
        let [width, height] = stream.size(halvings);
        let [tile_width, tile_height] = stream.tile_size.map(|side| (side >> halvings).max(1));
        if width == 0 || height == 0 {
            break;
        }
        levels.push(Level {
            width,
            height,
            block_width: tile_width.min(width),
            block_height: tile_height.min(height),
        });
        if width <= SMALLEST_SIDE && height <= SMALLEST_SIDE {
            break;
        }
    }
    levels
}

fn bands(image: &Image, boxes: &Boxes) -> Result<Vec<Band>, ReaderError> {
    let colours: &[Role] = match image.color_space() {
        ColorSpace::Gray | ColorSpace::Icc { num_channels: 1, .. } => &[Role::Grey],
        ColorSpace::RGB | ColorSpace::Icc { num_channels: 3, .. } => &[Role::Red, Role::Green, Role::Blue],
        ColorSpace::CMYK if !boxes.is_cmyk() => &[Role::Red, Role::Green, Role::Blue],
        ColorSpace::CMYK | ColorSpace::Icc { num_channels: 4, .. } => {
            return Err(ReaderError::convert(
                "its colours are CMYK, which Skysift does not read in JPEG 2000",
            ));
        }
        ColorSpace::Unknown { .. } | ColorSpace::Icc { .. } => &[],
    };
    let count = usize::from(image.color_space().num_channels());
    let mut bands: Vec<Band> =
        (0..count).map(|index| Band::new(colours.get(index).copied().unwrap_or(Role::Undefined))).collect();
    if image.has_alpha() {
        bands.push(Band::new(Role::Alpha));
    }
    Ok(bands)
}

/// The georeference, in GDAL's order of precedence: GMLJP2, then `GeoJP2`.
fn georeference(boxes: &Boxes) -> Option<Georeference> {
    let grid = boxes.gml.as_deref().and_then(gml::parse);
    if let Some(grid) = grid {
        return Georeference::new(Affine::new(grid.transform), grid.crs);
    }
    let tiff = TiffFile::from_bytes(boxes.geo_tiff.clone()?).ok()?;
    Georeference::from_tags(tiff.ifds().first()?)
}

fn decoder_error(error: hayro_jpeg2000::DecodeError) -> ReaderError {
    ReaderError::Damaged(error.to_string())
}

//! TIFF and `BigTIFF`, read block by block.
//!
//! - [`repair`]: tags that are missing or wrong, as libtiff and GDAL understand them.
//! - [`tags`]: what tags say about the bands.
//! - [`colours`]: photometric interpretations; [`cmyk`]: CMYK to RGB.
//! - [`encoding`]: how samples are stored.
//! - [`levels`]: the images of a file: full resolution, overviews and masks.
//! - [`uncompressed`]: strips read row by row; [`blocks`] and [`codec`]: blocks that are decompressed here.
//!   The rest is decoded by `tiff-reader`.
//! - [`sparse`]: blocks that were never written; [`cut_off`]: blocks that are missing.

mod blocks;
mod cmyk;
mod codec;
mod colours;
mod cut_off;
mod encoding;
mod levels;
mod repair;
mod sparse;
mod tags;
mod uncompressed;

use std::path::Path;
use std::sync::Arc;

use tiff_reader::source::{FileSource, SharedSource};
use tiff_reader::{ByteOrder, ColorModel, Ifd, OpenOptions, ParseBudgets, RasterLayout, TiffError, TiffFile};

use crate::notices::Notices;
use crate::raster::cache::block_cache::BlockCache;
use crate::raster::error::{RasterError, ReaderError, catch_panics};
use crate::raster::georeference::Georeference;
use crate::raster::interleave::{interleave, pick_bands};
use crate::raster::reader::{BlockInfo, Header, Reader};
use crate::raster::rect::Rect;
use crate::raster::storage::MemoryBudget;
use colours::ColourConversion;
use encoding::SampleEncoding;
use levels::{Image, MASK, REDUCED, TiffLevel, largest_block, levels, strip_cache, subfile_type};

/// Opens a file. A notice tells if a part of it is missing.
pub(in crate::raster) fn open(
    path: &Path,
    memory: MemoryBudget,
    notices: &Notices,
) -> Result<Box<dyn Reader>, RasterError> {
    let open = || {
        let source = FileSource::open(path).map_err(reader_error)?;
        open_source(&(Arc::new(source) as SharedSource), path, memory, notices)
    };
    catch_panics(open).map_err(|error| error.for_file(path))
}

/// As [`open`], from any source of bytes, which has a name for notices. May panic.
pub(in crate::raster) fn open_source(
    source: &SharedSource,
    name: &Path,
    memory: MemoryBudget,
    notices: &Notices,
) -> Result<Box<dyn Reader>, ReaderError> {
    let reader = TiffReader::open(source, memory)?;
    if let Some(cut_off) = cut_off::notice(&name.display().to_string(), &reader.levels, source.len()) {
        notices.tell(cut_off);
    }
    Ok(Box::new(reader))
}

struct TiffReader {
    file: TiffFile,
    header: Header,
    levels: Vec<TiffLevel>,
    conversion: ColourConversion,
    /// Whether LERC data has to be byte-swapped: libtiff swaps it in big-endian files, which the decoder
    /// doesn't know.
    swaps_bytes: bool,
    layout: RasterLayout,
    /// Blocks that were decompressed here; the others are in the decoder's own cache.
    block_cache: BlockCache,
}

impl TiffReader {
    fn open(source: &SharedSource, memory: MemoryBudget) -> Result<Self, ReaderError> {
        let mut file = open_file(source, memory)?;
        let images: Vec<Ifd> = file
            .ifds()
            .iter()
            .map(|ifd| repair::repair(ifd, source.len()))
            .collect::<Result<_, _>>()
            .map_err(reader_error)?;
        let base = images.iter().find(|ifd| subfile_type(ifd) & (REDUCED | MASK) == 0).or(images.first());
        let base = base.ok_or_else(|| ReaderError::Damaged("it holds no image".to_owned()))?.clone();
        let compression = codec::name(&base)?;
        colours::check(&base)?;
        let encoding = SampleEncoding::of(&base, file.byte_order())?;
        let color_model = base.color_model().map_err(reader_error)?;
        let conversion = ColourConversion::of(&base, &color_model, &encoding);
        let (layout, sample_type) = match conversion {
            ColourConversion::None => (encoding.layout, encoding.sample_type),
            ColourConversion::ByDecoder => {
                let layout = base.decoded_raster_layout().map_err(reader_error)?;
                (layout, encoding::sample_type(&layout)?)
            }
            ColourConversion::Cmyk => {
                (RasterLayout { samples_per_pixel: 3, ..encoding.layout }, encoding.sample_type)
            }
        };
        let palette = match &color_model {
            ColorModel::Palette { color_map, .. } => Some(colours::palette(color_map)),
            _ => None,
        };

        let levels = levels(&file, images, base, conversion, memory)?;
        let Some(TiffLevel { image, mask }) = levels.first() else {
            return Err(ReaderError::Damaged("it holds no image".to_owned()));
        };
        let largest = largest_block(&levels, &layout, memory)?;
        if largest > memory.block_cache && levels.iter().any(|level| level.image.blocks.is_none()) {
            // A block that doesn't fit into the cache would be decoded again for every region.
            file = open_file(source, MemoryBudget { block_cache: largest, ..memory })?;
        }
        let block_cache = memory.block_cache.max(largest);
        let (cache_bytes, cached_strip_rows) =
            strip_cache(image, &layout, MemoryBudget { block_cache, ..memory });
        let mut remarks = Vec::new();
        if encoding.is_complex() {
            remarks.push(
                "its samples are complex numbers, which are shown by their magnitude in decibels".to_owned(),
            );
        }
        if matches!(color_model, ColorModel::Cmyk { .. }) {
            remarks
                .push("its four inks are shown as red, green and blue without a colour profile".to_owned());
        }
        let header = Header {
            format: if file.is_bigtiff() { "BigTIFF" } else { "TIFF" },
            compression,
            sample_type,
            bits: layout.bits_per_sample,
            bands: tags::bands(&image.ifd, layout.samples_per_pixel),
            stored_blocks: Some(BlockInfo {
                tiled: image.ifd.is_tiled(),
                width: image.stored.block_width,
                height: image.stored.block_height,
            }),
            levels: levels.iter().map(|level| level.image.readable_blocks()).collect(),
            cached_strip_rows,
            // The complex number 0 has no logarithm, and so counts as nodata anyway.
            nodata: if encoding.is_complex() { None } else { tags::nodata(&image.ifd) },
            palette,
            white_is_zero: matches!(color_model, ColorModel::Grayscale { white_is_zero: true, .. }),
            has_mask: mask.is_some(),
            georeference: Georeference::from_tags(&image.ifd),
            remarks,
        };
        let swaps_bytes = compression == "lerc" && file.byte_order() == ByteOrder::BigEndian;
        let block_cache = BlockCache::new(cache_bytes);
        Ok(Self { file, header, levels, conversion, swaps_bytes, layout, block_cache })
    }

    /// Reads bands after colour conversion.
    fn read_bands(&self, image: &Image, rect: Rect, bands: &[usize]) -> Result<Vec<u8>, ReaderError> {
        match self.conversion {
            ColourConversion::None => self.read_stored(image, rect, bands),
            ColourConversion::ByDecoder => {
                let (row, column) = (rect.y as usize, rect.x as usize);
                let (rows, columns) = (rect.height as usize, rect.width as usize);
                let all = self
                    .file
                    .read_decoded_window_bytes_from_ifd(&image.ifd, row, column, rows, columns)
                    .map_err(reader_error)?;
                Ok(pick_bands(all, self.layout.samples_per_pixel, self.layout.bytes_per_sample, bands))
            }
            ColourConversion::Cmyk => {
                let cmyk = self.read_stored(image, rect, &[0, 1, 2, 3])?;
                Ok(cmyk::to_rgb(&cmyk, self.header.sample_type, bands))
            }
        }
    }

    /// Reads bands as they are stored.
    fn read_stored(&self, image: &Image, rect: Rect, bands: &[usize]) -> Result<Vec<u8>, ReaderError> {
        let Image { ifd, uncompressed, blocks, planar, .. } = image;
        if let Some(uncompressed) = uncompressed {
            return uncompressed.read(&self.file, ifd, rect, bands).map_err(reader_error);
        }
        if let Some(blocks) = blocks {
            let read = blocks.read(&self.file, ifd, &self.block_cache, rect, bands);
            if read.is_ok() || !blocks.has_fallback() {
                return read;
            }
        }
        let (row, column) = (rect.y as usize, rect.x as usize);
        let (height, width) = (rect.height as usize, rect.width as usize);
        let RasterLayout { samples_per_pixel, bytes_per_sample, .. } =
            ifd.raster_layout().map_err(reader_error)?;
        // Pixel-interleaved images with few other bands are cheaper to read whole, all others band by band.
        if !planar && samples_per_pixel <= bands.len() + 1 {
            let all = self
                .file
                .read_window_bytes_from_ifd(ifd, row, column, height, width)
                .map_err(reader_error)?;
            return Ok(pick_bands(all, samples_per_pixel, bytes_per_sample, bands));
        }
        let mut planes = Vec::with_capacity(bands.len());
        for &band in bands {
            let plane = self
                .file
                .read_band_window_bytes_from_ifd(ifd, band, row, column, height, width)
                .map_err(reader_error)?;
            planes.push(plane);
        }
        Ok(interleave(planes, bytes_per_sample))
    }

    /// Cached blocks need no read, but become invalid if the source has changed, which a read of no bytes
    /// reveals.
    fn check_source(&self) -> Result<(), ReaderError> {
        self.file.source().read_exact_at(0, 0).map(drop).map_err(reader_error)
    }

    fn level(&self, level: usize) -> Result<&TiffLevel, ReaderError> {
        self.levels.get(level).ok_or_else(|| ReaderError::Damaged(format!("it has no level {level}")))
    }
}

impl Reader for TiffReader {
    fn header(&self) -> &Header {
        &self.header
    }

    fn read(&self, level: usize, rect: Rect, bands: &[usize]) -> Result<Vec<u8>, ReaderError> {
        let level = self.level(level)?;
        self.check_source()?;
        let mut data = catch_panics(|| self.read_bands(&level.image, rect, bands))?;
        if self.swaps_bytes {
            data.chunks_exact_mut(self.layout.bytes_per_sample).for_each(<[u8]>::reverse);
        }
        sparse::fill(&self.header, &level.image, rect, bands, &mut data);
        Ok(data)
    }

    fn read_mask(&self, level: usize, rect: Rect) -> Result<Option<Vec<u8>>, ReaderError> {
        let Some(mask) = &self.level(level)?.mask else { return Ok(None) };
        self.check_source()?;
        catch_panics(|| self.read_stored(mask, rect, &[0]).map(Some))
    }
}

fn open_file(source: &SharedSource, memory: MemoryBudget) -> Result<TiffFile, ReaderError> {
    let options = OpenOptions {
        block_cache_bytes: memory.block_cache,
        block_cache_slots: 1 << 14,
        parse_budgets: ParseBudgets { max_metadata_value_bytes: 256 << 20, ..ParseBudgets::default() },
        decode_output_bytes: memory.decoded_bytes(),
    };
    TiffFile::from_source_with_options(Arc::clone(source), options).map_err(reader_error)
}

/// Converts the decoder's error.
fn reader_error(error: TiffError) -> ReaderError {
    match error {
        TiffError::Io(source, _) if source.kind() != std::io::ErrorKind::UnexpectedEof => {
            source.downcast().map_or_else(ReaderError::Io, ReaderError::Remote)
        }
        TiffError::OffsetOutOfBounds { offset, length, data_len } => ReaderError::Damaged(format!(
            "{length} bytes are missing at byte {offset}, the file ends at byte {data_len}"
        )),
        error @ (TiffError::UnsupportedCompression(_)
        | TiffError::UnsupportedPredictor(_)
        | TiffError::UnsupportedPlanarConfiguration(_)
        | TiffError::UnsupportedBitsPerSample(_)
        | TiffError::UnsupportedSampleFormat(_)) => ReaderError::convert(error.to_string()),
        TiffError::InvalidImageLayout(reason)
            if UNSUPPORTED_LAYOUTS.iter().any(|part| reason.contains(part)) =>
        {
            ReaderError::convert(reason)
        }
        TiffError::DecompressionFailed { reason, .. } if reason.contains("unsupported") => {
            ReaderError::convert(reason)
        }
        error => ReaderError::Damaged(error.to_string()),
    }
}

/// Parts of messages that the decoder reports as invalid, though it only doesn't support them.
const UNSUPPORTED_LAYOUTS: [&str; 4] =
    ["mixed BitsPerSample", "mixed SampleFormat", "predictors are not supported", "reads require"];

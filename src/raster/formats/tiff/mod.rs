//! TIFF and `BigTIFF`, read block by block.

pub mod blocks;
pub mod codec;
pub mod inks;
pub mod kind;
pub mod levels;
pub mod mend;
pub mod rows;
pub mod tags;
pub mod weave;

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use tiff_reader::constants::{Compression, TAG_STRIP_OFFSETS, TAG_TILE_OFFSETS};
use tiff_reader::source::{FileSource, SharedSource};
use tiff_reader::{ByteOrder, ColorModel, Ifd, OpenOptions, ParseBudgets, RasterLayout, TiffError, TiffFile};

use crate::raster::block_cache::BlockCache;
use crate::raster::error::Fault;
use crate::raster::error::guard;
use crate::raster::georeference::Georeference;
use crate::raster::reader::{Header, Reader};
use crate::raster::storage::Storage;
use crate::raster::{BlockInfo, RasterError, Rect};
use kind::Kind;
use levels::{Image, MASK, REDUCED, TiffLevel, flags, largest_block, levels, strips_in_memory};
use rows::offset_at;
use weave::interleave;
pub(in crate::raster) use weave::{encode, pick};

/// Opens a file, with a cache of so many bytes for its decoded strips and tiles.
pub(in crate::raster) fn open_within(
    path: &Path,
    cache_bytes: usize,
) -> Result<Box<dyn Reader>, RasterError> {
    let open = || {
        let source = FileSource::open(path).map_err(fault)?;
        open_source(&(Arc::new(source) as SharedSource), cache_bytes)
    };
    guard(open).map_err(|fault| fault.of(path))
}

/// Opens a TIFF that lies elsewhere than in a file. It may panic.
pub(in crate::raster) fn open_source(
    source: &SharedSource,
    cache_bytes: usize,
) -> Result<Box<dyn Reader>, Fault> {
    Ok(Box::new(TiffReader::open(source, cache_bytes)?))
}

struct TiffReader {
    file: TiffFile,
    header: Header,
    levels: Vec<TiffLevel>,
    colours: Colours,
    /// Whether LERC holds numbers with their bytes reversed: libtiff writes those of files in the other byte
    /// order so, and the decoder takes them as they are.
    swap: bool,
    layout: RasterLayout,
    /// Blocks that were unpacked here; the decoder's own cache holds the others.
    unpacked: BlockCache,
}

/// How the bands that are read come from what is stored.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Colours {
    AsStored,
    /// Red, green and blue that the decoder makes.
    Decoded,
    /// Red, green and blue of four inks, made here.
    Inks,
}

impl TiffReader {
    fn open(source: &SharedSource, cache_bytes: usize) -> Result<Self, Fault> {
        let mut file = open_file(source, cache_bytes)?;
        let images: Vec<Ifd> = file
            .ifds()
            .iter()
            .map(|ifd| mend::mend(ifd, source.len()))
            .collect::<Result<_, _>>()
            .map_err(fault)?;
        let base = images.iter().find(|ifd| flags(ifd) & (REDUCED | MASK) == 0).or(images.first());
        let base = base.ok_or_else(|| Fault::Damaged("it holds no image".to_owned()))?.clone();
        let compression = codec::name(&base)?;
        check_colours(&base)?;
        let kind = Kind::of(&base, file.byte_order())?;
        let color_model = base.color_model().map_err(fault)?;
        let colours = colours(&base, &color_model, &kind);
        let (layout, sample_type) = match colours {
            Colours::AsStored => (kind.layout, kind.sample_type),
            Colours::Decoded => {
                let layout = base.decoded_raster_layout().map_err(fault)?;
                (layout, kind::sample_type(&layout)?)
            }
            Colours::Inks => (RasterLayout { samples_per_pixel: 3, ..kind.layout }, kind.sample_type),
        };
        let palette = match &color_model {
            ColorModel::Palette { color_map, .. } => Some(palette(color_map)),
            _ => None,
        };

        let levels = levels(&file, images, base, colours)?;
        let Some(TiffLevel { image, mask }) = levels.first() else {
            return Err(Fault::Damaged("it holds no image".to_owned()));
        };
        let largest = largest_block(&levels, &layout)?;
        if largest > cache_bytes && levels.iter().any(|level| level.image.blocks.is_none()) {
            // A block that does not fit into the cache would be decoded again for every region.
            file = open_file(source, largest)?;
        }
        let (cache_bytes, strip_rows) = strips_in_memory(image, &layout, cache_bytes.max(largest));
        let mut remarks = Vec::new();
        if kind.is_complex() {
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
            stored: Some(BlockInfo {
                tiled: image.ifd.is_tiled(),
                width: image.stored.block_width,
                height: image.stored.block_height,
            }),
            levels: levels.iter().map(|level| level.image.blocks()).collect(),
            strip_rows,
            // Zero as a complex number has no logarithm, and so no data already.
            nodata: if kind.is_complex() { None } else { tags::nodata(&image.ifd) },
            palette,
            white_is_zero: matches!(color_model, ColorModel::Grayscale { white_is_zero: true, .. }),
            has_mask: mask.is_some(),
            georeference: Georeference::from_tags(&image.ifd),
            remarks,
        };
        let swap = compression == "lerc" && file.byte_order() == ByteOrder::BigEndian;
        let unpacked = BlockCache::new(cache_bytes);
        Ok(Self { file, header, levels, colours, swap, layout, unpacked })
    }

    fn read_bands(&self, image: &Image, rect: Rect, bands: &[usize]) -> Result<Vec<u8>, Fault> {
        match self.colours {
            Colours::AsStored => self.read_stored(image, rect, bands),
            Colours::Decoded => {
                let (row, column) = (rect.y as usize, rect.x as usize);
                let (rows, columns) = (rect.height as usize, rect.width as usize);
                let all = self
                    .file
                    .read_decoded_window_bytes_from_ifd(&image.ifd, row, column, rows, columns)
                    .map_err(fault)?;
                Ok(pick(all, self.layout.samples_per_pixel, self.layout.bytes_per_sample, bands))
            }
            Colours::Inks => {
                let inks = self.read_stored(image, rect, &[0, 1, 2, 3])?;
                Ok(inks::to_rgb(&inks, self.header.sample_type, bands))
            }
        }
    }

    fn read_stored(&self, image: &Image, rect: Rect, bands: &[usize]) -> Result<Vec<u8>, Fault> {
        let Image { ifd, rows, blocks, planar, .. } = image;
        if let Some(rows) = rows {
            return rows.read(&self.file, ifd, rect, bands).map_err(fault);
        }
        if let Some(blocks) = blocks {
            let read = blocks.read(&self.file, ifd, &self.unpacked, rect, bands);
            if read.is_ok() || blocks.is_alone() {
                return read;
            }
        }
        let (row, column) = (rect.y as usize, rect.x as usize);
        let (height, width) = (rect.height as usize, rect.width as usize);
        let RasterLayout { samples_per_pixel, bytes_per_sample, .. } = ifd.raster_layout().map_err(fault)?;
        // Chunky pixels of few bands are cheaper to take whole; of many, and planar ones, band by band.
        if !planar && samples_per_pixel <= bands.len() + 1 {
            let all = self.file.read_window_bytes_from_ifd(ifd, row, column, height, width).map_err(fault)?;
            return Ok(pick(all, samples_per_pixel, bytes_per_sample, bands));
        }
        let mut planes = Vec::with_capacity(bands.len());
        for &band in bands {
            let plane = self
                .file
                .read_band_window_bytes_from_ifd(ifd, band, row, column, height, width)
                .map_err(fault)?;
            planes.push(plane);
        }
        Ok(interleave(planes, bytes_per_sample))
    }

    /// GDAL reads a tile or strip that was never written as nodata, the decoder as zeros.
    fn fill_absent_blocks(&self, level: &TiffLevel, rect: Rect, bands: &[usize], data: &mut [u8]) {
        let Some(nodata) = self.header.nodata.filter(|nodata| *nodata != 0.0) else { return };
        let Image { ifd, stored: size, .. } = &level.image;
        let Some(fill) = encode(self.header.sample_type, nodata) else { return };
        let pixel = fill.len() * bands.len();
        let offsets = ifd.tag(if ifd.is_tiled() { TAG_TILE_OFFSETS } else { TAG_STRIP_OFFSETS });
        let across = size.width.div_ceil(size.block_width) as usize;
        let blocks = across * size.height.div_ceil(size.block_height) as usize;
        // The blocks of one band after those of another, or all bands in the same; and where in a pixel they
        // go.
        let planes: Vec<(usize, Range<usize>)> = if level.image.planar {
            let place = |place: usize| place * fill.len()..(place + 1) * fill.len();
            bands.iter().enumerate().map(|(index, &band)| (band * blocks, place(index))).collect()
        } else {
            vec![(0, 0..pixel)]
        };
        for block_row in rect.y / size.block_height..rect.bottom().div_ceil(size.block_height) {
            for block_column in rect.x / size.block_width..rect.right().div_ceil(size.block_width) {
                let index = block_row as usize * across + block_column as usize;
                let top = (block_row * size.block_height).max(rect.y);
                let bottom = (block_row + 1).saturating_mul(size.block_height).min(rect.bottom());
                let left = (block_column * size.block_width).max(rect.x);
                let right = (block_column + 1).saturating_mul(size.block_width).min(rect.right());
                for (first, place) in &planes {
                    if offsets.and_then(|tag| offset_at(&tag.value, first + index)) != Some(0) {
                        continue;
                    }
                    let filling = fill.repeat(place.len() / fill.len());
                    for y in top..bottom {
                        let row = (y - rect.y) as usize * rect.width as usize;
                        let start = (row + (left - rect.x) as usize) * pixel;
                        let end = (row + (right - rect.x) as usize) * pixel;
                        let Some(row) = data.get_mut(start..end) else { continue };
                        let places = row.chunks_exact_mut(pixel).filter_map(|out| out.get_mut(place.clone()));
                        places.for_each(|out| out.copy_from_slice(&filling));
                    }
                }
            }
        }
    }

    /// Blocks at hand need nothing of their source, but fit to nothing any more once it has changed: a read
    /// of no bytes tells.
    fn check_source(&self) -> Result<(), Fault> {
        self.file.source().read_exact_at(0, 0).map(drop).map_err(fault)
    }

    fn level(&self, level: usize) -> Result<&TiffLevel, Fault> {
        self.levels.get(level).ok_or_else(|| Fault::Damaged(format!("it has no level {level}")))
    }
}

impl Reader for TiffReader {
    fn header(&self) -> &Header {
        &self.header
    }

    fn read(&self, level: usize, rect: Rect, bands: &[usize]) -> Result<Vec<u8>, Fault> {
        let level = self.level(level)?;
        self.check_source()?;
        let mut data = guard(|| self.read_bands(&level.image, rect, bands))?;
        if self.swap {
            data.chunks_exact_mut(self.layout.bytes_per_sample).for_each(<[u8]>::reverse);
        }
        self.fill_absent_blocks(level, rect, bands, &mut data);
        Ok(data)
    }

    fn read_mask(&self, level: usize, rect: Rect) -> Result<Option<Vec<u8>>, Fault> {
        let Some(mask) = &self.level(level)?.mask else { return Ok(None) };
        self.check_source()?;
        guard(|| self.read_stored(mask, rect, &[0]).map(Some))
    }
}

fn open_file(source: &SharedSource, cache_bytes: usize) -> Result<TiffFile, Fault> {
    let options = OpenOptions {
        block_cache_bytes: cache_bytes,
        block_cache_slots: 1 << 14,
        parse_budgets: ParseBudgets { max_metadata_value_bytes: 256 << 20, ..ParseBudgets::default() },
        decode_output_bytes: Storage::get().decoded_bytes(),
    };
    TiffFile::from_source_with_options(Arc::clone(source), options).map_err(fault)
}

/// Refuses colours that nothing here shows.
fn check_colours(base: &Ifd) -> Result<(), Fault> {
    let name = match base.photometric_interpretation() {
        Some(32803) => "a colour filter array",
        Some(34892) => "raw camera data",
        Some(32844 | 32845) => "logarithmic luminance",
        Some(9 | 10) => "ICC or ITU Lab colours",
        _ => return Ok(()),
    };
    Err(Fault::convert(format!("it holds {name}, which Skysift does not read")))
}

fn colours(base: &Ifd, model: &ColorModel, kind: &Kind) -> Colours {
    let jpeg = Compression::from_code(base.compression()) == Some(Compression::Jpeg);
    match model {
        // What GDAL converts to RGB, too, and CMYK, which nothing else here could show.
        ColorModel::YCbCr { .. } if !jpeg => Colours::Decoded,
        ColorModel::Cmyk { .. } if kind.layout.sample_format == 3 => Colours::Inks,
        ColorModel::Cmyk { extra_samples } if extra_samples.is_empty() && kind.stored_bits == 8 && !jpeg => {
            Colours::Inks
        }
        ColorModel::CieLab { .. } | ColorModel::Cmyk { .. } => Colours::Decoded,
        _ => Colours::AsStored,
    }
}

/// The colours of a palette; TIFF holds 16 bits each, of which GDAL, too, keeps the upper eight. Where all of
/// them are below 256, some program wrote 8 bits, as libtiff takes it.
fn palette(map: &tiff_reader::ColorMap) -> Vec<[u8; 3]> {
    let (red, green, blue) = (map.red(), map.green(), map.blue());
    let narrow = red.iter().chain(green).chain(blue).all(|value| *value < 256);
    let byte = |value: &u16| value.to_be_bytes()[usize::from(narrow)];
    red.iter().zip(green).zip(blue).map(|((red, green), blue)| [byte(red), byte(green), byte(blue)]).collect()
}

/// The decoder's error in our words.
fn fault(error: TiffError) -> Fault {
    match error {
        TiffError::Io(source, _) if source.kind() != std::io::ErrorKind::UnexpectedEof => {
            source.downcast().map_or_else(Fault::Io, Fault::Remote)
        }
        TiffError::OffsetOutOfBounds { offset, length, data_len } => Fault::Damaged(format!(
            "{length} bytes are missing at byte {offset}, the file ends at byte {data_len}"
        )),
        error @ (TiffError::UnsupportedCompression(_)
        | TiffError::UnsupportedPredictor(_)
        | TiffError::UnsupportedPlanarConfiguration(_)
        | TiffError::UnsupportedBitsPerSample(_)
        | TiffError::UnsupportedSampleFormat(_)) => Fault::convert(error.to_string()),
        TiffError::InvalidImageLayout(reason)
            if LAYOUTS_NOT_READ.iter().any(|part| reason.contains(part)) =>
        {
            Fault::convert(reason)
        }
        TiffError::DecompressionFailed { reason, .. } if reason.contains("unsupported") => {
            Fault::convert(reason)
        }
        error => Fault::Damaged(error.to_string()),
    }
}

/// What the decoder calls invalid but isn't: it's only nothing that it reads.
const LAYOUTS_NOT_READ: [&str; 4] =
    ["mixed BitsPerSample", "mixed SampleFormat", "predictors are not supported", "reads require"];

//! TIFF and `BigTIFF`, read block by block.

mod blocks;
mod codec;
mod inks;
mod kind;
mod mend;
mod rows;
mod tags;

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use tiff_reader::constants::{Compression, TAG_STRIP_OFFSETS, TAG_TILE_OFFSETS};
use tiff_reader::source::{FileSource, SharedSource};
use tiff_reader::{ByteOrder, ColorModel, Ifd, OpenOptions, ParseBudgets, RasterLayout, TiffError, TiffFile};

use self::blocks::Blocks;
use self::kind::Kind;
use self::rows::{Rows, offset_at};
use super::block_cache::BlockCache;
use super::error::{Fault, guard};
use super::georeference::Georeference;
use super::reader::{Header, Level, Reader};
use super::samples::Raw;
use super::storage::Storage;
use super::{BlockInfo, RasterError, Rect, SampleType};

const NEW_SUBFILE_TYPE: u16 = 254;
const REDUCED: u64 = 1;
const MASK: u64 = 4;
/// Red, green, blue and alpha.
const SHOWN_BANDS: usize = 4;

/// Opens a file, with a cache of so many bytes for its decoded strips and tiles.
pub(super) fn open_within(path: &Path, cache_bytes: usize) -> Result<Box<dyn Reader>, RasterError> {
    let open = || {
        let source = FileSource::open(path).map_err(fault)?;
        open_source(&(Arc::new(source) as SharedSource), cache_bytes)
    };
    guard(open).map_err(|fault| fault.of(path))
}

/// Opens a TIFF that lies elsewhere than in a file. It may panic.
pub(super) fn open_source(source: &SharedSource, cache_bytes: usize) -> Result<Box<dyn Reader>, Fault> {
    Ok(Box::new(TiffReader::open(source, cache_bytes)?))
}

struct TiffReader {
    file: TiffFile,
    header: Header,
    levels: Vec<TiffLevel>,
    colours: Colours,
    /// Whether LERC holds numbers with their bytes reversed: libtiff writes those of files in the other byte order
    /// so, and the decoder takes them as they are.
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

struct TiffLevel {
    image: Image,
    mask: Option<Image>,
}

/// One image of the file.
struct Image {
    ifd: Ifd,
    /// Size and true strips or tiles.
    stored: Level,
    /// For strips that need no decoding.
    rows: Option<Rows>,
    /// For blocks that are unpacked here.
    blocks: Option<Blocks>,
    planar: bool,
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
        // The blocks of one band after those of another, or all bands in the same; and where in a pixel they go.
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
        let mut data = guard(|| self.read_bands(&level.image, rect, bands))?;
        if self.swap {
            data.chunks_exact_mut(self.layout.bytes_per_sample).for_each(<[u8]>::reverse);
        }
        self.fill_absent_blocks(level, rect, bands, &mut data);
        Ok(data)
    }

    fn read_mask(&self, level: usize, rect: Rect) -> Result<Option<Vec<u8>>, Fault> {
        let Some(mask) = &self.level(level)?.mask else { return Ok(None) };
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

/// Bytes of unpacked blocks that stay in memory. Of strips twice as many do, since a row of windows takes all strips that it
/// touches; and how many rows of the image these are.
fn strips_in_memory(image: &Image, layout: &RasterLayout, cache_bytes: usize) -> (usize, Option<u32>) {
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
fn levels(file: &TiffFile, images: Vec<Ifd>, base: Ifd, colours: Colours) -> Result<Vec<TiffLevel>, Fault> {
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
    fn blocks(&self) -> Level {
        // Any part of a row can be read on its own; a kilopixel keeps the number of reads down.
        const PIECE: u32 = 1024;
        let Level { width, .. } = self.stored;
        match self.rows {
            Some(_) => Level { block_width: width.min(PIECE), block_height: 1, ..self.stored },
            None => self.stored,
        }
    }
}

fn flags(ifd: &Ifd) -> u64 {
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
fn largest_block(levels: &[TiffLevel], layout: &RasterLayout) -> Result<usize, Fault> {
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

/// The colours of a palette; TIFF holds 16 bits each, of which GDAL, too, keeps the upper eight. Where all of them are
/// below 256, some program wrote 8 bits, as libtiff takes it.
fn palette(map: &tiff_reader::ColorMap) -> Vec<[u8; 3]> {
    let (red, green, blue) = (map.red(), map.green(), map.blue());
    let narrow = red.iter().chain(green).chain(blue).all(|value| *value < 256);
    let byte = |value: &u16| value.to_be_bytes()[usize::from(narrow)];
    red.iter().zip(green).zip(blue).map(|((red, green), blue)| [byte(red), byte(green), byte(blue)]).collect()
}

/// The bytes of a number in a scene's own type, or nothing when that type has no such number.
pub(super) fn encode(sample_type: SampleType, value: f64) -> Option<Vec<u8>> {
    fn bytes<T: Raw>(value: f64) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        T::exactly(value)?.put(&mut out);
        Some(out)
    }
    match sample_type {
        SampleType::Uint8 => bytes::<u8>(value),
        SampleType::Int8 => bytes::<i8>(value),
        SampleType::Uint16 => bytes::<u16>(value),
        SampleType::Int16 => bytes::<i16>(value),
        SampleType::Uint32 => bytes::<u32>(value),
        SampleType::Int32 => bytes::<i32>(value),
        SampleType::Uint64 => bytes::<u64>(value),
        SampleType::Int64 => bytes::<i64>(value),
        SampleType::Float32 => bytes::<f32>(value),
        SampleType::Float64 => bytes::<f64>(value),
    }
}

/// Keeps some of `count` interleaved bands.
pub(super) fn pick(all: Vec<u8>, count: usize, bytes: usize, bands: &[usize]) -> Vec<u8> {
    if bands.iter().copied().eq(0..count) {
        return all;
    }
    let mut picked = Vec::with_capacity(all.len() / count.max(1) * bands.len());
    for pixel in all.chunks_exact(count * bytes) {
        for band in bands {
            picked.extend_from_slice(pixel.get(band * bytes..(band + 1) * bytes).unwrap_or_default());
        }
    }
    picked
}

/// Weaves planes of the same size into pixels.
fn interleave(mut planes: Vec<Vec<u8>>, bytes: usize) -> Vec<u8> {
    if planes.len() == 1 {
        return planes.pop().unwrap_or_default();
    }
    let count = planes.len();
    let mut data = vec![0; planes.iter().map(Vec::len).sum()];
    for (band, plane) in planes.iter().enumerate() {
        for (pixel, sample) in data.chunks_exact_mut(count * bytes).zip(plane.chunks_exact(bytes)) {
            if let Some(out) = pixel.get_mut(band * bytes..(band + 1) * bytes) {
                out.copy_from_slice(sample);
            }
        }
    }
    data
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

//! PNG, JPEG and WebP: decoded once, then read like any other scene.

use std::fs::File;
use std::io::{BufReader, Seek};
use std::path::Path;

use image::codecs::jpeg::JpegDecoder;
use image::codecs::webp::WebPDecoder;
use image::{ColorType, ImageDecoder};

use super::bands::{Band, Role};
use super::error::{Fault, guard};
use super::reader::{Header, Reader};
use super::scratch::{PixelKind, Scratch, ScratchWriter};
use super::tiff::pick;
use super::{RasterError, Rect, SampleType};

/// The largest picture that must be in memory as a whole while it is decoded (JPEG, WebP and interlaced PNG).
const MAX_WHOLE_PIXELS: u64 = 100_000_000;
/// Rows that are decoded at a time.
const JPEG_ROWS: usize = 16;
/// The most memory that a row of a PNG may take while it is decoded.
const MAX_ROW_BYTES: usize = 256 << 20;

struct PictureReader {
    header: Header,
    scratch: Scratch,
}

impl Reader for PictureReader {
    fn header(&self) -> &Header {
        &self.header
    }

    fn read(&self, level: usize, rect: Rect, bands: &[usize]) -> Result<Vec<u8>, Fault> {
        let all = self.scratch.read(level, rect).map_err(Fault::Scratch)?;
        Ok(pick(all, self.header.bands.len(), self.header.sample_type.bytes(), bands))
    }
}

/// PNG, row by row, 8 or 16 bits, any size.
pub(super) fn open_png(path: &Path) -> Result<Box<dyn Reader>, RasterError> {
    open(path, "PNG", "deflate", |file| {
        let limits = png::Limits { bytes: MAX_ROW_BYTES };
        let mut decoder = png::Decoder::new_with_limits(file, limits);
        decoder.set_transformations(png::Transformations::EXPAND);
        decoder.set_ignore_text_chunk(true);
        let mut reader = decoder.read_info().map_err(png_fault)?;
        let (width, height) = (reader.info().width, reader.info().height);
        let (colour, depth) = reader.output_color_type();
        let sample_type =
            if depth == png::BitDepth::Sixteen { SampleType::Uint16 } else { SampleType::Uint8 };
        let kind = pixel_kind(colour.samples(), sample_type);
        let mut writer = ScratchWriter::new(width, height, kind).map_err(Fault::Scratch)?;

        if reader.info().interlaced {
            check_whole(width, height)?;
            let bytes =
                reader.output_buffer_size().ok_or_else(|| Fault::Damaged("its size is absurd".to_owned()))?;
            let mut whole = vec![0; bytes];
            reader.next_frame(&mut whole).map_err(png_fault)?;
            push_rows(&mut writer, &mut whole, width, kind, u16::from_be_bytes)?;
        } else {
            let mut native = Vec::new();
            while let Some(row) = reader.next_row().map_err(png_fault)? {
                native.clear();
                native.extend_from_slice(row.data());
                push_rows(&mut writer, &mut native, width, kind, u16::from_be_bytes)?;
            }
        }
        Ok((kind, writer))
    })
}

/// JPEG, whole. The decoder is the one that TIFF uses, whose rounding is nearest to libjpeg's; four-colour
/// pictures, which it does not turn into RGB, go to the other.
pub(super) fn open_jpeg(path: &Path) -> Result<Box<dyn Reader>, RasterError> {
    open(path, "JPEG", "jpeg", |mut file| {
        let mut decoder = jpeg_decoder::Decoder::new(&mut file);
        decoder.read_info().map_err(jpeg_fault)?;
        let info = decoder.info().ok_or_else(|| Fault::Damaged("it holds no image".to_owned()))?;
        let kind = match info.pixel_format {
            jpeg_decoder::PixelFormat::L8 => pixel_kind(1, SampleType::Uint8),
            jpeg_decoder::PixelFormat::L16 => pixel_kind(1, SampleType::Uint16),
            jpeg_decoder::PixelFormat::RGB24 => pixel_kind(3, SampleType::Uint8),
            jpeg_decoder::PixelFormat::CMYK32 => {
                drop(decoder);
                file.rewind().map_err(Fault::Io)?;
                return decode_whole(JpegDecoder::new(file));
            }
        };
        let (width, height) = (u32::from(info.width), u32::from(info.height));
        let sequential = info.coding_process == jpeg_decoder::CodingProcess::DctSequential;
        if sequential && kind.sample_type == SampleType::Uint8 && check_whole(width, height).is_err() {
            drop(decoder);
            file.rewind().map_err(Fault::Io)?;
            return jpeg_rows(file, kind);
        }
        check_whole(width, height)?;
        let mut whole = decoder.decode().map_err(jpeg_fault)?;
        let mut writer = ScratchWriter::new(width, height, kind).map_err(Fault::Scratch)?;
        push_rows(&mut writer, &mut whole, width, kind, u16::from_ne_bytes)?;
        Ok((kind, writer))
    })
}

/// A JPEG too large to be in memory whole, some rows at a time, with the decoder that can.
fn jpeg_rows(file: BufReader<File>, kind: PixelKind) -> Result<(PixelKind, ScratchWriter), Fault> {
    let damaged = |error: std::io::Error| Fault::Damaged(error.to_string());
    let decoder = mozjpeg::Decompress::new_reader(file).map_err(damaged)?;
    let mut rows = if kind.bands == 1 { decoder.grayscale() } else { decoder.rgb() }.map_err(damaged)?;
    let (width, height) = (rows.width(), rows.height());
    let mut writer = ScratchWriter::new(width as u32, height as u32, kind).map_err(Fault::Scratch)?;
    let mut buffer = vec![0; width * kind.bands * JPEG_ROWS];
    let mut left = height;
    while left > 0 {
        let wanted = left.min(JPEG_ROWS) * width * kind.bands;
        let part = buffer.get_mut(..wanted).unwrap_or_default();
        let part = rows.read_scanlines_into::<u8>(part).map_err(damaged)?;
        push_rows(&mut writer, part, width as u32, kind, u16::from_ne_bytes)?;
        left -= left.min(JPEG_ROWS);
    }
    Ok((kind, writer))
}

/// WebP, whole; of an animation the first picture.
pub(super) fn open_webp(path: &Path) -> Result<Box<dyn Reader>, RasterError> {
    open(path, "WebP", "webp", |file| decode_whole(WebPDecoder::new(file)))
}

fn open(
    path: &Path,
    format: &'static str,
    compression: &'static str,
    decode: impl FnOnce(BufReader<File>) -> Result<(PixelKind, ScratchWriter), Fault>,
) -> Result<Box<dyn Reader>, RasterError> {
    let read = || {
        let mut file = BufReader::with_capacity(1 << 18, File::open(path).map_err(Fault::Io)?);
        file.rewind().map_err(Fault::Io)?;
        let (kind, writer) = decode(file)?;
        let scratch = writer.finish().map_err(Fault::Scratch)?;
        let header = Header {
            format,
            compression,
            sample_type: kind.sample_type,
            bits: if kind.sample_type == SampleType::Uint16 { 16 } else { 8 },
            bands: bands(kind),
            stored: None,
            levels: scratch.levels(),
            nodata: None,
            palette: None,
            white_is_zero: false,
            has_mask: false,
            georeference: None,
        };
        Ok(PictureReader { header, scratch })
    };
    guard(read).map(|reader| Box::new(reader) as Box<dyn Reader>).map_err(|fault| fault.of(path))
}

fn decode_whole<D: ImageDecoder>(
    decoder: image::ImageResult<D>,
) -> Result<(PixelKind, ScratchWriter), Fault> {
    let decoder = decoder.map_err(image_fault)?;
    let (width, height) = decoder.dimensions();
    check_whole(width, height)?;
    let kind = match decoder.color_type() {
        ColorType::L8 => pixel_kind(1, SampleType::Uint8),
        ColorType::La8 => pixel_kind(2, SampleType::Uint8),
        ColorType::Rgb8 => pixel_kind(3, SampleType::Uint8),
        ColorType::Rgba8 => pixel_kind(4, SampleType::Uint8),
        ColorType::L16 => pixel_kind(1, SampleType::Uint16),
        ColorType::La16 => pixel_kind(2, SampleType::Uint16),
        ColorType::Rgb16 => pixel_kind(3, SampleType::Uint16),
        ColorType::Rgba16 => pixel_kind(4, SampleType::Uint16),
        other => {
            return Err(Fault::convert(format!(
                "its pixels ({other:?}) are not of a kind that Skysift reads"
            )));
        }
    };
    let bytes = usize::try_from(decoder.total_bytes()).map_err(|_| too_large(width, height))?;
    let mut whole = vec![0; bytes];
    decoder.read_image(&mut whole).map_err(image_fault)?;
    let mut writer = ScratchWriter::new(width, height, kind).map_err(Fault::Scratch)?;
    push_rows(&mut writer, &mut whole, width, kind, u16::from_ne_bytes)?;
    Ok((kind, writer))
}

/// Hands rows to the scratch files, after turning 16-bit samples into this machine's byte order.
fn push_rows(
    writer: &mut ScratchWriter,
    rows: &mut [u8],
    width: u32,
    kind: PixelKind,
    sixteen: fn([u8; 2]) -> u16,
) -> Result<(), Fault> {
    if kind.sample_type == SampleType::Uint16 {
        for sample in rows.as_chunks_mut::<2>().0 {
            *sample = sixteen(*sample).to_ne_bytes();
        }
    }
    let row_bytes = width as usize * kind.bands * kind.sample_type.bytes();
    rows.chunks_exact(row_bytes.max(1)).try_for_each(|row| writer.push(row)).map_err(Fault::Scratch)
}

fn check_whole(width: u32, height: u32) -> Result<(), Fault> {
    if width == 0 || height == 0 {
        return Err(Fault::Damaged("it has no pixels".to_owned()));
    }
    if u64::from(width) * u64::from(height) > MAX_WHOLE_PIXELS {
        Err(too_large(width, height))
    } else {
        Ok(())
    }
}

fn too_large(width: u32, height: u32) -> Fault {
    Fault::convert(format!(
        "{width} x {height} pixels are more than the {} million that a picture of this format may have, since it can \
         only be decoded as a whole",
        MAX_WHOLE_PIXELS / 1_000_000
    ))
}

fn pixel_kind(bands: usize, sample_type: SampleType) -> PixelKind {
    let alpha = bands.is_multiple_of(2).then(|| bands - 1);
    PixelKind { bands, alpha, sample_type }
}

fn bands(kind: PixelKind) -> Vec<Band> {
    let roles: &[Role] = match kind.bands {
        1 => &[Role::Grey],
        2 => &[Role::Grey, Role::Alpha],
        3 => &[Role::Red, Role::Green, Role::Blue],
        _ => &[Role::Red, Role::Green, Role::Blue, Role::Alpha],
    };
    roles.iter().map(|&role| Band::new(role)).collect()
}

fn png_fault(error: png::DecodingError) -> Fault {
    match error {
        png::DecodingError::LimitsExceeded => Fault::convert("a row of it needs too much memory"),
        error => Fault::Damaged(error.to_string()),
    }
}

fn jpeg_fault(error: jpeg_decoder::Error) -> Fault {
    match error {
        jpeg_decoder::Error::Unsupported(feature) => {
            Fault::convert(format!("it uses a feature of JPEG that Skysift does not read ({feature:?})"))
        }
        jpeg_decoder::Error::Io(error) if error.kind() != std::io::ErrorKind::UnexpectedEof => {
            Fault::Io(error)
        }
        error => Fault::Damaged(error.to_string()),
    }
}

fn image_fault(error: image::ImageError) -> Fault {
    match error {
        image::ImageError::Unsupported(error) => Fault::convert(error.to_string()),
        image::ImageError::Limits(error) => Fault::convert(error.to_string()),
        error => Fault::Damaged(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn row_by_row_a_jpeg_is_what_it_is_as_a_whole() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/raster/photo.jpg");
        let file = || BufReader::new(File::open(&path).unwrap());
        let whole = jpeg_decoder::Decoder::new(file()).decode().unwrap();
        let (kind, writer) = jpeg_rows(file(), pixel_kind(3, SampleType::Uint8)).unwrap();
        let scratch = writer.finish().unwrap();
        let level = scratch.levels()[0];
        let rows = scratch.read(0, Rect::new(0, 0, level.width, level.height)).unwrap();
        assert_eq!((kind.bands, rows.len()), (3, whole.len()));
        // Two decoders round apart.
        let far = rows.iter().zip(&whole).filter(|(a, b)| a.abs_diff(**b) > 3).count();
        assert!(far * 1000 < rows.len(), "{far} of {}", rows.len());

        let cut = std::fs::read(&path).unwrap();
        let half = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(half.path(), &cut[..200]).unwrap();
        let broken = guard(|| jpeg_rows(BufReader::new(File::open(half.path()).map_err(Fault::Io)?), kind));
        assert!(broken.is_err());
    }
}

//! Pictures that can only be decoded as a whole.

use std::fs::File;

use image::codecs::webp::WebPDecoder;
use image::{ColorType, ImageDecoder};

use super::row_sink::{DecodeTarget, RowSink};
use super::{buffered, pixel_kind};
use crate::raster::error::ReaderError;
use crate::raster::samples::SampleType;

/// The largest picture that is decoded as a whole (JPEG, WebP and interlaced PNG).
const MAX_PIXELS: u64 = 100_000_000;

/// Decodes a WebP, or the first frame of an animation.
pub(super) fn decode_webp<'a>(file: File, target: &DecodeTarget<'a>) -> Result<RowSink<'a>, ReaderError> {
    decode(WebPDecoder::new(buffered(file)), target)
}

/// Decodes with one of the `image` crate's decoders.
pub(super) fn decode<'a, D: ImageDecoder>(
    decoder: image::ImageResult<D>,
    target: &DecodeTarget<'a>,
) -> Result<RowSink<'a>, ReaderError> {
    let decoder = decoder.map_err(reader_error)?;
    let (width, height) = decoder.dimensions();
    check(width, height)?;
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
            return Err(ReaderError::convert(format!(
                "its pixels ({other:?}) are not of a kind that Skysift reads"
            )));
        }
    };
    let bytes = usize::try_from(decoder.total_bytes()).map_err(|_| too_large(width, height))?;
    let mut whole = vec![0; bytes];
    decoder.read_image(&mut whole).map_err(reader_error)?;
    let mut rows = target.begin(width, height, kind)?;
    rows.push(&mut whole, u16::from_ne_bytes)?;
    Ok(rows)
}

/// Refuses a picture that would take too much memory.
pub(super) fn check(width: u32, height: u32) -> Result<(), ReaderError> {
    if width == 0 || height == 0 {
        return Err(ReaderError::Damaged("it has no pixels".to_owned()));
    }
    if u64::from(width) * u64::from(height) > MAX_PIXELS { Err(too_large(width, height)) } else { Ok(()) }
}

fn too_large(width: u32, height: u32) -> ReaderError {
    ReaderError::convert(format!(
        "{width} x {height} pixels are more than the {} million that a picture of this format may have, since it can \
         only be decoded as a whole",
        MAX_PIXELS / 1_000_000
    ))
}

fn reader_error(error: image::ImageError) -> ReaderError {
    match error {
        image::ImageError::Unsupported(error) => ReaderError::convert(error.to_string()),
        image::ImageError::Limits(error) => ReaderError::convert(error.to_string()),
        error => ReaderError::Damaged(error.to_string()),
    }
}

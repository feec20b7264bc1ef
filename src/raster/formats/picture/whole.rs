//! Pictures that can only be decoded as a whole.

use std::fs::File;

use image::codecs::webp::WebPDecoder;
use image::{ColorType, ImageDecoder};

use super::rows::{Rows, Target};
use super::{buffered, pixel_kind};
use crate::raster::SampleType;
use crate::raster::error::Fault;

/// The largest picture that must be in memory as a whole while it is decoded (JPEG, WebP and interlaced PNG).
const MAX_PIXELS: u64 = 100_000_000;

/// WebP; of an animation the first picture.
pub(super) fn decode_webp<'a>(file: File, target: &Target<'a>) -> Result<Rows<'a>, Fault> {
    decode(WebPDecoder::new(buffered(file)), target)
}

pub(super) fn decode<'a, D: ImageDecoder>(
    decoder: image::ImageResult<D>,
    target: &Target<'a>,
) -> Result<Rows<'a>, Fault> {
    let decoder = decoder.map_err(fault)?;
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
            return Err(Fault::convert(format!(
                "its pixels ({other:?}) are not of a kind that Skysift reads"
            )));
        }
    };
    let bytes = usize::try_from(decoder.total_bytes()).map_err(|_| too_large(width, height))?;
    let mut whole = vec![0; bytes];
    decoder.read_image(&mut whole).map_err(fault)?;
    let mut rows = target.begin(width, height, kind)?;
    rows.push(&mut whole, u16::from_ne_bytes)?;
    Ok(rows)
}

/// Refuses what would take too much memory.
pub(super) fn check(width: u32, height: u32) -> Result<(), Fault> {
    if width == 0 || height == 0 {
        return Err(Fault::Damaged("it has no pixels".to_owned()));
    }
    if u64::from(width) * u64::from(height) > MAX_PIXELS { Err(too_large(width, height)) } else { Ok(()) }
}

fn too_large(width: u32, height: u32) -> Fault {
    Fault::convert(format!(
        "{width} x {height} pixels are more than the {} million that a picture of this format may have, since it can \
         only be decoded as a whole",
        MAX_PIXELS / 1_000_000
    ))
}

fn fault(error: image::ImageError) -> Fault {
    match error {
        image::ImageError::Unsupported(error) => Fault::convert(error.to_string()),
        image::ImageError::Limits(error) => Fault::convert(error.to_string()),
        error => Fault::Damaged(error.to_string()),
    }
}

//! PNG, row by row.

use std::fs::File;

use super::rows::{Rows, Target};
use super::{buffered, pixel_kind, whole};
use crate::raster::SampleType;
use crate::raster::error::Fault;

/// The most memory that a row may take while it is decoded.
const MAX_ROW_BYTES: usize = 256 << 20;

pub(super) fn decode<'a>(file: File, target: &Target<'a>) -> Result<Rows<'a>, Fault> {
    let limits = png::Limits { bytes: MAX_ROW_BYTES };
    let mut decoder = png::Decoder::new_with_limits(buffered(file), limits);
    decoder.set_transformations(png::Transformations::EXPAND);
    decoder.set_ignore_text_chunk(true);
    let mut reader = decoder.read_info().map_err(fault)?;
    let (width, height) = (reader.info().width, reader.info().height);
    let (colour, depth) = reader.output_color_type();
    let sample_type = if depth == png::BitDepth::Sixteen { SampleType::Uint16 } else { SampleType::Uint8 };
    let mut rows = target.begin(width, height, pixel_kind(colour.samples(), sample_type))?;

    if reader.info().interlaced {
        whole::check(width, height)?;
        let bytes =
            reader.output_buffer_size().ok_or_else(|| Fault::Damaged("its size is absurd".to_owned()))?;
        let mut whole = vec![0; bytes];
        reader.next_frame(&mut whole).map_err(fault)?;
        rows.push(&mut whole, u16::from_be_bytes)?;
    } else {
        let mut native = Vec::new();
        while let Some(row) = reader.next_row().map_err(fault)? {
            native.clear();
            native.extend_from_slice(row.data());
            rows.push(&mut native, u16::from_be_bytes)?;
        }
    }
    Ok(rows)
}

fn fault(error: png::DecodingError) -> Fault {
    match error {
        png::DecodingError::LimitsExceeded => Fault::convert("a row of it needs too much memory"),
        error => Fault::Damaged(error.to_string()),
    }
}

//! PNG, decoded row by row.

use std::fs::File;

use super::row_sink::{DecodeTarget, RowSink};
use super::scratch::PixelKind;
use super::{buffered, pixel_kind, whole_image};
use crate::raster::error::ReaderError;
use crate::raster::samples::SampleType;

/// The most memory that a row may take while it is decoded.
const MAX_ROW_BYTES: usize = 256 << 20;

pub(super) fn decode<'a>(file: File, target: &DecodeTarget<'a>) -> Result<RowSink<'a>, ReaderError> {
    let limits = png::Limits { bytes: MAX_ROW_BYTES };
    let mut decoder = png::Decoder::new_with_limits(buffered(file), limits);
    decoder.set_ignore_text_chunk(true);
    let packed = packed(decoder.read_header_info().map_err(reader_error)?);
    decoder.set_transformations(match packed {
        Some(_) => png::Transformations::IDENTITY,
        None => png::Transformations::EXPAND,
    });
    let mut reader = decoder.read_info().map_err(reader_error)?;
    let (width, height) = (reader.info().width, reader.info().height);
    let unpack = packed.map(|bits| Unpack { bits, width, transparent: transparent(reader.info()) });
    let kind = unpack.as_ref().map_or_else(|| kind(reader.output_color_type()), Unpack::kind);
    let mut rows = target.begin(width, height, kind)?;

    let mut push = |bytes: &[u8], native: &mut Vec<u8>| {
        native.clear();
        match &unpack {
            Some(unpack) => unpack.row(bytes, native),
            None => native.extend_from_slice(bytes),
        }
        rows.push(native, u16::from_be_bytes)
    };
    let mut native = Vec::new();
    if reader.info().interlaced {
        whole_image::check(width, height)?;
        let absurd = || ReaderError::Damaged("its size is absurd".to_owned());
        let mut whole = vec![0; reader.output_buffer_size().ok_or_else(absurd)?];
        reader.next_frame(&mut whole).map_err(reader_error)?;
        let line = reader.output_line_size(width).ok_or_else(absurd)?;
        whole.chunks_exact(line.max(1)).try_for_each(|line| push(line, &mut native))?;
    } else {
        while let Some(row) = reader.next_row().map_err(reader_error)? {
            push(row.data(), &mut native)?;
        }
    }
    Ok(rows)
}

fn kind((colour, depth): (png::ColorType, png::BitDepth)) -> PixelKind {
    let sample_type = if depth == png::BitDepth::Sixteen { SampleType::Uint16 } else { SampleType::Uint8 };
    pixel_kind(colour.samples(), sample_type)
}

/// The bits of a grey sample, if several samples share a byte.
fn packed(header: &png::Info) -> Option<u8> {
    let bits = header.bit_depth as u8;
    (header.color_type == png::ColorType::Grayscale && bits < 8).then_some(bits)
}

/// The grey value that is transparent.
fn transparent(info: &png::Info) -> Option<u8> {
    info.trns.as_ref().and_then(|grey| grey.last()).copied()
}

/// Unpacks grey samples of 1, 2 or 4 bits without scaling; the decoder would scale them to 8.
struct Unpack {
    bits: u8,
    width: u32,
    transparent: Option<u8>,
}

impl Unpack {
    fn kind(&self) -> PixelKind {
        match self.transparent {
            // Alpha has 8 bits, so grey must have them, too.
            Some(_) => pixel_kind(2, SampleType::Uint8),
            None => PixelKind { bits: u16::from(self.bits), ..pixel_kind(1, SampleType::Uint8) },
        }
    }

    fn row(&self, packed: &[u8], out: &mut Vec<u8>) {
        let largest = (1 << self.bits) - 1;
        let greys = packed.iter().flat_map(|byte| {
            let shifts = (0..8 / self.bits).rev().map(|place| place * self.bits);
            shifts.map(move |shift| byte >> shift & largest)
        });
        for grey in greys.take(self.width as usize) {
            match self.transparent {
                Some(transparent) => {
                    out.extend([grey * (255 / largest), u8::from(grey != transparent) * 255]);
                }
                None => out.push(grey),
            }
        }
    }
}

fn reader_error(error: png::DecodingError) -> ReaderError {
    match error {
        png::DecodingError::LimitsExceeded => ReaderError::convert("a row of it needs too much memory"),
        error => ReaderError::Damaged(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::raster::progress::OpenProgress;
    use crate::raster::rect::Rect;

    /// Writes 5 x 2 grey pixels and reads them back.
    fn read(depth: png::BitDepth, packed: &[u8], transparent: Option<u8>) -> (PixelKind, Vec<u8>) {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut encoder = png::Encoder::new(File::create(file.path()).unwrap(), 5, 2);
        encoder.set_color(png::ColorType::Grayscale);
        encoder.set_depth(depth);
        if let Some(grey) = transparent {
            encoder.set_trns(vec![0, grey]);
        }
        let mut writer = encoder.write_header().unwrap();
        writer.write_image_data(packed).unwrap();
        drop(writer);
        let target = DecodeTarget { copy: None, progress: &OpenProgress::default() };
        let scratch = decode(file.reopen().unwrap(), &target).unwrap().finish().unwrap();
        assert_eq!(scratch.levels().len(), 1);
        (scratch.kind(), scratch.read(0, Rect::new(0, 0, 5, 2)).unwrap())
    }

    #[test]
    fn few_bits_are_read_as_they_are() {
        let grey = |bits| PixelKind { bits, ..pixel_kind(1, SampleType::Uint8) };
        let one = read(png::BitDepth::One, &[0b1011_0000, 0b0100_1000], None);
        assert_eq!(one, (grey(1), vec![1, 0, 1, 1, 0, 0, 1, 0, 0, 1]));
        let two = read(png::BitDepth::Two, &[0b0001_1011, 0b0100_0000, 0b1110_0100, 0], None);
        assert_eq!(two, (grey(2), vec![0, 1, 2, 3, 1, 3, 2, 1, 0, 0]));
        let four = read(png::BitDepth::Four, &[0x12, 0x34, 0xf0, 0xab, 0xcd, 0xe0], None);
        assert_eq!(four, (grey(4), vec![1, 2, 3, 4, 15, 10, 11, 12, 13, 14]));
        let eight = read(png::BitDepth::Eight, &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10], None);
        assert_eq!(eight, (grey(8), (1..=10).collect()));
    }

    #[test]
    fn a_transparent_grey_of_few_bits_is_alpha() {
        let (kind, pixels) = read(png::BitDepth::Two, &[0b0001_1011, 0b0100_0000, 0, 0], Some(2));
        assert_eq!(kind, pixel_kind(2, SampleType::Uint8));
        assert_eq!(pixels[..10], [0, 255, 85, 255, 170, 0, 255, 255, 85, 255]);
    }
}

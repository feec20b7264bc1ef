//! JPEG, with three decoders.

use std::fs::File;
use std::io::{BufRead, Seek};

use image::codecs::jpeg::JpegDecoder;
use jpeg_decoder::{CodingProcess, Decoder, Error, PixelFormat};

use super::row_sink::{DecodeTarget, ProgressReader, RowSink};
use super::scratch::PixelKind;
use super::{buffered, pixel_kind, whole_image};
use crate::raster::error::ReaderError;
use crate::raster::samples::SampleType;

/// How many rows are decoded at a time.
const ROWS: usize = 16;

/// Decodes with the decoder that is used for TIFF, whose rounding is closest to libjpeg's. CMYK pictures,
/// which it doesn't convert to RGB, and pictures too large to be in memory whole go to other decoders.
pub(super) fn decode<'a>(mut file: File, target: &DecodeTarget<'a>) -> Result<RowSink<'a>, ReaderError> {
    let mut decoder = Decoder::new(buffered(&file));
    decoder.read_info().map_err(reader_error)?;
    let info = decoder.info().ok_or_else(|| ReaderError::Damaged("it holds no image".to_owned()))?;
    drop(decoder);
    file.rewind().map_err(ReaderError::Io)?;
    let kind = match info.pixel_format {
        PixelFormat::L8 => pixel_kind(1, SampleType::Uint8),
        PixelFormat::L16 => pixel_kind(1, SampleType::Uint16),
        PixelFormat::RGB24 => pixel_kind(3, SampleType::Uint8),
        PixelFormat::CMYK32 => return whole_image::decode(JpegDecoder::new(buffered(file)), target),
    };
    let (width, height) = (u32::from(info.width), u32::from(info.height));
    let sequential = info.coding_process == CodingProcess::DctSequential;
    if sequential && kind.sample_type == SampleType::Uint8 && whole_image::check(width, height).is_err() {
        return by_rows(buffered(file), kind, target);
    }
    whole_image::check(width, height)?;
    let reader = ProgressReader::new(file, target.progress);
    let mut whole = Decoder::new(buffered(reader)).decode().map_err(reader_error)?;
    let mut rows = target.begin(width, height, kind)?;
    rows.push(&mut whole, u16::from_ne_bytes)?;
    Ok(rows)
}

/// Decodes some rows at a time, with the decoder that can do that.
fn by_rows<'a>(
    file: impl BufRead,
    kind: PixelKind,
    target: &DecodeTarget<'a>,
) -> Result<RowSink<'a>, ReaderError> {
    let damaged = |error: std::io::Error| ReaderError::Damaged(error.to_string());
    let decoder = mozjpeg::Decompress::new_reader(file).map_err(damaged)?;
    let mut lines = if kind.bands == 1 { decoder.grayscale() } else { decoder.rgb() }.map_err(damaged)?;
    let (width, height) = (lines.width(), lines.height());
    let mut rows = target.begin(width as u32, height as u32, kind)?;
    let mut buffer = vec![0; width * kind.bands * ROWS];
    let mut left = height;
    while left > 0 {
        let wanted = left.min(ROWS) * width * kind.bands;
        let part = buffer.get_mut(..wanted).unwrap_or_default();
        let part = lines.read_scanlines_into::<u8>(part).map_err(damaged)?;
        rows.push(part, u16::from_ne_bytes)?;
        left -= left.min(ROWS);
    }
    Ok(rows)
}

fn reader_error(error: Error) -> ReaderError {
    match error {
        Error::Unsupported(feature) => ReaderError::convert(format!(
            "it uses a feature of JPEG that Skysift does not read ({feature:?})"
        )),
        Error::Io(error) if error.kind() != std::io::ErrorKind::UnexpectedEof => ReaderError::Io(error),
        error => ReaderError::Damaged(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::raster::error::catch_panics;
    use crate::raster::progress::OpenProgress;
    use crate::raster::rect::Rect;

    #[test]
    fn row_by_row_a_jpeg_is_what_it_is_as_a_whole() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/raster/photo.jpg");
        let file = || buffered(File::open(&path).unwrap());
        let progress = OpenProgress::default();
        let target = DecodeTarget { copy: None, progress: &progress };
        let whole = Decoder::new(file()).decode().unwrap();
        let kind = pixel_kind(3, SampleType::Uint8);
        let scratch = by_rows(file(), kind, &target).unwrap().finish().unwrap();
        let level = scratch.levels()[0];
        let rows = scratch.read(0, Rect::new(0, 0, level.width, level.height)).unwrap();
        assert_eq!(rows.len(), whole.len());
        // The two decoders round differently.
        let far = rows.iter().zip(&whole).filter(|(a, b)| a.abs_diff(**b) > 3).count();
        assert!(far * 1000 < rows.len(), "{far} of {}", rows.len());

        let cut = std::fs::read(&path).unwrap();
        let half = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(half.path(), &cut[..200]).unwrap();
        let half = File::open(half.path()).unwrap();
        assert!(catch_panics(|| by_rows(buffered(half), kind, &target)?.finish()).is_err());
    }
}

//! Photometric interpretations: which are shown, and how they become RGB.

use tiff_reader::constants::Compression;
use tiff_reader::{ColorModel, Ifd};

use super::encoding::SampleEncoding;
use crate::raster::error::ReaderError;

/// How stored bands become the bands that are read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum ColourConversion {
    None,
    /// The decoder makes RGB.
    ByDecoder,
    /// CMYK is converted to RGB here.
    Cmyk,
}

impl ColourConversion {
    pub fn of(base: &Ifd, model: &ColorModel, encoding: &SampleEncoding) -> Self {
        let is_jpeg = Compression::from_code(base.compression()) == Some(Compression::Jpeg);
        match model {
            // What GDAL converts to RGB, too, and CMYK, which can't be shown in any other way.
            ColorModel::YCbCr { .. } if !is_jpeg => Self::ByDecoder,
            ColorModel::Cmyk { .. } if encoding.layout.sample_format == 3 => Self::Cmyk,
            ColorModel::Cmyk { extra_samples }
                if extra_samples.is_empty() && encoding.stored_bits == 8 && !is_jpeg =>
            {
                Self::Cmyk
            }
            ColorModel::CieLab { .. } | ColorModel::Cmyk { .. } => Self::ByDecoder,
            _ => Self::None,
        }
    }
}

/// Refuses photometric interpretations that can't be shown.
pub(super) fn check(base: &Ifd) -> Result<(), ReaderError> {
    let name = match base.photometric_interpretation() {
        Some(32803) => "a colour filter array",
        Some(34892) => "raw camera data",
        Some(32844 | 32845) => "logarithmic luminance",
        Some(9 | 10) => "ICC or ITU Lab colours",
        _ => return Ok(()),
    };
    Err(ReaderError::convert(format!("it holds {name}, which Skysift does not read")))
}

/// The colours of a palette. TIFF stores 16 bits, of which GDAL, too, keeps the upper eight; if all values
/// are below 256, libtiff assumes that the writer stored 8 bits.
pub(super) fn palette(map: &tiff_reader::ColorMap) -> Vec<[u8; 3]> {
    let (red, green, blue) = (map.red(), map.green(), map.blue());
    let is_8_bit = red.iter().chain(green).chain(blue).all(|value| *value < 256);
    let byte = |value: &u16| value.to_be_bytes()[usize::from(is_8_bit)];
    red.iter().zip(green).zip(blue).map(|((red, green), blue)| [byte(red), byte(green), byte(blue)]).collect()
}

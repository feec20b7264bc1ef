//! How samples are stored, and what they are read as: 24-bit numbers, half floats and complex numbers become
//! numbers of another type.

use half::f16;
use tiff_reader::constants::SampleFormat;
use tiff_reader::{ByteOrder, Ifd, RasterLayout, TiffError};

use crate::raster::error::ReaderError;
use crate::raster::samples::{Sample, SampleType, value};

/// Values of `SampleFormat` that `tiff-reader` doesn't know.
const COMPLEX_INT: u16 = 5;
const COMPLEX_FLOAT: u16 = 6;
const VOID: u16 = 4;

/// How stored samples are converted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Conversion {
    None,
    /// Three bytes, in GDAL's order, to an integer of four.
    Integer24,
    /// Three bytes with a 7-bit exponent to a floating point number of four.
    Float24,
    Float16,
    /// Two numbers of a type to the magnitude of a complex number in decibels, 20 log10 |z|.
    Complex(SampleType),
}

/// How the samples of an image are stored.
#[derive(Clone, Copy, Debug)]
pub(super) struct SampleEncoding {
    conversion: Conversion,
    /// The layout after conversion; `bits_per_sample` counts the bits in use.
    pub layout: RasterLayout,
    pub sample_type: SampleType,
    /// Bits per stored sample.
    pub stored_bits: u16,
    order: ByteOrder,
}

impl SampleEncoding {
    /// # Errors
    /// If samples of this kind aren't read, or the tags contradict each other.
    pub fn of(image: &Ifd, order: ByteOrder) -> Result<Self, ReaderError> {
        let first = |values: Result<Vec<u16>, TiffError>| {
            values.map_err(super::reader_error).map(|values| values.first().copied().unwrap_or(1))
        };
        let (bits, format) = (first(image.bits_per_sample())?, first(image.sample_format())?);
        let (conversion, sample_type) = match (format, bits) {
            (1 | VOID, 24) => (Conversion::Integer24, SampleType::Uint32),
            (3, 16) => (Conversion::Float16, SampleType::Float32),
            (3, 24) => (Conversion::Float24, SampleType::Float32),
            (COMPLEX_INT, 32) => (Conversion::Complex(SampleType::Int16), SampleType::Float32),
            (COMPLEX_INT, 64) => (Conversion::Complex(SampleType::Int32), SampleType::Float32),
            (COMPLEX_FLOAT, 64) => (Conversion::Complex(SampleType::Float32), SampleType::Float32),
            (COMPLEX_FLOAT, 128) => (Conversion::Complex(SampleType::Float64), SampleType::Float32),
            _ => {
                let layout = image.raster_layout().map_err(super::reader_error)?;
                let sample_type = sample_type(&layout)?;
                return Ok(Self {
                    conversion: Conversion::None,
                    layout,
                    sample_type,
                    stored_bits: bits,
                    order,
                });
            }
        };
        if !is_uniform(image) {
            return Err(ReaderError::convert("its bands have samples of different types"));
        }
        let predictor = image.predictor();
        let supports_predictor = match conversion {
            Conversion::Float16 => predictor <= 3,
            // Differences are those of one number of all bits.
            Conversion::Complex(part) => predictor <= 2 && part.bytes() <= 4,
            _ => false,
        };
        if predictor != 1 && !supports_predictor {
            return Err(ReaderError::convert(format!(
                "predictor {predictor} of samples with {bits} bits is not one that Skysift reads"
            )));
        }
        let layout = RasterLayout {
            width: image.width() as usize,
            height: image.height() as usize,
            samples_per_pixel: usize::from(image.samples_per_pixel()),
            bits_per_sample: if conversion == Conversion::Integer24 { 24 } else { 32 },
            bytes_per_sample: sample_type.bytes(),
            sample_format: if conversion == Conversion::Integer24 { 1 } else { 3 },
            planar_configuration: image.planar_configuration(),
            predictor,
        };
        if layout.width == 0 || layout.height == 0 || layout.samples_per_pixel == 0 {
            return Err(ReaderError::Damaged("an image has no pixels".to_owned()));
        }
        Ok(Self { conversion, layout, sample_type, stored_bits: bits, order })
    }

    /// Whether samples are read as they are stored.
    pub fn is_native(&self) -> bool {
        self.conversion == Conversion::None
    }

    /// Whether samples are magnitudes of complex numbers.
    pub fn is_complex(&self) -> bool {
        matches!(self.conversion, Conversion::Complex(_))
    }

    /// The size in bits of the numbers that byte order and predictor apply to.
    pub fn number_bits(&self) -> u16 {
        match self.conversion {
            // Three bytes in the file's order; or two 8-byte floating point numbers.
            Conversion::Integer24 | Conversion::Float24 => 8,
            Conversion::Complex(SampleType::Float64) => 64,
            _ => self.stored_bits,
        }
    }

    /// Converts stored samples of whole bytes, whose [`Self::number_bits`] are in native byte order.
    pub fn convert(&self, stored: Vec<u8>) -> Vec<u8> {
        let each = |size: usize, convert: &dyn Fn(&[u8], &mut Vec<u8>)| {
            let mut out = Vec::with_capacity(stored.len() / size * self.sample_type.bytes());
            stored.chunks_exact(size).for_each(|sample| convert(sample, &mut out));
            out
        };
        let triple = |bytes: &[u8], order: ByteOrder| match (bytes, order) {
            (&[a, b, c], ByteOrder::LittleEndian) => u32::from_le_bytes([a, b, c, 0]),
            (&[a, b, c], ByteOrder::BigEndian) => u32::from_be_bytes([0, a, b, c]),
            _ => 0,
        };
        // Only GDAL writes 24-bit integers, with the highest byte first in little-endian files and last in
        // big-endian ones.
        let reversed = match self.order {
            ByteOrder::LittleEndian => ByteOrder::BigEndian,
            ByteOrder::BigEndian => ByteOrder::LittleEndian,
        };
        match self.conversion {
            Conversion::None => stored,
            Conversion::Integer24 => each(3, &|bytes, out| triple(bytes, reversed).put(out)),
            Conversion::Float24 => each(3, &|bytes, out| float24(triple(bytes, self.order)).put(out)),
            Conversion::Float16 => {
                each(2, &|bytes, out| f16::from_bits(u16::get(bytes, 0)).to_f32().put(out))
            }
            Conversion::Complex(part) => each(2 * part.bytes(), &|bytes, out| {
                // If both halves were byte-swapped as one number, they have changed places, but the magnitude
                // is the same.
                let (first, second) = bytes.split_at(part.bytes());
                let decibels = 20.0 * value(part, first).hypot(value(part, second)).log10();
                (decibels as f32).put(out);
            }),
        }
    }
}

/// A floating point number with a sign, 7 bits of exponent (bias 63) and 16 bits of fraction, as GDAL's
/// `GDALTripleToFloat` reads it.
fn float24(bits: u32) -> f32 {
    let (sign, exponent, fraction) = ((bits >> 23) & 1, (bits >> 16) & 0x7f, bits & 0xffff);
    let sign = if sign == 1 { -1.0 } else { 1.0 };
    match (exponent, fraction) {
        (0, fraction) => sign * fraction as f32 * 2_f32.powi(-78),
        (127, 0) => sign * f32::INFINITY,
        (127, _) => f32::NAN,
        (exponent, fraction) => sign * (1.0 + fraction as f32 / 65536.0) * 2_f32.powi(exponent as i32 - 63),
    }
}

/// Whether all bands have the same type.
fn is_uniform(image: &Ifd) -> bool {
    let is_same = |values: Result<Vec<u16>, TiffError>| {
        values.is_ok_and(|values| values.windows(2).all(|pair| pair[0] == pair[1]))
    };
    is_same(image.bits_per_sample()) && is_same(image.sample_format())
}

/// The sample type of a layout.
pub(super) fn sample_type(layout: &RasterLayout) -> Result<SampleType, ReaderError> {
    let format = SampleFormat::from_code(layout.sample_format);
    match (format, layout.bytes_per_sample) {
        (Some(SampleFormat::Uint), 1) => Ok(SampleType::Uint8),
        (Some(SampleFormat::Uint), 2) => Ok(SampleType::Uint16),
        (Some(SampleFormat::Uint), 4) => Ok(SampleType::Uint32),
        (Some(SampleFormat::Uint), 8) => Ok(SampleType::Uint64),
        (Some(SampleFormat::Int), 1) => Ok(SampleType::Int8),
        (Some(SampleFormat::Int), 2) => Ok(SampleType::Int16),
        (Some(SampleFormat::Int), 4) => Ok(SampleType::Int32),
        (Some(SampleFormat::Int), 8) => Ok(SampleType::Int64),
        (Some(SampleFormat::Float), 4) => Ok(SampleType::Float32),
        (Some(SampleFormat::Float), 8) => Ok(SampleType::Float64),
        _ => Err(ReaderError::convert(format!(
            "its samples ({} bits, format {}) are not of a type that Skysift reads",
            layout.bits_per_sample, layout.sample_format
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_24_bits_are_those_of_32() {
        for (bits, number) in [(0x3f_0000, 1.0), (0xc0_8000, -3.0), (0x3e_4000, 0.625), (0, 0.0)] {
            assert_eq!(float24(bits), number, "{bits:x}");
        }
        assert_eq!(float24(0x7f_0000), f32::INFINITY);
        assert!(float24(0x7f_0001).is_nan());
    }
}

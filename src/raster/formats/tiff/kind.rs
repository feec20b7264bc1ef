//! How samples are stored, and what they are read as: 24 bits, half floats and complex numbers become numbers
//! that the rest of this module knows.

use half::f16;
use tiff_reader::constants::SampleFormat;
use tiff_reader::{ByteOrder, Ifd, RasterLayout, TiffError};

use crate::raster::SampleType;
use crate::raster::error::Fault;
use crate::raster::samples::{Raw, value};

/// The format of complex integers and floating point numbers, and of samples that nothing is said of.
const COMPLEX_INT: u16 = 5;
const COMPLEX_FLOAT: u16 = 6;
const VOID: u16 = 4;

/// What stored samples have to become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    Nothing,
    /// Three bytes to an integer of four, in the order that GDAL gives them.
    Integer24,
    /// Three bytes with an exponent of 7 bits to a floating point number of four.
    Float24,
    Float16,
    /// Two numbers of a type to the magnitude of a complex number in decibels, 20 log10 |z|.
    Complex(SampleType),
}

/// The samples of an image as they are stored.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kind {
    change: Change,
    /// Of what is read, as the decoder describes its own; `bits_per_sample` counts what is in use.
    pub layout: RasterLayout,
    pub sample_type: SampleType,
    /// Bits of a stored sample.
    pub stored_bits: u16,
    order: ByteOrder,
}

impl Kind {
    /// # Errors
    /// If the samples are of a kind that nothing here reads, or the tags contradict each other.
    pub fn of(image: &Ifd, order: ByteOrder) -> Result<Self, Fault> {
        let first = |values: Result<Vec<u16>, TiffError>| {
            values.map_err(super::fault).map(|values| values.first().copied().unwrap_or(1))
        };
        let (bits, format) = (first(image.bits_per_sample())?, first(image.sample_format())?);
        let (change, sample_type) = match (format, bits) {
            (1 | VOID, 24) => (Change::Integer24, SampleType::Uint32),
            (3, 16) => (Change::Float16, SampleType::Float32),
            (3, 24) => (Change::Float24, SampleType::Float32),
            (COMPLEX_INT, 32) => (Change::Complex(SampleType::Int16), SampleType::Float32),
            (COMPLEX_INT, 64) => (Change::Complex(SampleType::Int32), SampleType::Float32),
            (COMPLEX_FLOAT, 64) => (Change::Complex(SampleType::Float32), SampleType::Float32),
            (COMPLEX_FLOAT, 128) => (Change::Complex(SampleType::Float64), SampleType::Float32),
            _ => {
                let layout = image.raster_layout().map_err(super::fault)?;
                let sample_type = sample_type(&layout)?;
                return Ok(Self { change: Change::Nothing, layout, sample_type, stored_bits: bits, order });
            }
        };
        if !even(image) {
            return Err(Fault::convert("its bands have samples of different types"));
        }
        let predictor = image.predictor();
        let predicts = match change {
            Change::Float16 => predictor <= 3,
            // As a number of all its bits.
            Change::Complex(part) => predictor <= 2 && part.bytes() <= 4,
            _ => false,
        };
        if predictor != 1 && !predicts {
            return Err(Fault::convert(format!(
                "predictor {predictor} of samples with {bits} bits is not one that Skysift reads"
            )));
        }
        let layout = RasterLayout {
            width: image.width() as usize,
            height: image.height() as usize,
            samples_per_pixel: usize::from(image.samples_per_pixel()),
            bits_per_sample: if change == Change::Integer24 { 24 } else { 32 },
            bytes_per_sample: sample_type.bytes(),
            sample_format: if change == Change::Integer24 { 1 } else { 3 },
            planar_configuration: image.planar_configuration(),
            predictor,
        };
        if layout.width == 0 || layout.height == 0 || layout.samples_per_pixel == 0 {
            return Err(Fault::Damaged("an image has no pixels".to_owned()));
        }
        Ok(Self { change, layout, sample_type, stored_bits: bits, order })
    }

    /// Whether the decoder knows the samples itself.
    pub fn is_plain(&self) -> bool {
        self.change == Change::Nothing
    }

    /// Whether magnitudes of complex numbers are what is read.
    pub fn is_complex(&self) -> bool {
        matches!(self.change, Change::Complex(_))
    }

    /// Bits of the numbers that byte order and predictor count by.
    pub fn counted_bits(&self) -> u16 {
        match self.change {
            // Three bytes in the order of the file, or two floating point numbers of 8 bytes.
            Change::Integer24 | Change::Float24 => 8,
            Change::Complex(SampleType::Float64) => 64,
            _ => self.stored_bits,
        }
    }

    /// Stored samples, whole bytes each in the byte order of this machine as far as [`Self::counted_bits`]
    /// goes, as they are read.
    pub fn read(&self, stored: Vec<u8>) -> Vec<u8> {
        let each = |size: usize, number: &dyn Fn(&[u8], &mut Vec<u8>)| {
            let mut out = Vec::with_capacity(stored.len() / size * self.sample_type.bytes());
            stored.chunks_exact(size).for_each(|sample| number(sample, &mut out));
            out
        };
        let triple = |bytes: &[u8], order: ByteOrder| match (bytes, order) {
            (&[a, b, c], ByteOrder::LittleEndian) => u32::from_le_bytes([a, b, c, 0]),
            (&[a, b, c], ByteOrder::BigEndian) => u32::from_be_bytes([0, a, b, c]),
            _ => 0,
        };
        // Of integers, GDAL, which alone writes them, has the highest byte first in little-endian files and
        // last in others.
        let turned = match self.order {
            ByteOrder::LittleEndian => ByteOrder::BigEndian,
            ByteOrder::BigEndian => ByteOrder::LittleEndian,
        };
        match self.change {
            Change::Nothing => stored,
            Change::Integer24 => each(3, &|bytes, out| triple(bytes, turned).put(out)),
            Change::Float24 => each(3, &|bytes, out| float24(triple(bytes, self.order)).put(out)),
            Change::Float16 => each(2, &|bytes, out| f16::from_bits(u16::get(bytes, 0)).to_f32().put(out)),
            Change::Complex(part) => each(2 * part.bytes(), &|bytes, out| {
                // The halves of a number whose bytes were turned round as one stand the other way round: the
                // magnitude is the same.
                let (first, second) = bytes.split_at(part.bytes());
                let decibels = 20.0 * value(part, first).hypot(value(part, second)).log10();
                (decibels as f32).put(out);
            }),
        }
    }
}

/// A number of a sign, 7 bits of exponent (63 is that of 1) and 16 bits of fraction, as GDAL's
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

/// Whether all bands are of one type.
fn even(image: &Ifd) -> bool {
    let alike = |values: Result<Vec<u16>, TiffError>| {
        values.is_ok_and(|values| values.windows(2).all(|pair| pair[0] == pair[1]))
    };
    alike(image.bits_per_sample()) && alike(image.sample_format())
}

pub(super) fn sample_type(layout: &RasterLayout) -> Result<SampleType, Fault> {
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
        _ => Err(Fault::convert(format!(
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

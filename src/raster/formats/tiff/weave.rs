//! Samples in pixels: numbers as bytes, bands picked and woven.

use crate::raster::SampleType;
use crate::raster::samples::Raw;

/// The bytes of a number in a scene's own type, or nothing when that type has no such number.
pub(in crate::raster) fn encode(sample_type: SampleType, value: f64) -> Option<Vec<u8>> {
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
pub(in crate::raster) fn pick(all: Vec<u8>, count: usize, bytes: usize, bands: &[usize]) -> Vec<u8> {
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
pub(super) fn interleave(mut planes: Vec<Vec<u8>>, bytes: usize) -> Vec<u8> {
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

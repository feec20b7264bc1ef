//! Samples as the file holds them, before band selection and stretch.

use serde::{Deserialize, Serialize};

/// The number type of a scene's samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SampleType {
    Uint8,
    Int8,
    Uint16,
    Int16,
    Uint32,
    Int32,
    Uint64,
    Int64,
    Float32,
    Float64,
}

/// Evaluates an expression with `$type` as the Rust type of a [`SampleType`].
macro_rules! with_sample_type {
    ($sample_type:expr, $type:ident => $body:expr) => {{
        use $crate::raster::samples::SampleType;
        macro_rules! with_type {
            ($rust_type:ty) => {{
                type $type = $rust_type;
                $body
            }};
        }
        match $sample_type {
            SampleType::Uint8 => with_type!(u8),
            SampleType::Int8 => with_type!(i8),
            SampleType::Uint16 => with_type!(u16),
            SampleType::Int16 => with_type!(i16),
            SampleType::Uint32 => with_type!(u32),
            SampleType::Int32 => with_type!(i32),
            SampleType::Uint64 => with_type!(u64),
            SampleType::Int64 => with_type!(i64),
            SampleType::Float32 => with_type!(f32),
            SampleType::Float64 => with_type!(f64),
        }
    }};
}
pub(in crate::raster) use with_sample_type;

impl SampleType {
    /// Bytes per sample.
    #[must_use]
    pub fn bytes(self) -> usize {
        with_sample_type!(self, T => size_of::<T>())
    }

    /// The name, as numpy spells it: `uint8`, `float32`…
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Uint8 => "uint8",
            Self::Int8 => "int8",
            Self::Uint16 => "uint16",
            Self::Int16 => "int16",
            Self::Uint32 => "uint32",
            Self::Int32 => "int32",
            Self::Uint64 => "uint64",
            Self::Int64 => "int64",
            Self::Float32 => "float32",
            Self::Float64 => "float64",
        }
    }

    #[must_use]
    pub(in crate::raster) fn is_float(self) -> bool {
        matches!(self, Self::Float32 | Self::Float64)
    }

    /// The smallest and largest value of an integer type, 0 and 1 of a floating point type.
    #[must_use]
    pub fn range(self) -> (f64, f64) {
        with_sample_type!(self, T => <T as Sample>::RANGE)
    }
}

/// A region's samples as the file holds them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Samples {
    pub width: u32,
    pub height: u32,
    /// Number of bands.
    pub bands: usize,
    pub sample_type: SampleType,
    /// Row by row, interleaved by pixel, in native byte order.
    pub data: Vec<u8>,
}

impl Samples {
    /// The samples in the order of `data`, as floating point numbers (64-bit integers are rounded).
    pub fn values(&self) -> impl Iterator<Item = f64> + '_ {
        self.data.chunks_exact(self.sample_type.bytes()).map(|bytes| value(self.sample_type, bytes))
    }
}

/// The number in `bytes`, which must be as long as the type says; zero otherwise.
pub(in crate::raster) fn value(sample_type: SampleType, bytes: &[u8]) -> f64 {
    with_sample_type!(sample_type, T => T::get(bytes, 0).to_f64())
}

/// The bytes of the number of a type that is nearest to `value`.
pub(in crate::raster) fn nearest_bytes(sample_type: SampleType, value: f64) -> Vec<u8> {
    let mut out = Vec::with_capacity(8);
    with_sample_type!(sample_type, T => T::rounded(value).put(&mut out));
    out
}

/// The bytes of a nodata value, or `None` if the type has no such number.
pub(in crate::raster) fn exact_bytes(sample_type: SampleType, value: f64) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(8);
    with_sample_type!(sample_type, T => T::exactly(value)?.put(&mut out));
    Some(out)
}

/// A number type that is stored as raw bytes.
pub(in crate::raster) trait Sample: Copy + PartialEq {
    /// The smallest and largest value of an integer type, 0 and 1 of a floating point type.
    const RANGE: (f64, f64);
    /// The `index`-th number of `bytes`; zero past the end.
    fn get(bytes: &[u8], index: usize) -> Self;
    fn to_f64(self) -> f64;
    /// The value of this type that a nodata value stands for: for integers exactly that number, so that -9999
    /// never matches unsigned samples; for floating point the nearest one.
    fn exactly(value: f64) -> Option<Self>;
    /// The nearest number of this type.
    fn rounded(value: f64) -> Self;
    /// Appends the bytes to `out`.
    fn put(self, out: &mut Vec<u8>);
}

macro_rules! impl_sample {
    ($($type:ty: $range:expr, $is_exact:expr);* $(;)?) => {$(
        impl Sample for $type {
            #[allow(clippy::cast_lossless, reason = "one macro for all types")]
            const RANGE: (f64, f64) = $range;

            #[inline]
            fn get(bytes: &[u8], index: usize) -> Self {
                const BYTES: usize = size_of::<$type>();
                bytes
                    .get(index * BYTES..(index + 1) * BYTES)
                    .and_then(|bytes| bytes.try_into().ok())
                    .map_or(<$type>::default(), <$type>::from_ne_bytes)
            }

            #[inline]
            #[allow(clippy::cast_lossless, reason = "one macro for all types")]
            fn to_f64(self) -> f64 {
                self as f64
            }

            fn exactly(value: f64) -> Option<Self> {
                let cast = value as $type;
                let is_exact: fn($type, f64) -> bool = $is_exact;
                is_exact(cast, value).then_some(cast)
            }

            #[inline]
            fn rounded(value: f64) -> Self {
                // Only floating point types can hold a half.
                let is_integer = (0.5 as $type).to_f64() == 0.0;
                (if is_integer { value.round() } else { value }) as $type
            }

            #[inline]
            fn put(self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_ne_bytes());
            }
        }
    )*};
}

impl_sample! {
    u8: (0.0, u8::MAX as f64), is_same;
    i8: (i8::MIN as f64, i8::MAX as f64), is_same;
    u16: (0.0, u16::MAX as f64), is_same;
    i16: (i16::MIN as f64, i16::MAX as f64), is_same;
    u32: (0.0, u32::MAX as f64), is_same;
    i32: (i32::MIN as f64, i32::MAX as f64), is_same;
    u64: (0.0, u64::MAX as f64), is_same;
    i64: (i64::MIN as f64, i64::MAX as f64), is_same;
    f32: (0.0, 1.0), |_, _| true;
    f64: (0.0, 1.0), |_, _| true;
}

fn is_same(cast: impl Sample, value: f64) -> bool {
    cast.to_f64() == value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nodata_value_outside_the_type_matches_nothing() {
        assert_eq!(u8::exactly(-9999.0), None);
        assert_eq!(u8::exactly(256.0), None);
        assert_eq!(u16::exactly(0.5), None);
        assert_eq!(i16::exactly(-9999.0), Some(-9999));
        assert_eq!(f32::exactly(-3.4e38), Some(-3.4e38));
        assert_eq!(f32::exactly(0.1), Some(0.1));
        assert_eq!(f64::exactly(0.1), Some(0.1));
    }

    #[test]
    fn samples_come_out_in_order() {
        let data = [1_i16, -2, 300].iter().flat_map(|v| v.to_ne_bytes()).collect();
        let samples = Samples { width: 3, height: 1, bands: 1, sample_type: SampleType::Int16, data };
        assert_eq!(samples.values().collect::<Vec<_>>(), [1.0, -2.0, 300.0]);
    }
}

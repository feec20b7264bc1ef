//! Pixels as the file holds them, before band choice and stretch.

use serde::{Deserialize, Serialize};

use super::Rect;

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

impl SampleType {
    /// Bytes of one sample.
    #[must_use]
    pub fn bytes(self) -> usize {
        match self {
            Self::Uint8 | Self::Int8 => 1,
            Self::Uint16 | Self::Int16 => 2,
            Self::Uint32 | Self::Int32 | Self::Float32 => 4,
            Self::Uint64 | Self::Int64 | Self::Float64 => 8,
        }
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

    /// The smallest and largest value of an integer type, 0 and 1 of a floating point type.
    #[must_use]
    pub fn range(self) -> (f64, f64) {
        match self {
            Self::Uint8 => (0.0, f64::from(u8::MAX)),
            Self::Int8 => (f64::from(i8::MIN), f64::from(i8::MAX)),
            Self::Uint16 => (0.0, f64::from(u16::MAX)),
            Self::Int16 => (f64::from(i16::MIN), f64::from(i16::MAX)),
            Self::Uint32 => (0.0, f64::from(u32::MAX)),
            Self::Int32 => (f64::from(i32::MIN), f64::from(i32::MAX)),
            Self::Uint64 => (0.0, u64::MAX as f64),
            Self::Int64 => (i64::MIN as f64, i64::MAX as f64),
            Self::Float32 | Self::Float64 => (0.0, 1.0),
        }
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
    /// Row by row, pixel by pixel, band by band, in the byte order of this machine.
    pub data: Vec<u8>,
}

impl Samples {
    /// The samples in the order of `data`, as floating point numbers (64-bit integers are rounded).
    pub fn values(&self) -> impl Iterator<Item = f64> + '_ {
        self.data.chunks_exact(self.sample_type.bytes()).map(|bytes| value(self.sample_type, bytes))
    }
}

/// The number in `bytes`, which must be as long as the type says; NaN otherwise.
pub(super) fn value(sample_type: SampleType, bytes: &[u8]) -> f64 {
    match sample_type {
        SampleType::Uint8 => f64::from(u8::get(bytes, 0)),
        SampleType::Int8 => f64::from(i8::get(bytes, 0)),
        SampleType::Uint16 => f64::from(u16::get(bytes, 0)),
        SampleType::Int16 => f64::from(i16::get(bytes, 0)),
        SampleType::Uint32 => f64::from(u32::get(bytes, 0)),
        SampleType::Int32 => f64::from(i32::get(bytes, 0)),
        SampleType::Uint64 => u64::get(bytes, 0) as f64,
        SampleType::Int64 => i64::get(bytes, 0) as f64,
        SampleType::Float32 => f64::from(f32::get(bytes, 0)),
        SampleType::Float64 => f64::get(bytes, 0),
    }
}

/// A number type that can be taken out of raw bytes.
pub(super) trait Raw: Copy + PartialEq {
    /// The `index`-th number of `bytes`; zero past the end.
    fn get(bytes: &[u8], index: usize) -> Self;
    fn to_f64(self) -> f64;
    /// The value of this type that a nodata value stands for: for integers only the very same number, so
    /// that -9999 never matches unsigned samples; for floating point numbers the nearest.
    fn exactly(value: f64) -> Option<Self>;
    /// The nearest number of this type.
    fn rounded(value: f64) -> Self;
    /// Appends the bytes to `out`.
    fn put(self, out: &mut Vec<u8>);
}

macro_rules! raw {
    ($($type:ty: $exactly:expr),* $(,)?) => {$(
        impl Raw for $type {
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
                let accept: fn($type, f64) -> bool = $exactly;
                accept(cast, value).then_some(cast)
            }

            #[inline]
            fn rounded(value: f64) -> Self {
                // Only floating point types hold a half.
                let whole = (0.5 as $type).to_f64() == 0.0;
                (if whole { value.round() } else { value }) as $type
            }

            #[inline]
            fn put(self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_ne_bytes());
            }
        }
    )*};
}

raw! {
    u8: |cast, value| same(cast, value),
    i8: |cast, value| same(cast, value),
    u16: |cast, value| same(cast, value),
    i16: |cast, value| same(cast, value),
    u32: |cast, value| same(cast, value),
    i32: |cast, value| same(cast, value),
    u64: |cast, value| same(cast, value),
    i64: |cast, value| same(cast, value),
    f32: |_, _| true,
    f64: |_, _| true,
}

fn same(cast: impl Raw, value: f64) -> bool {
    cast.to_f64() == value
}

/// Copies the pixels that two places share from the one's buffer to the other's.
pub(super) fn copy_overlap(from: &[u8], from_place: Rect, to: &mut [u8], to_place: Rect, pixel: usize) {
    let (left, right) = (from_place.x.max(to_place.x), from_place.right().min(to_place.right()));
    let (top, bottom) = (from_place.y.max(to_place.y), from_place.bottom().min(to_place.bottom()));
    for y in top..bottom {
        let range = |place: Rect| {
            let row = (y - place.y) as usize * place.width as usize;
            let start = (row + (left - place.x) as usize) * pixel;
            start..start + right.saturating_sub(left) as usize * pixel
        };
        if let (Some(to), Some(from)) = (to.get_mut(range(to_place)), from.get(range(from_place))) {
            to.copy_from_slice(from);
        }
    }
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

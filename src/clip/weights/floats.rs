//! Numbers as a file holds them, and copied to what layers take: single precision, by rows or by columns.

use bytes::Bytes;
use half::slice::HalfFloatSliceExt as _;
use half::{bf16, f16};
use rayon::prelude::*;

/// A type of float in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::clip) enum FloatKind {
    F16,
    Bf16,
    F32,
    F64,
}

impl FloatKind {
    pub fn name(self) -> &'static str {
        match self {
            Self::F16 => "f16",
            Self::Bf16 => "bf16",
            Self::F32 => "f32",
            Self::F64 => "f64",
        }
    }

    /// Bytes of a number.
    fn size(self) -> usize {
        match self {
            Self::F16 | Self::Bf16 => 2,
            Self::F32 => 4,
            Self::F64 => 8,
        }
    }
}

/// Floats one after the other as a file holds them, little-endian.
#[derive(Clone)]
pub(in crate::clip) struct StoredFloats {
    bytes: Bytes,
    kind: FloatKind,
}

impl StoredFloats {
    pub fn new(bytes: Bytes, kind: FloatKind) -> Self {
        Self { bytes, kind }
    }

    pub fn len(&self) -> usize {
        self.bytes.len() / self.kind.size()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Keeps the first `count` numbers and returns the others.
    pub fn split_off(&mut self, count: usize) -> Self {
        let at = self.bytes.len().min(count.saturating_mul(self.kind.size()));
        Self { bytes: self.bytes.split_off(at), kind: self.kind }
    }

    /// Copies numbers from the one at `first` on, as many as `out` takes.
    fn copy_to(&self, first: usize, out: &mut [f32]) {
        let size = self.kind.size();
        let bytes = self.bytes.get(first * size..(first + out.len()) * size).unwrap_or_default();
        match self.kind {
            FloatKind::F16 => copy_halves(bytes, out),
            FloatKind::Bf16 => copy(bytes, out, |bytes| bf16::from_le_bytes(bytes).to_f32()),
            FloatKind::F32 => copy(bytes, out, f32::from_le_bytes),
            FloatKind::F64 => copy(bytes, out, |bytes| f64::from_le_bytes(bytes) as f32),
        }
    }
}

fn copy<const N: usize>(bytes: &[u8], out: &mut [f32], convert: impl Fn([u8; N]) -> f32) {
    for (value, bytes) in out.iter_mut().zip(bytes.as_chunks::<N>().0) {
        *value = convert(*bytes);
    }
}

/// Half precision, by the processor's instruction for several at once. It wants them aligned, which bytes in
/// a file needn't be.
fn copy_halves(bytes: &[u8], out: &mut [f32]) {
    let mut halves = [f16::ZERO; 64];
    for (out, bytes) in out.chunks_mut(halves.len()).zip(bytes.chunks(2 * halves.len())) {
        let halves = &mut halves[..out.len()];
        for (half, bytes) in halves.iter_mut().zip(bytes.as_chunks::<2>().0) {
            *half = f16::from_le_bytes(*bytes);
        }
        halves.convert_to_f32_slice(out);
    }
}

/// The numbers of all parts one after the other.
pub(in crate::clip) fn joined(parts: &[StoredFloats]) -> Vec<f32> {
    const RUN: usize = 1 << 16;
    let mut out = vec![0.0; count(parts)];
    let mut rest = out.as_mut_slice();
    for part in parts {
        let (own, others) = rest.split_at_mut(part.len());
        own.par_chunks_mut(RUN).enumerate().for_each(|(run, out)| part.copy_to(run * RUN, out));
        rest = others;
    }
    out
}

/// The transpose of a matrix of `columns` columns, whose rows are those of all parts. Nearly all weights go
/// through this straight from their file, so it works on all cores, in squares of whole cache lines each way.
pub(in crate::clip) fn transposed(parts: &[StoredFloats], columns: usize) -> Vec<f32> {
    const SIDE: usize = 32;
    let rows = count(parts) / columns.max(1);
    let mut out = vec![0.0; rows * columns];
    if rows == 0 {
        return out;
    }
    out.par_chunks_mut(SIDE * rows).enumerate().for_each(|(band, out)| {
        let left = band * SIDE;
        let width = SIDE.min(columns - left);
        let mut top = 0;
        for part in parts {
            let part_rows = part.len() / columns;
            for first in (0..part_rows).step_by(SIDE) {
                // Rows often lie a power of two apart and evict each other from the cache: read once.
                let mut square = [[0.0; SIDE]; SIDE];
                let height = SIDE.min(part_rows - first);
                for (line, row) in square.iter_mut().zip(first..first + height) {
                    part.copy_to(row * columns + left, &mut line[..width]);
                }
                for (x, out) in out.chunks_exact_mut(rows).enumerate() {
                    for (value, line) in out[top..top + height].iter_mut().zip(&square) {
                        *value = line[x];
                    }
                }
                top += height;
            }
        }
    });
    out
}

fn count(parts: &[StoredFloats]) -> usize {
    parts.iter().map(StoredFloats::len).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(values: impl IntoIterator<Item = f32>) -> StoredFloats {
        let bytes: Vec<u8> = values.into_iter().flat_map(f32::to_le_bytes).collect();
        StoredFloats::new(Bytes::from(bytes), FloatKind::F32)
    }

    #[test]
    fn transposing_twice_changes_nothing() {
        let values: Vec<f32> = (0_u8..60).map(f32::from).collect();
        let once = transposed(&[stored(values.clone())], 3);
        assert_eq!((once[0], once[1], once[20]), (0.0, 3.0, 1.0));
        assert_eq!(transposed(&[stored(once)], 20), values);
        assert!(transposed(&[stored([])], 7).is_empty());
    }

    #[test]
    fn parts_are_one_matrix() {
        let (rows, columns) = (75, 50);
        let values: Vec<f32> = (0..rows as u16 * columns as u16).map(f32::from).collect();
        let mut first = stored(values.clone());
        let mut second = first.split_off(33 * columns);
        let third = second.split_off(2 * columns);
        assert_eq!((first.len(), second.len()), (33 * columns, 2 * columns));
        let parts = [first, second, third];
        assert_eq!(joined(&parts), values);
        let turned = transposed(&parts, columns);
        for (row, column) in (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column))) {
            assert_eq!(turned[column * rows + row], values[row * columns + column]);
        }
    }

    #[test]
    fn every_type_and_place_gives_the_same_numbers() {
        // Small integers are exact in all types.
        let values: Vec<f32> = (0..211_u8).map(|value| f32::from(value) - 100.0).collect();
        let bytes = |kind: FloatKind| -> Vec<u8> {
            let of = |value: f32| match kind {
                FloatKind::F16 => f16::from_f32(value).to_le_bytes().to_vec(),
                FloatKind::Bf16 => bf16::from_f32(value).to_le_bytes().to_vec(),
                FloatKind::F32 => value.to_le_bytes().to_vec(),
                FloatKind::F64 => f64::from(value).to_le_bytes().to_vec(),
            };
            values.iter().copied().flat_map(of).collect()
        };
        for kind in [FloatKind::F16, FloatKind::Bf16, FloatKind::F32, FloatKind::F64] {
            // Bytes in a file begin anywhere.
            let shifted = Bytes::from([vec![7], bytes(kind)].concat()).split_off(1);
            let stored = StoredFloats::new(shifted, kind);
            assert_eq!(joined(std::slice::from_ref(&stored)), values, "{kind:?}");
            let mut some = [0.0; 70];
            stored.copy_to(3, &mut some);
            assert_eq!(some, values[3..73], "{kind:?}");
        }
    }
}

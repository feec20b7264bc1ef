//! Multi-head attention over slices: one head of one picture at a time, so that all data stay in the first
//! two caches, with buffers that are reused from head to head.

// A function that isn't inlined is compiled for the baseline instruction set.
#![allow(clippy::inline_always)]

use pulp::{Arch, Simd, WithSimd};
use rayon::iter::{IndexedParallelIterator as _, ParallelIterator as _};
use rayon::slice::{ParallelSlice as _, ParallelSliceMut as _};

use super::ops::{exponentials, of_each_thread};

/// Rows that [`tile`] computes at once. Five, because a ViT-B/32 has 50 tokens, and because with two
/// registers of columns each they fill AVX2's sixteen registers.
const ROWS: usize = 5;

/// The sizes of an attention.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Query tokens of each picture.
    pub queries: usize,
    /// Key tokens of each picture.
    pub keys: usize,
    pub heads: usize,
    /// The length of a token, which the heads share.
    pub width: usize,
}

/// `softmax(q k^T) v` for every picture and head.
///
/// For each picture `q` holds `queries` rows of `width` values, already divided by the square root of a
/// head's width; `kv` holds `keys` rows of twice `width`, key before value; `out` is laid out as `q`.
///
/// Where the pool has several threads, each takes some of every picture's queries.
pub fn attend(shape: Shape, q: &[f32], kv: &[f32], out: &mut [f32]) {
    let attend = |shape, q, kv, out| Arch::new().dispatch(Attend { shape, q, kv, out });
    let Shape { queries, keys, width, .. } = shape;
    let of_each = of_each_thread(queries);
    if of_each == queries {
        return attend(shape, q, kv, out);
    }
    let pictures = q.par_chunks_exact(queries * width).zip(kv.par_chunks_exact(keys * 2 * width));
    pictures.zip(out.par_chunks_exact_mut(queries * width)).for_each(|((q, kv), out)| {
        let parts = q.par_chunks(of_each * width).zip(out.par_chunks_mut(of_each * width));
        parts.for_each(|(q, out)| attend(Shape { queries: q.len() / width, ..shape }, q, kv, out));
    });
}

struct Attend<'a> {
    shape: Shape,
    q: &'a [f32],
    kv: &'a [f32],
    out: &'a mut [f32],
}

impl WithSimd for Attend<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { shape, q, kv, out } = self;
        let Shape { queries, keys, heads, width } = shape;
        let head_width = width / heads;
        // Rows are padded with zeros to a multiple of a tile.
        let tile = 2 * S::F32_LANES;
        let (keys_row, head_row) = (keys.next_multiple_of(tile), head_width.next_multiple_of(tile));
        let mut keys_transposed = vec![0.0; head_width * keys_row];
        let mut values = vec![0.0; keys * head_row];
        let mut scores = vec![0.0; queries * keys_row];
        let mut inverse_sums = vec![0.0; queries];
        let mut weighted = vec![0.0; queries * head_row];

        let pictures = q.chunks_exact(queries * width).zip(kv.chunks_exact(keys * 2 * width));
        for ((q, kv), out) in pictures.zip(out.chunks_exact_mut(queries * width)) {
            for start in (0..width).step_by(head_width) {
                let rows = kv.chunks_exact(2 * width).zip(values.chunks_exact_mut(head_row));
                for (i, (row, value)) in rows.enumerate() {
                    for (column, x) in keys_transposed.chunks_exact_mut(keys_row).zip(&row[start..]) {
                        column[i] = *x;
                    }
                    value[..head_width].copy_from_slice(&row[width + start..][..head_width]);
                }

                product(simd, &q[start..], width, &keys_transposed, keys_row, &mut scores);
                let rows = scores.chunks_exact_mut(keys_row).zip(&mut inverse_sums);
                for (row, inverse_sum) in rows {
                    *inverse_sum = 1.0 / exponentials(&mut row[..keys]);
                }

                product(simd, &scores, keys_row, &values, head_row, &mut weighted);
                let rows = out.chunks_exact_mut(width).zip(weighted.chunks_exact(head_row));
                for ((out, weighted), inverse_sum) in rows.zip(&inverse_sums) {
                    for (out, x) in out[start..][..head_width].iter_mut().zip(weighted) {
                        *out = x * inverse_sum;
                    }
                }
            }
        }
    }
}

/// `out = left x right`. Rows of `right` and `out` have `columns` values and are contiguous; those of `left`
/// begin every `stride` values.
#[inline(always)]
fn product<S: Simd>(simd: S, left: &[f32], stride: usize, right: &[f32], columns: usize, out: &mut [f32]) {
    let blocks = left.chunks(ROWS * stride).zip(out.chunks_mut(ROWS * columns));
    for (left, out) in blocks {
        if out.len() == ROWS * columns {
            tile::<S, ROWS>(simd, left, stride, right, columns, out);
        } else {
            for (left, out) in left.chunks(stride).zip(out.chunks_exact_mut(columns)) {
                tile::<S, 1>(simd, left, stride, right, columns, out);
            }
        }
    }
}

/// `R` rows of [`product`], two registers of columns at a time.
#[inline(always)]
fn tile<S: Simd, const R: usize>(
    simd: S,
    left: &[f32],
    stride: usize,
    right: &[f32],
    columns: usize,
    out: &mut [f32],
) {
    let depth = right.len() / columns;
    let left: [&[f32]; R] = std::array::from_fn(|r| &left[r * stride..][..depth]);
    let step = 2 * S::F32_LANES;
    for column in (0..columns).step_by(step) {
        let mut sums = [[simd.splat_f32s(0.0); 2]; R];
        for (k, right) in right.chunks_exact(columns).enumerate() {
            if let ([a, b], _) = S::as_simd_f32s(&right[column..column + step]) {
                for (sum, left) in sums.iter_mut().zip(&left) {
                    let x = simd.splat_f32s(left[k]);
                    *sum = [simd.mul_add_f32s(x, *a, sum[0]), simd.mul_add_f32s(x, *b, sum[1])];
                }
            }
        }
        for (sum, out) in sums.into_iter().zip(out.chunks_exact_mut(columns)) {
            if let ([a, b], _) = S::as_mut_simd_f32s(&mut out[column..column + step]) {
                [*a, *b] = sum;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition, in f64.
    fn plain(shape: Shape, q: &[f32], kv: &[f32]) -> Vec<f32> {
        let Shape { queries, keys, heads, width } = shape;
        let head_width = width / heads;
        let mut out = vec![0.0; q.len()];
        for (row, q) in q.chunks(width).enumerate() {
            let picture = row / queries;
            let kv = &kv[picture * keys * 2 * width..][..keys * 2 * width];
            for head in 0..heads {
                let weights: Vec<f64> = (0..keys)
                    .map(|j| {
                        (0..head_width)
                            .map(|d| head * head_width + d)
                            .map(|d| f64::from(q[d]) * f64::from(kv[j * 2 * width + d]))
                            .sum::<f64>()
                            .exp()
                    })
                    .collect();
                let sum: f64 = weights.iter().sum();
                for d in head * head_width..(head + 1) * head_width {
                    let weighted: f64 = weights
                        .iter()
                        .enumerate()
                        .map(|(j, w)| w * f64::from(kv[j * 2 * width + width + d]))
                        .sum();
                    out[row * width + d] = (weighted / sum) as f32;
                }
            }
        }
        out
    }

    #[test]
    fn attention_matches_its_definition() {
        let wave =
            |len: usize, step: f32| (0..len).map(|i| (i as f32 * step).sin() * 1.5).collect::<Vec<f32>>();
        for (queries, keys, heads, width) in
            [(50, 50, 2, 128), (1, 50, 2, 128), (7, 7, 3, 24), (77, 77, 1, 64), (10, 17, 2, 80)]
        {
            let shape = Shape { queries, keys, heads, width };
            let pictures = 3;
            let q = wave(pictures * queries * width, 0.37);
            let kv = wave(pictures * keys * 2 * width, 0.61);
            let mut out = vec![f32::NAN; q.len()];
            attend(shape, &q, &kv, &mut out);
            for (got, want) in out.iter().zip(plain(shape, &q, &kv)) {
                assert!((got - want).abs() < 1e-5, "{shape:?}: {got}, not {want}");
            }
        }
    }
}

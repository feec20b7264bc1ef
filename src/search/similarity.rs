//! Cosines of many windows and several words at once: a matrix product, f16 in, sums in f32.
//!
//! Windows are taken a few hundred at a time and widened to f32, which then lie in the nearest cache; the
//! product runs over tiles of four windows and three words, whose sums stay in registers.

// What is not inlined is compiled for the least instruction set.
#![allow(clippy::inline_always)]

use half::f16;
use half::slice::HalfFloatSliceExt;
use pulp::{Arch, Simd, WithSimd};

/// Windows of a tile of the product.
const ROWS: usize = 4;
/// Words of a tile.
const COLUMNS: usize = 3;

/// Words as the product takes them.
#[derive(Clone, Debug)]
pub struct WordMatrix {
    /// `words x embedding_len` values.
    values: Vec<f32>,
    embedding_len: usize,
    words: usize,
}

impl WordMatrix {
    /// `values` holds one embedding of `embedding_len` values after the other.
    #[must_use]
    pub fn new(values: Vec<f32>, embedding_len: usize) -> Self {
        let words = values.len().checked_div(embedding_len).unwrap_or(0);
        Self { values, embedding_len, words }
    }

    #[must_use]
    pub fn words(&self) -> usize {
        self.words
    }

    #[must_use]
    pub fn embedding_len(&self) -> usize {
        self.embedding_len
    }

    #[must_use]
    pub fn word(&self, index: usize) -> &[f32] {
        &self.values[index * self.embedding_len..(index + 1) * self.embedding_len]
    }
}

/// Room for the windows of a block as f32, kept from block to block.
#[derive(Default)]
pub struct DotProductScratch {
    widened: Vec<f32>,
}

/// The dot products of all windows in `embeddings`, one embedding after the other, with all words:
/// `windows x words` values. What belongs to a window depends on nothing but its embedding and the words.
pub fn dot_products(
    embeddings: &[f16],
    words: &WordMatrix,
    scratch: &mut DotProductScratch,
    out: &mut Vec<f32>,
) {
    out.clear();
    if words.words == 0 {
        return;
    }
    let windows = embeddings.len() / words.embedding_len;
    out.resize(windows * words.words, 0.0);
    scratch.widened.resize(embeddings.len(), 0.0);
    embeddings.convert_to_f32_slice(&mut scratch.widened);
    Arch::new().dispatch(Product { windows: &scratch.widened, words, out });
}

struct Product<'a> {
    windows: &'a [f32],
    words: &'a WordMatrix,
    out: &'a mut [f32],
}

impl WithSimd for Product<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { windows, words, out } = self;
        let (length, columns) = (words.embedding_len, words.words);
        for (tile, out) in windows.chunks(ROWS * length).zip(out.chunks_mut(ROWS * columns)) {
            let rows = tile.len() / length;
            // The last tile repeats a window and forgets the result, so that every window is summed alike.
            let row = |index: usize| {
                let index = index.min(rows - 1);
                &tile[index * length..(index + 1) * length]
            };
            let rows_of_tile: [&[f32]; ROWS] = std::array::from_fn(row);
            for first in (0..columns).step_by(COLUMNS) {
                let words_of_tile: [&[f32]; COLUMNS] =
                    std::array::from_fn(|column| words.word((first + column).min(columns - 1)));
                let sums = tile_product(simd, rows_of_tile, words_of_tile);
                for (row, sums) in sums.iter().enumerate().take(rows) {
                    for (column, sum) in sums.iter().enumerate().take(columns - first) {
                        out[row * columns + first + column] = *sum;
                    }
                }
            }
        }
    }
}

#[inline(always)]
fn tile_product<S: Simd>(simd: S, rows: [&[f32]; ROWS], words: [&[f32]; COLUMNS]) -> [[f32; COLUMNS]; ROWS] {
    let rows = rows.map(|row| S::as_simd_f32s(row));
    let words = words.map(|word| S::as_simd_f32s(word));
    let mut sums = [[simd.splat_f32s(0.0); COLUMNS]; ROWS];
    for step in 0..words[0].0.len() {
        let word = words.map(|(head, _)| head[step]);
        for (sums, (head, _)) in sums.iter_mut().zip(&rows) {
            let value = head[step];
            for (sum, word) in sums.iter_mut().zip(word) {
                *sum = simd.mul_add_f32s(value, word, *sum);
            }
        }
    }
    let mut products = [[0.0; COLUMNS]; ROWS];
    for ((products, sums), (_, row)) in products.iter_mut().zip(sums).zip(&rows) {
        for ((product, sum), (_, word)) in products.iter_mut().zip(sums).zip(&words) {
            let rest: f32 = row.iter().zip(*word).map(|(a, b)| a * b).sum();
            *product = simd.reduce_sum_f32s(sum) + rest;
        }
    }
    products
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::to_half;

    fn numbers(count: usize, seed: usize) -> Vec<f32> {
        (0..count).map(|i| ((i * 7919 + seed * 104_729) % 1000) as f32 / 1000.0 - 0.5).collect()
    }

    #[test]
    fn products_agree_with_plain_sums() {
        for (windows, words, length) in [(1, 1, 1), (4, 3, 16), (5, 4, 33), (9, 1, 512), (130, 7, 100)] {
            let embeddings = to_half(&numbers(windows * length, 1));
            let matrix = WordMatrix::new(numbers(words * length, 2), length);
            let mut out = Vec::new();
            dot_products(&embeddings, &matrix, &mut DotProductScratch::default(), &mut out);
            assert_eq!(out.len(), windows * words);
            for (index, product) in out.iter().enumerate() {
                let window = &embeddings[index / words * length..][..length];
                let plain: f64 = window
                    .iter()
                    .zip(matrix.word(index % words))
                    .map(|(a, b)| a.to_f64() * f64::from(*b))
                    .sum();
                assert!((f64::from(*product) - plain).abs() < 1e-4, "{product} is not {plain}");
            }
        }
    }

    #[test]
    fn a_window_scores_the_same_whatever_stands_beside_it() {
        let (length, matrix) = (48, WordMatrix::new(numbers(5 * 48, 3), 48));
        let embeddings = to_half(&numbers(11 * length, 4));
        let (mut all, mut one) = (Vec::new(), Vec::new());
        dot_products(&embeddings, &matrix, &mut DotProductScratch::default(), &mut all);
        for window in 0..11 {
            let alone = &embeddings[window * length..(window + 1) * length];
            dot_products(alone, &matrix, &mut DotProductScratch::default(), &mut one);
            assert_eq!(one[..], all[window * 5..window * 5 + 5]);
        }
    }
}

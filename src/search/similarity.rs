//! Cosines of many windows and several words at once: a matrix product, f16 in, sums in f32.
//!
//! The product runs over tiles of four windows and up to six words, whose sums stay in registers. With
//! AVX-512 half floats are widened on their way into these; elsewhere a block of windows is widened first.

// What is not inlined is compiled for the least instruction set.
#![allow(clippy::inline_always)]

use half::f16;
use half::slice::HalfFloatSliceExt;
#[cfg(target_arch = "x86_64")]
use pulp::x86::V4;
use pulp::{Arch, Simd, WithSimd};

/// Windows of a tile of the product.
const ROWS: usize = 4;

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
    let rows: Vec<u32> = (0..(embeddings.len() / words.embedding_len) as u32).collect();
    let columns: Vec<u32> = (0..words.words as u32).collect();
    out.resize(rows.len() * words.words, 0.0);
    Block::new(embeddings, scratch).products(&rows, words, &columns, out);
}

/// Some windows, ready to be compared with words.
pub struct Block<'a>(Windows<'a>);

#[derive(Clone, Copy)]
enum Windows<'a> {
    #[cfg(target_arch = "x86_64")]
    Half(&'a [u16], V4),
    Widened(&'a [f32]),
}

impl<'a> Block<'a> {
    /// Takes embeddings that lie one after the other.
    pub fn new(embeddings: &'a [f16], scratch: &'a mut DotProductScratch) -> Self {
        #[cfg(target_arch = "x86_64")]
        if let Some(simd) = V4::try_new() {
            let values = embeddings.reinterpret_cast();
            fetch(values);
            return Self(Windows::Half(values, simd));
        }
        Self::widened(embeddings, scratch)
    }

    /// For any processor.
    fn widened(embeddings: &[f16], scratch: &'a mut DotProductScratch) -> Self {
        scratch.widened.resize(embeddings.len(), 0.0);
        embeddings.convert_to_f32_slice(&mut scratch.widened);
        Self(Windows::Widened(&scratch.widened))
    }

    /// The dot products of some `rows` with some words. That of a row and a word has its place in `out`,
    /// which holds all words of row after row; other values are left as they are. It is the same to the last
    /// bit whichever rows and words stand beside it.
    pub fn products(&self, rows: &[u32], words: &WordMatrix, columns: &[u32], out: &mut [f32]) {
        let wanted = Wanted { rows, words, columns, out };
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Windows::Half(values, simd) => {
                simd.vectorize(HalfProduct { simd, values, wanted });
            }
            Windows::Widened(values) => {
                Arch::new().dispatch(WidenedProduct { values, wanted });
            }
        }
    }
}

/// Looks at one value of each line of the cache. The memory is asked for many lines at once then; the
/// product, which goes along four short rows, would wait for a few at a time.
#[cfg(target_arch = "x86_64")]
fn fetch(values: &[u16]) {
    const LINE: usize = 64 / size_of::<u16>();
    let lines = values.chunks(LINE).filter_map(<[u16]>::first);
    std::hint::black_box(lines.fold(0, |all, value| all ^ value));
}

/// A window's embedding, as the product reads it.
trait Row<S: Simd>: Copy {
    /// The values of a step, as many as a register holds.
    fn at(self, simd: S, step: usize) -> S::f32s;
    /// Those beyond the last whole step, and zeros.
    fn rest(self, simd: S) -> S::f32s;
}

#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
struct HalfRow<'a> {
    steps: &'a [[u16; 16]],
    rest: &'a [u16],
}

#[cfg(target_arch = "x86_64")]
impl<'a> HalfRow<'a> {
    #[inline(always)]
    fn new(values: &'a [u16]) -> Self {
        let (steps, rest) = values.as_chunks();
        Self { steps, rest }
    }
}

#[cfg(target_arch = "x86_64")]
impl Row<V4> for HalfRow<'_> {
    #[inline(always)]
    fn at(self, simd: V4, step: usize) -> pulp::f32x16 {
        pulp::cast(simd.avx512f._mm512_cvtph_ps(pulp::cast(self.steps[step])))
    }

    #[inline(always)]
    fn rest(self, simd: V4) -> pulp::f32x16 {
        let mut step = [0; 16];
        step[..self.rest.len()].copy_from_slice(self.rest);
        pulp::cast(simd.avx512f._mm512_cvtph_ps(pulp::cast(step)))
    }
}

#[derive(Clone, Copy)]
struct WidenedRow<'a, S: Simd> {
    steps: &'a [S::f32s],
    rest: &'a [f32],
}

impl<'a, S: Simd> WidenedRow<'a, S> {
    #[inline(always)]
    fn new(values: &'a [f32]) -> Self {
        let (steps, rest) = S::as_simd_f32s(values);
        Self { steps, rest }
    }
}

impl<S: Simd> Row<S> for WidenedRow<'_, S> {
    #[inline(always)]
    fn at(self, _: S, step: usize) -> S::f32s {
        self.steps[step]
    }

    #[inline(always)]
    fn rest(self, simd: S) -> S::f32s {
        simd.partial_load_f32s(self.rest)
    }
}

/// Which products are wanted of what.
struct Wanted<'a> {
    rows: &'a [u32],
    words: &'a WordMatrix,
    columns: &'a [u32],
    out: &'a mut [f32],
}

#[cfg(target_arch = "x86_64")]
struct HalfProduct<'a> {
    simd: V4,
    values: &'a [u16],
    wanted: Wanted<'a>,
}

#[cfg(target_arch = "x86_64")]
impl pulp::NullaryFnOnce for HalfProduct<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let (values, length) = (self.values, self.wanted.words.embedding_len);
        let row = |row: u32| HalfRow::new(&values[row as usize * length..][..length]);
        product(self.simd, row, self.wanted);
    }
}

struct WidenedProduct<'a> {
    values: &'a [f32],
    wanted: Wanted<'a>,
}

impl WithSimd for WidenedProduct<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (values, length) = (self.values, self.wanted.words.embedding_len);
        let row = |row: u32| WidenedRow::<S>::new(&values[row as usize * length..][..length]);
        product(simd, row, self.wanted);
    }
}

#[inline(always)]
fn product<S: Simd, R: Row<S>>(simd: S, row: impl Fn(u32) -> R, wanted: Wanted<'_>) {
    let Wanted { rows, words, columns, out } = wanted;
    for rows in rows.chunks(ROWS) {
        // The last tile repeats a window and forgets the result, so that every window is summed alike.
        let of_tile: [R; ROWS] = std::array::from_fn(|index| row(rows[index.min(rows.len() - 1)]));
        let mut left = columns;
        while !left.is_empty() {
            let place = (rows, &mut *out);
            // As many sums as there are registers for, with room for what is multiplied.
            left = match left.len() {
                1 => tile::<S, R, 1>(simd, of_tile, words, left, place),
                2 => tile::<S, R, 2>(simd, of_tile, words, left, place),
                _ if S::REGISTER_COUNT < 32 => tile::<S, R, 3>(simd, of_tile, words, left, place),
                3 | 4 => tile::<S, R, 4>(simd, of_tile, words, left, place),
                _ => tile::<S, R, 6>(simd, of_tile, words, left, place),
            };
        }
    }
}

/// The products of some windows with the first words of `columns`; returns the other ones.
#[inline(always)]
fn tile<'a, S: Simd, R: Row<S>, const COLUMNS: usize>(
    simd: S,
    of_tile: [R; ROWS],
    words: &WordMatrix,
    columns: &'a [u32],
    (rows, out): (&[u32], &mut [f32]),
) -> &'a [u32] {
    let (now, later) = columns.split_at(columns.len().min(COLUMNS));
    let of_word: [(&[S::f32s], &[f32]); COLUMNS] =
        std::array::from_fn(|column| S::as_simd_f32s(words.word(now[column.min(now.len() - 1)] as usize)));
    let zero = simd.splat_f32s(0.0);
    let mut sums = [[zero; COLUMNS]; ROWS];
    // Plain loops: what isn't inlined here, as `map` isn't, is compiled for the least instruction set.
    for step in 0..of_word[0].0.len() {
        let mut word = [zero; COLUMNS];
        for column in 0..COLUMNS {
            word[column] = of_word[column].0[step];
        }
        for row in 0..ROWS {
            let value = of_tile[row].at(simd, step);
            for column in 0..COLUMNS {
                sums[row][column] = simd.mul_add_f32s(value, word[column], sums[row][column]);
            }
        }
    }
    if !of_word[0].1.is_empty() {
        for column in 0..COLUMNS {
            let word = simd.partial_load_f32s(of_word[column].1);
            for row in 0..ROWS {
                sums[row][column] = simd.mul_add_f32s(of_tile[row].rest(simd), word, sums[row][column]);
            }
        }
    }
    for (row, sums) in rows.iter().zip(sums) {
        let out = &mut out[*row as usize * words.words..][..words.words];
        for (column, sum) in now.iter().zip(sums) {
            out[*column as usize] = simd.reduce_sum_f32s(sum);
        }
    }
    later
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

    /// On processors without AVX-512 a block is widened first. Only what is wanted is written.
    #[test]
    fn every_processor_gives_the_same_but_for_rounding() {
        let (rows, columns) = ([0, 3, 4, 5, 8], [1, 2, 6]);
        for length in [5, 16, 33, 512] {
            let embeddings = to_half(&numbers(9 * length, 1));
            let matrix = WordMatrix::new(numbers(7 * length, 2), length);
            let (mut scratch, mut other_scratch) =
                (DotProductScratch::default(), DotProductScratch::default());
            let (mut here, mut anywhere) = (vec![9.0; 9 * 7], vec![9.0; 9 * 7]);
            Block::new(&embeddings, &mut scratch).products(&rows, &matrix, &columns, &mut here);
            Block::widened(&embeddings, &mut other_scratch).products(&rows, &matrix, &columns, &mut anywhere);
            for (index, (here, anywhere)) in here.iter().zip(&anywhere).enumerate() {
                let is_wanted = rows.contains(&(index as u32 / 7)) && columns.contains(&(index as u32 % 7));
                assert_eq!(*here != 9.0, is_wanted, "{length}: {index}");
                assert!((here - anywhere).abs() < 1e-4, "{length}: {here} is not {anywhere}");
            }
        }
    }
}

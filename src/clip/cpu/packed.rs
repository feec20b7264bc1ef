//! Products with weights that are laid out once, in single precision.
//!
//! A product reads its weights in panels of two registers of columns. Whoever gets them as a matrix lays them
//! out anew for every product, which for the few rows of one picture takes as long as the product itself.

// A function that isn't inlined is compiled for the baseline instruction set.
#![allow(clippy::inline_always)]

use pulp::{Arch, Simd, WithSimd};
use rayon::iter::{IndexedParallelIterator as _, ParallelIterator as _};
use rayon::slice::ParallelSlice as _;

/// Rows that [`tile`] computes at once: with two registers of columns each they leave AVX-512 eight of its 32
/// for weights and values.
const ROWS: usize = 12;
/// Rows that go through all weights together, so that they stay in the second cache.
const GROUP: usize = 8 * ROWS;
/// How much of a row is multiplied at once, for the same reason.
const DEPTH: usize = 768;

/// A matrix that rows are multiplied with, in panels of [`PANEL`] columns.
pub struct PackedWeights {
    /// Panel after panel, and in each the rows one after the other; zeros after the last column.
    panels: Vec<f32>,
    depth: usize,
    columns: usize,
}

/// Columns of a panel: two registers of AVX-512.
const PANEL: usize = 32;

/// Whether this processor multiplies packed weights faster than gemm does. Only measured for AVX-512.
pub fn pays() -> bool {
    struct Lanes;
    impl WithSimd for Lanes {
        type Output = usize;

        fn with_simd<S: Simd>(self, _: S) -> usize {
            S::F32_LANES
        }
    }
    2 * Arch::new().dispatch(Lanes) == PANEL
}

impl PackedWeights {
    /// Lays out `weights`, rows of `columns` values.
    pub fn new(weights: &[f32], columns: usize) -> Self {
        let depth = weights.len() / columns.max(1);
        let mut panels = vec![0.0; depth * columns.next_multiple_of(PANEL)];
        for (first, panel) in (0..).step_by(PANEL).zip(panels.chunks_exact_mut((depth * PANEL).max(1))) {
            let width = PANEL.min(columns - first);
            for (row, out) in weights.chunks_exact(columns).zip(panel.chunks_exact_mut(PANEL)) {
                out[..width].copy_from_slice(&row[first..first + width]);
            }
        }
        Self { panels, depth, columns }
    }

    /// How long the rows are that it is multiplied with.
    pub fn depth(&self) -> usize {
        self.depth
    }

    /// How long the rows are that come out.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// The product of `rows` with the weights, on all threads of this pool. What a row becomes never depends
    /// on the number of rows or threads.
    pub fn product(&self, rows: &[f32]) -> Vec<f32> {
        let count = rows.len() / self.depth.max(1);
        let mut out = vec![0.0; count * self.columns];
        let panels = self.columns.div_ceil(PANEL);
        let of_each = panels.div_ceil(rayon::current_num_threads().max(1));
        if of_each == panels {
            self.multiply(rows, &self.panels, self.columns, &mut out);
            return out;
        }
        // Each thread takes columns of its own.
        let parts = self.panels.par_chunks(of_each * self.depth * PANEL).enumerate().map(|(part, panels)| {
            let columns = (of_each * PANEL).min(self.columns - part * of_each * PANEL);
            let mut out = vec![0.0; count * columns];
            self.multiply(rows, panels, columns, &mut out);
            (columns, out)
        });
        let parts: Vec<(usize, Vec<f32>)> = parts.collect();
        let mut first = 0;
        for (columns, part) in parts {
            for (out, part) in out.chunks_exact_mut(self.columns).zip(part.chunks_exact(columns)) {
                out[first..first + columns].copy_from_slice(part);
            }
            first += columns;
        }
        out
    }

    /// The product with some `panels`, which make `columns` columns of `out`.
    fn multiply(&self, rows: &[f32], panels: &[f32], columns: usize, out: &mut [f32]) {
        Arch::new().dispatch(Multiply { rows, depth: self.depth, panels, columns, out });
    }
}

struct Multiply<'a> {
    rows: &'a [f32],
    depth: usize,
    panels: &'a [f32],
    columns: usize,
    out: &'a mut [f32],
}

impl WithSimd for Multiply<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { rows, depth, panels, columns, out } = self;
        let mut packed = Vec::new();
        for (rows, out) in rows.chunks(GROUP * depth).zip(out.chunks_mut(GROUP * columns)) {
            for first in (0..depth).step_by(DEPTH) {
                let part = first..depth.min(first + DEPTH);
                pack_rows(rows, depth, part.clone(), &mut packed);
                let is_first = first == 0;
                for (column, panel) in (0..).step_by(PANEL).zip(panels.chunks_exact(depth * PANEL)) {
                    let panel = &panel[part.start * PANEL..part.end * PANEL];
                    let blocks = packed.chunks_exact(ROWS * part.len()).zip(out.chunks_mut(ROWS * columns));
                    for (block, out) in blocks {
                        tile_of(simd, block, panel, out, (column, columns), is_first);
                    }
                }
            }
        }
    }
}

/// A `part` of every row, in blocks of [`ROWS`] rows: the first value of each row of a block, then the
/// second.
#[inline(always)]
fn pack_rows(rows: &[f32], depth: usize, part: std::ops::Range<usize>, packed: &mut Vec<f32>) {
    packed.clear();
    packed.resize((rows.len() / depth).next_multiple_of(ROWS) * part.len(), 0.0);
    for (rows, block) in rows.chunks(ROWS * depth).zip(packed.chunks_exact_mut(ROWS * part.len())) {
        if rows.len() == ROWS * depth {
            let rows: [&[f32]; ROWS] = std::array::from_fn(|row| &rows[row * depth..][part.clone()]);
            for (place, values) in block.as_chunks_mut::<ROWS>().0.iter_mut().enumerate() {
                *values = rows.map(|row| row[place]);
            }
            continue;
        }
        for (index, row) in rows.chunks_exact(depth).enumerate() {
            for (value, x) in block[index..].iter_mut().step_by(ROWS).zip(&row[part.clone()]) {
                *value = *x;
            }
        }
    }
}

/// The tile of a block of rows and a panel: as many rows as `out` has, at most [`ROWS`].
#[inline(always)]
fn tile_of<S: Simd>(
    simd: S,
    block: &[f32],
    panel: &[f32],
    out: &mut [f32],
    place: (usize, usize),
    is_first: bool,
) {
    match out.len() / place.1 {
        12 => tile::<S, 12>(simd, block, panel, out, place, is_first),
        11 => tile::<S, 11>(simd, block, panel, out, place, is_first),
        10 => tile::<S, 10>(simd, block, panel, out, place, is_first),
        9 => tile::<S, 9>(simd, block, panel, out, place, is_first),
        8 => tile::<S, 8>(simd, block, panel, out, place, is_first),
        7 => tile::<S, 7>(simd, block, panel, out, place, is_first),
        6 => tile::<S, 6>(simd, block, panel, out, place, is_first),
        5 => tile::<S, 5>(simd, block, panel, out, place, is_first),
        4 => tile::<S, 4>(simd, block, panel, out, place, is_first),
        3 => tile::<S, 3>(simd, block, panel, out, place, is_first),
        2 => tile::<S, 2>(simd, block, panel, out, place, is_first),
        _ => tile::<S, 1>(simd, block, panel, out, place, is_first),
    }
}

/// `R` rows of a block times a panel, into the columns of `out` (of `columns` in a row) from `column` on:
/// stored if it `is_first`, else added.
#[inline(always)]
fn tile<S: Simd, const R: usize>(
    simd: S,
    block: &[f32],
    panel: &[f32],
    out: &mut [f32],
    (column, columns): (usize, usize),
    is_first: bool,
) {
    let mut sums = [[simd.splat_f32s(0.0); 2]; R];
    let (panel, _) = S::as_simd_f32s(panel);
    for (values, weights) in block.as_chunks::<ROWS>().0.iter().zip(panel.as_chunks::<2>().0) {
        for (sum, x) in sums.iter_mut().zip(values) {
            let x = simd.splat_f32s(*x);
            *sum = [simd.mul_add_f32s(x, weights[0], sum[0]), simd.mul_add_f32s(x, weights[1], sum[1])];
        }
    }
    let width = PANEL.min(columns - column);
    for (sum, row) in sums.iter_mut().zip(out.chunks_exact_mut(columns)) {
        let row = &mut row[column..column + width];
        if let (PANEL, ([a, b], _)) = (width, S::as_mut_simd_f32s(&mut *row)) {
            *a = if is_first { sum[0] } else { simd.add_f32s(*a, sum[0]) };
            *b = if is_first { sum[1] } else { simd.add_f32s(*b, sum[1]) };
            continue;
        }
        let mut values = [0.0; PANEL];
        if let ([a, b], _) = S::as_mut_simd_f32s(&mut values) {
            [*a, *b] = *sum;
        }
        for (out, value) in row.iter_mut().zip(&values) {
            *out = if is_first { *value } else { *out + value };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_product_is_that_of_its_definition_whatever_rows_there_are() {
        if !pays() {
            return;
        }
        let numbers = |count: usize, step: f32| {
            (0..count).map(|i| ((i % 4093) as f32 * step + (i / 4093) as f32).sin()).collect::<Vec<f32>>()
        };
        for (depth, columns) in [(64, 48), (768, 40), (1700, 96), (30, 7), (800, 129)] {
            let (rows, weights) = (numbers(130 * depth, 0.37), numbers(depth * columns, 0.61));
            let packed = PackedWeights::new(&weights, columns);
            assert_eq!((packed.depth(), packed.columns()), (depth, columns));
            let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
            let three = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
            let all = one.install(|| packed.product(&rows));
            for (index, found) in all.iter().enumerate().step_by(37) {
                let (row, column) = (index / columns, index % columns);
                let products = (0..depth)
                    .map(|i| f64::from(rows[row * depth + i]) * f64::from(weights[i * columns + column]));
                let want: f64 = products.sum();
                assert!((f64::from(*found) - want).abs() < 2e-4, "{found}, not {want}");
            }
            for count in [1, 2, 5, 11, 12, 13, 50, 96, 97] {
                for pool in [&one, &three] {
                    let some = pool.install(|| packed.product(&rows[..count * depth]));
                    assert!(some == all[..count * columns], "{count} rows of {depth} to {columns}");
                }
            }
        }
    }
}

//! Products in bf16: a number's first 16 bits, of which processors that have instructions for it multiply
//! twice as many at once and add them up in single precision.
//!
//! gemmkit keeps weights packed, and gives its results column by column; so what comes next either takes
//! columns or has them turned.

use gemmkit::{MatMut, MatRef, PackedRhs, Parallelism, gemm_packed_b, prepack_rhs};
use half::bf16;
use half::slice::HalfFloatSliceExt as _;

use super::ops::{activate_columns, vectorised};
use crate::clip::config::{Activation, VisionConfig};

/// A matrix that rows are multiplied with.
pub struct Bf16Weights {
    packed: PackedRhs<bf16>,
}

/// Rows of bf16, laid out column after column.
pub struct Columns {
    values: Vec<bf16>,
    rows: usize,
}

/// Whether this processor has the instructions.
pub fn is_supported() -> bool {
    #[cfg(target_arch = "x86_64")]
    let is_there =
        std::arch::is_x86_feature_detected!("avx512f") && std::arch::is_x86_feature_detected!("avx512bf16");
    #[cfg(not(target_arch = "x86_64"))]
    let is_there = false;
    is_there
}

/// Whether it is faster for a tower: small ones take as long either way.
pub fn pays(config: &VisionConfig) -> bool {
    match config {
        VisionConfig::Vit(vit) => vit.transformer.width >= 256,
        VisionConfig::ResNet(resnet) => resnet.width >= 32,
    }
}

impl Bf16Weights {
    /// Rounds and lays out `weights`, rows of `columns` values.
    pub fn new(weights: &[f32], columns: usize) -> Self {
        let rounded = rounded(weights);
        let depth = weights.len() / columns.max(1);
        Self { packed: prepack_rhs(MatRef::from_row_major(&rounded, depth, columns)) }
    }

    /// How long the rows are that it is multiplied with.
    pub fn depth(&self) -> usize {
        self.packed.rows()
    }

    /// How long the rows are that come out.
    pub fn columns(&self) -> usize {
        self.packed.cols()
    }

    /// The product of `rows` with the weights, on all threads of this pool. What a row becomes never depends
    /// on the number of rows or threads.
    pub fn product(&self, rows: &[f32]) -> Columns {
        let count = rows.len() / self.depth().max(1);
        self.multiply(MatRef::from_row_major(&rounded(rows), count, self.depth()), count)
    }

    /// As [`Self::product`].
    pub fn product_of_columns(&self, left: &Columns) -> Columns {
        self.multiply(MatRef::from_col_major(&left.values, left.rows, self.depth()), left.rows)
    }

    fn multiply(&self, left: MatRef<'_, bf16>, rows: usize) -> Columns {
        let mut values = vec![bf16::ZERO; rows * self.columns()];
        let threads =
            if rayon::current_num_threads() == 1 { Parallelism::Serial } else { Parallelism::Rayon(0) };
        let out = MatMut::from_col_major(&mut values, rows, self.columns());
        gemm_packed_b(bf16::ONE, left, &self.packed, bf16::ZERO, out, threads);
        Columns { values, rows }
    }
}

impl Columns {
    /// Adds a bias to every column and applies the activation.
    pub fn add_bias_activate(&mut self, bias: &[f32], activation: Activation) {
        activate_columns(self.values.reinterpret_cast_mut(), bias, activation);
    }

    /// Rows in single precision.
    pub fn turned(&self) -> Vec<f32> {
        let mut out = vec![0.0; self.values.len()];
        if self.rows > 0 {
            let values: &[u16] = self.values.reinterpret_cast();
            vectorised(
                #[inline(always)]
                || turn(values, self.rows, &mut out),
            );
        }
        out
    }
}

/// Columns that [`turn`] writes at once: a cache line.
const COLUMNS: usize = 16;
/// Rows that it reads at once: a word.
const ROWS: usize = 4;

/// From columns of `rows` values to rows in single precision.
#[inline(always)]
fn turn(values: &[u16], rows: usize, out: &mut [f32]) {
    let width = values.len() / rows;
    let wide = |bits: u32| f32::from_bits(bits << 16);
    for (first, columns) in (0..).step_by(COLUMNS).zip(values.chunks(COLUMNS * rows)) {
        if columns.len() < COLUMNS * rows {
            for (index, column) in columns.chunks_exact(rows).enumerate() {
                for (row, x) in out.chunks_exact_mut(width).zip(column) {
                    row[first + index] = wide((*x).into());
                }
            }
            continue;
        }
        let columns: [&[u16]; COLUMNS] = std::array::from_fn(|index| &columns[index * rows..][..rows]);
        let words = columns.map(|column| column.as_chunks::<ROWS>().0);
        for (block, out) in out.chunks_mut(ROWS * width).enumerate() {
            if out.len() < ROWS * width {
                for (row, out) in out.chunks_exact_mut(width).enumerate() {
                    let row = block * ROWS + row;
                    let values = columns.map(|column| wide(column[row].into()));
                    out[first..first + COLUMNS].copy_from_slice(&values);
                }
                continue;
            }
            let words = words.map(|words| {
                let [a, b, c, d] = words[block].map(u64::from);
                a | b << 16 | c << 32 | d << 48
            });
            for (row, out) in out.chunks_exact_mut(width).enumerate() {
                let values = words.map(|word| wide((word >> (16 * row)) as u32 & 0xffff));
                out[first..first + COLUMNS].copy_from_slice(&values);
            }
        }
    }
}

/// The nearest numbers of bf16; of two that are as near, the even one.
fn rounded(values: &[f32]) -> Vec<bf16> {
    let mut out = vec![bf16::ZERO; values.len()];
    let bits: &mut [u16] = out.reinterpret_cast_mut();
    vectorised(
        #[inline(always)]
        || {
            for (out, x) in bits.iter_mut().zip(values) {
                *out = super::ops::to_bf16(*x);
            }
        },
    );
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(count: usize, step: f32) -> Vec<f32> {
        (0..count).map(|i| ((i % 4093) as f32 * step + (i / 4093) as f32).sin()).collect()
    }

    #[test]
    fn rounding_is_that_of_half() {
        let mut values = numbers(5000, 0.37);
        values.extend([
            0.0,
            -0.0,
            f32::INFINITY,
            f32::NAN,
            f32::MAX,
            f32::MIN_POSITIVE,
            1.003_906_25,
            1.011_718_75,
        ]);
        for (found, value) in rounded(&values).iter().zip(&values) {
            let want = bf16::from_f32(*value);
            assert!(found.to_bits() == want.to_bits() || found.is_nan() && want.is_nan(), "{value}: {found}");
        }
    }

    #[test]
    fn columns_are_turned_into_rows() {
        for (rows, width) in [(1, 1), (3, 16), (4, 32), (50, 40), (9, 7), (17, 768)] {
            let values = rounded(&numbers(rows * width, 0.61));
            let turned = Columns { values: values.clone(), rows }.turned();
            for (index, found) in turned.iter().enumerate() {
                let (row, column) = (index / width, index % width);
                assert_eq!(*found, values[column * rows + row].to_f32(), "{rows} rows of {width}");
            }
        }
    }

    #[test]
    fn activations_are_those_of_single_precision() {
        let (rows, bias) = (13, numbers(5, 0.9));
        for activation in [Activation::QuickGelu, Activation::Gelu, Activation::TanhGelu] {
            let mut columns = Columns { values: rounded(&numbers(rows * bias.len(), 0.7)), rows };
            let mut want = columns.turned();
            columns.add_bias_activate(&bias, activation);
            crate::clip::cpu::ops::add_bias_activate(&mut want, &bias, activation);
            for (found, want) in columns.turned().iter().zip(&want) {
                assert!((found - want).abs() <= want.abs() / 256.0 + 1e-6, "{found}, not {want}");
            }
        }
    }

    /// gemmkit's paths for processors without the instructions give the same but for rounding, so that this
    /// runs everywhere.
    #[test]
    fn the_product_is_that_of_its_definition_whatever_rows_there_are() {
        let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        let three = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
        for (depth, columns) in [(64, 48), (768, 40), (1701, 96), (30, 7), (3072, 129)] {
            let (rows, weights) = (numbers(130 * depth, 0.37), numbers(depth * columns, 0.61));
            let packed = Bf16Weights::new(&weights, columns);
            assert_eq!((packed.depth(), packed.columns()), (depth, columns));
            let all = one.install(|| packed.product(&rows)).turned();
            for (index, found) in all.iter().enumerate().step_by(37) {
                let (row, column) = (index / columns, index % columns);
                let near = |x: f32| f64::from(bf16::from_f32(x).to_f32());
                let products: Vec<f64> = (0..depth)
                    .map(|i| near(rows[row * depth + i]) * near(weights[i * columns + column]))
                    .collect();
                let (want, size) =
                    (products.iter().sum::<f64>(), products.iter().map(|x| x.abs()).sum::<f64>());
                let error = (f64::from(*found) - want).abs();
                assert!(error <= want.abs() / 256.0 + size * 1e-6, "{found}, not {want}");
            }
            for count in [1, 2, 5, 31, 32, 33, 50, 97] {
                for pool in [&one, &three] {
                    let some = pool.install(|| packed.product(&rows[..count * depth])).turned();
                    assert!(some == all[..count * columns], "{count} rows of {depth} to {columns}");
                }
            }
            let columns = Columns { values: column_major(&rounded(&rows), depth), rows: 130 };
            assert!(packed.product_of_columns(&columns).turned() == all, "columns of {depth}");
        }
    }

    fn column_major(values: &[bf16], width: usize) -> Vec<bf16> {
        (0..width).flat_map(|column| values[column..].iter().step_by(width)).copied().collect()
    }
}

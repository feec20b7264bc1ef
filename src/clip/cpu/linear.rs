//! The weights of a linear layer, however they are multiplied with.

use burn::tensor::Tensor;

use super::bf16::Bf16Weights;
use super::layers::values;
use super::matrix::Matrix;
use super::packed::{self, PackedWeights};
use crate::clip::ComputeError;
use crate::clip::device::Precision;

/// A matrix, [width, columns], that rows are multiplied with.
pub enum LinearWeights {
    /// As burn has it; gemm lays it out anew for each product.
    Plain(Box<Tensor<2>>),
    Packed(PackedWeights),
    Bf16(Bf16Weights),
}

impl LinearWeights {
    /// Lays out `weight` as is fastest for a precision. What it was is freed if nobody else holds it.
    ///
    /// # Errors
    /// If it can't be read.
    pub fn new(weight: Tensor<2>, precision: Precision) -> Result<Self, ComputeError> {
        let [_, columns] = weight.dims();
        Ok(match precision {
            Precision::Bf16 => Self::Bf16(Bf16Weights::new(&values(weight)?, columns)),
            _ if packed::pays() => Self::Packed(PackedWeights::new(&values(weight)?, columns)),
            _ => Self::Plain(Box::new(weight)),
        })
    }

    /// The number of columns.
    pub fn columns(&self) -> usize {
        match self {
            Self::Plain(weight) => weight.dims()[1],
            Self::Packed(weights) => weights.columns(),
            Self::Bf16(weights) => weights.columns(),
        }
    }

    /// The product of `left` with the weights. What a row becomes never depends on the number of rows.
    ///
    /// # Errors
    /// If the rows have another length, or burn fails.
    pub fn product(&self, left: &mut Matrix) -> Result<Matrix, ComputeError> {
        let values = match self {
            Self::Plain(weight) => return left.times(weight),
            Self::Packed(weights) => weights.product(left.rows_of(weights.depth())?),
            Self::Bf16(weights) => weights.product(left.rows_of(weights.depth())?).turned(),
        };
        Ok(Matrix::new(values, self.columns()))
    }
}

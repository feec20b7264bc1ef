//! Matrices that burn multiplies and plain loops work on in between.

use burn::tensor::{Device, Tensor, TensorData, TensorReadError};

use crate::clip::ComputeError;

/// Rows of numbers, in turn a tensor for burn and a slice for loops, without a copy.
pub struct Matrix {
    /// Empty while a product is computed.
    data: TensorData,
    pub width: usize,
}

impl Matrix {
    pub fn new(values: Vec<f32>, width: usize) -> Self {
        let rows = values.len() / width;
        Self { data: TensorData::new(values, [rows, width]), width }
    }

    pub fn rows(&self) -> usize {
        self.data.num_elements() / self.width
    }

    pub fn slice(&self) -> Result<&[f32], ComputeError> {
        Ok(self.data.as_slice()?)
    }

    /// The numbers, if rows have this width.
    pub fn rows_of(&self, width: usize) -> Result<&[f32], ComputeError> {
        if self.width == width { self.slice() } else { Err(ComputeError::Missing("rows have another width")) }
    }

    pub fn slice_mut(&mut self) -> Result<&mut [f32], ComputeError> {
        Ok(self.data.as_mut_slice()?)
    }

    pub fn into_values(self) -> Result<Vec<f32>, ComputeError> {
        Ok(self.data.try_into_vec()?)
    }

    /// The product with a tensor, [width, columns]. What a row becomes never depends on the number of rows.
    pub fn times(&mut self, right: &Tensor<2>) -> Result<Self, ComputeError> {
        let [_, columns] = right.dims();
        self.product(columns, |left| left.matmul(right.clone()))
    }

    /// As [`Self::times`], with the transpose of a tensor, [columns, width].
    pub fn times_transposed(&mut self, right: &Tensor<2>) -> Result<Self, ComputeError> {
        let [columns, _] = right.dims();
        self.product(columns, |left| left.matmul(right.clone().transpose()))
    }

    /// The product of this matrix's transpose with a matrix of as many rows: [width, width of the other].
    pub fn transposed_times(&mut self, other: &mut Self) -> Result<Self, ComputeError> {
        let (left, right) = (self.lend(), other.lend());
        let product = left.clone().transpose().matmul(right.clone());
        self.take_back(left)?;
        other.take_back(right)?;
        Self::of(product)
    }

    fn product(
        &mut self,
        columns: usize,
        multiply: impl FnOnce(Tensor<2>) -> Tensor<2>,
    ) -> Result<Self, ComputeError> {
        let (rows, least) = (self.rows(), least_rows(columns));
        if rows < least {
            let mut values = self.slice()?.to_vec();
            values.resize(least * self.width, 0.0);
            let mut product = Self::of(multiply(Self::new(values, self.width).lend()))?.into_values()?;
            product.truncate(rows * columns);
            return Ok(Self::new(product, columns));
        }
        let left = self.lend();
        let product = multiply(left.clone());
        self.take_back(left)?;
        Self::of(product)
    }

    fn of(tensor: Tensor<2>) -> Result<Self, ComputeError> {
        let [_, width] = tensor.dims();
        Ok(Self { data: tensor.try_into_data().map_err(TensorReadError::from)?, width })
    }

    /// The numbers as a tensor, until [`Self::take_back`].
    fn lend(&mut self) -> Tensor<2> {
        let data = std::mem::replace(&mut self.data, TensorData::new(Vec::<f32>::new(), [0, 0]));
        Tensor::from_data(data, &Device::flex())
    }

    /// Ends [`Self::lend`]. The product holds no reference any more, so this is the same memory.
    fn take_back(&mut self, tensor: Tensor<2>) -> Result<(), ComputeError> {
        self.data = tensor.try_into_data().map_err(TensorReadError::from)?;
        Ok(())
    }
}

/// Rows from which on gemm, which burn multiplies with, takes the same way however many there are. For one
/// row, for up to 256 numbers and for up to 64 x 64 of them it has ways of their own, whose sums are in
/// another order.
pub fn least_rows(columns: usize) -> usize {
    if columns <= 64 { 65 } else { (256 / columns + 1).max(2) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers without a pattern, whose sums are rounded.
    fn numbers(count: usize) -> Vec<f32> {
        (0..count).map(|i| ((i % 4093) as f32 * 0.37 + (i / 4093) as f32).sin()).collect()
    }

    #[test]
    fn a_row_becomes_the_same_whatever_rows_are_beside_it() {
        const ROWS: usize = 130;
        for (width, columns) in [(64, 48), (768, 40), (768, 96), (768, 200), (1100, 512)] {
            let tensor =
                |shape| Tensor::from_data(TensorData::new(numbers(width * columns), shape), &Device::flex());
            let (right, turned) = (tensor([width, columns]), tensor([columns, width]));
            let products = |rows: usize| {
                let mut left = Matrix::new(numbers(ROWS * width)[..rows * width].to_vec(), width);
                let products = [left.times(&right).unwrap(), left.times_transposed(&turned).unwrap()];
                assert_eq!((left.rows(), products[0].width, products[1].width), (rows, columns, columns));
                products.map(|product| product.into_values().unwrap())
            };
            let all = products(ROWS);
            for rows in [1, 2, 3, 4, 5, 17, 64, 65] {
                for (some, all) in products(rows).iter().zip(&all) {
                    assert!(*some == all[..rows * columns], "{rows} rows of {width} to {columns}");
                }
            }
        }
    }
}

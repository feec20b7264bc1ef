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

    pub fn slice_mut(&mut self) -> Result<&mut [f32], ComputeError> {
        Ok(self.data.as_mut_slice()?)
    }

    pub fn into_values(self) -> Result<Vec<f32>, ComputeError> {
        Ok(self.data.try_into_vec()?)
    }

    /// The product with a tensor, [width, columns].
    pub fn times(&mut self, right: &Tensor<2>) -> Result<Self, ComputeError> {
        self.product(|left| left.matmul(right.clone()))
    }

    /// The product with the transpose of a tensor, [columns, width].
    pub fn times_transposed(&mut self, right: &Tensor<2>) -> Result<Self, ComputeError> {
        self.product(|left| left.matmul(right.clone().transpose()))
    }

    /// The product of this matrix's transpose with a matrix of as many rows: [width, width of the other].
    pub fn transposed_times(&mut self, other: &mut Self) -> Result<Self, ComputeError> {
        let (left, right) = (self.lend(), other.lend());
        let product = left.clone().transpose().matmul(right.clone());
        self.take_back(left)?;
        other.take_back(right)?;
        Self::of(product)
    }

    fn product(&mut self, multiply: impl FnOnce(Tensor<2>) -> Tensor<2>) -> Result<Self, ComputeError> {
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

//! Matrices whose products are burn's and whose numbers are at hand in between.

use burn::tensor::{Device, Tensor, TensorData};

/// Rows of numbers that burn multiplies and slices see, in turn and without a copy.
pub struct Matrix {
    /// Back in its place whenever no product runs.
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

    pub fn slice(&self) -> Result<&[f32], String> {
        self.data.as_slice().map_err(|error| error.to_string())
    }

    pub fn slice_mut(&mut self) -> Result<&mut [f32], String> {
        self.data.as_mut_slice().map_err(|error| error.to_string())
    }

    pub fn into_values(self) -> Result<Vec<f32>, String> {
        self.data.try_into_vec().map_err(|error| error.to_string())
    }

    /// The product with a tensor [width, columns].
    pub fn times(&mut self, right: &Tensor<2>) -> Result<Self, String> {
        self.product(|left| left.matmul(right.clone()))
    }

    /// The product with a tensor [columns, width] turned on its side.
    pub fn times_transposed(&mut self, right: &Tensor<2>) -> Result<Self, String> {
        self.product(|left| left.matmul(right.clone().transpose()))
    }

    /// The product of this matrix turned on its side with one of as many rows: [width, width of the other].
    pub fn transposed_times(&mut self, other: &mut Self) -> Result<Self, String> {
        let (mine, theirs) = (self.lend(), other.lend());
        let product = mine.clone().transpose().matmul(theirs.clone());
        self.take_back(mine)?;
        other.take_back(theirs)?;
        Self::of(product)
    }

    fn product(&mut self, multiply: impl FnOnce(Tensor<2>) -> Tensor<2>) -> Result<Self, String> {
        let left = self.lend();
        let product = multiply(left.clone());
        self.take_back(left)?;
        Self::of(product)
    }

    fn of(tensor: Tensor<2>) -> Result<Self, String> {
        let [_, width] = tensor.dims();
        Ok(Self { data: tensor.try_into_data().map_err(|error| error.to_string())?, width })
    }

    /// The numbers as a tensor, until [`Self::take_back`].
    fn lend(&mut self) -> Tensor<2> {
        let data = std::mem::replace(&mut self.data, TensorData::new(Vec::<f32>::new(), [0, 0]));
        Tensor::from_data(data, &Device::flex())
    }

    /// Products hold no reference any more, so this is the same memory.
    fn take_back(&mut self, tensor: Tensor<2>) -> Result<(), String> {
        self.data = tensor.try_into_data().map_err(|error| error.to_string())?;
        Ok(())
    }
}

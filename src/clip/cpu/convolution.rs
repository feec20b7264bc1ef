//! 3 x 3 convolutions as products of tall matrices.

use burn::tensor::Tensor;

use super::feature_map;
use super::matrix::Matrix;
use crate::clip::ComputeError;
use crate::clip::picture_size::PictureSize;

/// The least rows in a product of unfolded pictures: enough to be worth packing the weights, few enough to
/// stay in the cache.
pub const UNFOLDED_ROWS: usize = 768;

/// The feature maps of pictures, as rows of channels.
pub struct FeatureMap {
    pub values: Matrix,
    pub size: PictureSize,
}

impl FeatureMap {
    /// Pictures, given as planes of rows.
    pub fn of_pictures(pictures: &[f32], size: PictureSize) -> Self {
        Self { values: Matrix::new(feature_map::channels_last(pictures, size), 3), size }
    }

    /// The mean of every 2 x 2 pixels.
    pub fn pooled(&self) -> Result<Self, ComputeError> {
        let pooled = feature_map::avg_pool_2x2(self.values.slice()?, self.size, self.values.width);
        Ok(Self { values: Matrix::new(pooled, self.values.width), size: self.size.pooled(2) })
    }
}

/// A 3 x 3 convolution, as one product for every few pictures, or for every few lines of a large one.
pub fn convolve(input: &FeatureMap, weight: &Tensor<2>, stride: usize) -> Result<Matrix, ComputeError> {
    let channels = input.values.width;
    let [_, outputs] = weight.dims();
    let PictureSize { height, .. } = input.size;
    let picture = input.size.area() * channels;
    let values = input.values.slice()?;
    let out_size = input.size.strided(stride);
    let group = UNFOLDED_ROWS.div_ceil(out_size.area());
    // Lines of the input that make whole ones of the output.
    let lines = if group > 1 { height } else { stride * UNFOLDED_ROWS.div_ceil(out_size.width) };
    let mut out = Vec::with_capacity(values.len() / picture * out_size.area() * outputs);
    for pictures in values.chunks(picture * group) {
        for first in (0..height).step_by(lines) {
            let lines = first..height.min(first + lines);
            let pixels = pictures.len() / picture * lines.len().div_ceil(stride) * out_size.width;
            let mut rows = Vec::with_capacity(pixels * 9 * channels);
            feature_map::unfold(pictures, input.size, channels, stride, lines, &mut rows);
            out.extend_from_slice(Matrix::new(rows, 9 * channels).times(weight)?.slice()?);
        }
    }
    Ok(Matrix::new(out, outputs))
}

//! A convolution with its batch norm, forward and backward.

use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor, TensorData};

use super::BatchNormMode;
use crate::clip::ComputeError;
use crate::clip::cpu::convolution::{FeatureMap, UNFOLDED_ROWS, convolve};
use crate::clip::cpu::feature_map;
use crate::clip::cpu::matrix::Matrix;
use crate::clip::cpu::resnet::batch_norm::{CpuBatchNorm, NormScale};
use crate::clip::picture_size::PictureSize;
use crate::clip::towers::resnet::ConvBn;

/// A [`ConvBn`] whose weights lie in memory.
pub(super) struct CpuConvBn {
    /// [side * side * inputs, outputs].
    weight: Tensor<2>,
    /// The kernel rotated by 180 degrees, [9 * outputs, inputs], for the gradient of the input of a 3 x 3
    /// convolution; `None` for a 1 x 1 convolution.
    rotated_weight: Option<Tensor<2>>,
    pub inputs: usize,
    pub stride: usize,
    pub norm: CpuBatchNorm,
}

/// What the backward pass needs of a layer's forward pass.
pub(super) struct LayerTape {
    /// The output of the convolution, before the batch norm.
    pub conv_out: Matrix,
    /// The batch norm as `conv_out * scale + shift`.
    pub scale: Vec<f32>,
    pub shift: Vec<f32>,
    pub mean: Vec<f32>,
    /// 1 / sqrt(variance + epsilon).
    inverse_std: Vec<f32>,
    /// Biased, as the batch norm uses it.
    pub variance: Vec<f32>,
}

/// The gradients of one layer.
pub(in crate::clip) struct LayerGradients {
    /// [side * side * inputs, outputs].
    pub weight: Matrix,
    pub gamma: Vec<f32>,
    pub beta: Vec<f32>,
}

impl LayerGradients {
    /// Registers the gradients under the ids of the layer's parameters.
    ///
    /// # Errors
    /// If burn fails.
    pub fn register(self, layer: &ConvBn, gradients: &mut GradientsParams) -> Result<(), ComputeError> {
        let device = Device::flex();
        let [outputs, inputs, height, width] = layer.conv.weight.val().dims();
        let weight = TensorData::new(self.weight.into_values()?, [height, width, inputs, outputs]);
        let weight = Tensor::<4>::from_data(weight, &device).permute([3, 2, 0, 1]);
        gradients.register(layer.conv.weight.id, weight);
        for (param, values) in [(&layer.bn.gamma, self.gamma), (&layer.bn.beta, self.beta)] {
            let values = TensorData::new(values, [outputs]);
            gradients.register(param.id, Tensor::<1>::from_data(values, &device));
        }
        Ok(())
    }
}

impl LayerTape {
    /// The output of the layer: batch norm and ReLU.
    pub fn relu(&self, size: PictureSize) -> Result<FeatureMap, ComputeError> {
        let values = feature_map::scale_shift_relu(self.conv_out.slice()?, &self.scale, &self.shift);
        Ok(FeatureMap { values: Matrix::new(values, self.conv_out.width), size })
    }

    /// The gradient of the convolution's output, given that of the batch norm's. Appends the layer's
    /// gradients to `gradients`, still without the weight's.
    pub fn backward(
        &self,
        mut gradient: Vec<f32>,
        mode: BatchNormMode,
        gradients: &mut Vec<LayerGradients>,
    ) -> Result<Matrix, ComputeError> {
        let (conv_out, channels) = (self.conv_out.slice()?, self.conv_out.width);
        let [sum, product] = feature_map::channel_sums(&gradient, conv_out, channels, |g, x| [g, g * x]);
        // The gradient of gamma: the sum of gradient * (x - mean) * inverse_std.
        let places = sum.iter().zip(&product).zip(&self.mean).zip(&self.inverse_std);
        let gamma: Vec<f64> = places
            .map(|(((sum, product), mean), inverse_std)| {
                (product - f64::from(*mean) * sum) * f64::from(*inverse_std)
            })
            .collect();
        match mode {
            BatchNormMode::Running => {
                let zeros = vec![0.0; channels];
                feature_map::affine_combination(&mut gradient, conv_out, [&self.scale, &zeros, &zeros]);
            }
            // Ioffe and Szegedy, 2015, section 3: mean and variance depend on every pixel.
            BatchNormMode::Batch => {
                let count = (conv_out.len() / channels) as f64;
                let factors = self.scale.iter().zip(&gamma).zip(&self.inverse_std);
                let slope: Vec<f32> = factors
                    .map(|((scale, gamma), inverse_std)| -scale * inverse_std * (gamma / count) as f32)
                    .collect();
                let offset: Vec<f32> = (slope.iter().zip(&self.mean))
                    .zip(self.scale.iter().zip(&sum))
                    .map(|((slope, mean), (scale, sum))| -slope * mean - scale * (sum / count) as f32)
                    .collect();
                feature_map::affine_combination(&mut gradient, conv_out, [&self.scale, &slope, &offset]);
            }
        }
        gradients.push(LayerGradients {
            weight: Matrix::new(Vec::new(), 1),
            gamma: gamma.iter().map(|gamma| *gamma as f32).collect(),
            beta: sum.iter().map(|sum| *sum as f32).collect(),
        });
        Ok(Matrix::new(gradient, channels))
    }
}

impl CpuConvBn {
    pub fn new(layer: &ConvBn) -> Result<Self, ComputeError> {
        let weight = layer.conv.weight.val().inner();
        let [outputs, inputs, side, _] = weight.dims();
        let rows = weight.clone().permute([2, 3, 1, 0]).reshape([side * side * inputs, outputs]);
        let rotated_weight = (side > 1)
            .then(|| weight.flip([2, 3]).permute([2, 3, 0, 1]).reshape([side * side * outputs, inputs]));
        Ok(Self {
            weight: rows,
            rotated_weight,
            inputs,
            stride: layer.conv.stride[0],
            norm: CpuBatchNorm::new(&layer.bn)?,
        })
    }

    pub fn forward(&self, input: &mut FeatureMap, mode: BatchNormMode) -> Result<LayerTape, ComputeError> {
        let conv_out = self.convolve(input)?;
        let channels = conv_out.width;
        let (mean, variance) = match mode {
            BatchNormMode::Running => (self.norm.running_mean.clone(), self.norm.running_var.clone()),
            BatchNormMode::Batch => {
                let rows = conv_out.slice()?;
                let count = (rows.len() / channels) as f64;
                let [sum, squares] = feature_map::channel_sums(rows, rows, channels, |x, _| [x, x * x]);
                let mean: Vec<f64> = sum.iter().map(|sum| sum / count).collect();
                let variance = squares.iter().zip(&mean).map(|(s, mean)| (s / count - mean * mean).max(0.0));
                let variance = variance.map(|variance| variance as f32).collect();
                (mean.iter().map(|mean| *mean as f32).collect(), variance)
            }
        };
        let NormScale { scale, shift, inverse_std } = self.norm.with(&mean, &variance);
        Ok(LayerTape { conv_out, scale, shift, mean, inverse_std, variance })
    }

    fn convolve(&self, input: &mut FeatureMap) -> Result<Matrix, ComputeError> {
        if self.rotated_weight.is_none() {
            return input.values.times(&self.weight);
        }
        convolve(input, &self.weight, self.stride)
    }

    /// Adds the weight's gradient to the last of `gradients`, which are this layer's, given that of the
    /// convolution's output.
    pub fn weight_gradient(
        &self,
        input: &mut FeatureMap,
        conv_gradient: &mut Matrix,
        gradients: &mut [LayerGradients],
    ) -> Result<(), ComputeError> {
        let gradient = gradients.last_mut().ok_or(ComputeError::Missing("a layer has no gradient"))?;
        if self.rotated_weight.is_none() {
            gradient.weight = input.values.transposed_times(conv_gradient)?;
            return Ok(());
        }
        let channels = input.values.width;
        let picture = input.size.area() * channels;
        let pixels = input.size.strided(self.stride).area();
        // Few sums of large matrices, since each costs as much as the matrix is large.
        let group = (4 * UNFOLDED_ROWS).div_ceil(pixels);
        let mut sum: Option<Matrix> = None;
        let pictures = input.values.slice()?.chunks(picture * group);
        let conv_gradients = conv_gradient.slice()?.chunks(group * pixels * conv_gradient.width);
        for (pictures, conv_gradient) in pictures.zip(conv_gradients) {
            let mut rows = Vec::with_capacity(pictures.len() / picture * pixels * 9 * channels);
            feature_map::unfold(pictures, input.size, channels, self.stride, 0..input.size.height, &mut rows);
            let mut conv_gradient = Matrix::new(conv_gradient.to_vec(), self.norm.gamma.len());
            let mut part = Matrix::new(rows, 9 * channels).transposed_times(&mut conv_gradient)?;
            sum = Some(match sum {
                None => part,
                Some(mut sum) => {
                    for (sum, more) in sum.slice_mut()?.iter_mut().zip(part.slice_mut()?) {
                        *sum += *more;
                    }
                    sum
                }
            });
        }
        gradient.weight = sum.ok_or(ComputeError::Missing("a layer saw no pictures"))?;
        Ok(())
    }

    /// The gradient of the convolution's input, given that of its output. Only a 3 x 3 convolution needs the
    /// input's `size`.
    pub fn input_gradient(
        &self,
        conv_gradient: &mut Matrix,
        size: PictureSize,
    ) -> Result<Vec<f32>, ComputeError> {
        let Some(rotated_weight) = &self.rotated_weight else {
            return conv_gradient.times_transposed(&self.weight)?.into_values();
        };
        let width = conv_gradient.width;
        let values = std::mem::replace(conv_gradient, Matrix::new(Vec::new(), width));
        let gradient = FeatureMap { values, size };
        convolve(&gradient, rotated_weight, 1)?.into_values()
    }
}

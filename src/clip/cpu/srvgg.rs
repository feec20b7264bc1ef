//! [`SrvggNetCompact`] made for the processor: every convolution a product, bias and `PReLU` one pass.

use burn::nn::PRelu;
use burn::nn::conv::Conv2d;
use burn::tensor::Tensor;

use super::convolution::{FeatureMap, convolve};
use super::matrix::Matrix;
use super::ops::vectorised;
use crate::clip::ComputeError;
use crate::clip::picture_size::PictureSize;
use crate::clip::sharpen::srvgg::SrvggNetCompact;

/// A [`SrvggNetCompact`] whose weights lie in memory.
pub(in crate::clip) struct CpuSrvgg {
    layers: Vec<Layer>,
    upscale: usize,
}

/// A convolution and its `PReLU`; the last one has none, so its slopes are 1.
struct Layer {
    /// [9 * inputs, outputs].
    weight: Tensor<2>,
    bias: Vec<f32>,
    slopes: Vec<f32>,
}

impl CpuSrvgg {
    /// Takes the weights of `network`, which must lie on burn's flex device in single precision.
    ///
    /// # Errors
    /// If they don't.
    pub fn new(network: &SrvggNetCompact) -> Result<Self, ComputeError> {
        let activations = network.activations.iter().map(Some).chain([None]);
        let layers = network.convs.iter().zip(activations);
        let layers =
            layers.map(|(conv, activation)| Layer::new(conv, activation)).collect::<Result<_, _>>()?;
        Ok(Self { layers, upscale: network.upscale() })
    }

    /// How many times as wide and high it makes a picture.
    pub fn upscale(&self) -> usize {
        self.upscale
    }

    /// Enlarges a picture, given as rows of red, green and blue from 0 to 1, into the same form.
    ///
    /// # Errors
    /// If burn fails.
    pub fn forward(&self, picture: &[f32], size: PictureSize) -> Result<Vec<f32>, ComputeError> {
        let mut map = FeatureMap { values: Matrix::new(picture.to_vec(), 3), size };
        for layer in &self.layers {
            map = layer.forward(&map)?;
        }
        Ok(self.shuffle(map.values.slice()?, picture, size))
    }

    /// The pixel shuffle, added to the nearest pixels of the picture (Shi et al., 2016,
    /// <https://arxiv.org/abs/1609.05158>): every pixel of the map is a square of pixels, channel by channel.
    fn shuffle(&self, map: &[f32], picture: &[f32], size: PictureSize) -> Vec<f32> {
        let (upscale, square) = (self.upscale, self.upscale * self.upscale);
        let line = size.width * upscale * 3;
        let mut out = vec![0.0; map.len()];
        for (index, (values, pixel)) in map.chunks_exact(3 * square).zip(picture.chunks_exact(3)).enumerate()
        {
            let (y, x) = (index / size.width * upscale, index % size.width * upscale);
            for (channel, (values, nearest)) in values.chunks_exact(square).zip(pixel).enumerate() {
                for (below, values) in values.chunks_exact(upscale).enumerate() {
                    let first = (y + below) * line + x * 3 + channel;
                    for (out, value) in out[first..].iter_mut().step_by(3).zip(values) {
                        *out = nearest + value;
                    }
                }
            }
        }
        out
    }
}

impl Layer {
    fn new(conv: &Conv2d, activation: Option<&PRelu>) -> Result<Self, ComputeError> {
        let weight = conv.weight.val().inner();
        let [outputs, inputs, height, width] = weight.dims();
        let weight = weight.permute([2, 3, 1, 0]).reshape([height * width * inputs, outputs]);
        let read = |tensor: Tensor<1>| tensor.inner().try_into_vec_as::<f32>();
        let bias = conv.bias.as_ref().ok_or(ComputeError::Missing("a layer has no bias"))?;
        let mut slopes = activation.map_or(Ok(vec![1.0]), |activation| read(activation.alpha.val()))?;
        if let [slope] = slopes[..] {
            slopes = vec![slope; outputs];
        }
        Ok(Self { weight, bias: read(bias.val())?, slopes })
    }

    fn forward(&self, map: &FeatureMap) -> Result<FeatureMap, ComputeError> {
        let mut values = convolve(map, &self.weight, 1)?;
        add_bias_prelu(values.slice_mut()?, &self.bias, &self.slopes);
        Ok(FeatureMap { values, size: map.size })
    }
}

/// Adds `bias` to every row; what is below zero then is multiplied by its channel's slope.
fn add_bias_prelu(values: &mut [f32], bias: &[f32], slopes: &[f32]) {
    vectorised(
        #[inline(always)]
        || {
            for row in values.chunks_exact_mut(bias.len()) {
                for ((x, bias), slope) in row.iter_mut().zip(bias).zip(slopes) {
                    let sum = *x + bias;
                    *x = sum.max(0.0) + slope * sum.min(0.0);
                }
            }
        },
    );
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, TensorData};

    use super::*;
    use crate::clip::sharpen::srvgg::SrvggConfig;

    #[test]
    fn the_processor_s_network_is_burn_s() {
        let size = PictureSize { height: 7, width: 5 };
        for upscale in [2, 4] {
            let config = SrvggConfig { num_feat: 6, num_conv: 2, upscale };
            let network = SrvggNetCompact::init(config, 3, &Device::flex());
            let planes: Vec<f32> = (0..3 * size.area()).map(|i| ((i * 37 % 101) as f32) / 100.0).collect();
            let pictures = TensorData::new(planes.clone(), [1, 3, size.height, size.width]);
            let want = network.forward(Tensor::from_data(pictures, &Device::flex()));
            assert_eq!(want.dims(), [1, 3, 7 * upscale, 5 * upscale]);
            let want = want.permute([0, 2, 3, 1]).try_into_vec_as::<f32>().unwrap();
            let picture = FeatureMap::of_pictures(&planes, size).values.into_values().unwrap();
            let found = CpuSrvgg::new(&network).unwrap().forward(&picture, size).unwrap();
            assert_eq!(found.len(), want.len());
            let worst = found.iter().zip(&want).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(worst < 1e-5, "{worst}");
        }
    }
}

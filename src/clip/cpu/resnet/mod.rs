//! A ResNet made for the processor: the forward pass, and for training the backward pass of everything before
//! the attention pooling.
//!
//! burn runs the same layers on every device, but on a processor each of its operations is a pass over
//! memory, and the gradients of its convolutions are convolutions of odd shapes. Here feature maps are laid
//! out so that every convolution and both its gradients are products of tall matrices; batch norms, ReLUs and
//! sums are fused between them. A test compares all gradients with burn's.
//!
//! - this file: the whole tower, and the tape that training runs it with
//! - [`bottleneck`]: one residual block
//! - [`conv_bn`]: one convolution with its batch norm

mod bottleneck;
mod conv_bn;
#[cfg(test)]
mod tests;

use std::sync::{Mutex, PoisonError};

use burn::tensor::{Device, Tensor, TensorData};

use super::convolution::FeatureMap;
use super::cores::Cores;
use super::feature_map;
use super::layers::bias_of;
use super::matrix::{Matrix, least_rows};
use super::ops::add_bias_scale;
use crate::clip::ComputeError;
use crate::clip::config::ResNetConfig;
use crate::clip::picture_size::PictureSize;
use crate::clip::towers::resnet::{AttentionPool2d, ModifiedResNet};
use bottleneck::{BottleneckTape, CpuBottleneck};
use conv_bn::{CpuConvBn, LayerGradients, LayerTape};

/// Which statistics batch norms use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::clip) enum BatchNormMode {
    /// Those accumulated in training.
    Running,
    /// Those of the pictures at hand.
    Batch,
}

/// The layers before the attention pooling.
pub(in crate::clip) struct Trunk {
    stem: Vec<CpuConvBn>,
    blocks: Vec<CpuBottleneck>,
}

/// A [`ModifiedResNet`] whose weights lie in memory.
pub(in crate::clip) struct CpuResNet {
    trunk: Trunk,
    attnpool: AttentionPool2d,
    config: ResNetConfig,
}

impl CpuResNet {
    /// Takes the weights of `resnet`, which must lie on burn's flex device in single precision.
    ///
    /// # Errors
    /// If they don't.
    pub fn new(resnet: &ModifiedResNet, config: &ResNetConfig) -> Result<Self, ComputeError> {
        Ok(Self { trunk: Trunk::new(resnet)?, attnpool: resnet.attnpool.clone(), config: config.clone() })
    }

    /// Pictures that go through the tower together on one core.
    pub fn pass_size(&self) -> usize {
        self.pass_size_of(PictureSize::square(self.config.image_size))
    }

    /// As many pictures of a size as keep their feature maps, of which those of the stem are
    /// largest, within a few tens of megabytes.
    fn pass_size_of(&self, size: PictureSize) -> usize {
        const VALUES: usize = 2 << 20;
        let stem = size.strided(2).area() * self.config.width;
        (VALUES / stem.max(1)).clamp(1, 32)
    }

    /// Encodes pictures, given as planes of rows one after the other. The embeddings are not normalised.
    ///
    /// # Errors
    /// If burn fails.
    pub fn forward(&self, cores: &Cores, pictures: &[f32]) -> Result<Vec<f32>, ComputeError> {
        let size = PictureSize::square(self.config.image_size);
        self.in_passes(cores, pictures, size, |pictures| {
            let count = pictures.len() / (3 * size.area());
            let mut pixels = self.trunk.forward(pictures, size)?;
            // A picture's embedding never depends on how many others there are, neither here nor in the
            // products of [`Matrix`].
            let least = least_rows(self.attnpool.embedding_len()).max(least_rows(self.config.features()));
            let padded = count.max(least);
            pixels.resize(pixels.len() / count * padded, 0.0);
            let grid = self.config.grid();
            let shape = [padded, grid * grid, self.config.features()];
            let pixels = Tensor::from_data(TensorData::new(pixels, shape), &Device::flex());
            let mut embeddings = self.attnpool.forward(pixels).try_into_vec_as::<f32>()?;
            embeddings.truncate(embeddings.len() / padded * count);
            Ok(embeddings)
        })
    }

    /// As [`ModifiedResNet::forward_dense`], of pictures of a `size`.
    ///
    /// # Errors
    /// If burn fails.
    pub fn forward_dense(
        &self,
        cores: &Cores,
        pictures: &[f32],
        size: PictureSize,
    ) -> Result<Vec<f32>, ComputeError> {
        let AttentionPool2d { v_proj, c_proj, .. } = &self.attnpool;
        let (value_bias, out_bias) = (bias_of(v_proj)?, bias_of(c_proj)?);
        self.in_passes(cores, pictures, size, |pictures| {
            let mut cells = Matrix::new(self.trunk.forward(pictures, size)?, self.config.features());
            let mut values = cells.times(&v_proj.weight.val())?;
            add_bias_scale(values.slice_mut()?, &value_bias, 1.0);
            let mut embeddings = values.times(&c_proj.weight.val())?;
            add_bias_scale(embeddings.slice_mut()?, &out_bias, 1.0);
            embeddings.into_values()
        })
    }

    /// Has pictures of a `size` go through the tower on all cores.
    fn in_passes(
        &self,
        cores: &Cores,
        pictures: &[f32],
        size: PictureSize,
        encode: impl Fn(&[f32]) -> Result<Vec<f32>, ComputeError> + Sync,
    ) -> Result<Vec<f32>, ComputeError> {
        let picture = 3 * size.area();
        let count = pictures.len() / picture;
        let pass = self.pass_size_of(size).min(count.div_ceil(cores.count())).max(1);
        let parts = Mutex::new(vec![Vec::new(); count.div_ceil(pass)]);
        cores.run(pictures.chunks(pass * picture).enumerate(), |(index, pictures)| {
            let embeddings = encode(pictures)?;
            if let Some(part) = parts.lock().unwrap_or_else(PoisonError::into_inner).get_mut(index) {
                *part = embeddings;
            }
            Ok::<_, ComputeError>(())
        })?;
        Ok(parts.into_inner().unwrap_or_else(PoisonError::into_inner).concat())
    }
}

/// Everything that the backward pass needs of a forward pass.
pub(in crate::clip) struct Tape {
    mode: BatchNormMode,
    pictures: FeatureMap,
    stem: Vec<(LayerTape, FeatureMap)>,
    /// The output of the stem after average pooling.
    pooled: FeatureMap,
    blocks: Vec<BottleneckTape>,
}

impl Trunk {
    /// Takes the weights of `resnet`, which must lie in memory.
    ///
    /// # Errors
    /// If burn fails.
    pub fn new(resnet: &ModifiedResNet) -> Result<Self, ComputeError> {
        Ok(Self {
            stem: resnet.stem.iter().map(CpuConvBn::new).collect::<Result<_, _>>()?,
            blocks: resnet.blocks.iter().map(CpuBottleneck::new).collect::<Result<_, _>>()?,
        })
    }

    /// Pictures, given as planes of rows, to the last feature map, as rows of channels.
    ///
    /// # Errors
    /// If burn fails.
    pub fn forward(&self, pictures: &[f32], size: PictureSize) -> Result<Vec<f32>, ComputeError> {
        let mut map = FeatureMap::of_pictures(pictures, size);
        for layer in &self.stem {
            map = layer.forward(&mut map, BatchNormMode::Running)?.relu(map.size.strided(layer.stride))?;
        }
        map = map.pooled()?;
        for block in &self.blocks {
            map = block.forward(&mut map, BatchNormMode::Running)?.out;
        }
        map.values.into_values()
    }

    /// [`Self::forward`] that records what the backward pass needs.
    ///
    /// # Errors
    /// If burn fails.
    pub fn forward_with_tape(
        &self,
        pictures: &[f32],
        size: PictureSize,
        mode: BatchNormMode,
    ) -> Result<Tape, ComputeError> {
        let mut pictures = FeatureMap::of_pictures(pictures, size);
        let mut stem: Vec<(LayerTape, FeatureMap)> = Vec::with_capacity(3);
        for layer in &self.stem {
            let input = stem.last_mut().map_or(&mut pictures, |(_, map)| map);
            let layer_tape = layer.forward(input, mode)?;
            let out = layer_tape.relu(input.size.strided(layer.stride))?;
            stem.push((layer_tape, out));
        }
        let (_, last) = stem.last().ok_or(ComputeError::Missing("a ResNet has no stem"))?;
        let mut pooled = last.pooled()?;
        let mut blocks: Vec<BottleneckTape> = Vec::with_capacity(self.blocks.len());
        for block in &self.blocks {
            let input = blocks.last_mut().map_or(&mut pooled, |block_tape| &mut block_tape.out);
            let block_tape = block.forward(input, mode)?;
            blocks.push(block_tape);
        }
        Ok(Tape { mode, pictures, stem, pooled, blocks })
    }

    /// The gradients of all layers, in the order of [`ModifiedResNet::layers`], given that of the last
    /// feature map.
    ///
    /// # Errors
    /// If burn fails.
    pub fn backward(&self, mut tape: Tape, gradient: Vec<f32>) -> Result<Vec<LayerGradients>, ComputeError> {
        let mut gradients = Vec::new();
        let mode = tape.mode;
        let mut gradient = gradient;
        for (index, block) in self.blocks.iter().enumerate().rev() {
            let (before, rest) = tape.blocks.split_at_mut(index);
            let input = before.last_mut().map_or(&mut tape.pooled, |block_tape| &mut block_tape.out);
            let block_tape = rest.first_mut().ok_or(ComputeError::Missing("a tape is too short"))?;
            gradient = block.backward(block_tape, input, gradient, mode, &mut gradients)?;
        }
        for (index, layer) in self.stem.iter().enumerate().rev() {
            let (before, rest) = tape.stem.split_at_mut(index);
            let (layer_tape, out) = rest.first_mut().ok_or(ComputeError::Missing("a tape is too short"))?;
            let width = layer.gamma.len();
            if index + 1 == self.stem.len() {
                let mut whole = vec![0.0; out.values.slice()?.len()];
                feature_map::add_avg_pool_2x2_gradient(&mut whole, &gradient, out.size, width);
                gradient = whole;
            }
            feature_map::relu_backward(&mut gradient, out.values.slice()?);
            let mut conv_gradient = layer_tape.backward(gradient, mode, &mut gradients)?;
            let input = before.last_mut().map_or(&mut tape.pictures, |(_, map)| map);
            layer.weight_gradient(input, &mut conv_gradient, &mut gradients)?;
            // Nothing comes before the first layer.
            gradient =
                if index == 0 { Vec::new() } else { layer.input_gradient(&mut conv_gradient, input.size)? };
        }
        gradients.reverse();
        Ok(gradients)
    }
}

impl Tape {
    /// The last feature map, as rows of channels.
    ///
    /// # Errors
    /// If burn fails.
    pub fn output(&self) -> Result<&[f32], ComputeError> {
        self.blocks.last().map_or(&self.pooled, |block| &block.out).values.slice()
    }

    /// Mean and biased variance of every batch norm, in the order of [`ModifiedResNet::layers`].
    pub fn statistics(&self) -> Vec<(&[f32], &[f32])> {
        let blocks = self.blocks.iter().flat_map(|block| {
            let downsample = block.downsample.iter().map(|(_, layer_tape)| layer_tape);
            [&block.conv1, &block.conv2, &block.conv3].into_iter().chain(downsample)
        });
        let layer_tapes = self.stem.iter().map(|(layer_tape, _)| layer_tape).chain(blocks);
        layer_tapes.map(|layer_tape| (layer_tape.mean.as_slice(), layer_tape.variance.as_slice())).collect()
    }
}

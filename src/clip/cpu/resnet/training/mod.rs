//! The layers before the attention pooling as training runs them: forward with a tape, and backward.
//!
//! burn runs the same layers on every device, but on a processor each of its operations is a pass over
//! memory, and the gradients of its convolutions are convolutions of odd shapes. Here feature maps are laid
//! out so that every convolution and both its gradients are products of tall matrices; batch norms, ReLUs and
//! sums are fused between them. A test compares all gradients with burn's.
//!
//! - this file: the layers and their tape
//! - [`bottleneck`]: one residual block
//! - [`conv_bn`]: one convolution with its batch norm

mod bottleneck;
mod conv_bn;
#[cfg(test)]
mod tests;

use crate::clip::ComputeError;
use crate::clip::cpu::convolution::FeatureMap;
use crate::clip::cpu::feature_map;
use crate::clip::picture_size::PictureSize;
use crate::clip::towers::resnet::ModifiedResNet;
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

    /// Pictures, given as planes of rows, to the last feature map and all that the backward pass needs.
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
            let width = layer.norm.gamma.len();
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

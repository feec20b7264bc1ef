//! The layers before the attention pooling, with every batch norm folded into its convolution
//! (`w * scale`, and `beta - mean * scale` as a bias), as they are without training.

use burn::tensor::Tensor;
use gemmkit::{Activation, Bias, MatMut, MatRef, PackedRhs, Parallelism, gemm_packed_b_fused, prepack_rhs};

use super::batch_norm::{CpuBatchNorm, NormScale};
use super::columns::{FeatureColumns, Number};
use crate::clip::ComputeError;
use crate::clip::cpu::layers::values;
use crate::clip::picture_size::PictureSize;
use crate::clip::towers::resnet::{Bottleneck, ConvBn, ModifiedResNet};

/// The layers of a [`ModifiedResNet`] before its attention pooling.
pub(super) struct FoldedTrunk<T> {
    stem: Vec<FoldedConv<T>>,
    blocks: Vec<FoldedBottleneck<T>>,
}

/// A [`Bottleneck`].
struct FoldedBottleneck<T> {
    conv1: FoldedConv<T>,
    conv2: FoldedConv<T>,
    conv3: FoldedConv<T>,
    downsample: Option<FoldedConv<T>>,
    /// Whether feature maps are pooled before the last convolution: the block's stride is 2.
    has_avgpool: bool,
}

/// A [`ConvBn`].
struct FoldedConv<T> {
    /// [side * side * inputs, outputs].
    weights: PackedRhs<T>,
    bias: Vec<T>,
    /// Of the kernel: 1 or 3.
    side: usize,
    stride: usize,
}

/// Bytes of unfolded neighbourhoods that are multiplied at once: about what the second cache holds.
const UNFOLDED_BYTES: usize = 512 << 10;

impl<T: Number> FoldedTrunk<T> {
    /// Folds the layers of `resnet`, which must lie on burn's flex device in single precision.
    ///
    /// # Errors
    /// If they don't.
    pub fn new(resnet: &ModifiedResNet) -> Result<Self, ComputeError> {
        Ok(Self {
            stem: resnet.stem.iter().map(FoldedConv::new).collect::<Result<_, _>>()?,
            blocks: resnet.blocks.iter().map(FoldedBottleneck::new).collect::<Result<_, _>>()?,
        })
    }

    /// Pictures, given as planes of rows, to the pixels of their last feature map, as rows of channels.
    pub fn forward(&self, pictures: &[f32], size: PictureSize) -> Vec<f32> {
        let mut map = FeatureColumns::of_pictures(pictures, size);
        for layer in &self.stem {
            map = layer.relu(&map);
        }
        map = map.pooled();
        for block in &self.blocks {
            map = block.forward(map);
        }
        map.pixels()
    }
}

impl<T: Number> FoldedBottleneck<T> {
    fn new(block: &Bottleneck) -> Result<Self, ComputeError> {
        Ok(Self {
            conv1: FoldedConv::new(&block.conv1)?,
            conv2: FoldedConv::new(&block.conv2)?,
            conv3: FoldedConv::new(&block.conv3)?,
            downsample: block.downsample.as_ref().map(FoldedConv::new).transpose()?,
            has_avgpool: block.stride == 2,
        })
    }

    fn forward(&self, map: FeatureColumns<T>) -> FeatureColumns<T> {
        let mut out = self.conv2.relu(&self.conv1.relu(&map));
        if self.has_avgpool {
            out = out.pooled();
        }
        let identity = match &self.downsample {
            Some(layer) if self.has_avgpool => layer.linear(&map.pooled()),
            Some(layer) => layer.linear(&map),
            None => map,
        };
        self.conv3.add_relu(&out, identity)
    }
}

impl<T: Number> FoldedConv<T> {
    fn new(layer: &ConvBn) -> Result<Self, ComputeError> {
        let weight = layer.conv.weight.val().inner();
        let [outputs, inputs, side, _] = weight.dims();
        let NormScale { scale, shift, .. } = CpuBatchNorm::new(&layer.bn)?.running();
        let mut rows = values(in_rows(weight, [side * side * inputs, outputs]))?;
        for row in rows.chunks_exact_mut(outputs) {
            row.iter_mut().zip(&scale).for_each(|(weight, scale)| *weight *= scale);
        }
        let rows: Vec<T> = rows.into_iter().map(T::rounded).collect();
        Ok(Self {
            weights: prepack_rhs(MatRef::from_row_major(&rows, side * side * inputs, outputs)),
            bias: shift.into_iter().map(T::rounded).collect(),
            side,
            stride: layer.conv.stride[0],
        })
    }

    /// What comes out, after a ReLU.
    fn relu(&self, input: &FeatureColumns<T>) -> FeatureColumns<T> {
        self.apply(input, self.empty(input), T::ZERO, Some(Activation::Relu))
    }

    /// What comes out, without one.
    fn linear(&self, input: &FeatureColumns<T>) -> FeatureColumns<T> {
        self.apply(input, self.empty(input), T::ZERO, None)
    }

    /// What comes out added to `identity`, after a ReLU.
    fn add_relu(&self, input: &FeatureColumns<T>, identity: FeatureColumns<T>) -> FeatureColumns<T> {
        self.apply(input, identity, T::ONE, Some(Activation::Relu))
    }

    /// Room for what comes out.
    fn empty(&self, input: &FeatureColumns<T>) -> FeatureColumns<T> {
        let size = input.size.strided(self.stride);
        let values = vec![T::ZERO; size.area() * input.pictures * self.weights.cols()];
        FeatureColumns { values, size, pictures: input.pictures }
    }

    /// The activation of the convolution plus its bias plus `share` times what is in `out`.
    fn apply(
        &self,
        input: &FeatureColumns<T>,
        mut out: FeatureColumns<T>,
        share: T,
        activation: Option<Activation<T>>,
    ) -> FeatureColumns<T> {
        let (rows, outputs) = (out.rows(), self.weights.cols());
        let mut multiply = |left: &[T], first: usize, count: usize| {
            let left = MatRef::from_col_major(left, count, self.weights.rows());
            let out = MatMut::new(&mut out.values[first..], count, outputs, 1, rows as isize);
            let bias = Some(Bias::PerCol(&self.bias[..]));
            let serial = Parallelism::Serial;
            gemm_packed_b_fused(T::ONE, left, &self.weights, share, out, bias, activation, serial);
        };
        if self.side == 1 {
            multiply(&input.values, 0, rows);
            return out;
        }
        let size = input.size.strided(self.stride);
        let line = size.width * input.pictures;
        let lines = UNFOLDED_BYTES / (line * self.weights.rows() * size_of::<T>()).max(1);
        let lines = lines.clamp(1, size.height.max(1));
        let mut unfolded = Vec::with_capacity(lines * line * self.weights.rows());
        for first in (0..size.height).step_by(lines) {
            let last = size.height.min(first + lines);
            unfolded.clear();
            input.unfold(self.stride, first..last, &mut unfolded);
            multiply(&unfolded, first * line, (last - first) * line);
        }
        out
    }
}

/// A convolution's weight, [outputs, inputs, side, side], as a matrix that neighbourhoods are multiplied
/// with.
fn in_rows(weight: Tensor<4>, shape: [usize; 2]) -> Tensor<2> {
    weight.permute([2, 3, 1, 0]).reshape(shape)
}

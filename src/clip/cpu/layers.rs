//! Layers that the vision transformer and its attention pooling share.

use burn::module::Param;
use burn::nn::Linear;
use burn::tensor::Tensor;

use super::linear::LinearWeights;
use super::matrix::Matrix;
use super::ops::{self, add_bias_activate};
use crate::clip::ComputeError;
use crate::clip::config::Activation;
use crate::clip::device::Precision;
use crate::clip::towers::transformer::Mlp;

/// An [`Mlp`] whose weights are laid out for the processor.
pub struct CpuMlp {
    c_fc: LinearWeights,
    fc_bias: Vec<f32>,
    c_proj: LinearWeights,
    pub proj_bias: Vec<f32>,
    activation: Activation,
}

impl CpuMlp {
    pub fn new(mlp: Mlp, activation: Activation, precision: Precision) -> Result<Self, ComputeError> {
        let (fc_bias, proj_bias) = (bias_of(&mlp.c_fc)?, bias_of(&mlp.c_proj)?);
        Ok(Self {
            c_fc: weights_of(mlp.c_fc, precision)?,
            fc_bias,
            c_proj: weights_of(mlp.c_proj, precision)?,
            proj_bias,
            activation,
        })
    }

    /// The output without the last bias, which callers add in a fused pass.
    pub fn forward(&self, normed: &mut Matrix) -> Result<Matrix, ComputeError> {
        if let (LinearWeights::Bf16(c_fc), LinearWeights::Bf16(c_proj)) = (&self.c_fc, &self.c_proj) {
            // What lies between the two is never turned nor widened.
            let mut hidden = c_fc.product(normed.rows_of(c_fc.depth())?);
            hidden.add_bias_activate(&self.fc_bias, self.activation);
            return Ok(Matrix::new(c_proj.product_of_columns(&hidden).turned(), c_proj.columns()));
        }
        let mut hidden = self.c_fc.product(normed)?;
        add_bias_activate(hidden.slice_mut()?, &self.fc_bias, self.activation);
        self.c_proj.product(&mut hidden)
    }
}

/// The matrices of a block's attention.
#[expect(clippy::struct_field_names, reason = "the names that checkpoints have")]
pub struct AttentionWeights {
    pub q_proj: LinearWeights,
    /// Keys, then values.
    pub kv_proj: LinearWeights,
    pub out_proj: LinearWeights,
}

/// The weights of a layer, whose memory is freed if nobody else holds it.
pub fn weights_of(linear: Linear, precision: Precision) -> Result<LinearWeights, ComputeError> {
    LinearWeights::new(taken(linear.weight), precision)
}

/// The tensor of a parameter.
pub fn taken<const D: usize>(param: Param<Tensor<D>>) -> Tensor<D> {
    let tensor = param.val();
    drop(param);
    tensor
}

/// The factor of attention scores: one over the square root of a head's width.
pub fn attention_scale(width: usize, heads: usize) -> f32 {
    ((width / heads) as f32).sqrt().recip()
}

/// The bias of `out_proj` plus what it makes of the values' bias.
pub fn out_bias(kv_proj: &Linear, out_proj: &Linear) -> Result<Vec<f32>, ComputeError> {
    let [width, _] = out_proj.weight.dims();
    let value_bias = bias_of(kv_proj)?.split_off(width);
    let value_bias = Matrix::new(value_bias, width).times(&out_proj.weight.val())?;
    let mut out_bias = bias_of(out_proj)?;
    for (bias, more) in out_bias.iter_mut().zip(value_bias.slice()?) {
        *bias += more;
    }
    Ok(out_bias)
}

/// The values of a tensor on burn's flex device.
pub fn values<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>, ComputeError> {
    Ok(tensor.try_into_vec_as::<f32>()?)
}

pub fn bias_of(linear: &Linear) -> Result<Vec<f32>, ComputeError> {
    let bias = linear.bias.as_ref().ok_or(ComputeError::Missing("a layer has no bias"))?;
    values(bias.val())
}

pub fn norm_of(norm: &burn::nn::LayerNorm, epsilon: f64) -> Result<ops::LayerNorm, ComputeError> {
    let beta = norm.beta.as_ref().ok_or(ComputeError::Missing("a norm has no shift"))?;
    let epsilon = epsilon as f32;
    Ok(ops::LayerNorm { gamma: values(norm.gamma.val())?, beta: values(beta.val())?, epsilon })
}

/// Each patch of each picture as a row: channel after channel, line after line. Pixels at the right and
/// bottom that don't fill a patch are left out.
pub fn unfold_patches(pictures: &[f32], side: usize, patch: usize) -> Vec<f32> {
    let grid = side / patch;
    let mut rows = Vec::with_capacity(pictures.len());
    for picture in pictures.chunks_exact(3 * side * side) {
        for (top, left) in (0..grid).flat_map(|y| (0..grid).map(move |x| (y * patch, x * patch))) {
            for plane in picture.chunks_exact(side * side) {
                for line in plane.chunks_exact(side).skip(top).take(patch) {
                    rows.extend_from_slice(&line[left..left + patch]);
                }
            }
        }
    }
    rows
}

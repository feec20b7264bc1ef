//! Layers that the vision transformer and its attention pooling share.

use burn::nn::Linear;
use burn::tensor::Tensor;

use super::matrix::Matrix;
use super::ops::{self, add_bias_activate};
use crate::clip::ComputeError;
use crate::clip::config::Activation;
use crate::clip::towers::transformer::Mlp;

/// An [`Mlp`] whose biases are slices.
pub struct CpuMlp {
    c_fc: Tensor<2>,
    fc_bias: Vec<f32>,
    c_proj: Tensor<2>,
    pub proj_bias: Vec<f32>,
    activation: Activation,
}

impl CpuMlp {
    pub fn new(mlp: &Mlp, activation: Activation) -> Result<Self, ComputeError> {
        Ok(Self {
            c_fc: mlp.c_fc.weight.val(),
            fc_bias: bias_of(&mlp.c_fc)?,
            c_proj: mlp.c_proj.weight.val(),
            proj_bias: bias_of(&mlp.c_proj)?,
            activation,
        })
    }

    /// The output without the last bias, which callers add in a fused pass.
    pub fn forward(&self, normed: &mut Matrix) -> Result<Matrix, ComputeError> {
        let mut hidden = normed.times(&self.c_fc)?;
        add_bias_activate(hidden.slice_mut()?, &self.fc_bias, self.activation);
        hidden.times(&self.c_proj)
    }
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

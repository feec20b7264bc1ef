//! SigLIP's attention pooling made for the processor.

use super::attention::{Shape, attend};
use super::layers::{CpuMlp, attention_scale, bias_of, norm_of, out_bias, values, weights_of};
use super::linear::LinearWeights;
use super::matrix::Matrix;
use super::ops::{self, add_bias_scale, add_layer_norm};
use crate::clip::ComputeError;
use crate::clip::config::VitConfig;
use crate::clip::device::Precision;
use crate::clip::towers::attention_pool::AttentionPool;

/// An [`AttentionPool`] whose query is computed in advance.
pub struct CpuAttentionPool {
    /// One row, already divided by the square root of a head's width.
    query: Vec<f32>,
    kv_proj: LinearWeights,
    out_proj: LinearWeights,
    /// As [`CpuBlock::out_bias`].
    out_bias: Vec<f32>,
    layernorm: ops::LayerNorm,
    mlp: CpuMlp,
}

impl CpuAttentionPool {
    pub fn new(pool: AttentionPool, config: &VitConfig, precision: Precision) -> Result<Self, ComputeError> {
        let (width, heads) = (config.transformer.width, config.transformer.heads);
        let mut query = Matrix::new(values(pool.probe.val())?, width).times(&pool.q_proj.weight.val())?;
        add_bias_scale(query.slice_mut()?, &bias_of(&pool.q_proj)?, attention_scale(width, heads));
        Ok(Self {
            query: query.into_values()?,
            out_bias: out_bias(&pool.kv_proj, &pool.out_proj)?,
            kv_proj: weights_of(pool.kv_proj, precision)?,
            out_proj: weights_of(pool.out_proj, precision)?,
            layernorm: norm_of(&pool.layernorm, config.transformer.epsilon)?,
            mlp: CpuMlp::new(pool.mlp, config.transformer.activation, precision)?,
        })
    }

    /// From the tokens of pictures, `keys` of each, to one row per picture.
    pub fn forward(&self, heads: usize, keys: usize, tokens: &mut Matrix) -> Result<Matrix, ComputeError> {
        let width = tokens.width;
        let pictures = tokens.rows() / keys;
        let keys_values = self.kv_proj.product(tokens)?;
        let shape = Shape { queries: 1, keys, heads, width };
        let mut attended = Matrix::new(vec![0.0; pictures * width], width);
        attend(shape, &self.query.repeat(pictures), keys_values.slice()?, attended.slice_mut()?);
        let attended = self.out_proj.product(&mut attended)?;
        let mut pooled = vec![0.0; pictures * width];
        let mut normed = Matrix::new(vec![0.0; pictures * width], width);
        add_layer_norm(&mut pooled, attended.slice()?, &self.out_bias, &self.layernorm, normed.slice_mut()?);
        let mlp_out = self.mlp.forward(&mut normed)?;
        let rows = pooled.chunks_exact_mut(width).zip(mlp_out.slice()?.chunks_exact(width));
        for (row, mlp_out) in rows {
            for ((x, more), bias) in row.iter_mut().zip(mlp_out).zip(&self.mlp.proj_bias) {
                *x += more + bias;
            }
        }
        Ok(Matrix::new(pooled, width))
    }
}

//! The last block of a transformer as it makes dense embeddings, made for the processor.

use super::attention::{Shape, attend};
use super::layers::{AttentionWeights, attention_scale, bias_of};
use super::matrix::Matrix;
use super::ops::add_bias_scale;
use crate::clip::ComputeError;
use crate::clip::config::VitConfig;
use crate::clip::dense::DenseAttention;
use crate::clip::towers::transformer::ResidualAttentionBlock;

/// The biases of a [`ResidualAttentionBlock`] for [`ResidualAttentionBlock::forward_dense`]. All of them
/// count here: keys attend to keys and values to values, and the weights of three attentions sum to three.
#[expect(clippy::struct_field_names, reason = "biases of what")]
pub struct CpuDenseAttention {
    q_bias: Vec<f32>,
    kv_bias: Vec<f32>,
    out_bias: Vec<f32>,
}

impl CpuDenseAttention {
    pub fn new(block: &ResidualAttentionBlock) -> Result<Self, ComputeError> {
        Ok(Self {
            q_bias: bias_of(&block.q_proj)?,
            kv_bias: bias_of(&block.kv_proj)?,
            out_bias: bias_of(&block.out_proj)?,
        })
    }

    /// All tokens of pictures, which are `normed` after `ln_1`, to as many rows, by the weights of the block.
    pub fn forward(
        &self,
        weights: &AttentionWeights,
        config: &VitConfig,
        normed: &mut Matrix,
        attention: DenseAttention,
    ) -> Result<Matrix, ComputeError> {
        let (width, heads, tokens) = (normed.width, config.transformer.heads, config.tokens());
        let mut query = weights.q_proj.product(normed)?;
        add_bias_scale(query.slice_mut()?, &self.q_bias, 1.0);
        let mut keys_values = weights.kv_proj.product(normed)?;
        add_bias_scale(keys_values.slice_mut()?, &self.kv_bias, 1.0);
        let columns = |first: usize| -> Result<Vec<f32>, ComputeError> {
            let rows = keys_values.slice()?.chunks_exact(2 * width);
            Ok(rows.flat_map(|row| &row[first..first + width]).copied().collect())
        };
        let (query, key, value) = (query.into_values()?, columns(0)?, columns(width)?);
        let likes = match attention {
            DenseAttention::ClearClip => vec![&query],
            DenseAttention::SegEarthOv => vec![&query, &key, &value],
        };

        let shape = Shape { queries: tokens, keys: tokens, heads, width };
        let scale = attention_scale(width, heads);
        let (mut attended, mut sum) = (vec![0.0; value.len()], vec![0.0; value.len()]);
        for like in likes {
            let scaled: Vec<f32> = like.iter().map(|x| x * scale).collect();
            let rows = like.chunks_exact(width).zip(value.chunks_exact(width));
            let like_values: Vec<f32> =
                rows.flat_map(|(like, value)| like.iter().chain(value)).copied().collect();
            attend(shape, &scaled, &like_values, &mut attended);
            sum.iter_mut().zip(&attended).for_each(|(sum, x)| *sum += x);
        }
        let mut out = weights.out_proj.product(&mut Matrix::new(sum, width))?;
        add_bias_scale(out.slice_mut()?, &self.out_bias, 1.0);
        Ok(out)
    }
}

//! SigLIP's pooling head: a learnt query, the probe, attends to all tokens of a picture, and an MLP follows
//! (Zhai et al., 2021, "MAP head", <https://arxiv.org/abs/2106.04560>).

use burn::module::{Module, Param};
use burn::nn::{LayerNorm, Linear};
use burn::tensor::Tensor;

use super::transformer::{Mlp, attend, split_heads};
use crate::clip::config::TransformerConfig;
use crate::clip::weights::loader::Loader;
use crate::clip::weights::saver::Saver;

/// Attention with one query, the same for all pictures.
#[derive(Module, Debug)]
pub(crate) struct AttentionPool {
    /// [1, width].
    pub probe: Param<Tensor<2>>,
    pub q_proj: Linear,
    /// Keys, then values.
    pub kv_proj: Linear,
    pub out_proj: Linear,
    pub layernorm: LayerNorm,
    pub mlp: Mlp,
    heads: usize,
}

impl AttentionPool {
    pub fn load(loader: &mut Loader<'_>, config: &TransformerConfig) -> Self {
        let names = loader.layout().vision().attn_pool;
        let width = config.width;
        let (q_proj, kv_proj) = loader.attention_inputs("", names.in_proj, width);
        Self {
            probe: Param::from_tensor(loader.tensor(names.probe, [1, width])),
            q_proj,
            kv_proj,
            out_proj: loader.linear(names.out_proj, width, width),
            layernorm: loader.layer_norm(names.layernorm, width, config.epsilon),
            mlp: Mlp::load(loader, &names.mlp, "", config),
            heads: config.heads,
        }
    }

    pub fn save(&self, saver: &mut Saver) {
        let names = saver.layout().vision().attn_pool;
        saver.tensor(names.probe, self.probe.val().unsqueeze::<3>());
        saver.attention_inputs("", names.in_proj, &self.q_proj, &self.kv_proj);
        saver.linear(names.out_proj, &self.out_proj);
        saver.layer_norm(names.layernorm, &self.layernorm);
        self.mlp.save(saver, &names.mlp, "");
    }

    /// [pictures, tokens, width] to [pictures, tokens + 1, width]: each token pooled alone, then all of a
    /// picture together.
    pub fn forward_dense(&self, tokens: Tensor<3>) -> Tensor<3> {
        let [pictures, count, width] = tokens.dims();
        let alone = self.forward(tokens.clone().reshape([pictures * count, 1, width]));
        let together = self.forward(tokens).reshape([pictures, 1, width]);
        Tensor::cat(vec![alone.reshape([pictures, count, width]), together], 1)
    }

    /// [pictures, tokens, width] to [pictures, width].
    pub fn forward(&self, tokens: Tensor<3>) -> Tensor<2> {
        let [pictures, _, width] = tokens.dims();
        let keys_values = self.kv_proj.forward(tokens);
        let query = self.q_proj.forward(self.probe.val()).unsqueeze::<3>();
        let query = split_heads(query.expand([pictures as i64, 1, -1]), self.heads);
        let key = split_heads(keys_values.clone().narrow(2, 0, width), self.heads);
        let value = split_heads(keys_values.narrow(2, width, width), self.heads);
        let pooled = self.out_proj.forward(attend(query, key, value, false)).squeeze_dim::<2>(1);
        pooled.clone() + self.mlp.forward(self.layernorm.forward(pooled))
    }
}

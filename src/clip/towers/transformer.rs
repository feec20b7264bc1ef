//! The residual attention block that both transformers stack: attention, then an MLP, each after layer
//! normalisation ("pre-norm") and added to its input.

use burn::module::Module;
use burn::nn::{LayerNorm, Linear};
use burn::tensor::Tensor;
use burn::tensor::activation;
use burn::tensor::module::attention;
use burn::tensor::ops::AttentionModuleOptions;

use crate::clip::config::{Activation, TransformerConfig};
use crate::clip::dense::DenseAttention;
use crate::clip::weights::layout::{BlockNames, MlpNames};
use crate::clip::weights::loader::Loader;
use crate::clip::weights::saver::Saver;

/// One residual attention block.
#[derive(Module, Debug)]
pub(crate) struct ResidualAttentionBlock {
    pub ln_1: LayerNorm,
    /// Separate from keys and values because the last block of a CLIP image tower needs a single query.
    pub q_proj: Linear,
    /// Keys, then values.
    pub kv_proj: Linear,
    pub out_proj: Linear,
    pub ln_2: LayerNorm,
    pub mlp: Mlp,
    heads: usize,
}

impl ResidualAttentionBlock {
    pub fn load(
        loader: &mut Loader<'_>,
        names: &BlockNames,
        prefix: &str,
        config: &TransformerConfig,
    ) -> Self {
        let width = config.width;
        let prefix = format!("{prefix}.");
        let (q_proj, kv_proj) = loader.attention_inputs(&prefix, names.in_proj, width);
        Self {
            ln_1: loader.layer_norm(&format!("{prefix}{}", names.ln_1), width, config.epsilon),
            q_proj,
            kv_proj,
            out_proj: loader.linear(&format!("{prefix}{}", names.out_proj), width, width),
            ln_2: loader.layer_norm(&format!("{prefix}{}", names.ln_2), width, config.epsilon),
            mlp: Mlp::load(loader, &names.mlp, &prefix, config),
            heads: config.heads,
        }
    }

    pub fn save(&self, saver: &mut Saver, names: &BlockNames, prefix: &str) {
        let prefix = format!("{prefix}.");
        saver.layer_norm(&format!("{prefix}{}", names.ln_1), &self.ln_1);
        saver.attention_inputs(&prefix, names.in_proj, &self.q_proj, &self.kv_proj);
        saver.linear(&format!("{prefix}{}", names.out_proj), &self.out_proj);
        saver.layer_norm(&format!("{prefix}{}", names.ln_2), &self.ln_2);
        self.mlp.save(saver, &names.mlp, &prefix);
    }

    /// Every token attends to every token. [pictures, tokens, width] to the same shape.
    pub fn forward(&self, tokens: Tensor<3>) -> Tensor<3> {
        let normed = self.ln_1.forward(tokens.clone());
        self.forward_queries(tokens, normed.clone(), normed, false)
    }

    /// Every token attends to itself and the tokens before it.
    pub fn forward_causal(&self, tokens: Tensor<3>) -> Tensor<3> {
        let normed = self.ln_1.forward(tokens.clone());
        self.forward_queries(tokens, normed.clone(), normed, true)
    }

    /// The output of the first token alone, [pictures, 1, width]: the same numbers as the first token of
    /// [`Self::forward`], without the queries and MLPs of all other tokens.
    pub fn forward_first(&self, tokens: Tensor<3>) -> Tensor<3> {
        let normed = self.ln_1.forward(tokens.clone());
        let first = normed.clone().narrow(1, 0, 1);
        self.forward_queries(tokens.narrow(1, 0, 1), first, normed, false)
    }

    /// The last block of dense embeddings, [pictures, tokens, width] to the same shape: attention of what is
    /// alike, without residual and MLP.
    pub fn forward_dense(&self, tokens: Tensor<3>, attention: DenseAttention) -> Tensor<3> {
        let [_, _, width] = tokens.dims();
        let normed = self.ln_1.forward(tokens);
        let keys_values = self.kv_proj.forward(normed.clone());
        let query = split_heads(self.q_proj.forward(normed), self.heads);
        let key = split_heads(keys_values.clone().narrow(2, 0, width), self.heads);
        let value = split_heads(keys_values.narrow(2, width, width), self.heads);
        let among = |like: Tensor<4>| attend(like.clone(), like, value.clone(), false);
        let attended = match attention {
            DenseAttention::ClearClip => among(query),
            DenseAttention::SegEarthOv => among(query) + among(key) + among(value.clone()),
        };
        self.out_proj.forward(attended)
    }

    /// The block's output for the tokens `queries`, after `ln_1` `queries_normed`, which attend to all tokens
    /// `normed`.
    fn forward_queries(
        &self,
        queries: Tensor<3>,
        queries_normed: Tensor<3>,
        normed: Tensor<3>,
        is_causal: bool,
    ) -> Tensor<3> {
        let [_, _, width] = queries.dims();
        let keys_values = self.kv_proj.forward(normed);
        let query = split_heads(self.q_proj.forward(queries_normed), self.heads);
        let key = split_heads(keys_values.clone().narrow(2, 0, width), self.heads);
        let value = split_heads(keys_values.narrow(2, width, width), self.heads);
        let hidden = queries + self.out_proj.forward(attend(query, key, value, is_causal));
        hidden.clone() + self.mlp.forward(self.ln_2.forward(hidden))
    }
}

/// Two linear layers with an activation between them.
#[derive(Module, Debug)]
pub(crate) struct Mlp {
    pub c_fc: Linear,
    pub c_proj: Linear,
    #[module(skip)]
    activation: Activation,
}

impl Mlp {
    /// Loads the layers `names`, each after `prefix`.
    pub fn load(loader: &mut Loader<'_>, names: &MlpNames, prefix: &str, config: &TransformerConfig) -> Self {
        Self {
            c_fc: loader.linear(&format!("{prefix}{}", names.c_fc), config.width, config.mlp_width),
            c_proj: loader.linear(&format!("{prefix}{}", names.c_proj), config.mlp_width, config.width),
            activation: config.activation,
        }
    }

    pub fn save(&self, saver: &mut Saver, names: &MlpNames, prefix: &str) {
        saver.linear(&format!("{prefix}{}", names.c_fc), &self.c_fc);
        saver.linear(&format!("{prefix}{}", names.c_proj), &self.c_proj);
    }

    pub fn forward<const D: usize>(&self, input: Tensor<D>) -> Tensor<D> {
        self.c_proj.forward(activate(self.c_fc.forward(input), self.activation))
    }
}

/// [pictures, tokens, width] to [pictures, heads, tokens, width of a head].
pub(in crate::clip) fn split_heads(tokens: Tensor<3>, heads: usize) -> Tensor<4> {
    let [pictures, count, width] = tokens.dims();
    tokens.reshape([pictures, count, heads, width / heads]).swap_dims(1, 2)
}

/// Attention of queries, [pictures, heads, tokens, width of a head], to [pictures, tokens, width].
pub(in crate::clip) fn attend(
    query: Tensor<4>,
    key: Tensor<4>,
    value: Tensor<4>,
    is_causal: bool,
) -> Tensor<3> {
    let [pictures, heads, count, head_width] = query.dims();
    // The default scale is 1 / sqrt(width of a head); passing it would choose a slower path on GPUs.
    let options = AttentionModuleOptions { is_causal, ..AttentionModuleOptions::default() };
    let attended = attention(query, key, value, None, None, options);
    attended.swap_dims(1, 2).reshape([pictures, count, heads * head_width])
}

fn activate<const D: usize>(hidden: Tensor<D>, function: Activation) -> Tensor<D> {
    match function {
        Activation::QuickGelu => hidden.clone() * activation::sigmoid(hidden * 1.702),
        Activation::Gelu => activation::gelu(hidden),
        Activation::TanhGelu => activation::gelu_approximate(hidden),
    }
}

//! The block that both towers are stacks of: attention, then a perceptron, each after layer normalisation
//! and added to its input ("pre-norm").

use burn::module::Module;
use burn::nn::{LayerNorm, Linear};
use burn::tensor::Tensor;
use burn::tensor::activation;
use burn::tensor::module::attention;
use burn::tensor::ops::AttentionModuleOptions;

use crate::clip::config::{Activation, TransformerConfig};
use crate::clip::weights::layout::BlockNames;
use crate::clip::weights::loader::Loader;
use crate::clip::weights::saver::Saver;

/// One residual attention block.
#[derive(Module, Debug)]
pub(crate) struct Block {
    pub norm_1: LayerNorm,
    /// Apart from keys and values, because the last block of an image needs a single query.
    pub query: Linear,
    pub key_value: Linear,
    pub out: Linear,
    pub norm_2: LayerNorm,
    pub up: Linear,
    pub down: Linear,
    heads: usize,
    #[module(skip)]
    activation: Activation,
}

impl Block {
    pub fn load(
        loader: &mut Loader<'_>,
        names: &BlockNames,
        prefix: &str,
        config: &TransformerConfig,
    ) -> Self {
        let width = config.width;
        let (query, key_value) = loader.attention_inputs(&format!("{prefix}."), names.inputs, width);
        Self {
            norm_1: loader.norm(&format!("{prefix}.{}", names.norm_1), width, config.epsilon),
            query,
            key_value,
            out: loader.linear(&format!("{prefix}.{}", names.out), width, width),
            norm_2: loader.norm(&format!("{prefix}.{}", names.norm_2), width, config.epsilon),
            up: loader.linear(&format!("{prefix}.{}", names.up), width, config.mlp_width),
            down: loader.linear(&format!("{prefix}.{}", names.down), config.mlp_width, width),
            heads: config.heads,
            activation: config.activation,
        }
    }

    pub fn save(&self, saver: &mut Saver, names: &BlockNames, prefix: &str) {
        saver.norm(&format!("{prefix}.{}", names.norm_1), &self.norm_1);
        saver.attention_inputs(&format!("{prefix}."), names.inputs, &self.query, &self.key_value);
        saver.linear(&format!("{prefix}.{}", names.out), &self.out);
        saver.norm(&format!("{prefix}.{}", names.norm_2), &self.norm_2);
        saver.linear(&format!("{prefix}.{}", names.up), &self.up);
        saver.linear(&format!("{prefix}.{}", names.down), &self.down);
    }

    /// Every token sees every token. [pictures, tokens, width] to the same shape.
    pub fn forward(&self, tokens: Tensor<3>) -> Tensor<3> {
        let normed = self.norm_1.forward(tokens.clone());
        self.attend(tokens, normed.clone(), normed, false)
    }

    /// Every token sees itself and the ones before it.
    pub fn forward_causal(&self, tokens: Tensor<3>) -> Tensor<3> {
        let normed = self.norm_1.forward(tokens.clone());
        self.attend(tokens, normed.clone(), normed, true)
    }

    /// Only the output of the first token, [pictures, 1, width]: the same numbers as the first of
    /// [`Self::forward`], without the queries and perceptrons of all the others.
    pub fn forward_first(&self, tokens: Tensor<3>) -> Tensor<3> {
        let normed = self.norm_1.forward(tokens.clone());
        let first = normed.clone().narrow(1, 0, 1);
        self.attend(tokens.narrow(1, 0, 1), first, normed, false)
    }

    /// The block's output for the tokens `asking`, whose normalised form is `asking_normed`, among all tokens
    /// `normed`.
    fn attend(
        &self,
        asking: Tensor<3>,
        asking_normed: Tensor<3>,
        normed: Tensor<3>,
        is_causal: bool,
    ) -> Tensor<3> {
        let [_, _, width] = asking.dims();
        let keys_values = self.key_value.forward(normed);
        let query = by_head(self.query.forward(asking_normed), self.heads);
        let key = by_head(keys_values.clone().narrow(2, 0, width), self.heads);
        let value = by_head(keys_values.narrow(2, width, width), self.heads);
        self.think(asking + self.out.forward(seen(query, key, value, is_causal)))
    }

    /// The perceptron.
    fn think(&self, tokens: Tensor<3>) -> Tensor<3> {
        let hidden = self.up.forward(self.norm_2.forward(tokens.clone()));
        tokens + self.down.forward(activated(hidden, self.activation))
    }
}

/// [pictures, tokens, width] to [pictures, heads, tokens, width of a head].
pub(in crate::clip) fn by_head(tokens: Tensor<3>, heads: usize) -> Tensor<4> {
    let [pictures, count, width] = tokens.dims();
    tokens.reshape([pictures, count, heads, width / heads]).swap_dims(1, 2)
}

/// What each query, [pictures, heads, tokens, width of a head], sees of the values: [pictures, tokens,
/// width].
pub(in crate::clip) fn seen(
    query: Tensor<4>,
    key: Tensor<4>,
    value: Tensor<4>,
    is_causal: bool,
) -> Tensor<3> {
    let [pictures, heads, count, depth] = query.dims();
    // The default scale is 1 / sqrt(width of a head); naming it would choose a slower path on GPUs.
    let options = AttentionModuleOptions { is_causal, ..AttentionModuleOptions::default() };
    let seen = attention(query, key, value, None, None, options);
    seen.swap_dims(1, 2).reshape([pictures, count, heads * depth])
}

/// The function between a perceptron's layers.
pub(in crate::clip) fn activated<const D: usize>(hidden: Tensor<D>, function: Activation) -> Tensor<D> {
    match function {
        Activation::QuickGelu => hidden.clone() * activation::sigmoid(hidden * 1.702),
        Activation::Gelu => activation::gelu(hidden),
        Activation::TanhGelu => activation::gelu_approximate(hidden),
    }
}

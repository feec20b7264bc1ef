//! SigLIP's head: a learnt query looks at all tokens of a picture, and a perceptron follows (Zhai et al.,
//! 2021, <https://arxiv.org/abs/2106.04560>).

use burn::module::{Module, Param};
use burn::nn::{LayerNorm, Linear};
use burn::tensor::Tensor;

use super::block::{activated, by_head, seen};
use crate::clip::config::{Activation, TransformerConfig};
use crate::clip::weights::loader::Loader;
use crate::clip::weights::saver::Saver;

/// Attention with one query for all pictures.
#[derive(Module, Debug)]
pub(crate) struct Pool {
    /// [1, width].
    pub probe: Param<Tensor<2>>,
    pub query: Linear,
    pub key_value: Linear,
    pub out: Linear,
    pub norm: LayerNorm,
    pub up: Linear,
    pub down: Linear,
    heads: usize,
    #[module(skip)]
    activation: Activation,
}

impl Pool {
    pub fn load(loader: &mut Loader<'_>, config: &TransformerConfig) -> Self {
        let names = loader.layout().vision().pool;
        let width = config.width;
        let (query, key_value) = loader.attention_inputs("", names.inputs, width);
        Self {
            probe: Param::from_tensor(loader.tensor(names.probe, [1, width])),
            query,
            key_value,
            out: loader.linear(names.out, width, width),
            norm: loader.norm(names.norm, width, config.epsilon),
            up: loader.linear(names.up, width, config.mlp_width),
            down: loader.linear(names.down, config.mlp_width, width),
            heads: config.heads,
            activation: config.activation,
        }
    }

    pub fn save(&self, saver: &mut Saver) {
        let names = saver.layout().vision().pool;
        saver.tensor(names.probe, self.probe.val().unsqueeze::<3>());
        saver.attention_inputs("", names.inputs, &self.query, &self.key_value);
        saver.linear(names.out, &self.out);
        saver.norm(names.norm, &self.norm);
        saver.linear(names.up, &self.up);
        saver.linear(names.down, &self.down);
    }

    /// [pictures, tokens, width] to [pictures, width].
    pub fn forward(&self, tokens: Tensor<3>) -> Tensor<2> {
        let [pictures, _, width] = tokens.dims();
        let keys_values = self.key_value.forward(tokens);
        let query = self.query.forward(self.probe.val()).unsqueeze::<3>();
        let query = by_head(query.expand([pictures as i64, 1, -1]), self.heads);
        let key = by_head(keys_values.clone().narrow(2, 0, width), self.heads);
        let value = by_head(keys_values.narrow(2, width, width), self.heads);
        let pooled = self.out.forward(seen(query, key, value, false)).squeeze_dim::<2>(1);
        let hidden = activated(self.up.forward(self.norm.forward(pooled.clone())), self.activation);
        pooled + self.down.forward(hidden)
    }
}

//! The text tower: a transformer. In CLIP's a token sees only those before it (Radford et al., 2021, section
//! 2.4, <https://arxiv.org/abs/2103.00020>), in SigLIP's every token sees every token.

use burn::module::{Module, Param};
use burn::nn::{LayerNorm, Linear};
use burn::tensor::{Int, Tensor};

use super::block::Block;
use crate::clip::config::TextConfig;
use crate::clip::weights::loader::Loader;
use crate::clip::weights::saver::Saver;

#[derive(Module, Debug)]
pub(crate) struct TextTower {
    /// [vocabulary, width].
    tokens: Param<Tensor<2>>,
    /// `[context length, width]`.
    positions: Param<Tensor<2>>,
    blocks: Vec<Block>,
    norm_after: LayerNorm,
    /// `[width, embed_dim]`.
    projection: Param<Tensor<2>>,
    /// SigLIP's.
    projection_bias: Option<Param<Tensor<1>>>,
    is_causal: bool,
}

impl TextTower {
    pub fn load(loader: &mut Loader<'_>, config: &TextConfig, embed_dim: usize) -> Self {
        let names = loader.layout().text();
        let transformer = &config.transformer;
        let width = transformer.width;
        let (weight, bias) = if config.has_projection_bias {
            let Linear { weight, bias } = loader.linear(names.projection, width, embed_dim);
            (weight, bias)
        } else {
            (Param::from_tensor(loader.projection(names.projection, width, embed_dim)), None)
        };
        Self {
            tokens: Param::from_tensor(loader.tensor(names.tokens, [config.vocab_size, width])),
            positions: Param::from_tensor(loader.tensor(names.positions, [config.context_length, width])),
            blocks: (0..transformer.layers)
                .map(|layer| {
                    Block::load(loader, names.block, &format!("{}.{layer}", names.blocks), transformer)
                })
                .collect(),
            norm_after: loader.norm(names.norm_after, width, transformer.epsilon),
            projection: weight,
            projection_bias: bias,
            is_causal: config.is_causal,
        }
    }

    pub fn save(&self, saver: &mut Saver) {
        let names = saver.layout().text();
        saver.tensor(names.tokens, self.tokens.val());
        saver.tensor(names.positions, self.positions.val());
        for (layer, block) in self.blocks.iter().enumerate() {
            block.save(saver, names.block, &format!("{}.{layer}", names.blocks));
        }
        saver.norm(names.norm_after, &self.norm_after);
        match &self.projection_bias {
            Some(bias) => {
                saver.tensor(&format!("{}.weight", names.projection), self.projection.val().transpose());
                saver.tensor(&format!("{}.bias", names.projection), bias.val());
            }
            None => saver.projection(names.projection, self.projection.val()),
        }
    }

    /// Token ids [sentences, length], with a length up to the context's, and for each sentence the position
    /// of the token that stands for it, counted through all tokens of the batch. To `[sentences, embed_dim]`,
    /// not normalised.
    pub fn forward(&self, ids: Tensor<2, Int>, standing: Tensor<1, Int>) -> Tensor<2> {
        let [sentences, length] = ids.dims();
        let embedded = burn::tensor::module::embedding(self.tokens.val(), ids);
        let positions = self.positions.val().narrow(0, 0, length).unsqueeze::<3>();
        let mut tokens = embedded + positions;
        for block in &self.blocks {
            tokens = if self.is_causal { block.forward_causal(tokens) } else { block.forward(tokens) };
        }
        let [_, _, width] = tokens.dims();
        let standing = tokens.reshape([sentences * length, width]).select(0, standing);
        let projected = self.norm_after.forward(standing).matmul(self.projection.val());
        match &self.projection_bias {
            Some(bias) => projected + bias.val().unsqueeze::<2>(),
            None => projected,
        }
    }
}

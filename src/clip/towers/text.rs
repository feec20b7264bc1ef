//! The text tower: a transformer. In CLIP a token attends only to itself and the tokens before it (Radford et
//! al., 2021, section 2.4, <https://arxiv.org/abs/2103.00020>), in SigLIP to all tokens.

use burn::module::{Module, Param};
use burn::nn::{LayerNorm, Linear};
use burn::tensor::{Device, Int, Tensor, TensorData};

use super::transformer::ResidualAttentionBlock;
use crate::clip::config::TextConfig;
use crate::clip::weights::loader::Loader;
use crate::clip::weights::saver::Saver;

#[derive(Module, Debug)]
pub(crate) struct TextTransformer {
    /// [vocabulary, width].
    token_embedding: Param<Tensor<2>>,
    /// `[context length, width]`.
    positional_embedding: Param<Tensor<2>>,
    resblocks: Vec<ResidualAttentionBlock>,
    ln_final: LayerNorm,
    /// `[width, embed_dim]`.
    text_projection: Param<Tensor<2>>,
    /// SigLIP only.
    projection_bias: Option<Param<Tensor<1>>>,
    is_causal: bool,
}

impl TextTransformer {
    pub fn load(loader: &mut Loader<'_>, config: &TextConfig, embed_dim: usize) -> Self {
        let names = loader.layout().text();
        let transformer = &config.transformer;
        let width = transformer.width;
        let (weight, bias) = if config.has_projection_bias {
            let Linear { weight, bias } = loader.linear(names.text_projection, width, embed_dim);
            (weight, bias)
        } else {
            (Param::from_tensor(loader.projection(names.text_projection, width, embed_dim)), None)
        };
        let block = |loader: &mut Loader<'_>, layer: usize| {
            let prefix = format!("{}.{layer}", names.resblocks);
            ResidualAttentionBlock::load(loader, names.block, &prefix, transformer)
        };
        Self {
            token_embedding: Param::from_tensor(
                loader.tensor(names.token_embedding, [config.vocab_size, width]),
            ),
            positional_embedding: Param::from_tensor(
                loader.tensor(names.positional_embedding, [config.context_length, width]),
            ),
            resblocks: (0..transformer.layers).map(|layer| block(loader, layer)).collect(),
            ln_final: loader.layer_norm(names.ln_final, width, transformer.epsilon),
            text_projection: weight,
            projection_bias: bias,
            is_causal: config.is_causal,
        }
    }

    pub fn save(&self, saver: &mut Saver) {
        let names = saver.layout().text();
        saver.tensor(names.token_embedding, self.token_embedding.val());
        saver.tensor(names.positional_embedding, self.positional_embedding.val());
        for (layer, block) in self.resblocks.iter().enumerate() {
            block.save(saver, names.block, &format!("{}.{layer}", names.resblocks));
        }
        saver.layer_norm(names.ln_final, &self.ln_final);
        match &self.projection_bias {
            Some(bias) => {
                let weight = self.text_projection.val().transpose();
                saver.tensor(&format!("{}.weight", names.text_projection), weight);
                saver.tensor(&format!("{}.bias", names.text_projection), bias.val());
            }
            None => saver.projection(names.text_projection, self.text_projection.val()),
        }
    }

    /// Encodes sentences of `length` token ids, each with the index of its end-of-text token. The embeddings
    /// are not normalised.
    pub fn features(
        &self,
        ids: &[&[u32]],
        eot_indices: &[usize],
        length: usize,
        device: &Device,
    ) -> Tensor<2> {
        let tokens: Vec<i64> =
            ids.iter().flat_map(|ids| ids.iter().take(length)).map(|&id| id.into()).collect();
        let tokens = TensorData::new(tokens, [ids.len(), length]);
        let in_batch = eot_indices.iter().enumerate().map(|(row, index)| row * length + index);
        let in_batch: Vec<i64> = in_batch.map(|index| i64::try_from(index).unwrap_or_default()).collect();
        let in_batch = TensorData::new(in_batch, [ids.len()]);
        let tokens = Tensor::<2, Int>::from_data(tokens, device);
        self.forward(tokens, Tensor::from_data(in_batch, device))
    }

    /// Token ids [sentences, length], at most as long as the context, and for each sentence the index of its
    /// end-of-text token, counted through all tokens of the batch. To `[sentences, embed_dim]`, not
    /// normalised.
    pub fn forward(&self, ids: Tensor<2, Int>, eot_indices: Tensor<1, Int>) -> Tensor<2> {
        let [sentences, length] = ids.dims();
        let embedded = burn::tensor::module::embedding(self.token_embedding.val(), ids);
        let positions = self.positional_embedding.val().narrow(0, 0, length).unsqueeze::<3>();
        let mut tokens = embedded + positions;
        for block in &self.resblocks {
            tokens = if self.is_causal { block.forward_causal(tokens) } else { block.forward(tokens) };
        }
        let [_, _, width] = tokens.dims();
        let eot_tokens = tokens.reshape([sentences * length, width]).select(0, eot_indices);
        let projected = self.ln_final.forward(eot_tokens).matmul(self.text_projection.val());
        match &self.projection_bias {
            Some(bias) => projected + bias.val().unsqueeze::<2>(),
            None => projected,
        }
    }
}

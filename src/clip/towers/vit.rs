//! The most common image tower: a vision transformer (Dosovitskiy et al., 2020,
//! <https://arxiv.org/abs/2010.11929>) as CLIP uses it (Radford et al., 2021,
//! <https://arxiv.org/abs/2103.00020>).

use burn::module::{Module, Param};
use burn::nn::LayerNorm;
use burn::tensor::Tensor;

use super::attention_pool::AttentionPool;
use super::transformer::ResidualAttentionBlock;
use crate::clip::config::{VitConfig, VitHead};
use crate::clip::dense::DenseAttention;
use crate::clip::weights::loader::Loader;
use crate::clip::weights::saver::Saver;

/// A vision transformer: CLIP's, whose class token is projected, or SigLIP's, whose tokens are pooled.
#[derive(Module, Debug)]
pub(crate) struct VisionTransformer {
    /// [3 * side * side, width]: the convolution whose stride is its size (OpenAI's `conv1`), as a matrix.
    pub patch_embedding: Param<Tensor<2>>,
    /// SigLIP only.
    pub patch_bias: Option<Param<Tensor<1>>>,
    /// CLIP only.
    pub class_embedding: Option<Param<Tensor<1>>>,
    /// [tokens, width], the class token's first if there is one.
    pub positional_embedding: Param<Tensor<2>>,
    /// CLIP only.
    pub ln_pre: Option<LayerNorm>,
    pub resblocks: Vec<ResidualAttentionBlock>,
    pub ln_post: LayerNorm,
    /// CLIP only: `[width, embed_dim]`.
    pub proj: Option<Param<Tensor<2>>>,
    /// SigLIP only.
    pub attn_pool: Option<AttentionPool>,
    patch_size: usize,
}

impl VisionTransformer {
    pub fn load(loader: &mut Loader<'_>, config: &VitConfig, embed_dim: usize) -> Self {
        let names = loader.layout().vision();
        let transformer = &config.transformer;
        let (width, epsilon) = (transformer.width, transformer.epsilon);
        let is_clip = config.head == VitHead::ClassToken;
        let patch_embedding =
            loader.patch_embedding(&format!("{}.weight", names.patch_embedding), width, config.patch_size);
        let block = |loader: &mut Loader<'_>, layer: usize| {
            let prefix = format!("{}.{layer}", names.resblocks);
            ResidualAttentionBlock::load(loader, names.block, &prefix, transformer)
        };
        Self {
            patch_embedding: Param::from_tensor(patch_embedding),
            patch_bias: (!is_clip).then(|| {
                Param::from_tensor(loader.tensor(&format!("{}.bias", names.patch_embedding), [width]))
            }),
            class_embedding: is_clip
                .then(|| Param::from_tensor(loader.tensor(names.class_embedding, [width]))),
            positional_embedding: Param::from_tensor(
                loader.tensor(names.positional_embedding, [config.tokens(), width]),
            ),
            ln_pre: is_clip.then(|| loader.layer_norm(names.ln_pre, width, epsilon)),
            resblocks: (0..transformer.layers).map(|layer| block(loader, layer)).collect(),
            ln_post: loader.layer_norm(names.ln_post, width, epsilon),
            proj: is_clip.then(|| Param::from_tensor(loader.projection(names.proj, width, embed_dim))),
            attn_pool: (!is_clip).then(|| AttentionPool::load(loader, transformer)),
            patch_size: config.patch_size,
        }
    }

    pub fn save(&self, saver: &mut Saver) {
        let names = saver.layout().vision();
        let weight = format!("{}.weight", names.patch_embedding);
        saver.patch_embedding(&weight, self.patch_embedding.val(), self.patch_size);
        if let Some(bias) = &self.patch_bias {
            saver.tensor(&format!("{}.bias", names.patch_embedding), bias.val());
        }
        if let Some(class_embedding) = &self.class_embedding {
            saver.tensor(names.class_embedding, class_embedding.val());
        }
        saver.tensor(names.positional_embedding, self.positional_embedding.val());
        if let Some(ln_pre) = &self.ln_pre {
            saver.layer_norm(names.ln_pre, ln_pre);
        }
        for (layer, block) in self.resblocks.iter().enumerate() {
            block.save(saver, names.block, &format!("{}.{layer}", names.resblocks));
        }
        saver.layer_norm(names.ln_post, &self.ln_post);
        if let Some(proj) = &self.proj {
            saver.projection(names.proj, proj.val());
        }
        if let Some(attn_pool) = &self.attn_pool {
            attn_pool.save(saver);
        }
    }

    /// [pictures, 3, side, side] to `[pictures, embed_dim]`, not normalised.
    pub fn forward(&self, pictures: Tensor<4>) -> Tensor<2> {
        let mut tokens = self.embed(pictures);
        let Some(attn_pool) = &self.attn_pool else {
            // Only the class token leaves the tower, so the last block computes nothing else.
            if let Some((last, blocks)) = self.resblocks.split_last() {
                for block in blocks {
                    tokens = block.forward(tokens);
                }
                tokens = last.forward_first(tokens);
            }
            return self.project(tokens).squeeze_dim::<2>(1);
        };
        for block in &self.resblocks {
            tokens = block.forward(tokens);
        }
        attn_pool.forward(self.ln_post.forward(tokens))
    }

    /// [pictures, 3, side, side] to `[pictures, patches + 1, embed_dim]`, not normalised: an embedding for
    /// each patch, row by row, then that of the picture.
    pub fn forward_dense(&self, pictures: Tensor<4>, attention: DenseAttention) -> Tensor<3> {
        let mut tokens = self.embed(pictures);
        if let Some(attn_pool) = &self.attn_pool {
            for block in &self.resblocks {
                tokens = block.forward(tokens);
            }
            return attn_pool.forward_dense(self.ln_post.forward(tokens));
        }
        let (mut patches, mut class) = (tokens.clone(), tokens.clone().narrow(1, 0, 1));
        if let Some((last, blocks)) = self.resblocks.split_last() {
            for block in blocks {
                tokens = block.forward(tokens);
            }
            patches = last.forward_dense(tokens.clone(), attention);
            class = last.forward_first(tokens);
        }
        let [_, count, _] = patches.dims();
        self.project(Tensor::cat(vec![patches.narrow(1, 1, count - 1), class], 1))
    }

    /// Tokens of a CLIP to embeddings.
    fn project(&self, tokens: Tensor<3>) -> Tensor<3> {
        let tokens = self.ln_post.forward(tokens);
        match &self.proj {
            Some(proj) => tokens.matmul(proj.val().unsqueeze::<3>()),
            None => tokens,
        }
    }

    /// The class token, if there is one, and one token per patch, with their positions and after `ln_pre`:
    /// [pictures, tokens, width].
    fn embed(&self, pictures: Tensor<4>) -> Tensor<3> {
        let [count, channels, _, side] = pictures.dims();
        let (patch, grid) = (self.patch_size, side / self.patch_size);
        let used = grid * patch;
        let patches = pictures
            .narrow(2, 0, used)
            .narrow(3, 0, used)
            .reshape([count, channels, grid, patch, grid, patch])
            .permute([0, 2, 4, 1, 3, 5])
            .reshape([count, grid * grid, channels * patch * patch]);
        let mut tokens = patches.matmul(self.patch_embedding.val().unsqueeze::<3>());
        if let Some(bias) = &self.patch_bias {
            tokens = tokens + bias.val().unsqueeze::<3>();
        }
        if let Some(class_embedding) = &self.class_embedding {
            let class = class_embedding.val().unsqueeze::<3>().expand([count as i64, 1, -1]);
            tokens = Tensor::cat(vec![class, tokens], 1);
        }
        tokens = tokens + self.positional_embedding.val().unsqueeze::<3>();
        match &self.ln_pre {
            Some(ln_pre) => ln_pre.forward(tokens),
            None => tokens,
        }
    }
}

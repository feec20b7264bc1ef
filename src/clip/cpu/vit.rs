//! A vision transformer made for the processor.

use super::attention::{Shape, attend};
use super::attention_pool::CpuAttentionPool;
use super::cores::Cores;
use super::dense_attention::CpuDenseAttention;
use super::layers::{
    AttentionWeights, CpuMlp, attention_scale, bias_of, norm_of, out_bias, taken, unfold_patches, values,
    weights_of,
};
use super::linear::LinearWeights;
use super::matrix::Matrix;
use super::ops::{self, add_bias_scale, add_layer_norm, layer_norm};
use crate::clip::ComputeError;
use crate::clip::config::{Activation, TransformerConfig, VitConfig};
use crate::clip::dense::DenseAttention;
use crate::clip::device::Precision;
use crate::clip::towers::transformer::ResidualAttentionBlock;
use crate::clip::towers::vit::VisionTransformer;

/// A [`VisionTransformer`] whose weights are laid out for the processor.
pub(super) struct CpuVit {
    config: VitConfig,
    /// [3 * side * side, width].
    patch_embedding: LinearWeights,
    /// Empty if there is none.
    class_embedding: Vec<f32>,
    /// One row per token, the class token's first; the bias of the patch embedding, if there is one, is added
    /// in.
    positional_embedding: Vec<f32>,
    ln_pre: Option<ops::LayerNorm>,
    resblocks: Vec<CpuBlock>,
    /// That of the last block.
    dense_attention: CpuDenseAttention,
    ln_post: ops::LayerNorm,
    head: CpuHead,
}

/// From the tokens of a picture to its embedding.
enum CpuHead {
    /// CLIP: the class token is projected by this matrix, `[width, embed_dim]`.
    Projection(LinearWeights),
    /// SigLIP: all tokens are pooled.
    AttentionPool(Box<CpuAttentionPool>),
}

/// A [`ResidualAttentionBlock`] whose weights are laid out for the processor.
struct CpuBlock {
    ln_1: ops::LayerNorm,
    attention: AttentionWeights,
    q_bias: Vec<f32>,
    /// With the values' bias folded in: attention weights sum to one, so what is added to every value is
    /// added to their mean. The keys' bias is left out, since it adds the same to all scores of a query.
    out_bias: Vec<f32>,
    ln_2: ops::LayerNorm,
    mlp: CpuMlp,
}

impl CpuVit {
    /// Takes the weights of `vit`, which must lie on burn's flex device in single precision, layer by layer:
    /// what is laid out is freed, unless somebody else holds it. Its last product, a small one, stays in
    /// single precision.
    ///
    /// # Errors
    /// If they don't.
    pub fn new(
        mut vit: VisionTransformer,
        config: &VitConfig,
        precision: Precision,
    ) -> Result<Self, ComputeError> {
        let TransformerConfig { epsilon, activation, .. } = config.transformer;
        let mut positional_embedding = values(vit.positional_embedding.val())?;
        if let Some(bias) = &vit.patch_bias {
            let bias = values(bias.val())?;
            for (position, bias) in positional_embedding.iter_mut().zip(bias.iter().cycle()) {
                *position += bias;
            }
        }
        let head = match (vit.attn_pool.take(), vit.proj.take()) {
            (Some(pool), _) => {
                CpuHead::AttentionPool(Box::new(CpuAttentionPool::new(pool, config, precision)?))
            }
            (None, Some(proj)) => CpuHead::Projection(LinearWeights::new(taken(proj), Precision::Single)?),
            (None, None) => return Err(ComputeError::Missing("the image tower has no head")),
        };
        let last = vit.resblocks.last().ok_or(ComputeError::Missing("the image tower has no blocks"))?;
        let dense_attention = CpuDenseAttention::new(last)?;
        Ok(Self {
            config: config.clone(),
            patch_embedding: LinearWeights::new(taken(vit.patch_embedding), precision)?,
            class_embedding: vit
                .class_embedding
                .as_ref()
                .map_or(Ok(Vec::new()), |class| values(class.val()))?,
            positional_embedding,
            ln_pre: vit.ln_pre.as_ref().map(|norm| norm_of(norm, epsilon)).transpose()?,
            resblocks: vit
                .resblocks
                .into_iter()
                .map(|block| CpuBlock::new(block, epsilon, activation, precision))
                .collect::<Result<_, _>>()?,
            dense_attention,
            ln_post: norm_of(&vit.ln_post, epsilon)?,
            head,
        })
    }

    /// Pictures that go through the tower together on one core: enough rows for a matrix product to be worth
    /// packing its weights.
    pub fn pass_size(&self) -> usize {
        const ROWS: usize = 400;
        ROWS.div_ceil(self.config.tokens())
    }

    fn width(&self) -> usize {
        self.config.transformer.width
    }

    fn embedding_len(&self) -> usize {
        match &self.head {
            CpuHead::Projection(projection) => projection.columns(),
            CpuHead::AttentionPool(_) => self.width(),
        }
    }

    /// Encodes pictures, given as planes of rows one after the other. The embeddings are not normalised.
    ///
    /// # Errors
    /// If burn fails.
    pub fn forward(&self, cores: &Cores, pictures: &[f32]) -> Result<Vec<f32>, ComputeError> {
        self.in_passes(cores, pictures, self.embedding_len(), |pictures| self.pass(pictures))
    }

    /// As [`VisionTransformer::forward_dense`].
    ///
    /// # Errors
    /// If burn fails.
    pub fn forward_dense(
        &self,
        cores: &Cores,
        pictures: &[f32],
        attention: DenseAttention,
    ) -> Result<Vec<f32>, ComputeError> {
        let embeddings = self.config.grid().pow(2) + 1;
        self.in_passes(cores, pictures, embeddings * self.embedding_len(), |pictures| {
            self.dense_pass(pictures, attention)
        })
    }

    /// Has pictures go through the tower on all cores, with `out_len` values made of each.
    fn in_passes(
        &self,
        cores: &Cores,
        pictures: &[f32],
        out_len: usize,
        encode: impl Fn(&[f32]) -> Result<Matrix, ComputeError> + Sync,
    ) -> Result<Vec<f32>, ComputeError> {
        let picture_len = 3 * self.config.image_size * self.config.image_size;
        let count = pictures.len() / picture_len;
        let pass = self.pass_size().min(count.div_ceil(cores.count()));
        if count < cores.count() {
            // Too few to give each core its own, so each product is divided among them.
            return encode(pictures)?.into_values();
        }
        let mut embeddings = vec![0.0; count * out_len];
        let jobs = pictures.chunks(pass * picture_len).zip(embeddings.chunks_mut(pass * out_len));
        cores.run(jobs, |(pictures, embeddings)| {
            let encoded = encode(pictures)?;
            embeddings.copy_from_slice(encoded.slice()?);
            Ok::<_, ComputeError>(())
        })?;
        Ok(embeddings)
    }

    /// [`Self::forward`] on this thread.
    fn pass(&self, pictures: &[f32]) -> Result<Matrix, ComputeError> {
        let (mut hidden, mut normed) = self.embed_and_norm(pictures)?;
        for (i, block) in self.resblocks.iter().enumerate() {
            let next = self.resblocks.get(i + 1).map(|next| &next.ln_1);
            let keys_values = block.attention.kv_proj.product(&mut normed)?;
            if next.is_none() && matches!(self.head, CpuHead::Projection(_)) {
                // Only the class token leaves the tower, so it is the only query.
                hidden = self.class_tokens(&hidden);
                normed = Matrix::new(self.class_tokens(normed.slice()?), self.width());
            }
            let next = next.unwrap_or(&self.ln_post);
            block.forward(&self.config, &mut hidden, &mut normed, &keys_values, next)?;
        }
        match &self.head {
            CpuHead::Projection(projection) => projection.product(&mut normed),
            CpuHead::AttentionPool(pool) => {
                pool.forward(self.config.transformer.heads, self.config.tokens(), &mut normed)
            }
        }
    }

    /// [`Self::forward_dense`] on this thread.
    fn dense_pass(&self, pictures: &[f32], attention: DenseAttention) -> Result<Matrix, ComputeError> {
        let (mut hidden, mut normed) = self.embed_and_norm(pictures)?;
        let is_clip = matches!(self.head, CpuHead::Projection(_));
        for (block, next) in self.resblocks.iter().zip(self.resblocks.iter().skip(1)) {
            let keys_values = block.attention.kv_proj.product(&mut normed)?;
            block.forward(&self.config, &mut hidden, &mut normed, &keys_values, &next.ln_1)?;
        }
        let last = self.resblocks.last().ok_or(ComputeError::Missing("the image tower has no blocks"))?;
        let keys_values = last.attention.kv_proj.product(&mut normed)?;
        let mut patches = Matrix::new(Vec::new(), self.width());
        if is_clip {
            patches = self.dense_attention.forward(&last.attention, &self.config, &mut normed, attention)?;
            hidden = self.class_tokens(&hidden);
            normed = Matrix::new(self.class_tokens(normed.slice()?), self.width());
        }
        last.forward(&self.config, &mut hidden, &mut normed, &keys_values, &self.ln_post)?;
        match &self.head {
            CpuHead::Projection(projection) => {
                let mut patches_normed = vec![0.0; patches.slice()?.len()];
                layer_norm(&self.ln_post, patches.slice()?, &mut patches_normed);
                // Without what the class token became.
                let pictures = patches_normed.chunks_exact(self.config.tokens() * self.width());
                let patches: Vec<&[f32]> = pictures.map(|picture| &picture[self.width()..]).collect();
                projection.product(&mut self.interleaved(&patches, normed.slice()?))
            }
            CpuHead::AttentionPool(pool) => {
                let (heads, tokens) = (self.config.transformer.heads, self.config.tokens());
                let alone = pool.forward(heads, 1, &mut normed)?;
                let together = pool.forward(heads, tokens, &mut normed)?;
                let patches: Vec<&[f32]> = alone.slice()?.chunks_exact(tokens * self.width()).collect();
                Ok(self.interleaved(&patches, together.slice()?))
            }
        }
    }

    /// The rows of each picture's patches, then its own.
    fn interleaved(&self, patches: &[&[f32]], pictures: &[f32]) -> Matrix {
        let pictures = pictures.chunks_exact(self.width());
        let rows = patches.iter().zip(pictures).flat_map(|(patches, picture)| patches.iter().chain(picture));
        Matrix::new(rows.copied().collect(), self.width())
    }

    /// All tokens of pictures, and what they are after the first block's `ln_1`.
    fn embed_and_norm(&self, pictures: &[f32]) -> Result<(Vec<f32>, Matrix), ComputeError> {
        let mut hidden = self.embed(pictures)?;
        let mut normed = vec![0.0; hidden.len()];
        if let Some(ln_pre) = &self.ln_pre {
            layer_norm(ln_pre, &hidden, &mut normed);
            std::mem::swap(&mut hidden, &mut normed);
        }
        let first = self.resblocks.first().map_or(&self.ln_post, |block| &block.ln_1);
        layer_norm(first, &hidden, &mut normed);
        Ok((hidden, Matrix::new(normed, self.width())))
    }

    /// The class token of every picture.
    fn class_tokens(&self, rows: &[f32]) -> Vec<f32> {
        let width = self.width();
        rows.chunks_exact(self.config.tokens() * width)
            .flat_map(|picture| &picture[..width])
            .copied()
            .collect()
    }

    /// The class token, if there is one, and one token per patch, with their positions.
    fn embed(&self, pictures: &[f32]) -> Result<Vec<f32>, ComputeError> {
        let (width, tokens) = (self.width(), self.config.tokens());
        let patches = unfold_patches(pictures, self.config.image_size, self.config.patch_size);
        let patch_len = 3 * self.config.patch_size * self.config.patch_size;
        let embedded = self.patch_embedding.product(&mut Matrix::new(patches, patch_len))?;
        let embedded = embedded.slice()?;
        let picture_len = tokens * width - self.class_embedding.len();
        let mut hidden = Vec::with_capacity(embedded.len() / picture_len * tokens * width);
        for picture in embedded.chunks_exact(picture_len) {
            let tokens = self.class_embedding.iter().chain(picture);
            hidden.extend(tokens.zip(&self.positional_embedding).map(|(token, position)| token + position));
        }
        Ok(hidden)
    }
}

impl CpuBlock {
    fn new(
        block: ResidualAttentionBlock,
        epsilon: f64,
        activation: Activation,
        precision: Precision,
    ) -> Result<Self, ComputeError> {
        Ok(Self {
            ln_1: norm_of(&block.ln_1, epsilon)?,
            q_bias: bias_of(&block.q_proj)?,
            out_bias: out_bias(&block.kv_proj, &block.out_proj)?,
            attention: AttentionWeights {
                q_proj: weights_of(block.q_proj, precision)?,
                kv_proj: weights_of(block.kv_proj, precision)?,
                out_proj: weights_of(block.out_proj, precision)?,
            },
            ln_2: norm_of(&block.ln_2, epsilon)?,
            mlp: CpuMlp::new(block.mlp, activation, precision)?,
        })
    }

    /// Has the tokens of `hidden`, which are `normed` after `ln_1`, attend to all tokens of their pictures.
    /// Leaves the block's output in `hidden`, and in `normed` what it is after `next`.
    fn forward(
        &self,
        config: &VitConfig,
        hidden: &mut [f32],
        normed: &mut Matrix,
        keys_values: &Matrix,
        next: &ops::LayerNorm,
    ) -> Result<(), ComputeError> {
        let (width, heads, keys) = (normed.width, config.transformer.heads, config.tokens());
        let pictures = keys_values.rows() / keys;
        let shape = Shape { queries: normed.rows() / pictures, keys, heads, width };

        let mut query = self.attention.q_proj.product(normed)?;
        add_bias_scale(query.slice_mut()?, &self.q_bias, attention_scale(width, heads));
        attend(shape, query.slice()?, keys_values.slice()?, normed.slice_mut()?);
        let attended = self.attention.out_proj.product(normed)?;
        add_layer_norm(hidden, attended.slice()?, &self.out_bias, &self.ln_2, normed.slice_mut()?);

        let mlp_out = self.mlp.forward(normed)?;
        add_layer_norm(hidden, mlp_out.slice()?, &self.mlp.proj_bias, next, normed.slice_mut()?);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::{DType, Device};

    use super::*;
    use crate::clip::config::VisionConfig;
    use crate::clip::picture_size::PictureSize;
    use crate::clip::source::{ModelFiles, ModelSource};
    use crate::clip::towers::model::Model;
    use crate::clip::towers::vision::VisionTower;
    use crate::clip::{ModelPreset, write_random_model};

    /// Both towers on the same pictures: a batch smaller than one pass, one that fills every core, and one
    /// with a remainder.
    #[test]
    fn the_tower_agrees_with_the_one_for_every_device() {
        let directory = tempfile::tempdir().unwrap();
        write_random_model(directory.path(), ModelPreset::Tiny, 3).unwrap();
        let source = ModelSource { path: directory.path().to_owned(), arch: None };
        let files = ModelFiles::find(&source).unwrap();
        let weights = &files.weights;
        let device = Device::flex();
        for activation in [Activation::QuickGelu, Activation::Gelu] {
            let mut config = files.config.clone();
            let VisionConfig::Vit(vit_config) = &mut config.vision else { panic!("not a transformer") };
            vit_config.transformer.activation = activation;
            let side = vit_config.image_size;
            let vit_config = vit_config.clone();
            let model = Model::load(weights, &config, &device, DType::F32).unwrap();
            let VisionTower::Vit(vit) = &model.vision else { panic!("not a transformer") };
            let cpu_vit = CpuVit::new(vit.clone(), &vit_config, Precision::Single).unwrap();
            let cores = Cores::new().unwrap();
            let batch = cores.count() * cpu_vit.pass_size();
            for count in [1, batch, 2 * batch + 3] {
                let pictures: Vec<f32> = (0..count * 3 * side * side)
                    .map(|i| ((i % 4093) as f32 * 0.37 + (i / 4093) as f32).sin() * 2.0)
                    .collect();
                let got = cpu_vit.forward(&cores, &pictures).unwrap();
                assert_eq!(got.len(), count * config.embed_dim);
                let place = (&device, DType::F32);
                let want = model.encode_images(pictures.clone(), side, place).unwrap();
                assert_same_directions(&got, &want, config.embed_dim);
                for attention in [DenseAttention::ClearClip, DenseAttention::SegEarthOv] {
                    let got = cpu_vit.forward_dense(&cores, &pictures, attention).unwrap();
                    let want = model
                        .encode_dense(pictures.clone(), PictureSize::square(side), attention, place)
                        .unwrap();
                    assert_same_directions(&got, &want, config.embed_dim);
                }
            }
        }
    }

    fn assert_same_directions(got: &[f32], want: &[f32], embed_dim: usize) {
        assert_eq!(got.len(), want.len());
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(a * b)).sum::<f64>();
        for (got, want) in got.chunks(embed_dim).zip(want.chunks(embed_dim)) {
            let cosine = dot(got, want) / (dot(got, got) * dot(want, want)).sqrt();
            assert!(cosine > 0.999_999, "{cosine}");
        }
    }
}

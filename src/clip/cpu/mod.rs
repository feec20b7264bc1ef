//! The image tower once more, made for the processor.
//!
//! [`Vit`] runs on every device of burn's. On a processor its time goes into matrix products, where burn is
//! as fast as any, and into everything between them, where each operation is a pass over memory of its own.
//! This tower multiplies the same tensors with burn and does the rest itself: [`ops`] and [`attention`] fuse
//! the passes, [`parallel`] gives each core its own pictures. The two agree to rounding; a test compares
//! them.

mod attention;
mod encoder;
mod feature_map;
mod matrix;
mod ops;
mod parallel;
mod resnet;

pub(super) use encoder::CpuEncoder;
pub(super) use parallel::Cores;
pub(super) use resnet::{Norms, Trail, Trunk};

use burn::nn::{LayerNorm, Linear};
use burn::tensor::Tensor;

use attention::{Shape, attend};
use matrix::Matrix;
use ops::{Norm, add_bias_activate, add_bias_scale, add_norm, norm};

use super::config::{Activation, VitConfig};
use super::towers::block::Block;
use super::towers::pool::Pool;
use super::towers::vision::Vit;

/// A vision transformer whose weights lie in memory.
pub(super) struct CpuVit {
    config: VitConfig,
    /// [3 * side * side, width].
    patches: Tensor<2>,
    /// Empty where there is none.
    class: Vec<f32>,
    /// One row a token, the class token's first; with the convolution's bias in it where there is one.
    positions: Vec<f32>,
    norm_before: Option<Norm>,
    blocks: Vec<CpuBlock>,
    norm_after: Norm,
    head: CpuHead,
}

/// How a picture's tokens become its embedding.
#[expect(clippy::large_enum_variant, reason = "there is one for each model")]
enum CpuHead {
    /// The class token, projected: [width, embedding length].
    Projection(Tensor<2>),
    Pool(Box<CpuPool>),
}

/// A [`Block`] whose biases and norms are slices.
struct CpuBlock {
    norm_1: Norm,
    query: Tensor<2>,
    query_bias: Vec<f32>,
    key_value: Tensor<2>,
    out: Tensor<2>,
    /// With the values' bias in it: the weights of an attention sum to one, so what is added to every value
    /// is added to their mean. The keys' bias is nowhere: it adds the same to all scores of a query.
    out_bias: Vec<f32>,
    norm_2: Norm,
    perceptron: Perceptron,
}

/// A [`Pool`] whose query is made.
struct CpuPool {
    /// One row, already divided by the root of a head's width.
    query: Vec<f32>,
    key_value: Tensor<2>,
    out: Tensor<2>,
    /// As [`CpuBlock::out_bias`].
    out_bias: Vec<f32>,
    norm: Norm,
    perceptron: Perceptron,
}

struct Perceptron {
    up: Tensor<2>,
    up_bias: Vec<f32>,
    down: Tensor<2>,
    down_bias: Vec<f32>,
}

impl CpuVit {
    /// Shares the weights of `vit`, which must lie on burn's flex device in single precision.
    ///
    /// # Errors
    /// When they don't.
    pub fn new(vit: &Vit, config: &VitConfig) -> Result<Self, String> {
        let epsilon = config.transformer.epsilon;
        let mut positions = values(vit.positions.val())?;
        if let Some(bias) = &vit.patch_bias {
            let bias = values(bias.val())?;
            for (position, bias) in positions.iter_mut().zip(bias.iter().cycle()) {
                *position += bias;
            }
        }
        let head = match (&vit.pool, &vit.projection) {
            (Some(pool), _) => CpuHead::Pool(Box::new(CpuPool::new(pool, config)?)),
            (None, Some(projection)) => CpuHead::Projection(projection.val()),
            (None, None) => return Err("the image tower has no head".to_owned()),
        };
        Ok(Self {
            config: config.clone(),
            patches: vit.patches.val(),
            class: vit.class.as_ref().map_or(Ok(Vec::new()), |class| values(class.val()))?,
            positions,
            norm_before: vit.norm_before.as_ref().map(|norm| norm_of(norm, epsilon)).transpose()?,
            blocks: vit.blocks.iter().map(|block| CpuBlock::new(block, epsilon)).collect::<Result<_, _>>()?,
            norm_after: norm_of(&vit.norm_after, epsilon)?,
            head,
        })
    }

    /// How many pictures go through the tower together on one core: enough rows for a matrix product to be
    /// worth the packing of its weights.
    pub fn pass_size(&self) -> usize {
        const ROWS: usize = 400;
        ROWS.div_ceil(self.config.tokens())
    }

    fn width(&self) -> usize {
        self.config.transformer.width
    }

    fn embedding_len(&self) -> usize {
        match &self.head {
            CpuHead::Projection(projection) => projection.dims()[1],
            CpuHead::Pool(_) => self.width(),
        }
    }

    /// Pictures as planes of rows, one after the other, to embeddings, not normalised.
    ///
    /// # Errors
    /// When burn fails.
    pub fn forward(&self, cores: &Cores, pictures: &[f32]) -> Result<Vec<f32>, String> {
        let embedding_len = self.embedding_len();
        let picture_len = 3 * self.config.image_size * self.config.image_size;
        let count = pictures.len() / picture_len;
        let pass = self.pass_size().min(count.div_ceil(cores.count()));
        if count < cores.count() {
            // Too few to give each core its own: let burn share out each product.
            return self.pass(pictures)?.into_values();
        }
        let mut embeddings = vec![0.0; count * embedding_len];
        let jobs = pictures.chunks(pass * picture_len).zip(embeddings.chunks_mut(pass * embedding_len));
        cores.run(jobs, |(pictures, embeddings)| {
            let encoded = self.pass(pictures)?;
            embeddings.copy_from_slice(encoded.slice()?);
            Ok::<_, String>(())
        })?;
        Ok(embeddings)
    }

    /// [`Self::forward`] on this thread.
    fn pass(&self, pictures: &[f32]) -> Result<Matrix, String> {
        let mut hidden = self.embed(pictures)?;
        let mut normed = vec![0.0; hidden.len()];
        if let Some(norm_before) = &self.norm_before {
            norm(norm_before, &hidden, &mut normed);
            std::mem::swap(&mut hidden, &mut normed);
        }
        norm(self.blocks.first().map_or(&self.norm_after, |first| &first.norm_1), &hidden, &mut normed);

        let mut normed = Matrix::new(normed, self.width());
        for (i, block) in self.blocks.iter().enumerate() {
            let next = self.blocks.get(i + 1).map(|next| &next.norm_1);
            let key_value = normed.times(&block.key_value)?;
            if next.is_none() && matches!(self.head, CpuHead::Projection(_)) {
                // Only the class token leaves the tower: nothing else need ask, or think.
                hidden = self.classes(&hidden);
                normed = Matrix::new(self.classes(normed.slice()?), self.width());
            }
            let next = next.unwrap_or(&self.norm_after);
            block.forward(&self.config, &mut hidden, &mut normed, &key_value, next)?;
        }
        match &self.head {
            CpuHead::Projection(projection) => normed.times(projection),
            CpuHead::Pool(pool) => pool.forward(&self.config, &mut normed),
        }
    }

    /// The row of every picture's class token.
    fn classes(&self, rows: &[f32]) -> Vec<f32> {
        let width = self.width();
        rows.chunks_exact(self.config.tokens() * width)
            .flat_map(|picture| &picture[..width])
            .copied()
            .collect()
    }

    /// The class token, where there is one, and one token a patch, with their positions.
    fn embed(&self, pictures: &[f32]) -> Result<Vec<f32>, String> {
        let (width, tokens) = (self.width(), self.config.tokens());
        let patches = unfold(pictures, self.config.image_size, self.config.patch_size);
        let embedded =
            Matrix::new(patches, 3 * self.config.patch_size * self.config.patch_size).times(&self.patches)?;
        let embedded = embedded.slice()?;
        let picture_len = tokens * width - self.class.len();
        let mut hidden = Vec::with_capacity(embedded.len() / picture_len * tokens * width);
        for picture in embedded.chunks_exact(picture_len) {
            let tokens = self.class.iter().chain(picture);
            hidden.extend(tokens.zip(&self.positions).map(|(token, position)| token + position));
        }
        Ok(hidden)
    }
}

impl CpuBlock {
    fn new(block: &Block, epsilon: f64) -> Result<Self, String> {
        Ok(Self {
            norm_1: norm_of(&block.norm_1, epsilon)?,
            query: block.query.weight.val(),
            query_bias: bias_of(&block.query)?,
            key_value: block.key_value.weight.val(),
            out: block.out.weight.val(),
            out_bias: out_bias(&block.key_value, &block.out)?,
            norm_2: norm_of(&block.norm_2, epsilon)?,
            perceptron: Perceptron::new(&block.up, &block.down)?,
        })
    }

    /// Lets the tokens of `hidden`, whose form after the first norm is `normed`, ask among all tokens of
    /// their pictures. Leaves the block's output in `hidden` and its form after `next` in `normed`.
    fn forward(
        &self,
        config: &VitConfig,
        hidden: &mut [f32],
        normed: &mut Matrix,
        key_value: &Matrix,
        next: &Norm,
    ) -> Result<(), String> {
        let (width, heads, keys) = (normed.width, config.transformer.heads, config.tokens());
        let pictures = key_value.rows() / keys;
        let shape = Shape { queries: normed.rows() / pictures, keys, heads, width };

        let mut query = normed.times(&self.query)?;
        add_bias_scale(query.slice_mut()?, &self.query_bias, scale(width, heads));
        attend(shape, query.slice()?, key_value.slice()?, normed.slice_mut()?);
        let seen = normed.times(&self.out)?;
        add_norm(hidden, seen.slice()?, &self.out_bias, &self.norm_2, normed.slice_mut()?);

        let thought = self.perceptron.forward(normed, config.transformer.activation)?;
        add_norm(hidden, thought.slice()?, &self.perceptron.down_bias, next, normed.slice_mut()?);
        Ok(())
    }
}

impl CpuPool {
    fn new(pool: &Pool, config: &VitConfig) -> Result<Self, String> {
        let width = config.transformer.width;
        let mut query = Matrix::new(values(pool.probe.val())?, width).times(&pool.query.weight.val())?;
        add_bias_scale(query.slice_mut()?, &bias_of(&pool.query)?, scale(width, config.transformer.heads));
        Ok(Self {
            query: query.into_values()?,
            key_value: pool.key_value.weight.val(),
            out: pool.out.weight.val(),
            out_bias: out_bias(&pool.key_value, &pool.out)?,
            norm: norm_of(&pool.norm, config.transformer.epsilon)?,
            perceptron: Perceptron::new(&pool.up, &pool.down)?,
        })
    }

    /// The tokens of pictures to one row a picture.
    fn forward(&self, config: &VitConfig, tokens: &mut Matrix) -> Result<Matrix, String> {
        let (width, keys) = (tokens.width, config.tokens());
        let pictures = tokens.rows() / keys;
        let key_value = tokens.times(&self.key_value)?;
        let shape = Shape { queries: 1, keys, heads: config.transformer.heads, width };
        let mut seen = Matrix::new(vec![0.0; pictures * width], width);
        attend(shape, &self.query.repeat(pictures), key_value.slice()?, seen.slice_mut()?);
        let seen = seen.times(&self.out)?;
        let mut pooled = vec![0.0; pictures * width];
        let mut normed = Matrix::new(vec![0.0; pictures * width], width);
        add_norm(&mut pooled, seen.slice()?, &self.out_bias, &self.norm, normed.slice_mut()?);
        let thought = self.perceptron.forward(&mut normed, config.transformer.activation)?;
        let rows = pooled.chunks_exact_mut(width).zip(thought.slice()?.chunks_exact(width));
        for (row, thought) in rows {
            for ((x, more), bias) in row.iter_mut().zip(thought).zip(&self.perceptron.down_bias) {
                *x += more + bias;
            }
        }
        Ok(Matrix::new(pooled, width))
    }
}

impl Perceptron {
    fn new(up: &Linear, down: &Linear) -> Result<Self, String> {
        Ok(Self {
            up: up.weight.val(),
            up_bias: bias_of(up)?,
            down: down.weight.val(),
            down_bias: bias_of(down)?,
        })
    }

    /// What it makes of `normed`, without the last bias.
    fn forward(&self, normed: &mut Matrix, activation: Activation) -> Result<Matrix, String> {
        let mut thought = normed.times(&self.up)?;
        add_bias_activate(thought.slice_mut()?, &self.up_bias, activation);
        thought.times(&self.down)
    }
}

/// What scores are multiplied by: one through the root of a head's width.
fn scale(width: usize, heads: usize) -> f32 {
    ((width / heads) as f32).sqrt().recip()
}

/// The bias of an attention's last layer with what the values' bias becomes there.
fn out_bias(key_value: &Linear, out: &Linear) -> Result<Vec<f32>, String> {
    let [width, _] = out.weight.dims();
    let value_bias = bias_of(key_value)?.split_off(width);
    let value_bias = Matrix::new(value_bias, width).times(&out.weight.val())?;
    let mut out_bias = bias_of(out)?;
    for (bias, more) in out_bias.iter_mut().zip(value_bias.slice()?) {
        *bias += more;
    }
    Ok(out_bias)
}

/// Each square of each picture as a row: channel after channel, line after line. What a square does not fill
/// at the right and the bottom is left out.
fn unfold(pictures: &[f32], side: usize, patch: usize) -> Vec<f32> {
    let grid = side / patch;
    let mut rows = Vec::with_capacity(pictures.len());
    for picture in pictures.chunks_exact(3 * side * side) {
        for (top, left) in (0..grid).flat_map(|y| (0..grid).map(move |x| (y * patch, x * patch))) {
            for plane in picture.chunks_exact(side * side) {
                for line in plane.chunks_exact(side).skip(top).take(patch) {
                    rows.extend_from_slice(&line[left..left + patch]);
                }
            }
        }
    }
    rows
}

fn values<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>, String> {
    tensor.try_into_vec_as::<f32>().map_err(|error| error.to_string())
}

fn bias_of(linear: &Linear) -> Result<Vec<f32>, String> {
    let bias = linear.bias.as_ref().ok_or("a layer has no bias")?;
    values(bias.val())
}

fn norm_of(norm: &LayerNorm, epsilon: f64) -> Result<Norm, String> {
    let beta = norm.beta.as_ref().ok_or("a norm has no shift")?;
    let epsilon = epsilon as f32;
    Ok(Norm { gamma: values(norm.gamma.val())?, beta: values(beta.val())?, epsilon })
}

#[cfg(test)]
mod tests {
    use burn::tensor::{DType, Device};

    use super::*;
    use crate::clip::config::VisionConfig;
    use crate::clip::source::{ModelFiles, ModelSource};
    use crate::clip::towers::model::Model;
    use crate::clip::towers::vision::VisionTower;
    use crate::clip::{Preset, write_random_model};

    /// Both towers on the same pictures, for a batch that is less than one pass, one that fills every core,
    /// and one that leaves a rest.
    #[test]
    fn the_tower_agrees_with_the_one_for_every_device() {
        let directory = tempfile::tempdir().unwrap();
        write_random_model(directory.path(), Preset::Tiny, 3).unwrap();
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
            let cpu_vit = CpuVit::new(vit, &vit_config).unwrap();
            let cores = Cores::new().unwrap();
            let batch = cores.count() * cpu_vit.pass_size();
            for count in [1, batch, 2 * batch + 3] {
                let pictures: Vec<f32> = (0..count * 3 * side * side)
                    .map(|i| ((i % 4093) as f32 * 0.37 + (i / 4093) as f32).sin() * 2.0)
                    .collect();
                let got = cpu_vit.forward(&cores, &pictures).unwrap();
                assert_eq!(got.len(), count * config.embed_dim);
                let want = model.images(pictures, side, (&device, DType::F32)).unwrap();
                for (got, want) in got.chunks(config.embed_dim).zip(want.chunks(config.embed_dim)) {
                    let dot =
                        |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(a * b)).sum::<f64>();
                    let cosine = dot(got, want) / (dot(got, got) * dot(want, want)).sqrt();
                    assert!(cosine > 0.999_999, "{activation:?}, {count} pictures: {cosine}");
                }
            }
        }
    }
}

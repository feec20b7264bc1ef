//! CLIP's attention pooling made for the processor.
//!
//! The mean of a feature map is the only query. So keys and values of all pixels need never be computed: the
//! score of a pixel `x` is `q (x K)^T = x (q K^T)^T`, and what is pooled is `(sum of a x) V`, each for every
//! head; the bias of the keys adds the same to all scores of a head. That is one row through each matrix in
//! place of one for every pixel.

// A function that isn't inlined is compiled for the baseline instruction set.
#![allow(clippy::inline_always)]

use burn::nn::Linear;

use crate::clip::ComputeError;
use crate::clip::cpu::layers::{attention_scale, bias_of, values};
use crate::clip::cpu::linear::LinearWeights;
use crate::clip::cpu::matrix::Matrix;
use crate::clip::cpu::ops::{add_bias_scale, vectorised};
use crate::clip::device::Precision;
use crate::clip::towers::resnet::AttentionPool2d;

/// An [`AttentionPool2d`] whose weights are laid out for the processor, head by head.
pub(super) struct CpuAttentionPool2d {
    /// [1 + pixels, width], the mean's first.
    positional_embedding: Vec<f32>,
    q_proj: LinearWeights,
    query_bias: Vec<f32>,
    /// Of each head the transpose of its part of `k_proj`, [width / heads, width].
    keys: Vec<LinearWeights>,
    /// Of each head its part of `v_proj`, [width, width / heads].
    values: Vec<LinearWeights>,
    value_bias: Vec<f32>,
    c_proj: LinearWeights,
    out_bias: Vec<f32>,
    width: usize,
}

impl CpuAttentionPool2d {
    /// Takes the weights of `pool`, which must lie on burn's flex device in single precision.
    ///
    /// # Errors
    /// If they don't.
    pub fn new(pool: &AttentionPool2d) -> Result<Self, ComputeError> {
        let [_, width] = pool.positional_embedding.dims();
        let of_head = width / pool.heads;
        let laid_out = |weight| LinearWeights::new(weight, Precision::Single);
        let heads = |linear: &Linear| {
            let weight = linear.weight.val().inner();
            (0..pool.heads).map(move |head| weight.clone().narrow(1, head * of_head, of_head))
        };
        Ok(Self {
            positional_embedding: values(pool.positional_embedding.val().inner())?,
            q_proj: laid_out(pool.q_proj.weight.val().inner())?,
            query_bias: bias_of(&pool.q_proj)?,
            keys: heads(&pool.k_proj).map(|part| laid_out(part.transpose())).collect::<Result<_, _>>()?,
            values: heads(&pool.v_proj).map(laid_out).collect::<Result<_, _>>()?,
            value_bias: bias_of(&pool.v_proj)?,
            c_proj: laid_out(pool.c_proj.weight.val().inner())?,
            out_bias: bias_of(&pool.c_proj)?,
            width,
        })
    }

    /// The pixels of feature maps, rows of channels, as many for each picture as there are places, to one
    /// embedding for each picture.
    ///
    /// # Errors
    /// If burn fails.
    pub fn forward(&self, pixels: &[f32]) -> Result<Vec<f32>, ComputeError> {
        let (width, heads) = (self.width, self.keys.len());
        let tokens = self.tokens(pixels);
        let pictures: Vec<&[f32]> = tokens.chunks_exact(self.positional_embedding.len()).collect();
        let means = pictures.iter().flat_map(|tokens| &tokens[..width]).copied().collect();
        let mut queries = self.q_proj.product(&mut Matrix::new(means, width))?;
        add_bias_scale(queries.slice_mut()?, &self.query_bias, attention_scale(width, heads));
        let mut pooled = Vec::with_capacity(heads);
        for (keys, values) in self.keys.iter().zip(&self.values) {
            let query = part_of_rows(queries.slice()?, width, pooled.len(), width / heads);
            let asked = keys.product(&mut Matrix::new(query, width / heads))?;
            let mut mixed = vec![0.0; pictures.len() * width];
            let rows = asked.slice()?.chunks_exact(width).zip(mixed.chunks_exact_mut(width));
            for ((asked, mixed), tokens) in rows.zip(&pictures) {
                vectorised(
                    #[inline(always)]
                    || attend(asked, tokens, mixed),
                );
            }
            pooled.push(values.product(&mut Matrix::new(mixed, width))?);
        }
        self.project(&pooled)
    }

    /// The pixels of feature maps, rows of channels, to one embedding each: what the pooling would give if
    /// all its attention went to that pixel. See [`AttentionPool2d::forward_dense`].
    ///
    /// # Errors
    /// If burn fails.
    pub fn forward_dense(&self, pixels: Vec<f32>) -> Result<Vec<f32>, ComputeError> {
        let mut pixels = Matrix::new(pixels, self.width);
        let heads: Result<Vec<Matrix>, _> =
            self.values.iter().map(|values| values.product(&mut pixels)).collect();
        self.project(&heads?)
    }

    /// Joins the heads' rows and brings them to the length of embeddings.
    fn project(&self, heads: &[Matrix]) -> Result<Vec<f32>, ComputeError> {
        let count = heads.first().map_or(0, Matrix::rows);
        let mut rows = vec![0.0; count * self.width];
        for (head, part) in heads.iter().enumerate() {
            let parts = part.slice()?.chunks_exact(part.width);
            for (row, part) in rows.chunks_exact_mut(self.width).zip(parts) {
                row[head * part.len()..][..part.len()].copy_from_slice(part);
            }
        }
        add_bias_scale(&mut rows, &self.value_bias, 1.0);
        let mut embeddings = self.c_proj.product(&mut Matrix::new(rows, self.width))?;
        add_bias_scale(embeddings.slice_mut()?, &self.out_bias, 1.0);
        embeddings.into_values()
    }

    /// Of each picture the mean of its pixels, then these, each with its place added.
    fn tokens(&self, pixels: &[f32]) -> Vec<f32> {
        let width = self.width;
        let of_picture = self.positional_embedding.len() - width;
        let mut tokens = Vec::with_capacity(pixels.len() + pixels.len() / of_picture.max(1) * width);
        for pixels in pixels.chunks_exact(of_picture) {
            let first = tokens.len();
            let share = width as f32 / of_picture as f32;
            tokens.resize(first + width, 0.0);
            for pixel in pixels.chunks_exact(width) {
                tokens[first..].iter_mut().zip(pixel).for_each(|(mean, value)| *mean += value);
            }
            tokens[first..].iter_mut().for_each(|sum| *sum *= share);
            tokens.extend_from_slice(pixels);
            let places = tokens[first..].iter_mut().zip(&self.positional_embedding);
            places.for_each(|(token, place)| *token += place);
        }
        tokens
    }
}

/// A part of `columns` columns of each row, the one after `part` others.
fn part_of_rows(rows: &[f32], width: usize, part: usize, columns: usize) -> Vec<f32> {
    rows.chunks_exact(width).flat_map(|row| &row[part * columns..][..columns]).copied().collect()
}

/// Adds up `tokens`, rows as long as `asked`, by the softmax of their products with it.
#[inline(always)]
fn attend(asked: &[f32], tokens: &[f32], mixed: &mut [f32]) {
    let mut scores: Vec<f32> = tokens.chunks_exact(asked.len()).map(|token| dot(asked, token)).collect();
    let greatest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    for score in &mut scores {
        *score = (*score - greatest).exp();
    }
    let sum: f32 = scores.iter().sum();
    for (token, score) in tokens.chunks_exact(asked.len()).zip(scores) {
        let share = score / sum;
        mixed.iter_mut().zip(token).for_each(|(mixed, value)| *mixed += share * value);
    }
}

/// The sum of products, in partial sums that vector registers hold.
#[inline(always)]
fn dot(a: &[f32], b: &[f32]) -> f32 {
    const LANES: usize = 32;
    let mut sums = [0.0; LANES];
    let (a, a_rest) = a.as_chunks::<LANES>();
    let (b, b_rest) = b.as_chunks::<LANES>();
    for (a, b) in a.iter().zip(b) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += a * b;
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f32>() + rest
}

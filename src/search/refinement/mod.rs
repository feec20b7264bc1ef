//! Refinement of probabilities among a scene's own windows, without another pass of the model: windows that
//! look alike show the same, and what a word looks like here is learnt from the windows that fit it best.
//!
//! This is RS-TransCLIP (El Khoury et al., 2024, <https://arxiv.org/abs/2409.00698>), which is `TransCLIP`
//! (Zanella et al., 2024, <https://arxiv.org/abs/2406.01837>) without examples. With y the softmax over all
//! words of a window, z begins as y and becomes, in turns with the words' Gaussians,
//!
//! ```text
//! z ∝ y · exp((log N + 50/6 (Wᵀz + Wz)) / 50)
//! ```
//!
//! where N are Gaussians around a mean for each word, with one diagonal variance for all, and W joins each
//! window with the three that are most alike, by their cosines ([`neighbours`]).

mod gaussians;
mod neighbours;

use half::f16;
use rayon::iter::{IndexedParallelIterator, ParallelIterator};
use rayon::slice::{ParallelSlice, ParallelSliceMut};

use super::error::QueryError;
use super::similarity::{self, WordMatrix};
use super::words::Words;
use crate::clip::Scoring;
use gaussians::Gaussians;
pub use neighbours::Neighbours;

/// How often the Gaussians are fitted anew, and how often z is computed between.
const ROUNDS: usize = 10;
const STEPS: usize = 5;
/// The weight of z's neighbours, for each of them, and of all against y.
const NEIGHBOUR_WEIGHT: f32 = 50.0 / 6.0;
const TEMPERATURE: f32 = 50.0;

/// Windows that one core takes at once.
const CHUNK: usize = 256;

/// The most probabilities that are refined together, one for each window and word: four times as many
/// numbers are in memory.
const MOST_SHARES: usize = 1 << 24;

/// Whether so many windows can be refined by so many words.
///
/// # Errors
/// When that would take too much memory.
pub fn check_size(windows: usize, words: usize) -> Result<(), QueryError> {
    if windows.saturating_mul(words) > MOST_SHARES {
        return Err(QueryError::TooManyToRefine { windows, words, most: MOST_SHARES / words });
    }
    Ok(())
}

/// The refined probabilities of windows, given as their embeddings: `windows x words` values. `None` when
/// `stale` says that nobody waits for them any more.
#[must_use]
pub fn refine(
    embeddings: &[&[f16]],
    matrix: &WordMatrix,
    logit_scale: f32,
    neighbours: &Neighbours,
    stale: &(dyn Fn() -> bool + Sync),
) -> Option<Vec<f32>> {
    let words = matrix.words();
    if words == 0 {
        return Some(Vec::new());
    }
    let mut shares = products(embeddings, matrix);
    shares.par_chunks_mut(words).for_each(|row| {
        for cosine in row.iter_mut() {
            *cosine *= logit_scale;
        }
        softmax(row);
    });
    let mut refined = shares.clone();
    let mut gaussians = Gaussians::of_surest(embeddings, &shares, words);
    for round in 0..=ROUNDS {
        let likelihoods = gaussians.log_likelihoods(embeddings);
        for _ in 0..STEPS {
            refined = step(&shares, &likelihoods, &refined, words, neighbours);
        }
        if stale() {
            return None;
        }
        if round < ROUNDS {
            gaussians = Gaussians::fit(embeddings, &refined, words);
        }
    }
    Some(refined)
}

/// The next z.
fn step(
    shares: &[f32],
    likelihoods: &[f32],
    refined: &[f32],
    words: usize,
    neighbours: &Neighbours,
) -> Vec<f32> {
    let mut next = vec![0.0; refined.len()];
    let rows = next.par_chunks_mut(words).enumerate();
    rows.for_each(|(window, row)| {
        for &(other, weight) in neighbours.of(window) {
            let other = &refined[other as usize * words..][..words];
            row.iter_mut().zip(other).for_each(|(sum, share)| *sum += weight * share);
        }
        let own = window * words..(window + 1) * words;
        let terms = likelihoods[own.clone()].iter().zip(&shares[own]);
        for (value, (likelihood, share)) in row.iter_mut().zip(terms) {
            *value = (likelihood + NEIGHBOUR_WEIGHT * *value) / TEMPERATURE + share.ln();
        }
        softmax(row);
    });
    next
}

/// The softmax of a row, in its place.
fn softmax(row: &mut [f32]) {
    let greatest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    for value in row.iter_mut() {
        *value = (*value - greatest).exp();
    }
    let sum: f32 = row.iter().sum();
    for value in row {
        *value /= sum;
    }
}

/// The dot products of all embeddings with all words: `windows x words` values.
fn products(embeddings: &[&[f16]], matrix: &WordMatrix) -> Vec<f32> {
    let of_chunk = |rows: &[&[f16]]| {
        let mut products = Vec::new();
        let mut scratch = similarity::DotProductScratch::default();
        similarity::dot_products(&rows.concat(), matrix, &mut scratch, &mut products);
        products
    };
    let parts: Vec<Vec<f32>> = embeddings.par_chunks(CHUNK).map(of_chunk).collect();
    parts.concat()
}

/// The refined probabilities of a scene's windows.
#[derive(Clone, Debug)]
pub struct Refinement {
    keywords: usize,
    /// For every window of the layout and every keyword; NaN for windows that weren't there.
    shares: Vec<f32>,
}

impl Refinement {
    /// From those of all `words`: a keyword's is the sum over its rows, or the greatest of them where the
    /// model scores each word by itself, as in [`Words::score`]. `windows` are the
    /// rows' numbers in a layout.
    #[must_use]
    pub fn new(words: &Words, windows: &[u32], refined: &[f32]) -> Self {
        let keywords = words.keywords.len();
        let count = windows.iter().max().map_or(0, |last| *last as usize + 1);
        let mut shares = vec![f32::NAN; count * keywords];
        for (window, row) in windows.iter().zip(refined.chunks_exact(words.competing.max(1))) {
            let of_window = &mut shares[*window as usize * keywords..][..keywords];
            for (share, keyword) in of_window.iter_mut().zip(&words.keywords) {
                let own = row[keyword.rows.clone()].iter().copied();
                *share = match words.scoring {
                    Scoring::Softmax => own.sum(),
                    Scoring::Sigmoid { .. } => own.fold(0.0, f32::max),
                };
            }
        }
        Self { keywords, shares }
    }

    /// The probability of a keyword in a window, if the window was refined.
    #[must_use]
    pub fn probability(&self, window: u32, keyword: usize) -> Option<f32> {
        let share = self.shares.get(window as usize * self.keywords + keyword);
        share.copied().filter(|share| !share.is_nan())
    }
}

#[cfg(test)]
mod tests;

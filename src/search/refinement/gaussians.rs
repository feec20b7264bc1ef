//! What a word looks like among the windows at hand: a Gaussian a word.

use half::f16;
use rayon::iter::{IndexedParallelIterator, ParallelIterator};
use rayon::slice::ParallelSlice;

use super::{CHUNK, products};
use crate::search::similarity::WordMatrix;

/// Windows that a word's first mean is made of.
const SUREST: usize = 8;
/// Shares below this add nothing that counts.
const LEAST_SHARE: f32 = 1e-6;

/// A mean of length one for each word, and one diagonal variance for all.
pub struct Gaussians {
    /// `words x embedding_len` values.
    means: Vec<f32>,
    variance: Vec<f32>,
}

impl Gaussians {
    /// The mean of a word's eight surest windows, weighted by its share; the variance of a random direction.
    pub fn of_surest(embeddings: &[&[f16]], shares: &[f32], words: usize) -> Self {
        let length = embeddings.first().map_or(0, |row| row.len());
        let mut means = vec![0.0; words * length];
        let windows: Vec<usize> = (0..embeddings.len()).collect();
        for (word, mean) in means.chunks_exact_mut(length.max(1)).enumerate() {
            let share = |window: usize| shares[window * words + word];
            let mut surest = windows.clone();
            // Of equal shares the earlier window counts.
            let order = |a: &usize, b: &usize| share(*b).total_cmp(&share(*a)).then(a.cmp(b));
            if surest.len() > SUREST {
                surest.select_nth_unstable_by(SUREST - 1, order);
                surest.truncate(SUREST);
            }
            surest.sort_unstable_by(order);
            for window in surest {
                add(mean, embeddings[window], share(window));
            }
            normalize(mean);
        }
        Self { means, variance: vec![1.0 / length.max(1) as f32; length] }
    }

    /// Means and variance of windows that belong to words by their `shares`.
    pub fn fit(embeddings: &[&[f16]], shares: &[f32], words: usize) -> Self {
        let length = embeddings.first().map_or(0, |row| row.len());
        // Sums over chunks, added in order, so that cores make no difference.
        let chunks = embeddings.par_chunks(CHUNK).zip(shares.par_chunks(CHUNK * words));
        let parts: Vec<(Vec<f32>, Vec<f32>)> = chunks
            .map(|(rows, shares)| {
                let (mut sums, mut squares) = (vec![0.0; words * length], vec![0.0; length]);
                for (row, shares) in rows.iter().zip(shares.chunks_exact(words)) {
                    for (sum, share) in sums.chunks_exact_mut(length).zip(shares) {
                        if *share > LEAST_SHARE {
                            add(sum, row, *share);
                        }
                    }
                    squares.iter_mut().zip(*row).for_each(|(sum, x)| *sum += x.to_f32().powi(2));
                }
                (sums, squares)
            })
            .collect();
        let (mut sums, mut squares) = (vec![0.0; words * length], vec![0.0; length]);
        for (part, part_of_squares) in parts {
            sums.iter_mut().zip(part).for_each(|(sum, more)| *sum += more);
            squares.iter_mut().zip(part_of_squares).for_each(|(sum, more)| *sum += more);
        }
        let mut means = sums.clone();
        means.chunks_exact_mut(length.max(1)).for_each(normalize);
        // The mean of (x - m)² is that of x² - 2 x m + m², and each window belongs to words by 1 in all.
        let mut weights = vec![0.0_f32; words];
        for row in shares.chunks_exact(words) {
            weights.iter_mut().zip(row).for_each(|(weight, share)| *weight += share);
        }
        let mut variance = squares;
        let of_words = means.chunks_exact(length.max(1)).zip(sums.chunks_exact(length.max(1))).zip(&weights);
        for ((mean, sum), weight) in of_words {
            for (variance, (mean, sum)) in variance.iter_mut().zip(mean.iter().zip(sum)) {
                *variance += mean * (weight * mean - 2.0 * sum);
            }
        }
        let least = f32::EPSILON * embeddings.len() as f32;
        for sum in &mut variance {
            *sum = sum.max(least) / embeddings.len() as f32;
        }
        Self { means, variance }
    }

    /// log N of every window and word, `windows x words` values, up to what is the same for all words.
    pub fn log_likelihoods(&self, embeddings: &[&[f16]]) -> Vec<f32> {
        let length = self.variance.len().max(1);
        let scaled = self.means.chunks_exact(length).flat_map(|mean| mean.iter().zip(&self.variance));
        let scaled: Vec<f32> = scaled.map(|(mean, variance)| mean / variance).collect();
        let halves: Vec<f32> = self
            .means
            .chunks_exact(length)
            .zip(scaled.chunks_exact(length))
            .map(|(mean, scaled)| 0.5 * mean.iter().zip(scaled).map(|(a, b)| a * b).sum::<f32>())
            .collect();
        let words = halves.len();
        let mut likelihoods = products(embeddings, &WordMatrix::new(scaled, length));
        for row in likelihoods.chunks_exact_mut(words) {
            row.iter_mut().zip(&halves).for_each(|(value, half)| *value -= half);
        }
        likelihoods
    }
}

/// Adds a row times a weight.
fn add(sum: &mut [f32], row: &[f16], weight: f32) {
    sum.iter_mut().zip(row).for_each(|(sum, x)| *sum += weight * x.to_f32());
}

/// Makes a vector one of length one; one without direction stays as it is.
fn normalize(vector: &mut [f32]) {
    let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    if length > 0.0 {
        for x in vector {
            *x /= length;
        }
    }
}

//! The running top-k: which windows are best for each keyword.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use super::{Detection, Grid, RankBy};

/// The words a window is compared with: embeddings of keywords first, then of background words.
pub struct Words {
    pub keywords: Vec<String>,
    /// `words x embedding_len` values, L2-normalised rows; the first rows are the keywords'.
    pub embeddings: Vec<f32>,
    pub embedding_len: usize,
    pub logit_scale: f32,
}

/// Keeps the best windows of every keyword. Its memory depends on `top_k` and the number of words, never on
/// how many windows pass through. The order in which windows arrive doesn't matter: ties go to the window
/// that is earlier in grid order.
pub struct Ranker {
    words: Words,
    rank_by: RankBy,
    top_k: usize,
    best: Vec<BinaryHeap<Entry>>,
    /// Cosine and softmax of the window at hand, one value a word.
    cosines: Vec<f32>,
    probabilities: Vec<f32>,
}

/// A kept window; the greatest is the one to give up first.
struct Entry {
    key: f32,
    window: usize,
    /// The part of the window without data.
    nodata: f32,
    /// (probability, cosine) for every keyword.
    scores: Box<[(f32, f32)]>,
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> Ordering {
        other.key.total_cmp(&self.key).then(self.window.cmp(&other.window))
    }
}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Entry {}

impl Ranker {
    pub fn new(words: Words, rank_by: RankBy, top_k: usize) -> Self {
        let best = words.keywords.iter().map(|_| BinaryHeap::new()).collect();
        Self { words, rank_by, top_k, best, cosines: Vec::new(), probabilities: Vec::new() }
    }

    /// Takes a window's L2-normalised embedding into account. Returns whether the ranking changed.
    pub fn push(&mut self, window: usize, nodata: f32, embedding: &[f32]) -> bool {
        self.score(embedding);
        let mut changed = false;
        for (keyword, best) in self.best.iter_mut().enumerate() {
            let key = match self.rank_by {
                RankBy::Probability => self.probabilities[keyword],
                RankBy::Cosine => self.cosines[keyword],
            };
            let entry = Entry { key, window, nodata, scores: Box::default() };
            let full = best.len() >= self.top_k;
            if !key.is_finite()
                || self.top_k == 0
                || (full && best.peek().is_some_and(|worst| entry >= *worst))
            {
                continue;
            }
            if full {
                best.pop();
            }
            let keywords = self.words.keywords.len();
            let scores = self.probabilities.iter().copied().zip(self.cosines.iter().copied()).take(keywords);
            best.push(Entry { scores: scores.collect(), ..entry });
            changed = true;
        }
        changed
    }

    /// Cosine to every word, and softmax of `logit_scale` x cosine over them.
    fn score(&mut self, embedding: &[f32]) {
        let rows = self.words.embeddings.chunks_exact(self.words.embedding_len);
        self.cosines.clear();
        self.cosines.extend(rows.map(|row| dot(row, embedding)));

        let greatest = self.cosines.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let scale = self.words.logit_scale;
        self.probabilities.clear();
        self.probabilities.extend(self.cosines.iter().map(|cosine| (scale * (cosine - greatest)).exp()));
        let sum: f32 = self.probabilities.iter().sum();
        for probability in &mut self.probabilities {
            *probability /= sum;
        }
    }

    /// The best windows found so far: keywords in the order of the query, ranks ascending.
    pub fn detections(&self, grid: &Grid) -> Vec<Detection> {
        let keywords = &self.words.keywords;
        let mut detections = Vec::new();
        for (index, best) in self.best.iter().enumerate() {
            let mut entries: Vec<&Entry> = best.iter().collect();
            entries.sort_unstable();
            detections.extend(entries.into_iter().enumerate().map(|(position, entry)| Detection {
                keyword: keywords[index].clone(),
                rank: position + 1,
                probability: entry.scores[index].0,
                cosine: entry.scores[index].1,
                window: grid.rect(entry.window),
                nodata: entry.nodata,
                scores: keywords.iter().cloned().zip(&*entry.scores).map(|(k, &(p, c))| (k, p, c)).collect(),
            }));
        }
        detections
    }
}

/// The dot product, in eight running sums so that the compiler can use vector registers.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0_f32; 8];
    let (a_chunks, b_chunks) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest: f32 = a_chunks.remainder().iter().zip(b_chunks.remainder()).map(|(x, y)| x * y).sum();
    for (x, y) in a_chunks.zip(b_chunks) {
        for lane in 0..8 {
            sums[lane] += x[lane] * y[lane];
        }
    }
    sums.iter().sum::<f32>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::GridSettings;

    fn ranker(rank_by: RankBy, top_k: usize) -> Ranker {
        let words = Words {
            keywords: vec!["pier".to_owned(), "field".to_owned()],
            embeddings: vec![1.0, 0.0, 0.0, 1.0, 0.6, 0.8],
            embedding_len: 2,
            logit_scale: 10.0,
        };
        Ranker::new(words, rank_by, top_k)
    }

    fn grid() -> Grid {
        Grid::new(2826, 1300, GridSettings::default()).unwrap()
    }

    fn turned(window: usize) -> [f32; 2] {
        // A few windows share an angle, so that ties happen.
        let angle = (window * 7 % 12) as f32 * 0.1;
        [angle.cos(), angle.sin()]
    }

    #[test]
    fn the_same_windows_in_any_order_rank_the_same() {
        let (mut up, mut down) = (ranker(RankBy::Cosine, 10), ranker(RankBy::Cosine, 10));
        for window in 0..100 {
            up.push(window, 0.0, &turned(window));
            down.push(99 - window, 0.0, &turned(99 - window));
        }
        assert_eq!(up.detections(&grid()), down.detections(&grid()));
    }

    #[test]
    fn ranks_agree_with_a_plain_sort() {
        let mut ranker = ranker(RankBy::Cosine, 30);
        let mut all: Vec<(f32, usize)> = (0..100).map(|window| (turned(window)[0], window)).collect();
        for window in 0..100 {
            ranker.push(window, 0.0, &turned(window));
        }
        all.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let expected: Vec<_> = all.iter().take(30).map(|&(_, window)| grid().rect(window)).collect();
        let found = ranker.detections(&grid());
        let found: Vec<_> = found.iter().filter(|d| d.keyword == "pier").map(|d| d.window).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn probability_is_the_softmax_over_all_words() {
        let mut ranker = ranker(RankBy::Probability, 1);
        ranker.push(3, 0.0, &[1.0, 0.0]);
        let best = &ranker.detections(&grid())[0];
        let expected = 1.0 / (1.0 + (-10.0_f32).exp() + (-4.0_f32).exp());
        assert!((best.probability - expected).abs() < 1e-6);
        assert!((best.cosine - 1.0).abs() < 1e-6);
    }

    #[test]
    fn broken_embeddings_never_rank() {
        let mut ranker = ranker(RankBy::Cosine, 5);
        assert!(!ranker.push(0, 0.0, &[f32::NAN, 0.0]));
        assert!(ranker.detections(&grid()).is_empty());
    }
}

//! The running top-k: which windows are best for each keyword.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::ops::Range;
use std::sync::Arc;

use half::f16;

use super::RankBy;
use super::products::{self, WordMatrix};
use crate::clip::Scoring;

/// The words that windows are compared with.
#[derive(Clone, Debug)]
pub struct Words {
    pub keywords: Vec<KeywordWords>,
    /// One row a word: the alternatives of the keywords, then background words, then examples.
    pub matrix: WordMatrix,
    /// How many of the rows share probability; examples come after them.
    pub competing: usize,
    pub logit_scale: f32,
    pub scoring: Scoring,
}

impl Words {
    /// None at all.
    pub fn none(card: &super::EncoderCard) -> Self {
        let matrix = WordMatrix::new(Vec::new(), card.embedding_len);
        Self {
            keywords: Vec::new(),
            matrix,
            competing: 0,
            logit_scale: card.logit_scale,
            scoring: card.scoring,
        }
    }

    /// Scores of all keywords from the cosines of all words.
    pub fn score(&self, cosines: &[f32], scores: &mut Vec<Score>) {
        let competing = &cosines[..self.competing];
        let greatest = competing.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let share = |cosine: f32| (self.logit_scale * (cosine - greatest)).exp();
        let sum: f32 = competing.iter().map(|cosine| share(*cosine)).sum();
        let background = self.background();
        let best_background = cosines[background.clone()].iter().copied().reduce(f32::max);
        scores.clear();
        scores.extend(self.keywords.iter().map(|keyword| {
            let own = &cosines[keyword.rows.clone()];
            let best = own.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let rival = if keyword.synonyms.is_empty() {
                best_background
            } else {
                let others = background.clone().filter(|row| !keyword.synonyms.contains(row));
                others.map(|row| cosines[row]).reduce(f32::max)
            };
            Score {
                probability: match self.scoring {
                    Scoring::Softmax => own.iter().map(|cosine| share(*cosine)).sum::<f32>() / sum,
                    Scoring::Sigmoid { bias } => 1.0 / (1.0 + (-(self.logit_scale * best + bias)).exp()),
                },
                cosine: keyword.example.map_or(best, |row| cosines[row]),
                margin: best - rival.unwrap_or(0.0),
            }
        }));
    }

    /// The rows of the background words.
    pub fn background(&self) -> Range<usize> {
        self.keywords.last().map_or(0, |keyword| keyword.rows.end)..self.competing
    }

    /// What a window is ranked by for a keyword.
    pub fn key(&self, keyword: usize, rank_by: RankBy, probability: f32, cosine: f32) -> f32 {
        match rank_by {
            RankBy::Probability if self.keywords[keyword].example.is_none() => probability,
            RankBy::Probability | RankBy::Cosine => cosine,
        }
    }

    /// What stands for a keyword, the first of its alternatives; `None` where the words are still to be encoded.
    #[must_use]
    pub fn vector(&self, keyword: usize) -> Option<&[f32]> {
        self.keywords.get(keyword).map(|words| self.matrix.word(words.rows.start))
    }
}

/// A keyword's rows among the words.
#[derive(Clone, Debug)]
pub struct KeywordWords {
    /// Its alternatives, synonyms for instance. Its cosine is the greatest of theirs; its probability is their sum where
    /// words share it, else the greatest.
    pub rows: Range<usize>,
    /// For a keyword that is an example and nothing else, the row of that image. Windows are ranked by their cosine to
    /// it: images are far more alike than an image and a sentence, so that a probability would be 1 everywhere.
    pub example: Option<usize>,
    /// Rows of background words that mean the same. They share probability as all do, but a window needn't fit the
    /// keyword better than them to be a clear match.
    pub synonyms: Vec<usize>,
}

/// A window number that stands for none.
pub const NO_WINDOW: u32 = u32::MAX;

/// Keeps the best windows of every keyword. Its memory depends on how many it keeps and the number of words, never on
/// how many windows pass through. The order in which windows arrive doesn't matter: ties go to the window
/// that is earlier in grid order.
pub struct Ranker {
    words: Arc<Words>,
    rank_by: RankBy,
    keep: usize,
    best: Vec<BinaryHeap<Entry>>,
    /// For each keyword, windows that it fits at least as well as every background word that means something else.
    won: Vec<usize>,
    /// Windows that were taken into account.
    windows: usize,
    scratch: products::Scratch,
    cosines: Vec<f32>,
    scores: Vec<Score>,
}

/// How a window compares with one keyword.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Score {
    /// 0 to 1: the softmax over all competing words, or the keyword's own where the model scores each by itself.
    pub probability: f32,
    /// -1 to 1.
    pub cosine: f32,
    /// Cosine less that of the background word which fits best and means something else; the cosine itself where
    /// there is none.
    pub margin: f32,
}

/// A kept window; the greatest is the one to give up first.
#[derive(Clone)]
pub struct Entry {
    key: f32,
    pub window: u32,
    /// The part of the window without data.
    pub nodata: f32,
    /// How many windows came before it.
    pub arrival: u32,
    /// One for every keyword.
    pub scores: Box<[Score]>,
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
    /// Keeps the best `keep` windows of every keyword.
    pub fn new(words: Arc<Words>, rank_by: RankBy, keep: usize) -> Self {
        Self {
            best: words.keywords.iter().map(|_| BinaryHeap::new()).collect(),
            won: vec![0; words.keywords.len()],
            words,
            rank_by,
            keep,
            windows: 0,
            scratch: products::Scratch::default(),
            cosines: Vec::new(),
            scores: Vec::new(),
        }
    }

    /// Takes windows into account, whose embeddings lie one after the other. [`NO_WINDOW`] is passed over, and so is
    /// a window without data. Returns whether the ranking changed.
    pub fn push(&mut self, windows: &[u32], nodata: &[f32], embeddings: &[f16]) -> bool {
        let words = Arc::clone(&self.words);
        let mut cosines = std::mem::take(&mut self.cosines);
        let length = words.matrix.embedding_len();
        let mut changed = false;
        // Blocks whose widened embeddings stay in the nearest cache.
        let block = ((1 << 16) / length.max(1)).max(4) & !3;
        let blocks = windows.chunks(block).zip(nodata.chunks(block)).zip(embeddings.chunks(block * length));
        for ((windows, nodata), embeddings) in blocks {
            if windows.iter().all(|window| *window == NO_WINDOW) {
                continue;
            }
            products::dot_products(embeddings, &words.matrix, &mut self.scratch, &mut cosines);
            let rows = cosines.chunks_exact(words.matrix.words().max(1));
            for ((&window, &nodata), cosines) in windows.iter().zip(nodata).zip(rows) {
                if window != NO_WINDOW && nodata < 1.0 {
                    changed |= self.push_one(window, nodata, cosines, &words);
                }
            }
        }
        self.cosines = cosines;
        changed
    }

    fn push_one(&mut self, window: u32, nodata: f32, cosines: &[f32], words: &Words) -> bool {
        words.score(cosines, &mut self.scores);
        let arrival = u32::try_from(self.windows).unwrap_or(u32::MAX);
        self.windows += 1;
        let mut changed = false;
        for (keyword, best) in self.best.iter_mut().enumerate() {
            let scores = self.scores[keyword];
            let key = words.key(keyword, self.rank_by, scores.probability, scores.cosine);
            if !key.is_finite() || self.keep == 0 {
                continue;
            }
            self.won[keyword] += usize::from(scores.margin >= 0.0);
            let entry = Entry { key, window, nodata, arrival, scores: Box::default() };
            if best.len() >= self.keep {
                if best.peek().is_some_and(|worst| entry >= *worst) {
                    continue;
                }
                best.pop();
            }
            best.push(Entry { scores: self.scores.as_slice().into(), ..entry });
            changed = true;
        }
        changed
    }

    /// Adds what another ranker with the same words has seen.
    #[must_use]
    pub fn merge(mut self, other: Self) -> Self {
        let before = u32::try_from(self.windows).unwrap_or(u32::MAX);
        for (best, others) in self.best.iter_mut().zip(other.best) {
            for mut entry in others {
                entry.arrival = entry.arrival.saturating_add(before);
                best.push(entry);
                if best.len() > self.keep {
                    best.pop();
                }
            }
        }
        for (won, other) in self.won.iter_mut().zip(other.won) {
            *won += other;
        }
        self.windows += other.windows;
        self
    }

    /// The kept windows of a keyword, the best first.
    pub fn best(&self, keyword: usize) -> Vec<&Entry> {
        let mut entries: Vec<&Entry> = self.best[keyword].iter().collect();
        entries.sort_unstable();
        entries
    }

    /// How many of all windows so far have a margin of at least 0 for a keyword.
    pub fn won(&self, keyword: usize) -> usize {
        self.won[keyword]
    }
}

impl Entry {
    /// What it is ranked by.
    pub fn key(&self) -> f32 {
        self.key
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::store::to_half;

    fn words(rows: &[f32]) -> Arc<Words> {
        let keyword = |rows| KeywordWords { rows, example: None, synonyms: Vec::new() };
        Arc::new(Words {
            keywords: vec![keyword(0..1), keyword(1..2)],
            matrix: WordMatrix::new(rows.to_vec(), 2),
            competing: rows.len() / 2,
            logit_scale: 10.0,
            scoring: Scoring::Softmax,
        })
    }

    fn ranker(rank_by: RankBy, keep: usize) -> Ranker {
        Ranker::new(words(&[1.0, 0.0, 0.0, 1.0, 0.6, 0.8]), rank_by, keep)
    }

    fn turned(window: u32) -> Vec<f16> {
        // A few windows share an angle, so that ties happen.
        let angle = (window * 7 % 12) as f32 * 0.1;
        to_half(&[angle.cos(), angle.sin()])
    }

    fn best(ranker: &Ranker) -> Vec<(u32, f32)> {
        ranker.best(0).iter().map(|entry| (entry.window, entry.scores[0].cosine)).collect()
    }

    #[test]
    fn the_same_windows_in_any_order_rank_the_same() {
        let (mut up, mut down) = (ranker(RankBy::Cosine, 10), ranker(RankBy::Cosine, 10));
        for window in 0..100 {
            up.push(&[window], &[0.0], &turned(window));
            down.push(&[99 - window], &[0.0], &turned(99 - window));
        }
        let windows: Vec<u32> = (0..100).collect();
        let embeddings: Vec<f16> = windows.iter().flat_map(|window| turned(*window)).collect();
        let (mut first, mut second) = (ranker(RankBy::Cosine, 10), ranker(RankBy::Cosine, 10));
        first.push(&windows[..37], &[0.0; 37], &embeddings[..74]);
        second.push(&windows[37..], &[0.0; 63], &embeddings[74..]);
        assert_eq!(best(&up), best(&down));
        assert_eq!(best(&up), best(&second.merge(first)));
    }

    #[test]
    fn ranks_agree_with_a_plain_sort() {
        let mut ranker = ranker(RankBy::Cosine, 30);
        let mut all: Vec<(f32, u32)> = (0..100).map(|window| (turned(window)[0].to_f32(), window)).collect();
        for window in 0..100 {
            ranker.push(&[window], &[0.0], &turned(window));
        }
        all.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let expected: Vec<u32> = all.iter().take(30).map(|&(_, window)| window).collect();
        assert_eq!(best(&ranker).iter().map(|(window, _)| *window).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn probability_is_the_softmax_over_all_words() {
        let mut ranker = ranker(RankBy::Probability, 1);
        ranker.push(&[3], &[0.0], &to_half(&[1.0, 0.0]));
        let score = ranker.best(0)[0].scores[0];
        let expected = 1.0 / (1.0 + (-10.0_f32).exp() + (-4.0_f32).exp());
        assert!((score.probability - expected).abs() < 1e-6);
        assert!((score.cosine - 1.0).abs() < 1e-6 && (score.margin - 0.4).abs() < 1e-6);
    }

    #[test]
    fn a_sigmoid_scores_each_word_by_itself() {
        let mut words = (*words(&[1.0, 0.0, 0.0, 1.0, 0.6, 0.8])).clone();
        words.scoring = Scoring::Sigmoid { bias: -3.0 };
        let (mut all, mut alone) = (Vec::new(), Vec::new());
        words.score(&[0.4, 0.2, 0.9], &mut all);
        // Without the background word.
        words.matrix = WordMatrix::new(vec![1.0, 0.0, 0.0, 1.0], 2);
        words.competing = 2;
        words.score(&[0.4, 0.2], &mut alone);
        let sigmoid = |logit: f32| 1.0 / (1.0 + (-logit).exp());
        for scores in [all, alone] {
            assert!((scores[0].probability - sigmoid(1.0)).abs() < 1e-6);
            assert!((scores[1].probability - sigmoid(-1.0)).abs() < 1e-6);
        }
    }

    #[test]
    fn a_background_word_that_means_the_same_changes_the_margin_alone() {
        // Background words: one that is nearly the first keyword, and another.
        let all = words(&[1.0, 0.0, 0.0, 1.0, 0.9999, 0.0141, 0.6, 0.8]);
        let mut told = (*all).clone();
        told.keywords[0].synonyms = vec![2];
        let cosines = [0.30, 0.10, 0.31, 0.20];
        let (mut plain, mut scores) = (Vec::new(), Vec::new());
        all.score(&cosines, &mut plain);
        told.score(&cosines, &mut scores);
        assert!((plain[0].margin + 0.01).abs() < 1e-6 && (scores[0].margin - 0.1).abs() < 1e-6);
        assert_eq!(plain[1], scores[1]);
        assert_eq!((plain[0].probability, plain[0].cosine), (scores[0].probability, scores[0].cosine));
        told.keywords[0].synonyms = vec![2, 3];
        told.score(&cosines, &mut scores);
        assert_eq!(scores[0].margin, 0.30, "nothing else is left");
    }

    #[test]
    fn synonyms_add_their_probabilities_and_the_best_of_them_counts() {
        let rows = [1.0, 0.0, 0.0, 1.0, 0.6, 0.8];
        let mut both = (*words(&rows)).clone();
        both.keywords = vec![KeywordWords { rows: 0..2, example: None, synonyms: Vec::new() }];
        let mut ranker = Ranker::new(Arc::new(both), RankBy::Probability, 1);
        ranker.push(&[0], &[0.0], &to_half(&[0.0, 1.0]));
        let score = ranker.best(0)[0].scores[0];
        let sum = (-10.0_f32).exp() + 1.0;
        assert!((score.probability - sum / (sum + (-2.0_f32).exp())).abs() < 1e-6);
        assert!((score.cosine - 1.0).abs() < 1e-6);
    }

    #[test]
    fn an_example_ranks_by_its_own_cosine() {
        let mut words = (*words(&[1.0, 0.0, 0.0, 1.0, 0.6, 0.8])).clone();
        words.competing = 2;
        words.keywords = vec![KeywordWords { rows: 0..1, example: Some(2), synonyms: Vec::new() }];
        let mut ranker = Ranker::new(Arc::new(words), RankBy::Probability, 2);
        ranker.push(&[0, 1], &[0.0, 0.0], &to_half(&[1.0, 0.0, 0.6, 0.8]));
        let best = best(&ranker);
        assert_eq!(best[0].0, 1);
        assert!((best[0].1 - 1.0).abs() < 1e-3);
    }

    #[test]
    fn broken_embeddings_and_windows_without_data_never_rank() {
        let mut ranker = ranker(RankBy::Cosine, 5);
        let embeddings = to_half(&[f32::NAN, 0.0, 1.0, 0.0, 1.0, 0.0]);
        assert!(!ranker.push(&[0, 1, NO_WINDOW], &[0.0, 1.0, 0.0], &embeddings));
        assert!(ranker.best(0).is_empty());
    }
}

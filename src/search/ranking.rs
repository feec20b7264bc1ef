//! The running top-k: which windows are best for each keyword.

use std::collections::BinaryHeap;
use std::sync::Arc;

use half::f16;
use rayon::iter::{IndexedParallelIterator, IntoParallelRefMutIterator, ParallelIterator};
use rayon::slice::ParallelSlice;

use super::candidate::{CandidateWindow, is_kept, put};
use super::query::RankBy;
use super::similarity;
use super::words::{Score, Words};

/// With more keywords than this, a window is kept for a keyword with the score of that alone: with those of
/// all others memory would grow with the square of their number.
pub const MANY_KEYWORDS: usize = 32;

/// A window number that stands for none.
pub const NO_WINDOW: u32 = u32::MAX;

/// Keeps the best windows of every keyword. Its memory is a few bytes for each window and keyword that it
/// keeps, however many windows pass through. The order in which windows arrive doesn't matter: ties go to the
/// window that is earlier in grid order.
pub struct Ranker {
    words: Arc<Words>,
    rank_by: RankBy,
    keep: usize,
    best: Vec<BinaryHeap<CandidateWindow>>,
    /// For each keyword, windows that it fits at least as well as every background word that means something
    /// else.
    won: Vec<usize>,
    /// Windows that were taken into account.
    windows: usize,
    scratch: similarity::DotProductScratch,
    cosines: Vec<f32>,
    scores: Vec<Score>,
}

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
            scratch: similarity::DotProductScratch::default(),
            cosines: Vec::new(),
            scores: Vec::new(),
        }
    }

    /// Takes windows into account, whose embeddings lie one after the other. [`NO_WINDOW`] is passed over,
    /// and so is a window without data. Returns whether the ranking changed.
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
            similarity::dot_products(embeddings, &words.matrix, &mut self.scratch, &mut cosines);
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
        words.score(window, cosines, &mut self.scores);
        let arrival = u32::try_from(self.windows).unwrap_or(u32::MAX);
        self.windows += 1;
        let mut changed = false;
        let mut shared = None;
        for (keyword, (best, won)) in self.best.iter_mut().zip(&mut self.won).enumerate() {
            let score = self.scores[keyword];
            let key = words.key(keyword, self.rank_by, score.probability, score.cosine);
            let candidate = CandidateWindow { key, window, nodata, arrival, score, all: None };
            if !is_kept(&candidate, best, won, self.keep) {
                continue;
            }
            let all = || Arc::new(self.scores.clone());
            let all =
                (self.scores.len() <= MANY_KEYWORDS).then(|| Arc::clone(shared.get_or_insert_with(all)));
            put(CandidateWindow { all, ..candidate }, best, self.keep);
            changed = true;
        }
        changed
    }

    /// As [`Self::push`], on all cores, for many keywords: the cosines of a block of windows are counted side
    /// by side, and then every keyword takes them in its turn. So there is one ranking, not one for each
    /// core.
    pub fn push_to_many(&mut self, windows: &[u32], nodata: &[f32], embeddings: &[f16]) {
        /// Windows whose scores for all keywords are in memory at once, and those that a core takes of them.
        const BLOCK: usize = 1024;
        const SHARE: usize = 64;
        let words = Arc::clone(&self.words);
        let (length, count) = (words.matrix.embedding_len(), words.keywords.len());
        let blocks = windows.chunks(BLOCK).zip(nodata.chunks(BLOCK)).zip(embeddings.chunks(BLOCK * length));
        for ((windows, nodata), embeddings) in blocks {
            let compare = |(windows, embeddings): (&[u32], &[f16])| {
                let (mut cosines, mut scores) = (Vec::new(), Vec::new());
                similarity::dot_products(
                    embeddings,
                    &words.matrix,
                    &mut similarity::DotProductScratch::default(),
                    &mut cosines,
                );
                let rows = cosines.chunks_exact(words.matrix.words().max(1));
                let of = |(window, cosines): (&u32, &[f32])| {
                    words.score(*window, cosines, &mut scores);
                    scores.clone()
                };
                windows.iter().zip(rows).flat_map(of).collect()
            };
            let shares = windows.par_chunks(SHARE).zip(embeddings.par_chunks(SHARE * length));
            let scores: Vec<Vec<Score>> = shares.map(compare).collect();
            let wanted: Vec<usize> =
                (0..windows.len()).filter(|at| windows[*at] != NO_WINDOW && nodata[*at] < 1.0).collect();
            let (rank_by, keep, first) = (self.rank_by, self.keep, self.windows);
            let keywords = self.best.par_iter_mut().zip(&mut self.won).enumerate();
            keywords.for_each(|(keyword, (best, won))| {
                for (order, &at) in wanted.iter().enumerate() {
                    let score = scores[at / SHARE][at % SHARE * count + keyword];
                    let key = words.key(keyword, rank_by, score.probability, score.cosine);
                    let arrival = u32::try_from(first + order).unwrap_or(u32::MAX);
                    let (window, nodata) = (windows[at], nodata[at]);
                    let candidate = CandidateWindow { key, window, nodata, arrival, score, all: None };
                    if is_kept(&candidate, best, won, keep) {
                        put(candidate, best, keep);
                    }
                }
            });
            self.windows += wanted.len();
        }
    }

    /// Adds what another ranker with the same words has seen.
    #[must_use]
    pub fn merge(mut self, other: Self) -> Self {
        let before = u32::try_from(self.windows).unwrap_or(u32::MAX);
        for (best, others) in self.best.iter_mut().zip(other.best) {
            for mut candidate in others {
                candidate.arrival = candidate.arrival.saturating_add(before);
                best.push(candidate);
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

    pub fn words(&self) -> &Words {
        &self.words
    }

    /// The kept windows of a keyword, the best first.
    pub fn best(&self, keyword: usize) -> Vec<&CandidateWindow> {
        let mut candidates: Vec<&CandidateWindow> = self.best[keyword].iter().collect();
        candidates.sort_unstable();
        candidates
    }

    /// How many of all windows so far have a margin of at least 0 for a keyword.
    pub fn won(&self, keyword: usize) -> usize {
        self.won[keyword]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clip::Scoring;
    use crate::search::similarity::WordMatrix;
    use crate::search::words::KeywordWords;
    use crate::store::to_half;

    fn words(rows: &[f32]) -> Arc<Words> {
        let keyword = |rows| KeywordWords { rows, example: None, synonyms: Vec::new() };
        Arc::new(Words {
            keywords: vec![keyword(0..1), keyword(1..2)],
            matrix: WordMatrix::new(rows.to_vec(), 2),
            competing: rows.len() / 2,
            logit_scale: 10.0,
            scoring: Scoring::Softmax,
            refinement: None,
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
        ranker.best(0).iter().map(|candidate| (candidate.window, candidate.score.cosine)).collect()
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
        let score = ranker.best(0)[0].score;
        let expected = 1.0 / (1.0 + (-10.0_f32).exp() + (-4.0_f32).exp());
        assert!((score.probability - expected).abs() < 1e-6);
        assert!((score.cosine - 1.0).abs() < 1e-6 && (score.margin - 0.4).abs() < 1e-6);
    }

    #[test]
    fn synonyms_add_their_probabilities_and_the_best_of_them_counts() {
        let rows = [1.0, 0.0, 0.0, 1.0, 0.6, 0.8];
        let mut both = (*words(&rows)).clone();
        both.keywords = vec![KeywordWords { rows: 0..2, example: None, synonyms: Vec::new() }];
        let mut ranker = Ranker::new(Arc::new(both), RankBy::Probability, 1);
        ranker.push(&[0], &[0.0], &to_half(&[0.0, 1.0]));
        let score = ranker.best(0)[0].score;
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

    /// Many keywords, and as many windows that look in different directions.
    fn crowd(keywords: usize) -> (Arc<Words>, Vec<u32>, Vec<f16>) {
        let turned = |number: usize| {
            let angle = number as f32 * 0.37;
            [angle.cos(), angle.sin()]
        };
        let rows: Vec<f32> = (0..keywords).flat_map(turned).collect();
        let words = Arc::new(Words {
            keywords: (0..keywords)
                .map(|row| KeywordWords { rows: row..row + 1, example: None, synonyms: Vec::new() })
                .collect(),
            matrix: WordMatrix::new(rows, 2),
            competing: keywords,
            logit_scale: 10.0,
            scoring: Scoring::Softmax,
            refinement: None,
        });
        let windows: Vec<u32> = (0..3000).collect();
        let embeddings = windows.iter().flat_map(|window| to_half(&turned(*window as usize * 7))).collect();
        (words, windows, embeddings)
    }

    #[test]
    fn many_keywords_rank_as_few_do_and_keep_a_few_bytes_for_each_window() {
        let (words, windows, embeddings) = crowd(MANY_KEYWORDS + 1);
        let new = || Ranker::new(Arc::clone(&words), RankBy::Probability, 40);
        let (mut one, mut many) = (new(), new());
        one.push(&windows, &[0.0; 3000], &embeddings);
        many.push_to_many(&windows, &[0.0; 3000], &embeddings);
        for keyword in 0..words.keywords.len() {
            let candidates = |ranker: &Ranker| -> Vec<(u32, u32, Score)> {
                ranker
                    .best(keyword)
                    .iter()
                    .map(|candidate| (candidate.window, candidate.arrival, candidate.score))
                    .collect()
            };
            assert_eq!(candidates(&one).len(), 40);
            assert_eq!(candidates(&one), candidates(&many));
            assert_eq!(one.won(keyword), many.won(keyword));
            assert!(one.best(keyword).iter().all(|candidate| candidate.all_scores().is_empty()));
        }
        assert!(size_of::<CandidateWindow>() <= 40, "{} bytes", size_of::<CandidateWindow>());
    }

    #[test]
    fn the_scores_of_a_window_are_kept_once_for_all_of_few_keywords() {
        let (words, windows, embeddings) = crowd(MANY_KEYWORDS);
        let mut ranker = Ranker::new(words, RankBy::Cosine, 3000);
        ranker.push(&windows, &[0.0; 3000], &embeddings);
        let (first, last) = (ranker.best(0), ranker.best(MANY_KEYWORDS - 1));
        for candidate in first {
            let same = last.iter().find(|other| other.window == candidate.window).unwrap();
            assert_eq!(candidate.all_scores().len(), MANY_KEYWORDS);
            assert!(std::ptr::eq(candidate.all_scores(), same.all_scores()));
            assert_eq!(candidate.all_scores()[0], candidate.score);
        }
    }

    #[test]
    fn broken_embeddings_and_windows_without_data_never_rank() {
        let mut ranker = ranker(RankBy::Cosine, 5);
        let embeddings = to_half(&[f32::NAN, 0.0, 1.0, 0.0, 1.0, 0.0]);
        assert!(!ranker.push(&[0, 1, NO_WINDOW], &[0.0, 1.0, 0.0], &embeddings));
        assert!(ranker.best(0).is_empty());
    }
}

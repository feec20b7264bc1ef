//! The words that windows are compared with, and the scores that come of it.

use std::ops::Range;
use std::sync::Arc;

use super::query::RankBy;
use super::refinement::Refinement;
use super::similarity::WordMatrix;
use crate::clip::Scoring;
use crate::encoder::EncoderCard;

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
    /// The probabilities of windows after they were refined.
    pub refinement: Option<Arc<Refinement>>,
}

impl Words {
    /// No words at all.
    pub fn none(card: &EncoderCard) -> Self {
        let matrix = WordMatrix::new(Vec::new(), card.embedding_len);
        Self {
            keywords: Vec::new(),
            matrix,
            competing: 0,
            logit_scale: card.logit_scale,
            scoring: card.scoring,
            refinement: None,
        }
    }

    /// Scores of all keywords in a window of the layout, from its cosines to all words. Refinement changes
    /// probabilities alone: whether a match is clear is told by margins, which are those of the model.
    pub fn score(&self, window: u32, cosines: &[f32], scores: &mut Vec<Score>) {
        let competing = &cosines[..self.competing];
        let greatest = competing.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let share = |cosine: f32| (self.logit_scale * (cosine - greatest)).exp();
        let sum: f32 = competing.iter().map(|cosine| share(*cosine)).sum();
        let background = self.background();
        let best_background = cosines[background.clone()].iter().copied().reduce(f32::max);
        scores.clear();
        scores.extend(self.keywords.iter().enumerate().map(|(index, keyword)| {
            let refined = self.refinement.as_ref().and_then(|all| all.probability(window, index));
            let own = &cosines[keyword.rows.clone()];
            let best = own.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let rival = if keyword.synonyms.is_empty() {
                best_background
            } else {
                let others = background.clone().filter(|row| !keyword.synonyms.contains(row));
                others.map(|row| cosines[row]).reduce(f32::max)
            };
            Score {
                probability: refined.unwrap_or_else(|| match self.scoring {
                    Scoring::Softmax => own.iter().map(|cosine| share(*cosine)).sum::<f32>() / sum,
                    Scoring::Sigmoid { bias } => 1.0 / (1.0 + (-(self.logit_scale * best + bias)).exp()),
                }),
                cosine: keyword.example.map_or(best, |row| cosines[row]),
                margin: best - rival.unwrap_or(0.0),
            }
        }));
    }

    /// The words that share probability.
    pub fn competing_matrix(&self) -> WordMatrix {
        let length = self.matrix.embedding_len();
        let rows = (0..self.competing).flat_map(|row| self.matrix.word(row)).copied();
        WordMatrix::new(rows.collect(), length)
    }

    /// The rows of the background words.
    pub fn background(&self) -> Range<usize> {
        self.keywords.last().map_or(0, |keyword| keyword.rows.end)..self.competing
    }

    /// What a window is ranked by for a keyword.
    pub fn key(&self, keyword: usize, rank_by: RankBy, probability: f32, cosine: f32) -> f32 {
        if self.is_by_probability(keyword, rank_by) { probability } else { cosine }
    }

    /// Whether windows are ranked by probability for a keyword, and not by cosine.
    pub fn is_by_probability(&self, keyword: usize, rank_by: RankBy) -> bool {
        rank_by == RankBy::Probability && self.keywords[keyword].example.is_none()
    }

    /// What stands for a keyword, the first of its alternatives; `None` where the words are still to be
    /// encoded.
    #[must_use]
    pub fn vector(&self, keyword: usize) -> Option<&[f32]> {
        self.keywords.get(keyword).map(|words| self.matrix.word(words.rows.start))
    }
}

/// A keyword's rows among the words.
#[derive(Clone, Debug)]
pub struct KeywordWords {
    /// Its alternatives, synonyms for instance. Its cosine is the greatest of theirs; its probability is
    /// their sum where words share it, else the greatest.
    pub rows: Range<usize>,
    /// For a keyword that is an example and nothing else, the row of that image. Windows are ranked by their
    /// cosine to it: images are far more alike than an image and a sentence, so that a probability would be 1
    /// everywhere.
    pub example: Option<usize>,
    /// Rows of background words that mean the same. They share probability as all do, but a window needn't
    /// fit the keyword better than them to be a clear match.
    pub synonyms: Vec<usize>,
}

/// How a window compares with one keyword.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Score {
    /// 0 to 1: the softmax over all competing words, or the keyword's own where the model scores each by
    /// itself.
    pub probability: f32,
    /// -1 to 1.
    pub cosine: f32,
    /// Cosine less that of the background word which fits best and means something else; the cosine itself
    /// where there is none.
    pub margin: f32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_background_word_that_means_the_same_changes_the_margin_alone() {
        // Background words: one that is nearly the first keyword, and another.
        let rows = vec![1.0, 0.0, 0.0, 1.0, 0.9999, 0.0141, 0.6, 0.8];
        let keyword = |rows| KeywordWords { rows, example: None, synonyms: Vec::new() };
        let all = Words {
            keywords: vec![keyword(0..1), keyword(1..2)],
            matrix: WordMatrix::new(rows, 2),
            competing: 4,
            logit_scale: 10.0,
            scoring: Scoring::Softmax,
            refinement: None,
        };
        let mut told = all.clone();
        told.keywords[0].synonyms = vec![2];
        let cosines = [0.30, 0.10, 0.31, 0.20];
        let (mut plain, mut scores) = (Vec::new(), Vec::new());
        all.score(0, &cosines, &mut plain);
        told.score(0, &cosines, &mut scores);
        assert!((plain[0].margin + 0.01).abs() < 1e-6 && (scores[0].margin - 0.1).abs() < 1e-6);
        assert_eq!(plain[1], scores[1]);
        assert_eq!((plain[0].probability, plain[0].cosine), (scores[0].probability, scores[0].cosine));
        told.keywords[0].synonyms = vec![2, 3];
        told.score(0, &cosines, &mut scores);
        assert_eq!(scores[0].margin, 0.30, "nothing else is left");
    }

    #[test]
    fn refinement_changes_the_probability_of_the_windows_that_it_knows() {
        let keyword = |rows| KeywordWords { rows, example: None, synonyms: Vec::new() };
        let mut words = Words {
            keywords: vec![keyword(0..2), keyword(2..3)],
            matrix: WordMatrix::new(vec![1.0, 0.0, 0.0, 1.0, 0.6, 0.8, 0.8, 0.6], 2),
            competing: 4,
            logit_scale: 10.0,
            scoring: Scoring::Softmax,
            refinement: None,
        };
        let (mut plain, mut refined) = (Vec::new(), Vec::new());
        let cosines = [0.4, 0.2, 0.9, 0.1];
        words.score(5, &cosines, &mut plain);
        words.refinement =
            Some(Arc::new(Refinement::new(&words, &[5, 2], &[0.1, 0.2, 0.3, 0.4, 0.0, 0.5, 0.5, 0.0])));
        for (window, wanted) in [(5, [0.3, 0.3]), (2, [0.5, 0.5])] {
            words.score(window, &cosines, &mut refined);
            for (score, (plain, wanted)) in refined.iter().zip(plain.iter().zip(wanted)) {
                assert!((score.probability - wanted).abs() < 1e-6);
                assert_eq!((score.cosine, score.margin), (plain.cosine, plain.margin));
            }
        }
        for window in [0, 6] {
            words.score(window, &cosines, &mut refined);
            assert_eq!(refined, plain, "window {window} came later");
        }
    }

    #[test]
    fn a_sigmoid_scores_each_word_by_itself() {
        let keyword = |rows| KeywordWords { rows, example: None, synonyms: Vec::new() };
        let mut words = Words {
            keywords: vec![keyword(0..1), keyword(1..2)],
            matrix: WordMatrix::new(vec![1.0, 0.0, 0.0, 1.0, 0.6, 0.8], 2),
            competing: 3,
            logit_scale: 10.0,
            scoring: Scoring::Sigmoid { bias: -3.0 },
            refinement: None,
        };
        let (mut all, mut alone) = (Vec::new(), Vec::new());
        words.score(0, &[0.4, 0.2, 0.9], &mut all);
        // Without the background word.
        words.matrix = WordMatrix::new(vec![1.0, 0.0, 0.0, 1.0], 2);
        words.competing = 2;
        words.score(0, &[0.4, 0.2], &mut alone);
        let sigmoid = |logit: f32| 1.0 / (1.0 + (-logit).exp());
        for scores in [all, alone] {
            assert!((scores[0].probability - sigmoid(1.0)).abs() < 1e-6);
            assert!((scores[1].probability - sigmoid(-1.0)).abs() < 1e-6);
        }
    }
}

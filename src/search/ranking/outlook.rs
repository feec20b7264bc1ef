//! What a window may still become, told by the cosines that are known of it.

use super::candidate::Bound;
use crate::clip::Scoring;
use crate::search::query::RankBy;
use crate::search::words::Words;

/// How far below the worst kept probability a window must lie for certain: far more than single precision
/// makes of an exponential, and of no account for what it spares.
const LEEWAY: f64 = 0.99;
/// Probabilities below it are not told apart by their logarithms.
const LEAST: f32 = 1e-30;

/// What a window must reach to be among the best of a keyword.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bar {
    /// There is room for any, or it can't be told by cosines.
    Any,
    /// Its cosine to the keyword is at least this.
    Cosine(f32),
    /// No word that shares probability fits it better than the keyword by more than this.
    Lead(f32),
}

impl Bar {
    pub fn new(words: &Words, keyword: usize, rank_by: RankBy, bound: Bound) -> Self {
        let Some((key, _)) = bound else { return Self::Any };
        if !words.is_by_probability(keyword, rank_by) {
            return Self::Cosine(key);
        }
        let scale = f64::from(words.logit_scale);
        if words.refinement.is_some() || key < LEAST || scale <= 0.0 {
            return Self::Any;
        }
        let least = f64::from(key) * LEEWAY;
        let odds = ((1.0 - least) / least).ln();
        match words.scoring {
            // All alternatives of the keyword at their best against one other word.
            Scoring::Softmax => {
                let alternatives = words.keywords[keyword].rows.len() as f64;
                Self::Lead(((odds + alternatives.ln()) / scale) as f32)
            }
            Scoring::Sigmoid { bias } => Self::Cosine(((-odds - f64::from(bias)) / scale) as f32),
        }
    }

    /// Whether a window may reach it: one of some `cosine` to the keyword, or to the example that it is;
    /// `best` is that of the keyword's alternatives, and `other` the greatest known of the words that share
    /// probability with them. What isn't a number may reach anything.
    pub fn is_in_reach(self, cosine: f32, best: f32, other: f32) -> bool {
        let falls_short = match self {
            Self::Any => false,
            Self::Cosine(least) => cosine < least,
            Self::Lead(most) => other - best > most,
        };
        !falls_short
    }
}

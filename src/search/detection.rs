//! What is found: windows that rank among the best for a keyword.

use std::sync::Arc;

use super::heat_map::HeatMap;
use super::query::RankBy;
use super::regions::Outline;
use crate::raster::Rect;

/// A window that ranks among the best for a keyword.
#[derive(Clone, Debug, PartialEq)]
pub struct Detection {
    pub keyword: String,
    /// 1 is the best.
    pub rank: usize,
    /// Softmax over keywords and background words, 0 to 1.
    pub probability: f32,
    /// -1 to 1.
    pub cosine: f32,
    /// The window in level-0 pixels, as far as it lies in the scene.
    pub window: Rect,
    /// The part of the window that has no data or lies beyond the scene, 0 to 1. The model saw the mean
    /// colour of the rest there.
    pub nodata: f32,
    /// The outline of what was found, in a dense scan; `window` is the box around it.
    pub outline: Option<Arc<Outline>>,
    /// Whether it reaches the query's threshold.
    pub clear: bool,
    /// Whether it is no clear match: by the threshold that the query names, else by that of
    /// `Threshold::Auto`.
    pub weak: bool,
    /// Whether its keyword is an example alone, which ranks by cosine whatever the query ranks by.
    pub by_example: bool,
    /// (keyword, probability, cosine) of this window for every keyword, in the order of the query; none where
    /// there are more than some thirty, of which memory would be full.
    pub scores: Vec<(String, f32, f32)>,
}

impl Detection {
    /// The score that it was ranked by, in a query that ranks by `rank_by`.
    #[must_use]
    pub fn score(&self, rank_by: RankBy) -> f32 {
        match self.ranked_by(rank_by) {
            RankBy::Probability => self.probability,
            RankBy::Cosine => self.cosine,
        }
    }

    /// What it was ranked by, in a query that ranks by `rank_by`.
    #[must_use]
    pub fn ranked_by(&self, rank_by: RankBy) -> RankBy {
        if self.by_example { RankBy::Cosine } else { rank_by }
    }

    /// The score that it was ranked by, in few digits.
    #[must_use]
    pub fn score_text(&self, rank_by: RankBy) -> String {
        match self.ranked_by(rank_by) {
            // Among many words even a clear winner may have a small share.
            RankBy::Probability if self.probability < 0.1 => format!("{:.3}", self.probability),
            RankBy::Probability => format!("{:.2}", self.probability),
            RankBy::Cosine => format!("{:.3}", self.cosine),
        }
    }

    /// What stands at its box: rank, keyword, score.
    #[must_use]
    pub fn label(&self, rank_by: RankBy) -> String {
        format!("{} {} {}", self.rank, self.keyword, self.score_text(rank_by))
    }
}

/// What a scan has found so far. It reads as its detections.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// Keywords in the order of the query, ranks ascending.
    pub detections: Vec<Detection>,
    /// The heat map that was asked for, with its keyword.
    pub heat_map: Option<(String, Arc<HeatMap>)>,
    /// What stands for each keyword, to be saved and looked for in other scenes: the first of its
    /// alternatives, after feedback.
    pub vectors: Vec<(String, Arc<[f32]>)>,
}

impl std::ops::Deref for Answer {
    type Target = [Detection];

    fn deref(&self) -> &[Detection] {
        &self.detections
    }
}

impl Answer {
    /// What stands for a keyword, as it was compared.
    #[must_use]
    pub fn vector(&self, keyword: &str) -> Option<&Arc<[f32]>> {
        self.vectors.iter().find(|(name, _)| name == keyword).map(|(_, vector)| vector)
    }

    /// The keywords of `query` without a clear match.
    #[must_use]
    pub fn without_match<'a>(&self, keywords: &'a [String]) -> Vec<&'a str> {
        let clear = |keyword: &&String| self.iter().any(|found| found.clear && found.keyword == **keyword);
        keywords.iter().filter(|keyword| !clear(keyword)).map(String::as_str).collect()
    }
}

pub type Ranking = Arc<Answer>;

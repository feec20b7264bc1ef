//! Candidates: the windows that are kept for a keyword while all are ranked, and which of two is given up
//! first.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::sync::Arc;

use super::words::Score;

/// A kept window; the greatest is the one to give up first.
#[derive(Clone)]
pub struct CandidateWindow {
    pub(super) key: f32,
    pub window: u32,
    /// The part of the window without data.
    pub nodata: f32,
    /// How many windows came before it.
    pub arrival: u32,
    /// That of the keyword it is kept for.
    pub score: Score,
    /// One for every keyword, which all keywords share that keep the window; `None` beyond
    /// [`super::ranking::MANY_KEYWORDS`] keywords.
    pub(super) all: Option<Arc<Vec<Score>>>,
}

impl Ord for CandidateWindow {
    fn cmp(&self, other: &Self) -> Ordering {
        other.key.total_cmp(&self.key).then(self.window.cmp(&other.window))
    }
}

impl PartialOrd for CandidateWindow {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for CandidateWindow {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for CandidateWindow {}

impl CandidateWindow {
    /// What it is ranked by.
    pub fn key(&self) -> f32 {
        self.key
    }

    /// The scores of all keywords in their order; nothing where there are too many of them.
    pub fn all_scores(&self) -> &[Score] {
        self.all.as_deref().map_or(&[], Vec::as_slice)
    }
}

/// Counts a window for a keyword, and tells whether it is among the best so far.
pub fn is_kept(
    candidate: &CandidateWindow,
    best: &BinaryHeap<CandidateWindow>,
    won: &mut usize,
    keep: usize,
) -> bool {
    if !candidate.key.is_finite() || keep == 0 {
        return false;
    }
    *won += usize::from(candidate.score.margin >= 0.0);
    best.len() < keep || best.peek().is_some_and(|worst| candidate < worst)
}

/// Keeps a window, in place of the worst where there is no room.
pub fn put(candidate: CandidateWindow, best: &mut BinaryHeap<CandidateWindow>, keep: usize) {
    if best.len() >= keep {
        best.pop();
    }
    best.push(candidate);
}

//! Candidates: the windows that are kept for a keyword while all are ranked, and which of them are given up.

use std::cmp::Ordering;
use std::sync::Arc;

use crate::search::words::Score;

/// So many windows beyond those that are wanted are collected at least, before the worst leave.
const LEAST_SPARE: usize = 64;

/// A kept window; the greatest is the one to give up first.
#[derive(Clone)]
pub struct CandidateWindow {
    /// What it is ranked by.
    pub key: f32,
    pub window: u32,
    /// The part of the window without data.
    pub nodata: f32,
    /// How many windows came before it.
    pub arrival: u32,
    /// That of the keyword it is kept for.
    pub score: Score,
    /// One for every keyword, which all keywords share that keep the window; `None` for a single keyword, and
    /// beyond [`super::MANY_KEYWORDS`].
    pub all: Option<Arc<Vec<Score>>>,
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
    /// The scores of all of so many keywords in their order; nothing where there are too many of them.
    pub fn all_scores(&self, keywords: usize) -> &[Score] {
        let own = if keywords == 1 { std::slice::from_ref(&self.score) } else { &[] };
        self.all.as_deref().map_or(own, Vec::as_slice)
    }
}

/// The best windows of a keyword.
pub struct Best {
    /// In no order, and a few more than are wanted.
    candidates: Vec<CandidateWindow>,
    keep: usize,
    bound: Bound,
}

/// How good a window must be to be among the best: what it is ranked by, and its number in the layout must be
/// less where another one has the same. `None` while there is room for any.
pub type Bound = Option<(f32, u32)>;

impl Best {
    pub fn new(keep: usize) -> Self {
        Self { candidates: Vec::new(), keep, bound: None }
    }

    pub fn bound(&self) -> Bound {
        self.bound
    }

    /// Keeps a window if it may be among the best. Returns whether it did.
    pub fn put(&mut self, candidate: CandidateWindow) -> bool {
        if self.keep == 0 || self.bound.is_some_and(|bound| is_beyond(bound, candidate.key, candidate.window))
        {
            return false;
        }
        self.candidates.push(candidate);
        // The worst leave when there are some, not one by one: a heap takes several times as long.
        let most =
            if self.bound.is_none() { self.keep } else { self.keep + (self.keep / 4).max(LEAST_SPARE) };
        if self.candidates.len() >= most {
            let (_, worst, _) = self.candidates.select_nth_unstable(self.keep - 1);
            self.bound = Some((worst.key, worst.window));
            self.candidates.truncate(self.keep);
        }
        true
    }

    /// The best first.
    pub fn sorted(&self) -> Vec<&CandidateWindow> {
        let mut candidates: Vec<&CandidateWindow> = self.candidates.iter().collect();
        candidates.sort_unstable();
        candidates.truncate(self.keep);
        candidates
    }
}

/// Whether a window that is ranked by `key` can't be among the best any more.
pub fn is_beyond(bound: (f32, u32), key: f32, window: u32) -> bool {
    key.total_cmp(&bound.0).then(bound.1.cmp(&window)).is_le()
}

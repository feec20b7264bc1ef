//! The running top-k: which windows are best for each keyword.
//!
//! A [`Comparer`] counts as many cosines of each window as it takes to tell whether it may be among the best;
//! [`Kept`] are the best so far, whose worst in turn tell comparers what isn't worth another look. While all
//! windows of a scene are ranked there is a comparer for each core, and one [`Kept`] for all of them.

mod candidate;
mod comparer;
mod outlook;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, PoisonError};

use half::f16;

use self::candidate::Best;
pub use self::candidate::CandidateWindow;
use self::comparer::{Comparer, Found};
use super::query::RankBy;
use super::words::Words;

/// With more keywords than this, a window is kept for a keyword with the score of that alone: with those of
/// all others memory would grow with the square of their number.
pub const MANY_KEYWORDS: usize = 32;

/// A window number that stands for none.
pub const NO_WINDOW: u32 = u32::MAX;

/// Keeps the best windows of every keyword. Its memory is a few bytes for each window and keyword that it
/// keeps, however many windows pass through. The order in which windows arrive doesn't matter: ties go to the
/// window that is earlier in grid order.
pub struct Ranker {
    kept: Kept,
    /// Compares what is pushed.
    comparer: Comparer,
}

impl Ranker {
    /// Keeps the best `keep` windows of every keyword.
    pub fn new(words: Arc<Words>, rank_by: RankBy, keep: usize) -> Self {
        Self { kept: Kept::new(words.keywords.len(), keep), comparer: Comparer::new(words, rank_by) }
    }

    /// Takes windows into account, whose embeddings lie one after the other. [`NO_WINDOW`] is passed over,
    /// and so is a window without data. Returns whether the ranking may have changed.
    pub fn push(&mut self, windows: &[u32], nodata: &[f32], embeddings: &[f16]) -> bool {
        let mut changed = false;
        self.comparer.compare(windows, nodata, embeddings, |found| changed |= self.kept.take(found));
        changed
    }

    /// What compares windows on one of several threads, to be added by [`SharedRanker::push`].
    pub fn shared(self) -> SharedRanker {
        SharedRanker { kept: Mutex::new(self.kept), comparer: self.comparer }
    }

    pub fn words(&self) -> &Words {
        self.comparer.words()
    }

    /// The kept windows of a keyword, the best first.
    pub fn best(&self, keyword: usize) -> Vec<&CandidateWindow> {
        self.kept.best[keyword].sorted()
    }

    /// How many of all windows so far have a margin of at least 0 for a keyword.
    pub fn won(&self, keyword: usize) -> usize {
        self.kept.won[keyword]
    }
}

/// A ranker that several threads fill.
pub struct SharedRanker {
    kept: Mutex<Kept>,
    comparer: Comparer,
}

impl SharedRanker {
    /// What a thread compares windows with.
    pub fn comparer(&self) -> Comparer {
        self.comparer.fresh()
    }

    /// As [`Ranker::push`], with the comparer of a thread.
    pub fn push(&self, comparer: &mut Comparer, windows: &[u32], nodata: &[f32], embeddings: &[f16]) {
        comparer.compare(windows, nodata, embeddings, |found| {
            self.kept.lock().unwrap_or_else(PoisonError::into_inner).take(found);
        });
    }

    /// The ranker, when all threads are done.
    pub fn finish(self) -> Ranker {
        let kept = self.kept.into_inner().unwrap_or_else(PoisonError::into_inner);
        Ranker { kept, comparer: self.comparer }
    }
}

/// The best windows so far.
struct Kept {
    /// Of each keyword.
    best: Vec<Best>,
    /// For each keyword, windows that it fits at least as well as every background word that means something
    /// else.
    won: Vec<usize>,
    /// Windows that were taken into account.
    windows: usize,
}

impl Kept {
    fn new(keywords: usize, keep: usize) -> Self {
        Self { best: (0..keywords).map(|_| Best::new(keep)).collect(), won: vec![0; keywords], windows: 0 }
    }

    /// Takes over what was found, and tells in it how good a window must be from now on. Returns whether the
    /// ranking may have changed.
    fn take(&mut self, found: &mut Found) -> bool {
        let before = u32::try_from(self.windows).unwrap_or(u32::MAX);
        let mut changed = false;
        for (keyword, mut candidate) in found.candidates.drain(..) {
            candidate.arrival = candidate.arrival.saturating_add(before);
            changed |= self.best[keyword as usize].put(candidate);
        }
        for (won, more) in self.won.iter_mut().zip(&mut found.won) {
            *won += std::mem::take(more);
        }
        self.windows += std::mem::take(&mut found.windows);
        found.bounds.clear();
        found.bounds.extend(self.best.iter().map(Best::bound));
        changed
    }
}

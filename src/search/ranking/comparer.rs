//! Comparing windows with words, no further than it takes to know that they don't rank.
//!
//! What is known of a keyword after all windows were compared: the best windows with all their scores, and
//! how many windows it fits at least as well as every background word. A window that one background word fits
//! better doesn't count for the latter, and if it fits better by so much that the probability is below that
//! of the worst kept window, the other words needn't be looked at. Most windows are told by a few words, and
//! what comes out is the same to the last bit.

use std::sync::Arc;

use half::f16;

use super::candidate::{Bound, CandidateWindow, is_beyond};
use super::outlook::Bar;
use super::{MANY_KEYWORDS, NO_WINDOW};
use crate::search::query::RankBy;
use crate::search::similarity::{Block, DotProductScratch};
use crate::search::words::{Score, Words};

/// Background words that a window is compared with at first.
const FIRST_WORDS: usize = 6;
/// Fewer background words than so many for each row of the keywords are compared at once.
const WORTH_SCREENING: usize = 4;

/// Compares windows with words, on one thread.
pub struct Comparer {
    words: Arc<Words>,
    rank_by: RankBy,
    /// The rows of the keywords, and of examples.
    first: Vec<u32>,
    /// Those of background words, in the order in which windows are compared with them.
    background: Vec<u32>,
    /// How many windows each of them fitted best; in the order of the words, and empty when the order is
    /// made.
    fitted: Vec<usize>,
    /// Whether there are so many of them that it pays to look at a few first.
    is_screened: bool,
    bars: Vec<Bar>,
    found: Found,
    scratch: DotProductScratch,
    cosines: Vec<f32>,
    standings: Vec<Standing>,
    /// For each window of a block, the greatest cosine to a background word that is known.
    rivals: Vec<f32>,
    scores: Vec<Score>,
}

/// What was found since it was last taken over.
#[derive(Default)]
pub struct Found {
    /// With the index of the keyword; their arrivals are counted from the windows that were taken over.
    pub candidates: Vec<(u32, CandidateWindow)>,
    /// For each keyword, see [`super::Kept`].
    pub won: Vec<usize>,
    pub windows: usize,
    /// How good a window must be, as far as is known.
    pub bounds: Vec<Bound>,
}

/// How a window stands with a keyword.
#[derive(Clone, Copy)]
struct Standing {
    /// The greatest cosine to its alternatives.
    best: f32,
    /// Whether a background word that means something else fits better.
    is_lost: bool,
}

impl Comparer {
    pub fn new(words: Arc<Words>, rank_by: RankBy) -> Self {
        let (keywords, background) = (words.keywords.len(), words.background());
        let all = 0..words.matrix.words();
        let (background, first) = all.partition::<Vec<usize>, _>(|row| background.contains(row));
        let rows = |rows: Vec<usize>| rows.into_iter().map(|row| row as u32).collect();
        let is_screened = background.len() >= WORTH_SCREENING * first.len();
        Self {
            fitted: vec![0; if is_screened { words.matrix.words() } else { 0 }],
            is_screened,
            first: rows(first),
            background: rows(background),
            words,
            rank_by,
            bars: vec![Bar::Any; keywords],
            found: Found { won: vec![0; keywords], bounds: vec![None; keywords], ..Found::default() },
            scratch: DotProductScratch::default(),
            cosines: Vec::new(),
            standings: Vec::new(),
            rivals: Vec::new(),
            scores: Vec::new(),
        }
    }

    /// One that compares with the same words and has seen nothing.
    pub fn fresh(&self) -> Self {
        Self::new(Arc::clone(&self.words), self.rank_by)
    }

    pub fn words(&self) -> &Words {
        &self.words
    }

    /// Compares windows block by block, and hands over what was found in each.
    pub fn compare(
        &mut self,
        windows: &[u32],
        nodata: &[f32],
        embeddings: &[f16],
        mut hand_over: impl FnMut(&mut Found),
    ) {
        let length = self.words.matrix.embedding_len();
        // Blocks that stay in a near cache.
        let block = ((1 << 16) / length.max(1)).max(4) & !3;
        let blocks = windows.chunks(block).zip(nodata.chunks(block)).zip(embeddings.chunks(block * length));
        let mut rows = Vec::with_capacity(block);
        for ((windows, nodata), embeddings) in blocks {
            let is_wanted = |row: &u32| windows[*row as usize] != NO_WINDOW && nodata[*row as usize] < 1.0;
            rows.clear();
            rows.extend((0..windows.len() as u32).filter(is_wanted));
            if !rows.is_empty() {
                self.compare_block(&rows, windows, nodata, embeddings);
                hand_over(&mut self.found);
            }
        }
    }

    fn compare_block(&mut self, rows: &[u32], windows: &[u32], nodata: &[f32], embeddings: &[f16]) {
        let words = Arc::clone(&self.words);
        let bounds = self.found.bounds.iter().enumerate();
        self.bars = bounds.map(|(keyword, bound)| Bar::new(&words, keyword, self.rank_by, *bound)).collect();
        self.standings.resize(windows.len() * words.keywords.len(), Standing { best: 0.0, is_lost: false });
        self.rivals.resize(windows.len(), 0.0);
        self.cosines.resize(windows.len() * words.matrix.words(), 0.0);
        let mut scratch = std::mem::take(&mut self.scratch);
        let block = Block::new(embeddings, &mut scratch);

        block.products(rows, &words.matrix, &self.first, &mut self.cosines);
        for row in rows {
            self.begin(*row as usize);
        }
        let mut left = rows.to_vec();
        let is_screened = self.is_screened && !self.bars.contains(&Bar::Any);
        if is_screened && !self.fitted.is_empty() {
            // The same words fit most windows of a scene.
            let fitted = std::mem::take(&mut self.fitted);
            self.background.sort_by_key(|row| std::cmp::Reverse(fitted[*row as usize]));
        }
        let background = std::mem::take(&mut self.background);
        let mut seen = 0;
        while seen < background.len() && !left.is_empty() {
            let more = if is_screened { seen.max(FIRST_WORDS) } else { background.len() };
            let next = &background[seen..background.len().min(seen + more)];
            block.products(&left, &words.matrix, next, &mut self.cosines);
            for row in &left {
                self.go_on(*row as usize, next);
            }
            seen += next.len();
            if is_screened && seen < background.len() {
                left.retain(|row| !self.is_settled(*row as usize));
            }
        }
        self.background = background;
        self.scratch = scratch;

        for &row in &left {
            let arrival = self.found.windows + rows.partition_point(|other| *other < row);
            self.finish(&words, row as usize, arrival, (windows[row as usize], nodata[row as usize]));
        }
        self.found.windows += rows.len();
    }

    /// Takes the cosines to the keywords into account.
    fn begin(&mut self, row: usize) {
        let cosines = &self.cosines[row * self.words.matrix.words()..];
        let keywords = self.words.keywords.iter();
        let standings = &mut self.standings[row * keywords.len()..];
        for (standing, keyword) in standings.iter_mut().zip(keywords) {
            let own = &cosines[keyword.rows.clone()];
            let best = own.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            // Without a background word that means something else, the cosine itself is the margin.
            let is_alone = keyword.synonyms.len() >= self.words.background().len();
            *standing = Standing { best, is_lost: is_alone && best < 0.0 };
        }
        self.rivals[row] = f32::NEG_INFINITY;
    }

    /// Takes the cosines to some background words into account.
    fn go_on(&mut self, row: usize, background: &[u32]) {
        let cosines = &self.cosines[row * self.words.matrix.words()..];
        let rival = background.iter().map(|word| cosines[*word as usize]).fold(self.rivals[row], f32::max);
        self.rivals[row] = rival;
        let keywords = self.words.keywords.iter();
        let standings = &mut self.standings[row * keywords.len()..];
        for (standing, keyword) in standings.iter_mut().zip(keywords) {
            standing.is_lost |= rival > standing.best
                && (keyword.synonyms.is_empty()
                    || background
                        .iter()
                        .map(|word| *word as usize)
                        .any(|word| cosines[word] > standing.best && !keyword.synonyms.contains(&word)));
        }
    }

    /// Whether all words beyond those that were looked at make no difference.
    fn is_settled(&self, row: usize) -> bool {
        let count = self.words.keywords.len();
        let all_lost = self.standings[row * count..][..count].iter().all(|standing| standing.is_lost);
        all_lost && !self.may_rank(row)
    }

    /// Whether a window may be among the best of a keyword.
    fn may_rank(&self, row: usize) -> bool {
        let keywords = &self.words.keywords;
        let standings = &self.standings[row * keywords.len()..][..keywords.len()];
        // The two that fit best, of which each keyword has another one beside itself.
        let (mut first, mut second) = (f32::NEG_INFINITY, f32::NEG_INFINITY);
        for standing in standings {
            second = second.max(first.min(standing.best));
            first = first.max(standing.best);
        }
        let cosines = &self.cosines[row * self.words.matrix.words()..];
        standings.iter().zip(keywords).zip(&self.bars).any(|((standing, keyword), bar)| {
            let best = standing.best;
            let other = if best == first { second } else { first };
            let cosine = keyword.example.map_or(best, |example| cosines[example]);
            bar.is_in_reach(cosine, best, other.max(self.rivals[row]))
        })
    }

    /// Counts a window that was compared with all words, and keeps it where it may be among the best.
    fn finish(&mut self, words: &Words, row: usize, arrival: usize, (window, nodata): (u32, f32)) {
        let (count, keywords) = (words.matrix.words(), words.keywords.len());
        if !self.may_rank(row) {
            let standings = &self.standings[row * keywords..][..keywords];
            for (won, standing) in self.found.won.iter_mut().zip(standings) {
                let is_won = !standing.is_lost && standing.best.is_finite();
                *won += usize::from(is_won);
            }
            return;
        }
        let cosines = &self.cosines[row * count..][..count];
        if !self.fitted.is_empty() {
            let by_cosine = |a: &&u32, b: &&u32| cosines[**a as usize].total_cmp(&cosines[**b as usize]);
            let best = self.background.iter().max_by(by_cosine);
            if let Some(word) = best {
                self.fitted[*word as usize] += 1;
            }
        }
        words.score(window, cosines, &mut self.scores);
        let arrival = u32::try_from(arrival).unwrap_or(u32::MAX);
        let mut shared = None;
        for (keyword, &score) in self.scores.iter().enumerate() {
            let key = words.key(keyword, self.rank_by, score.probability, score.cosine);
            if !key.is_finite() {
                continue;
            }
            self.found.won[keyword] += usize::from(score.margin >= 0.0);
            if self.found.bounds[keyword].is_some_and(|bound| is_beyond(bound, key, window)) {
                continue;
            }
            let all = (2..=MANY_KEYWORDS)
                .contains(&keywords)
                .then(|| Arc::clone(shared.get_or_insert_with(|| Arc::new(self.scores.clone()))));
            let candidate = CandidateWindow { key, window, nodata, arrival, score, all };
            self.found.candidates.push((keyword as u32, candidate));
        }
    }
}

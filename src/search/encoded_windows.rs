//! The windows of a scene that were encoded, by this scan or an earlier one, and queries on all of them.

use std::io;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use half::f16;
use rayon::iter::{IndexedParallelIterator, IntoParallelIterator, ParallelIterator};

use super::error::QueryError;
use super::heat_map::{Blend, HeatMap};
use super::query::RankBy;
use super::ranking::{CandidateWindow, MANY_KEYWORDS, NO_WINDOW, Ranker};
use super::refinement::{self, Neighbours, Refinement};
use super::regions::{CellValues, Region, regions, surface};
use super::similarity;
use super::threshold::margin_of_sizes;
use super::words::{Score, Words};
use crate::raster::Rect;
use crate::store::{Collection, Provenance, Record, Store, StoredBatch, WindowId};
use crate::windows::{WindowKey, WindowLayout};

/// Rows of a batch that one thread takes at once.
const CHUNK: usize = 1024;
/// A probability that is as good as none.
const LEAST_PROBABILITY: f32 = 1e-6;
/// A cell sees beyond itself: the box of a region has sides of at least so many of the finest cells.
const LEAST_CELLS: u32 = 2;

/// The embeddings of a scene together with the numbers that its windows have in a layout.
pub struct EncodedWindows {
    pub collection: Collection,
    /// For every batch of the collection, the number of each of its windows in the layout.
    numbers: Vec<Vec<u32>>,
    /// See [`Self::mean`]; counted when it is asked for, and anew when windows were added.
    mean: OnceLock<Vec<f32>>,
}

impl EncodedWindows {
    pub fn new(collection: Collection, layout: &WindowLayout) -> Self {
        let mut encoded = Self { collection, numbers: Vec::new(), mean: OnceLock::new() };
        encoded.number(layout);
        encoded
    }

    /// All windows of a collection, whatever grid they belong to, or those with one of some sides. They are
    /// numbered row by row; the second value tells where the window of a number lies.
    pub fn all(collection: Collection, sides: &[u32]) -> (Self, Vec<WindowKey>) {
        let batches = collection.batches().iter();
        let mut numbers: Vec<Vec<u32>> = batches.map(|batch| vec![NO_WINDOW; batch.len()]).collect();
        let mut places = Vec::new();
        for (key, id) in collection.in_order() {
            if sides.is_empty() || sides.contains(&key.side) {
                numbers[id.batch as usize][id.row as usize] = places.len() as u32;
                places.push(key);
            }
        }
        (Self { collection, numbers, mean: OnceLock::new() }, places)
    }

    /// Numbers the windows of batches that are new.
    pub fn number(&mut self, layout: &WindowLayout) {
        let known = self.numbers.len();
        if known < self.collection.batches().len() {
            self.mean = OnceLock::new();
        }
        for (index, batch) in self.collection.batches().iter().enumerate().skip(known) {
            let number = |row: usize| {
                let key = batch.key(row);
                let id = WindowId { batch: index as u32, row: row as u32 };
                // A window that two programs encoded counts once.
                let is_first = self.collection.find(key) == Some(id);
                let window = layout.find(key).filter(|_| is_first);
                window.map_or(NO_WINDOW, |window| window as u32)
            };
            self.numbers.push((0..batch.len()).map(number).collect());
        }
    }

    /// How many windows of the layout have an embedding, and how many have no data.
    pub fn count(&self) -> (usize, usize) {
        let batches = self.collection.batches().iter().zip(&self.numbers);
        let rows = batches.flat_map(|(batch, numbers)| numbers.iter().zip(batch.nodata()));
        let wanted = rows.filter(|(number, _)| **number != NO_WINDOW);
        wanted.fold(
            (0, 0),
            |(windows, empty), (_, nodata)| {
                if *nodata < 1.0 { (windows + 1, empty) } else { (windows, empty + 1) }
            },
        )
    }

    /// Adds windows.
    pub fn append(&mut self, records: &[Record]) -> io::Result<()> {
        self.collection.append(records)
    }

    /// Moves the windows of a temporary collection into a store.
    pub fn move_to(&mut self, store: &Store, provenance: Provenance) -> io::Result<()> {
        self.collection.move_to(store, provenance)?;
        self.numbers.clear();
        Ok(())
    }

    /// The batches that have numbers, but for the first `from`: of each the numbers of its windows, the part
    /// of each without data and their embeddings.
    pub fn numbered(&self, from: usize) -> impl Iterator<Item = (&[u32], &[f32], &[f16])> {
        let batches = self.collection.batches().iter().zip(&self.numbers).skip(from);
        batches.map(|(batch, numbers)| (&**numbers, batch.nodata(), batch.embeddings()))
    }

    /// Takes the windows that were added into account.
    pub fn refresh(&mut self, layout: &WindowLayout) -> io::Result<()> {
        self.collection.refresh()?;
        self.number(layout);
        Ok(())
    }

    /// Ranks all windows of the layout on all cores. `None` when `stale` says that nobody waits for it any
    /// more.
    pub fn rank(
        &self,
        words: &Arc<Words>,
        rank_by: RankBy,
        keep: usize,
        stale: &(dyn Fn() -> bool + Sync),
    ) -> Option<Ranker> {
        let ranker = Ranker::new(Arc::clone(words), rank_by, keep).shared();
        let (chunks, next) = (self.chunks(), AtomicUsize::new(0));
        // One ranking for all cores: one for each would take memory, and time to put them together.
        (0..rayon::current_num_threads()).into_par_iter().with_max_len(1).for_each(|_| {
            let mut comparer = ranker.comparer();
            while let Some(chunk) = chunks.get(next.fetch_add(1, Ordering::Relaxed)).filter(|_| !stale()) {
                ranker.push(&mut comparer, chunk.numbers, chunk.nodata, chunk.embeddings);
            }
        });
        (!stale()).then(|| ranker.finish())
    }

    /// The words with the probabilities of all windows of the layout refined among each other; `place` tells
    /// where a window of a number lies. `None` when `stale` says that nobody waits for it any more.
    ///
    /// # Errors
    /// When `count` windows, all that there will be, are too many for the words.
    pub fn refine(
        &self,
        words: Words,
        count: usize,
        place: &dyn Fn(u32) -> WindowKey,
        stale: &(dyn Fn() -> bool + Sync),
    ) -> Result<Option<Words>, QueryError> {
        refinement::check_size(count, words.competing)?;
        let length = self.collection.embedding_len();
        let mut rows: Vec<(u32, &[f16])> =
            self.chunks().iter().flat_map(|chunk| chunk.numbered(length)).collect();
        // By their numbers, since the order in which windows were read may not make a difference.
        rows.sort_unstable_by_key(|(window, _)| *window);
        let (windows, embeddings): (Vec<u32>, Vec<&[f16]>) = rows.into_iter().unzip();
        let places: Vec<WindowKey> = windows.iter().map(|window| place(*window)).collect();
        let neighbours = Neighbours::in_scene(&embeddings, &places);
        let refined =
            refinement::refine(&embeddings, &words.competing_matrix(), words.logit_scale, &neighbours, stale);
        Ok(refined.map(|refined| {
            let refinement = Refinement::new(&words, &windows, &refined);
            Words { refinement: Some(Arc::new(refinement)), ..words }
        }))
    }

    /// A map over the scene of what windows are ranked by for a keyword.
    pub fn heat_map(
        &self,
        words: &Words,
        keyword: usize,
        rank_by: RankBy,
        layout: &WindowLayout,
        blend: Blend,
    ) -> HeatMap {
        let scene = layout.scene_size();
        let keys = self.keys(words, keyword, rank_by).into_iter();
        let windows = keys.map(|(window, score)| (layout.rect(window as usize), score));
        HeatMap::new(scene, HeatMap::cell_for(scene, layout.tile()), blend, windows).smoothed()
    }

    /// What each window of the layout is ranked by for a keyword.
    fn keys(&self, words: &Words, keyword: usize, rank_by: RankBy) -> Vec<(u32, f32)> {
        let keys = self.chunks().into_par_iter().map(|chunk| chunk.keys(words, keyword, rank_by));
        keys.reduce(Vec::new, |mut all, more| {
            all.extend(more);
            all
        })
    }

    /// The regions of a keyword in a dense scan, the best first, each with the scores of the finest cell at
    /// its summit and the margin of all cells there. At a place, the cells of several sizes count alike:
    /// probabilities by the mean of their log odds, cosines by their mean.
    pub fn regions(
        &self,
        words: &Words,
        keyword: usize,
        rank_by: RankBy,
        layout: &WindowLayout,
        keep: usize,
    ) -> Vec<(Region, CandidateWindow)> {
        // Both on the scale of log odds, in which a softmax sees cosines.
        let by_probability = words.is_by_probability(keyword, rank_by);
        let log_odds = |key: f32| {
            let key = key.clamp(LEAST_PROBABILITY, 1.0 - LEAST_PROBABILITY);
            (key / (1.0 - key)).ln()
        };
        let scaled = |key: f32| if by_probability { log_odds(key) } else { words.logit_scale * key };
        let unscaled = |value: f32| {
            if by_probability { 1.0 / (1.0 + (-value).exp()) } else { value / words.logit_scale }
        };
        let mut values = vec![f32::NAN; layout.len()];
        for (window, key) in self.keys(words, keyword, rank_by) {
            values[window as usize] = scaled(key);
        }
        let sizes: Vec<CellValues> = layout
            .grids()
            .iter()
            .enumerate()
            .map(|(number, grid)| CellValues {
                side: grid.settings().window_pixels(),
                columns: grid.columns(),
                values: &values[layout.number(number, 0)..][..grid.len()],
            })
            .collect();
        let (scene, cell) = (layout.scene_size(), layout.tile());
        let map = surface(scene, HeatMap::cell_for(scene, cell / 2), &sizes);
        let found = regions(&map, keep, cell.saturating_mul(LEAST_CELLS), scene).into_iter();
        let with_cell = |region: Region| {
            let over = layout.over(region.summit.0, region.summit.1);
            let cells = over.filter_map(|window| self.candidate(words, keyword, rank_by, layout, window));
            let cells: Vec<CandidateWindow> = cells.collect();
            let margins: Vec<f32> = cells.iter().map(|cell| cell.score.margin).collect();
            let mut finest = cells.into_iter().next_back()?;
            finest.score.margin = margin_of_sizes(&margins, words.logit_scale);
            Some((Region { score: unscaled(region.score), ..region }, finest))
        };
        found.filter_map(with_cell).collect()
    }

    /// A window with its scores, as a ranking has it; `None` for one without an embedding.
    fn candidate(
        &self,
        words: &Words,
        keyword: usize,
        rank_by: RankBy,
        layout: &WindowLayout,
        window: usize,
    ) -> Option<CandidateWindow> {
        let (nodata, embedding) = self.collection.window(self.collection.find(layout.key(window))?)?;
        let (mut cosines, mut scores) = (Vec::new(), Vec::new());
        let scratch = &mut similarity::DotProductScratch::default();
        similarity::dot_products(embedding, &words.matrix, scratch, &mut cosines);
        words.score(window as u32, &cosines, &mut scores);
        let score = *scores.get(keyword).filter(|_| nodata < 1.0)?;
        let key = words.key(keyword, rank_by, score.probability, score.cosine);
        let all = (2..=MANY_KEYWORDS).contains(&scores.len()).then(|| Arc::new(scores));
        Some(CandidateWindow { key, window: window as u32, nodata, arrival: 0, score, all })
    }

    /// The mean, of length one, of the embeddings of all windows of the layout whose middle lies in a place
    /// (level-0 pixels); `None` where there are none.
    pub fn mean_within(&self, place: Rect, layout: &WindowLayout) -> Option<Vec<f32>> {
        let mut sum = vec![0.0_f32; self.collection.embedding_len()];
        for window in layout.within(place) {
            let Some(id) = self.collection.find(layout.key(window)) else { continue };
            let known = self.collection.window(id).filter(|(nodata, _)| *nodata < 1.0);
            let embedding = known.map_or(&[][..], |(_, embedding)| embedding);
            sum.iter_mut().zip(embedding).for_each(|(sum, value)| *sum += value.to_f32());
        }
        let norm = sum.iter().map(|value| value * value).sum::<f32>().sqrt();
        (norm > 0.0).then(|| sum.iter().map(|value| value / norm).collect())
    }

    /// What each window of another layout is ranked by for the keyword that fits it best; negative infinity
    /// where it has no embedding.
    pub fn greatest_keys(&self, words: &Words, rank_by: RankBy, layout: &WindowLayout) -> Vec<f32> {
        let (mut scratch, mut cosines, mut scores) =
            (similarity::DotProductScratch::default(), Vec::new(), Vec::new());
        let greatest_key = |window: usize| {
            let stored = self.collection.find(layout.key(window)).and_then(|id| self.collection.window(id));
            let Some((_, embedding)) = stored.filter(|(nodata, _)| *nodata < 1.0) else {
                return f32::NEG_INFINITY;
            };
            similarity::dot_products(embedding, &words.matrix, &mut scratch, &mut cosines);
            words.score(window as u32, &cosines, &mut scores);
            let key = |(keyword, score): (usize, &Score)| {
                words.key(keyword, rank_by, score.probability, score.cosine)
            };
            scores.iter().enumerate().map(key).fold(f32::NEG_INFINITY, f32::max)
        };
        (0..layout.len()).map(greatest_key).collect()
    }

    /// The mean of all embeddings in the layout, not normalised.
    pub fn mean(&self) -> Vec<f32> {
        self.mean.get_or_init(|| self.count_mean()).clone()
    }

    fn count_mean(&self) -> Vec<f32> {
        let length = self.collection.embedding_len();
        let (sum, count) = self.chunks().iter().flat_map(|chunk| chunk.numbered(length)).fold(
            (vec![0.0_f64; length], 0_u64),
            |(mut sum, count), (_, embedding)| {
                sum.iter_mut().zip(embedding).for_each(|(sum, value)| *sum += value.to_f64());
                (sum, count + 1)
            },
        );
        sum.into_iter().map(|sum| (sum / count.max(1) as f64) as f32).collect()
    }

    fn chunks(&self) -> Vec<Chunk<'_>> {
        let length = self.collection.embedding_len();
        let batches = self.collection.batches().iter().zip(&self.numbers);
        batches
            .flat_map(|(batch, numbers)| {
                let starts = (0..batch.len()).step_by(CHUNK);
                starts.map(move |start| {
                    Chunk::new(batch, numbers, start..batch.len().min(start + CHUNK), length)
                })
            })
            .collect()
    }
}

/// Some windows of a batch.
struct Chunk<'a> {
    numbers: &'a [u32],
    nodata: &'a [f32],
    embeddings: &'a [f16],
}

impl<'a> Chunk<'a> {
    fn new(batch: &'a StoredBatch, numbers: &'a [u32], rows: Range<usize>, length: usize) -> Self {
        let values = rows.start * length..rows.end * length;
        Self {
            numbers: &numbers[rows.clone()],
            nodata: &batch.nodata()[rows],
            embeddings: &batch.embeddings()[values],
        }
    }

    /// Those windows that are wanted and have data: their numbers and embeddings.
    fn numbered(&self, length: usize) -> impl Iterator<Item = (u32, &'a [f16])> + use<'a> {
        let rows = self.numbers.iter().zip(self.nodata).zip(self.embeddings.chunks_exact(length));
        rows.filter(|((number, nodata), _)| **number != NO_WINDOW && **nodata < 1.0)
            .map(|((number, _), row)| (*number, row))
    }

    /// What each window is ranked by for a keyword.
    fn keys(self, words: &Words, keyword: usize, rank_by: RankBy) -> Vec<(u32, f32)> {
        let mut products = Vec::new();
        similarity::dot_products(
            self.embeddings,
            &words.matrix,
            &mut similarity::DotProductScratch::default(),
            &mut products,
        );
        let mut scores = Vec::new();
        let rows =
            self.numbers.iter().zip(self.nodata).zip(products.chunks_exact(words.matrix.words().max(1)));
        rows.filter(|((number, nodata), _)| **number != NO_WINDOW && **nodata < 1.0)
            .map(|((number, _), cosines)| {
                words.score(*number, cosines, &mut scores);
                (*number, words.key(keyword, rank_by, scores[keyword].probability, scores[keyword].cosine))
            })
            .collect()
    }
}

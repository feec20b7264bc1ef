//! The graph of windows that are most alike.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use half::f16;
use half::slice::HalfFloatSliceExt;
use rayon::iter::{IntoParallelIterator, ParallelIterator};

use crate::random::SplitMix64;
use crate::search::similarity::{self, WordMatrix};
use crate::windows::WindowKey;

/// How many windows each is joined with.
const NEAREST: usize = 3;
/// So many windows are all compared with each other; of more, those near by and a sample.
const ALL: usize = 4096;
/// The most windows near by that one is compared with, and the sample.
const NEAR: usize = 768;
const SAMPLE: usize = 256;
/// Windows that are compared with others at once.
const MEMBERS: usize = 48;
/// Windows that they are compared with at once.
const CANDIDATES: usize = 256;

/// For each window the others that it is joined with, by their cosines: those nearest to it, and those that
/// it is nearest to (W + Wᵀ; where both is so, both count).
pub struct Neighbours {
    joined: Vec<Vec<(u32, f32)>>,
}

impl Neighbours {
    /// The nearest among all windows.
    #[must_use]
    pub fn among_all(embeddings: &[&[f16]]) -> Self {
        let all: Vec<u32> = (0..embeddings.len() as u32).collect();
        let jobs: Vec<(&[u32], &[u32])> = all.chunks(MEMBERS).map(|members| (members, &all[..])).collect();
        Self::of_jobs(embeddings, &jobs)
    }

    /// The nearest among all windows where they are few, else among those near by and a sample of the scene,
    /// since what is alike lies together and comes again. `places` are those of the windows, in order.
    #[must_use]
    pub fn in_scene(embeddings: &[&[f16]], places: &[WindowKey]) -> Self {
        if embeddings.len() <= ALL {
            return Self::among_all(embeddings);
        }
        let mut random = SplitMix64::new(0);
        let sample: Vec<u32> = (0..SAMPLE).map(|_| random.index(places.len()) as u32).collect();
        let square = |place: &WindowKey| {
            let side = place.side.max(1);
            (side, place.y / side, place.x / side)
        };
        let mut squares: BTreeMap<(u32, u32, u32), Vec<u32>> = BTreeMap::new();
        for (window, place) in places.iter().enumerate() {
            squares.entry(square(place)).or_default().push(window as u32);
        }
        let near = |(side, row, column): (u32, u32, u32)| {
            let mut near = Vec::new();
            for row in row.saturating_sub(1)..=row + 1 {
                let columns = squares.range((side, row, column.saturating_sub(1))..=(side, row, column + 1));
                near.extend(columns.flat_map(|(_, windows)| windows).copied());
            }
            let every = near.len().div_ceil(NEAR).max(1);
            let mut candidates: Vec<u32> = near.into_iter().step_by(every).chain(sample.clone()).collect();
            candidates.sort_unstable();
            candidates.dedup();
            candidates
        };
        let candidates: Vec<Vec<u32>> = squares.keys().map(|square| near(*square)).collect();
        let jobs: Vec<(&[u32], &[u32])> = squares
            .values()
            .zip(&candidates)
            .flat_map(|(windows, near)| windows.chunks(MEMBERS).map(move |members| (members, &near[..])))
            .collect();
        Self::of_jobs(embeddings, &jobs)
    }

    /// The windows that a window is joined with, and by what weight.
    pub fn of(&self, window: usize) -> &[(u32, f32)] {
        &self.joined[window]
    }

    /// Joins all `members` with the nearest of their candidates.
    fn of_jobs(embeddings: &[&[f16]], jobs: &[(&[u32], &[u32])]) -> Self {
        let nearest: Vec<Vec<[Edge; NEAREST]>> = jobs
            .into_par_iter()
            .map(|(members, candidates)| nearest(embeddings, members, candidates))
            .collect();
        let mut joined = vec![Vec::new(); embeddings.len()];
        let members = jobs.iter().flat_map(|(members, _)| *members);
        for (&window, edges) in members.zip(nearest.iter().flatten()) {
            for edge in edges.iter().filter(|edge| edge.cosine > 0.0) {
                joined[window as usize].push((edge.window, edge.cosine));
                joined[edge.window as usize].push((window, edge.cosine));
            }
        }
        // In one order, whatever jobs there were: sums depend on it.
        for edges in &mut joined {
            edges.sort_unstable_by_key(|(window, _)| *window);
        }
        Self { joined }
    }
}

/// A candidate and its cosine.
#[derive(Clone, Copy)]
struct Edge {
    window: u32,
    cosine: f32,
}

/// The candidates that are nearest to each member, itself aside; without enough of them cosines of 0.
fn nearest(embeddings: &[&[f16]], members: &[u32], candidates: &[u32]) -> Vec<[Edge; NEAREST]> {
    let none = Edge { window: 0, cosine: 0.0 };
    let mut nearest = vec![[none; NEAREST]; members.len()];
    let Some(length) = members.first().map(|member| embeddings[*member as usize].len()) else {
        return nearest;
    };
    let mut widened = vec![0.0; members.len() * length];
    for (member, row) in members.iter().zip(widened.chunks_exact_mut(length)) {
        embeddings[*member as usize].convert_to_f32_slice(row);
    }
    let matrix = WordMatrix::new(widened, length);
    let (mut scratch, mut cosines, mut rows) =
        (similarity::DotProductScratch::default(), Vec::new(), Vec::new());
    for some in candidates.chunks(CANDIDATES) {
        rows.clear();
        for candidate in some {
            rows.extend_from_slice(embeddings[*candidate as usize]);
        }
        similarity::dot_products(&rows, &matrix, &mut scratch, &mut cosines);
        for (&candidate, cosines) in some.iter().zip(cosines.chunks_exact(members.len())) {
            for ((&member, cosine), edges) in members.iter().zip(cosines).zip(&mut nearest) {
                if member != candidate {
                    insert(edges, Edge { window: candidate, cosine: *cosine });
                }
            }
        }
    }
    nearest
}

/// Keeps the greatest cosines, in falling order; of equal ones those that came first.
fn insert(edges: &mut [Edge; NEAREST], edge: Edge) {
    let place = edges.iter().position(|kept| edge.cosine.total_cmp(&kept.cosine) == Ordering::Greater);
    if let Some(place) = place {
        edges[place..].rotate_right(1);
        edges[place] = edge;
    }
}

//! From ranked windows to boxes.

use std::sync::Arc;

use super::candidate::CandidateWindow;
use super::detection::Detection;
use super::heat_map::Peak;
use super::nms;
use super::query::{BoxSettings, Query};
use super::ranking::Ranker;
use super::regions::Region;
use super::threshold::{ScoredWindow, Threshold};
use crate::raster::Rect;

/// So many windows are kept for each box that is shown, where overlapping ones make way or say the same: with
/// steps of a quarter of a window, about as many overlap one.
const CANDIDATES_PER_BOX: usize = 64;

/// How many windows a ranking for `query` has to keep for each keyword.
pub fn windows_to_keep(query: &Query) -> usize {
    let BoxSettings { suppress, merge, tight, regions: _ } = query.boxes;
    let spare = suppress.is_some() || merge || tight || query.threshold == Threshold::Auto;
    if spare { query.top_k.saturating_mul(CANDIDATES_PER_BOX) } else { query.top_k }
}

/// The detections of all keywords: keywords in the order of the query, ranks ascending. `rect` tells where a
/// window lies; of one that reaches past a scene of `size` level-0 pixels, the part within counts. `peaks`
/// has those of every keyword's heat map where boxes follow them, and is empty else; so do `regions`.
pub fn detections(
    ranker: &Ranker,
    rect: &dyn Fn(u32) -> Rect,
    size: (u32, u32),
    query: &Query,
    peaks: &[Vec<Peak>],
    regions: &[Vec<(Region, CandidateWindow)>],
) -> Vec<Detection> {
    let mut detections = Vec::new();
    for (keyword, name) in query.keywords.iter().enumerate() {
        if let Some(regions) = regions.get(keyword) {
            let by_probability = ranker.words().is_by_probability(keyword, query.rank_by);
            let found = regions.iter().enumerate();
            detections.extend(found.map(|(position, (region, cell))| Detection {
                rank: position + 1,
                window: region.rect,
                outline: Some(Arc::new(region.outline.clone())),
                clear: query.threshold.is_clear_region(region.score, cell.score.margin),
                probability: if by_probability { region.score } else { cell.score.probability },
                cosine: if by_probability { cell.score.cosine } else { region.score },
                ..detection(name, cell, query)
            }));
            continue;
        }
        let candidates = ranker.best(keyword);
        let scored = |candidate: &&CandidateWindow| ScoredWindow {
            rect: rect(candidate.window).within(size),
            key: candidate.key(),
            margin: candidate.score.margin,
        };
        let windows: Vec<ScoredWindow> = candidates.iter().map(scored).collect();
        let scales = scales(candidates.iter().map(|candidate| rect(candidate.window)));
        let clear = query.threshold.clear(&windows, ranker.won(keyword), scales);
        let found = match peaks.get(keyword) {
            Some(peaks) => at_peaks(&windows, peaks),
            None => at_windows(&windows, &clear, query),
        };
        detections.extend(found.into_iter().enumerate().map(|(position, (index, place))| {
            let found = detection(name, candidates[index], query);
            Detection { rank: position + 1, window: place, clear: clear[index], ..found }
        }));
    }
    detections
}

/// A detection with the scores of a window, still without a place.
fn detection(keyword: &str, candidate: &CandidateWindow, query: &Query) -> Detection {
    let scores = query.keywords.iter().zip(candidate.all_scores());
    Detection {
        keyword: keyword.to_owned(),
        rank: 0,
        probability: candidate.score.probability,
        cosine: candidate.score.cosine,
        window: Rect::default(),
        nodata: candidate.nodata,
        outline: None,
        clear: false,
        scores: scores.map(|(name, score)| (name.clone(), score.probability, score.cosine)).collect(),
    }
}

/// How many sizes windows have.
fn scales(windows: impl Iterator<Item = Rect>) -> usize {
    let mut sides: Vec<u32> = windows.map(|window| window.width).collect();
    sides.sort_unstable();
    sides.dedup();
    sides.len()
}

/// Boxes that are windows, or several put together: the index of the window whose scores count, and the
/// place.
fn at_windows(windows: &[ScoredWindow], clear: &[bool], query: &Query) -> Vec<(usize, Rect)> {
    let rects: Vec<Rect> = windows.iter().map(|window| window.rect).collect();
    let best = 0..rects.len().min(query.top_k);
    if !query.boxes.merge {
        let chosen = match query.boxes.suppress {
            Some(overlap) => nms::suppress(&rects, overlap, query.top_k),
            None => best.collect(),
        };
        return chosen.into_iter().map(|index| (index, rects[index])).collect();
    }
    // All that touch become one box. Without a threshold, boxes grow over the best windows alone.
    let mut chosen: Vec<usize> = match query.threshold {
        Threshold::Off => best.collect(),
        _ => (0..rects.len()).filter(|index| clear[*index]).collect(),
    };
    if chosen.is_empty() && !rects.is_empty() {
        chosen.push(0);
    }
    let members: Vec<Rect> = chosen.iter().map(|&index| rects[index]).collect();
    let clusters = nms::merge(&members);
    clusters.into_iter().take(query.top_k).map(|cluster| (chosen[cluster.best], cluster.rect)).collect()
}

/// Boxes around the peaks of a heat map, each with the scores of the best window over its middle.
fn at_peaks(windows: &[ScoredWindow], peaks: &[Peak]) -> Vec<(usize, Rect)> {
    let over = |place: &Rect| {
        let (x, y) = place.center();
        let middle = Rect::new(x as u32, y as u32, 1, 1);
        windows.iter().position(|window| window.rect.intersects(&middle))
    };
    peaks.iter().filter_map(|peak| Some((over(&peak.rect)?, peak.rect))).collect()
}

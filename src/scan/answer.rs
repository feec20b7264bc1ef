//! From ranked windows to boxes.

use super::boxes::{self, Candidate};
use super::heat_peaks::Peak;
use super::ranking::{Entry, Ranker};
use super::{Detection, Query, Threshold};
use crate::raster::Rect;

/// So many windows are kept for each box that is shown, where overlapping ones make way: with steps of a quarter of a
/// window, about as many overlap one.
const CANDIDATES_PER_BOX: usize = 64;

/// How many windows a ranking for `query` has to keep for each keyword.
pub fn windows_to_keep(query: &Query) -> usize {
    let spare = query.boxes.suppress.is_some() || query.boxes.merge || query.boxes.tight;
    if spare { query.top_k.saturating_mul(CANDIDATES_PER_BOX) } else { query.top_k }
}

/// The detections of all keywords: keywords in the order of the query, ranks ascending. `rect` tells where a window
/// lies. `peaks` has those of every keyword's heat map where boxes follow them, and is empty else.
pub fn detections(
    ranker: &Ranker,
    rect: &dyn Fn(u32) -> Rect,
    query: &Query,
    peaks: &[Vec<Peak>],
) -> Vec<Detection> {
    let mut detections = Vec::new();
    for (keyword, name) in query.keywords.iter().enumerate() {
        let entries = ranker.best(keyword);
        let is_clear = |entry: &Entry| {
            query.threshold.is_clear(entry.key(), entry.scores[keyword], ranker.spread(keyword))
        };
        let found = match peaks.get(keyword) {
            Some(peaks) => at_peaks(&entries, peaks, rect),
            None => at_windows(&entries, rect, query, &is_clear),
        };
        detections.extend(found.into_iter().enumerate().map(|(position, (entry, place))| {
            let scores = query.keywords.iter().zip(&*entry.scores);
            Detection {
                keyword: name.clone(),
                rank: position + 1,
                probability: entry.scores[keyword].probability,
                cosine: entry.scores[keyword].cosine,
                window: place,
                nodata: entry.nodata,
                clear: is_clear(entry),
                scores: scores.map(|(name, score)| (name.clone(), score.probability, score.cosine)).collect(),
            }
        }));
    }
    detections
}

/// Boxes that are windows, or several put together.
fn at_windows<'a>(
    entries: &[&'a Entry],
    rect: &dyn Fn(u32) -> Rect,
    query: &Query,
    is_clear: &dyn Fn(&Entry) -> bool,
) -> Vec<(&'a Entry, Rect)> {
    let candidates: Vec<Candidate> = entries
        .iter()
        .map(|entry| Candidate {
            rect: rect(entry.window),
            score: entry.key(),
            window: entry.window as usize,
        })
        .collect();
    let mut chosen: Vec<usize> = match query.boxes.suppress {
        Some(overlap) if !query.boxes.merge => boxes::suppress(&candidates, overlap, query.top_k),
        // All that touch become one box anyway.
        _ => (0..candidates.len().min(query.top_k)).collect(),
    };
    if !query.boxes.merge {
        return chosen.drain(..).map(|index| (entries[index], candidates[index].rect)).collect();
    }
    // Without a threshold, a box grows over the best windows alone.
    if query.threshold != Threshold::Off {
        chosen = (0..candidates.len()).filter(|index| is_clear(entries[*index])).collect();
        if chosen.is_empty() {
            chosen.extend(candidates.first().map(|_| 0));
        }
    }
    let members: Vec<Candidate> = chosen.iter().map(|&index| candidates[index]).collect();
    let regions = boxes::merge(&members, |_| true);
    regions.into_iter().take(query.top_k).map(|region| (entries[chosen[region.best]], region.rect)).collect()
}

/// Boxes around the peaks of a heat map, each with the scores of the best window over its middle.
fn at_peaks<'a>(entries: &[&'a Entry], peaks: &[Peak], rect: &dyn Fn(u32) -> Rect) -> Vec<(&'a Entry, Rect)> {
    let over = |place: &Rect| {
        let (x, y) = place.center();
        let holds = |entry: &&&Entry| {
            let window = rect(entry.window);
            f64::from(window.x) <= x
                && x < f64::from(window.right())
                && f64::from(window.y) <= y
                && y < f64::from(window.bottom())
        };
        entries.iter().find(holds).copied()
    };
    peaks.iter().filter_map(|peak| Some((over(&peak.rect)?, peak.rect))).collect()
}

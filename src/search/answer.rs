//! From ranked windows to boxes.

use std::sync::Arc;

use super::detection::Detection;
use super::heat_map::Peak;
use super::nms;
use super::query::{BoxSettings, Query, RankBy};
use super::ranking::{CandidateWindow, Ranker};
use super::regions::Region;
use super::threshold::{ScoredWindow, Threshold};
use crate::raster::Rect;

/// So many windows are kept for each box that is shown, where overlapping ones make way or say the same: with
/// steps of a quarter of a window, about as many overlap one.
const CANDIDATES_PER_BOX: usize = 64;
/// So many windows are kept for a keyword where no more are needed than to tell clear matches from weak ones.
const MOST_TO_JUDGE: usize = 4096;

/// How many windows a ranking for `query` has to keep for each keyword.
pub fn windows_to_keep(query: &Query) -> usize {
    let BoxSettings { suppress, merge, tight, regions: _ } = query.boxes;
    let spare = suppress.is_some() || merge || tight || query.threshold == Threshold::Auto;
    let enough = query.top_k.saturating_mul(CANDIDATES_PER_BOX);
    // Whether a match is clear is told by those around it; of long lists, the best are enough for that.
    if spare { enough } else { enough.min(query.top_k.max(MOST_TO_JUDGE)) }
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
    let logit_scale = ranker.words().logit_scale;
    for (keyword, name) in query.keywords.iter().enumerate() {
        let by_probability = ranker.words().is_by_probability(keyword, query.rank_by);
        let by_example = !by_probability && query.rank_by == RankBy::Probability;
        if let Some(regions) = regions.get(keyword) {
            let found = regions.iter().enumerate();
            detections.extend(found.map(|(position, (region, cell))| Detection {
                rank: position + 1,
                window: region.rect,
                outline: Some(Arc::new(region.outline.clone())),
                clear: query.threshold.is_clear_region(region.score, cell.score.margin),
                weak: !query.threshold.judging().is_clear_region(region.score, cell.score.margin),
                by_example,
                probability: if by_probability { region.score } else { cell.score.probability },
                cosine: if by_probability { cell.score.cosine } else { region.score },
                ..detection(name, cell, query)
            }));
            continue;
        }
        let candidates = ranker.best(keyword);
        let scored = |candidate: &&CandidateWindow| ScoredWindow {
            rect: rect(candidate.window).within(size),
            key: candidate.key,
            margin: candidate.score.margin,
        };
        let windows: Vec<ScoredWindow> = candidates.iter().map(scored).collect();
        let scales = scales(candidates.iter().map(|candidate| rect(candidate.window)));
        let of = |threshold: Threshold| threshold.clear(&windows, ranker.won(keyword), scales, logit_scale);
        let (clear, strong) = (of(query.threshold), of(query.threshold.judging()));
        let found = match peaks.get(keyword) {
            Some(peaks) => at_peaks(&windows, peaks),
            None => at_windows(&windows, &clear, query),
        };
        detections.extend(found.into_iter().enumerate().map(|(position, (index, place))| {
            let found = detection(name, candidates[index], query);
            let (clear, weak) = (clear[index], !strong[index]);
            Detection { rank: position + 1, window: place, clear, weak, by_example, ..found }
        }));
    }
    detections
}

/// A detection with the scores of a window, still without a place.
fn detection(keyword: &str, candidate: &CandidateWindow, query: &Query) -> Detection {
    let scores = query.keywords.iter().zip(candidate.all_scores(query.keywords.len()));
    Detection {
        keyword: keyword.to_owned(),
        rank: 0,
        probability: candidate.score.probability,
        cosine: candidate.score.cosine,
        window: Rect::default(),
        nodata: candidate.nodata,
        outline: None,
        clear: false,
        weak: false,
        by_example: false,
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
    // All that touch become one box. Without a threshold, boxes grow over the best windows alone, and stop
    // where the score does.
    let mut chosen: Vec<usize> = match query.threshold {
        Threshold::Off => best.filter(|index| stands_out(windows, *index)).collect(),
        _ => (0..rects.len()).filter(|index| clear[*index]).collect(),
    };
    if chosen.is_empty() && !rects.is_empty() {
        chosen.push(0);
    }
    let members: Vec<Rect> = chosen.iter().map(|&index| rects[index]).collect();
    let clusters = nms::merge(&members);
    clusters.into_iter().take(query.top_k).map(|cluster| (chosen[cluster.best], cluster.rect)).collect()
}

/// Whether a window scores above half of the way from the worst that was kept to the best.
fn stands_out(windows: &[ScoredWindow], index: usize) -> bool {
    let (Some(best), Some(worst)) = (windows.first(), windows.last()) else { return false };
    windows[index].key >= f32::midpoint(best.key, worst.key)
}

/// Boxes around the peaks of a heat map, each with the scores of the best window over its middle; the best
/// score first.
fn at_peaks(windows: &[ScoredWindow], peaks: &[Peak]) -> Vec<(usize, Rect)> {
    let over = |place: &Rect| {
        let (x, y) = place.center();
        let middle = Rect::new(x as u32, y as u32, 1, 1);
        windows.iter().position(|window| window.rect.intersects(&middle))
    };
    let mut found: Vec<(usize, Rect)> =
        peaks.iter().filter_map(|peak| Some((over(&peak.rect)?, peak.rect))).collect();
    // Windows come best first.
    found.sort_by_key(|(index, _)| *index);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scored(x: u32, key: f32) -> ScoredWindow {
        ScoredWindow { rect: Rect::new(x, 0, 100, 100), key, margin: 0.0 }
    }

    #[test]
    fn merged_boxes_stop_where_the_score_does() {
        // Windows side by side over all of the scene, of which two stand out.
        let mut windows = vec![scored(500, 0.9), scored(550, 0.8)];
        windows.extend((0..40).map(|number| scored(number * 50, 0.1)));
        let boxes = BoxSettings { merge: true, ..BoxSettings::default() };
        let query = Query { boxes, top_k: 100, ..Query::default() };
        let clear = vec![true; windows.len()];
        assert_eq!(at_windows(&windows, &clear, &query), [(0, Rect::new(500, 0, 150, 100))]);
    }

    #[test]
    fn boxes_at_peaks_come_in_the_order_of_their_scores() {
        let windows = [scored(0, 0.9), scored(300, 0.2)];
        let peak = |x: u32| Peak { rect: Rect::new(x, 20, 40, 40), score: 1.0 };
        let found = at_peaks(&windows, &[peak(330), peak(30)]);
        assert_eq!(found.iter().map(|(index, _)| *index).collect::<Vec<_>>(), [0, 1]);
    }
}

//! Regions: where a keyword stands out in a map of its scores, with an outline.
//!
//! The threshold is found for each keyword: Otsu's (1979), which divides the scores of the scene into two
//! classes that differ most. A region is a summit of the map above it and what is connected with that, down
//! to a share of its height.

mod outline;

pub use outline::Outline;

use super::heat_map::HeatMap;
use crate::raster::Rect;

/// How far down from its summit a region reaches, as a share of the summit's score.
const REACH: f32 = 0.2;
/// The number of bins of the histogram that a threshold is found in.
const BINS: usize = 64;

/// A place that stands out.
#[derive(Clone, Debug, PartialEq)]
pub struct Region {
    /// The box around it in level-0 pixels, within the scene.
    pub rect: Rect,
    /// The middle of the cell where the map is highest, in level-0 pixels.
    pub summit: (u32, u32),
    /// The map's value there.
    pub score: f32,
    pub outline: Outline,
}

/// At most `keep` regions of a map, the best first; of equal ones, the upper, then the left one. Boxes have
/// sides of at least `min_side` pixels where the scene of `(width, height)` pixels has as many.
#[must_use]
pub fn regions(map: &HeatMap, keep: usize, min_side: u32, scene: (u32, u32)) -> Vec<Region> {
    let Some(threshold) = otsu(&map.values) else { return Vec::new() };
    let reach = |score: f32| if score > 0.0 { threshold.max(REACH * score) } else { threshold };
    let found = map.summits(keep, threshold, |score| f64::from(reach(score)));
    let region = |(cells, score): (Vec<usize>, f32)| {
        let places: Vec<(usize, usize)> =
            cells.iter().map(|cell| (cell % map.width, cell / map.width)).collect();
        let outline = Outline::around(&places, map.cell, scene);
        let middle = |at: usize, length: u32| {
            let edge = |number: usize| (number as u64 * u64::from(map.cell)).min(u64::from(length));
            u64::midpoint(edge(at), edge(at + 1)) as u32
        };
        let (column, row) = places.first().copied().unwrap_or_default();
        let summit = (middle(column, scene.0), middle(row, scene.1));
        Region { rect: map.pixels(&cells, min_side, scene), summit, score, outline }
    };
    found.into_iter().map(region).collect()
}

/// Otsu's threshold of the finite values, on a logarithmic scale where all are positive, as probabilities
/// are; `None` where no two values differ.
fn otsu(values: &[f32]) -> Option<f32> {
    let finite = || values.iter().copied().filter(|value| value.is_finite());
    let is_positive = finite().all(|value| value > 0.0);
    let scaled = |value: f32| f64::from(if is_positive { value.ln() } else { value });
    let (low, high) = finite()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(scaled(v)), high.max(scaled(v))));
    if low >= high {
        return None;
    }
    let width = (high - low) / BINS as f64;
    let mut counts = [0.0_f64; BINS];
    for value in finite() {
        counts[(((scaled(value) - low) / width) as usize).min(BINS - 1)] += 1.0;
    }
    let middle = |bin: usize| bin as f64 + 0.5;
    let (all, sum) = counts
        .iter()
        .enumerate()
        .fold((0.0, 0.0), |(all, sum), (bin, count)| (all + count, sum + count * middle(bin)));
    let (mut below, mut sum_below, mut best) = (0.0, 0.0, (f64::NEG_INFINITY, 0));
    for (bin, count) in counts.iter().enumerate().take(BINS - 1) {
        below += count;
        sum_below += count * middle(bin);
        let between = (sum * below / all - sum_below).powi(2) / (below * (all - below));
        if between > best.0 {
            best = (between, bin + 1);
        }
    }
    let threshold = low + width * best.1 as f64;
    Some(if is_positive { threshold.exp() } else { threshold } as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A map from a picture of digits, tenths each; "." is a cell without a value.
    fn map(rows: &[&str]) -> HeatMap {
        let value = |c: char| c.to_digit(10).map_or(f32::NAN, |digit| (digit as f32 / 10.0).max(0.001));
        let values = rows.concat().chars().map(value).collect();
        HeatMap { cell: 10, width: rows[0].len(), height: rows.len(), values }
    }

    #[test]
    fn what_stands_out_is_outlined() {
        let map = map(&[
            "0000000000",
            "0298000000", //
            "0039000040",
            "0000000000",
            "0.00000000",
        ]);
        let found = regions(&map, 9, 25, (100, 50));
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].rect, found[0].score), (Rect::new(10, 8, 30, 25), 0.9));
        let corners = [[10, 10], [10, 20], [20, 20], [20, 30], [40, 30], [40, 10]];
        assert_eq!(found[0].outline.corners, corners);
        assert_eq!((found[0].summit, found[1].summit), ((25, 15), (85, 25)));
        assert_eq!(found[1].outline.pixels(), 100);
        assert_eq!(found[1].rect.width, 25);
        assert_eq!(regions(&map, 1, 25, (100, 50)), found[..1]);
    }

    #[test]
    fn nothing_stands_out_where_all_is_alike() {
        for flat in [&["555", "555"][..], &["...", "..."], &["7"]] {
            assert!(regions(&map(flat), 9, 0, (30, 20)).is_empty());
        }
    }

    #[test]
    fn a_threshold_divides_two_kinds() {
        let values: Vec<f32> =
            (0..90).map(|i| 0.01 + 0.0001 * i as f32).chain((0..10).map(|_| 0.6)).collect();
        let threshold = otsu(&values).unwrap();
        assert!((0.0189..0.6).contains(&threshold), "{threshold}");
        let cosines: Vec<f32> = values.iter().map(|value| value - 0.3).collect();
        assert!((-0.2812..0.3).contains(&otsu(&cosines).unwrap()));
    }
}

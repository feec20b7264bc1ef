//! Regions: where a keyword stands out in a map of its scores, with an outline.
//!
//! `surface` makes the map from cells of several sizes. The threshold is found for each keyword: Otsu's
//! (1979), which divides the scores of the scene into two classes that differ most. `basins` divides what is
//! above it among its summits. A region is what of a basin is connected with its summit, down to a share of
//! its odds, and `outline` is the line around it.

mod basins;
mod outline;
mod surface;

pub use outline::Outline;
pub(super) use surface::{CellValues, surface};

use super::heat_map::HeatMap;
use crate::raster::Rect;
use basins::Basins;

/// How far down from its summit a region reaches: to a tenth of its odds, as the logarithm.
const REACH: f32 = std::f32::consts::LN_10;
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

/// At most `keep` regions of a map of log odds, or of other scores on such a scale, the best first; of equal
/// ones, the upper, then the left one. No cell belongs to two. Boxes have sides of at least `min_side` pixels
/// where the scene of `(width, height)` pixels has as many.
#[must_use]
pub fn regions(map: &HeatMap, keep: usize, min_side: u32, scene: (u32, u32)) -> Vec<Region> {
    let Some(threshold) = otsu(&map.values) else { return Vec::new() };
    let found = Basins::new(map, threshold).summits(keep, threshold, |value| threshold.max(value - REACH));
    let region = |cells: Vec<usize>| {
        let places: Vec<(usize, usize)> =
            cells.iter().map(|cell| (cell % map.width, cell / map.width)).collect();
        let outline = Outline::around(&places, map.cell, scene);
        let middle = |at: usize, length: u32| {
            let edge = |number: usize| (number as u64 * u64::from(map.cell)).min(u64::from(length));
            u64::midpoint(edge(at), edge(at + 1)) as u32
        };
        let (&summit, &(column, row)) = (cells.first()?, places.first()?);
        let (x, y) = (middle(column, scene.0), middle(row, scene.1));
        let rect = map.pixels(&cells, min_side, scene);
        Some(Region { rect, summit: (x, y), score: map.values[summit], outline })
    };
    found.into_iter().filter_map(region).collect()
}

/// Otsu's threshold of the finite values; `None` where no two differ.
fn otsu(values: &[f32]) -> Option<f32> {
    let finite = || values.iter().copied().filter(|value| value.is_finite()).map(f64::from);
    let (low, high) =
        finite().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
    if low >= high {
        return None;
    }
    let width = (high - low) / BINS as f64;
    let mut counts = [0.0_f64; BINS];
    for value in finite() {
        counts[(((value - low) / width) as usize).min(BINS - 1)] += 1.0;
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
    Some((low + width * best.1 as f64) as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A map from a picture of digits; "." is a cell without a value.
    fn map(rows: &[&str]) -> HeatMap {
        let value = |c: char| c.to_digit(10).map_or(f32::NAN, |digit| digit as f32);
        let values = rows.concat().chars().map(value).collect();
        HeatMap { cell: 10, width: rows[0].len(), height: rows.len(), values }
    }

    #[test]
    fn what_stands_out_is_outlined() {
        let map = map(&[
            "0000000000",
            "0298000000", //
            "0077000060",
            "0000000000",
            "0.00000000",
        ]);
        let found = regions(&map, 9, 25, (100, 50));
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].rect, found[0].score), (Rect::new(18, 8, 25, 25), 9.0));
        let corners = [[20, 10], [20, 30], [40, 30], [40, 10]];
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
        let values: Vec<f32> = (0..90).map(|i| 0.01 * i as f32 - 4.0).chain((0..10).map(|_| 0.6)).collect();
        let threshold = otsu(&values).unwrap();
        assert!((-3.11..0.6).contains(&threshold), "{threshold}");
    }
}

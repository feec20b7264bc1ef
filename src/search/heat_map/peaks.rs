//! The places where a heat map is highest.

use super::HeatMap;
use crate::raster::Rect;

/// A place that stands out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Peak {
    /// In level-0 pixels, within the scene.
    pub rect: Rect,
    /// The value of the map at its highest cell.
    pub score: f32,
}

impl HeatMap {
    /// At most `keep` places, highest first; of equal ones, the upper, then the left one.
    ///
    /// A peak is a cell, or several alike, with no higher neighbour. Its box is drawn around the connected
    /// cells at half its height above the median of the map or more (full width at half maximum), and has
    /// sides of at least `min_side` pixels where the scene of `(width, height)` pixels has as many. These
    /// cells are the peak's, so lower peaks among them are none. What isn't above the median isn't a peak.
    #[must_use]
    pub fn peaks(&self, keep: usize, min_side: u32, scene: (u32, u32)) -> Vec<Peak> {
        let Some(base) = self.median() else { return Vec::new() };
        let half = |score: f32| f64::midpoint(f64::from(base), f64::from(score));
        let summits = self.summits(keep, base, half).into_iter();
        summits.map(|(cells, score)| Peak { rect: self.pixels(&cells, min_side, scene), score }).collect()
    }

    /// At most `keep` summits above `base`, highest first; of equal ones, the upper, then the left one. Each
    /// has the connected cells, itself first, whose values are no less than what `reach` makes of its own,
    /// and its value. These cells are the summit's, so lower summits among them are none.
    fn summits(&self, keep: usize, base: f32, reach: impl Fn(f32) -> f64) -> Vec<(Vec<usize>, f32)> {
        let mut summits: Vec<usize> = (0..self.values.len()).filter(|&at| self.is_summit(at, base)).collect();
        summits.sort_unstable_by(|&a, &b| self.values[b].total_cmp(&self.values[a]).then(a.cmp(&b)));
        // Each cell joins one plateau and one peak at most, so time grows with cells, not with peaks.
        let mut seen = vec![false; self.values.len()];
        let mut claimed = vec![false; self.values.len()];
        let mut found = Vec::new();
        for summit in summits {
            if found.len() >= keep {
                break;
            }
            if claimed[summit] || seen[summit] || !self.is_plateau_highest(summit, &mut seen) {
                continue;
            }
            let score = self.values[summit];
            let least = reach(score);
            let cells = self.flood(summit, &mut claimed, false, |value| f64::from(value) >= least);
            found.push((cells, score));
        }
        found
    }

    /// The median of the values; of an even number, the greater of the middle two.
    fn median(&self) -> Option<f32> {
        let mut values: Vec<f32> = self.values.iter().copied().filter(|value| value.is_finite()).collect();
        let middle = values.len() / 2;
        (!values.is_empty()).then(|| *values.select_nth_unstable_by(middle, f32::total_cmp).1)
    }

    /// Whether a cell is above the base and no neighbour is higher. NaN is higher than nothing.
    fn is_summit(&self, at: usize, base: f32) -> bool {
        let value = self.values[at];
        value.is_finite() && value > base && !self.neighbours(at, true).any(|n| self.values[n] > value)
    }

    /// Whether no cell of those alike around a cell has a higher neighbour; marks them all as seen.
    fn is_plateau_highest(&self, at: usize, seen: &mut [bool]) -> bool {
        let value = self.values[at];
        let plateau = self.flood(at, seen, true, |other| other == value);
        !plateau.iter().any(|&cell| self.neighbours(cell, true).any(|n| self.values[n] > value))
    }

    /// The cells connected with one for whose values `belongs` holds and that aren't marked yet; marks them.
    fn flood(
        &self,
        start: usize,
        marked: &mut [bool],
        corners: bool,
        belongs: impl Fn(f32) -> bool,
    ) -> Vec<usize> {
        let mut cells = vec![start];
        marked[start] = true;
        let mut next = 0;
        while let Some(&cell) = cells.get(next) {
            next += 1;
            for neighbour in self.neighbours(cell, corners) {
                if !marked[neighbour] && belongs(self.values[neighbour]) {
                    marked[neighbour] = true;
                    cells.push(neighbour);
                }
            }
        }
        cells
    }

    /// The cells beside a cell, with those that share only a corner if asked for.
    pub(in crate::search) fn neighbours(&self, at: usize, corners: bool) -> impl Iterator<Item = usize> {
        let (column, row) = (at % self.width, at / self.width);
        let (width, height) = (self.width, self.height);
        let rows = row.saturating_sub(1)..=(row + 1).min(height - 1);
        rows.flat_map(move |y| (column.saturating_sub(1)..=(column + 1).min(width - 1)).map(move |x| (x, y)))
            .filter(move |&(x, y)| (x != column || y != row) && (corners || x == column || y == row))
            .map(move |(x, y)| y * width + x)
    }

    /// The rectangle in pixels around cells, at least `min_side` wide and high, within the scene.
    pub(in crate::search) fn pixels(&self, cells: &[usize], min_side: u32, scene: (u32, u32)) -> Rect {
        let side = |numbers: &dyn Fn(usize) -> usize, length: u32| {
            let first = cells.iter().map(|&cell| numbers(cell)).min().unwrap_or(0);
            let last = cells.iter().map(|&cell| numbers(cell)).max().unwrap_or(0);
            let edge = |number: usize| (number as u64 * u64::from(self.cell)).min(u64::from(length)) as u32;
            widened(edge(first), edge(last + 1), min_side, length)
        };
        let (x, width) = side(&|cell| cell % self.width, scene.0);
        let (y, height) = side(&|cell| cell / self.width, scene.1);
        Rect::new(x, y, width, height)
    }
}

/// Start and length of a range that is widened to both sides, then moved back between 0 and `limit`.
fn widened(from: u32, to: u32, least: u32, limit: u32) -> (u32, u32) {
    let length = (to - from).max(least).min(limit);
    let more = length.saturating_sub(to - from);
    (from.saturating_sub(more / 2).min(limit - length), length)
}

#[cfg(test)]
mod tests {
    use rand::rngs::StdRng;
    use rand::{RngExt, SeedableRng};

    use super::*;

    /// A map from a picture of digits, a row of cells each; "." is a cell without a value.
    fn map(rows: &[&str]) -> HeatMap {
        let values = rows.concat().chars().map(|c| c.to_digit(10).map_or(f32::NAN, |d| d as f32)).collect();
        HeatMap { cell: 10, width: rows[0].len(), height: rows.len(), values }
    }

    #[test]
    fn boxes_reach_down_to_half_the_height() {
        let map = map(&[
            "0000000000",
            "0358000000", //
            "0049400060",
            "0000400000",
            "0000000000",
        ]);
        // Half of 9 is 4.5: 9, 8 and 5, but neither 4 nor 3.
        let expected = [
            Peak { rect: Rect::new(20, 10, 20, 20), score: 9.0 },
            Peak { rect: Rect::new(80, 20, 10, 10), score: 6.0 },
        ];
        assert_eq!(map.peaks(9, 0, (100, 50)), expected);
        assert_eq!(map.peaks(1, 0, (100, 50)), expected[..1]);
        assert!(map.peaks(0, 0, (100, 50)).is_empty());
    }

    #[test]
    fn heights_count_from_the_median() {
        // Above 6, half of 8 is 7; above 0 it would be 4 and the box the whole map.
        let peaks = map(&["6666666", "6678766", "6666666"]).peaks(9, 0, (70, 30));
        assert_eq!(peaks, [Peak { rect: Rect::new(20, 10, 30, 10), score: 8.0 }]);
    }

    #[test]
    fn a_terrace_is_no_peak_and_a_plateau_is_one() {
        assert_eq!(map(&["9333000000000"]).peaks(9, 0, (130, 10)).len(), 1);
        let plateau = map(&["0000000", "0044400", "0000000"]).peaks(9, 0, (70, 30));
        assert_eq!(plateau, [Peak { rect: Rect::new(20, 10, 30, 10), score: 4.0 }]);
        for flat in [&["5555"][..], &["...."], &["."], &["7"]] {
            assert!(map(flat).peaks(9, 0, (40, 10)).is_empty());
        }
        assert!(HeatMap { cell: 1, width: 0, height: 0, values: vec![] }.peaks(9, 0, (0, 0)).is_empty());
    }

    #[test]
    fn small_boxes_are_widened_within_the_scene() {
        let map = map(&["90000", "00000", "00009"]);
        let rects = |least| map.peaks(9, least, (45, 25)).iter().map(|peak| peak.rect).collect::<Vec<_>>();
        assert_eq!(rects(0), [Rect::new(0, 0, 10, 10), Rect::new(40, 20, 5, 5)]);
        assert_eq!(rects(20), [Rect::new(0, 0, 20, 20), Rect::new(25, 5, 20, 20)]);
        assert_eq!(rects(u32::MAX), [Rect::new(0, 0, 45, 25); 2]);
    }

    #[test]
    fn peaks_of_noise_are_in_order_and_keep_apart() {
        let mut rng = StdRng::seed_from_u64(9);
        let values = (0..60 * 40).map(|_| rng.random_range(0.0..1.0)).collect();
        let map = HeatMap { cell: 1, width: 60, height: 40, values }.smoothed();
        let peaks = map.peaks(usize::MAX, 0, (60, 40));
        assert!(peaks.len() > 10);
        assert!(peaks.is_sorted_by(|a, b| a.score >= b.score));
        let highest = map.values.iter().copied().fold(f32::MIN, f32::max);
        assert_eq!(peaks[0].score, highest);
        for (number, peak) in peaks.iter().enumerate() {
            let cell = map.values.iter().position(|&value| value == peak.score).unwrap() as u32;
            let top = Rect::new(cell % 60, cell / 60, 1, 1);
            assert!(peak.rect.intersects(&top), "a peak lies in its own box");
            assert!(peaks[..number].iter().all(|other| other.score != peak.score), "no peak comes twice");
        }
    }
}

//! The scores of overlapping windows as one value a cell.
//!
//! Every cell gets the mean or the greatest of the scores of the windows over it, so the map is finer than
//! the windows are: where many good windows overlap, there the thing is.

mod colors;
mod peaks;

pub use colors::{ColorScale, legend};
pub use peaks::Peak;

use serde::Serialize;

use crate::raster::Rect;

/// How the scores of the windows over a cell become one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Blend {
    /// Their mean: narrows a thing down to where all windows that show it overlap.
    #[default]
    Mean,
    /// The greatest: keeps what only one window shows.
    Max,
}

/// A scene's scores in square cells, from the top left corner of the scene.
#[derive(Clone, Debug, PartialEq)]
pub struct HeatMap {
    /// Side of a cell in level-0 pixels, at least 1; cells at the right and bottom edge may reach past it.
    pub cell: u32,
    /// Size in cells.
    pub width: usize,
    pub height: usize,
    /// Row by row, `width x height` values; NaN where no window lies.
    pub values: Vec<f32>,
}

impl HeatMap {
    /// The greatest number of cells that [`HeatMap::cell_for`] asks for.
    pub const MAX_CELLS: u64 = 4_000_000;

    /// The map of a scene of `(width, height)` level-0 pixels from windows with their scores, in any order. A
    /// window counts in the cells whose centre it covers (the centre of the part within the scene). Windows
    /// whose score isn't finite count nowhere. Cells that [`HeatMap::cell_for`] finds too many become larger.
    /// The mean takes time for windows plus cells, however many windows overlap.
    pub fn new(
        scene: (u32, u32),
        cell: u32,
        blend: Blend,
        windows: impl Iterator<Item = (Rect, f32)>,
    ) -> Self {
        let cell = Self::cell_for(scene, cell.saturating_mul(2));
        let (columns, rows) = (centres(scene.0, cell), centres(scene.1, cell));
        let (width, height) = (columns.len(), rows.len());
        let covered = windows.filter(|(_, score)| score.is_finite()).map(|(rect, score)| {
            let across = range(&columns, rect.x, rect.right());
            (across, range(&rows, rect.y, rect.bottom()), score)
        });
        let values = match blend {
            Blend::Mean => means(width, height, covered),
            Blend::Max => maxima(width, height, covered),
        };
        Self { cell, width, height, values }
    }

    /// A side for cells in level-0 pixels: half the finest tile, so that windows which move by a tile overlap
    /// in whole cells; more where the scene would have over [`HeatMap::MAX_CELLS`] of them.
    #[must_use]
    pub fn cell_for(scene: (u32, u32), finest_tile: u32) -> u32 {
        let too_many = |cell: u32| {
            u64::from(scene.0.div_ceil(cell)) * u64::from(scene.1.div_ceil(cell)) > Self::MAX_CELLS
        };
        let mut cell = (finest_tile / 2).max(1);
        while too_many(cell) {
            cell = cell.saturating_add(cell / 16 + 1);
        }
        cell
    }

    /// The map without what is smaller than a cell or two: blurred with a binomial kernel of five cells,
    /// whose standard deviation is one cell. Cells without a value have none afterwards and count for no
    /// other.
    #[must_use]
    pub fn smoothed(&self) -> Self {
        let known = |value: &f32| if value.is_nan() { 0.0 } else { 1.0 };
        let weights = self.blurred(self.values.iter().map(known).collect());
        let sums = self.blurred(self.values.iter().map(|v| if v.is_nan() { 0.0 } else { *v }).collect());
        let quotients = sums.iter().zip(&weights).map(|(sum, weight)| sum / weight);
        let values = quotients.zip(&self.values).map(|(new, old)| if old.is_nan() { *old } else { new });
        Self { values: values.collect(), ..*self }
    }

    /// Blurs along rows, then along columns; beyond the edges there is nothing.
    fn blurred(&self, values: Vec<f32>) -> Vec<f32> {
        [(1, self.width), (self.width, self.height)].into_iter().fold(values, |values, (stride, length)| {
            let blurred = |at: usize| {
                let position = at / stride % length;
                let neighbours = KERNEL.iter().zip(position..).filter_map(|(weight, shifted)| {
                    let inside = shifted >= 2 && shifted - 2 < length;
                    inside.then(|| weight * values[at + shifted * stride - (position + 2) * stride])
                });
                neighbours.sum()
            };
            (0..values.len()).map(blurred).collect()
        })
    }

    /// The least and greatest value to tell apart: the 2nd and the 99.9th percentile, so that a few odd cells
    /// don't hide the rest. `None` when no cell has a value.
    #[must_use]
    pub fn range(&self) -> Option<(f32, f32)> {
        let mut values: Vec<f32> = self.values.iter().copied().filter(|value| value.is_finite()).collect();
        let last = values.len().checked_sub(1)?;
        let mut percentile = |share: f64| {
            let at = (share * last as f64).round() as usize;
            *values.select_nth_unstable_by(at, f32::total_cmp).1
        };
        Some((percentile(0.02), percentile(0.999)))
    }
}

/// Row 4 of Pascal's triangle over 16.
const KERNEL: [f32; 5] = [0.0625, 0.25, 0.375, 0.25, 0.0625];

/// Cells along a side, first and one past the last.
type Span = (usize, usize);

/// Twice the centres of the cells along one side of the scene, in pixels.
fn centres(length: u32, cell: u32) -> Vec<u64> {
    let edge = |number: u32| u64::from(number) * u64::from(cell);
    (0..length.div_ceil(cell)).map(|n| edge(n) + edge(n + 1).min(u64::from(length))).collect()
}

/// The cells whose centres lie from `from` to before `to`.
fn range(centres: &[u64], from: u32, to: u32) -> Span {
    let before = |edge: u32| centres.partition_point(|&centre| centre < 2 * u64::from(edge));
    (before(from), before(to))
}

/// Means by two-dimensional differences: a window adds its score at its first cell and takes it away past its
/// last ones; running sums along rows and columns spread it over the cells between (Crow 1984, backwards).
fn means(width: usize, height: usize, windows: impl Iterator<Item = (Span, Span, f32)>) -> Vec<f32> {
    let stride = width + 1;
    let mut sums = vec![0.0_f64; stride * (height + 1)];
    let mut counts = vec![0_i64; sums.len()];
    for ((left, right), (top, bottom), score) in windows {
        for (at, sign) in [(top, 1), (bottom, -1)] {
            for (at, sign) in [(at * stride + left, sign), (at * stride + right, -sign)] {
                sums[at] += f64::from(score) * sign as f64;
                counts[at] += sign;
            }
        }
    }
    let mut values = Vec::with_capacity(width * height);
    for row in 0..height {
        let (mut sum, mut count) = (0.0, 0);
        for column in 0..width {
            let at = row * stride + column;
            (sum, count) = (sum + sums[at], count + counts[at]);
            // The row above is already spread along its length.
            let above = row.checked_sub(1).map_or((0.0, 0), |_| (sums[at - stride], counts[at - stride]));
            (sums[at], counts[at]) = (sum + above.0, count + above.1);
            values.push(if counts[at] > 0 { (sums[at] / counts[at] as f64) as f32 } else { f32::NAN });
        }
    }
    values
}

fn maxima(width: usize, height: usize, windows: impl Iterator<Item = (Span, Span, f32)>) -> Vec<f32> {
    let mut values = vec![f32::NAN; width * height];
    for ((left, right), (top, bottom), score) in windows {
        for row in top..bottom {
            // The greater of a number and NaN is the number.
            values[row * width + left..row * width + right].iter_mut().for_each(|v| *v = v.max(score));
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use rand::rngs::StdRng;
    use rand::{RngExt, SeedableRng};

    use super::*;

    fn map(width: usize, values: &[f32]) -> HeatMap {
        HeatMap { cell: 10, width, height: values.len() / width, values: values.to_vec() }
    }

    /// A map's values, with -1 in place of NaN.
    fn shown(map: &HeatMap) -> Vec<f32> {
        map.values.iter().map(|value| if value.is_nan() { -1.0 } else { *value }).collect()
    }

    #[test]
    fn blends_by_hand() {
        let windows = [(Rect::new(0, 0, 20, 20), 0.25), (Rect::new(10, 0, 20, 20), 0.75)];
        let mean = HeatMap::new((40, 20), 10, Blend::Mean, windows.into_iter());
        assert_eq!((mean.width, mean.height), (4, 2));
        assert_eq!(shown(&mean), [0.25, 0.5, 0.75, -1.0, 0.25, 0.5, 0.75, -1.0]);
        let max = HeatMap::new((40, 20), 10, Blend::Max, windows.into_iter());
        assert_eq!(shown(&max)[..4], [0.25, 0.75, 0.75, -1.0]);
    }

    #[test]
    fn a_sliver_of_a_cell_at_the_edge_is_covered_too() {
        let windows = [(Rect::new(0, 0, 41, 41), 0.5)];
        let map = HeatMap::new((41, 41), 20, Blend::Mean, windows.into_iter());
        assert_eq!(shown(&map), [0.5; 9]);
        // A window past a small scene, scores that aren't numbers, a scene without pixels.
        let windows = [(Rect::new(0, 0, 512, 512), 0.5), (Rect::new(0, 0, 512, 512), f32::NAN)];
        assert_eq!(HeatMap::new((3, 3), 0, Blend::Mean, windows.into_iter()).values, [0.5; 9]);
        assert!(HeatMap::new((0, 3), 1, Blend::Max, windows.into_iter()).values.is_empty());
    }

    #[test]
    fn every_cell_is_what_a_plain_loop_finds() {
        let mut rng = StdRng::seed_from_u64(3);
        let (scene, cell) = ((333, 207), 7);
        let mut window = || {
            let side = [16, 50, 90][rng.random_range(0..3)];
            let rect = Rect::new(rng.random_range(0..300), rng.random_range(0..150), side, side);
            (rect, rng.random_range(-1.0..1.0_f32))
        };
        let windows: Vec<(Rect, f32)> = (0..40).map(|_| window()).collect();
        let mean = HeatMap::new(scene, cell, Blend::Mean, windows.iter().copied());
        let max = HeatMap::new(scene, cell, Blend::Max, windows.iter().copied());
        for at in 0..mean.values.len() {
            let centre = |number: usize, length: u32| {
                let start = number as u32 * cell;
                f64::from(start + (start + cell).min(length)) / 2.0
            };
            let (x, y) = (centre(at % mean.width, scene.0), centre(at / mean.width, scene.1));
            let inside = |r: &Rect| {
                (f64::from(r.x)..f64::from(r.right())).contains(&x)
                    && (f64::from(r.y)..f64::from(r.bottom())).contains(&y)
            };
            let over: Vec<f32> = windows.iter().filter(|(rect, _)| inside(rect)).map(|w| w.1).collect();
            if over.is_empty() {
                assert!(mean.values[at].is_nan() && max.values[at].is_nan());
                continue;
            }
            assert!((mean.values[at] - over.iter().sum::<f32>() / over.len() as f32).abs() < 1e-6);
            assert_eq!(max.values[at], over.iter().copied().fold(f32::MIN, f32::max));
        }
    }

    #[test]
    fn cells_are_half_a_tile_unless_they_would_be_too_many() {
        assert_eq!(HeatMap::cell_for((2826, 1300), 128), 64);
        assert_eq!(HeatMap::cell_for((10, 10), 1), 1);
        for scene in [(100_000, 100_000), (u32::MAX, u32::MAX), (u32::MAX, 1)] {
            let cell = HeatMap::cell_for(scene, 16);
            let cells = u64::from(scene.0.div_ceil(cell)) * u64::from(scene.1.div_ceil(cell));
            assert!(cells <= HeatMap::MAX_CELLS && cells > HeatMap::MAX_CELLS / 2, "{scene:?} {cell}");
        }
    }

    #[test]
    fn smoothing_spreads_by_the_binomial_and_knows_no_gaps() {
        let mut values = [0.0; 81];
        values[40] = 256.0;
        let smooth = map(9, &values).smoothed();
        assert_eq!(smooth.values[40], 36.0);
        assert_eq!((smooth.values[41], smooth.values[31], smooth.values[39]), (24.0, 24.0, 24.0));
        assert_eq!((smooth.values[42], smooth.values[60], smooth.values[43]), (6.0, 1.0, 0.0));
        // Neither edges nor gaps pull a constant down.
        let n = f32::NAN;
        let flat = map(4, &[0.5, 0.5, n, 0.5, n, 0.5, 0.5, n]).smoothed();
        let expected = [0.5, 0.5, -1.0, 0.5, -1.0, 0.5, 0.5, -1.0];
        assert!(shown(&flat).iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{flat:?}");
    }

    #[test]
    fn the_range_leaves_odd_cells_out() {
        let mut values: Vec<f32> = (0..=1000).map(|value| value as f32).collect();
        values.reverse();
        assert_eq!(map(1, &values).range(), Some((20.0, 999.0)));
        values.push(f32::NAN);
        assert_eq!(map(1, &values).range(), Some((20.0, 999.0)));
        assert_eq!(map(1, &[f32::NAN]).range(), None);
        assert_eq!(map(1, &[0.5]).range(), Some((0.5, 0.5)));
    }
}

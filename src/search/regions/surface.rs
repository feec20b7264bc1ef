//! One map from cells of several sizes.

use rayon::iter::{IndexedParallelIterator, ParallelIterator};
use rayon::slice::ParallelSliceMut;

use crate::search::heat_map::HeatMap;

/// What the cells of one size are worth, row by row from the top left corner of the scene; NaN where one has
/// no value.
pub struct CellValues<'a> {
    /// Side of a cell in level-0 pixels.
    pub side: u32,
    pub columns: usize,
    pub values: &'a [f32],
}

/// A place along a side of the scene, among the cells of one size.
struct Between {
    /// The cell over it.
    over: usize,
    /// The two cells whose middles it lies between, and the weight of the second.
    cells: [usize; 2],
    second: f32,
}

/// The mean of all sizes at each place of the scene, where `cell` pixels are the side of the map's cells.
/// Between the middles of cells their values are interpolated (bilinear); cells without a value count for no
/// other, and have none themselves.
pub fn surface(scene: (u32, u32), cell: u32, sizes: &[CellValues]) -> HeatMap {
    let cell = cell.max(1);
    let (width, height) = (scene.0.div_ceil(cell) as usize, scene.1.div_ceil(cell) as usize);
    let mut values = vec![f32::NAN; width * height];
    let axes: Vec<(Vec<Between>, Vec<Between>)> = sizes
        .iter()
        .map(|size| {
            let rows = size.values.len() / size.columns.max(1);
            (places(scene.0, cell, size.side, size.columns), places(scene.1, cell, size.side, rows))
        })
        .collect();
    values.par_chunks_mut(width.max(1)).enumerate().for_each(|(row, values)| {
        for (column, value) in values.iter_mut().enumerate() {
            let at = |(size, (across, down)): (&CellValues, &(Vec<Between>, Vec<Between>))| {
                size.at(across.get(column)?, down.get(row)?)
            };
            let known = sizes.iter().zip(&axes).filter_map(at);
            let (sum, count) = known.fold((0.0, 0), |(sum, count), value| (sum + value, count + 1));
            if count > 0 {
                *value = sum / count as f32;
            }
        }
    });
    HeatMap { cell, width, height, values }
}

/// Where the middles of the map's cells along a side of the scene lie among the `count` cells of a size.
fn places(length: u32, cell: u32, side: u32, count: usize) -> Vec<Between> {
    let Some(last) = count.checked_sub(1) else { return Vec::new() };
    let place = |number: u32| {
        let start = u64::from(number) * u64::from(cell);
        let end = (start + u64::from(cell)).min(u64::from(length));
        let middle = (start + end) as f64 / 2.0 / f64::from(side.max(1));
        let position = (middle - 0.5).clamp(0.0, last as f64);
        let first = position as usize;
        let second = (position - first as f64) as f32;
        Between { over: (middle as usize).min(last), cells: [first, (first + 1).min(last)], second }
    };
    (0..length.div_ceil(cell)).map(place).collect()
}

impl CellValues<'_> {
    fn at(&self, across: &Between, down: &Between) -> Option<f32> {
        let value = |column: usize, row: usize| self.values[row * self.columns + column];
        if !value(across.over, down.over).is_finite() {
            return None;
        }
        let (mut sum, mut weights) = (0.0, 0.0);
        for (row, down) in down.cells.into_iter().zip([1.0 - down.second, down.second]) {
            for (column, across) in across.cells.into_iter().zip([1.0 - across.second, across.second]) {
                let (value, weight) = (value(column, row), across * down);
                if weight > 0.0 && value.is_finite() {
                    sum += weight * value;
                    weights += weight;
                }
            }
        }
        (weights > 0.0).then(|| sum / weights)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_run_from_middle_to_middle() {
        let cells = CellValues { side: 40, columns: 2, values: &[0.0, 4.0] };
        let map = surface((80, 10), 10, &[cells]);
        assert_eq!((map.cell, map.width, map.height), (10, 8, 1));
        // Middles at 20 and 60; those of the map's cells at 5, 15, 25 and so on.
        assert_eq!(map.values, [0.0, 0.0, 0.5, 1.5, 2.5, 3.5, 4.0, 4.0]);
    }

    #[test]
    fn sizes_count_alike_and_gaps_for_nothing() {
        let fine = CellValues { side: 10, columns: 2, values: &[1.0, f32::NAN, 3.0, 5.0] };
        let coarse = CellValues { side: 20, columns: 1, values: &[9.0] };
        let map = surface((20, 20), 10, &[fine, coarse]);
        assert_eq!(map.values, [5.0, 9.0, 6.0, 7.0]);
        let alone = CellValues { side: 20, columns: 1, values: &[f32::NAN] };
        assert!(surface((20, 15), 10, &[alone]).values.iter().all(|value| value.is_nan()));
        assert!(surface((0, 0), 10, &[]).values.is_empty());
    }

    #[test]
    fn a_scene_that_is_smaller_than_a_cell_has_its_value() {
        let cell = CellValues { side: 64, columns: 1, values: &[2.0] };
        assert_eq!(surface((3, 5), 0, &[cell]).values, [2.0; 15]);
    }
}

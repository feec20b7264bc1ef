//! A spatial index: which boxes may touch a box, without comparing it with all of them.

use std::collections::{BTreeMap, HashMap};

use crate::raster::Rect;

/// Numbered boxes in grids of cells, one grid for each power of two that their longer sides round up to. So a
/// box lies in at most nine cells of its grid, whatever sizes are mixed.
#[derive(Default)]
pub struct SpatialIndex {
    /// By the exponent of the cell's side.
    grids: BTreeMap<u32, CellGrid>,
}

#[derive(Default)]
struct CellGrid {
    /// Numbers of the boxes by column and row of the cell.
    cells: HashMap<(u64, u64), Vec<usize>>,
    /// Every box of this grid once.
    all: Vec<usize>,
}

impl SpatialIndex {
    /// Adds a box under a number.
    pub fn insert(&mut self, rect: &Rect, number: usize) {
        let exponent = u64::from(rect.width.max(rect.height)).next_power_of_two().trailing_zeros();
        let grid = self.grids.entry(exponent).or_default();
        let (columns, rows) = cells(rect, exponent);
        for row in rows {
            for column in columns.clone() {
                grid.cells.entry((column, row)).or_default().push(number);
            }
        }
        grid.all.push(number);
    }

    /// Whether `test` holds for any box that overlaps `rect` or shares an edge with it. It may be asked about
    /// other boxes as well, and about the same one several times; it stops at the first yes.
    pub fn any(&self, rect: &Rect, mut test: impl FnMut(usize) -> bool) -> bool {
        self.grids.iter().any(|(&exponent, grid)| {
            let (columns, rows) = cells(rect, exponent);
            let count = (columns.end() - columns.start() + 1) * (rows.end() - rows.start() + 1);
            // A large box over small cells: the list of boxes is the shorter way.
            if count > grid.all.len() as u64 {
                return grid.all.iter().any(|&number| test(number));
            }
            rows.into_iter().any(|row| {
                columns.clone().any(|column| {
                    grid.cells.get(&(column, row)).is_some_and(|near| near.iter().any(|&n| test(n)))
                })
            })
        })
    }
}

/// The columns and rows of cells under a rectangle; its right and bottom edge belong to it, so that boxes
/// that only share an edge share a cell.
fn cells(rect: &Rect, exponent: u32) -> (std::ops::RangeInclusive<u64>, std::ops::RangeInclusive<u64>) {
    let range = |from: u32, to: u32| u64::from(from) >> exponent..=u64::from(to) >> exponent;
    (range(rect.x, rect.right()), range(rect.y, rect.bottom()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_of_every_size_are_found() {
        let mut index = SpatialIndex::default();
        let boxes = [Rect::new(0, 0, 100, 100), Rect::new(100, 40, 7, 7), Rect::new(5000, 0, 3000, 9)];
        for (number, rect) in boxes.iter().enumerate() {
            index.insert(rect, number);
        }
        let near = |rect: Rect| {
            let mut seen = Vec::new();
            index.any(&rect, |number| {
                seen.push(number);
                false
            });
            seen.sort_unstable();
            seen.dedup();
            seen
        };
        assert!(near(Rect::new(90, 30, 10, 10)).starts_with(&[0, 1]));
        assert!(near(Rect::new(7999, 9, 1, 1)).contains(&2));
        assert_eq!(near(Rect::new(0, 0, u32::MAX, u32::MAX)), [0, 1, 2]);
    }

    #[test]
    fn far_boxes_are_not_asked() {
        let mut index = SpatialIndex::default();
        (0..1000).for_each(|number| index.insert(&Rect::new(number as u32 * 8, 0, 8, 8), number));
        let mut asked = Vec::new();
        assert!(!index.any(&Rect::new(4000, 0, 8, 8), |number| {
            asked.push(number);
            false
        }));
        assert!(asked.contains(&499) && asked.contains(&500) && asked.contains(&501));
        assert!(asked.iter().all(|number| (498..=502).contains(number)));
    }

    #[test]
    fn it_stops_at_the_first_yes() {
        let mut index = SpatialIndex::default();
        (0..9).for_each(|number| index.insert(&Rect::new(0, 0, 8, 8), number));
        let mut asked = 0;
        assert!(index.any(&Rect::new(0, 0, 8, 8), |_| {
            asked += 1;
            true
        }));
        assert_eq!(asked, 1);
    }
}

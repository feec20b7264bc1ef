//! The order in which a scan walks over its windows: neighbouring windows are read together, what is in view
//! comes first.

use std::ops::Range;

use super::Grid;
use crate::raster::Rect;

/// A rectangle of the grid whose windows are cut out of one read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    pub columns: Range<usize>,
    pub rows: Range<usize>,
    /// The level-0 pixels that its windows cover.
    pub area: Rect,
}

impl Block {
    /// Numbers of its windows in grid order.
    pub fn windows(&self, grid: &Grid) -> impl Iterator<Item = usize> + use<> {
        let (columns, width) = (self.columns.clone(), grid.columns());
        self.rows.clone().flat_map(move |row| columns.clone().map(move |column| row * width + column))
    }

    /// The block of one window alone.
    pub fn single(grid: &Grid, window: usize) -> Self {
        let (column, row) = (window % grid.columns(), window / grid.columns());
        Self { columns: column..column + 1, rows: row..row + 1, area: grid.rect(window) }
    }
}

/// The blocks that are still to be read.
pub struct BlockQueue {
    /// Reversed: the next one is last.
    blocks: Vec<Block>,
    view: Option<Rect>,
}

impl BlockQueue {
    /// Cuts the grid into blocks of `side` x `side` windows.
    pub fn new(grid: &Grid, side: usize, view: Option<Rect>) -> Self {
        let side = side.max(1);
        let mut blocks = Vec::new();
        for top in (0..grid.rows()).step_by(side) {
            let rows = top..grid.rows().min(top + side);
            for left in (0..grid.columns()).step_by(side) {
                let columns = left..grid.columns().min(left + side);
                let first = grid.at(columns.start, rows.start);
                let last = grid.at(columns.end - 1, rows.end - 1);
                let area = Rect::new(first.x, first.y, last.right() - first.x, last.bottom() - first.y);
                blocks.push(Block { columns, rows: rows.clone(), area });
            }
        }
        blocks.reverse();
        Self { blocks, view }
    }

    pub fn set_view(&mut self, view: Rect) {
        self.view = Some(view);
    }

    /// The next block: the first one in view, else the first one.
    pub fn next(&mut self) -> Option<Block> {
        let in_view =
            self.view.and_then(|view| self.blocks.iter().rposition(|block| block.area.intersects(&view)));
        match in_view {
            Some(position) => Some(self.blocks.remove(position)),
            None => self.blocks.pop(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::GridSettings;

    fn grid() -> Grid {
        Grid::new(2826, 1300, GridSettings::default()).unwrap()
    }

    #[test]
    fn every_window_comes_exactly_once() {
        for side in [1, 3, 8, 100] {
            let mut queue = BlockQueue::new(&grid(), side, Some(Rect::new(900, 700, 10, 10)));
            let mut windows: Vec<usize> = Vec::new();
            while let Some(block) = queue.next() {
                windows.extend(block.windows(&grid()));
            }
            windows.sort_unstable();
            assert_eq!(windows, (0..grid().len()).collect::<Vec<_>>());
        }
    }

    #[test]
    fn what_is_in_view_comes_first_even_when_the_view_moves() {
        let mut queue = BlockQueue::new(&grid(), 1, None);
        assert_eq!(queue.next().map(|block| block.area), Some(Rect::new(0, 0, 512, 512)));
        let view = Rect::new(2800, 1290, 20, 5);
        queue.set_view(view);
        assert!(queue.next().is_some_and(|block| block.area.intersects(&view)));
    }
}

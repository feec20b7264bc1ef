//! The order in which a scan walks over its windows: neighbouring windows are read together; areas come in the order in
//! which they were drawn, what is in view before the rest, and promising places before others.

use super::Layout;
use crate::raster::Rect;

/// Neighbouring windows of one grid that are cut out of one read.
#[derive(Clone, Debug, PartialEq)]
pub struct Block {
    /// The number of the grid in the layout.
    pub grid: usize,
    /// Numbers of its windows in the layout.
    pub windows: Vec<u32>,
    /// The level-0 pixels that its windows cover.
    pub area: Rect,
    /// The first of the areas to look at that it belongs to.
    order: u16,
    /// How promising it is; the greatest comes first.
    priority: f32,
}

impl Block {
    fn new(layout: &Layout, grid: usize, windows: Vec<u32>) -> Option<Self> {
        let rects = || windows.iter().map(|window| layout.rect(*window as usize));
        let (left, top) = (rects().map(|rect| rect.x).min()?, rects().map(|rect| rect.y).min()?);
        let (right, bottom) =
            (rects().map(|rect| rect.right()).max()?, rects().map(|rect| rect.bottom()).max()?);
        let order = windows.iter().filter_map(|window| layout.area_of(*window as usize)).min()?;
        let area = Rect::new(left, top, right - left, bottom - top);
        Some(Self { grid, windows, area, order, priority: 0.0 })
    }

    /// The block of one of its windows alone.
    pub fn single(&self, layout: &Layout, window: u32) -> Self {
        Self { windows: vec![window], area: layout.rect(window as usize), ..*self }
    }
}

/// The blocks that are still to be read.
pub struct BlockQueue {
    /// Reversed: the next one is last.
    blocks: Vec<Block>,
    view: Option<Rect>,
}

impl BlockQueue {
    /// Cuts the grids into blocks of at most `sides[grid]` x `sides[grid]` windows, of which only those that are
    /// `needed` are read.
    pub fn new(layout: &Layout, sides: &[usize], needed: impl Fn(usize) -> bool, view: Option<Rect>) -> Self {
        let mut blocks = Vec::new();
        for (number, grid) in layout.grids().iter().enumerate() {
            let side = sides.get(number).copied().unwrap_or(1).max(1);
            for top in (0..grid.rows()).step_by(side) {
                for left in (0..grid.columns()).step_by(side) {
                    let rows = top..grid.rows().min(top + side);
                    let columns = left..grid.columns().min(left + side);
                    let windows = rows
                        .flat_map(|row| columns.clone().map(move |column| row * grid.columns() + column))
                        .map(|window| layout.number(number, window))
                        .filter(|window| layout.area_of(*window).is_some() && needed(*window))
                        .map(|window| window as u32)
                        .collect();
                    blocks.extend(Block::new(layout, number, windows));
                }
            }
        }
        blocks.reverse();
        Self { blocks, view }
    }

    pub fn set_view(&mut self, view: Rect) {
        self.view = Some(view);
    }

    /// Puts the most promising blocks first. Only the best `share` of them stay.
    pub fn prioritise(&mut self, promise: impl Fn(&Block) -> f32, share: f64) {
        for block in &mut self.blocks {
            block.priority = promise(block);
        }
        // Stable, so that equals keep their order.
        self.blocks.sort_by(|a, b| a.priority.total_cmp(&b.priority));
        let kept = (share * self.blocks.len() as f64).ceil() as usize;
        self.blocks.drain(..self.blocks.len().saturating_sub(kept));
    }

    /// The number of windows in all blocks.
    pub fn windows(&self) -> usize {
        self.blocks.iter().map(|block| block.windows.len()).sum()
    }

    /// The next block: of the first area one in view, else the most promising.
    pub fn next(&mut self) -> Option<Block> {
        let area = self.blocks.iter().map(|block| block.order).min()?;
        let seen = |block: &Block| self.view.is_some_and(|view| block.area.intersects(&view));
        let in_view = self.blocks.iter().rposition(|block| block.order == area && seen(block));
        let position = in_view.or_else(|| self.blocks.iter().rposition(|block| block.order == area))?;
        Some(self.blocks.remove(position))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::{Area, GridSettings};

    fn layout(areas: &[Area]) -> Layout {
        Layout::new((2826, 1300), GridSettings::default(), &[4, 2], areas).unwrap()
    }

    fn all(mut queue: BlockQueue) -> Vec<u32> {
        let mut windows = Vec::new();
        while let Some(block) = queue.next() {
            windows.extend(block.windows);
        }
        windows
    }

    #[test]
    fn every_window_that_is_needed_comes_exactly_once() {
        let layout = layout(&[]);
        for side in [1, 3, 8, 100] {
            let needed = |window: usize| !window.is_multiple_of(3);
            let queue = BlockQueue::new(&layout, &[side; 2], needed, Some(Rect::new(900, 700, 10, 10)));
            let expected: Vec<u32> = (0..layout.len()).filter(|w| needed(*w)).map(|w| w as u32).collect();
            assert_eq!(queue.windows(), expected.len());
            let mut windows = all(queue);
            windows.sort_unstable();
            assert_eq!(windows, expected);
        }
    }

    #[test]
    fn what_is_in_view_comes_first_even_when_the_view_moves() {
        let mut queue = BlockQueue::new(&layout(&[]), &[1; 2], |_| true, None);
        assert_eq!(queue.next().map(|block| block.area), Some(Rect::new(0, 0, 512, 512)));
        let view = Rect::new(2800, 1290, 20, 5);
        queue.set_view(view);
        assert!(queue.next().is_some_and(|block| block.area.intersects(&view)));
        queue.set_view(Rect::new(0, 0, 1, 1));
        assert_eq!(queue.next().map(|block| block.area), Some(Rect::new(0, 0, 256, 256)));
        assert_eq!(queue.next().map(|block| block.area), Some(Rect::new(128, 0, 512, 512)));
    }

    #[test]
    fn areas_come_in_their_order_and_promising_blocks_first() {
        let areas = [Area::rect(Rect::new(2000, 900, 9, 9)), Area::rect(Rect::new(0, 0, 1500, 600))];
        let layout = layout(&areas);
        let mut queue = BlockQueue::new(&layout, &[1; 2], |_| true, None);
        queue.prioritise(|block| block.area.x as f32, 1.0);
        let order: Vec<u16> =
            all(queue).iter().filter_map(|window| layout.area_of(*window as usize)).collect();
        assert!(order.is_sorted() && order[0] == 0 && order.ends_with(&[1]));
        let mut queue = BlockQueue::new(&layout, &[1; 2], |_| true, None);
        let before = queue.windows();
        queue.prioritise(|block| block.area.x as f32, 0.5);
        assert_eq!(queue.windows(), before.div_ceil(2));
        assert!(queue.next().is_some_and(|block| block.area.x > 1700));
    }
}

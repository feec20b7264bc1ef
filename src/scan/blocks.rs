//! The order in which a scan walks over its windows: neighbouring windows are read together; areas come in
//! the order in which they were drawn, what is in view before the rest, and promising places before others.

use std::cmp::Ordering;

use crate::raster::Rect;
use crate::windows::WindowLayout;

/// Neighbouring windows of one grid that are cut out of one read.
#[derive(Clone, Debug, PartialEq)]
pub struct WindowBlock {
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
    /// Its number in the order of the grids.
    place: usize,
}

impl WindowBlock {
    fn new(layout: &WindowLayout, grid: usize, windows: Vec<u32>, place: usize) -> Option<Self> {
        let rects = || windows.iter().map(|window| layout.rect(*window as usize));
        let (left, top) = (rects().map(|rect| rect.x).min()?, rects().map(|rect| rect.y).min()?);
        let (right, bottom) =
            (rects().map(|rect| rect.right()).max()?, rects().map(|rect| rect.bottom()).max()?);
        let order = windows.iter().filter_map(|window| layout.area_of(*window as usize)).min()?;
        let area = Rect::new(left, top, right - left, bottom - top);
        Some(Self { grid, windows, area, order, priority: 0.0, place })
    }

    /// `Less` when it is more promising; of equals the earlier one is.
    fn by_promise(&self, other: &Self) -> Ordering {
        other.priority.total_cmp(&self.priority).then(self.place.cmp(&other.place))
    }

    /// The block of one of its windows alone.
    pub fn single(&self, layout: &WindowLayout, window: u32) -> Self {
        Self { windows: vec![window], area: layout.rect(window as usize), ..*self }
    }
}

/// The blocks that are still to be read.
pub struct BlockQueue {
    /// When they are sorted, the next one is last.
    blocks: Vec<WindowBlock>,
    view: Option<Rect>,
    /// A view changes the order. They are sorted once for each, so that no block is searched for.
    sorted: bool,
}

impl BlockQueue {
    /// Cuts the grids into blocks of at most `shapes[grid]` windows across and down, of which only those that
    /// are `needed` are read.
    pub fn new(
        layout: &WindowLayout,
        shapes: &[(usize, usize)],
        needed: impl Fn(usize) -> bool,
        view: Option<Rect>,
    ) -> Self {
        let mut blocks = Vec::new();
        for (number, grid) in layout.grids().iter().enumerate() {
            let (across, down) = shapes.get(number).copied().unwrap_or((1, 1));
            let (across, down) = (across.max(1), down.max(1));
            for top in (0..grid.rows()).step_by(down) {
                for left in (0..grid.columns()).step_by(across) {
                    let rows = top..grid.rows().min(top + down);
                    let columns = left..grid.columns().min(left + across);
                    let windows = rows
                        .flat_map(|row| columns.clone().map(move |column| row * grid.columns() + column))
                        .map(|window| layout.number(number, window))
                        .filter(|window| layout.area_of(*window).is_some() && needed(*window))
                        .map(|window| window as u32)
                        .collect();
                    blocks.extend(WindowBlock::new(layout, number, windows, blocks.len()));
                }
            }
        }
        Self { blocks, view, sorted: false }
    }

    pub fn set_view(&mut self, view: Rect) {
        self.sorted &= self.view == Some(view);
        self.view = Some(view);
    }

    /// Puts the most promising blocks first. Only the best `share` of them stay.
    pub fn prioritise(&mut self, promise: impl Fn(&WindowBlock) -> f32, share: f64) {
        for block in &mut self.blocks {
            block.priority = promise(block);
        }
        self.blocks.sort_unstable_by(WindowBlock::by_promise);
        self.blocks.truncate((share * self.blocks.len() as f64).ceil() as usize);
        self.sorted = false;
    }

    /// Leaves out windows that nobody needs any more.
    pub fn retain(&mut self, layout: &WindowLayout, needed: impl Fn(usize) -> bool) {
        self.blocks.retain_mut(|block| {
            let before = block.windows.len();
            block.windows.retain(|window| needed(*window as usize));
            if block.windows.len() < before
                && let Some(smaller) =
                    WindowBlock::new(layout, block.grid, block.windows.clone(), block.place)
            {
                // Its place in the order stays.
                *block = WindowBlock { order: block.order, priority: block.priority, ..smaller };
            }
            !block.windows.is_empty()
        });
    }

    /// The number of windows in all blocks.
    pub fn windows(&self) -> usize {
        self.blocks.iter().map(|block| block.windows.len()).sum()
    }

    /// The next block: of the first area one in view, else the most promising.
    pub fn next(&mut self) -> Option<WindowBlock> {
        if !self.sorted {
            let view = self.view;
            let unseen = |block: &WindowBlock| !view.is_some_and(|view| block.area.intersects(&view));
            let order = |a: &WindowBlock, b: &WindowBlock| {
                (a.order, unseen(a)).cmp(&(b.order, unseen(b))).then_with(|| a.by_promise(b))
            };
            self.blocks.sort_unstable_by(|a, b| order(b, a));
            self.sorted = true;
        }
        self.blocks.pop()
    }
}

#[cfg(test)]
mod tests {
    use rand::rngs::StdRng;
    use rand::{RngExt, SeedableRng};

    use super::*;
    use crate::windows::{Area, GridSettings};

    fn layout(areas: &[Area]) -> WindowLayout {
        WindowLayout::new((2826, 1300), GridSettings::default(), &[4, 2], areas).unwrap()
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
        for shape in [(1, 1), (3, 3), (8, 8), (100, 100), (100, 1), (7, 2)] {
            let needed = |window: usize| !window.is_multiple_of(3);
            let queue = BlockQueue::new(&layout, &[shape; 2], needed, Some(Rect::new(900, 700, 10, 10)));
            let expected: Vec<u32> = (0..layout.len()).filter(|w| needed(*w)).map(|w| w as u32).collect();
            assert_eq!(queue.windows(), expected.len());
            let mut windows = all(queue);
            windows.sort_unstable();
            assert_eq!(windows, expected);
        }
    }

    #[test]
    fn what_is_in_view_comes_first_even_when_the_view_moves() {
        let mut queue = BlockQueue::new(&layout(&[]), &[(1, 1); 2], |_| true, None);
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
        let mut queue = BlockQueue::new(&layout, &[(1, 1); 2], |_| true, None);
        queue.prioritise(|block| block.area.x as f32, 1.0);
        let order: Vec<u16> =
            all(queue).iter().filter_map(|window| layout.area_of(*window as usize)).collect();
        assert!(order.is_sorted() && order[0] == 0 && order.ends_with(&[1]));
        let mut queue = BlockQueue::new(&layout, &[(1, 1); 2], |_| true, None);
        let before = queue.windows();
        queue.prioritise(|block| block.area.x as f32, 0.5);
        assert_eq!(queue.windows(), before.div_ceil(2));
        assert!(queue.next().is_some_and(|block| block.area.x > 1700));
    }
    /// What [`BlockQueue::next`] says, by a search through all blocks. The next one is last.
    fn plain_next(blocks: &mut Vec<WindowBlock>, view: Option<Rect>) -> Option<WindowBlock> {
        let area = blocks.iter().map(|block| block.order).min()?;
        let seen = |block: &WindowBlock| view.is_some_and(|view| block.area.intersects(&view));
        let in_view = blocks.iter().rposition(|block| block.order == area && seen(block));
        let position = in_view.or_else(|| blocks.iter().rposition(|block| block.order == area))?;
        Some(blocks.remove(position))
    }

    #[test]
    fn the_order_is_that_of_a_plain_search() {
        let mut rng = StdRng::seed_from_u64(5);
        for round in 0..40 {
            let mut place = |most: u32| {
                let (x, y) = (rng.random_range(0..2800), rng.random_range(0..1300));
                Rect::new(x, y, rng.random_range(1..most), rng.random_range(1..most))
            };
            let areas: Vec<Area> = (0..round % 4).map(|_| Area::rect(place(900))).collect();
            let views: Vec<Rect> = (0..9).map(|_| place(1200)).collect();
            let layout = layout(&areas);
            let view = (round % 2 == 0).then_some(views[0]);
            let mut queue =
                BlockQueue::new(&layout, &[(1 + round % 3, 1 + round % 2), (2, 2)], |_| true, view);
            let mut plain = queue.blocks.clone();
            plain.reverse();
            if round % 5 > 0 {
                // Few values, so that many are equal.
                let promise =
                    |block: &WindowBlock| ((block.area.x / 128 + block.area.y / 128 * 7) % 5) as f32;
                let share = [1.0, 0.7, 0.25, 0.5][round % 4];
                queue.prioritise(promise, share);
                for block in &mut plain {
                    block.priority = promise(block);
                }
                plain.sort_by(|a, b| a.priority.total_cmp(&b.priority));
                let kept = (share * plain.len() as f64).ceil() as usize;
                plain.drain(..plain.len() - kept);
            }
            let mut view = view;
            for step in 0.. {
                if rng.random_range(0..4) == 0 {
                    view = Some(views[step % views.len()]);
                    queue.set_view(views[step % views.len()]);
                }
                let block = queue.next();
                assert_eq!(block, plain_next(&mut plain, view));
                if block.is_none() {
                    break;
                }
            }
        }
    }
}

//! All windows of a scan: one grid a scale, as far as they lie where one looks.

use super::area::Area;
use super::error::LayoutError;
use super::grid::{Grid, GridSettings};
use super::key::WindowKey;
use crate::raster::Rect;

/// The grids of a scan, their windows numbered through: all of the first scale in grid order, then those of
/// the next.
#[derive(Clone, Debug)]
pub struct WindowLayout {
    grids: Vec<Grid>,
    /// The number of the first window of each grid.
    firsts: Vec<usize>,
    len: usize,
    /// For every window the number of the first area that it belongs to, or [`NOWHERE`]; empty when all of
    /// the scene is looked at.
    areas: Vec<u16>,
    wanted: usize,
}

const NOWHERE: u16 = u16::MAX;

/// More windows than this don't fit into a number of 32 bits.
const MOST_WINDOWS: usize = (u32::MAX - 1) as usize;

impl WindowLayout {
    /// Lays one grid for each of `scales` (sides of the window in tiles) over a scene of `size` level-0
    /// pixels; none stand for the window of `settings`. With areas, only windows that belong to one are
    /// wanted.
    ///
    /// # Errors
    /// When a setting is below its minimum, no window touches an area, or there are too many windows.
    pub fn new(
        size: (u32, u32),
        settings: GridSettings,
        scales: &[u32],
        areas: &[Area],
    ) -> Result<Self, LayoutError> {
        let mut sides: Vec<u32> = Vec::new();
        let alone = [settings.window];
        for &side in if scales.is_empty() { &alone[..] } else { scales } {
            if !sides.contains(&side) {
                sides.push(side);
            }
        }
        let grids = sides.into_iter().map(|window| GridSettings { window, ..settings });
        Self::of_grids(size, grids, areas)
    }

    /// Lays cells of some `sides` (level-0 pixels) over a scene; the rest is as in [`Self::new`].
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn of_cells(size: (u32, u32), sides: &[u32], areas: &[Area]) -> Result<Self, LayoutError> {
        Self::of_grids(size, sides.iter().copied().map(GridSettings::cells), areas)
    }

    fn of_grids(
        size: (u32, u32),
        settings: impl Iterator<Item = GridSettings>,
        areas: &[Area],
    ) -> Result<Self, LayoutError> {
        let (mut grids, mut firsts, mut len) = (Vec::new(), Vec::new(), 0_usize);
        for settings in settings {
            let grid = Grid::new(size.0, size.1, settings)?;
            firsts.push(len);
            len = len.saturating_add(grid.len());
            grids.push(grid);
        }
        if len > MOST_WINDOWS {
            return Err(LayoutError::TooManyWindows { windows: len });
        }
        let mut layout = Self { grids, firsts, len, areas: Vec::new(), wanted: len };
        if !areas.is_empty() {
            let rects = || (0..len).map(|window| layout.rect(window).within(size));
            // An area too small to hold a window has those that touch it.
            let holds = |area: &Area| rects().any(|rect| area.holds(&rect));
            let holding: Vec<bool> = areas.iter().map(holds).collect();
            let first = |rect: Rect| {
                let mut both = areas.iter().zip(&holding);
                let found = both
                    .position(|(area, holds)| if *holds { area.holds(&rect) } else { area.touches(&rect) });
                found.map_or(NOWHERE, |area| u16::try_from(area).unwrap_or(NOWHERE - 1))
            };
            layout.areas = rects().map(first).collect();
            layout.wanted = layout.areas.iter().filter(|area| **area != NOWHERE).count();
        }
        if layout.wanted == 0 {
            return Err(LayoutError::OutsideScene);
        }
        Ok(layout)
    }

    #[must_use]
    pub fn grids(&self) -> &[Grid] {
        &self.grids
    }

    /// The number of windows of all grids, wanted or not.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Never true: every scene has at least one window.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The number of windows that the scan looks at.
    #[must_use]
    pub fn wanted(&self) -> usize {
        self.wanted
    }

    /// The area that a window belongs to, the first if there are several; `None` when it isn't wanted.
    #[must_use]
    pub fn area_of(&self, window: usize) -> Option<u16> {
        let area = self.areas.get(window).copied().unwrap_or_default();
        (area != NOWHERE).then_some(area)
    }

    /// The number of a window, by its grid and its number there.
    #[must_use]
    pub fn number(&self, grid: usize, window: usize) -> usize {
        self.firsts[grid] + window
    }

    /// A window in level-0 pixels.
    #[must_use]
    pub fn rect(&self, window: usize) -> Rect {
        let grid = self.firsts.partition_point(|&first| first <= window) - 1;
        self.grids[grid].rect(window - self.firsts[grid])
    }

    #[must_use]
    pub fn key(&self, window: usize) -> WindowKey {
        let Rect { x, y, width, .. } = self.rect(window);
        WindowKey { x, y, side: width }
    }

    /// The number of the window at a place, if it is wanted.
    #[must_use]
    pub fn find(&self, key: WindowKey) -> Option<usize> {
        let fits = |grid: &&Grid| grid.settings().window_pixels() == key.side;
        let grid = self.grids.iter().position(|grid| fits(&grid))?;
        let window = self.number(grid, self.grids[grid].find(key.x, key.y)?);
        self.area_of(window).map(|_| window)
    }

    /// The numbers of all windows over a level-0 pixel, wanted or not.
    pub fn over(&self, x: u32, y: u32) -> impl Iterator<Item = usize> {
        let grids = self.grids.iter().zip(&self.firsts);
        grids.flat_map(move |(grid, first)| grid.over(x, y).map(move |window| first + window))
    }

    /// The numbers of all windows whose middle lies in a place (level-0 pixels), wanted or not.
    pub fn within(&self, place: Rect) -> impl Iterator<Item = usize> {
        let grids = self.grids.iter().zip(&self.firsts);
        grids.flat_map(move |(grid, first)| grid.within(place).map(move |window| first + window))
    }

    /// The finest tile, in level-0 pixels.
    #[must_use]
    pub fn tile(&self) -> u32 {
        self.grids.iter().map(|grid| grid.settings().tile).min().unwrap_or(GridSettings::MIN_TILE)
    }

    /// Width and height of the scene in level-0 pixels.
    #[must_use]
    pub fn scene_size(&self) -> (u32, u32) {
        self.grids.first().map_or((0, 0), Grid::scene_size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: GridSettings =
        GridSettings { tile: 10, window: 2, step: 1, edges: crate::windows::grid::Edges::Cover };

    #[test]
    fn windows_of_all_scales_are_numbered_through() {
        let layout = WindowLayout::new((40, 30), SETTINGS, &[3, 2, 3], &[]).unwrap();
        assert_eq!(layout.grids().len(), 2);
        assert_eq!((layout.len(), layout.wanted()), (2 + 3 * 2, 8));
        assert_eq!(layout.rect(1), Rect::new(10, 0, 30, 30));
        assert_eq!(layout.rect(2), Rect::new(0, 0, 20, 20));
        assert_eq!(layout.rect(layout.number(1, 5)), Rect::new(20, 10, 20, 20));
        assert_eq!(layout.key(7), WindowKey { x: 20, y: 10, side: 20 });
        assert!((0..8).all(|window| layout.find(layout.key(window)) == Some(window)));
        assert_eq!(layout.over(9, 29).collect::<Vec<_>>(), [0, 5]);
        // The middles of the first scale are 15 and 25 across, 15 down, those of the second 10, 20 and 30.
        assert_eq!(layout.within(Rect::new(0, 10, 25, 10)).collect::<Vec<_>>(), [0, 2, 3]);
        let plain = WindowLayout::new((40, 30), SETTINGS, &[], &[]).unwrap();
        assert_eq!(plain.grids(), [Grid::new(40, 30, SETTINGS).unwrap()]);
    }

    #[test]
    fn only_what_touches_an_area_is_wanted() {
        let areas = [Area::rect(Rect::new(35, 25, 5, 5)), Area::rect(Rect::new(0, 0, 5, 5))];
        let layout = WindowLayout::new((40, 30), SETTINGS, &[], &areas).unwrap();
        let touched: Vec<_> = (0..layout.len()).map(|window| layout.area_of(window)).collect();
        assert_eq!(touched, [Some(1), None, None, None, None, Some(0)]);
        assert_eq!(layout.wanted(), 2);
        let outside = [Area::rect(Rect::new(90, 0, 5, 5))];
        assert!(WindowLayout::new((40, 30), SETTINGS, &[], &outside).is_err());
    }
}

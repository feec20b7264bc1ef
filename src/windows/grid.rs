//! Where the windows lie.

use std::ops::Range;

use serde::Serialize;

use super::error::LayoutError;
use crate::raster::Rect;

/// What happens to the strip at the right and bottom edge that the last whole step does not reach.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Edges {
    /// Add windows flush with the edge, so that no pixel goes unseen.
    #[default]
    Cover,
    /// Leave it out, as the thesis does.
    Drop,
    /// Go on by whole steps until all is covered; the last windows reach past the scene.
    #[value(skip)]
    Beyond,
}

/// The size and movement of the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct GridSettings {
    /// Side of a tile in level-0 pixels, at least [`GridSettings::MIN_TILE`].
    pub tile: u32,
    /// Side of the window in tiles, at least 1.
    pub window: u32,
    /// How far the window moves, in tiles, at least 1.
    pub step: u32,
    pub edges: Edges,
}

impl Default for GridSettings {
    fn default() -> Self {
        Self { tile: 128, window: 4, step: 1, edges: Edges::Cover }
    }
}

impl GridSettings {
    pub const MIN_TILE: u32 = 8;

    /// Squares of `side` level-0 pixels beside each other.
    #[must_use]
    pub fn cells(side: u32) -> Self {
        Self { tile: side, window: 1, step: 1, edges: Edges::Beyond }
    }

    /// Side of the window in level-0 pixels.
    #[must_use]
    pub fn window_pixels(&self) -> u32 {
        self.tile.saturating_mul(self.window)
    }

    /// The grid whose windows are twice as large and lie half a window apart.
    #[must_use]
    pub fn coarser(self) -> Self {
        Self { tile: self.tile.saturating_mul(2), step: (self.window / 2).max(1), ..self }
    }
}

/// All windows of a scene, numbered row by row from the top left (grid order).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grid {
    settings: GridSettings,
    scene: (u32, u32),
    /// Left edges of the columns and top edges of the rows, in level-0 pixels.
    lefts: Vec<u32>,
    tops: Vec<u32>,
}

impl Grid {
    /// Lays the grid over a scene of `width` x `height` level-0 pixels. A side shorter than the window
    /// gets one window, which then reaches past the scene and is padded when it is read.
    ///
    /// # Errors
    /// When a setting is below its minimum or the scene has no pixels.
    pub fn new(width: u32, height: u32, settings: GridSettings) -> Result<Self, LayoutError> {
        let GridSettings { tile, window, step, .. } = settings;
        let least = if settings.edges == Edges::Beyond { 1 } else { GridSettings::MIN_TILE };
        if tile < least {
            return Err(LayoutError::SmallTile { tile });
        }
        if window == 0 || step == 0 {
            return Err(LayoutError::NoTiles);
        }
        if width == 0 || height == 0 {
            return Err(LayoutError::NoPixels);
        }
        Ok(Self {
            settings,
            scene: (width, height),
            lefts: offsets(width, settings),
            tops: offsets(height, settings),
        })
    }

    #[must_use]
    pub fn settings(&self) -> GridSettings {
        self.settings
    }

    #[must_use]
    pub fn scene_size(&self) -> (u32, u32) {
        self.scene
    }

    #[must_use]
    pub fn columns(&self) -> usize {
        self.lefts.len()
    }

    #[must_use]
    pub fn rows(&self) -> usize {
        self.tops.len()
    }

    /// The number of windows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lefts.len() * self.tops.len()
    }

    /// Never true: every scene has at least one window.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The window at a column and row of the grid, in level-0 pixels.
    #[must_use]
    pub fn at(&self, column: usize, row: usize) -> Rect {
        let side = self.settings.window_pixels();
        Rect::new(self.lefts[column], self.tops[row], side, side)
    }

    /// The window of a number in grid order.
    #[must_use]
    pub fn rect(&self, index: usize) -> Rect {
        self.at(index % self.columns(), index / self.columns())
    }

    /// The number of the window whose top left corner is at (`x`, `y`).
    #[must_use]
    pub fn find(&self, x: u32, y: u32) -> Option<usize> {
        let column = self.lefts.binary_search(&x).ok()?;
        let row = self.tops.binary_search(&y).ok()?;
        Some(row * self.columns() + column)
    }

    /// The numbers of the windows over a level-0 pixel.
    pub fn over(&self, x: u32, y: u32) -> impl Iterator<Item = usize> {
        let side = self.settings.window_pixels();
        let (columns, rows) = (reaching(&self.lefts, x, side), reaching(&self.tops, y, side));
        rows.flat_map(move |row| columns.clone().map(move |column| row * self.columns() + column))
    }

    /// The numbers of the windows whose middle lies in a place (level-0 pixels).
    pub fn within(&self, place: Rect) -> impl Iterator<Item = usize> {
        let side = self.settings.window_pixels();
        // Twice the middle is a whole number of pixels.
        let inside = |offsets: &[u32], from: u32, to: u32| {
            let before = |edge: u32| {
                offsets
                    .partition_point(|&offset| 2 * u64::from(offset) + u64::from(side) < 2 * u64::from(edge))
            };
            before(from)..before(to)
        };
        let columns = inside(&self.lefts, place.x, place.right());
        let rows = inside(&self.tops, place.y, place.bottom());
        rows.flat_map(move |row| columns.clone().map(move |column| row * self.columns() + column))
    }

    /// The window whose centre is nearest to a point in level-0 pixels: the one to preview under a cursor.
    #[must_use]
    pub fn nearest(&self, x: f64, y: f64) -> Rect {
        let half = f64::from(self.settings.window_pixels()) / 2.0;
        self.at(nearest(&self.lefts, x - half), nearest(&self.tops, y - half))
    }
}

/// The offsets of the windows along one side of the scene.
fn offsets(length: u32, settings: GridSettings) -> Vec<u32> {
    let side = settings.window_pixels();
    let Some(last) = length.checked_sub(side) else { return vec![0] };
    let step = settings.step.saturating_mul(settings.tile);
    if settings.edges == Edges::Beyond {
        return (0..=last.div_ceil(step)).map(|i| i.saturating_mul(step)).collect();
    }
    let mut offsets: Vec<u32> = (0..=last / step).map(|i| i * step).collect();
    if settings.edges == Edges::Cover && last % step != 0 {
        offsets.push(last);
    }
    offsets
}

/// The indices of the sorted offsets from which a window of `side` pixels reaches over a position.
fn reaching(offsets: &[u32], position: u32, side: u32) -> Range<usize> {
    let first = offsets.partition_point(|&offset| offset.saturating_add(side) <= position);
    first..offsets.partition_point(|&offset| offset <= position)
}

/// The index of the sorted offset that is nearest to `position`.
fn nearest(offsets: &[u32], position: f64) -> usize {
    let after = offsets.partition_point(|&offset| f64::from(offset) < position);
    let before = after.saturating_sub(1);
    let after = after.min(offsets.len() - 1);
    if position - f64::from(offsets[before]) <= f64::from(offsets[after]) - position { before } else { after }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(width: u32, height: u32, tile: u32, window: u32, edges: Edges) -> usize {
        Grid::new(width, height, GridSettings { tile, window, step: 1, edges }).unwrap().len()
    }

    #[test]
    fn the_thesis_counts() {
        assert_eq!(count(2826, 1300, 128, 4, Edges::Drop), 133);
        assert_eq!(count(2826, 1300, 128, 3, Edges::Drop), 160);
        assert_eq!(count(2826, 1300, 64, 2, Edges::Drop), 817);
    }

    #[test]
    fn cover_leaves_no_pixel_unseen() {
        let grid = Grid::new(2826, 1300, GridSettings::default()).unwrap();
        assert_eq!(grid.len(), 20 * 8);
        let last = grid.rect(grid.len() - 1);
        assert_eq!((last.right(), last.bottom()), (2826, 1300));
    }

    #[test]
    fn a_scene_smaller_than_a_window_is_one_window() {
        let grid = Grid::new(1, 1, GridSettings::default()).unwrap();
        assert_eq!(grid.len(), 1);
        assert_eq!(grid.rect(0), Rect::new(0, 0, 512, 512));
    }

    #[test]
    fn windows_are_found_by_their_corner() {
        let grid = Grid::new(2826, 1300, GridSettings::default()).unwrap();
        for window in 0..grid.len() {
            let rect = grid.rect(window);
            assert_eq!(grid.find(rect.x, rect.y), Some(window));
        }
        assert_eq!(grid.find(1, 0), None);
    }

    #[test]
    fn windows_over_a_pixel_are_those_that_hold_it() {
        let settings = GridSettings { step: 3, ..GridSettings::default() };
        let grid = Grid::new(2826, 1300, settings).unwrap();
        for (x, y) in [(0, 0), (511, 511), (512, 500), (1000, 799), (2825, 1299), (9999, 9999)] {
            let pixel = Rect::new(x, y, 1, 1);
            let plain: Vec<usize> = (0..grid.len()).filter(|w| grid.rect(*w).intersects(&pixel)).collect();
            assert_eq!(grid.over(x, y).collect::<Vec<_>>(), plain, "{x}, {y}");
        }
    }

    #[test]
    fn settings_below_their_minimum_are_refused() {
        for (tile, window, step) in [(7, 4, 1), (128, 0, 1), (128, 4, 0)] {
            assert!(Grid::new(99, 99, GridSettings { tile, window, step, edges: Edges::Cover }).is_err());
        }
    }

    #[test]
    fn the_previewed_window_is_centred_under_the_cursor() {
        let grid = Grid::new(2826, 1300, GridSettings::default()).unwrap();
        assert_eq!(grid.nearest(256.0, 256.0), Rect::new(0, 0, 512, 512));
        assert_eq!(grid.nearest(400.0, 256.0), Rect::new(128, 0, 512, 512));
        assert_eq!(grid.nearest(9e9, 9e9).right(), 2826);
        assert_eq!(grid.nearest(-9.0, -9.0).x, 0);
    }
}

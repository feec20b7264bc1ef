//! Cells of a scene, which are encoded in blocks: what a cell's embedding is never depends on the block.

use std::ops::Range;

use crate::encoder::{CellModel, PictureSize};
use crate::windows::{Grid, GridSettings};

/// Cells a side of the pictures that blocks are encoded from, at most: feature maps stay within some tens of
/// megabytes.
const MOST_CELLS: usize = 32;

/// The sides of the cells of a dense scan, in level-0 pixels: each window, by `scales` or as large as is good
/// for the window of `grid`, fills the model's input.
#[must_use]
pub fn cell_sides(grid: GridSettings, scales: &[u32], model: CellModel) -> Vec<u32> {
    let windows: Vec<f64> = if scales.is_empty() {
        model.window_shares.iter().map(|share| share * f64::from(grid.window_pixels())).collect()
    } else {
        scales.iter().map(|scale| f64::from(grid.tile) * f64::from(*scale)).collect()
    };
    let mut sides: Vec<u32> =
        windows.iter().map(|window| ((window / model.across as f64).round() as u32).max(1)).collect();
    sides.sort_unstable_by(|a, b| b.cmp(a));
    sides.dedup();
    sides
}

/// How the cells of a grid are cut into blocks. All are encoded from pictures of one size, so that they go
/// through the model side by side.
#[derive(Clone, Debug, PartialEq)]
pub struct CellCut {
    rows: Axis,
    columns: Axis,
}

/// Cells along one side of the scene.
#[derive(Clone, Debug, PartialEq)]
struct Axis {
    cells: usize,
    /// The same, up to where the last picture ends.
    padded: usize,
    /// Cells of a block.
    kept: usize,
    /// Cells of its picture.
    seen: usize,
    margin: usize,
}

/// The cells of a block's picture: as many more on each side as a cell's embedding depends on, or up to the
/// scene's edge.
#[derive(Clone, Debug, PartialEq)]
pub struct CellBlock {
    pub rows: Range<usize>,
    pub columns: Range<usize>,
}

impl CellCut {
    /// Cuts a grid so that `cores` pictures at a time take least time.
    pub fn new(grid: &Grid, model: CellModel, cores: usize) -> Self {
        Self::of_size(grid.rows(), grid.columns(), model, cores)
    }

    fn of_size(rows: usize, columns: usize, model: CellModel, cores: usize) -> Self {
        let most = MOST_CELLS.max(2 * model.margin + model.align).max(model.least);
        // A block has at least one of `most` cells, so that no more numbers need to be tried.
        let cuts = |cells: usize| {
            let fewest = cells.div_ceil(most).max(1);
            let axes = (fewest..=cells.min(8 * fewest)).map(move |blocks| Axis::new(cells, blocks, model));
            axes.filter(move |axis| axis.seen <= most)
        };
        let cost = |(rows, columns): &(Axis, Axis)| {
            let pictures = rows.blocks() * columns.blocks();
            pictures.div_ceil(cores.max(1)) * rows.seen * columns.seen
        };
        let pairs = cuts(rows).flat_map(|rows| cuts(columns).map(move |columns| (rows.clone(), columns)));
        let best = pairs.min_by_key(cost);
        let (rows, columns) =
            best.unwrap_or_else(|| (Axis::new(rows, rows, model), Axis::new(columns, columns, model)));
        Self { rows, columns }
    }

    /// Columns and rows of a block, without what its picture shows around it.
    pub fn shape(&self) -> (usize, usize) {
        (self.columns.kept, self.rows.kept)
    }

    /// Rows and columns of cells of a block's picture.
    pub fn picture(&self) -> PictureSize {
        PictureSize { height: self.rows.seen, width: self.columns.seen }
    }

    /// The picture that a cell gets its embedding from.
    pub fn block_of(&self, row: usize, column: usize) -> CellBlock {
        CellBlock { rows: self.rows.seen_from(row), columns: self.columns.seen_from(column) }
    }
}

impl Axis {
    fn new(cells: usize, blocks: usize, model: CellModel) -> Self {
        let CellModel { margin, align, least, .. } = model;
        let kept = cells.div_ceil(blocks.max(1)).max(1).next_multiple_of(align);
        // Windows that move by what doesn't divide them leave some cells at the end uncovered.
        let uncovered = if least.is_multiple_of(align) { 0 } else { align };
        let padded = cells.max(least).next_multiple_of(align) + uncovered;
        let seen = padded.min((kept + 2 * margin).max(least).next_multiple_of(align));
        Self { cells, padded, kept, seen, margin }
    }

    fn blocks(&self) -> usize {
        self.cells.div_ceil(self.kept)
    }

    /// The cells of the picture of a cell's block.
    fn seen_from(&self, cell: usize) -> Range<usize> {
        let first = cell / self.kept * self.kept;
        let first = first.saturating_sub(self.margin).min(self.padded - self.seen);
        first..first + self.seen
    }
}

impl CellBlock {
    /// The place of a cell's embedding among those of the picture.
    pub fn place(&self, row: usize, column: usize) -> usize {
        (row - self.rows.start) * self.columns.len() + column - self.columns.start
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resnet(margin: usize) -> CellModel {
        let window_shares = &[0.75, 0.5, 0.375];
        CellModel { side: 32, across: 3, overlaps: 1, window_shares, margin, align: 1, least: 1 }
    }

    fn vit(across: usize, align: usize) -> CellModel {
        let margin = (across - 1) / align * align;
        CellModel { side: 16, across, overlaps: 4, window_shares: &[1.0], margin, align, least: across }
    }

    #[test]
    fn cells_are_parts_of_windows() {
        let grid = GridSettings { tile: 64, window: 4, ..GridSettings::default() };
        assert_eq!(cell_sides(grid, &[], resnet(3)), [64, 43, 32]);
        assert_eq!(cell_sides(grid, &[4, 2, 4], resnet(3)), [85, 43]);
        assert_eq!(cell_sides(grid, &[], vit(14, 7)), [18]);
        let small = GridSettings { tile: 8, window: 1, ..grid };
        assert_eq!(cell_sides(small, &[1], vit(14, 7)), [1]);
    }

    #[test]
    fn blocks_see_their_margins() {
        for (rows, columns, model, cores) in [
            (1, 1, resnet(3), 2),
            (19, 24, resnet(3), 2),
            (100, 7, resnet(4), 4),
            (65, 200, resnet(8), 16),
            // As ViT-B/32 and ViT-B/16 have it.
            (2, 50, vit(7, 3), 2),
            (65, 31, vit(14, 7), 4),
        ] {
            let CellModel { margin, align, .. } = model;
            let cut = CellCut::of_size(rows, columns, model, cores);
            let (across, down) = cut.shape();
            for (row, column) in (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column))) {
                let block = cut.block_of(row, column);
                assert_eq!(block, cut.block_of(row / down * down, column / across * across));
                let seen = PictureSize { height: block.rows.len(), width: block.columns.len() };
                assert_eq!(seen, cut.picture());
                assert!(block.rows.start.is_multiple_of(align) && block.columns.len().is_multiple_of(align));
                for (seen, cell, cells) in [(&block.rows, row, rows), (&block.columns, column, columns)] {
                    assert!(seen.start == 0 || seen.start + margin <= cell, "{block:?}");
                    assert!(seen.end >= cells || cell + 1 + margin <= seen.end, "{block:?}");
                }
            }
        }
    }
}

//! Cells of a scene, which are encoded in blocks: what a cell's embedding is never depends on the block.

use std::ops::Range;

use super::{ScanError, SceneSource};
use crate::encoder::{CellModel, PictureSize, Preprocessor};
use crate::raster::{Pixels, Rect};

/// Cells a side of the pictures that blocks are encoded from, at most: feature maps stay within some tens of
/// megabytes.
const MOST_CELLS: usize = 32;

/// How the cells of a scene are cut into blocks. All are encoded from pictures of one size, so that they go
/// through the model side by side.
#[derive(Clone, Debug, PartialEq)]
pub struct CellBlocks {
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

/// A block, in cells from the top left.
#[derive(Clone, Debug, PartialEq)]
pub struct CellBlock {
    /// The cells that get their embeddings from it.
    pub rows: Range<usize>,
    pub columns: Range<usize>,
    /// The cells of its picture: as many more on each side as a cell's embedding depends on, or up to the
    /// scene's edge.
    seen_rows: Range<usize>,
    seen_columns: Range<usize>,
}

impl CellBlocks {
    /// Cuts `rows` x `columns` cells so that `cores` pictures at a time take least time.
    pub fn new(rows: usize, columns: usize, model: CellModel, cores: usize) -> Self {
        let most = MOST_CELLS.max(2 * model.margin + model.align).max(model.least);
        let cuts = |cells: usize| {
            let axes = (1..=cells).map(move |blocks| Axis::new(cells, blocks, model));
            axes.filter(move |axis| axis.seen <= most)
        };
        let cost = |(rows, columns): &(Axis, Axis)| {
            let pictures = rows.blocks().count() * columns.blocks().count();
            pictures.div_ceil(cores.max(1)) * rows.seen * columns.seen
        };
        let pairs = cuts(rows).flat_map(|rows| cuts(columns).map(move |columns| (rows.clone(), columns)));
        let best = pairs.min_by_key(cost);
        let (rows, columns) =
            best.unwrap_or_else(|| (Axis::new(rows, rows, model), Axis::new(columns, columns, model)));
        Self { rows, columns }
    }

    /// Rows and columns of cells of a block's picture.
    pub fn picture(&self) -> PictureSize {
        PictureSize { height: self.rows.seen, width: self.columns.seen }
    }

    /// All blocks, row by row.
    pub fn blocks(&self) -> impl Iterator<Item = CellBlock> {
        self.rows.blocks().flat_map(move |rows| {
            self.columns.blocks().map(move |columns| CellBlock {
                seen_rows: self.rows.seen(&rows),
                seen_columns: self.columns.seen(&columns),
                rows: rows.clone(),
                columns,
            })
        })
    }
}

impl Axis {
    fn new(cells: usize, blocks: usize, model: CellModel) -> Self {
        let CellModel { margin, align, least, .. } = model;
        let kept = cells.div_ceil(blocks.max(1)).max(1).next_multiple_of(align);
        // Windows that move by what doesn't divide them leave some cells at the end uncovered.
        let uncovered = if least.is_multiple_of(align) { 0 } else { align };
        let padded = cells.max(least).next_multiple_of(align) + uncovered;
        Self {
            cells,
            padded,
            kept,
            seen: padded.min((kept + 2 * margin).max(least).next_multiple_of(align)),
            margin,
        }
    }

    fn blocks(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        let (cells, kept) = (self.cells, self.kept);
        (0..cells).step_by(kept).map(move |first| first..cells.min(first + kept))
    }

    /// The cells of a block's picture.
    fn seen(&self, block: &Range<usize>) -> Range<usize> {
        let first = block.start.saturating_sub(self.margin).min(self.padded - self.seen);
        first..first + self.seen
    }
}

impl CellBlock {
    /// The place of a cell's embedding among those of the picture.
    pub fn place(&self, row: usize, column: usize) -> usize {
        (row - self.seen_rows.start) * self.seen_columns.len() + column - self.seen_columns.start
    }
}

/// Reads blocks of cells of `side` level-0 pixels, always at full resolution.
pub struct CellReader<'a> {
    pub scene: &'a dyn SceneSource,
    pub preprocessor: &'a dyn Preprocessor,
    pub side: u32,
    pub model: CellModel,
}

/// A block as the model takes it.
pub struct PreparedBlock {
    /// The part of each cell of the block without data, 0 to 1, row by row.
    pub nodata: Vec<f32>,
    pub input: Vec<f32>,
}

impl CellReader<'_> {
    /// Reads a block. Where there is no data the model sees the mean colour of what it was trained on, and
    /// beyond the scene its edge again and again: neither depends on the block.
    pub fn read(&self, block: &CellBlock) -> Result<PreparedBlock, ScanError> {
        let at = |cells: usize| u32::try_from(cells).unwrap_or(u32::MAX).saturating_mul(self.side);
        let (left, top) = (at(block.seen_columns.start), at(block.seen_rows.start));
        let (width, height) = (at(block.seen_columns.len()), at(block.seen_rows.len()));
        let inside = Rect::new(left, top, width, height).within(self.scene.size());
        let read = self.scene.read(0, inside)?;
        let cells = block.rows.clone().flat_map(|row| block.columns.clone().map(move |column| (row, column)));
        let nodata = cells.map(|(row, column)| missing(&read, at(column) - left, at(row) - top, self.side));
        let nodata = nodata.collect();
        let seen = PictureSize { height: block.seen_rows.len(), width: block.seen_columns.len() };
        let size = PictureSize { height: seen.height * self.model.side, width: seen.width * self.model.side };
        let pixels = completed(&read, width, height, self.preprocessor.mean_color());
        Ok(PreparedBlock { nodata, input: self.preprocessor.stretched(&pixels, size)? })
    }
}

/// A picture with a colour where it has no data, made as large as `width` x `height` by repeating its last
/// column and row.
fn completed(picture: &Pixels, width: u32, height: u32, [red, green, blue]: [u8; 3]) -> Pixels {
    let all = picture.rgba.as_chunks::<4>().0;
    let mut rgba = Vec::with_capacity(width as usize * height as usize * 4);
    for y in 0..height.min(picture.height.max(1)) as usize {
        let row = &all[y * picture.width as usize..][..picture.width as usize];
        let known = |pixel: &[u8; 4]| if pixel[3] == 0 { [red, green, blue, 255] } else { *pixel };
        let last = row.last().map_or([red, green, blue, 255], known);
        rgba.extend(row.iter().flat_map(known));
        rgba.extend(std::iter::repeat_n(last, width.saturating_sub(picture.width) as usize).flatten());
    }
    let last_row = rgba[rgba.len().saturating_sub(width as usize * 4)..].to_vec();
    for _ in picture.height..height {
        rgba.extend_from_slice(&last_row);
    }
    Pixels { width, height, rgba }
}

/// The part without data of a square at (`left`, `top`), which may reach beyond the picture.
fn missing(picture: &Pixels, left: u32, top: u32, side: u32) -> f32 {
    let square = Rect::new(left, top, side, side).within((picture.width, picture.height));
    let pixels = picture.rgba.as_chunks::<4>().0;
    let row = |y: u32| {
        let first = y as usize * picture.width as usize + square.x as usize;
        &pixels[first..first + square.width as usize]
    };
    let there = (square.y..square.bottom()).flat_map(row).filter(|pixel| pixel[3] != 0).count();
    (1.0 - there as f64 / f64::from(side).powi(2)) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_share_all_cells_and_see_their_margins() {
        let resnet = |margin| CellModel { side: 32, margin, align: 1, least: 1 };
        // As ViT-B/32 and ViT-B/16 have it.
        let vit = |grid: usize, align: usize| CellModel {
            side: 32,
            margin: (grid - 1) / align * align,
            align,
            least: grid,
        };
        for (rows, columns, model, cores) in [
            (1, 1, resnet(3), 2),
            (19, 24, resnet(3), 2),
            (100, 7, resnet(4), 4),
            (65, 200, resnet(8), 16),
            (2, 50, vit(7, 3), 2),
            (65, 31, vit(14, 7), 4),
        ] {
            let CellModel { margin, align, .. } = model;
            let blocks = CellBlocks::new(rows, columns, model, cores);
            let mut times = vec![0; rows * columns];
            for block in blocks.blocks() {
                let (seen_rows, seen_columns) = (&block.seen_rows, &block.seen_columns);
                let seen = PictureSize { height: seen_rows.len(), width: seen_columns.len() };
                assert_eq!(seen, blocks.picture());
                assert!(seen_rows.start % align == 0 && seen_columns.len() % align == 0);
                for (kept, seen, cells) in
                    [(&block.rows, seen_rows, rows), (&block.columns, seen_columns, columns)]
                {
                    assert!(seen.start == 0 || seen.start + margin <= kept.start, "{block:?}");
                    assert!(seen.end >= cells || kept.end + margin <= seen.end, "{block:?}");
                }
                for row in block.rows.clone() {
                    block.columns.clone().for_each(|column| times[row * columns + column] += 1);
                }
            }
            assert!(times.iter().all(|times| *times == 1), "{rows} x {columns}: {times:?}");
        }
    }

    #[test]
    fn what_is_missing_gets_a_colour_and_is_counted() {
        let picture = Pixels { width: 2, height: 1, rgba: vec![0, 0, 0, 0, 1, 2, 3, 255] };
        let completed = completed(&picture, 3, 2, [7, 8, 9]);
        let row = [[7, 8, 9, 255], [1, 2, 3, 255], [1, 2, 3, 255]].concat();
        assert_eq!(completed.rgba, row.repeat(2));
        assert_eq!((completed.width, completed.height), (3, 2));
        assert_eq!(missing(&picture, 0, 0, 2), 0.75);
        assert_eq!(missing(&picture, 1, 0, 1), 0.0);
        assert_eq!(missing(&picture, 0, 0, 1), 1.0);
    }
}

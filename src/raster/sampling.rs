//! Which blocks to decode when a whole region would take too long: a sparse, even sample of it.

use crate::raster::reader::Level;
use crate::raster::rect::Rect;

/// The largest number of cells in a sample. Blocks may be as small as a pixel; with common ones, from 64 x
/// 64, the pixel budget is used up earlier.
const MAX_CELLS: u64 = 1 << 14;

/// Regions spread evenly over `area` that take at most about `budget` decoded pixels: the whole area if that
/// is cheap enough, else a few blocks of it.
pub(in crate::raster) fn sample_rects(level: &Level, area: Rect, budget: u64) -> Vec<Rect> {
    if decoded_pixels(level, area) <= budget {
        return vec![area];
    }
    let (columns, rows) = cells(level, area, budget);
    cell_rects(level, area, columns, rows)
}

/// How many pixels have to be decoded to read a region: whole blocks.
pub(in crate::raster) fn decoded_pixels(level: &Level, rect: Rect) -> u64 {
    let (columns, rows) = blocks(level, rect);
    let block = u64::from(level.block_width) * u64::from(level.block_height);
    (u64::from(columns) * u64::from(rows)).saturating_mul(block)
}

/// The number of block columns and rows that a region touches.
fn blocks(level: &Level, rect: Rect) -> (u32, u32) {
    let columns = rect.right().div_ceil(level.block_width) - rect.x / level.block_width;
    let rows = rect.bottom().div_ceil(level.block_height) - rect.y / level.block_height;
    (columns.max(1), rows.max(1))
}

/// Whether whole rows of blocks make a better sample than single blocks: where blocks are flat, such as
/// strips.
pub(in crate::raster) fn samples_rows(level: &Level, area: Rect) -> bool {
    blocks(level, area).0 == 1 || level.block_height <= level.block_width / 16
}

/// How many columns and rows of cells the budget allows, in about the shape of the area; one column where
/// whole rows are sampled.
pub(in crate::raster) fn cells(level: &Level, area: Rect, budget: u64) -> (u32, u32) {
    let (columns, rows) = blocks(level, area);
    let block = u64::from(level.block_width) * u64::from(level.block_height);
    let allowed = (budget / block.max(1)).clamp(1, MAX_CELLS);
    let per_cell = (u64::from(columns) * u64::from(rows)) as f64 / allowed as f64;
    if samples_rows(level, area) {
        return (1, ((f64::from(rows) / per_cell.max(1.0)) as u32).clamp(1, rows));
    }
    let stride = per_cell.sqrt().max(1.0);
    let some = |count: u32| ((f64::from(count) / stride) as u32).clamp(1, count);
    (some(columns), some(rows))
}

/// For each cell, row by row: the block at its centre, or the row of blocks, clipped to the area and to about
/// a million pixels.
pub(in crate::raster) fn cell_rects(level: &Level, area: Rect, columns: u32, rows: u32) -> Vec<Rect> {
    const MAX_PIXELS: u32 = 1 << 20;
    let centre = |start: u32, length: u32, cell: u32, count: u32| {
        let offset = (2 * u64::from(cell) + 1) * u64::from(length) / (2 * u64::from(count.max(1)));
        start + u32::try_from(offset).unwrap_or(0).min(length.saturating_sub(1))
    };
    let mut rects = Vec::new();
    for row in 0..rows {
        let y = centre(area.y, area.height, row, rows);
        for column in 0..columns {
            let x = centre(area.x, area.width, column, columns);
            let (left, right) = if samples_rows(level, area) {
                (area.x, area.right())
            } else {
                let left = x / level.block_width * level.block_width;
                (left.max(area.x), left.saturating_add(level.block_width).min(area.right()))
            };
            let top = (y / level.block_height * level.block_height).max(area.y);
            let bottom = (y / level.block_height + 1).saturating_mul(level.block_height).min(area.bottom());
            let width = right - left;
            let height = (bottom - top).min((MAX_PIXELS / width.max(1)).max(1));
            // Around the centre of the cell.
            let top = y.saturating_sub(height / 2).clamp(top, bottom - height);
            rects.push(Rect::new(left, top, width, height));
        }
    }
    rects
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level(width: u32, height: u32, block_width: u32, block_height: u32) -> Level {
        Level { width, height, block_width, block_height }
    }

    #[test]
    fn samples_stay_within_the_budget_and_the_area() {
        for (level, area) in [
            (level(100_000, 90_000, 256, 256), Rect::new(0, 0, 100_000, 90_000)),
            (level(100_000, 90_000, 512, 512), Rect::new(70_000, 10_001, 30_000, 79_999)),
            (level(50_000, 40_000, 50_000, 1), Rect::new(0, 0, 50_000, 40_000)),
            (level(50_000, 40_000, 50_000, 16), Rect::new(9, 9, 40_000, 39_000)),
            (level(50_000, 40_000, 1024, 1), Rect::new(9, 9, 40_000, 39_000)),
        ] {
            let rects = sample_rects(&level, area, 16 << 20);
            let decoded: u64 = rects.iter().map(|rect| decoded_pixels(&level, *rect)).sum();
            assert!((4 << 20..=16 << 20).contains(&decoded), "{decoded} pixels for {level:?}");
            for rect in rects {
                assert!(rect.width > 0 && rect.height > 0);
                assert!(rect.x >= area.x && rect.right() <= area.right(), "{rect:?}");
                assert!(rect.y >= area.y && rect.bottom() <= area.bottom(), "{rect:?}");
            }
        }
    }

    #[test]
    fn a_cheap_area_is_read_whole() {
        let area = Rect::new(3, 4, 500, 600);
        assert_eq!(sample_rects(&level(1000, 1000, 256, 256), area, 16 << 20), [area]);
    }
}

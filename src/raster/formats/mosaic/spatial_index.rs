//! Which of many sources touch a region.

use std::ops::Range;

use super::layout::MosaicSource;
use crate::raster::reader::Level;

/// The number of cells along each side.
const CELLS: u32 = 64;
/// Up to this many sources are searched one by one.
const FEW_SOURCES: usize = 64;
/// The most entries in all cells.
const MAX_ENTRIES: usize = 16 << 20;

/// For each cell of a grid over the mosaic, row by row, the indices of the sources that touch it.
pub(super) struct SourceIndex {
    full: Level,
    cells: Vec<Vec<u32>>,
}

impl SourceIndex {
    /// `None` if it would be too large or isn't worth it.
    pub fn of(sources: &[MosaicSource], full: Level) -> Option<Self> {
        if sources.len() <= FEW_SOURCES {
            return None;
        }
        let mut cells = vec![Vec::new(); (CELLS * CELLS) as usize];
        let mut entries = 0;
        for (index, MosaicSource { dst_rect, .. }) in sources.iter().enumerate() {
            let columns = span(dst_rect.x, dst_rect.x + dst_rect.width, full.width);
            let rows = span(dst_rect.y, dst_rect.y + dst_rect.height, full.height);
            entries += columns.len() * rows.len();
            if entries > MAX_ENTRIES {
                return None;
            }
            for row in rows {
                for column in columns.clone() {
                    cells.get_mut(row * CELLS as usize + column)?.push(u32::try_from(index).ok()?);
                }
            }
        }
        Some(Self { full, cells })
    }

    /// The sources in the cells that a region of level 0 touches; some may occur more than once.
    pub fn touching(&self, left: f64, top: f64, right: f64, bottom: f64) -> Vec<usize> {
        let (columns, rows) = (span(left, right, self.full.width), span(top, bottom, self.full.height));
        rows.flat_map(|row| columns.clone().map(move |column| row * CELLS as usize + column))
            .filter_map(|cell| self.cells.get(cell))
            .flatten()
            .map(|&index| index as usize)
            .collect()
    }
}

/// The cells along one side that a range of pixels touches.
fn span(start: f64, end: f64, length: u32) -> Range<usize> {
    let cell = |at: f64| (at / f64::from(length) * f64::from(CELLS)).clamp(0.0, f64::from(CELLS));
    let first = (cell(start).floor() as usize).min(CELLS as usize - 1);
    first..(cell(end).ceil() as usize).max(first + 1)
}

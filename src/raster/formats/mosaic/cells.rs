//! Which of many pieces touch a region.

use std::ops::Range;

use super::Piece;
use crate::raster::reader::Level;

/// Cells along each side, and entries in all of them. A few pieces need none.
const CELLS: u32 = 64;
const FEW_PIECES: usize = 64;
const MOST_ENTRIES: usize = 16 << 20;

/// For each cell of the scene, row by row, the pieces in it.
pub(super) struct Cells {
    full: Level,
    pieces: Vec<Vec<u32>>,
}

impl Cells {
    /// `None` where that would be too long or isn't worth it.
    pub fn of(pieces: &[Piece], full: Level) -> Option<Self> {
        if pieces.len() <= FEW_PIECES {
            return None;
        }
        let mut cells = vec![Vec::new(); (CELLS * CELLS) as usize];
        let mut entries = 0;
        for (index, Piece { place, .. }) in pieces.iter().enumerate() {
            let columns = span(place.x, place.x + place.width, full.width);
            let rows = span(place.y, place.y + place.height, full.height);
            entries += columns.len() * rows.len();
            if entries > MOST_ENTRIES {
                return None;
            }
            for row in rows {
                for column in columns.clone() {
                    cells.get_mut(row * CELLS as usize + column)?.push(u32::try_from(index).ok()?);
                }
            }
        }
        Some(Self { full, pieces: cells })
    }

    /// The pieces in the cells that a region of level 0 touches, some of them more than once.
    pub fn touching(&self, left: f64, top: f64, right: f64, bottom: f64) -> Vec<usize> {
        let (columns, rows) = (span(left, right, self.full.width), span(top, bottom, self.full.height));
        rows.flat_map(|row| columns.clone().map(move |column| row * CELLS as usize + column))
            .filter_map(|cell| self.pieces.get(cell))
            .flatten()
            .map(|&index| index as usize)
            .collect()
    }
}

/// The cells that a stretch of pixels touches.
fn span(start: f64, end: f64, length: u32) -> Range<usize> {
    let cell = |at: f64| (at / f64::from(length) * f64::from(CELLS)).clamp(0.0, f64::from(CELLS));
    let first = (cell(start).floor() as usize).min(CELLS as usize - 1);
    first..(cell(end).ceil() as usize).max(first + 1)
}

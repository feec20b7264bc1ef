//! What windows above one another share of their resize.
//!
//! Windows of a grid overlap, so most rows of pixels that one is made of are those of the window above it, in
//! the same columns: resized horizontally, they are the same. A row's place in the picture decides what it
//! becomes, so sharing it changes nothing.

use std::collections::HashMap;

use fast_image_resize::pixels::F32x4;

use super::Preprocess;
use super::resize::{Part, PixelRect};
use crate::clip::ClipError;

/// Columns that are kept at once: those of a square block's windows, and a few megabytes.
const MOST_COLUMNS: usize = 32;

/// Rows that windows of one picture were made of, at their final width. It serves one picture and one
/// [`Preprocess`], best from top to bottom: of the same columns it keeps the rows of the last window.
#[derive(Default)]
pub struct SharedRows {
    columns: HashMap<Columns, Rows>,
}

/// The columns of pixels that a window covers, to the bit.
#[derive(PartialEq, Eq, Hash)]
struct Columns {
    first: i64,
    count: usize,
    left: u64,
    width: u64,
}

/// Rows one below the other.
#[derive(Default)]
struct Rows {
    /// The place of the first in the picture.
    first: i64,
    /// Integers from 0 to 255, as they are between the two directions of the resize.
    values: Vec<[u8; 4]>,
}

impl SharedRows {
    /// All rows of a rectangle, `across` pixels wide.
    pub(super) fn narrowed(
        &mut self,
        preprocess: &Preprocess,
        rect: &PixelRect<'_>,
        part: &Part,
        across: usize,
    ) -> Result<Vec<F32x4>, ClipError> {
        let columns = Columns {
            first: rect.first_x,
            count: rect.width,
            left: part.left.to_bits(),
            width: part.width.to_bits(),
        };
        if self.columns.len() >= MOST_COLUMNS && !self.columns.contains_key(&columns) {
            self.columns.clear();
        }
        let rows = self.columns.entry(columns).or_default();
        rows.drop_above(rect.first_y, across);
        let known = rows.values.len() / across;
        if known < rect.height {
            let mut more = vec![F32x4::default(); (rect.height - known) * across];
            preprocess.narrowed(rect, part, known, across, &mut more)?;
            rows.values.extend(more.iter().map(|pixel| pixel.0.map(|value| value as u8)));
        }
        let values = &rows.values[..rect.height * across];
        Ok(values.iter().map(|pixel| F32x4::new(pixel.map(f32::from))).collect())
    }
}

impl Rows {
    /// Has the row at `top` be the first, or none if it isn't known.
    fn drop_above(&mut self, top: i64, across: usize) {
        let above = usize::try_from(top - self.first).ok().and_then(|above| above.checked_mul(across));
        match above.filter(|above| *above <= self.values.len()) {
            Some(above) => drop(self.values.drain(..above)),
            None => self.values.clear(),
        }
        self.first = top;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::raster::Pixels;

    /// In any order, between pixels, beyond the edge, in rows that are no multiple of anything.
    #[test]
    fn a_window_is_the_same_alone_and_beside_others() {
        let (width, height) = (211_u32, 190_u32);
        let noise = |i: u32| i.wrapping_mul(2_654_435_761).to_be_bytes()[0];
        let pixels = Pixels { width, height, rgba: (0..4 * width * height).map(noise).collect() };
        let preprocess = Preprocess::openai(16);
        let mut shared = SharedRows::default();
        let (mut beside, mut alone) = (vec![0.0; preprocess.input_len()], vec![0.0; preprocess.input_len()]);
        let tops = [0.0, 13.0, 26.0, 26.25, 39.0, 150.0, 20.0, -7.0, 120.0];
        for (left, side) in [0.0, 31.0, 31.5, -3.0].into_iter().flat_map(|left| [(left, 64.0), (left, 53.5)])
        {
            for top in tops {
                preprocess.window_beside(&pixels, left, top, side, &mut shared, &mut beside).unwrap();
                preprocess.window(&pixels, left, top, side, &mut alone).unwrap();
                assert!(beside == alone, "{left}, {top}, {side}");
            }
        }
    }
}

//! Where a mosaic lacks what a file that can't be opened would hold.

use std::collections::HashSet;
use std::path::Path;
use std::sync::PoisonError;

use super::axis::Axes;
use super::draw::each_part;
use super::{Mosaic, Piece, Window};
use crate::raster::Rect;
use crate::raster::error::Fault;

impl Mosaic {
    /// As [`crate::raster::reader::Reader::gaps`].
    pub(super) fn find_gaps(
        &self,
        level: usize,
        rect: Rect,
        bands: &[usize],
    ) -> Result<Option<Vec<u8>>, Fault> {
        let nested = |piece: &Piece| self.files.get(piece.file).is_some_and(|path| may_be_mosaic(path));
        let is_asked_for = |piece: &Piece| piece.bands.iter().any(|(ours, _)| bands.contains(ours));
        let mut may_lack = false;
        self.each_piece(level, rect, |piece, _| {
            may_lack |= is_asked_for(piece) && (nested(piece) || self.is_missing(piece.file)?);
            Ok(())
        })?;
        if !may_lack {
            return Ok(None);
        }
        let mut pieces = Vec::new();
        let mut missing = HashSet::new();
        self.each_piece(level, rect, |piece, factor| {
            if is_asked_for(piece) {
                if self.is_missing(piece.file)? {
                    missing.insert(piece.file);
                }
                pieces.push((piece.clone(), factor));
            }
            Ok(())
        })?;
        let mut out: Option<Vec<u8>> = None;
        for band in bands {
            let mut own = vec![255; rect.width as usize * rect.height as usize];
            for (piece, factor) in &pieces {
                let Some(&(_, theirs)) = piece.bands.iter().find(|(ours, _)| ours == band) else { continue };
                let absent = missing.contains(&piece.file);
                // What a later piece puts over a gap is there again.
                fill(piece, rect, *factor, if absent { 0 } else { 255 }, &mut own);
                if !absent && nested(piece) {
                    self.gaps_within(piece, rect, *factor, theirs, &mut own)?;
                }
            }
            if own.contains(&0) {
                let out = out.get_or_insert_with(|| vec![255; own.len()]);
                out.iter_mut().zip(own).for_each(|(out, own): (&mut u8, u8)| *out = (*out).min(own));
            }
        }
        Ok(out)
    }

    /// Whether a file can't be opened. Whoever read the region before found that out; but this mosaic may be
    /// one within another, that was closed and opened again since, and has forgotten it.
    fn is_missing(&self, index: usize) -> Result<bool, Fault> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.seen.contains(&index) {
            return Ok(false);
        }
        let is_known = open.missing.contains(&index);
        drop(open);
        Ok(is_known || self.file(index)?.is_none())
    }

    /// What a mosaic within this one lacks of a band, as [`crate::raster::reader::Reader::gaps`].
    fn gaps_within(
        &self,
        piece: &Piece,
        rect: Rect,
        factor: (f64, f64),
        band: usize,
        out: &mut [u8],
    ) -> Result<(), Fault> {
        let Some(file) = self.file(piece.file)? else { return Ok(()) };
        let Some(axes) = Axes::of(piece, &file.header().levels, rect, factor) else { return Ok(()) };
        each_part(&axes, |level, part, rows, columns| {
            let Some(gaps) = file.gaps(level, part, &[band])? else { return Ok(()) };
            for &(y, row) in rows {
                for &(x, column) in columns {
                    let from = (row - part.y) as usize * part.width as usize + (column - part.x) as usize;
                    let to = (y - rect.y) as usize * rect.width as usize + (x - rect.x) as usize;
                    if let (Some(out), Some(gap)) = (out.get_mut(to), gaps.get(from)) {
                        *out = (*out).min(*gap);
                    }
                }
            }
            Ok(())
        })
    }
}

/// Whether a file may be made of others, by its name.
fn may_be_mosaic(path: &Path) -> bool {
    path.extension().is_none_or(|end| end.eq_ignore_ascii_case("vrt"))
}

/// Writes a byte wherever a piece lies in a region of a level whose pixels are `factor` ones of level 0.
fn fill(piece: &Piece, rect: Rect, factor: (f64, f64), byte: u8, out: &mut [u8]) {
    let Window { x, y, width, height } = piece.place;
    let range = |start: f64, length: f64, factor: f64, from: u32, to: u32| {
        let first = ((start / factor).floor().max(f64::from(from)) as u32).min(to);
        let end = (((start + length) / factor).ceil().max(f64::from(from)) as u32).min(to);
        (first - from) as usize..(end - from) as usize
    };
    let columns = range(x, width, factor.0, rect.x, rect.right());
    for row in range(y, height, factor.1, rect.y, rect.bottom()) {
        let start = row * rect.width as usize;
        if let Some(out) = out.get_mut(start + columns.start..start + columns.end) {
            out.fill(byte);
        }
    }
}

//! Where a mosaic has no data because a source file can't be opened.

use std::collections::HashSet;

use super::Mosaic;
use super::axis::Axes;
use super::composite::for_each_chunk;
use super::layout::{FloatRect, MosaicSource};
use crate::raster::error::ReaderError;
use crate::raster::rect::Rect;

impl Mosaic {
    /// As [`Reader::read_missing`](crate::raster::reader::Reader::read_missing).
    pub(super) fn find_missing(
        &self,
        level: usize,
        rect: Rect,
        bands: &[usize],
    ) -> Result<Option<Vec<u8>>, ReaderError> {
        let is_wanted = |source: &MosaicSource| source.bands.iter().any(|(ours, _)| bands.contains(ours));
        let mut may_be_missing = false;
        self.for_each_source(level, rect, |source, _| {
            may_be_missing |= is_wanted(source)
                && (self.files.may_be_mosaic(source.file) || self.files.is_missing(source.file)?);
            Ok(())
        })?;
        if !may_be_missing {
            return Ok(None);
        }
        let mut sources = Vec::new();
        let mut missing = HashSet::new();
        self.for_each_source(level, rect, |source, factor| {
            if is_wanted(source) {
                if self.files.is_missing(source.file)? {
                    missing.insert(source.file);
                }
                sources.push((source.clone(), factor));
            }
            Ok(())
        })?;
        let mut out: Option<Vec<u8>> = None;
        for band in bands {
            let mut of_band = vec![255; rect.width as usize * rect.height as usize];
            for (source, factor) in &sources {
                let Some(&(_, file_band)) = source.bands.iter().find(|(ours, _)| ours == band) else {
                    continue;
                };
                let is_missing = missing.contains(&source.file);
                // A later source fills again what an earlier one lacks.
                fill(source, rect, *factor, if is_missing { 0 } else { 255 }, &mut of_band);
                if !is_missing && self.files.may_be_mosaic(source.file) {
                    self.find_missing_within(source, rect, *factor, file_band, &mut of_band)?;
                }
            }
            if of_band.contains(&0) {
                let out = out.get_or_insert_with(|| vec![255; of_band.len()]);
                out.iter_mut().zip(of_band).for_each(|(out, own): (&mut u8, u8)| *out = (*out).min(own));
            }
        }
        Ok(out)
    }

    /// Adds what is missing from one band of a nested mosaic.
    fn find_missing_within(
        &self,
        source: &MosaicSource,
        rect: Rect,
        factor: (f64, f64),
        band: usize,
        out: &mut [u8],
    ) -> Result<(), ReaderError> {
        let Some(file) = self.files.get(source.file)? else { return Ok(()) };
        let Some(axes) = Axes::of(source, &file.header().levels, rect, factor) else { return Ok(()) };
        for_each_chunk(&axes, |level, chunk, pixels| {
            let Some(missing) = file.read_missing(level, chunk, &[band])? else { return Ok(()) };
            pixels.for_each(|from, to| {
                if let (Some(out), Some(missing)) = (out.get_mut(to), missing.get(from)) {
                    *out = (*out).min(*missing);
                }
            });
            Ok(())
        })
    }
}

/// Writes a byte wherever a source lies in a region of a level whose pixels are `factor` level-0 pixels wide
/// and high.
fn fill(source: &MosaicSource, rect: Rect, factor: (f64, f64), byte: u8, out: &mut [u8]) {
    let FloatRect { x, y, width, height } = source.dst_rect;
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

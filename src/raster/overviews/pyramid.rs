//! Overviews for scenes that have none, or too few: made in one pass over the scene.
//!
//! The scene's coarsest level is read a slab of rows at a time. Every level keeps the rows of one row of
//! tiles; once those are complete they are written, halved on all cores, and handed to the next level. Memory
//! is bounded by two rows of tiles, whatever the scene's height.

use std::fs::File;

use rayon::prelude::*;

use super::file::{LevelImage, PyramidFile, TILE};
pub(in crate::raster) use super::halve::{Kind, Row, halve};
use crate::raster::Rect;
use crate::raster::display::bands::Role;
use crate::raster::error::Fault;
use crate::raster::error::guard;
use crate::raster::reader::{Level, Reader};

/// Bytes of the scene that are read at once, about.
const SLAB_BYTES: usize = 32 << 20;
/// The coarsest level of a scene that needs no more has at most so many pixels a side.
const COARSE_SIDE: u32 = 1024;

/// Levels are made until both sides are at most so many pixels: one tile.
const SMALLEST_SIDE: u32 = TILE as u32;

/// Whether showing the whole scene takes more pixels than a screen has.
pub(in crate::raster) fn is_needed(levels: &[Level]) -> bool {
    levels.last().is_some_and(|level| level.width.max(level.height) > 4 * COARSE_SIDE)
}

/// Whether there is a level below the coarsest one.
pub(in crate::raster) fn is_possible(levels: &[Level]) -> bool {
    levels.last().is_some_and(|level| level.width.max(level.height) > SMALLEST_SIDE)
}

/// The sizes that are missing below a level: half of the one before, down to what fits into one tile.
fn sizes(base: &Level) -> Vec<(u32, u32)> {
    let mut sizes = Vec::new();
    let (mut width, mut height) = (base.width, base.height);
    while width.max(height) > SMALLEST_SIDE {
        (width, height) = (width.div_ceil(2), height.div_ceil(2));
        sizes.push((width, height));
    }
    sizes
}

/// Writes what is missing below the scene's coarsest level. `tell` is told the part that is done and answers
/// whether to go on; `false` comes back when it did not want to.
///
/// # Errors
/// If a part of the scene can't be read or the file can't be written.
pub(in crate::raster) fn build(
    reader: &dyn Reader,
    file: &File,
    tell: &(dyn Fn(f64) -> bool + Sync),
) -> Result<bool, Fault> {
    let header = reader.header();
    let index = header.levels.len().saturating_sub(1);
    let Some(base) = header.levels.get(index) else { return Ok(true) };
    let kind = Kind {
        bands: header.bands.len(),
        sample_type: header.sample_type,
        alpha: header.bands.iter().position(|band| band.role == Role::Alpha),
        nodata: header.nodata,
        palette: header.palette.is_some(),
    };
    let mut file = PyramidFile::new(file)?;
    let mut levels = Vec::new();
    for (width, height) in sizes(base) {
        let image = file.level(width, height, &kind)?;
        let mask = header.has_mask.then(|| file.mask(width, height)).transpose()?;
        levels.push(Band { image, mask, width: width as usize, rows: Rows::default(), tile_row: 0 });
    }
    let source = Source { reader, index, base, kind: &kind };
    let mut done = 0;
    while done < base.height {
        if !tell(f64::from(done) / f64::from(base.height)) {
            return Ok(false);
        }
        let rows = source.slab_rows().min(base.height - done);
        let slab = source.read(done, rows)?;
        push(&mut file, &mut levels, &slab, base.width as usize, &kind)?;
        done += rows;
    }
    finish(&mut file, &mut levels, &kind)?;
    file.finish()?;
    tell(1.0);
    Ok(true)
}

/// What is read, a slab after the other.
struct Source<'a> {
    reader: &'a dyn Reader,
    index: usize,
    base: &'a Level,
    kind: &'a Kind,
}

impl Source<'_> {
    /// An even number of rows, whole rows of blocks if they fit.
    fn slab_rows(&self) -> u32 {
        let row = self.base.width as usize * self.kind.pixel_bytes();
        let rows = u32::try_from(SLAB_BYTES / row.max(1)).unwrap_or(u32::MAX).clamp(2, 1 << 14);
        let block = self.base.block_height.max(1);
        let block = if block.is_multiple_of(2) { block } else { block.saturating_mul(2) };
        if rows >= block { rows / block * block } else { rows / 2 * 2 }
    }

    /// Rows of all bands. What can't be read would be without data in the overviews, and look as if nothing
    /// were there.
    fn read(&self, y: u32, rows: u32) -> Result<Rows, Fault> {
        let rect = Rect::new(0, y, self.base.width, rows);
        let bands: Vec<usize> = (0..self.kind.bands).collect();
        guard(|| {
            let samples = self.reader.read(self.index, rect, &bands)?;
            if self.reader.gaps(self.index, rect, &bands)?.is_some() {
                let what = "a part of it is missing, which its notices tell";
                return Err(Fault::unsupported(what, "put the missing file where it is looked for"));
            }
            Ok(Rows { samples, mask: self.reader.read_mask(self.index, rect)? })
        })
    }
}

/// Whole rows of pixels.
#[derive(Default)]
struct Rows {
    samples: Vec<u8>,
    mask: Option<Vec<u8>>,
}

/// A level and the row of tiles that is being filled.
struct Band {
    image: LevelImage,
    mask: Option<LevelImage>,
    width: usize,
    rows: Rows,
    tile_row: usize,
}

/// Halves rows of the level above `levels` into its first, and writes what is complete. All but the last rows
/// of a level come in even numbers.
fn push(
    file: &mut PyramidFile,
    levels: &mut [Band],
    rows: &Rows,
    width: usize,
    kind: &Kind,
) -> Result<(), Fault> {
    let Some((level, below)) = levels.split_first_mut() else { return Ok(()) };
    let halved = halve_rows(rows, width, kind);
    level.rows.samples.extend(halved.samples);
    if let Some(mask) = halved.mask {
        level.rows.mask.get_or_insert_default().extend(mask);
    }
    let tile_rows = level.width * kind.pixel_bytes() * TILE;
    while level.rows.samples.len() >= tile_rows {
        let rest = level.rows.samples.split_off(tile_rows);
        let mask_rest = level.rows.mask.as_mut().map(|mask| mask.split_off(level.width * TILE));
        flush(file, level, below, kind)?;
        level.rows = Rows { samples: rest, mask: mask_rest };
    }
    Ok(())
}

/// Writes the rows of tiles that stayed incomplete at the lower edge.
fn finish(file: &mut PyramidFile, levels: &mut [Band], kind: &Kind) -> Result<(), Fault> {
    for index in 0..levels.len() {
        let Some((level, below)) = levels.get_mut(index..).and_then(<[Band]>::split_first_mut) else { break };
        if !level.rows.samples.is_empty() {
            flush(file, level, below, kind)?;
            level.rows = Rows::default();
        }
    }
    Ok(())
}

fn flush(file: &mut PyramidFile, level: &mut Band, below: &mut [Band], kind: &Kind) -> Result<(), Fault> {
    file.write(&level.image, level.tile_row, &level.rows.samples)?;
    if let (Some(image), Some(mask)) = (&level.mask, &level.rows.mask) {
        file.write(image, level.tile_row, mask)?;
    }
    level.tile_row += 1;
    push(file, below, &level.rows, level.width, kind)
}

fn halve_rows(rows: &Rows, width: usize, kind: &Kind) -> Rows {
    let row_bytes = width * kind.pixel_bytes();
    let row = |index: usize| Row {
        samples: rows.samples.get(index * row_bytes..(index + 1) * row_bytes).unwrap_or_default(),
        mask: rows.mask.as_ref().and_then(|mask| mask.get(index * width..(index + 1) * width)),
    };
    let count = rows.samples.len() / row_bytes.max(1);
    let halved: Vec<_> = (0..count.div_ceil(2))
        .into_par_iter()
        .map(|pair| halve(row(2 * pair), row((2 * pair + 1).min(count - 1)), kind))
        .collect();
    let mut out = Rows::default();
    for (samples, mask) in halved {
        out.samples.extend(samples);
        if let Some(mask) = mask {
            out.mask.get_or_insert_default().extend(mask);
        }
    }
    out
}

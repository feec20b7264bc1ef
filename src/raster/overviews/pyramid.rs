//! Makes overviews in one pass over a scene.
//!
//! The scene's coarsest level is read a slab of rows at a time. Every level collects the pixels of one row of
//! tiles; once that is complete it is written, halved on all cores, and handed to the next level. Memory is
//! bounded by two rows of tiles, whatever the scene's height.

use std::fs::File;

use rayon::prelude::*;

use super::file::{LevelImage, PyramidFile, TILE};
use crate::raster::band::Role;
use crate::raster::downsample::{PixelLayout, Row, halve_rows};
use crate::raster::error::{ReaderError, catch_panics};
use crate::raster::reader::{Level, Reader};
use crate::raster::rect::Rect;

/// About how many bytes of the scene are read at once.
const SLAB_BYTES: usize = 32 << 20;
/// A scene needs no more overviews if its coarsest level has at most four times this many pixels per side.
const COARSE_SIDE: u32 = 1024;

/// Levels are made until both sides have at most this many pixels: one tile.
const SMALLEST_SIDE: u32 = TILE as u32;

/// Whether even the coarsest level has far more pixels than a screen.
pub(in crate::raster) fn is_needed(levels: &[Level]) -> bool {
    levels.last().is_some_and(|level| level.width.max(level.height) > 4 * COARSE_SIDE)
}

/// Whether there is a level below the coarsest one.
pub(in crate::raster) fn is_possible(levels: &[Level]) -> bool {
    levels.last().is_some_and(|level| level.width.max(level.height) > SMALLEST_SIDE)
}

/// The sizes of the levels below `base`: each half of the one before, down to what fits into one tile.
fn sizes(base: &Level) -> Vec<(u32, u32)> {
    let mut sizes = Vec::new();
    let (mut width, mut height) = (base.width, base.height);
    while width.max(height) > SMALLEST_SIDE {
        (width, height) = (width.div_ceil(2), height.div_ceil(2));
        sizes.push((width, height));
    }
    sizes
}

/// Writes the levels below the scene's coarsest one. `report` is given the fraction done and returns whether
/// to go on; false when it did not want to.
///
/// # Errors
/// If a part of the scene can't be read or the file can't be written.
pub(in crate::raster) fn build(
    reader: &dyn Reader,
    file: &File,
    report: &(dyn Fn(f64) -> bool + Sync),
) -> Result<bool, ReaderError> {
    let header = reader.header();
    let index = header.levels.len().saturating_sub(1);
    let Some(base) = header.levels.get(index) else { return Ok(true) };
    let layout = PixelLayout {
        bands: header.bands.len(),
        sample_type: header.sample_type,
        alpha: header.bands.iter().position(|band| band.role == Role::Alpha),
        nodata: header.nodata,
        palette: header.palette.is_some(),
    };
    let mut file = PyramidFile::new(file)?;
    let mut levels = Vec::new();
    for (width, height) in sizes(base) {
        let image = file.level(width, height, &layout)?;
        let mask = header.has_mask.then(|| file.mask(width, height)).transpose()?;
        levels.push(LevelWriter { image, mask, width: width as usize, rows: Rows::default(), tile_row: 0 });
    }
    let source = Source { reader, index, base, layout: &layout };
    let mut done = 0;
    while done < base.height {
        if !report(f64::from(done) / f64::from(base.height)) {
            return Ok(false);
        }
        let rows = source.slab_rows().min(base.height - done);
        let slab = source.read(done, rows)?;
        push(&mut file, &mut levels, &slab, base.width as usize, &layout)?;
        done += rows;
    }
    finish(&mut file, &mut levels, &layout)?;
    file.finish()?;
    report(1.0);
    Ok(true)
}

/// Reads the scene slab by slab.
struct Source<'a> {
    reader: &'a dyn Reader,
    index: usize,
    base: &'a Level,
    layout: &'a PixelLayout,
}

impl Source<'_> {
    /// The height of a slab: an even number of rows, whole rows of blocks if they fit.
    fn slab_rows(&self) -> u32 {
        let row = self.base.width as usize * self.layout.pixel_bytes();
        let rows = u32::try_from(SLAB_BYTES / row.max(1)).unwrap_or(u32::MAX).clamp(2, 1 << 14);
        let block = self.base.block_height.max(1);
        let block = if block.is_multiple_of(2) { block } else { block.saturating_mul(2) };
        if rows >= block { rows / block * block } else { rows / 2 * 2 }
    }

    /// Reads rows of all bands. Fails if any part is missing: in the overviews it would look as if nothing
    /// were there.
    fn read(&self, y: u32, rows: u32) -> Result<Rows, ReaderError> {
        let rect = Rect::new(0, y, self.base.width, rows);
        let bands: Vec<usize> = (0..self.layout.bands).collect();
        catch_panics(|| {
            let samples = self.reader.read(self.index, rect, &bands)?;
            if self.reader.read_missing(self.index, rect, &bands)?.is_some() {
                let what = "a part of it is missing, which its notices tell";
                return Err(ReaderError::unsupported(what, "put the missing file where it is looked for"));
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

/// A level, and the row of tiles that is being filled.
struct LevelWriter {
    image: LevelImage,
    mask: Option<LevelImage>,
    width: usize,
    rows: Rows,
    tile_row: usize,
}

/// Halves rows of the level above into the first of `levels`, and writes the rows of tiles that are complete.
/// All but the last rows of a level come in even numbers.
fn push(
    file: &mut PyramidFile,
    levels: &mut [LevelWriter],
    rows: &Rows,
    width: usize,
    layout: &PixelLayout,
) -> Result<(), ReaderError> {
    let Some((level, below)) = levels.split_first_mut() else { return Ok(()) };
    let halved = halve_all(rows, width, layout);
    level.rows.samples.extend(halved.samples);
    if let Some(mask) = halved.mask {
        level.rows.mask.get_or_insert_default().extend(mask);
    }
    let tile_rows = level.width * layout.pixel_bytes() * TILE;
    while level.rows.samples.len() >= tile_rows {
        let rest = level.rows.samples.split_off(tile_rows);
        let mask_rest = level.rows.mask.as_mut().map(|mask| mask.split_off(level.width * TILE));
        flush(file, level, below, layout)?;
        level.rows = Rows { samples: rest, mask: mask_rest };
    }
    Ok(())
}

/// Writes the rows of tiles that are incomplete at the lower edge.
fn finish(
    file: &mut PyramidFile,
    levels: &mut [LevelWriter],
    layout: &PixelLayout,
) -> Result<(), ReaderError> {
    for index in 0..levels.len() {
        let Some((level, below)) = levels.get_mut(index..).and_then(<[LevelWriter]>::split_first_mut) else {
            break;
        };
        if !level.rows.samples.is_empty() {
            flush(file, level, below, layout)?;
            level.rows = Rows::default();
        }
    }
    Ok(())
}

fn flush(
    file: &mut PyramidFile,
    level: &mut LevelWriter,
    below: &mut [LevelWriter],
    layout: &PixelLayout,
) -> Result<(), ReaderError> {
    file.write(&level.image, level.tile_row, &level.rows.samples)?;
    if let (Some(image), Some(mask)) = (&level.mask, &level.rows.mask) {
        file.write(image, level.tile_row, mask)?;
    }
    level.tile_row += 1;
    push(file, below, &level.rows, level.width, layout)
}

fn halve_all(rows: &Rows, width: usize, layout: &PixelLayout) -> Rows {
    let row_bytes = width * layout.pixel_bytes();
    let row = |index: usize| Row {
        samples: rows.samples.get(index * row_bytes..(index + 1) * row_bytes).unwrap_or_default(),
        mask: rows.mask.as_ref().and_then(|mask| mask.get(index * width..(index + 1) * width)),
    };
    let count = rows.samples.len() / row_bytes.max(1);
    let halved: Vec<_> = (0..count.div_ceil(2))
        .into_par_iter()
        .map(|pair| halve_rows(row(2 * pair), row((2 * pair + 1).min(count - 1)), layout))
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

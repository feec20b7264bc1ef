//! The pixels of one source, copied or resampled into a region.

use super::axis::{Axes, Axis};
use super::layout::MosaicSource;
use super::resampling::{Resampling, Taps};
use super::{BandSlot, CHUNK_PIXELS, mask_of};
use crate::raster::band::Role;
use crate::raster::error::ReaderError;
use crate::raster::reader::Reader;
use crate::raster::rect::Rect;
use crate::raster::samples::{SampleType, nearest_bytes, value};

/// How many weighted sums are held at once while resampling.
const MAX_SUMS: usize = 1 << 20;
/// How many numbers of the file are held at once while resampling.
const MAX_NUMBERS: usize = 4 << 20;
/// When more pixels than this become one, the nearest is taken: weighing all of them would take too long.
const MAX_PIXELS_PER_PIXEL: f64 = 256.0;

/// A source that is composited into a region.
pub(super) struct Composite<'a> {
    pub source: &'a MosaicSource,
    pub file: &'a dyn Reader,
    pub axes: Axes,
    /// Where the bands of the file go in a pixel of the region.
    pub slots: Vec<BandSlot>,
    pub rect: Rect,
    /// The type of the region's samples.
    pub sample_type: SampleType,
    /// How many samples a pixel of the region has.
    pub slot_count: usize,
}

impl Composite<'_> {
    /// Fills the part of the region that the source covers.
    ///
    /// # Errors
    /// When the file can't be read there.
    pub fn apply(&self, out: &mut [u8]) -> Result<(), ReaderError> {
        let palette = self.file.header().palette.is_some();
        let pixels = self.axes.columns.scale() * self.axes.rows.scale();
        if self.source.resampling == Resampling::Nearest
            || palette
            || self.axes.is_one_to_one()
            || pixels > MAX_PIXELS_PER_PIXEL
        {
            return self.nearest(out);
        }
        if self.may_lack_data() {
            // Where no neighbour has data, nothing is written below, and the pixel keeps this value.
            self.nearest(out)?;
        }
        self.resample(out)
    }

    fn bands(&self) -> Vec<usize> {
        self.slots.iter().map(|slot| slot.band).collect()
    }

    /// Whether samples are copied unchanged.
    fn is_plain_copy(&self) -> bool {
        self.file.header().sample_type == self.sample_type && self.source.scale.is_none()
    }

    /// Copies the nearest pixels.
    fn nearest(&self, out: &mut [u8]) -> Result<(), ReaderError> {
        let Self { source, file, sample_type, .. } = *self;
        let (bands, slots) = (self.bands(), &self.slots);
        let bytes = file.header().sample_type.bytes();
        let pixel_bytes = self.slot_count * sample_type.bytes();
        let is_plain = self.is_plain_copy();
        let copies_whole_pixels = is_plain
            && source.nodata.is_none()
            && !source.masked
            && slots.len() == self.slot_count
            && slots.iter().enumerate().all(|(index, slot)| index == slot.slot);
        for_each_chunk(&self.axes, |level, chunk, pixels| {
            let data = file.read(level, chunk, &bands)?;
            let mask = if source.masked { mask_of(file, level, chunk)? } else { None };
            pixels.for_each(|from, to| {
                if mask.as_ref().is_some_and(|mask| mask.get(from) == Some(&0)) {
                    return;
                }
                let Some(samples) = data.get(from * bytes * slots.len()..) else { return };
                let to = to * pixel_bytes;
                let Some(out) = out.get_mut(to..to + pixel_bytes) else { return };
                if copies_whole_pixels {
                    if let Some(samples) = samples.get(..pixel_bytes) {
                        out.copy_from_slice(samples);
                    }
                    return;
                }
                for (sample, slot) in samples.chunks_exact(bytes).zip(slots) {
                    self.put(sample, is_plain, out, slot.slot);
                }
            });
            Ok(())
        })
    }

    /// Writes one sample into its slot of a pixel, unless it is nodata.
    fn put(&self, sample: &[u8], is_plain: bool, out: &mut [u8], slot: usize) {
        let bytes = self.sample_type.bytes();
        let Some(out) = out.get_mut(slot * bytes..(slot + 1) * bytes) else { return };
        let nodata = self.source.nodata;
        if is_plain && nodata.is_none() {
            return out.copy_from_slice(sample);
        }
        let number = value(self.file.header().sample_type, sample);
        if nodata.is_some_and(|nodata| number == nodata || (nodata.is_nan() && number.is_nan())) {
            return;
        }
        if is_plain {
            return out.copy_from_slice(sample);
        }
        let (ratio, offset) = self.source.scale.unwrap_or((1.0, 0.0));
        out.copy_from_slice(&nearest_bytes(self.sample_type, number * ratio + offset));
    }

    fn may_lack_data(&self) -> bool {
        let header = self.file.header();
        header.sample_type.is_float() || self.nodata().iter().any(Option::is_some) || self.has_mask()
    }

    /// The nodata values of the source and of its file.
    fn nodata(&self) -> [Option<f64>; 2] {
        [self.source.nodata, self.file.header().nodata]
    }

    fn has_mask(&self) -> bool {
        let header = self.file.header();
        header.has_mask || header.bands.iter().any(|band| band.role == Role::Alpha)
    }

    /// Makes each pixel the weighted mean of those file pixels around it that have data, some rows at a time.
    fn resample(&self, out: &mut [u8]) -> Result<(), ReaderError> {
        let taps = |axis: &Axis| -> Vec<(u32, Taps)> {
            axis.filled().map(|at| (at, self.source.resampling.taps(axis, at))).collect()
        };
        let (columns, rows) = (taps(&self.axes.columns), taps(&self.axes.rows));
        let row_sums = (columns.len() * self.slots.len()).max(1);
        for rows in rows.chunks((MAX_SUMS / row_sums).max(1)) {
            let mut sums = vec![Sum::default(); row_sums * rows.len()];
            self.accumulate(&columns, rows, &mut sums)?;
            self.put_means(&columns, rows, &sums, out);
        }
        Ok(())
    }

    fn accumulate(
        &self,
        columns: &[(u32, Taps)],
        rows: &[(u32, Taps)],
        sums: &mut [Sum],
    ) -> Result<(), ReaderError> {
        let span = |taps: &[(u32, Taps)]| {
            let first = taps.iter().map(|(_, taps)| taps.first).min()?;
            let end = taps.iter().map(|(_, taps)| taps.end()).max()?;
            Some(first..end)
        };
        let (Some(across), Some(down)) = (span(columns), span(rows)) else { return Ok(()) };
        let width = across.end - across.start;
        let step = MAX_NUMBERS / (width as usize * self.slots.len()).max(1);
        let step = u32::try_from(step).unwrap_or(u32::MAX).max(1);
        let row_sums = columns.len() * self.slots.len();
        let mut y = down.start;
        while y < down.end {
            let chunk = Rect::new(across.start, y, width, step.min(down.end - y));
            let samples = self.read(chunk)?;
            for row in chunk.y..chunk.bottom() {
                let line = self.resample_row(&samples, chunk, row, columns);
                for ((_, taps), sums) in rows.iter().zip(sums.chunks_exact_mut(row_sums)) {
                    let Some(weight) = taps.weight(row) else { continue };
                    for (sum, of_row) in sums.iter_mut().zip(&line) {
                        sum.add(of_row.value, of_row.weight, weight);
                    }
                }
            }
            y = chunk.bottom();
        }
        Ok(())
    }

    /// Reads a chunk of the file; NaN where there is no data.
    fn read(&self, chunk: Rect) -> Result<Vec<f64>, ReaderError> {
        let header = self.file.header();
        let bytes = header.sample_type.bytes();
        let data = self.file.read(self.axes.level, chunk, &self.bands())?;
        let mask = if self.has_mask() { mask_of(self.file, self.axes.level, chunk)? } else { None };
        let nodata = self.nodata();
        let alpha = header.bands.iter().position(|band| band.role == Role::Alpha);
        let count = self.slots.len().max(1);
        let squared = self.source.resampling == Resampling::RootMeanSquare;
        let number = |(index, sample): (usize, &[u8])| {
            let number = value(header.sample_type, sample);
            let is_alpha = self.slots.get(index % count).is_some_and(|slot| Some(slot.band) == alpha);
            let masked = mask.as_ref().is_some_and(|mask| mask.get(index / count) == Some(&0));
            let absent = masked && !is_alpha || nodata.iter().flatten().any(|nodata| number == *nodata);
            if absent {
                f64::NAN
            } else if squared {
                number * number
            } else {
                number
            }
        };
        Ok(data.chunks_exact(bytes).enumerate().map(number).collect())
    }

    /// Resamples a row of the file horizontally.
    fn resample_row(&self, samples: &[f64], chunk: Rect, row: u32, columns: &[(u32, Taps)]) -> Vec<Sum> {
        let count = self.slots.len();
        let start = (row - chunk.y) as usize * chunk.width as usize;
        let mut line = vec![Sum::default(); columns.len() * count];
        for ((_, taps), sums) in columns.iter().zip(line.chunks_exact_mut(count.max(1))) {
            let first = (start + (taps.first - chunk.x) as usize) * count;
            let pixels = samples.get(first..).unwrap_or_default().chunks_exact(count.max(1));
            for (pixel, weight) in pixels.zip(&taps.weights) {
                for (sum, sample) in sums.iter_mut().zip(pixel) {
                    if !sample.is_nan() {
                        sum.add(*sample * weight, *weight, 1.0);
                    }
                }
            }
        }
        line
    }

    fn put_means(&self, columns: &[(u32, Taps)], rows: &[(u32, Taps)], sums: &[Sum], out: &mut [u8]) {
        let Self { rect, sample_type, .. } = *self;
        let (bytes, count) = (sample_type.bytes(), self.slots.len());
        let (ratio, offset) = self.source.scale.unwrap_or((1.0, 0.0));
        let min_weight = self.source.resampling.min_weight();
        let is_rms = self.source.resampling == Resampling::RootMeanSquare;
        let file_type = self.file.header().sample_type;
        let (low, high) =
            if file_type.is_float() { (f64::NEG_INFINITY, f64::INFINITY) } else { file_type.range() };
        let positions = rows.iter().flat_map(|&(y, _)| columns.iter().map(move |&(x, _)| (x, y)));
        for ((x, y), sums) in positions.zip(sums.chunks_exact(count.max(1))) {
            let to = (y - rect.y) as usize * rect.width as usize + (x - rect.x) as usize;
            for (sum, slot) in sums.iter().zip(&self.slots) {
                let to = (to * self.slot_count + slot.slot) * bytes;
                let Some(out) = out.get_mut(to..to + bytes).filter(|_| sum.weight > min_weight) else {
                    continue;
                };
                // With negative weights, the mean may lie outside the range of the file's samples.
                let mean = sum.value / sum.weight;
                let mean = if is_rms { mean.sqrt() } else { mean }.clamp(low, high);
                out.copy_from_slice(&nearest_bytes(sample_type, mean * ratio + offset));
            }
        }
    }
}

/// The weighted sum of values that have data, and the sum of their weights.
#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    value: f64,
    weight: f64,
}

impl Sum {
    fn add(&mut self, value: f64, weight: f64, factor: f64) {
        self.value += value * factor;
        self.weight += weight * factor;
    }
}

/// The pixels of a chunk of the file, and where the nearest-neighbour copy puts them.
pub(super) struct ChunkPixels<'a> {
    chunk: Rect,
    region: Rect,
    /// Each row of the region, with the nearest one of the file's level.
    rows: &'a [(u32, u32)],
    columns: &'a [(u32, u32)],
}

impl ChunkPixels<'_> {
    /// Calls `act` with the index of a pixel in the chunk and of one that it goes to in the region.
    #[inline]
    pub fn for_each(&self, mut act: impl FnMut(usize, usize)) {
        let Self { chunk, region, rows, columns } = self;
        for &(y, row) in *rows {
            for &(x, column) in *columns {
                let from = (row - chunk.y) as usize * chunk.width as usize + (column - chunk.x) as usize;
                let to = (y - region.y) as usize * region.width as usize + (x - region.x) as usize;
                act(from, to);
            }
        }
    }
}

/// Calls `act` with a level of the file, and with one chunk of it after the other that together cover the
/// region.
pub(super) fn for_each_chunk(
    axes: &Axes,
    mut act: impl FnMut(usize, Rect, &ChunkPixels) -> Result<(), ReaderError>,
) -> Result<(), ReaderError> {
    let nearest =
        |axis: &Axis| -> Vec<(u32, u32)> { axis.filled().map(|at| (at, axis.nearest(at))).collect() };
    let (columns, rows) = (nearest(&axes.columns), nearest(&axes.rows));
    let (Some(&(_, left)), Some(&(_, right))) = (columns.first(), columns.last()) else {
        return Ok(());
    };
    let width = right - left + 1;
    let max_rows = (CHUNK_PIXELS / u64::from(width)).max(1);
    let mut rows = rows.as_slice();
    while let Some(&(_, top)) = rows.first() {
        let count = rows.partition_point(|&(_, row)| u64::from(row - top) < max_rows);
        let (now, later) = rows.split_at(count);
        let bottom = now.last().map_or(top, |&(_, row)| row);
        let chunk = Rect::new(left, top, width, bottom - top + 1);
        act(axes.level, chunk, &ChunkPixels { chunk, region: axes.rect, rows: now, columns: &columns })?;
        rows = later;
    }
    Ok(())
}

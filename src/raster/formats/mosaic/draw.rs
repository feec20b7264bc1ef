//! The pixels of one piece, put into a region.

use super::axis::{Axes, Axis};
use super::kernel::{Resampling, Taps};
use super::{CHUNK_PIXELS, Piece, encode, mask_of};
use crate::raster::display::bands::Role;
use crate::raster::error::Fault;
use crate::raster::reader::Reader;
use crate::raster::samples::value;
use crate::raster::{Rect, SampleType};

/// Sums, and numbers of the file, that are held at once while pixels are weighed.
const SUMS: usize = 1 << 20;
const NUMBERS: usize = 4 << 20;
/// Where more pixels become one, the nearest stands for them: weighing all of them would take too long.
const MOST_PIXELS: f64 = 256.0;

/// What goes where.
pub(super) struct Drawing<'a> {
    pub piece: &'a Piece,
    pub file: &'a dyn Reader,
    pub axes: Axes,
    /// Where in a pixel of the region each of the file's bands goes: the slot, and the band.
    pub wanted: Vec<(usize, usize)>,
    /// The region, the type of its samples and how many a pixel has.
    pub rect: Rect,
    pub sample_type: SampleType,
    pub slots: usize,
}

impl Drawing<'_> {
    /// Fills what the piece covers.
    ///
    /// # Errors
    /// When the file can't be read there.
    pub fn draw(&self, out: &mut [u8]) -> Result<(), Fault> {
        let palette = self.file.header().palette.is_some();
        let pixels = self.axes.columns.scale() * self.axes.rows.scale();
        if self.piece.resampling == Resampling::Nearest
            || palette
            || self.axes.is_plain()
            || pixels > MOST_PIXELS
        {
            return self.nearest(out);
        }
        if self.may_lack_data() {
            // Where no neighbour has data, the pixel is what it would be without them.
            self.nearest(out)?;
        }
        self.weighed(out)
    }

    fn bands(&self) -> Vec<usize> {
        self.wanted.iter().map(|&(_, band)| band).collect()
    }

    /// Whether samples are copied as they are.
    fn is_plain(&self) -> bool {
        self.file.header().sample_type == self.sample_type && self.piece.scale.is_none()
    }

    fn nearest(&self, out: &mut [u8]) -> Result<(), Fault> {
        let Self { piece, file, rect, sample_type, .. } = *self;
        let (bands, wanted) = (self.bands(), &self.wanted);
        let theirs = file.header().sample_type;
        let (bytes, pixel) = (theirs.bytes(), self.slots * sample_type.bytes());
        let plain = self.is_plain();
        let in_order = plain
            && piece.nodata.is_none()
            && !piece.masked
            && wanted.len() == self.slots
            && wanted.iter().enumerate().all(|(index, &(slot, _))| index == slot);
        each_part(&self.axes, |level, part, rows, columns| {
            let data = file.read(level, part, &bands)?;
            let mask = if piece.masked { mask_of(file, level, part)? } else { None };
            for &(y, row) in rows {
                for &(x, column) in columns {
                    let from = (row - part.y) as usize * part.width as usize + (column - part.x) as usize;
                    if mask.as_ref().is_some_and(|mask| mask.get(from) == Some(&0)) {
                        continue;
                    }
                    let Some(samples) = data.get(from * bytes * wanted.len()..) else { continue };
                    let to = ((y - rect.y) as usize * rect.width as usize + (x - rect.x) as usize) * pixel;
                    let Some(out) = out.get_mut(to..to + pixel) else { continue };
                    if in_order {
                        if let Some(samples) = samples.get(..pixel) {
                            out.copy_from_slice(samples);
                        }
                        continue;
                    }
                    for (sample, &(slot, _)) in samples.chunks_exact(bytes).zip(wanted) {
                        put(piece, theirs, sample, sample_type, plain, out, slot);
                    }
                }
            }
            Ok(())
        })
    }

    fn may_lack_data(&self) -> bool {
        let header = self.file.header();
        let floating = matches!(header.sample_type, SampleType::Float32 | SampleType::Float64);
        floating || self.nodata().iter().any(Option::is_some) || self.masks()
    }

    /// The values that stand for nothing.
    fn nodata(&self) -> [Option<f64>; 2] {
        [self.piece.nodata, self.file.header().nodata]
    }

    fn masks(&self) -> bool {
        let header = self.file.header();
        header.has_mask || header.bands.iter().any(|band| band.role == Role::Alpha)
    }

    /// Some rows of the region at a time, each pixel the weighed mean of those of its neighbours that have
    /// data.
    fn weighed(&self, out: &mut [u8]) -> Result<(), Fault> {
        let taps = |axis: &Axis| -> Vec<(u32, Taps)> {
            axis.filled().map(|at| (at, self.piece.resampling.taps(axis, at))).collect()
        };
        let (columns, rows) = (taps(&self.axes.columns), taps(&self.axes.rows));
        let row_sums = (columns.len() * self.wanted.len()).max(1);
        for rows in rows.chunks((SUMS / row_sums).max(1)) {
            let mut sums = vec![Sum::default(); row_sums * rows.len()];
            self.add_up(&columns, rows, &mut sums)?;
            self.put_means(&columns, rows, &sums, out);
        }
        Ok(())
    }

    fn add_up(&self, columns: &[(u32, Taps)], rows: &[(u32, Taps)], sums: &mut [Sum]) -> Result<(), Fault> {
        let span = |taps: &[(u32, Taps)]| {
            let first = taps.iter().map(|(_, taps)| taps.first).min()?;
            let end = taps.iter().map(|(_, taps)| taps.end()).max()?;
            Some(first..end)
        };
        let (Some(across), Some(down)) = (span(columns), span(rows)) else { return Ok(()) };
        let width = across.end - across.start;
        let step = NUMBERS / (width as usize * self.wanted.len()).max(1);
        let step = u32::try_from(step).unwrap_or(u32::MAX).max(1);
        let row_sums = columns.len() * self.wanted.len();
        let mut y = down.start;
        while y < down.end {
            let part = Rect::new(across.start, y, width, step.min(down.end - y));
            let samples = self.read(part)?;
            for row in part.y..part.bottom() {
                let line = self.weigh_row(&samples, part, row, columns);
                for ((_, taps), sums) in rows.iter().zip(sums.chunks_exact_mut(row_sums)) {
                    let Some(share) = taps.share(row) else { continue };
                    for (sum, part) in sums.iter_mut().zip(&line) {
                        sum.add(part.value, part.share, share);
                    }
                }
            }
            y = part.bottom();
        }
        Ok(())
    }

    /// The samples of a part of the file, NaN where there is no data.
    fn read(&self, part: Rect) -> Result<Vec<f64>, Fault> {
        let header = self.file.header();
        let bytes = header.sample_type.bytes();
        let data = self.file.read(self.axes.level, part, &self.bands())?;
        let mask = if self.masks() { mask_of(self.file, self.axes.level, part)? } else { None };
        let nodata = self.nodata();
        let alpha = header.bands.iter().position(|band| band.role == Role::Alpha);
        let count = self.wanted.len().max(1);
        let squared = self.piece.resampling == Resampling::RootMeanSquare;
        let number = |(index, sample): (usize, &[u8])| {
            let number = value(header.sample_type, sample);
            let is_alpha = self.wanted.get(index % count).is_some_and(|&(_, band)| Some(band) == alpha);
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

    /// A row of the file, weighed across.
    fn weigh_row(&self, samples: &[f64], part: Rect, row: u32, columns: &[(u32, Taps)]) -> Vec<Sum> {
        let count = self.wanted.len();
        let start = (row - part.y) as usize * part.width as usize;
        let mut line = vec![Sum::default(); columns.len() * count];
        for ((_, taps), sums) in columns.iter().zip(line.chunks_exact_mut(count.max(1))) {
            let first = (start + (taps.first - part.x) as usize) * count;
            let pixels = samples.get(first..).unwrap_or_default().chunks_exact(count.max(1));
            for (pixel, share) in pixels.zip(&taps.shares) {
                for (sum, sample) in sums.iter_mut().zip(pixel) {
                    if !sample.is_nan() {
                        sum.add(*sample * share, *share, 1.0);
                    }
                }
            }
        }
        line
    }

    fn put_means(&self, columns: &[(u32, Taps)], rows: &[(u32, Taps)], sums: &[Sum], out: &mut [u8]) {
        let Self { rect, sample_type, .. } = *self;
        let (bytes, count) = (sample_type.bytes(), self.wanted.len());
        let (ratio, offset) = self.piece.scale.unwrap_or((1.0, 0.0));
        let least = self.piece.resampling.least_share();
        let rooted = self.piece.resampling == Resampling::RootMeanSquare;
        let theirs = self.file.header().sample_type;
        let possible = match theirs {
            SampleType::Float32 | SampleType::Float64 => (f64::NEG_INFINITY, f64::INFINITY),
            whole => whole.range(),
        };
        let places = rows.iter().flat_map(|&(y, _)| columns.iter().map(move |&(x, _)| (x, y)));
        for ((x, y), sums) in places.zip(sums.chunks_exact(count.max(1))) {
            let to = (y - rect.y) as usize * rect.width as usize + (x - rect.x) as usize;
            for (sum, &(slot, _)) in sums.iter().zip(&self.wanted) {
                let to = (to * self.slots + slot) * bytes;
                let Some(out) = out.get_mut(to..to + bytes).filter(|_| sum.share > least) else {
                    continue;
                };
                // Kernels that take away may leave what the file's samples can hold.
                let mean = sum.value / sum.share;
                let mean = if rooted { mean.sqrt() } else { mean }.clamp(possible.0, possible.1);
                out.copy_from_slice(&encode(sample_type, mean * ratio + offset));
            }
        }
    }
}

/// Values times their shares, and the shares of those that have data.
#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    value: f64,
    share: f64,
}

impl Sum {
    fn add(&mut self, value: f64, share: f64, times: f64) {
        self.value += value * times;
        self.share += share * times;
    }
}

/// Calls `draw` with a rectangle of the file's level at a time, and the rows and columns inside: of the
/// region's level with the nearest of the file's.
pub(super) fn each_part(
    axes: &Axes,
    mut draw: impl FnMut(usize, Rect, &[(u32, u32)], &[(u32, u32)]) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let nearest =
        |axis: &Axis| -> Vec<(u32, u32)> { axis.filled().map(|at| (at, axis.nearest(at))).collect() };
    let (columns, rows) = (nearest(&axes.columns), nearest(&axes.rows));
    let (Some(&(_, left)), Some(&(_, right))) = (columns.first(), columns.last()) else {
        return Ok(());
    };
    let width = right - left + 1;
    let most = (CHUNK_PIXELS / u64::from(width)).max(1);
    let mut rows = rows.as_slice();
    while let Some(&(_, top)) = rows.first() {
        let count = rows.partition_point(|&(_, row)| u64::from(row - top) < most);
        let (now, later) = rows.split_at(count);
        let bottom = now.last().map_or(top, |&(_, row)| row);
        draw(axes.level, Rect::new(left, top, width, bottom - top + 1), now, &columns)?;
        rows = later;
    }
    Ok(())
}

/// One sample into its slot, unless it stands for nothing.
fn put(
    piece: &Piece,
    theirs: SampleType,
    sample: &[u8],
    ours: SampleType,
    plain: bool,
    out: &mut [u8],
    slot: usize,
) {
    let range = slot * ours.bytes()..(slot + 1) * ours.bytes();
    let Some(out) = out.get_mut(range) else { return };
    if plain && piece.nodata.is_none() {
        return out.copy_from_slice(sample);
    }
    let number = value(theirs, sample);
    if piece.nodata.is_some_and(|nodata| number == nodata || (nodata.is_nan() && number.is_nan())) {
        return;
    }
    if plain {
        return out.copy_from_slice(sample);
    }
    let (ratio, offset) = piece.scale.unwrap_or((1.0, 0.0));
    out.copy_from_slice(&encode(ours, number * ratio + offset));
}

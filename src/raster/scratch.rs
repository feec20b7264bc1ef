//! A decoded picture in temporary files, with overviews.
//!
//! PNG, JPEG and WebP can only be decoded from their first row to their last. That is done once; the rows go
//! to temporary files without a name (they vanish with the program), one for each level, and regions are read
//! from there.

use std::fs::File;
use std::io::{self, BufWriter, Write};

use super::files::read_exact_at;
use super::pyramid::{self, Kind, Row};
use super::reader::Level;
use super::{Rect, SampleType};

/// Levels are made until both sides are at most this long.
const SMALLEST_SIDE: u32 = 256;

/// The kind of pixels in the files.
#[derive(Clone, Copy, Debug)]
pub(super) struct PixelKind {
    pub bands: usize,
    pub alpha: Option<usize>,
    /// `Uint8` or `Uint16`.
    pub sample_type: SampleType,
}

impl PixelKind {
    fn bytes(self) -> usize {
        self.bands * self.sample_type.bytes()
    }
}

/// The finished files.
pub(super) struct Scratch {
    kind: PixelKind,
    levels: Vec<(Level, File)>,
}

impl Scratch {
    pub fn levels(&self) -> Vec<Level> {
        self.levels.iter().map(|(level, _)| *level).collect()
    }

    /// All bands of a region inside a level.
    pub fn read(&self, level: usize, rect: Rect) -> io::Result<Vec<u8>> {
        let (level, file) = self.levels.get(level).ok_or(io::ErrorKind::InvalidInput)?;
        let pixel = self.kind.bytes();
        let row_bytes = rect.width as usize * pixel;
        let mut data = vec![0; row_bytes * rect.height as usize];
        let start = |y: u32| (u64::from(y) * u64::from(level.width) + u64::from(rect.x)) * pixel as u64;
        if rect.width == level.width {
            read_exact_at(file, &mut data, start(rect.y))?;
        } else if row_bytes > 0 {
            for (row, y) in data.chunks_exact_mut(row_bytes).zip(rect.y..) {
                read_exact_at(file, row, start(y))?;
            }
        }
        Ok(data)
    }
}

/// Takes rows from the top and writes all levels at once; holds one row a level.
pub(super) struct ScratchWriter {
    kind: PixelKind,
    levels: Vec<LevelWriter>,
}

struct LevelWriter {
    level: Level,
    file: BufWriter<File>,
    /// The upper row of a pair whose lower row has not come yet.
    pending: Option<Vec<u8>>,
}

impl ScratchWriter {
    /// # Errors
    /// When the temporary folder cannot be written to.
    pub fn new(width: u32, height: u32, kind: PixelKind) -> io::Result<Self> {
        let mut levels = Vec::new();
        let (mut width, mut height) = (width, height);
        loop {
            let level = Level { width, height, block_width: width, block_height: 1 };
            let file = BufWriter::with_capacity(1 << 18, tempfile::tempfile()?);
            levels.push(LevelWriter { level, file, pending: None });
            if width <= SMALLEST_SIDE && height <= SMALLEST_SIDE {
                return Ok(Self { kind, levels });
            }
            (width, height) = (width.div_ceil(2), height.div_ceil(2));
        }
    }

    /// Adds the next row, `width * bands` samples in the byte order of this machine.
    ///
    /// # Errors
    /// When the disk is full.
    pub fn push(&mut self, row: &[u8]) -> io::Result<()> {
        self.push_to(0, row)
    }

    fn push_to(&mut self, index: usize, row: &[u8]) -> io::Result<()> {
        let is_last = index + 1 >= self.levels.len();
        let Some(writer) = self.levels.get_mut(index) else { return Ok(()) };
        writer.file.write_all(row)?;
        if is_last {
            return Ok(());
        }
        match writer.pending.take() {
            None => writer.pending = Some(row.to_vec()),
            Some(upper) => {
                let reduced = halve(&upper, row, self.kind);
                self.push_to(index + 1, &reduced)?;
            }
        }
        Ok(())
    }

    /// # Errors
    /// When the disk is full.
    pub fn finish(mut self) -> io::Result<Scratch> {
        for index in 0..self.levels.len() {
            if let Some(row) = self.levels.get_mut(index).and_then(|writer| writer.pending.take()) {
                let reduced = halve(&row, &row, self.kind);
                self.push_to(index + 1, &reduced)?;
            }
        }
        let levels = self
            .levels
            .into_iter()
            .map(|writer| {
                Ok((writer.level, writer.file.into_inner().map_err(io::IntoInnerError::into_error)?))
            })
            .collect::<io::Result<_>>()?;
        Ok(Scratch { kind: self.kind, levels })
    }
}

/// One row out of two: the mean of each 2 x 2 pixels, weighted by alpha.
fn halve(upper: &[u8], lower: &[u8], kind: PixelKind) -> Vec<u8> {
    let PixelKind { bands, alpha, sample_type } = kind;
    let kind = Kind { bands, sample_type, alpha, nodata: None, palette: false };
    let row = |samples| Row { samples, mask: None };
    pyramid::halve(row(upper), row(lower), &kind).0
}

#[cfg(test)]
mod tests {
    use super::*;

    const RGBA: PixelKind = PixelKind { bands: 4, alpha: Some(3), sample_type: SampleType::Uint8 };

    #[test]
    fn transparent_pixels_do_not_colour_the_mean() {
        let upper = [200, 100, 0, 255, 7, 7, 7, 0];
        let lower = [100, 100, 0, 255, 9, 9, 9, 0];
        assert_eq!(halve(&upper, &lower, RGBA), [150, 100, 0, 128]);
        assert_eq!(halve(&[5; 3 * 4], &[5; 3 * 4], RGBA).len(), 2 * 4);
    }

    #[test]
    fn every_level_can_be_read_back() {
        let kind = PixelKind { bands: 1, alpha: None, sample_type: SampleType::Uint8 };
        let mut writer = ScratchWriter::new(301, 257, kind).unwrap();
        for y in 0..257_u32 {
            let row: Vec<u8> = (0..301_u32).map(|x| u8::try_from((x + y) % 251).unwrap()).collect();
            writer.push(&row).unwrap();
        }
        let scratch = writer.finish().unwrap();
        let sizes: Vec<_> = scratch.levels().iter().map(|level| (level.width, level.height)).collect();
        assert_eq!(sizes, [(301, 257), (151, 129)]);
        assert_eq!(scratch.read(0, Rect::new(5, 7, 3, 2)).unwrap(), [12, 13, 14, 13, 14, 15]);
        // (10 + 11 + 11 + 12) / 4 at pixels (10, 0), (11, 0), (10, 1), (11, 1).
        assert_eq!(scratch.read(1, Rect::new(5, 0, 1, 1)).unwrap(), [11]);
        assert_eq!(scratch.read(1, Rect::new(0, 0, 151, 129)).unwrap().len(), 151 * 129);
        assert!(scratch.read(2, Rect::new(0, 0, 1, 1)).is_err());
    }
}

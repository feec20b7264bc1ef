//! A decoded picture in a scratch file, with overviews.
//!
//! PNG, JPEG and WebP can only be decoded from the first row to the last. That is done once: the rows of all
//! levels go to one file, level after level, and regions are read from there. A header at its start says what
//! is in it, so that the file can be opened again.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::fingerprint;
use crate::raster::downsample::{PixelLayout, Row, halve_rows};
use crate::raster::positioned_io::{read_exact_at, write_all_at};
use crate::raster::reader::Level;
use crate::raster::rect::Rect;
use crate::raster::samples::SampleType;

/// Levels are made until both sides are at most this long.
const SMALLEST_SIDE: u32 = 256;
/// The length of the header, which is padded with spaces.
const HEADER_BYTES: u64 = 512;

/// The kind of pixels in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PixelKind {
    pub bands: usize,
    pub alpha: Option<usize>,
    /// `Uint8` or `Uint16`.
    pub sample_type: SampleType,
    /// Bits in use per sample.
    pub bits: u16,
}

impl PixelKind {
    pub fn bytes(self) -> usize {
        self.bands * self.sample_type.bytes()
    }
}

/// The header of the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct FileHeader {
    width: u32,
    height: u32,
    kind: PixelKind,
    /// A hash of samples of all that follows, by which a file that a crash left half written is recognised.
    #[serde(rename = "samples")]
    sample_hash: String,
}

/// A finished scratch file.
#[derive(Debug)]
pub(super) struct Scratch {
    kind: PixelKind,
    levels: Vec<StoredLevel>,
    file: Arc<File>,
}

/// A level, and the offset of its first pixel in the file.
#[derive(Clone, Copy, Debug)]
struct StoredLevel {
    level: Level,
    start: u64,
}

impl Scratch {
    /// Opens what [`ScratchWriter::finish`] wrote.
    ///
    /// # Errors
    /// When it can't be read, is cut off, or doesn't match its header.
    pub fn open(mut file: File) -> io::Result<Self> {
        let mut header = vec![0; HEADER_BYTES as usize];
        read_exact_at(&file, &mut header, 0)?;
        let header: FileHeader = serde_json::from_slice(&header)?;
        let end = file.metadata()?.len();
        let levels = stored_levels(header.width, header.height, header.kind);
        if Some(end) != file_bytes(&levels, header.kind) || header.sample_hash != sample_hash(&mut file, end)?
        {
            return Err(io::ErrorKind::InvalidData.into());
        }
        Ok(Self { kind: header.kind, levels, file: Arc::new(file) })
    }

    pub fn kind(&self) -> PixelKind {
        self.kind
    }

    pub fn levels(&self) -> Vec<Level> {
        self.levels.iter().map(|stored| stored.level).collect()
    }

    /// Reads all bands of a region inside a level.
    pub fn read(&self, level: usize, rect: Rect) -> io::Result<Vec<u8>> {
        let StoredLevel { level, start } = self.levels.get(level).ok_or(io::ErrorKind::InvalidInput)?;
        let pixel = self.kind.bytes();
        let row_bytes = rect.width as usize * pixel;
        let mut data = vec![0; row_bytes * rect.height as usize];
        let at = |y: u32| start + (u64::from(y) * u64::from(level.width) + u64::from(rect.x)) * pixel as u64;
        if rect.width == level.width {
            read_exact_at(&self.file, &mut data, at(rect.y))?;
        } else if row_bytes > 0 {
            for (row, y) in data.chunks_exact_mut(row_bytes).zip(rect.y..) {
                read_exact_at(&self.file, row, at(y))?;
            }
        }
        Ok(data)
    }
}

/// The levels of a picture, one after the other in the file.
fn stored_levels(width: u32, height: u32, kind: PixelKind) -> Vec<StoredLevel> {
    let mut levels = Vec::new();
    let (mut width, mut height, mut start) = (width, height, HEADER_BYTES);
    loop {
        let level = Level { width, height, block_width: width, block_height: 1 };
        levels.push(StoredLevel { level, start });
        // The mean of values with fewer than 8 bits isn't such a value.
        if kind.bits < 8 || width <= SMALLEST_SIDE && height <= SMALLEST_SIDE {
            return levels;
        }
        let pixels = u64::from(width) * u64::from(height);
        start = start.saturating_add(pixels.saturating_mul(kind.bytes() as u64));
        (width, height) = (width.div_ceil(2), height.div_ceil(2));
    }
}

fn file_bytes(levels: &[StoredLevel], kind: PixelKind) -> Option<u64> {
    let StoredLevel { level, start } = levels.last()?;
    let pixels = u64::from(level.width).checked_mul(u64::from(level.height))?;
    start.checked_add(pixels.checked_mul(kind.bytes() as u64)?)
}

fn sample_hash(file: &mut File, end: u64) -> io::Result<String> {
    fingerprint::sampled(file, HEADER_BYTES..end)
}

/// Takes rows from top to bottom and writes all levels at once; holds one row per level.
pub(super) struct ScratchWriter {
    kind: PixelKind,
    levels: Vec<LevelWriter>,
    file: Arc<File>,
}

struct LevelWriter {
    stored: StoredLevel,
    file: BufWriter<OffsetWriter>,
    /// The upper row of a pair whose lower row is still to come.
    pending: Option<Vec<u8>>,
}

/// Writes to the file from an offset on.
struct OffsetWriter {
    file: Arc<File>,
    offset: u64,
}

impl Write for OffsetWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        write_all_at(&self.file, bytes, self.offset)?;
        self.offset += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl ScratchWriter {
    /// The length of the file for a picture of this size.
    pub fn bytes(width: u32, height: u32, kind: PixelKind) -> u64 {
        file_bytes(&stored_levels(width, height, kind), kind).unwrap_or(u64::MAX)
    }

    /// Begins an empty file, which must be open for reading and writing.
    pub fn new(file: File, width: u32, height: u32, kind: PixelKind) -> Self {
        let file = Arc::new(file);
        let level = |stored: StoredLevel| {
            let writer = OffsetWriter { file: Arc::clone(&file), offset: stored.start };
            LevelWriter { stored, file: BufWriter::with_capacity(1 << 18, writer), pending: None }
        };
        Self { kind, levels: stored_levels(width, height, kind).into_iter().map(level).collect(), file }
    }

    /// Adds the next row: `width * bands` samples in native byte order.
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

    /// Completes the file.
    ///
    /// # Errors
    /// When the disk is full.
    pub fn finish(mut self) -> io::Result<Scratch> {
        for index in 0..self.levels.len() {
            if let Some(row) = self.levels.get_mut(index).and_then(|writer| writer.pending.take()) {
                let reduced = halve(&row, &row, self.kind);
                self.push_to(index + 1, &reduced)?;
            }
        }
        let mut levels = Vec::new();
        for mut writer in self.levels {
            writer.file.flush()?;
            levels.push(writer.stored);
        }
        let scratch = Scratch { kind: self.kind, levels, file: self.file };
        scratch.write_header()?;
        Ok(scratch)
    }
}

impl Scratch {
    fn write_header(&self) -> io::Result<()> {
        let Some(StoredLevel { level, .. }) = self.levels.first() else { return Ok(()) };
        let mut file = self.file.try_clone()?;
        let end = file.metadata()?.len();
        let sample_hash = sample_hash(&mut file, end)?;
        let header = FileHeader { width: level.width, height: level.height, kind: self.kind, sample_hash };
        let mut header = serde_json::to_vec(&header)?;
        header.resize(HEADER_BYTES as usize, b' ');
        write_all_at(&self.file, &header, 0)
    }
}

/// Makes one row of two: the mean of each 2 x 2 pixels, weighted by alpha.
fn halve(upper: &[u8], lower: &[u8], kind: PixelKind) -> Vec<u8> {
    let PixelKind { bands, alpha, sample_type, .. } = kind;
    let layout = PixelLayout { bands, sample_type, alpha, nodata: None, palette: false };
    let row = |samples| Row { samples, mask: None };
    halve_rows(row(upper), row(lower), &layout).0
}

#[cfg(test)]
mod tests {
    use super::*;

    const RGBA: PixelKind = PixelKind { bands: 4, alpha: Some(3), sample_type: SampleType::Uint8, bits: 8 };
    const GREY: PixelKind = PixelKind { bands: 1, alpha: None, sample_type: SampleType::Uint8, bits: 8 };

    fn ramp(file: File) -> Scratch {
        let mut writer = ScratchWriter::new(file, 301, 257, GREY);
        for y in 0..257_u32 {
            let row: Vec<u8> = (0..301_u32).map(|x| u8::try_from((x + y) % 251).unwrap()).collect();
            writer.push(&row).unwrap();
        }
        writer.finish().unwrap()
    }

    #[test]
    fn transparent_pixels_do_not_colour_the_mean() {
        let upper = [200, 100, 0, 255, 7, 7, 7, 0];
        let lower = [100, 100, 0, 255, 9, 9, 9, 0];
        assert_eq!(halve(&upper, &lower, RGBA), [150, 100, 0, 128]);
        assert_eq!(halve(&[5; 3 * 4], &[5; 3 * 4], RGBA).len(), 2 * 4);
    }

    #[test]
    fn every_level_can_be_read_back_also_later() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let fresh = ramp(file.reopen().unwrap());
        assert_eq!(file.as_file().metadata().unwrap().len(), ScratchWriter::bytes(301, 257, GREY));
        for scratch in [fresh, Scratch::open(file.reopen().unwrap()).unwrap()] {
            let sizes: Vec<_> = scratch.levels().iter().map(|level| (level.width, level.height)).collect();
            assert_eq!(sizes, [(301, 257), (151, 129)]);
            assert_eq!(scratch.kind(), GREY);
            assert_eq!(scratch.read(0, Rect::new(5, 7, 3, 2)).unwrap(), [12, 13, 14, 13, 14, 15]);
            // (10 + 11 + 11 + 12) / 4 at pixels (10, 0), (11, 0), (10, 1), (11, 1).
            assert_eq!(scratch.read(1, Rect::new(5, 0, 1, 1)).unwrap(), [11]);
            assert_eq!(scratch.read(1, Rect::new(0, 0, 151, 129)).unwrap().len(), 151 * 129);
            assert!(scratch.read(2, Rect::new(0, 0, 1, 1)).is_err());
        }
    }

    #[test]
    fn what_was_not_written_so_is_not_opened() {
        let file = tempfile::NamedTempFile::new().unwrap();
        drop(ramp(file.reopen().unwrap()));
        let whole = std::fs::read(file.path()).unwrap();
        let opened = |bytes: &[u8]| {
            std::fs::write(file.path(), bytes).unwrap();
            Scratch::open(file.reopen().unwrap()).is_ok()
        };
        assert!(opened(&whole));
        for end in [0, 100, 512, 600, whole.len() - 1] {
            assert!(!opened(&whole[..end]), "{end} bytes");
        }
        // What a power cut may leave: a file of the right length with nothing in it.
        let mut empty = whole.clone();
        empty[512 + 4096..].fill(0);
        assert!(!opened(&empty));
        let larger = String::from_utf8_lossy(&whole[..512]).replace("301", "4294967295").into_bytes();
        assert!(!opened(&[&larger[..512], &whole[512..]].concat()));
    }
}

//! A decoded picture in a file, with overviews.
//!
//! PNG, JPEG and WebP can only be decoded from their first row to their last. That is done once; the rows of
//! all levels go to one file, level after level, and regions are read from there. A note at its start says
//! what is in it, so that the file can be opened again.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::fingerprint;
use crate::raster::files::{read_exact_at, write_all_at};
use crate::raster::overviews::halve::{Kind, Row};
use crate::raster::overviews::pyramid;
use crate::raster::reader::Level;
use crate::raster::{Rect, SampleType};

/// Levels are made until both sides are at most this long.
const SMALLEST_SIDE: u32 = 256;
/// Bytes for the note, which is filled up with spaces.
const NOTE_BYTES: u64 = 512;

/// The kind of pixels in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PixelKind {
    pub bands: usize,
    pub alpha: Option<usize>,
    /// `Uint8` or `Uint16`.
    pub sample_type: SampleType,
    /// Bits of a sample that are in use.
    pub bits: u16,
}

impl PixelKind {
    pub fn bytes(self) -> usize {
        self.bands * self.sample_type.bytes()
    }
}

/// What the file says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Note {
    width: u32,
    height: u32,
    kind: PixelKind,
    /// Of all that follows the note, by samples: what a crash left half written is told apart.
    samples: String,
}

/// The finished file.
#[derive(Debug)]
pub(super) struct Scratch {
    kind: PixelKind,
    levels: Vec<Place>,
    file: Arc<File>,
}

/// A level, and where in the file its first pixel is.
#[derive(Clone, Copy, Debug)]
struct Place {
    level: Level,
    start: u64,
}

impl Scratch {
    /// Opens what [`ScratchWriter::finish`] wrote.
    ///
    /// # Errors
    /// When it can't be read, is cut off, or isn't what was written.
    pub fn open(mut file: File) -> io::Result<Self> {
        let mut note = vec![0; NOTE_BYTES as usize];
        read_exact_at(&file, &mut note, 0)?;
        let note: Note = serde_json::from_slice(&note)?;
        let end = file.metadata()?.len();
        let places = places(note.width, note.height, note.kind);
        if Some(end) != file_bytes(&places, note.kind) || note.samples != samples(&mut file, end)? {
            return Err(io::ErrorKind::InvalidData.into());
        }
        Ok(Self { kind: note.kind, levels: places, file: Arc::new(file) })
    }

    pub fn kind(&self) -> PixelKind {
        self.kind
    }

    pub fn levels(&self) -> Vec<Level> {
        self.levels.iter().map(|place| place.level).collect()
    }

    /// All bands of a region inside a level.
    pub fn read(&self, level: usize, rect: Rect) -> io::Result<Vec<u8>> {
        let Place { level, start } = self.levels.get(level).ok_or(io::ErrorKind::InvalidInput)?;
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

/// All levels, one after the other.
fn places(width: u32, height: u32, kind: PixelKind) -> Vec<Place> {
    let mut places = Vec::new();
    let (mut width, mut height, mut start) = (width, height, NOTE_BYTES);
    loop {
        places.push(Place { level: Level { width, height, block_width: width, block_height: 1 }, start });
        // The mean of a few values that have only so many bits is none of them.
        if kind.bits < 8 || width <= SMALLEST_SIDE && height <= SMALLEST_SIDE {
            return places;
        }
        let pixels = u64::from(width) * u64::from(height);
        start = start.saturating_add(pixels.saturating_mul(kind.bytes() as u64));
        (width, height) = (width.div_ceil(2), height.div_ceil(2));
    }
}

fn file_bytes(places: &[Place], kind: PixelKind) -> Option<u64> {
    let Place { level, start } = places.last()?;
    let pixels = u64::from(level.width).checked_mul(u64::from(level.height))?;
    start.checked_add(pixels.checked_mul(kind.bytes() as u64)?)
}

fn samples(file: &mut File, end: u64) -> io::Result<String> {
    fingerprint::sampled(file, NOTE_BYTES..end)
}

/// Takes rows from the top and writes all levels at once; holds one row a level.
pub(super) struct ScratchWriter {
    kind: PixelKind,
    levels: Vec<LevelWriter>,
    file: Arc<File>,
}

struct LevelWriter {
    place: Place,
    file: BufWriter<Part>,
    /// The upper row of a pair whose lower row has not come yet.
    pending: Option<Vec<u8>>,
}

/// A place in the file that moves on with what is written there.
struct Part {
    file: Arc<File>,
    at: u64,
}

impl Write for Part {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        write_all_at(&self.file, bytes, self.at)?;
        self.at += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl ScratchWriter {
    /// Bytes of the file for a picture of this size.
    pub fn bytes(width: u32, height: u32, kind: PixelKind) -> u64 {
        file_bytes(&places(width, height, kind), kind).unwrap_or(u64::MAX)
    }

    /// Writes to an empty file that can be read, too.
    pub fn new(file: File, width: u32, height: u32, kind: PixelKind) -> Self {
        let file = Arc::new(file);
        let level = |place: Place| {
            let part = Part { file: Arc::clone(&file), at: place.start };
            LevelWriter { place, file: BufWriter::with_capacity(1 << 18, part), pending: None }
        };
        Self { kind, levels: places(width, height, kind).into_iter().map(level).collect(), file }
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

    /// The file, complete.
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
            levels.push(writer.place);
        }
        let scratch = Scratch { kind: self.kind, levels, file: self.file };
        scratch.write_note()?;
        Ok(scratch)
    }
}

impl Scratch {
    fn write_note(&self) -> io::Result<()> {
        let Some(Place { level, .. }) = self.levels.first() else { return Ok(()) };
        let mut file = self.file.try_clone()?;
        let end = file.metadata()?.len();
        let samples = samples(&mut file, end)?;
        let note = Note { width: level.width, height: level.height, kind: self.kind, samples };
        let mut note = serde_json::to_vec(&note)?;
        note.resize(NOTE_BYTES as usize, b' ');
        write_all_at(&self.file, &note, 0)
    }
}

/// One row out of two: the mean of each 2 x 2 pixels, weighted by alpha.
fn halve(upper: &[u8], lower: &[u8], kind: PixelKind) -> Vec<u8> {
    let PixelKind { bands, alpha, sample_type, .. } = kind;
    let kind = Kind { bands, sample_type, alpha, nodata: None, palette: false };
    let row = |samples| Row { samples, mask: None };
    pyramid::halve(row(upper), row(lower), &kind).0
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
        // What a disk that lost its power may leave: the right length, and nothing in it.
        let mut empty = whole.clone();
        empty[512 + 4096..].fill(0);
        assert!(!opened(&empty));
        let larger = String::from_utf8_lossy(&whole[..512]).replace("301", "4294967295").into_bytes();
        assert!(!opened(&[&larger[..512], &whole[512..]].concat()));
    }
}

//! Where the rows of a picture go while it is decoded.

use std::fs::File;

use tempfile::NamedTempFile;

use super::decoded_copy::DecodedCopy;
use super::scratch::{PixelKind, Scratch, ScratchWriter};
use crate::atomic::{plain, temporary_file};
use crate::raster::error::ReaderError;
use crate::raster::progress::OpenProgress;
use crate::raster::samples::SampleType;

/// What a decoder is given; it begins once it knows the size of the picture.
pub(super) struct DecodeTarget<'a> {
    /// Where a copy may be kept.
    pub copy: Option<&'a DecodedCopy>,
    pub progress: &'a OpenProgress,
}

/// Takes the rows of a picture from top to bottom.
pub(super) struct RowSink<'a> {
    writer: ScratchWriter,
    kind: PixelKind,
    size: (u32, u32),
    done: u64,
    /// The copy that is being written.
    copy: Option<(&'a DecodedCopy, NamedTempFile)>,
    progress: &'a OpenProgress,
}

impl<'a> DecodeTarget<'a> {
    /// Begins a picture of a known size.
    ///
    /// # Errors
    /// When no file can be written to.
    pub fn begin(&self, width: u32, height: u32, kind: PixelKind) -> Result<RowSink<'a>, ReaderError> {
        let create = |copy: &'a DecodedCopy| Some((copy, copy.create(width, height, kind)?));
        let copy = self.copy.and_then(create);
        let file = copy.as_ref().map_or_else(temporary_file, |(_, file)| file.reopen().map_err(plain));
        let writer = ScratchWriter::new(file.map_err(ReaderError::Scratch)?, width, height, kind);
        Ok(RowSink { writer, kind, size: (width, height), done: 0, copy, progress: self.progress })
    }
}

impl RowSink<'_> {
    /// Takes whole rows. 16-bit samples are read with `from_bytes`, which knows their byte order.
    ///
    /// # Errors
    /// When the disk is full.
    pub fn push(&mut self, rows: &mut [u8], from_bytes: fn([u8; 2]) -> u16) -> Result<(), ReaderError> {
        if self.kind.sample_type == SampleType::Uint16 {
            for sample in rows.as_chunks_mut::<2>().0 {
                *sample = from_bytes(*sample).to_ne_bytes();
            }
        }
        let row_bytes = self.size.0 as usize * self.kind.bytes();
        for row in rows.chunks_exact(row_bytes.max(1)) {
            self.writer.push(row).map_err(ReaderError::Scratch)?;
            self.done += 1;
            self.progress.report(self.done, u64::from(self.size.1));
        }
        Ok(())
    }

    /// The decoded picture; its copy gets its name.
    ///
    /// # Errors
    /// When the disk is full.
    pub fn finish(self) -> Result<Scratch, ReaderError> {
        let scratch = self.writer.finish().map_err(ReaderError::Scratch)?;
        if let Some((copy, file)) = self.copy {
            copy.finish(file);
        }
        Ok(scratch)
    }
}

/// A file that reports how much of it has been read, for decoders that return nothing until the end.
pub(super) struct ProgressReader<'a> {
    file: File,
    bytes_read: u64,
    all: u64,
    progress: &'a OpenProgress,
}

impl<'a> ProgressReader<'a> {
    pub fn new(file: File, progress: &'a OpenProgress) -> Self {
        let all = file.metadata().map_or(0, |metadata| metadata.len());
        Self { file, bytes_read: 0, all, progress }
    }
}

impl std::io::Read for ProgressReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.file.read(buffer)?;
        self.bytes_read += count as u64;
        // Writing the rows is the last fifth.
        self.progress.report(self.bytes_read, self.all.saturating_mul(5) / 4);
        Ok(count)
    }
}

//! Where the rows of a picture go while it is decoded.

use std::fs::File;

use tempfile::NamedTempFile;

use super::kept::Kept;
use super::scratch::{PixelKind, Scratch, ScratchWriter};
use crate::atomic::{plain, temporary_file};
use crate::raster::error::Fault;
use crate::raster::{OpenProgress, SampleType};

/// What a decoder is given: it begins once it knows how large the picture is.
pub(super) struct Target<'a> {
    /// Where a copy may stay.
    pub kept: Option<&'a Kept>,
    pub progress: &'a OpenProgress,
}

/// Takes the rows of a picture from its top.
pub(super) struct Rows<'a> {
    writer: ScratchWriter,
    kind: PixelKind,
    size: (u32, u32),
    done: u64,
    /// The file that is to stay, and whose it is.
    copy: Option<(&'a Kept, NamedTempFile)>,
    progress: &'a OpenProgress,
}

impl<'a> Target<'a> {
    /// # Errors
    /// When no file can be written to.
    pub fn begin(&self, width: u32, height: u32, kind: PixelKind) -> Result<Rows<'a>, Fault> {
        let begin = |kept: &'a Kept| Some((kept, kept.begin(width, height, kind)?));
        let copy = self.kept.and_then(begin);
        let file = copy.as_ref().map_or_else(temporary_file, |(_, copy)| copy.reopen().map_err(plain));
        let writer = ScratchWriter::new(file.map_err(Fault::Scratch)?, width, height, kind);
        Ok(Rows { writer, kind, size: (width, height), done: 0, copy, progress: self.progress })
    }
}

impl Rows<'_> {
    /// Takes whole rows. Samples of 16 bits are turned into this machine's byte order by `sixteen`.
    ///
    /// # Errors
    /// When the disk is full.
    pub fn push(&mut self, rows: &mut [u8], sixteen: fn([u8; 2]) -> u16) -> Result<(), Fault> {
        if self.kind.sample_type == SampleType::Uint16 {
            for sample in rows.as_chunks_mut::<2>().0 {
                *sample = sixteen(*sample).to_ne_bytes();
            }
        }
        let row_bytes = self.size.0 as usize * self.kind.bytes();
        for row in rows.chunks_exact(row_bytes.max(1)) {
            self.writer.push(row).map_err(Fault::Scratch)?;
            self.done += 1;
            self.progress.tell(self.done, u64::from(self.size.1));
        }
        Ok(())
    }

    /// The decoded picture, whose copy is kept.
    ///
    /// # Errors
    /// When the disk is full.
    pub fn finish(self) -> Result<Scratch, Fault> {
        let scratch = self.writer.finish().map_err(Fault::Scratch)?;
        if let Some((kept, copy)) = self.copy {
            kept.keep(copy);
        }
        Ok(scratch)
    }
}

/// The bytes of a file as they are taken, for decoders that give nothing before they are at its end.
pub(super) struct Watched<'a> {
    file: File,
    taken: u64,
    all: u64,
    progress: &'a OpenProgress,
}

impl<'a> Watched<'a> {
    pub fn new(file: File, progress: &'a OpenProgress) -> Self {
        let all = file.metadata().map_or(0, |metadata| metadata.len());
        Self { file, taken: 0, all, progress }
    }
}

impl std::io::Read for Watched<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.file.read(buffer)?;
        self.taken += count as u64;
        // Writing the rows down is the rest.
        self.progress.tell(self.taken, self.all.saturating_mul(5) / 4);
        Ok(count)
    }
}

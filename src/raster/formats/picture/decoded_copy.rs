//! Decoded pictures in the user's cache folder, so that opening one again takes no time.
//!
//! A copy is exactly what decoding returns, sample for sample on every level, so that a scan sees the same
//! with and without one. If none can be kept, the decoded picture is in an unnamed temporary file.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use sha2::Digest;
use tempfile::NamedTempFile;

use super::scratch::{PixelKind, Scratch, ScratchWriter};
use crate::fingerprint;
use crate::raster::cache::folder;
use crate::raster::storage::Storage;

/// Part of every name, so that files of another version are not read.
const VERSION: u32 = 1;
/// Smaller pictures are decoded so fast that a copy isn't worth it.
const MIN_PIXELS: u64 = 16_000_000;

/// Where a picture's copy is, if it exists.
pub(super) struct DecodedCopy {
    picture: PathBuf,
    file: PathBuf,
    budget: u64,
}

impl DecodedCopy {
    /// `None` without a cache folder.
    pub fn of(picture: &Path, storage: &Storage) -> Option<Self> {
        let file = folder::path(storage)?.join(name(picture)?);
        Some(Self { picture: picture.to_owned(), file, budget: storage.cache_bytes })
    }

    /// Opens the copy, if there is one. A damaged one is removed.
    pub fn open(&self) -> Option<Scratch> {
        let file = File::open(&self.file).ok()?;
        match Scratch::open(file) {
            Ok(scratch) => {
                folder::touch(&self.file);
                Some(scratch)
            }
            Err(error) => {
                log::warn!("{} is damaged ({error}); the picture is decoded again", self.file.display());
                // If it can't be removed, it will be replaced.
                let _ = fs::remove_file(&self.file);
                None
            }
        }
    }

    /// Creates the file for a picture of this size; `None` if it isn't worth it or there is no space.
    pub fn create(&self, width: u32, height: u32, kind: PixelKind) -> Option<NamedTempFile> {
        let is_large = u64::from(width) * u64::from(height) >= MIN_PIXELS;
        let fits = ScratchWriter::bytes(width, height, kind) <= self.budget;
        let cache = self.file.parent().filter(|cache| is_large && fits && folder::is_usable(cache))?;
        folder::create(cache).inspect_err(|error| self.warn(error)).ok()
    }

    /// Gives a complete copy its name, unless the picture changed meanwhile.
    pub fn finish(&self, copy: NamedTempFile) {
        if name(&self.picture).as_deref() != self.file.file_name().and_then(|name| name.to_str()) {
            return log::warn!("{} changed while it was decoded", self.picture.display());
        }
        if let Err(error) = folder::finish(copy, &self.file, self.budget) {
            self.warn(&error);
        }
    }

    fn warn(&self, error: &std::io::Error) {
        log::warn!("the decoded {} is not kept for the next time: {error}", self.picture.display());
    }
}

fn name(picture: &Path) -> Option<String> {
    let mut hash = folder::state_hash(VERSION, &[picture.to_owned()])?;
    hash.update(b"decoded");
    Some(format!("{}.pixels", fingerprint::finish(hash)))
}

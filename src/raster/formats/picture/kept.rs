//! Decoded pictures that are kept in the user's cache folder, so that the next opening takes no time.
//!
//! A copy is what decoding gives, sample for sample on every level, so that a scan sees the same with one and
//! without. Where none can be kept, the decoded picture lies in a temporary file without a name.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use sha2::Digest;
use tempfile::NamedTempFile;

use super::scratch::{PixelKind, Scratch, ScratchWriter};
use crate::fingerprint;
use crate::raster::cache_folder;
use crate::raster::storage::Storage;

/// Part of every name: files of another version are not read.
const VERSION: u32 = 1;
/// Pictures with fewer pixels are decoded before anybody would wait.
const LARGE_PIXELS: u64 = 16_000_000;

/// The place of a picture's copy, which may not be there.
pub(super) struct Kept {
    picture: PathBuf,
    file: PathBuf,
    budget: u64,
}

impl Kept {
    /// `None` when nothing is kept.
    pub fn of(picture: &Path, storage: &Storage) -> Option<Self> {
        let file = cache_folder::of(storage)?.join(name(picture)?);
        Some(Self { picture: picture.to_owned(), file, budget: storage.cache_bytes })
    }

    /// The copy, if there is one. One that is damaged is removed.
    pub fn open(&self) -> Option<Scratch> {
        let file = File::open(&self.file).ok()?;
        match Scratch::open(file) {
            Ok(scratch) => {
                cache_folder::touch(&self.file);
                Some(scratch)
            }
            Err(error) => {
                log::warn!("{} is damaged ({error}); the picture is decoded again", self.file.display());
                // What can't be removed is replaced.
                let _ = fs::remove_file(&self.file);
                None
            }
        }
    }

    /// The file for a copy of a picture of this size; `None` when it isn't worth it or there is no place for
    /// it.
    pub fn begin(&self, width: u32, height: u32, kind: PixelKind) -> Option<NamedTempFile> {
        let large = u64::from(width) * u64::from(height) >= LARGE_PIXELS;
        let fits = ScratchWriter::bytes(width, height, kind) <= self.budget;
        let folder = self.file.parent().filter(|folder| large && fits && cache_folder::is_usable(folder))?;
        cache_folder::begin(folder).inspect_err(|error| self.warn(error)).ok()
    }

    /// Gives the copy its name, unless the picture changed meanwhile.
    pub fn keep(&self, copy: NamedTempFile) {
        if name(&self.picture).as_deref() != self.file.file_name().and_then(|name| name.to_str()) {
            return log::warn!("{} changed while it was decoded", self.picture.display());
        }
        if let Err(error) = cache_folder::keep(copy, &self.file, self.budget) {
            self.warn(&error);
        }
    }

    fn warn(&self, error: &std::io::Error) {
        log::warn!("the decoded {} is not kept for the next time: {error}", self.picture.display());
    }
}

fn name(picture: &Path) -> Option<String> {
    let mut hash = cache_folder::state(VERSION, &[picture.to_owned()])?;
    hash.update(b"decoded");
    Some(format!("{}.pixels", fingerprint::finish(hash)))
}

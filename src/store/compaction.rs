//! Writing a file of embeddings anew: without what is damaged, and with large batches.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use super::Provenance;
use super::batch::StoredBatch;
use super::checksums::ChecksumFile;
use super::files::{EXTENSION, MOST_FILES, sums_path};
use super::segment::SegmentContents;
use super::writer::{SegmentWriter, try_lock};
use crate::atomic::NewFile;

/// Batches from which on a file may be worth to be written anew, and windows of a batch then.
const MANY_BATCHES: usize = 64;
const LARGE_BATCH: usize = 4096;

/// Whether a file has many batches that are far smaller than they could be.
pub fn is_cut_small(batches: &[StoredBatch]) -> bool {
    let windows: usize = batches.iter().map(StoredBatch::len).sum();
    batches.len() > MANY_BATCHES && windows / batches.len() < LARGE_BATCH / 8
}

/// Writes what is good of a file into another one, with large batches: a scan's small ones take a hundred
/// times as long to open. Returns that file's place and lock; the old one is gone, but whoever holds it open
/// keeps it. `None` when there is no free number.
pub fn rewrite(
    path: &Path,
    contents: &SegmentContents,
    embedding_len: usize,
    provenance: &Provenance,
) -> io::Result<Option<(PathBuf, File)>> {
    let Some((place, lock)) = free_place(path)? else { return Ok(None) };
    let new = NewFile::beside(&place)?;
    let mut writer = SegmentWriter::into_file(new.file().try_clone()?, embedding_len, provenance)?;
    let mut records = Vec::with_capacity(LARGE_BATCH);
    for batch in &contents.batches {
        for row in 0..batch.len() {
            records.push(batch.record(row, embedding_len));
            if records.len() == LARGE_BATCH {
                writer.append(&records)?;
                records.clear();
            }
        }
    }
    if !records.is_empty() {
        writer.append(&records)?;
    }
    // What it replaces can only be made again by a scan.
    writer.sync()?;
    let sums = NewFile::beside(&sums_path(&place))?;
    let mut file = ChecksumFile::begin(sums.file().try_clone()?)?;
    writer.checksums().try_for_each(|sum| file.add(sum))?;
    new.finish()?;
    sums.finish()?;
    for old in [sums_path(path), path.to_owned()] {
        match std::fs::remove_file(old) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(Some((place, lock)))
}

/// The next number in a file's folder that is free, locked.
fn free_place(path: &Path) -> io::Result<Option<(PathBuf, File)>> {
    for number in 0..MOST_FILES {
        let place = path.with_file_name(format!("{number}.{EXTENSION}"));
        if place != path
            && !place.exists()
            && !sums_path(&place).exists()
            && let Some(lock) = try_lock(&place)?
        {
            return Ok(Some((place, lock)));
        }
    }
    Ok(None)
}

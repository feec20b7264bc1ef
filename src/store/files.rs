//! The files of embeddings in a collection's folder, and what is good of them.

use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::StoredBatch;
use super::checksums::{BatchChecksum, Checksums};
use super::segment::{self, SegmentContents};

pub const EXTENSION: &str = "arrows";
/// Files in one collection: programs that may append to it at once, and as many again for those that are
/// replaced.
pub const MOST_FILES: u32 = 128;
const SUMS: &str = "sums";
/// A file that is just being replaced is looked at again after this.
const PAUSE: Duration = Duration::from_millis(30);
const TRIES: usize = 4;

/// The file beside one of embeddings that says by its lock that somebody appends. On some systems a lock
/// would keep others from reading the file itself.
pub fn lock_path(path: &Path) -> PathBuf {
    path.with_extension("lock")
}

/// The file beside one of embeddings with its checksums.
pub fn sums_path(path: &Path) -> PathBuf {
    path.with_extension(SUMS)
}

/// The files of embeddings in a folder, in the order of their numbers; also those of which only the checksums
/// are left.
pub fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = BTreeSet::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == EXTENSION || extension == SUMS) {
            paths.insert(path.with_extension(EXTENSION));
        }
    }
    let number = |path: &PathBuf| path.file_stem()?.to_str()?.parse::<u32>().ok();
    let mut paths: Vec<PathBuf> = paths.into_iter().collect();
    paths.sort_by_key(|path| number(path).unwrap_or(u32::MAX));
    Ok(paths)
}

/// What a file holds.
pub struct ReadSegment {
    pub contents: SegmentContents,
    pub records: Vec<Option<BatchChecksum>>,
    /// The checksums are damaged, so that there may have been more.
    pub is_doubtful: bool,
}

impl ReadSegment {
    pub fn is_damaged(&self) -> bool {
        self.is_doubtful || self.contents.damaged > 0
    }
}

/// Reads a file. Another program may just put it in the place of an older one, so that what looks damaged is
/// looked at again.
pub fn read_file(path: &Path, embedding_len: usize) -> io::Result<ReadSegment> {
    let read = read_once(path, embedding_len)?;
    if !read.is_damaged() {
        return Ok(read);
    }
    std::thread::sleep(PAUSE);
    read_once(path, embedding_len)
}

fn read_once(path: &Path, embedding_len: usize) -> io::Result<ReadSegment> {
    let Checksums { records, is_damaged } = Checksums::read(&sums_path(path))?;
    let (contents, length) = match File::open(path) {
        Ok(file) => (segment::read(&file, &records, embedding_len)?, file.metadata()?.len()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            (SegmentContents { damaged: records.len(), ..SegmentContents::default() }, 0)
        }
        Err(error) => return Err(error),
    };
    // One that was only just begun is empty.
    let is_doubtful = is_damaged && (length > 0 || !records.is_empty());
    Ok(ReadSegment { contents, records, is_doubtful })
}

/// Reads all files of a folder, to look at them only.
pub fn read_all(folder: &Path, embedding_len: usize) -> io::Result<Vec<ReadSegment>> {
    for _ in 1..TRIES {
        let before = files(folder)?;
        let read = before.iter().map(|path| read_file(path, embedding_len)).collect();
        // One that another program replaced meanwhile may have been missed.
        if files(folder)? == before {
            return read;
        }
    }
    files(folder)?.iter().map(|path| read_file(path, embedding_len)).collect()
}

/// What another program added to its file.
pub struct NewBatches {
    pub path: PathBuf,
    /// The number of batches in the file by now.
    pub count: usize,
    /// Those that are new.
    pub batches: Vec<StoredBatch>,
}

/// What was added to the files of other programs. `batches_read` says how many batches of each were read
/// before. What can't be read now is looked at the next time.
pub fn new_batches(
    folder: &Path,
    own: Option<&Path>,
    batches_read: &HashMap<PathBuf, usize>,
    embedding_len: usize,
) -> Vec<NewBatches> {
    let mut added = Vec::new();
    for path in files(folder).unwrap_or_default() {
        let before = batches_read.get(&path).copied().unwrap_or(0);
        let sums = sums_path(&path);
        let count = sums.metadata().map_or(0, |metadata| Checksums::count(metadata.len()));
        if own == Some(&path) || count <= before {
            continue;
        }
        let read = || -> io::Result<_> {
            let records = Checksums::read(&sums)?.records;
            let new = records.get(before..).unwrap_or_default();
            let contents = segment::read(&File::open(&path)?, new, embedding_len)?;
            Ok((contents.batches, records.len()))
        };
        match read() {
            Ok((batches, count)) => added.push(NewBatches { path, count, batches }),
            Err(error) => log::debug!("{} is not looked at: {error}", path.display()),
        }
    }
    added
}

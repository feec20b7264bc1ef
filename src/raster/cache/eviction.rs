//! Which files leave a cache folder that is over its budget: the least recently used ones.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// A file in a cache folder.
pub(in crate::raster) struct CachedFile {
    pub path: PathBuf,
    pub bytes: u64,
    /// The time of the last change stands for that of the last use, which most systems don't record.
    pub used: SystemTime,
}

impl CachedFile {
    /// The file of a folder's entry; `None` for anything but a file.
    pub fn of(entry: &fs::DirEntry) -> Option<Self> {
        let metadata = entry.metadata().ok().filter(fs::Metadata::is_file)?;
        let used = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
        Some(Self { path: entry.path(), bytes: metadata.len(), used })
    }
}

/// Removes the least recently used files until the rest takes at most `target` bytes, but never `keep`.
/// Returns the bytes that are left.
pub(in crate::raster) fn evict(mut files: Vec<CachedFile>, target: u64, keep: Option<&Path>) -> u64 {
    files.sort_by(|a, b| (a.used, a.bytes, &a.path).cmp(&(b.used, b.bytes, &b.path)));
    let mut total: u64 = files.iter().map(|file| file.bytes).sum();
    for file in files {
        if total <= target {
            break;
        }
        if keep != Some(file.path.as_path()) && fs::remove_file(&file.path).is_ok() {
            total = total.saturating_sub(file.bytes);
            // Succeeds only for a folder that has become empty.
            let _ = file.path.parent().map(fs::remove_dir);
        }
    }
    total
}

/// Marks a file as just used.
pub(in crate::raster) fn touch(path: &Path) -> io::Result<()> {
    File::options().append(true).open(path)?.set_modified(SystemTime::now())
}

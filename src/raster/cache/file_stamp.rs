//! Whether a file has changed, judged by its metadata alone.

use std::fs::Metadata;
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sha2::{Digest, Sha256};

/// Two changes no further apart than this may have the same time, since the clocks of some file systems are
/// that coarse.
const COARSEST_CLOCK: Duration = Duration::from_secs(2);

/// A file's size, times and inode. While they stay the same, so does the file: on Unix the time of change
/// can't be set, so that even a file that was overwritten and given its old date is recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::raster) struct FileStamp {
    length: u64,
    /// In nanoseconds since 1970.
    modified: u128,
    /// When content or metadata last changed (ctime), in nanoseconds since 1970; `None` where the system
    /// doesn't record it.
    changed: Option<u128>,
    /// The device and the inode.
    inode: Option<(u64, u64)>,
}

impl FileStamp {
    /// # Errors
    /// When there is no such file.
    pub fn of(path: &Path) -> io::Result<Self> {
        let metadata = path.metadata()?;
        let (changed, inode) = ctime_and_inode(&metadata);
        let modified = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        let modified = modified.map_or(0, |time| time.as_nanos());
        Ok(Self { length: metadata.len(), modified, changed, inode })
    }

    /// Whether any change after `now` is sure to alter the stamp. A file that has only just changed may
    /// change again within one tick of the clock.
    pub fn is_settled(&self, now: SystemTime) -> bool {
        let Ok(now) = now.duration_since(UNIX_EPOCH) else { return false };
        self.changed.is_some_and(|changed| changed + COARSEST_CLOCK.as_nanos() < now.as_nanos())
    }

    pub fn add_to(&self, hash: &mut Sha256) {
        let (device, file) = self.inode.unwrap_or_default();
        for value in [self.length, device, file] {
            hash.update(value.to_le_bytes());
        }
        for time in [self.modified, self.changed.unwrap_or_default()] {
            hash.update(time.to_le_bytes());
        }
    }
}

#[cfg(unix)]
fn ctime_and_inode(metadata: &Metadata) -> (Option<u128>, Option<(u64, u64)>) {
    use std::os::unix::fs::MetadataExt;
    let changed = i128::from(metadata.ctime()) * 1_000_000_000 + i128::from(metadata.ctime_nsec());
    (u128::try_from(changed).ok(), Some((metadata.dev(), metadata.ino())))
}

/// On other systems nothing proves that a file didn't change.
#[cfg(not(unix))]
fn ctime_and_inode(_: &Metadata) -> (Option<u128>, Option<(u64, u64)>) {
    (None, None)
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs::File;

    use super::*;

    #[test]
    fn a_file_with_its_old_size_and_date_is_another_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.tif");
        std::fs::write(&path, "old").unwrap();
        let before = FileStamp::of(&path).unwrap();
        assert!(!before.is_settled(SystemTime::now()), "it was written only just");
        assert!(before.is_settled(SystemTime::now() + Duration::from_secs(3)));
        let date = path.metadata().unwrap().modified().unwrap();
        std::thread::sleep(Duration::from_millis(20));
        std::fs::write(&path, "new").unwrap();
        File::options().append(true).open(&path).unwrap().set_modified(date).unwrap();
        let after = FileStamp::of(&path).unwrap();
        assert_eq!((after.length, after.modified), (before.length, before.modified));
        assert_ne!(after, before);
        assert!(FileStamp::of(&folder.path().join("none")).is_err());
    }
}

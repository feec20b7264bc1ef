//! The state of a file as the system tells it without reading it.

use std::fs::Metadata;
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sha2::{Digest, Sha256};

/// Two changes that are no further apart may have the same time: the clocks of some file systems are that
/// coarse.
const COARSEST_CLOCK: Duration = Duration::from_secs(2);

/// Size, times and number of a file. While they stay the same, so does the file: on Unix its time of change
/// can't be set, so that a file which was overwritten and given its old date is told apart, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::raster) struct Stamp {
    length: u64,
    /// Nanoseconds since 1970.
    modified: u128,
    /// When anything of it changed, in nanoseconds since 1970; `None` where the system doesn't tell.
    changed: Option<u128>,
    /// The device and the file's number on it.
    number: Option<(u64, u64)>,
}

impl Stamp {
    /// # Errors
    /// When there is no such file.
    pub fn of(path: &Path) -> io::Result<Self> {
        let metadata = path.metadata()?;
        let (changed, number) = change_and_number(&metadata);
        let modified = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        let modified = modified.map_or(0, |time| time.as_nanos());
        Ok(Self { length: metadata.len(), modified, changed, number })
    }

    /// Whether a change after `now` is sure to be seen in the stamp. A file that changed only just may change
    /// once more without.
    pub fn is_settled(&self, now: SystemTime) -> bool {
        let Ok(now) = now.duration_since(UNIX_EPOCH) else { return false };
        self.changed.is_some_and(|changed| changed + COARSEST_CLOCK.as_nanos() < now.as_nanos())
    }

    pub fn add_to(&self, hash: &mut Sha256) {
        let (device, file) = self.number.unwrap_or_default();
        for value in [self.length, device, file] {
            hash.update(value.to_le_bytes());
        }
        for time in [self.modified, self.changed.unwrap_or_default()] {
            hash.update(time.to_le_bytes());
        }
    }
}

#[cfg(unix)]
fn change_and_number(metadata: &Metadata) -> (Option<u128>, Option<(u64, u64)>) {
    use std::os::unix::fs::MetadataExt;
    let changed = i128::from(metadata.ctime()) * 1_000_000_000 + i128::from(metadata.ctime_nsec());
    (u128::try_from(changed).ok(), Some((metadata.dev(), metadata.ino())))
}

/// Elsewhere nothing says for sure that a file didn't change.
#[cfg(not(unix))]
fn change_and_number(_: &Metadata) -> (Option<u128>, Option<(u64, u64)>) {
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
        let before = Stamp::of(&path).unwrap();
        assert!(!before.is_settled(SystemTime::now()), "it was written only just");
        assert!(before.is_settled(SystemTime::now() + Duration::from_secs(3)));
        let date = path.metadata().unwrap().modified().unwrap();
        std::thread::sleep(Duration::from_millis(20));
        std::fs::write(&path, "new").unwrap();
        File::options().append(true).open(&path).unwrap().set_modified(date).unwrap();
        let after = Stamp::of(&path).unwrap();
        assert_eq!((after.length, after.modified), (before.length, before.modified));
        assert_ne!(after, before);
        assert!(Stamp::of(&folder.path().join("none")).is_err());
    }
}

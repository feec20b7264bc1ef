//! Locks: only one program at a time downloads a file.

use std::fs::{File, TryLockError};
use std::path::Path;
use std::time::Duration;

use super::{ModelError, Watch};

/// How often the lock is tried while another program holds it.
const POLL_INTERVAL: Duration = Duration::from_millis(200);

/// A lock that is held as long as its file is open. The system releases it when the program ends, however it
/// ends. Python's `filelock` uses the same kind of lock.
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Waits until no other program holds the lock, and tells `watch` so.
    pub fn take(path: &Path, watch: &mut Watch<'_>) -> Result<Self, ModelError> {
        let failed = |error: &std::io::Error| ModelError::file(path, "cannot be locked", error);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)
                .map_err(|error| ModelError::file(folder, "cannot be made", &error))?;
        }
        let file = File::options()
            .create(true)
            .write(true)
            .truncate(false)
            .open(path)
            .map_err(|error| failed(&error))?;
        let mut waited = false;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) => {
                    if !waited {
                        watch.waiting(true);
                        waited = true;
                    }
                    watch.check()?;
                    std::thread::sleep(POLL_INTERVAL);
                }
                Err(TryLockError::Error(error)) => return Err(failed(&error)),
            }
        }
        if waited {
            watch.waiting(false);
        }
        Ok(Self { _file: file })
    }

    /// Whether a program holds the lock.
    pub fn is_taken(path: &Path) -> bool {
        File::options()
            .write(true)
            .open(path)
            .is_ok_and(|file| matches!(file.try_lock(), Err(TryLockError::WouldBlock)))
    }
}

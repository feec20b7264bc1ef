//! The checksums of files by path and stamp, stored in a small file in the user's cache folder, so that a
//! file that hasn't changed needn't be read again.
//!
//! There is one line per file, appended in a single call, so that several programs may do so at once. A
//! damaged line is ignored; its file is then read again.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use sha2::{Digest, Sha256};

use crate::atomic::NewFile;
use crate::fingerprint;
use crate::raster::cache::file_stamp::FileStamp;
use crate::raster::storage::Storage;

const NAME: &str = "known-files-1";
/// Beyond this, the older half is removed, which leaves about 60,000 files.
const MAX_BYTES: u64 = 12 << 20;

/// What has been read of the file so far, by the scenes of this program together.
static LOADED: Mutex<Option<Loaded>> = Mutex::new(None);

/// The stored checksums of a cache folder; without one, nothing is found or stored.
pub(in crate::raster) struct ChecksumCache {
    file: Option<PathBuf>,
}

impl ChecksumCache {
    pub fn of(storage: &Storage) -> Self {
        Self { file: storage.cache.as_ref().map(|cache| cache.join(NAME)) }
    }

    pub fn disabled() -> Self {
        Self { file: None }
    }

    /// The checksum of a file with this stamp, if it is stored.
    pub fn find(&self, path: &Path, stamp: &FileStamp) -> Option<u128> {
        self.with_loaded(|loaded| {
            let key = key(path, stamp);
            if !loaded.checksums.contains_key(&key) {
                loaded.read_on();
            }
            loaded.checksums.get(&key).copied()
        })?
    }

    /// Stores the checksum of a file with this stamp. If that isn't possible, the file will be read again
    /// next time.
    pub fn store(&self, path: &Path, stamp: &FileStamp, checksum: u128) {
        self.with_loaded(|loaded| {
            let key = key(path, stamp);
            if let Err(error) = append(&loaded.file, &line(&key, checksum)) {
                log::debug!("{} isn't added to: {error}", loaded.file.display());
            }
            loaded.checksums.insert(key, checksum);
        });
    }

    fn with_loaded<T>(&self, act: impl FnOnce(&mut Loaded) -> T) -> Option<T> {
        let file = self.file.as_ref()?;
        let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
        if loaded.as_ref().is_none_or(|loaded| loaded.file != *file) {
            let _ = shorten(file);
            *loaded = Some(Loaded { file: file.clone(), read_to: 0, checksums: HashMap::new() });
        }
        loaded.as_mut().map(act)
    }
}

struct Loaded {
    file: PathBuf,
    read_to: u64,
    checksums: HashMap<String, u128>,
}

impl Loaded {
    /// Reads the lines that this or other programs have added.
    fn read_on(&mut self) {
        let read = || -> io::Result<String> {
            let mut file = File::open(&self.file)?;
            // If it is shorter, it was replaced.
            let start = if file.metadata()?.len() < self.read_to { 0 } else { self.read_to };
            file.seek(SeekFrom::Start(start))?;
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes)?;
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        };
        let Ok(text) = read() else { return };
        self.read_to += text.len() as u64;
        self.checksums.extend(text.lines().filter_map(parse));
    }
}

/// A hash of a file's path and stamp.
fn key(path: &Path, stamp: &FileStamp) -> String {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut hash = Sha256::new_with_prefix(path.as_os_str().as_encoded_bytes());
    stamp.add_to(&mut hash);
    fingerprint::finish(hash)
}

fn line(key: &str, checksum: u128) -> String {
    let line = format!("{key} {checksum:032x}");
    format!("{line} {:08x}\n", fingerprint::checksum(line.as_bytes()) as u32)
}

fn parse(text: &str) -> Option<(String, u128)> {
    let mut words = text.split(' ');
    let (key, checksum) = (words.next()?, u128::from_str_radix(words.next()?, 16).ok()?);
    (line(key, checksum).trim_end() == text).then(|| (key.to_owned(), checksum))
}

fn append(file: &Path, line: &str) -> io::Result<()> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    OpenOptions::new().create(true).append(true).open(file)?.write_all(line.as_bytes())
}

/// Removes the older half of a file that has grown too long.
fn shorten(file: &Path) -> io::Result<()> {
    if file.metadata()?.len() <= MAX_BYTES {
        return Ok(());
    }
    let bytes = fs::read(file)?;
    let new = NewFile::beside(file)?;
    // The rest of a line that is cut in two is ignored.
    new.file().write_all(bytes.get(bytes.len() / 2..).unwrap_or_default())?;
    new.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_back_and_damaged_ones_count_for_nothing() {
        let key = fingerprint::of(b"a");
        let text = line(&key, 7 << 100);
        assert_eq!(parse(text.trim_end()), Some((key, 7 << 100)));
        for place in 0..text.len() - 1 {
            let mut bytes = text.clone().into_bytes();
            bytes[place] ^= 1;
            assert_eq!(parse(&String::from_utf8_lossy(&bytes)), None, "{place}");
            assert_eq!(parse(&text[..place]), None, "{place}");
        }
    }
}

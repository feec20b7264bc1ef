//! What files hold, remembered: their checksums by path and stamp, in a small file of the user's cache
//! folder, so that a file which is as it was needn't be read to know it.
//!
//! A line a file, appended by a single call, so that several programs may do so at once. A line that is
//! damaged counts for nothing: that file is read again.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use sha2::{Digest, Sha256};

use super::stamp::Stamp;
use crate::atomic::NewFile;
use crate::fingerprint;
use crate::raster::storage::Storage;

const NAME: &str = "known-files-1";
/// Beyond it the older half leaves: about 60,000 files are left.
const MOST_BYTES: u64 = 12 << 20;

static KNOWN: Mutex<Option<Known>> = Mutex::new(None);

/// What was read of the file so far.
struct Known {
    file: PathBuf,
    read_to: u64,
    checksums: HashMap<String, u128>,
}

/// The checksum of a file in this state, if it is remembered.
pub(in crate::raster) fn find(path: &Path, stamp: &Stamp) -> Option<u128> {
    with(|known| {
        let key = key(path, stamp);
        if !known.checksums.contains_key(&key) {
            known.read_on();
        }
        known.checksums.get(&key).copied()
    })?
}

/// Remembers the checksum of a file in this state. Where that isn't possible, the file is read another time.
pub(in crate::raster) fn remember(path: &Path, stamp: &Stamp, checksum: u128) {
    with(|known| {
        let key = key(path, stamp);
        if let Err(error) = append(&known.file, &line(&key, checksum)) {
            log::debug!("{} isn't added to: {error}", known.file.display());
        }
        known.checksums.insert(key, checksum);
    });
}

/// Without a cache folder nothing is remembered.
fn with<T>(act: impl FnOnce(&mut Known) -> T) -> Option<T> {
    let file = Storage::get().cache?.join(NAME);
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if known.as_ref().is_none_or(|known| known.file != file) {
        let _ = shorten(&file);
        *known = Some(Known { file, read_to: 0, checksums: HashMap::new() });
    }
    known.as_mut().map(act)
}

impl Known {
    /// Takes in what this program or others added.
    fn read_on(&mut self) {
        let read = || -> io::Result<String> {
            let mut file = File::open(&self.file)?;
            // It was made anew.
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

/// Stands for a file in a state.
fn key(path: &Path, stamp: &Stamp) -> String {
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

fn shorten(file: &Path) -> io::Result<()> {
    if file.metadata()?.len() <= MOST_BYTES {
        return Ok(());
    }
    let bytes = fs::read(file)?;
    let new = NewFile::beside(file)?;
    // What is left of a cut line counts for nothing.
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

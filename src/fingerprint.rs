//! Fingerprints: SHA-256 written down.

use std::fmt::Write;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;

use sha2::{Digest, Sha256};

/// The hash of what was put in, in hexadecimal.
pub(crate) fn finish(hash: Sha256) -> String {
    hash.finalize().iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The hash of some bytes, in hexadecimal.
pub(crate) fn of(bytes: &[u8]) -> String {
    finish(Sha256::new_with_prefix(bytes))
}

/// The hash, in hexadecimal, of a part of a file by its samples: its length, its first 64 KiB and 4 KiB at 64 places.
///
/// # Errors
/// When the file can't be read.
pub(crate) fn sampled(file: &mut (impl Read + Seek), part: Range<u64>) -> io::Result<String> {
    const START: u64 = 64 << 10;
    const PLACES: u64 = 64;
    const PIECE: u64 = 4 << 10;
    let length = part.end.saturating_sub(part.start);
    let mut hash = Sha256::new_with_prefix(length.to_le_bytes());
    let mut buffer = Vec::new();
    let mut take = |offset: u64, most: u64| {
        file.seek(SeekFrom::Start(part.start + offset))?;
        file.take(most.min(length.saturating_sub(offset))).read_to_end(&mut buffer)
    };
    take(0, START)?;
    for place in 1..=PLACES {
        // The last piece ends where the part ends.
        let offset = u128::from(length.saturating_sub(PIECE)) * u128::from(place) / u128::from(PLACES);
        take(u64::try_from(offset).unwrap_or(0), PIECE)?;
    }
    hash.update(&buffer);
    Ok(finish(hash))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_hash_of_abc_is_the_standards() {
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(super::of(b"abc"), expected);
    }
}

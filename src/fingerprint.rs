//! Hashes: SHA-256 in hexadecimal, and XXH3 for large amounts of data.

use std::fmt::Write;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;

use sha2::{Digest, Sha256};
use twox_hash::xxhash3_128;

/// How many bytes are read at once.
const PIECE: usize = 1 << 20;

/// Finishes a hash, in hexadecimal.
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

/// XXH3 with 128 bits. It never collides by chance, though it might on purpose, and is as fast as memory.
pub(crate) fn checksum(bytes: &[u8]) -> u128 {
    xxhash3_128::Hasher::oneshot(bytes)
}

/// The [`checksum`] of everything that is read; `None` if `go_on` returns false in between.
///
/// # Errors
/// Those of the reader.
pub(crate) fn checksum_of(reader: &mut impl Read, go_on: &dyn Fn() -> bool) -> io::Result<Option<u128>> {
    let mut hash = xxhash3_128::Hasher::new();
    let mut piece = vec![0; PIECE];
    while go_on() {
        match reader.read(&mut piece) {
            Ok(0) => return Ok(Some(hash.finish_128())),
            Ok(length) => hash.write(piece.get(..length).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

/// A hash, in hexadecimal, of samples of a part of a file: its length, the first 64 KiB, and 4 KiB at 64
/// offsets.
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
        // The last sample ends where the part ends.
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

    #[test]
    fn a_checksum_is_the_same_in_pieces_and_sees_every_bit() {
        let mut bytes: Vec<u8> =
            (0..3_000_001_u32).map(|index| (index.wrapping_mul(index) >> 3) as u8).collect();
        let whole = super::checksum(&bytes);
        assert_eq!(super::checksum_of(&mut &*bytes, &|| true).unwrap(), Some(whole));
        assert_eq!(super::checksum_of(&mut &*bytes, &|| false).unwrap(), None);
        for place in [0, 1 << 20, 3_000_000] {
            bytes[place] ^= 1;
            assert_ne!(super::checksum(&bytes), whole);
            bytes[place] ^= 1;
        }
        // From the test vectors of the reference implementation: XXH3_128bits of nothing.
        assert_eq!(super::checksum(b""), 0x99aa_06d3_0147_98d8_6001_c324_468d_497f);
    }
}

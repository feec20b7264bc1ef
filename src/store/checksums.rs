//! The checksums of a file of embeddings: where each of its batches lies, and XXH3 of its bytes.
//!
//! They stand in a file of their own beside it. A batch is written first, then its record, then the number of
//! records at the start: so a killed program leaves at most one batch without a record, and anything else
//! that is missing was lost since.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::Path;

use crate::fingerprint;

const MAGIC: [u8; 8] = *b"skysums1";
/// Magic, number of records, check.
const HEADER: usize = 24;
/// Start, end, checksum, check.
const RECORD: usize = 40;

/// Where a batch lies in its file, in bytes, and the checksum of those.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sum {
    pub start: u64,
    pub end: u64,
    checksum: u128,
}

impl Sum {
    pub fn new(start: u64, bytes: &[u8]) -> Self {
        Self { start, end: start + bytes.len() as u64, checksum: fingerprint::checksum(bytes) }
    }

    /// The bytes of the batch in those of its file, if they are all there and as they were written.
    pub fn verified<'a>(&self, file: &'a [u8]) -> Option<&'a [u8]> {
        let bytes = file.get(self.range()?)?;
        (fingerprint::checksum(bytes) == self.checksum).then_some(bytes)
    }

    pub fn range(&self) -> Option<Range<usize>> {
        Some(usize::try_from(self.start).ok()?..usize::try_from(self.end).ok()?)
    }

    fn to_bytes(self, index: usize) -> [u8; RECORD] {
        let mut bytes = [0; RECORD];
        bytes[..8].copy_from_slice(&self.start.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.end.to_le_bytes());
        bytes[16..32].copy_from_slice(&self.checksum.to_le_bytes());
        let check = check(&bytes[..32], index);
        bytes[32..].copy_from_slice(&check);
        bytes
    }

    fn of_bytes(bytes: &[u8], index: usize) -> Option<Self> {
        let start = u64::from_le_bytes(*bytes.first_chunk()?);
        let end = u64::from_le_bytes(*bytes.get(8..)?.first_chunk()?);
        let checksum = u128::from_le_bytes(*bytes.get(16..)?.first_chunk()?);
        let sum = Self { start, end, checksum };
        (start <= end && sum.to_bytes(index) == *bytes).then_some(sum)
    }
}

/// A record is only good at its own place.
fn check(bytes: &[u8], index: usize) -> [u8; 8] {
    ((fingerprint::checksum(bytes) as u64) ^ index as u64).to_le_bytes()
}

fn header(records: usize) -> [u8; HEADER] {
    let mut bytes = [0; HEADER];
    bytes[..8].copy_from_slice(&MAGIC);
    bytes[8..16].copy_from_slice(&(records as u64).to_le_bytes());
    let check = check(&bytes[..16], 0);
    bytes[16..].copy_from_slice(&check);
    bytes
}

/// The records of a file.
#[derive(Default)]
pub struct Sums {
    /// `None` for those that are damaged or missing.
    pub records: Vec<Option<Sum>>,
    /// Something else than a record is damaged: how many there are isn't sure.
    pub is_damaged: bool,
}

impl Sums {
    /// Reads what stands beside a file of embeddings.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn read(path: &Path) -> io::Result<Self> {
        let mut bytes = Vec::new();
        match File::open(path) {
            Ok(mut file) => file.read_to_end(&mut bytes)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            Err(error) => return Err(error),
        };
        Ok(Self::parse(&bytes))
    }

    /// How many records a file of so many bytes holds.
    pub fn count(bytes: u64) -> usize {
        usize::try_from(bytes).unwrap_or(0).saturating_sub(HEADER) / RECORD
    }

    fn parse(bytes: &[u8]) -> Self {
        let (start, rest) = bytes.split_at(bytes.len().min(HEADER));
        let count = start.get(8..16).and_then(|count| count.first_chunk().copied()).map(u64::from_le_bytes);
        let count = count.and_then(|count| usize::try_from(count).ok());
        let count = count.filter(|count| header(*count) == *start);
        let records = rest.chunks_exact(RECORD).enumerate();
        let mut records: Vec<_> = records.map(|(index, bytes)| Sum::of_bytes(bytes, index)).collect();
        match count {
            // One more may just be written.
            Some(count) if records.len() == count + 1 && records.last().is_some_and(Option::is_none) => {
                records.pop();
            }
            Some(count) if records.len() < count => records.resize(count, None),
            _ => {}
        }
        Self { records, is_damaged: count.is_none() }
    }
}

/// The file of checksums while batches are added.
pub struct SumsFile {
    file: File,
    records: usize,
}

impl SumsFile {
    /// Begins a file without records, or goes on with one that holds so many.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn open(path: &Path, records: usize) -> io::Result<Self> {
        let mut file = OpenOptions::new().create(true).truncate(false).write(true).open(path)?;
        file.write_all(&header(records))?;
        file.set_len((HEADER + records * RECORD) as u64)?;
        Ok(Self { file, records })
    }

    /// Begins an empty file.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn begin(mut file: File) -> io::Result<Self> {
        file.write_all(&header(0))?;
        Ok(Self { file, records: 0 })
    }

    /// Adds the record of a batch that is written.
    ///
    /// # Errors
    /// When it can't be written; it counts for nothing then.
    pub fn add(&mut self, sum: Sum) -> io::Result<()> {
        let end = (HEADER + self.records * RECORD) as u64;
        let mut write = || {
            self.file.seek(SeekFrom::Start(end))?;
            self.file.write_all(&sum.to_bytes(self.records))?;
            self.file.seek(SeekFrom::Start(0))?;
            self.file.write_all(&header(self.records + 1))
        };
        if let Err(error) = write() {
            // A whole record without its batch would look like damage.
            let _ = self.file.set_len(end);
            return Err(error);
        }
        self.records += 1;
        Ok(())
    }

    /// Nothing more can be written to it, as on a disk that became read-only.
    #[cfg(test)]
    pub fn lock_up(&mut self, path: &Path) {
        self.file = File::open(path).unwrap();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_come_back_and_what_is_damaged_or_missing_is_known() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("0.sums");
        let mut file = SumsFile::open(&path, 0).unwrap();
        let sums = [Sum::new(0, b"first"), Sum::new(5, b"second"), Sum::new(11, b"third")];
        for sum in sums {
            file.add(sum).unwrap();
        }
        drop(file);
        let bytes = std::fs::read(&path).unwrap();
        assert_eq!(Sums::read(&path).unwrap().records, sums.map(Some));
        assert_eq!(sums[1].verified(b"firstsecondthird"), Some(&b"second"[..]));
        assert_eq!(sums[1].verified(b"firstsecOndthird"), None);
        assert_eq!(sums[2].verified(b"firstsecond"), None);
        for place in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[place] ^= 1;
            let parsed = Sums::parse(&damaged);
            let good = parsed.records.iter().flatten().count();
            assert!(parsed.is_damaged || (parsed.records.len(), good) == (3, 2), "{place}");
            let cut = Sums::parse(&bytes[..place]);
            assert!(cut.is_damaged || cut.records.len() == 3 && cut.records.contains(&None), "{place}");
        }
    }

    #[test]
    fn a_record_that_a_kill_left_unfinished_counts_for_nothing() {
        let mut bytes = header(1).to_vec();
        bytes.extend(Sum::new(0, b"first").to_bytes(0));
        let next = Sum::new(5, b"second").to_bytes(1);
        for length in 0..=RECORD {
            let file = [&bytes[..], &next[..length]].concat();
            let parsed = Sums::parse(&file);
            assert!(!parsed.is_damaged && parsed.records.iter().all(Option::is_some));
            assert_eq!(parsed.records.len(), if length == RECORD { 2 } else { 1 });
        }
    }
}

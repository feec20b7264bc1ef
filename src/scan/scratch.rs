//! The embeddings of the scan at hand, on disk, so that a new keyword is compared with the windows already
//! seen without encoding them again and without holding them in memory.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};

use super::ScanError;

/// Bytes of a record before its embedding.
const HEAD: usize = 12;

/// A temporary file of (window number, part without data, embedding) records, gone when it is dropped.
pub struct Scratch {
    file: BufWriter<File>,
    embedding_len: usize,
    records: usize,
}

impl Scratch {
    pub fn new(embedding_len: usize) -> Result<Self, ScanError> {
        let file = tempfile::tempfile().map_err(failed)?;
        Ok(Self { file: BufWriter::new(file), embedding_len, records: 0 })
    }

    pub fn append(&mut self, window: usize, nodata: f32, embedding: &[f32]) -> Result<(), ScanError> {
        self.write(window, nodata, embedding).map_err(failed)
    }

    fn write(&mut self, window: usize, nodata: f32, embedding: &[f32]) -> io::Result<()> {
        self.file.write_all(&(window as u64).to_le_bytes())?;
        self.file.write_all(&nodata.to_le_bytes())?;
        for value in embedding {
            self.file.write_all(&value.to_le_bytes())?;
        }
        self.records += 1;
        Ok(())
    }

    /// Calls `visit` with every record, in the order they were appended.
    pub fn for_each(&mut self, visit: impl FnMut(usize, f32, &[f32])) -> Result<(), ScanError> {
        self.read(visit).map_err(failed)
    }

    fn read(&mut self, mut visit: impl FnMut(usize, f32, &[f32])) -> io::Result<()> {
        self.file.flush()?;
        let mut file = self.file.get_ref();
        file.seek(SeekFrom::Start(0))?;
        let mut reader = BufReader::with_capacity(1 << 20, file);
        let mut record = vec![0; HEAD + self.embedding_len * 4];
        let mut embedding = vec![0.0; self.embedding_len];
        for _ in 0..self.records {
            reader.read_exact(&mut record)?;
            let (head, values) = record.split_at(HEAD);
            let (window, nodata) = head.split_at(8);
            let window = window.iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte));
            for (value, bytes) in embedding.iter_mut().zip(values.chunks_exact(4)) {
                *value = f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
            }
            let nodata = nodata.first_chunk().map_or(0.0, |bytes| f32::from_le_bytes(*bytes));
            visit(usize::try_from(window).unwrap_or(usize::MAX), nodata, &embedding);
        }
        file.seek(SeekFrom::End(0))?;
        Ok(())
    }
}

fn failed(source: io::Error) -> ScanError {
    ScanError::Scratch { path: std::env::temp_dir().display().to_string(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_come_back_and_more_can_follow() {
        let mut scratch = Scratch::new(3).unwrap();
        let mut expected = Vec::new();
        for window in [5_usize, 2, 70_000] {
            let embedding = [window as f32, 0.5, -1.0];
            let nodata = if window == 2 { 0.25 } else { 0.0 };
            scratch.append(window, nodata, &embedding).unwrap();
            expected.push((window, nodata, embedding.to_vec()));
            let mut seen = Vec::new();
            scratch
                .for_each(|window, nodata, embedding| seen.push((window, nodata, embedding.to_vec())))
                .unwrap();
            assert_eq!(seen, expected);
        }
    }
}

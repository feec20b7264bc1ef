//! Adding to a file of embeddings.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_ipc::writer::StreamWriter;
use arrow_schema::SchemaRef;

use super::Provenance;
use super::batch::{Part, Record, record_batch, schema};
use super::segment::{Contents, arrow, read};
use crate::atomic::{NewFile, temporary_file};

/// A file that this program appends to.
pub struct Writer {
    file: File,
    /// Held as long as the writer; `None` for a temporary file, which nobody else sees.
    _lock: Option<File>,
    schema: SchemaRef,
    /// Makes the bytes of each batch.
    encoder: StreamWriter<Vec<u8>>,
    embedding_len: usize,
    /// Where the last complete batch ends.
    end: u64,
}

impl Writer {
    /// Opens a file to append to, or begins it. `None` when another program does.
    ///
    /// # Errors
    /// When the file can't be opened, or holds something else.
    pub fn open(
        path: &Path,
        embedding_len: usize,
        provenance: &Provenance,
    ) -> io::Result<Option<(Self, Vec<Part>)>> {
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(lock_path(path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(std::fs::TryLockError::WouldBlock) => return Ok(None),
            Err(std::fs::TryLockError::Error(error)) => return Err(error),
        }
        let open = || OpenOptions::new().create(true).truncate(false).read(true).write(true).open(path);
        let mut file = open()?;
        let mut contents = read(&file, 0, embedding_len)?;
        // A file that can't be replaced, since the disk is full or the system holds it, is good as it is.
        if is_cut_small(&contents.parts) && rewrite(path, &contents, embedding_len).is_ok() {
            file = open()?;
            contents = read(&file, 0, embedding_len)?;
        }
        // Without a single batch it is begun anew, schema and all.
        let (parts, end) = (contents.parts, contents.end);
        let provenance = if end == 0 { provenance } else { &contents.provenance };
        file.set_len(end)?;
        Ok(Some((Self::new(file, Some(lock), embedding_len, provenance, end)?, parts)))
    }

    /// A file without a name that vanishes with the program.
    ///
    /// # Errors
    /// When the folder for temporary files can't be written to.
    pub fn temporary(embedding_len: usize, provenance: &Provenance) -> io::Result<Self> {
        Self::new(temporary_file()?, None, embedding_len, provenance, 0)
    }

    fn new(
        file: File,
        lock: Option<File>,
        embedding_len: usize,
        provenance: &Provenance,
        end: u64,
    ) -> io::Result<Self> {
        let schema = Arc::new(schema(embedding_len, provenance));
        let mut encoder = StreamWriter::try_new(Vec::new(), &schema).map_err(arrow)?;
        if end > 0 {
            // The file begins with it already.
            encoder.get_mut().clear();
        }
        Ok(Self { file, _lock: lock, schema, encoder, embedding_len, end })
    }

    /// Appends windows as one batch. After an error the file holds what it held before.
    ///
    /// # Errors
    /// When the disk is full or gone.
    pub fn append(&mut self, records: &[Record]) -> io::Result<()> {
        let batch = record_batch(&self.schema, records, self.embedding_len).map_err(arrow)?;
        self.encoder.write(&batch).map_err(arrow)?;
        self.file.seek(SeekFrom::Start(self.end))?;
        let bytes = self.encoder.get_ref();
        if let Err(error) = self.file.write_all(bytes) {
            let _ = self.file.set_len(self.end);
            return Err(error);
        }
        self.end += bytes.len() as u64;
        self.encoder.get_mut().clear();
        Ok(())
    }

    /// The batches that were appended since `start`.
    ///
    /// # Errors
    /// When the file can't be read back.
    pub fn read_back(&self, start: u64) -> io::Result<Vec<Part>> {
        Ok(read(&self.file, start, self.embedding_len)?.parts)
    }

    /// The file's length in bytes.
    pub fn end(&self) -> u64 {
        self.end
    }
}

/// Batches from which on a file may be worth to be written anew, and windows of a batch then.
const MANY_BATCHES: usize = 64;
const LARGE_BATCH: usize = 4096;

/// Whether a file has many batches that are far smaller than they could be.
fn is_cut_small(parts: &[Part]) -> bool {
    let windows: usize = parts.iter().map(Part::len).sum();
    parts.len() > MANY_BATCHES && windows / parts.len() < LARGE_BATCH / 8
}

/// Writes a file anew with large batches: a scan's small ones take a hundred times as long to open. Whoever holds the old
/// file open keeps it.
fn rewrite(path: &Path, contents: &Contents, embedding_len: usize) -> io::Result<()> {
    let new = NewFile::beside(path)?;
    let mut writer = Writer::new(new.file().try_clone()?, None, embedding_len, &contents.provenance, 0)?;
    let mut records = Vec::with_capacity(LARGE_BATCH);
    for part in &contents.parts {
        for row in 0..part.len() {
            records.push(part.record(row, embedding_len));
            if records.len() == LARGE_BATCH {
                writer.append(&records)?;
                records.clear();
            }
        }
    }
    if !records.is_empty() {
        writer.append(&records)?;
    }
    // What it replaces can only be made again by a scan.
    writer.file.sync_data()?;
    new.finish()
}

/// The file beside it that says by its lock that somebody appends. On some systems a lock would keep others from
/// reading the file itself.
pub fn lock_path(path: &Path) -> PathBuf {
    path.with_extension("lock")
}
#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::store::{WindowKey, to_half};

    fn record(x: u32) -> Record {
        let embedding = to_half(&[0.5, x as f32, -1.0]);
        Record { key: WindowKey { x, y: 7, side: 64 }, nodata: 0.25, embedding }
    }

    fn keys(parts: &[Part]) -> Vec<u32> {
        parts.iter().flat_map(|part| (0..part.len()).map(|row| part.key(row).x)).collect()
    }

    fn provenance() -> Provenance {
        Provenance { scene: "a.tif".to_owned(), ..Provenance::default() }
    }

    #[test]
    fn what_is_appended_comes_back_and_more_can_follow() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("0.arrows");
        for round in 0..3 {
            let (mut writer, parts) = Writer::open(&path, 3, &provenance()).unwrap().unwrap();
            assert_eq!(keys(&parts).len(), round * 3);
            let before = writer.end();
            writer.append(&[record(1), record(2)]).unwrap();
            writer.append(&[record(3)]).unwrap();
            assert_eq!(keys(&writer.read_back(before).unwrap()), [1, 2, 3]);
        }
        let contents = read(&File::open(&path).unwrap(), 0, 3).unwrap();
        assert_eq!(contents.provenance.scene, "a.tif");
        assert_eq!(contents.parts[0].nodata(), [0.25, 0.25]);
        assert_eq!(contents.parts[0].embeddings()[3..], to_half(&[0.5, 2.0, -1.0]));
        assert_eq!(contents.parts[0].key(1), WindowKey { x: 2, y: 7, side: 64 });
    }

    #[test]
    fn a_batch_that_was_cut_off_anywhere_is_all_that_is_lost() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("0.arrows");
        let (mut writer, _) = Writer::open(&path, 3, &provenance()).unwrap().unwrap();
        writer.append(&[record(1)]).unwrap();
        let first = writer.end();
        writer.append(&[record(2)]).unwrap();
        drop(writer);
        let bytes = std::fs::read(&path).unwrap();
        for cut in 0..bytes.len() {
            std::fs::write(&path, &bytes[..cut]).unwrap();
            let (mut writer, parts) = Writer::open(&path, 3, &provenance()).unwrap().unwrap();
            let kept = if (cut as u64) < first { vec![] } else { vec![1] };
            assert_eq!(keys(&parts), kept, "cut at {cut}");
            writer.append(&[record(9)]).unwrap();
            let all = keys(&writer.read_back(0).unwrap());
            assert_eq!(all, [kept, vec![9]].concat(), "cut at {cut}");
        }
    }

    #[test]
    fn many_small_batches_become_a_large_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("0.arrows");
        let (mut writer, _) = Writer::open(&path, 3, &provenance()).unwrap().unwrap();
        for x in 0..200 {
            writer.append(&[record(x)]).unwrap();
        }
        let reading = read(&File::open(&path).unwrap(), 0, 3).unwrap();
        drop(writer);
        let (mut writer, parts) = Writer::open(&path, 3, &provenance()).unwrap().unwrap();
        assert_eq!((parts.len(), keys(&parts)), (1, (0..200).collect()));
        assert_eq!(parts[0].embeddings()[3..6], record(1).embedding);
        writer.append(&[record(200)]).unwrap();
        assert_eq!(keys(&writer.read_back(0).unwrap()).len(), 201);
        assert_eq!(keys(&reading.parts), (0..200).collect::<Vec<_>>(), "the old file is still read");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2, "the file and its lock");
    }

    #[test]
    fn two_writers_never_share_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("0.arrows");
        let first = Writer::open(&path, 3, &provenance()).unwrap();
        assert!(first.is_some());
        assert!(Writer::open(&path, 3, &provenance()).unwrap().is_none());
        drop(first);
        assert!(Writer::open(&path, 3, &provenance()).unwrap().is_some());
    }

    #[test]
    fn another_kind_of_file_is_refused_and_garbage_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("0.arrows");
        let (mut writer, _) = Writer::open(&path, 2, &provenance()).unwrap().unwrap();
        writer.append(&[Record { embedding: to_half(&[0.0, 1.0]), ..record(1) }]).unwrap();
        drop(writer);
        assert!(Writer::open(&path, 3, &provenance()).is_err());
        std::fs::write(&path, [0xff; 999]).unwrap();
        assert!(Writer::open(&path, 3, &provenance()).unwrap().unwrap().1.is_empty());
    }
}

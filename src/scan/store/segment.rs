//! One file of embeddings: an Arrow IPC stream that grows by a record batch at a time.
//!
//! `pyarrow.ipc.open_stream` reads it. A batch is written by a single call, so that a killed program leaves at most
//! one batch cut off; that is found and removed when the file is next opened for writing. A stream has no footer that
//! would have to be written at the end.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::builder::{Float16Builder, Float32Builder, UInt32Builder};
use arrow_array::cast::AsArray;
use arrow_array::types::{Float16Type, Float32Type, UInt32Type};
use arrow_array::{ArrayRef, FixedSizeListArray, RecordBatch};
use arrow_buffer::Buffer;
use arrow_ipc::reader::StreamDecoder;
use arrow_ipc::writer::StreamWriter;
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use half::f16;
use half::slice::HalfFloatSliceExt;

use super::{Provenance, WindowKey};
use crate::atomic::NewFile;
use crate::guard;

/// A window as it is stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    pub key: WindowKey,
    /// The part of the window without data, 0 to 1; 1 means that there was nothing to encode.
    pub nodata: f32,
    /// L2-normalised; empty where there was nothing to encode.
    pub embedding: Vec<f16>,
}

/// The windows of one record batch, in the file's memory.
#[derive(Clone)]
pub struct Part {
    batch: RecordBatch,
}

impl Part {
    pub fn len(&self) -> usize {
        self.batch.num_rows()
    }

    pub fn key(&self, row: usize) -> WindowKey {
        let column = |index: usize| self.batch.column(index).as_primitive::<UInt32Type>().value(row);
        WindowKey { x: column(0), y: column(1), side: column(2) }
    }

    pub fn nodata(&self) -> &[f32] {
        self.batch.column(4).as_primitive::<Float32Type>().values()
    }

    fn record(&self, row: usize, embedding_len: usize) -> Record {
        let nodata = self.nodata()[row];
        let values = row * embedding_len..(row + 1) * embedding_len;
        let embedding = if nodata < 1.0 { self.embeddings()[values].to_vec() } else { Vec::new() };
        Record { key: self.key(row), nodata, embedding }
    }

    /// The embeddings of all windows, one after the other.
    pub fn embeddings(&self) -> &[f16] {
        self.batch.column(5).as_fixed_size_list().values().as_primitive::<Float16Type>().values()
    }
}

/// What the columns are. A window is square; `width` and `height` are there for those who read the file.
fn schema(embedding_len: usize, provenance: &Provenance) -> Schema {
    let number = |name: &str| Field::new(name, DataType::UInt32, false);
    let item = Arc::new(Field::new_list_field(DataType::Float16, false));
    let length = i32::try_from(embedding_len).unwrap_or(i32::MAX);
    Schema::new_with_metadata(
        vec![
            number("x"),
            number("y"),
            number("width"),
            number("height"),
            Field::new("nodata", DataType::Float32, false),
            Field::new("embedding", DataType::FixedSizeList(item, length), false),
        ],
        provenance.to_metadata(),
    )
}

fn record_batch(
    schema: &SchemaRef,
    records: &[Record],
    embedding_len: usize,
) -> Result<RecordBatch, ArrowError> {
    let column = |value: fn(&Record) -> u32| -> ArrayRef {
        let mut builder = UInt32Builder::with_capacity(records.len());
        for record in records {
            builder.append_value(value(record));
        }
        Arc::new(builder.finish())
    };
    let mut nodata = Float32Builder::with_capacity(records.len());
    let mut values = Float16Builder::with_capacity(records.len() * embedding_len);
    for record in records {
        nodata.append_value(record.nodata);
        if record.embedding.is_empty() {
            (0..embedding_len).for_each(|_| values.append_value(f16::ZERO));
        } else {
            values.append_slice(&record.embedding);
        }
    }
    let item = Arc::new(Field::new_list_field(DataType::Float16, false));
    let length = i32::try_from(embedding_len).unwrap_or(i32::MAX);
    let embeddings = FixedSizeListArray::try_new(item, length, Arc::new(values.finish()), None)?;
    let columns: Vec<ArrayRef> = vec![
        column(|record| record.key.x),
        column(|record| record.key.y),
        column(|record| record.key.side),
        column(|record| record.key.side),
        Arc::new(nodata.finish()),
        Arc::new(embeddings),
    ];
    RecordBatch::try_new(Arc::clone(schema), columns)
}

/// What a file holds up to the last complete batch.
pub struct Contents {
    pub provenance: Provenance,
    pub parts: Vec<Part>,
    /// Where the next batch belongs, in bytes.
    pub end: u64,
}

/// Reads a file's batches from `start`, which is 0 or where an earlier reading ended.
///
/// # Errors
/// When the file can't be read, or isn't one of ours.
pub fn read(file: &File, start: u64, embedding_len: usize) -> io::Result<Contents> {
    let length = file.metadata()?.len();
    let whole = Buffer::from(bytes::Bytes::from_owner(map(file, length)?));
    let mut decoder = StreamDecoder::new();
    let mut decode = |bytes: &mut Buffer| guard::catch(|| decoder.decode(bytes)).map_err(damaged);
    let mut rest = whole.clone();
    if start > 0 {
        // Batches are only understood after the schema, the first message.
        decode(&mut whole.slice_with_length(0, schema_length(&whole).min(whole.len())))?.map_err(arrow)?;
        rest.advance(usize::try_from(start).unwrap_or(usize::MAX).min(whole.len()));
    }
    let mut contents = Contents { provenance: Provenance::default(), parts: Vec::new(), end: start };
    while !rest.is_empty() {
        // What follows a damaged place can't be told apart; those windows are encoded again.
        let Ok(Some(batch)) = decode(&mut rest)? else { break };
        if contents.parts.is_empty() {
            contents.provenance = Provenance::of_metadata(batch.schema_ref().metadata());
            if *batch.schema_ref().as_ref() != schema(embedding_len, &contents.provenance) {
                return Err(damaged("its columns are not those of embeddings by this model".to_owned()));
            }
        }
        contents.end = length - rest.len() as u64;
        contents.parts.push(Part { batch });
    }
    Ok(contents)
}

/// The bytes of the schema's message: a marker, the size of what follows, and that. It has no body.
fn schema_length(stream: &[u8]) -> usize {
    let size = stream.get(4..8).and_then(|bytes| bytes.first_chunk()).copied().map_or(0, u32::from_le_bytes);
    (size as usize).saturating_add(8)
}

/// What made a file, and how long its embeddings are; `None` when it holds none yet.
///
/// # Errors
/// When it can't be read.
pub fn about(file: &File) -> io::Result<Option<(Provenance, usize)>> {
    let length = file.metadata()?.len();
    let whole = Buffer::from(bytes::Bytes::from_owner(map(file, length)?));
    let mut decoder = StreamDecoder::new();
    // The decoder takes a message in when it sees that there is more.
    let mut first = whole.slice_with_length(0, schema_length(&whole).saturating_add(4).min(whole.len()));
    guard::catch(|| decoder.decode(&mut first)).map_err(damaged)?.map_err(arrow)?;
    let Some(schema) = decoder.schema() else { return Ok(None) };
    let Ok(DataType::FixedSizeList(_, length)) = schema.field_with_name("embedding").map(Field::data_type)
    else {
        return Ok(None);
    };
    let length = usize::try_from(*length).unwrap_or_default();
    Ok(Some((Provenance::of_metadata(schema.metadata()), length)))
}

fn damaged(what: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// The first `length` bytes of a file in memory, without reading them.
#[expect(unsafe_code, reason = "mapping a file is only sound while nobody shortens it")]
fn map(file: &File, length: u64) -> io::Result<memmap2::Mmap> {
    let length =
        usize::try_from(length).map_err(|_| damaged("it is too large for this machine".to_owned()))?;
    // SAFETY: files of embeddings are only appended to. Whoever cuts one off holds its lock and takes away no more
    // than an incomplete batch, which nobody looks at; removing the file leaves what is mapped alone.
    unsafe { memmap2::MmapOptions::new().len(length).map(file) }
}

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
        Self::new(tempfile::tempfile()?, None, embedding_len, provenance, 0)
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

/// Half precision: its error of 2^-11 changes a cosine by about 1e-5.
pub fn to_half(embedding: &[f32]) -> Vec<f16> {
    let mut half = vec![f16::ZERO; embedding.len()];
    half.convert_from_f32_slice(embedding);
    half
}

fn arrow(error: ArrowError) -> io::Error {
    match error {
        ArrowError::IoError(_, error) => error,
        other => damaged(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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

//! One file of embeddings: an Arrow IPC stream that grows by a record batch at a time.
//!
//! `pyarrow.ipc.open_stream` reads it. A batch is written by a single call, so that a killed program leaves
//! at most one batch cut off; that is found and removed when the file is next opened for writing. A stream
//! has no footer that would have to be written at the end. Nothing of it is believed but what agrees with its
//! checksum ([`super::checksums`]).

use std::fs::File;
use std::io::{self, Read};

use arrow_buffer::Buffer;
use arrow_ipc::reader::StreamDecoder;
use arrow_ipc::writer::StreamWriter;
use arrow_schema::{ArrowError, DataType, Field, Schema};
use rayon::iter::{IntoParallelRefIterator, ParallelIterator};

use super::Provenance;
use super::batch::{StoredBatch, schema};
use super::checksums::BatchChecksum;
use crate::{guard, mapped_file};

/// Bytes in which the schema of a file must lie.
const MOST_SCHEMA_BYTES: u64 = 1 << 20;

/// What is good of some batches of a file.
#[derive(Default)]
pub struct SegmentContents {
    pub batches: Vec<StoredBatch>,
    /// Batches that are not as they were written, or not there any more, or that should never have been
    /// written.
    pub damaged: usize,
}

/// Reads the batches that some records speak of, and looks at each of their bytes; on all cores.
///
/// # Errors
/// When the file can't be read.
pub fn read(
    file: &File,
    records: &[Option<BatchChecksum>],
    embedding_len: usize,
) -> io::Result<SegmentContents> {
    if records.is_empty() {
        return Ok(SegmentContents::default());
    }
    let end = records.iter().flatten().map(|sum| sum.end).max().unwrap_or(0);
    // What was cut off is not there to be mapped.
    let whole = mapped_file::map(file, 0..end.min(file.metadata()?.len()))?;
    let whole = Buffer::from(bytes::Bytes::from_owner(whole));
    let batches: Vec<Option<StoredBatch>> = records
        .par_iter()
        .map_init(BatchReader::default, |reader, sum| reader.read(&whole, (*sum)?, embedding_len))
        .collect();
    let damaged = batches.iter().filter(|batch| batch.is_none()).count();
    Ok(SegmentContents { batches: batches.into_iter().flatten().collect(), damaged })
}

/// What a thread keeps from batch to batch.
#[derive(Default)]
struct BatchReader {
    /// `None` after a batch that it failed at.
    decoder: Option<StreamDecoder>,
    widened: Vec<f32>,
}

impl BatchReader {
    /// The batch that a record speaks of, if it is as it was written and holds nothing but directions.
    fn read(&mut self, whole: &Buffer, sum: BatchChecksum, embedding_len: usize) -> Option<StoredBatch> {
        sum.verified(whole)?;
        let mut decoder = self.decoder.take().or_else(|| primed(embedding_len))?;
        let batch = decode(&mut decoder, whole, sum)?;
        self.decoder = Some(decoder);
        batch.is_normalised(embedding_len, &mut self.widened).then_some(batch)
    }
}

/// A decoder that knows the columns, whichever batch comes first.
fn primed(embedding_len: usize) -> Option<StreamDecoder> {
    let schema = schema(embedding_len, &Provenance::default());
    let writer = StreamWriter::try_new(Vec::new(), &schema).ok()?;
    let mut decoder = StreamDecoder::new();
    let mut message = Buffer::from(writer.get_ref().clone());
    guard::catch(|| decoder.decode(&mut message)).ok()?.ok()?;
    Some(decoder)
}

/// The batch that a record speaks of; `None` when it isn't one of embeddings.
fn decode(decoder: &mut StreamDecoder, whole: &Buffer, sum: BatchChecksum) -> Option<StoredBatch> {
    let range = sum.range()?;
    let mut bytes = whole.slice_with_length(range.start, range.len());
    if range.start == 0 {
        // The first batch comes after the file's own schema.
        bytes.advance(schema_length(&bytes).min(bytes.len()));
    }
    let record_batch = guard::catch(|| decoder.decode(&mut bytes)).ok()?.ok()??;
    bytes.is_empty().then_some(StoredBatch { record_batch })
}

/// The bytes of the schema's message: a marker, the size of what follows, and that. It has no body.
fn schema_length(stream: &[u8]) -> usize {
    let size = stream.get(4..8).and_then(|bytes| bytes.first_chunk()).copied().map_or(0, u32::from_le_bytes);
    (size as usize).saturating_add(8)
}

/// The columns and what is said of them at the start of a file; `None` when it is no Arrow stream.
pub fn schema_of(mut file: &File) -> io::Result<Option<Schema>> {
    let mut start = vec![0; 8];
    let mut take = |bytes: &mut Vec<u8>, most: usize| -> io::Result<()> {
        bytes.clear();
        Read::by_ref(&mut file).take(most as u64).read_to_end(bytes)?;
        Ok(())
    };
    take(&mut start, 8)?;
    let length = schema_length(&start);
    if start.len() < 8 || length as u64 > MOST_SCHEMA_BYTES {
        return Ok(None);
    }
    let mut rest = Vec::new();
    // The decoder takes a message in when it sees that there is more.
    take(&mut rest, length - 8 + 4)?;
    start.extend(rest);
    let mut decoder = StreamDecoder::new();
    let mut message = Buffer::from(start);
    if !guard::catch(|| decoder.decode(&mut message)).is_ok_and(|decoded| decoded.is_ok()) {
        return Ok(None);
    }
    Ok(decoder.schema().map(|schema| schema.as_ref().clone()))
}

/// How long the embeddings of a schema are.
pub fn embedding_len(schema: &Schema) -> Option<usize> {
    match schema.field_with_name("embedding").map(Field::data_type) {
        Ok(DataType::FixedSizeList(_, length)) => usize::try_from(*length).ok(),
        _ => None,
    }
}

fn damaged(what: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

pub(super) fn arrow(error: ArrowError) -> io::Error {
    match error {
        ArrowError::IoError(_, error) => error,
        other => damaged(other.to_string()),
    }
}

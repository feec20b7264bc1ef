//! One file of embeddings: an Arrow IPC stream that grows by a record batch at a time.
//!
//! `pyarrow.ipc.open_stream` reads it. A batch is written by a single call, so that a killed program leaves at most
//! one batch cut off; that is found and removed when the file is next opened for writing. A stream has no footer that
//! would have to be written at the end.

use std::fs::File;
use std::io;

use arrow_buffer::Buffer;
use arrow_ipc::reader::StreamDecoder;
use arrow_schema::{ArrowError, DataType, Field};

use super::Provenance;
use super::batch::{Part, schema};
use crate::guard;

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
pub(super) fn arrow(error: ArrowError) -> io::Error {
    match error {
        ArrowError::IoError(_, error) => error,
        other => damaged(other.to_string()),
    }
}

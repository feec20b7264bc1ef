//! The record batches of a file of embeddings: which columns they have, and how windows become one.

use std::sync::Arc;

use arrow_array::builder::{Float16Builder, Float32Builder, UInt32Builder};
use arrow_array::cast::AsArray;
use arrow_array::types::{Float16Type, Float32Type, UInt32Type};
use arrow_array::{ArrayRef, FixedSizeListArray, RecordBatch};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use half::f16;
use half::slice::HalfFloatSliceExt;

use super::Provenance;
use crate::windows::WindowKey;

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
pub struct StoredBatch {
    pub(super) record_batch: RecordBatch,
}

impl StoredBatch {
    pub fn len(&self) -> usize {
        self.record_batch.num_rows()
    }

    pub fn key(&self, row: usize) -> WindowKey {
        let column = |index: usize| self.record_batch.column(index).as_primitive::<UInt32Type>().value(row);
        WindowKey { x: column(0), y: column(1), side: column(2) }
    }

    pub fn nodata(&self) -> &[f32] {
        self.record_batch.column(4).as_primitive::<Float32Type>().values()
    }

    pub(super) fn record(&self, row: usize, embedding_len: usize) -> Record {
        let nodata = self.nodata()[row];
        let values = row * embedding_len..(row + 1) * embedding_len;
        let embedding = if nodata < 1.0 { self.embeddings()[values].to_vec() } else { Vec::new() };
        Record { key: self.key(row), nodata, embedding }
    }

    /// The embeddings of all windows, one after the other.
    pub fn embeddings(&self) -> &[f16] {
        self.record_batch.column(5).as_fixed_size_list().values().as_primitive::<Float16Type>().values()
    }
}

/// What the columns are. A window is square; `width` and `height` are there for those who read the file.
pub(super) fn schema(embedding_len: usize, provenance: &Provenance) -> Schema {
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

pub(super) fn record_batch(
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
/// About the bytes that a window takes on disk.
pub fn window_bytes(embedding_len: usize) -> u64 {
    // Four numbers, the part without data, and two bytes a value.
    20 + 2 * embedding_len as u64
}

/// Half precision: its error of 2^-11 changes a cosine by about 1e-5.
pub fn to_half(embedding: &[f32]) -> Vec<f16> {
    let mut half = vec![f16::ZERO; embedding.len()];
    half.convert_from_f32_slice(embedding);
    half
}

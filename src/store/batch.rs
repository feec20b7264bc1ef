//! The record batches of a file of embeddings: which columns they have, and how windows become one.

// What is not inlined is compiled for the least instruction set.
#![allow(clippy::inline_always)]

use std::sync::Arc;

use arrow_array::builder::{Float16Builder, Float32Builder, UInt32Builder};
use arrow_array::cast::AsArray;
use arrow_array::types::{Float16Type, Float32Type, UInt32Type};
use arrow_array::{ArrayRef, FixedSizeListArray, RecordBatch};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use half::f16;
use half::slice::HalfFloatSliceExt;
use pulp::{Arch, Simd, WithSimd};

use super::Provenance;
use crate::windows::WindowKey;

/// How far the length of a stored embedding is from one at most: far more than half precision makes of it.
const OFF: f32 = 1e-2;
/// Sums that run side by side, so that they can be added at once.
const LANES: usize = 16;

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
    pub(super) batch: RecordBatch,
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

    pub(super) fn record(&self, row: usize, embedding_len: usize) -> Record {
        let nodata = self.nodata()[row];
        let values = row * embedding_len..(row + 1) * embedding_len;
        let embedding = if nodata < 1.0 { self.embeddings()[values].to_vec() } else { Vec::new() };
        Record { key: self.key(row), nodata, embedding }
    }

    /// Whether every window with data has an embedding of length one, without which its cosines would mean
    /// nothing.
    pub(super) fn is_normalised(&self, embedding_len: usize, widened: &mut Vec<f32>) -> bool {
        let rows = self.nodata().iter().zip(self.embeddings().chunks_exact(embedding_len.max(1)));
        widened.resize(embedding_len, 0.0);
        let arch = Arch::new();
        let mut with_data = rows.filter(|(nodata, _)| **nodata < 1.0);
        with_data.all(|(_, embedding)| {
            embedding.convert_to_f32_slice(widened);
            (arch.dispatch(Squares(widened)).sqrt() - 1.0).abs() <= OFF
        })
    }

    /// The embeddings of all windows, one after the other.
    pub fn embeddings(&self) -> &[f16] {
        self.batch.column(5).as_fixed_size_list().values().as_primitive::<Float16Type>().values()
    }
}

/// The sum of all squares; not a number when one of them isn't.
struct Squares<'a>(&'a [f32]);

impl WithSimd for Squares<'_> {
    type Output = f32;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> f32 {
        let mut lanes = [0.0_f32; LANES];
        let (chunks, rest) = self.0.as_chunks::<LANES>();
        for chunk in chunks {
            for (lane, value) in lanes.iter_mut().zip(chunk) {
                *lane += value * value;
            }
        }
        lanes.iter().sum::<f32>() + rest.iter().map(|value| value * value).sum::<f32>()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Collection, Store};

    fn record(x: u32, embedding: &[f32]) -> Record {
        let key = WindowKey { x, y: 0, side: 64 };
        Record { key, nodata: 0.5, embedding: to_half(embedding) }
    }

    #[test]
    fn what_is_no_direction_is_damage_whatever_its_checksum_says() {
        let good: Vec<f32> = (0..50).map(|i| (i as f32).sin() / 5.0).collect();
        let length = good.iter().map(|value| value * value).sum::<f32>().sqrt();
        let good: Vec<f32> = good.iter().map(|value| value / length).collect();
        let with = |index: usize, value: f32| {
            let mut wrong = good.clone();
            wrong[index] = value;
            wrong
        };
        let scaled = |by: f32| good.iter().map(|value| value * by).collect::<Vec<f32>>();
        let wrongs = [
            with(0, f32::NAN),
            with(49, f32::NAN),
            with(17, f32::INFINITY),
            with(48, 60_000.0),
            vec![0.0; 50],
            scaled(1.02),
            scaled(0.98),
        ];
        for (case, wrong) in wrongs.iter().enumerate() {
            let root = tempfile::tempdir().unwrap();
            let store = Store::new(root.path());
            let open = || Collection::open(Some(&store), Provenance::default(), 50).unwrap();
            let mut collection = open();
            let empty = Record { nodata: 1.0, embedding: Vec::new(), ..record(2, &good) };
            collection.append(&[record(1, &good), empty]).unwrap();
            collection.append(&[record(3, &good), record(4, wrong)]).unwrap();
            drop(collection);
            let mut collection = open();
            let told = collection.take_notices();
            assert!(told.len() == 1 && told[0].contains("damaged"), "{case}: {told:?}");
            let mut found: Vec<u32> = collection.in_order().iter().map(|(key, _)| key.x).collect();
            assert_eq!(found, [1, 2], "{case}");
            // It left the file, and comes back when it is encoded again.
            collection.append(&[record(3, &good), record(4, &good)]).unwrap();
            drop(collection);
            let mut collection = open();
            assert_eq!(collection.take_notices(), Vec::<String>::new(), "{case}");
            found = collection.in_order().iter().map(|(key, _)| key.x).collect();
            assert_eq!(found, [1, 2, 3, 4], "{case}");
        }
    }
}

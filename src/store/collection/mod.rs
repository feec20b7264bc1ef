//! The embeddings of one scene by one model.

mod append;
mod open;

use std::collections::HashMap;
use std::path::PathBuf;

use half::f16;

use super::claims::Claims;
use super::writer::SegmentWriter;
use super::{Provenance, StoredBatch, inventory};
use crate::windows::WindowKey;

/// Where a window is found: the number of its batch, and its row there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowId {
    pub batch: u32,
    pub row: u32,
}

/// Embeddings that are there, and room for more. Only the places of windows are in memory, about 30 bytes
/// each; the embeddings are mapped from disk.
pub struct Collection {
    provenance: Provenance,
    embedding_len: usize,
    batches: Vec<StoredBatch>,
    index: HashMap<WindowKey, WindowId>,
    writer: Option<SegmentWriter>,
    /// How many batches of the writer's file are among `batches`.
    own_read: usize,
    /// The files of other programs, with the number of their batches that are among `batches`.
    others: HashMap<PathBuf, usize>,
    /// Appended and not yet among `batches`.
    pending: usize,
    remarks: Vec<String>,
    /// Where it is kept; `None` for a temporary one, and for one that is only looked at.
    kept: Option<KeptFolder>,
    /// What a person should know: what is damaged, why something can't be kept.
    notices: Vec<String>,
}

/// The place of a collection that is added to.
struct KeptFolder {
    folder: PathBuf,
    claims: Claims,
}

impl Collection {
    fn empty(provenance: Provenance, embedding_len: usize) -> Self {
        Self {
            provenance,
            embedding_len,
            batches: Vec::new(),
            index: HashMap::new(),
            writer: None,
            own_read: 0,
            others: HashMap::new(),
            pending: 0,
            remarks: Vec::new(),
            kept: None,
            notices: Vec::new(),
        }
    }

    fn take(&mut self, batches: Vec<StoredBatch>) {
        for batch in batches {
            let number = u32::try_from(self.batches.len()).unwrap_or(u32::MAX);
            for row in 0..batch.len() {
                let id = WindowId { batch: number, row: row as u32 };
                // The first counts: what two programs encoded at once is the same.
                self.index.entry(batch.key(row)).or_insert(id);
            }
            self.batches.push(batch);
        }
    }

    /// What a person should know, once.
    pub fn take_notices(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notices)
    }

    /// The bytes that the collection takes in its store; `None` when it isn't kept, or not all of it.
    #[must_use]
    pub fn kept_bytes(&self) -> Option<u64> {
        let kept = self.kept.as_ref()?;
        let is_there = self.writer.as_ref().is_some_and(SegmentWriter::is_in_place);
        inventory::measure(&kept.folder).ok().flatten().map(|(bytes, _)| bytes).filter(|_| is_there)
    }

    #[must_use]
    pub fn provenance(&self) -> &Provenance {
        &self.provenance
    }

    #[must_use]
    pub fn embedding_len(&self) -> usize {
        self.embedding_len
    }

    /// The number of different windows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.index.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// Where a window is, if it was encoded. Windows that were appended since [`Self::batches`] are not
    /// found.
    #[must_use]
    pub fn find(&self, key: WindowKey) -> Option<WindowId> {
        self.index.get(&key).copied()
    }

    /// The embedding of a window; `None` when it isn't there or has no data.
    #[must_use]
    pub fn embedding(&self, key: WindowKey) -> Option<Vec<f32>> {
        let (nodata, values) = self.window(self.find(key)?)?;
        (nodata < 1.0).then(|| values.iter().map(|value| value.to_f32()).collect())
    }

    /// All different windows, row by row.
    #[must_use]
    pub fn in_order(&self) -> Vec<(WindowKey, WindowId)> {
        let mut windows: Vec<_> = self.index.iter().map(|(key, id)| (*key, *id)).collect();
        windows.sort_unstable_by_key(|(key, _)| *key);
        windows
    }

    /// The part of a window without data, and its embedding.
    #[must_use]
    pub fn window(&self, id: WindowId) -> Option<(f32, &[f16])> {
        let (batch, row) = (self.batches.get(id.batch as usize)?, id.row as usize);
        let values = batch.embeddings().get(row * self.embedding_len..(row + 1) * self.embedding_len)?;
        Some((*batch.nodata().get(row)?, values))
    }

    /// What was told of the scene while windows of it were read.
    #[must_use]
    pub fn remarks(&self) -> &[String] {
        &self.remarks
    }

    /// All batches so far, the windows of each in the order in which they were encoded.
    #[must_use]
    pub fn batches(&self) -> &[StoredBatch] {
        &self.batches
    }
}

#[cfg(test)]
mod tests;

//! Adding to a collection, beside other programs that do.

use std::io;
use std::path::Path;

use super::Collection;
use crate::store::claims::alone;
use crate::store::files::{NewBatches, new_batches};
use crate::store::writer::SegmentWriter;
use crate::store::{Provenance, Record, Store, remarks};
use crate::windows::WindowKey;

/// Windows that are copied at once.
const COPIED_TOGETHER: usize = 1024;

impl Collection {
    /// Appends windows as one batch, but for those that another program stored meanwhile; they are on disk
    /// when this returns. When the disk is full or the store gone, a temporary file goes on, and a notice
    /// says so.
    ///
    /// # Errors
    /// When neither can be written.
    pub fn append(&mut self, records: &[Record]) -> io::Result<()> {
        let _alone = self.kept.as_ref().and_then(|kept| alone(&kept.folder));
        self.look_around();
        let is_new = |record: &&Record| !self.index.contains_key(&record.key);
        let new = records.iter().filter(is_new).count();
        let some: Vec<Record>;
        let records = if new == records.len() {
            records
        } else {
            some = records.iter().filter(is_new).cloned().collect();
            &some
        };
        if records.is_empty() {
            return Ok(());
        }
        let Some(writer) = &mut self.writer else {
            return Err(io::Error::other("these embeddings were opened to be read"));
        };
        let Err(error) = writer.append(records) else {
            self.pending += records.len();
            return Ok(());
        };
        let Some(kept) = self.kept.take() else { return Err(error) };
        self.refresh()?;
        let mut temporary = SegmentWriter::temporary(self.embedding_len, &self.provenance)?;
        temporary.append(records)?;
        self.pending = records.len();
        self.writer = Some(temporary);
        self.own_read = 0;
        self.notices.push(format!("embeddings can't be kept in {} any more: {error}", kept.folder.display()));
        Ok(())
    }

    /// Keeps what was told of the scene while its windows were read, where these are kept.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn remark(&mut self, told: Vec<String>) -> io::Result<()> {
        let kept = self.kept.as_ref().filter(|_| self.remarks != told);
        let outcome = kept.map_or(Ok(()), |kept| remarks::add(&kept.folder, &told));
        // Also where it failed, which is to be told once.
        self.remarks = told;
        outcome
    }

    /// Takes what was appended among the batches.
    ///
    /// # Errors
    /// When it can't be read back.
    pub fn refresh(&mut self) -> io::Result<()> {
        if self.pending == 0 {
            return Ok(());
        }
        let Some(writer) = &self.writer else { return Ok(()) };
        let (contents, count) = (writer.read_back(self.own_read)?, writer.batch_count());
        if contents.damaged > 0 {
            return Err(io::Error::other(
                "embeddings that were only just written are damaged; look at the disk",
            ));
        }
        self.take(contents.batches);
        self.own_read = count;
        self.pending = 0;
        Ok(())
    }

    /// Takes what other programs appended among the batches.
    pub fn look_around(&mut self) {
        let Some(kept) = &self.kept else { return };
        let own = self.writer.as_ref().and_then(SegmentWriter::path).map(Path::to_owned);
        let added = new_batches(&kept.folder, own.as_deref(), &self.others, self.embedding_len);
        for NewBatches { path, count, batches } in added {
            self.take(batches);
            self.others.insert(path, count);
        }
    }

    /// Says that windows are about to be encoded; for each whether that is this program's task. The others
    /// are being encoded by another one, which stores them or lets go of them within a bounded time.
    pub fn claim(&mut self, keys: &[WindowKey]) -> Vec<bool> {
        let Some(kept) = &mut self.kept else { return vec![true; keys.len()] };
        let _alone = alone(&kept.folder);
        kept.claims.claim(keys)
    }

    /// Says that nothing is being encoded any more.
    pub fn release(&self) {
        if let Some(kept) = &self.kept {
            kept.claims.release();
        }
    }

    /// A temporary collection becomes that of a scene in a store: its windows are added to what is there.
    ///
    /// # Errors
    /// When they can't be read back, or not even a temporary file can be made.
    pub fn move_to(&mut self, store: &Store, provenance: Provenance) -> io::Result<()> {
        self.refresh()?;
        let mut kept = Self::open(Some(store), provenance, self.embedding_len)?;
        let mut records = Vec::with_capacity(COPIED_TOGETHER);
        for batch in &self.batches {
            for row in 0..batch.len() {
                records.push(batch.record(row, self.embedding_len));
                if records.len() == COPIED_TOGETHER {
                    kept.append(&records)?;
                    records.clear();
                }
            }
        }
        kept.append(&records)?;
        kept.refresh()?;
        if !self.remarks.is_empty()
            && let Err(error) = kept.remark(std::mem::take(&mut self.remarks))
        {
            kept.notices.push(remarks::lost(&error));
        }
        kept.notices.splice(0..0, self.take_notices());
        *self = kept;
        Ok(())
    }

    /// Nothing more can be written to its own file, or to that of checksums.
    #[cfg(test)]
    pub(in crate::store) fn lock_up(&mut self, sums: bool) {
        if let Some(writer) = &mut self.writer {
            writer.lock_up(sums);
        }
    }
}

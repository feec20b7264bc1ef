//! Windows that are ready: encoded, written down and ranked.

use half::f16;

use super::Pass;
use crate::scan::ranking::NO_WINDOW;
use crate::scan::reader::Ready;
use crate::scan::scanner::Link;
use crate::scan::store::{Record, to_half};
use crate::scan::{Encoder, Event, Layout, ScanError};

/// Windows without data wait for company up to this many before they are written down.
const EMPTY_TOGETHER: usize = 1024;

impl Pass {
    /// Gives a window the embedding of an earlier one of the same colour. Returns whether there was one.
    pub(super) fn keep_as_known_color(
        &mut self,
        layout: &Layout,
        window: &Ready,
        link: &Link,
    ) -> Result<bool, ScanError> {
        let known = window.color.and_then(|color| self.uniform.get(&color)).cloned();
        let Some(embedding) = known else { return Ok(false) };
        self.keep(&[record(layout, window, embedding)], link)?;
        Ok(true)
    }

    /// Notes a window without data; it is written down with others. Where something of the scene could not be read, that
    /// may be why: such a window is looked at again by the next scan.
    pub(super) fn keep_empty(&mut self, layout: &Layout, window: u32, link: &Link) -> Result<(), ScanError> {
        if self.request.scene.notices().of_reading().is_empty() {
            let key = layout.key(window as usize);
            self.empty.push(Record { key, nodata: 1.0, embedding: Vec::new() });
            if self.empty.len() >= EMPTY_TOGETHER {
                self.write_empty(link)?;
            }
        }
        self.skipped += 1;
        self.done += 1;
        Ok(())
    }

    /// Encodes a batch and keeps it. Returns whether the ranking changed.
    pub(super) fn encode_batch(
        &mut self,
        layout: &Layout,
        batch: &[Ready],
        encoder: &mut dyn Encoder,
        link: &Link,
    ) -> Result<bool, ScanError> {
        let mut input = Vec::with_capacity(batch.iter().map(|window| window.input.len()).sum());
        for window in batch {
            input.extend_from_slice(&window.input);
        }
        let embeddings = encoder.encode_images(&input)?;
        let mut records = Vec::with_capacity(batch.len());
        for (ready, embedding) in batch.iter().zip(embeddings.chunks_exact(self.card.embedding_len)) {
            let embedding = to_half(embedding);
            if let Some(color) = ready.color {
                self.uniform.insert(color, embedding.clone());
            }
            records.push(record(layout, ready, embedding));
        }
        self.keep(&records, link)
    }

    /// Writes windows down and ranks them, unless they only say where to look. Returns whether the ranking changed.
    fn keep(&mut self, records: &[Record], link: &Link) -> Result<bool, ScanError> {
        if let Some(notice) = self.seen.append(records)? {
            link.tell(Event::Notice(notice));
        }
        self.done += records.len();
        let layout = &self.layouts.compared;
        let number = |record: &Record| layout.find(record.key).map_or(NO_WINDOW, |window| window as u32);
        let windows: Vec<u32> = records.iter().map(number).collect();
        let nodata: Vec<f32> = records.iter().map(|record| record.nodata).collect();
        let embeddings: Vec<f16> =
            records.iter().flat_map(|record| record.embedding.iter().copied()).collect();
        Ok(self.ranker.push(&windows, &nodata, &embeddings))
    }

    /// Keeps what was told of the scene while it was read beside its windows.
    pub(super) fn keep_remarks(&mut self, link: &Link) {
        let told = self.request.scene.notices().of_reading();
        if told.len() > self.seen.collection.remarks().len()
            && let Err(error) = self.seen.collection.remark(told)
        {
            link.tell(Event::Notice(format!("what there is to know of the scene can't be kept: {error}")));
        }
    }

    pub(super) fn write_empty(&mut self, link: &Link) -> Result<(), ScanError> {
        let empty = std::mem::take(&mut self.empty);
        if !empty.is_empty()
            && let Some(notice) = self.seen.append(&empty)?
        {
            link.tell(Event::Notice(notice));
        }
        Ok(())
    }
}

fn record(layout: &Layout, window: &Ready, embedding: Vec<f16>) -> Record {
    Record { key: layout.key(window.window as usize), nodata: window.nodata, embedding }
}

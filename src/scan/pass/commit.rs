//! Committing windows: they are encoded, stored and ranked.

use half::f16;

use super::ScanPass;
use crate::encoder::Encoder;
use crate::scan::reader::PreparedWindow;
use crate::scan::scanner::ScannerLink;
use crate::scan::{Event, ScanError};
use crate::search::NO_WINDOW;
use crate::store::{Record, lost_remarks, to_half};
use crate::windows::WindowLayout;

/// Windows without data wait for company up to this many before they are written down, and so many of known
/// colours.
const EMPTY_TOGETHER: usize = 1024;
const PLAIN_TOGETHER: usize = 64;

impl ScanPass {
    /// Gives a window the embedding of an earlier one of the same colour; it is written down with others.
    /// Returns whether there was one.
    pub(super) fn commit_known_color(
        &mut self,
        layout: &WindowLayout,
        window: &PreparedWindow,
        link: &ScannerLink,
    ) -> Result<bool, ScanError> {
        let known = window.color.and_then(|color| self.uniform.get(&color)).cloned();
        let Some(embedding) = known else { return Ok(false) };
        self.plain.push(record(layout, window, embedding));
        if self.plain.len() >= PLAIN_TOGETHER {
            self.write_plain(link)?;
        }
        Ok(true)
    }

    /// Notes a window without data; it is written down with others. Where something of the scene could not be
    /// read, that may be why: such a window is looked at again by the next scan.
    pub(super) fn commit_empty(
        &mut self,
        layout: &WindowLayout,
        window: u32,
        link: &ScannerLink,
    ) -> Result<(), ScanError> {
        let key = layout.key(window as usize);
        if let Some(arrived) = self.layouts.compared.find(key).and_then(|window| self.arrived.get_mut(window))
        {
            *arrived = true;
        }
        if self.request.scene.notices().of_reading().is_empty() {
            self.empty.push(Record { key, nodata: 1.0, embedding: Vec::new() });
            if self.empty.len() >= EMPTY_TOGETHER {
                self.write_empty(link)?;
            }
        }
        self.skipped += 1;
        self.done += 1;
        Ok(())
    }

    /// Encodes a batch and commits it. Returns whether the ranking changed.
    pub(super) fn encode_batch(
        &mut self,
        layout: &WindowLayout,
        batch: &[PreparedWindow],
        encoder: &mut dyn Encoder,
        link: &ScannerLink,
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
        self.commit(&records, link)
    }

    /// Writes windows down and ranks them, unless they only say where to look. Returns whether the ranking
    /// changed.
    pub(super) fn commit(&mut self, records: &[Record], link: &ScannerLink) -> Result<bool, ScanError> {
        if records.is_empty() || !self.is_unchanged() {
            return Ok(false);
        }
        self.encoded.append(records)?;
        self.tell_of_store(link);
        let mut windows = Vec::with_capacity(records.len());
        for record in records {
            let window = self.layouts.compared.find(record.key);
            let arrived = window.and_then(|window| self.arrived.get_mut(window));
            // What another program stored meanwhile was counted and ranked when it was taken over.
            let is_new = arrived.is_none_or(|arrived| !std::mem::replace(arrived, true));
            self.done += usize::from(is_new);
            windows.push(window.filter(|_| is_new).map_or(NO_WINDOW, |window| window as u32));
        }
        let nodata: Vec<f32> = records.iter().map(|record| record.nodata).collect();
        let embeddings: Vec<f16> =
            records.iter().flat_map(|record| record.embedding.iter().copied()).collect();
        Ok(self.ranker.push(&windows, &nodata, &embeddings))
    }

    /// Keeps what was told of the scene while it was read beside its windows.
    pub(super) fn commit_remarks(&mut self, link: &ScannerLink) {
        let told = self.request.scene.notices().of_reading();
        if told.len() > self.encoded.collection.remarks().len()
            && let Err(error) = self.encoded.collection.remark(told)
        {
            link.tell(Event::Notice(lost_remarks(&error)));
        }
    }

    fn write_plain(&mut self, link: &ScannerLink) -> Result<bool, ScanError> {
        let plain = std::mem::take(&mut self.plain);
        self.commit(&plain, link)
    }

    fn write_empty(&mut self, link: &ScannerLink) -> Result<(), ScanError> {
        let empty = std::mem::take(&mut self.empty);
        if empty.is_empty() || self.is_unchanged() {
            self.encoded.append(&empty)?;
            self.tell_of_store(link);
        } else {
            self.skipped -= empty.len();
            self.done -= empty.len();
        }
        Ok(())
    }

    /// Writes down what waits for company.
    pub(super) fn write_waiting(&mut self, link: &ScannerLink) -> Result<(), ScanError> {
        self.write_plain(link)?;
        self.write_empty(link)
    }
}

fn record(layout: &WindowLayout, window: &PreparedWindow, embedding: Vec<f16>) -> Record {
    Record { key: layout.key(window.window as usize), nodata: window.nodata, embedding }
}

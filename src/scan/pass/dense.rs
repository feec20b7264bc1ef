//! The encode loop of a dense scan: readers prepare blocks of cells, the encoder takes one for each core.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError};

use super::encode_loop::RANKING_PAUSE;
use super::{End, ScanPass};
use crate::encoder::{CellModel, Encoder, PictureSize};
use crate::scan::blocks::BlockQueue;
use crate::scan::cell_reader::{CellReader, PreparedCells, read_cell_blocks};
use crate::scan::read_ahead::{PATIENCE, read_ahead};
use crate::scan::scanner::ScannerLink;
use crate::scan::speed::Speed;
use crate::scan::{Event, ScanError};
use crate::store::{Record, to_half};
use crate::windows::WindowLayout;

/// What the readers hand over.
type ReadCells = Result<PreparedCells, ScanError>;

impl ScanPass {
    /// Encodes all cells of the layout that have no embedding yet. What other programs encode at the same
    /// time is left to them, and only looked for at the end.
    pub(super) fn encode_cells(
        &mut self,
        model: CellModel,
        speed: &mut Speed,
        encoder: &mut dyn Encoder,
        link: &ScannerLink,
    ) -> Result<End, ScanError> {
        let layout = self.layouts.compared.clone();
        self.in_rounds(&layout, encoder, link, |pass, encoder, only| {
            pass.encode_cell_round(&layout, model, only, speed, encoder, link)
        })
    }

    fn encode_cell_round(
        &mut self,
        layout: &WindowLayout,
        model: CellModel,
        only: Option<&HashSet<usize>>,
        speed: &mut Speed,
        encoder: &mut dyn Encoder,
        link: &ScannerLink,
    ) -> Result<End, ScanError> {
        let (scene, preprocessor) = (Arc::clone(&self.request.scene), encoder.preprocessor());
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let readers: Vec<CellReader> = (0..layout.grids().len())
            .map(|grid| CellReader::new(&*scene, &*preprocessor, layout, grid, model, cores))
            .collect();
        let shapes: Vec<(usize, usize)> = readers.iter().map(|reader| reader.cut.shape()).collect();
        let needed = |cell| only.is_none_or(|only| only.contains(&cell)) && !self.is_encoded(layout, cell);
        let queue = Mutex::new(BlockQueue::new(layout, &shapes, needed, self.request.view));
        let pictures: Vec<PictureSize> = readers.iter().map(|reader| reader.cut.picture()).collect();
        read_ahead(
            &*scene,
            cores,
            |stop, sender| read_cell_blocks(&readers, &queue, stop, sender),
            |prepared| self.encode_blocks(layout, &pictures, cores, prepared, &queue, speed, encoder, link),
        )
    }

    /// Takes blocks as they become ready, encodes those of one grid together and ranks their cells.
    #[expect(clippy::too_many_arguments, reason = "what a round of the loop is about")]
    fn encode_blocks(
        &mut self,
        layout: &WindowLayout,
        pictures: &[PictureSize],
        together: usize,
        prepared: &Receiver<ReadCells>,
        queue: &Mutex<BlockQueue>,
        speed: &mut Speed,
        encoder: &mut dyn Encoder,
        link: &ScannerLink,
    ) -> Result<End, ScanError> {
        let (mut ranked, mut changed) = (Instant::now(), false);
        let mut pause = RANKING_PAUSE;
        let mut blocks: Vec<PreparedCells> = Vec::new();
        loop {
            let received = prepared.recv_timeout(PATIENCE);
            if let Some(end) = self.handle_commands(queue, encoder, link)? {
                return Ok(end);
            }
            self.settle(Duration::ZERO, encoder, link)?;
            changed |= self.take_over(layout, queue);
            let next = match received {
                Ok(Ok(block)) => Some(block),
                Ok(Err(gone)) if gone.is_lasting() => {
                    self.gone.get_or_insert(gone);
                    continue;
                }
                Ok(Err(error)) => return Err(error),
                Err(RecvTimeoutError::Timeout) => continue,
                Err(RecvTimeoutError::Disconnected) => None,
            };
            let is_full = blocks.len() >= together
                || blocks.first().zip(next.as_ref()).is_some_and(|(first, next)| first.grid != next.grid);
            if is_full || next.is_none() {
                changed |= self.encode_together(layout, &mut blocks, pictures, encoder, link)?;
                while let Some(notice) = encoder.take_notice() {
                    link.tell(Event::Notice(notice));
                    self.card = encoder.card();
                }
                if changed && ranked.elapsed() >= pause {
                    let began = Instant::now();
                    self.rank(true)?;
                    // Regions are found anew in all cells so far, which may take a tenth of the time.
                    pause = RANKING_PAUSE.max(10 * began.elapsed());
                    (ranked, changed) = (Instant::now(), false);
                }
                self.commit_remarks(link);
                let (windows_per_second, seconds_left) = speed.after(self.done);
                let progress = self.progress(windows_per_second, seconds_left);
                link.tell(Event::Batch { progress, ranking: self.ranking() });
            }
            match next {
                None => return Ok(End::Complete),
                Some(_) if self.changed => return Ok(End::Complete),
                Some(block) => blocks.push(block),
            }
        }
    }

    /// Encodes blocks of one grid and commits their cells. Returns whether the ranking changed.
    fn encode_together(
        &mut self,
        layout: &WindowLayout,
        blocks: &mut Vec<PreparedCells>,
        pictures: &[PictureSize],
        encoder: &mut dyn Encoder,
        link: &ScannerLink,
    ) -> Result<bool, ScanError> {
        for block in blocks.iter_mut() {
            self.count_failed(block);
            self.leave_to_others(layout, &mut block.cells, |(cell, ..)| *cell);
            let empty: Vec<u32> =
                block.cells.iter().filter(|(_, nodata, _)| *nodata >= 1.0).map(|(cell, ..)| *cell).collect();
            block.cells.retain(|(_, nodata, _)| *nodata < 1.0);
            for cell in empty {
                self.commit_empty(layout, cell, link)?;
            }
        }
        blocks.retain(|block| !block.cells.is_empty());
        let Some(picture) = blocks.first().map(|block| pictures[block.grid]) else { return Ok(false) };
        let input: Vec<f32> = blocks.iter().flat_map(|block| &block.input).copied().collect();
        let embeddings = encoder.encode_cells(&input, picture)?;
        let length = self.card.embedding_len;
        let mut records = Vec::new();
        for (block, embeddings) in blocks.drain(..).zip(embeddings.chunks_exact(picture.area() * length)) {
            for (cell, nodata, place) in block.cells {
                let embedding = to_half(&embeddings[place * length..(place + 1) * length]);
                records.push(Record { key: layout.key(cell as usize), nodata, embedding });
            }
        }
        self.commit(&records, link)
    }

    fn count_failed(&mut self, block: &mut PreparedCells) {
        let Some((cells, why)) = block.failed.take() else { return };
        for _ in &cells {
            self.failed.add(&why);
        }
        self.done += cells.len();
    }
}

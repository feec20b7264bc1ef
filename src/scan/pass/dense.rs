//! The encode loop of a scan over cells: blocks of them, a few at a time.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use super::encode_loop::RANKING_PAUSE;
use super::{End, ScanPass};
use crate::encoder::{CellModel, Encoder};
use crate::scan::blocks::BlockQueue;
use crate::scan::cells::{CellBlock, CellBlocks, CellReader, PreparedBlock};
use crate::scan::scanner::ScannerLink;
use crate::scan::speed::Speed;
use crate::scan::{Event, ScanError};
use crate::store::{Record, to_half};

impl ScanPass {
    /// Encodes all cells of the layout that have no embedding yet.
    pub(super) fn encode_cells(
        &mut self,
        model: CellModel,
        speed: &mut Speed,
        encoder: &mut dyn Encoder,
        link: &ScannerLink,
    ) -> Result<End, ScanError> {
        let layout = self.layouts.compared.clone();
        let Some(grid) = layout.grids().first() else { return Ok(End::Complete) };
        let (rows, columns) = (grid.rows(), grid.columns());
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let cut = CellBlocks::new(rows, columns, model, cores);
        let (scene, preprocessor) = (Arc::clone(&self.request.scene), encoder.preprocessor());
        let side = grid.settings().window_pixels();
        let reader = CellReader { scene: &*scene, preprocessor: &*preprocessor, side, model };
        // Blocks of cells have an order of their own.
        let nothing = Mutex::new(BlockQueue::new(&layout, &[], |_| false, None));
        let cells = |block: &CellBlock| -> Vec<usize> {
            block
                .rows
                .clone()
                .flat_map(|row| block.columns.clone().map(move |column| row * columns + column))
                .collect()
        };
        let needed =
            |pass: &Self, cell: usize| layout.area_of(cell).is_some() && !pass.is_encoded(&layout, cell);
        let blocks: Vec<CellBlock> = cut.blocks().collect();
        let mut told: Option<Instant> = None;
        for some in blocks.chunks(cores) {
            if let Some(end) = self.handle_commands(&nothing, encoder, link)? {
                return Ok(end);
            }
            let mut ready: Vec<(&CellBlock, PreparedBlock)> = Vec::new();
            for block in some {
                let wanted = cells(block).into_iter().filter(|cell| needed(self, *cell)).count();
                if wanted == 0 {
                    continue;
                }
                match reader.read(block) {
                    Ok(prepared) => ready.push((block, prepared)),
                    Err(gone) if gone.is_lasting() => {
                        self.gone.get_or_insert(gone);
                        return Ok(End::Complete);
                    }
                    Err(error) => {
                        for _ in 0..wanted {
                            self.failed.add(&error);
                        }
                        self.done += wanted;
                    }
                }
            }
            let input: Vec<f32> = ready.iter().flat_map(|(_, prepared)| &prepared.input).copied().collect();
            let embeddings = encoder.encode_cells(&input, cut.picture())?;
            let length = self.card.embedding_len;
            let mut changed = false;
            for ((block, prepared), embeddings) in
                ready.iter().zip(embeddings.chunks_exact(cut.picture().area() * length))
            {
                let mut records = Vec::new();
                for (cell, nodata) in cells(block).into_iter().zip(&prepared.nodata) {
                    if !needed(self, cell) {
                        continue;
                    }
                    if *nodata >= 1.0 {
                        self.commit_empty(&layout, cell as u32, link)?;
                        continue;
                    }
                    let place = block.place(cell / columns, cell % columns);
                    let embedding = to_half(&embeddings[place * length..(place + 1) * length]);
                    records.push(Record { key: layout.key(cell), nodata: *nodata, embedding });
                }
                changed |= self.commit(&records, link)?;
            }
            while let Some(notice) = encoder.take_notice() {
                link.tell(Event::Notice(notice));
                self.card = encoder.card();
            }
            if changed && told.is_none_or(|told| told.elapsed() >= RANKING_PAUSE) {
                self.rank(false)?;
                told = Some(Instant::now());
            }
            self.settle(std::time::Duration::ZERO, encoder, link)?;
            self.commit_remarks(link);
            let (windows_per_second, seconds_left) = speed.after(self.done);
            let progress = self.progress(windows_per_second, seconds_left);
            link.tell(Event::Batch { progress, ranking: self.ranking() });
            if self.changed {
                break;
            }
        }
        Ok(End::Complete)
    }
}

//! The encode loop: readers prepare windows, the encoder takes them in batches.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError};

use super::coarse_to_fine::Promises;
use super::{End, ScanPass};
use crate::encoder::Encoder;
use crate::scan::blocks::BlockQueue;
use crate::scan::read_ahead::{PATIENCE, ReadResult, lock, read_ahead, read_blocks};
use crate::scan::reader::{PreparedWindow, ReadWindow, WindowReader};
use crate::scan::scanner::ScannerLink;
use crate::scan::speed::Speed;
use crate::scan::{Command, Event, ScanError};
use crate::windows::WindowLayout;

/// The ranking is told at most this often; the counters with every batch.
pub(super) const RANKING_PAUSE: Duration = Duration::from_millis(100);

/// Windows a side of a block in a scan that looks at promising places first.
const SMALL_BLOCK: usize = 4;

/// Why a batch is filled no further.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Filled {
    /// It is full, or there is news.
    Part,
    /// Only windows without data came for a while.
    Paused,
    /// There are no more windows.
    Complete,
}

impl ScanPass {
    /// Encodes all windows of a layout that have no embedding yet; promising places first, if any are. What
    /// other programs encode at the same time is left to them, and only looked for at the end.
    pub(super) fn encode_layout(
        &mut self,
        layout: &WindowLayout,
        promises: Option<&Promises>,
        speed: &mut Speed,
        encoder: &mut dyn Encoder,
        link: &ScannerLink,
    ) -> Result<End, ScanError> {
        self.in_rounds(layout, encoder, link, |pass, encoder, only| {
            let promises = promises.filter(|_| only.is_none());
            pass.encode_round(layout, promises, only, speed, encoder, link)
        })
    }

    /// Encodes the windows of a layout that have no embedding yet, or those of them that are among `only`.
    fn encode_round(
        &mut self,
        layout: &WindowLayout,
        promises: Option<&Promises>,
        only: Option<&HashSet<usize>>,
        speed: &mut Speed,
        encoder: &mut dyn Encoder,
        link: &ScannerLink,
    ) -> Result<End, ScanError> {
        let scene = Arc::clone(&self.request.scene);
        let preprocessor = encoder.preprocessor();
        let readers: Vec<WindowReader> = layout
            .grids()
            .iter()
            .map(|grid| WindowReader::new(&*scene, layout, grid, &*preprocessor, self.options))
            .collect();
        let most = if promises.is_some() { SMALL_BLOCK } else { usize::MAX };
        let shape = |reader: &WindowReader| {
            let (across, down) = reader.block_shape();
            (across.min(most), down.min(most))
        };
        let shapes: Vec<(usize, usize)> = readers.iter().map(shape).collect();
        let needed =
            |window| only.is_none_or(|only| only.contains(&window)) && !self.is_encoded(layout, window);
        let mut queue = BlockQueue::new(layout, &shapes, needed, self.request.view);
        if let Some(promises) = promises {
            let before = queue.windows();
            queue.prioritise(|block| promises.of(block), promises.share);
            let left_out = before - queue.windows();
            self.done += left_out;
            self.left_out += left_out;
        }
        let queue = Mutex::new(queue);
        read_ahead(
            &*scene,
            2 * self.card.batch_size,
            |stop, sender| read_blocks(&readers, layout, &queue, stop, sender),
            |prepared| self.encode(layout, prepared, &queue, speed, encoder, link),
        )
    }

    /// Takes windows as they become ready, encodes them in batches and ranks them.
    fn encode(
        &mut self,
        layout: &WindowLayout,
        prepared: &Receiver<ReadResult>,
        queue: &Mutex<BlockQueue>,
        speed: &mut Speed,
        encoder: &mut dyn Encoder,
        link: &ScannerLink,
    ) -> Result<End, ScanError> {
        let mut told = None;
        let mut told_done = self.done;
        let mut changed = false;
        let mut batch = Vec::with_capacity(self.card.batch_size);
        loop {
            let filled = self.fill(layout, &mut batch, prepared, link)?;
            if let Some(end) = self.handle_commands(queue, encoder, link)? {
                return Ok(end);
            }
            self.settle(Duration::ZERO, encoder, link)?;
            changed |= self.take_over(layout, queue);
            self.leave_to_others(layout, &mut batch, |ready| ready.window);
            // What others took out of a batch is made up for.
            let is_short = batch.len() < self.card.batch_size && filled == Filled::Part && !link.has_news();
            // What waits for company waits a little longer while only windows without data come.
            if !batch.is_empty() && filled != Filled::Paused && !is_short {
                changed |= self.encode_batch(layout, &batch, encoder, link)?;
                batch.clear();
                while let Some(notice) = encoder.take_notice() {
                    link.tell(Event::Notice(notice));
                    self.card = encoder.card();
                }
                if changed && told.is_none_or(|told: Instant| told.elapsed() >= RANKING_PAUSE) {
                    self.rank(false)?;
                    changed = false;
                    told = Some(Instant::now());
                }
            }
            if self.done > told_done {
                self.commit_remarks(link);
                told_done = self.done;
                let (windows_per_second, seconds_left) = speed.after(self.done);
                let progress = self.progress(windows_per_second, seconds_left);
                link.tell(Event::Batch { progress, ranking: self.ranking() });
            }
            if filled == Filled::Complete || self.changed {
                return Ok(End::Complete);
            }
        }
    }

    /// Collects windows until the batch is full, there are no more, or it's time to look whether the scan
    /// should stop.
    fn fill(
        &mut self,
        layout: &WindowLayout,
        batch: &mut Vec<PreparedWindow>,
        prepared: &Receiver<ReadResult>,
        link: &ScannerLink,
    ) -> Result<Filled, ScanError> {
        let began = Instant::now();
        while batch.len() < self.card.batch_size {
            match prepared.recv_timeout(PATIENCE) {
                Ok(Ok(ReadWindow::Ready(PreparedWindow { window, .. }) | ReadWindow::Empty(window)))
                    if self.is_encoded(layout, window as usize) =>
                {
                    // Another program was faster; what is compared was counted when it was taken over.
                    if self.layouts.compared.find(layout.key(window as usize)).is_none() {
                        self.reused += 1;
                        self.done += 1;
                    }
                }
                Ok(Ok(ReadWindow::Ready(window))) => {
                    if !self.commit_known_color(layout, &window, link)? {
                        batch.push(window);
                    } else if link.has_news() || began.elapsed() >= PATIENCE {
                        return Ok(Filled::Paused);
                    }
                }
                Ok(Ok(ReadWindow::Empty(window))) => {
                    self.commit_empty(layout, window, link)?;
                    // There may be hours of them, which must not hide how far the scan is, nor a
                    // cancellation.
                    if link.has_news() || began.elapsed() >= PATIENCE {
                        return Ok(Filled::Paused);
                    }
                }
                Ok(Err(gone)) if gone.is_lasting() => {
                    self.gone.get_or_insert(gone);
                }
                Ok(Err(error)) => {
                    self.failed.add(&error);
                    self.done += 1;
                    // There may be hours of them, too.
                    if link.has_news() || began.elapsed() >= PATIENCE {
                        return Ok(Filled::Paused);
                    }
                }
                Err(RecvTimeoutError::Disconnected) => return Ok(Filled::Complete),
                Err(RecvTimeoutError::Timeout) if link.has_news() => return Ok(Filled::Part),
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
        Ok(Filled::Part)
    }

    /// Carries out what was asked meanwhile. Returns how the scan ends when it should not go on.
    pub(super) fn handle_commands(
        &mut self,
        queue: &Mutex<BlockQueue>,
        encoder: &mut dyn Encoder,
        link: &ScannerLink,
    ) -> Result<Option<End>, ScanError> {
        if link.cancelled() {
            return Ok(Some(End::Cancelled(None)));
        }
        loop {
            match link.next_command() {
                Ok(Command::SetView(view)) => lock(queue).set_view(view),
                Ok(Command::SetQuery(query)) => {
                    if let Err(error) = self.set_query(query, encoder, &|| false) {
                        // What was asked is wrong; the scan isn't.
                        link.tell(Event::Refused(error.to_string()));
                    } else {
                        link.tell(Event::Ranked { ranking: self.ranking() });
                    }
                }
                Ok(command) => return Ok(Some(End::Cancelled(Some(Box::new(command))))),
                Err(crossbeam_channel::TryRecvError::Empty) => return Ok(None),
                Err(crossbeam_channel::TryRecvError::Disconnected) => return Ok(Some(End::Cancelled(None))),
            }
        }
    }
}

//! One pass of the model over a scene's windows.
//!
//! Reader threads decode and resize, the scanner's own thread encodes and ranks; a bounded channel of windows
//! lies between them, so that neither side waits for long and memory stays small.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};

use super::blocks::{Block, BlockQueue};
use super::ranking::{Ranker, Words};
use super::reader::{Prepared, Reader, Ready};
use super::scanner::Link;
use super::scratch::Scratch;
use super::{Command, Encoder, EncoderCard, Event, Grid, Query, Ranking, ScanError, ScanRequest};

/// The ranking is told at most this often; the counters with every batch.
const RANKING_PAUSE: Duration = Duration::from_millis(100);

/// How long the encoder waits for a window before it looks whether it should stop.
const PATIENCE: Duration = Duration::from_millis(50);

/// A scan that runs or has run, with all that is needed to answer another query.
pub struct Pass {
    request: ScanRequest,
    grid: Grid,
    card: EncoderCard,
    ranker: Ranker,
    scratch: Scratch,
    /// Embeddings of the sentences that were encoded so far.
    sentences: HashMap<String, Vec<f32>>,
    ranking: Ranking,
    done: usize,
    unreadable: usize,
    /// Windows without any data.
    skipped: usize,
}

impl Pass {
    pub fn new(request: ScanRequest, encoder: &mut dyn Encoder) -> Result<Self, ScanError> {
        let (width, height) = request.scene.size();
        let grid = Grid::new(width, height, request.grid)?;
        let card = encoder.card();
        let mut sentences = HashMap::new();
        let words = embed_words(&request.query, encoder, &mut sentences)?;
        Ok(Self {
            ranker: Ranker::new(words, request.query.rank_by, request.query.top_k),
            scratch: Scratch::new(card.embedding_len)?,
            ranking: Ranking::default(),
            done: 0,
            unreadable: 0,
            skipped: 0,
            request,
            grid,
            card,
            sentences,
        })
    }

    /// The best windows found so far.
    pub fn ranking(&self) -> Ranking {
        Arc::clone(&self.ranking)
    }

    /// Ranks the windows seen so far, and those to come, by another query.
    pub fn set_query(&mut self, query: Query, encoder: &mut dyn Encoder) -> Result<(), ScanError> {
        let words = embed_words(&query, encoder, &mut self.sentences)?;
        let mut ranker = Ranker::new(words, query.rank_by, query.top_k);
        self.scratch.for_each(|window, nodata, embedding| {
            ranker.push(window, nodata, embedding);
        })?;
        self.ranker = ranker;
        self.request.query = query;
        self.rank();
        Ok(())
    }

    fn rank(&mut self) {
        self.ranking = Arc::new(self.ranker.detections(&self.grid));
    }

    /// Scans to the end and tells how it went. Returns the command that ended it early, if one did.
    pub fn run(&mut self, encoder: &mut dyn Encoder, link: &Link) -> Option<Command> {
        let windows = self.grid.len();
        link.tell(Event::Started { windows });
        let started = Instant::now();
        match self.encode_all(encoder, link) {
            Ok(End::Complete) if self.unreadable == windows => {
                link.tell(Event::Failed(
                    "no part of the scene could be read; the file may be damaged".into(),
                ));
            }
            Ok(End::Complete) => {
                self.rank();
                let seconds = started.elapsed().as_secs_f64();
                let skipped = self.skipped;
                let windows = windows - self.unreadable - skipped;
                let (ranking, card) = (self.ranking(), self.card.clone());
                link.tell(Event::Finished { windows, skipped, seconds, ranking, card });
            }
            Ok(End::Cancelled(command)) => {
                self.rank();
                link.tell(Event::Ranked { ranking: self.ranking() });
                link.tell(Event::Cancelled { done: self.done, skipped: self.skipped, windows });
                return command;
            }
            Err(error) => {
                self.rank();
                link.tell(Event::Ranked { ranking: self.ranking() });
                link.tell(Event::Failed(error.to_string()));
            }
        }
        None
    }

    fn encode_all(&mut self, encoder: &mut dyn Encoder, link: &Link) -> Result<End, ScanError> {
        let scene = Arc::clone(&self.request.scene);
        let grid = self.grid.clone();
        let preprocessor = encoder.preprocessor();
        let reader = Reader::new(&*scene, &grid, &*preprocessor, self.card.input_size, self.request.exact);
        let queue = Mutex::new(BlockQueue::new(&grid, reader.block_side(), self.request.view));
        let stop = AtomicBool::new(false);
        let (sender, prepared) = crossbeam_channel::bounded(2 * self.card.batch_size);
        std::thread::scope(|scope| {
            for _ in 0..reader_threads() {
                let sender = sender.clone();
                let (reader, grid, queue, stop) = (&reader, &grid, &queue, &stop);
                scope.spawn(move || read_blocks(reader, grid, queue, stop, &sender));
            }
            drop(sender);
            let end = self.encode(&prepared, &queue, encoder, link);
            stop.store(true, Ordering::Relaxed);
            // A reader may wait for room in the channel: close it before the scope waits for the reader.
            drop(prepared);
            end
        })
    }

    /// Takes windows as they become ready, encodes them in batches and ranks them.
    fn encode(
        &mut self,
        prepared: &Receiver<Read>,
        queue: &Mutex<BlockQueue>,
        encoder: &mut dyn Encoder,
        link: &Link,
    ) -> Result<End, ScanError> {
        let mut speed = Speed::new(self.grid.len());
        let mut told = None;
        let mut told_done = 0;
        let mut changed = false;
        let mut batch = Vec::with_capacity(self.card.batch_size);
        loop {
            let filled = self.fill(&mut batch, prepared, link);
            if let Some(end) = self.obey(queue, encoder, link)? {
                return Ok(end);
            }
            // What waits for company waits a little longer while only windows without data come.
            if !batch.is_empty() && filled != Filled::Paused {
                changed |= self.encode_batch(&batch, encoder)?;
                batch.clear();
                if let Some(notice) = encoder.take_notice() {
                    link.tell(Event::Notice(notice));
                    self.card = encoder.card();
                }
                if changed && told.is_none_or(|told: Instant| told.elapsed() >= RANKING_PAUSE) {
                    self.rank();
                    changed = false;
                    told = Some(Instant::now());
                }
            }
            if self.done > told_done {
                told_done = self.done;
                let (windows_per_second, seconds_left) = speed.after(self.done);
                link.tell(Event::Batch {
                    done: self.done,
                    skipped: self.skipped,
                    windows: self.grid.len(),
                    windows_per_second,
                    seconds_left,
                    ranking: self.ranking(),
                });
            }
            if filled == Filled::Complete {
                return Ok(End::Complete);
            }
        }
    }

    /// Collects windows until the batch is full, there are no more, or it's time to look whether the scan
    /// should stop.
    fn fill(&mut self, batch: &mut Vec<Ready>, prepared: &Receiver<Read>, link: &Link) -> Filled {
        let began = Instant::now();
        while batch.len() < self.card.batch_size {
            match prepared.recv_timeout(PATIENCE) {
                Ok(Ok(Prepared::Ready(window))) => batch.push(window),
                Ok(Ok(Prepared::Empty)) => {
                    self.skipped += 1;
                    self.done += 1;
                    // There may be hours of them, which must not hide how far the scan is, nor a cancellation.
                    if link.has_news() || began.elapsed() >= PATIENCE {
                        return Filled::Paused;
                    }
                }
                Ok(Err(unreadable)) => {
                    if self.unreadable == 0 {
                        let notice =
                            format!("a part of the scene could not be read and is left out: {unreadable}");
                        link.tell(Event::Notice(notice));
                    }
                    self.unreadable += 1;
                    self.done += 1;
                }
                Err(RecvTimeoutError::Disconnected) => return Filled::Complete,
                Err(RecvTimeoutError::Timeout) if link.has_news() => return Filled::Part,
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
        Filled::Part
    }

    fn encode_batch(&mut self, batch: &[Ready], encoder: &mut dyn Encoder) -> Result<bool, ScanError> {
        let mut input = Vec::with_capacity(batch.iter().map(|window| window.input.len()).sum());
        for window in batch {
            input.extend_from_slice(&window.input);
        }
        let embeddings = encoder.encode_images(&input)?;
        let mut changed = false;
        for (ready, embedding) in batch.iter().zip(embeddings.chunks_exact(self.card.embedding_len)) {
            self.scratch.append(ready.window, ready.nodata, embedding)?;
            changed |= self.ranker.push(ready.window, ready.nodata, embedding);
        }
        self.done += batch.len();
        Ok(changed)
    }

    /// Carries out what was asked meanwhile. Returns how the scan ends when it should not go on.
    fn obey(
        &mut self,
        queue: &Mutex<BlockQueue>,
        encoder: &mut dyn Encoder,
        link: &Link,
    ) -> Result<Option<End>, ScanError> {
        if link.cancelled() {
            return Ok(Some(End::Cancelled(None)));
        }
        loop {
            match link.next_command() {
                Ok(Command::SetView(view)) => lock(queue).set_view(view),
                Ok(Command::SetQuery(query)) => self.set_query(query, encoder)?,
                Ok(command) => return Ok(Some(End::Cancelled(Some(command)))),
                Err(crossbeam_channel::TryRecvError::Empty) => return Ok(None),
                Err(crossbeam_channel::TryRecvError::Disconnected) => return Ok(Some(End::Cancelled(None))),
            }
        }
    }
}

/// How a scan ended.
enum End {
    Complete,
    /// Stopped, by the command if there is one.
    Cancelled(Option<Command>),
}

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

/// A window, or why it could not be read.
type Read = Result<Prepared, ScanError>;

/// One of several threads that read blocks until there are none.
fn read_blocks(
    reader: &Reader,
    grid: &Grid,
    queue: &Mutex<BlockQueue>,
    stop: &AtomicBool,
    sender: &Sender<Read>,
) {
    let send = |window| !stop.load(Ordering::Relaxed) && sender.send(window).is_ok();
    loop {
        let Some(block) = lock(queue).next() else { return };
        let go_on = match reader.read(&block, |window| send(Ok(window))) {
            Ok(go_on) => go_on,
            // Something in the block is damaged: save what can be saved, window by window.
            Err(_) => block.windows(grid).all(|window| {
                let single = Block::single(grid, window);
                reader.read(&single, |window| send(Ok(window))).unwrap_or_else(|error| send(Err(error)))
            }),
        };
        if !go_on {
            return;
        }
    }
}

/// Decoding and resizing are a small part of the work; more threads than this only take memory.
fn reader_threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from).clamp(1, 4)
}

fn lock(queue: &Mutex<BlockQueue>) -> std::sync::MutexGuard<'_, BlockQueue> {
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Windows a second and the time left, counted from the first batch on, so that warming up isn't in it.
struct Speed {
    windows: usize,
    first: Option<(Instant, usize)>,
    started: Instant,
}

impl Speed {
    fn new(windows: usize) -> Self {
        Self { windows, first: None, started: Instant::now() }
    }

    /// (windows a second, seconds left) when `done` windows are done.
    fn after(&mut self, done: usize) -> (f64, f64) {
        let (since, before) = self.first.unwrap_or((self.started, 0));
        self.first.get_or_insert((Instant::now(), done));
        let seconds = since.elapsed().as_secs_f64().max(1e-6);
        let windows_per_second = (done - before) as f64 / seconds;
        let left = (self.windows - done) as f64 / windows_per_second.max(1e-9);
        (windows_per_second, left)
    }
}

/// Embeds the words of a query; sentences that were encoded before cost nothing.
fn embed_words(
    query: &Query,
    encoder: &mut dyn Encoder,
    known: &mut HashMap<String, Vec<f32>>,
) -> Result<Words, ScanError> {
    let prompts: Vec<Vec<String>> = query.words().iter().map(|word| query.template.prompts(word)).collect();
    let mut new: Vec<String> =
        prompts.iter().flatten().filter(|p| !known.contains_key(*p)).cloned().collect();
    new.sort_unstable();
    new.dedup();
    if !new.is_empty() {
        let embeddings = encoder.encode_texts(&new)?;
        known.extend(new.into_iter().zip(embeddings));
    }
    let card = encoder.card();
    let mut embeddings = Vec::with_capacity(prompts.len() * card.embedding_len);
    for sentences in &prompts {
        embeddings.extend(mean_embedding(sentences.iter().filter_map(|s| known.get(s)), card.embedding_len));
    }
    Ok(Words {
        keywords: query.keywords.clone(),
        embeddings,
        embedding_len: card.embedding_len,
        logit_scale: card.logit_scale,
    })
}

/// The mean of L2-normalised embeddings, normalised again. One embedding comes back as it is.
fn mean_embedding<'a>(embeddings: impl Iterator<Item = &'a Vec<f32>>, embedding_len: usize) -> Vec<f32> {
    let mut embeddings = embeddings.peekable();
    let mut mean = embeddings.next().cloned().unwrap_or_else(|| vec![0.0; embedding_len]);
    if embeddings.peek().is_none() {
        return mean;
    }
    for embedding in embeddings {
        for (sum, value) in mean.iter_mut().zip(embedding) {
            *sum += value;
        }
    }
    let norm = mean.iter().map(|value| value * value).sum::<f32>().sqrt().max(f32::MIN_POSITIVE);
    for value in &mut mean {
        *value /= norm;
    }
    mean
}

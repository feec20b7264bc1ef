//! One pass of the model over a scene's windows.
//!
//! Reader threads decode and resize, the scanner's own thread encodes and ranks; a bounded channel of windows
//! lies between them, so that neither side waits for long and memory stays small. What an earlier scan encoded is
//! ranked at once and not read again.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError};
use half::f16;

use super::answer;
use super::blocks::{Block, BlockQueue};
use super::here::Here;
use super::products;
use super::ranking::{NO_WINDOW, Ranker, Score, Words};
use super::read_ahead::{Read, lock, read_blocks, reader_threads};
use super::reader::{Prepared, ReadOptions, Reader, Ready};
use super::scanner::Link;
use super::seen::Seen;
use super::speed::Speed;
use super::store::{Collection, Provenance, Record, Store, to_half};
use super::vocabulary::Vocabulary;
use super::{
    Answer, Blend, Coarse, Command, Early, Encoder, EncoderCard, Event, Layout, Query, Ranking, ScanError,
    ScanRequest,
};
use crate::raster::Rect;

/// The ranking is told at most this often; the counters with every batch.
const RANKING_PAUSE: Duration = Duration::from_millis(100);

/// How long the encoder waits for a window before it looks whether it should stop.
const PATIENCE: Duration = Duration::from_millis(50);

/// Windows without data wait for company up to this many before they are written down.
const EMPTY_TOGETHER: usize = 1024;

/// Windows a side of a block in a scan that looks at promising places first.
const SMALL_BLOCK: usize = 4;

/// A scan that runs or has run, with all that is needed to answer another query.
pub struct Pass {
    request: ScanRequest,
    layout: Layout,
    /// The windows that say where to look first.
    coarse: Option<Layout>,
    card: EncoderCard,
    options: ReadOptions,
    vocabulary: Vocabulary,
    words: Arc<Words>,
    ranker: Ranker,
    seen: Seen,
    ranking: Ranking,
    /// Embeddings of windows of one colour.
    uniform: HashMap<[u8; 3], Vec<f16>>,
    /// Windows without data that are still to be written down.
    empty: Vec<Record>,
    /// All windows of the scan.
    windows: usize,
    /// Those that were encoded by an earlier one.
    known: usize,
    done: usize,
    unreadable: usize,
    /// Windows without any data.
    skipped: usize,
}

impl Pass {
    /// Prepares a scan. The string is for the person, when its embeddings can't be kept.
    pub fn new(request: ScanRequest, encoder: &mut dyn Encoder) -> Result<(Self, Option<String>), ScanError> {
        let size = request.scene.size();
        let layout = Layout::new(size, request.grid, &request.scales, &request.areas)?;
        let coarse = match request.coarse {
            Coarse::Off => None,
            Coarse::First | Coarse::Only(_) => {
                Some(Layout::new(size, request.grid.coarser(), &[], &request.areas)?)
            }
        };
        let card = encoder.card();
        let options =
            ReadOptions { input_size: card.input_size, exact: request.exact, tolerance: request.uniform };
        let identity = request.scene.identity();
        let store = request.store.as_ref().filter(|_| identity.is_some());
        let provenance = provenance(identity, size, &card, encoder, options);
        let mut notice = None;
        if let Some(Err(error)) = store.map(Store::make_room) {
            notice = Some(format!("old embeddings can't be removed: {error}"));
        }
        let (collection, problem) = Collection::open(store, provenance, card.embedding_len)?;
        let seen = Seen::new(collection, &layout);
        let mut pass = Self {
            ranker: Ranker::new(Arc::new(Words::none(&card)), request.query.rank_by, 0),
            words: Arc::new(Words::none(&card)),
            vocabulary: Vocabulary::default(),
            ranking: Ranking::default(),
            uniform: HashMap::new(),
            empty: Vec::new(),
            windows: 0,
            known: 0,
            done: 0,
            unreadable: 0,
            skipped: 0,
            request,
            layout,
            coarse,
            card,
            options,
            seen,
        };
        pass.windows = pass.layout.wanted() + pass.only_coarse().count();
        pass.count_known();
        pass.set_query(pass.request.query.clone(), encoder, &|| false)?;
        Ok((pass, problem.or(notice)))
    }

    fn count_known(&mut self) {
        let (windows, skipped) = self.seen.count();
        let known =
            |window: &usize| self.coarse.as_ref().is_some_and(|coarse| self.is_known(coarse, *window));
        self.known = windows + self.only_coarse().filter(known).count();
        self.done = self.known + skipped;
        self.skipped = skipped;
    }

    fn is_known(&self, layout: &Layout, window: usize) -> bool {
        self.seen.collection.find(layout.key(window)).is_some()
    }

    /// The windows that say where to look and are no windows of the layout themselves.
    fn only_coarse(&self) -> impl Iterator<Item = usize> {
        let coarse =
            self.coarse.iter().flat_map(|coarse| (0..coarse.len()).map(move |window| (coarse, window)));
        coarse
            .filter(|(coarse, window)| coarse.area_of(*window).is_some())
            .filter(|(coarse, window)| self.layout.find(coarse.key(*window)).is_none())
            .map(|(_, window)| window)
    }

    /// The best windows found so far.
    pub fn ranking(&self) -> Ranking {
        Arc::clone(&self.ranking)
    }

    /// Ranks the windows seen so far, and those to come, by another query. Returns false, and changes nothing, when
    /// `stale` says that nobody waits for it any more.
    pub fn set_query(
        &mut self,
        query: Query,
        encoder: &mut dyn Encoder,
        stale: &(dyn Fn() -> bool + Sync),
    ) -> Result<bool, ScanError> {
        self.seen.refresh(&self.layout)?;
        let surroundings = Here { seen: &self.seen, scene: &*self.request.scene, options: self.options };
        let words = Arc::new(self.vocabulary.words(&query, encoder, &surroundings)?);
        let keep = answer::windows_to_keep(&query);
        let Some(ranker) = self.seen.rank(&words, query.rank_by, keep, stale) else { return Ok(false) };
        self.ranker = ranker;
        self.words = words;
        self.request.query = query;
        self.rank(true)?;
        Ok(true)
    }

    /// Makes boxes of what is ranked. `thoroughly` also makes heat maps, for which all windows are looked at again.
    fn rank(&mut self, thoroughly: bool) -> Result<(), ScanError> {
        let query = &self.request.query;
        let mut peaks = Vec::new();
        let mut heat_map = self.ranking.heat_map.clone().filter(|_| query.heat_map.is_some());
        if thoroughly {
            self.seen.refresh(&self.layout)?;
            let map =
                |keyword, blend| self.seen.heat_map(&self.words, keyword, query.rank_by, &self.layout, blend);
            if query.boxes.tight {
                let (tile, size) = (self.layout.tile(), self.layout.scene_size());
                let of = |keyword| map(keyword, Blend::Mean).peaks(query.top_k, tile, size);
                peaks = (0..query.keywords.len()).map(of).collect();
            }
            heat_map = query.heat_map.as_ref().and_then(|wanted| {
                let keyword = query.keywords.iter().position(|keyword| *keyword == wanted.keyword)?;
                Some((wanted.keyword.clone(), Arc::new(map(keyword, wanted.blend))))
            });
        }
        let detections =
            answer::detections(&self.ranker, &|window| self.layout.rect(window as usize), query, &peaks);
        let vectors = query.keywords.iter().enumerate();
        let vectors = vectors
            .filter_map(|(keyword, name)| Some((name.clone(), Arc::from(self.words.vector(keyword)?))));
        self.ranking = Arc::new(Answer { detections, heat_map, vectors: vectors.collect() });
        Ok(())
    }

    /// Scans to the end and tells how it went. Returns the command that ended it early, if one did.
    pub fn run(&mut self, encoder: &mut dyn Encoder, link: &Link) -> Option<Command> {
        let windows = self.windows;
        link.tell(Event::Started { windows, known: self.done });
        if self.done > 0 {
            link.tell(Event::Ranked { ranking: self.ranking() });
        }
        let started = Instant::now();
        let end = self.encode_all(encoder, link).and_then(|end| {
            self.write_empty(link)?;
            // What examples and thumbs mean depends on the whole scene.
            let query = self.request.query.clone();
            let whole =
                matches!(end, End::Complete) && (!query.examples.is_empty() || !query.thumbs.is_empty());
            if whole {
                self.set_query(query, encoder, &|| false)?;
            } else {
                self.rank(true)?;
            }
            Ok(end)
        });
        match end {
            Ok(End::Complete) if self.unreadable == windows => {
                link.tell(Event::Failed(
                    "no part of the scene could be read; the file may be damaged".into(),
                ));
            }
            Ok(End::Complete) => {
                link.tell(Event::Finished {
                    windows: windows - self.unreadable - self.skipped,
                    known: self.known,
                    skipped: self.skipped,
                    early: self.early(),
                    seconds: started.elapsed().as_secs_f64(),
                    ranking: self.ranking(),
                    card: self.card.clone(),
                });
            }
            Ok(End::Cancelled(command)) => {
                link.tell(Event::Ranked { ranking: self.ranking() });
                link.tell(Event::Cancelled { done: self.done, skipped: self.skipped, windows });
                return command.map(|command| *command);
            }
            Err(error) => {
                link.tell(Event::Ranked { ranking: self.ranking() });
                link.tell(Event::Failed(error.to_string()));
            }
        }
        None
    }

    /// How much of the final ranking came early.
    fn early(&self) -> Early {
        let arrivals: Vec<usize> = (0..self.words.keywords.len())
            .flat_map(|keyword| self.ranker.best(keyword).into_iter().take(self.request.query.top_k))
            .map(|entry| entry.arrival as usize)
            .collect();
        // What says where to look comes before everything else.
        let before = self.coarse.as_ref().map_or(0, Layout::wanted);
        let share = |part: f64| {
            let until = part * self.windows as f64;
            let there = arrivals.iter().filter(|arrival| ((before + **arrival) as f64) < until).count();
            there as f64 / arrivals.len().max(1) as f64
        };
        Early { tenth: share(0.1), quarter: share(0.25) }
    }

    fn encode_all(&mut self, encoder: &mut dyn Encoder, link: &Link) -> Result<End, ScanError> {
        let mut speed = Speed::new(self.windows, self.done);
        if let Some(coarse) = self.coarse.clone() {
            let end = self.encode_layout(&coarse, None, &mut speed, encoder, link)?;
            if !matches!(end, End::Complete) {
                return Ok(end);
            }
            let share = match self.request.coarse {
                Coarse::Only(share) => share,
                Coarse::First | Coarse::Off => 1.0,
            };
            let promises = self.promises(&coarse)?;
            let layout = self.layout.clone();
            return self.encode_layout(&layout, Some((promises, share)), &mut speed, encoder, link);
        }
        let layout = self.layout.clone();
        self.encode_layout(&layout, None, &mut speed, encoder, link)
    }

    /// The probability of the best keyword in every coarse window.
    fn promises(&mut self, coarse: &Layout) -> Result<Vec<(Rect, f32)>, ScanError> {
        self.seen.refresh(&self.layout)?;
        let (collection, rank_by) = (&self.seen.collection, self.request.query.rank_by);
        let (mut scratch, mut cosines, mut scores) = (products::Scratch::default(), Vec::new(), Vec::new());
        let mut promises = Vec::new();
        for window in 0..coarse.len() {
            let known = collection.find(coarse.key(window)).and_then(|id| collection.window(id));
            let Some((_, embedding)) = known.filter(|(nodata, _)| *nodata < 1.0) else { continue };
            products::dot_products(embedding, &self.words.matrix, &mut scratch, &mut cosines);
            self.words.score(&cosines, &mut scores);
            let key = |(keyword, score): (usize, &Score)| {
                self.words.key(keyword, rank_by, score.probability, score.cosine)
            };
            let promise = scores.iter().enumerate().map(key).fold(f32::NEG_INFINITY, f32::max);
            promises.push((coarse.rect(window), promise));
        }
        Ok(promises)
    }

    /// Encodes all windows of a layout that aren't known; promising places first, if any are.
    fn encode_layout(
        &mut self,
        layout: &Layout,
        promises: Option<(Vec<(Rect, f32)>, f64)>,
        speed: &mut Speed,
        encoder: &mut dyn Encoder,
        link: &Link,
    ) -> Result<End, ScanError> {
        let scene = Arc::clone(&self.request.scene);
        let preprocessor = encoder.preprocessor();
        let readers: Vec<Reader> = layout
            .grids()
            .iter()
            .map(|grid| Reader::new(&*scene, layout, grid, &*preprocessor, self.options))
            .collect();
        let most = if promises.is_some() { SMALL_BLOCK } else { usize::MAX };
        let sides: Vec<usize> = readers.iter().map(|reader| reader.block_side().min(most)).collect();
        let needed = |window| !self.is_known(layout, window);
        let mut queue = BlockQueue::new(layout, &sides, needed, self.request.view);
        if let Some((promises, share)) = promises {
            let before = queue.windows();
            queue.prioritise(|block| promise(block, &promises), share);
            self.done += before - queue.windows();
        }
        let queue = Mutex::new(queue);
        let stop = AtomicBool::new(false);
        let (sender, prepared) = crossbeam_channel::bounded(2 * self.card.batch_size);
        std::thread::scope(|scope| {
            for _ in 0..reader_threads() {
                let sender = sender.clone();
                let (readers, queue, stop) = (&readers, &queue, &stop);
                scope.spawn(move || read_blocks(readers, layout, queue, stop, &sender));
            }
            drop(sender);
            let end = self.encode(layout, &prepared, &queue, speed, encoder, link);
            stop.store(true, Ordering::Relaxed);
            // A reader may wait for room in the channel: close it before the scope waits for the reader.
            drop(prepared);
            end
        })
    }

    /// Takes windows as they become ready, encodes them in batches and ranks them.
    fn encode(
        &mut self,
        layout: &Layout,
        prepared: &Receiver<Read>,
        queue: &Mutex<BlockQueue>,
        speed: &mut Speed,
        encoder: &mut dyn Encoder,
        link: &Link,
    ) -> Result<End, ScanError> {
        let mut told = None;
        let mut told_done = self.done;
        let mut changed = false;
        let mut batch = Vec::with_capacity(self.card.batch_size);
        loop {
            let filled = self.fill(layout, &mut batch, prepared, link)?;
            if let Some(end) = self.obey(queue, encoder, link)? {
                return Ok(end);
            }
            // What waits for company waits a little longer while only windows without data come.
            if !batch.is_empty() && filled != Filled::Paused {
                changed |= self.encode_batch(layout, &batch, encoder, link)?;
                batch.clear();
                if let Some(notice) = encoder.take_notice() {
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
                told_done = self.done;
                let (windows_per_second, seconds_left) = speed.after(self.done);
                link.tell(Event::Batch {
                    done: self.done,
                    skipped: self.skipped,
                    windows: self.windows,
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
    fn fill(
        &mut self,
        layout: &Layout,
        batch: &mut Vec<Ready>,
        prepared: &Receiver<Read>,
        link: &Link,
    ) -> Result<Filled, ScanError> {
        let began = Instant::now();
        while batch.len() < self.card.batch_size {
            match prepared.recv_timeout(PATIENCE) {
                Ok(Ok(Prepared::Ready(window))) => match self.same_color(&window) {
                    Some(embedding) => {
                        let record = record(layout, &window, embedding);
                        self.keep(&[record], link)?;
                    }
                    None => batch.push(window),
                },
                Ok(Ok(Prepared::Empty(window))) => {
                    let key = layout.key(window as usize);
                    self.empty.push(Record { key, nodata: 1.0, embedding: Vec::new() });
                    if self.empty.len() >= EMPTY_TOGETHER {
                        self.write_empty(link)?;
                    }
                    self.skipped += 1;
                    self.done += 1;
                    // There may be hours of them, which must not hide how far the scan is, nor a cancellation.
                    if link.has_news() || began.elapsed() >= PATIENCE {
                        return Ok(Filled::Paused);
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
                Err(RecvTimeoutError::Disconnected) => return Ok(Filled::Complete),
                Err(RecvTimeoutError::Timeout) if link.has_news() => return Ok(Filled::Part),
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
        Ok(Filled::Part)
    }

    fn same_color(&self, window: &Ready) -> Option<Vec<f16>> {
        self.uniform.get(&window.color?).cloned()
    }

    fn encode_batch(
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
        let number = |record: &Record| self.layout.find(record.key).map_or(NO_WINDOW, |window| window as u32);
        let windows: Vec<u32> = records.iter().map(number).collect();
        let nodata: Vec<f32> = records.iter().map(|record| record.nodata).collect();
        let embeddings: Vec<f16> =
            records.iter().flat_map(|record| record.embedding.iter().copied()).collect();
        Ok(self.ranker.push(&windows, &nodata, &embeddings))
    }

    fn write_empty(&mut self, link: &Link) -> Result<(), ScanError> {
        let empty = std::mem::take(&mut self.empty);
        if !empty.is_empty()
            && let Some(notice) = self.seen.append(&empty)?
        {
            link.tell(Event::Notice(notice));
        }
        Ok(())
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
                Ok(Command::SetQuery(query)) => {
                    if let Err(error) = self.set_query(query, encoder, &|| false) {
                        // What was asked is wrong; the scan isn't.
                        link.tell(Event::Notice(error.to_string()));
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

fn record(layout: &Layout, window: &Ready, embedding: Vec<f16>) -> Record {
    Record { key: layout.key(window.window as usize), nodata: window.nodata, embedding }
}

/// How much the coarse windows over a block's middle promise.
fn promise(block: &Block, promises: &[(Rect, f32)]) -> f32 {
    let (x, y) = block.area.center();
    let middle = Rect::new(x as u32, y as u32, 1, 1);
    let over = promises.iter().filter(|(window, _)| window.intersects(&middle));
    over.map(|(_, promise)| *promise).fold(f32::NEG_INFINITY, f32::max)
}

fn provenance(
    identity: Option<(String, String)>,
    scene_size: (u32, u32),
    card: &EncoderCard,
    encoder: &dyn Encoder,
    options: ReadOptions,
) -> Provenance {
    let (scene, scene_fingerprint) = identity.unwrap_or_default();
    let mut preprocessing = encoder.preprocessor().describe();
    if options.exact {
        preprocessing.push_str(", level 0");
    }
    if options.tolerance > 0 {
        let uniform = format!(", one colour within {} levels", options.tolerance);
        preprocessing.push_str(&uniform);
    }
    let (model, model_fingerprint) = (card.model.clone(), card.fingerprint.clone());
    Provenance { scene, scene_fingerprint, scene_size, model, model_fingerprint, preprocessing }
}

/// How a scan ended.
enum End {
    Complete,
    /// Stopped, by the command if there is one.
    Cancelled(Option<Box<Command>>),
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

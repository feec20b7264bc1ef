//! One pass of the model over a scene's windows.
//!
//! Reader threads decode and resize, the scanner's own thread encodes and ranks; a bounded channel of windows
//! lies between them, so that neither side waits for long and memory stays small. What an earlier scan
//! encoded is ranked at once and not read again.

mod ask;
mod coarse;
mod keep;
mod share;
mod walk;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use half::f16;

use super::reader::ReadOptions;
use super::scanner::Link;
use super::{Command, Event, Failures, Identity, ScanError, ScanRequest};
use crate::encoder::{Encoder, EncoderCard};
use crate::search::Ranking;
use crate::search::encoded_windows::Seen;
use crate::search::ranking::Ranker;
use crate::search::vocabulary::Vocabulary;
use crate::search::words::Words;
use crate::store::{Collection, Provenance, Record, Room, Store, window_bytes};
use crate::windows::Layouts;

/// How long a scan waits to know which scene it is about before it begins: an image that was seen before is
/// known at once. Else its windows lie in a temporary file until it is.
const IDENTITY_PATIENCE: Duration = Duration::from_millis(200);

/// A scan that runs or has run, with all that is needed to answer another query.
pub struct Pass {
    request: ScanRequest,
    layouts: Layouts,
    card: EncoderCard,
    options: ReadOptions,
    vocabulary: Vocabulary,
    words: Arc<Words>,
    ranker: Ranker,
    seen: Seen,
    /// For every window of the layout whether it was ranked and counted.
    arrived: Vec<bool>,
    /// How many parts of the collection were looked at for that.
    caught_up: usize,
    /// The queue may hold windows that arrived by other ways.
    is_behind: bool,
    /// Where to keep what was seen once it is known which scene it is of.
    store: Option<Store>,
    /// Windows of the layout at hand that other programs encode.
    aside: Vec<u32>,
    /// The image isn't what was opened any more.
    changed: bool,
    ranking: Ranking,
    /// Embeddings of windows of one colour.
    uniform: HashMap<[u8; 3], Vec<f16>>,
    /// Windows of known colours, and those without data, that are still to be written down.
    plain: Vec<Record>,
    empty: Vec<Record>,
    /// All windows of the scan.
    windows: usize,
    /// Those that were encoded by an earlier one.
    known: usize,
    done: usize,
    failed: Failures,
    /// Why nothing more of the scene can be read.
    gone: Option<ScanError>,
    /// Windows without any data.
    skipped: usize,
    /// Windows of places that don't promise enough.
    left_out: usize,
}

impl Pass {
    /// Prepares a scan. The sentences are for the person: what is damaged, why embeddings can't be kept.
    pub fn new(
        request: ScanRequest,
        encoder: &mut dyn Encoder,
        room: &mut Room,
    ) -> Result<(Self, Vec<String>), ScanError> {
        let layouts = request.layouts()?;
        let card = encoder.card();
        let options =
            ReadOptions { input_size: card.input_size, exact: request.exact, tolerance: request.uniform };
        let identity = match request.store {
            Some(_) => request.scene.identity(IDENTITY_PATIENCE),
            None => Identity::None,
        };
        let mut notices = Vec::new();
        let mut store = request.store.clone();
        let temporary = || Collection::open(None, Provenance::default(), card.embedding_len);
        let mut collection = match identity {
            Identity::Known { scene, fingerprint } => {
                let size = request.scene.size();
                let provenance = provenance(scene, fingerprint, size, &card, encoder, options);
                Collection::open(store.take().as_ref(), provenance, card.embedding_len)?
            }
            Identity::Pending => temporary()?,
            Identity::None => {
                store = None;
                temporary()?
            }
            Identity::Unknown(sentence) => {
                notices.push(sentence);
                store = None;
                temporary()?
            }
        };
        notices.extend(collection.take_notices());
        let seen = Seen::new(collection, &layouts.compared);
        let mut pass = Self {
            ranker: Ranker::new(Arc::new(Words::none(&card)), request.query.rank_by, 0),
            words: Arc::new(Words::none(&card)),
            vocabulary: Vocabulary::default(),
            ranking: Ranking::default(),
            uniform: HashMap::new(),
            plain: Vec::new(),
            empty: Vec::new(),
            arrived: vec![false; layouts.compared.len()],
            caught_up: 0,
            is_behind: false,
            store,
            aside: Vec::new(),
            changed: false,
            windows: layouts.windows(),
            known: 0,
            done: 0,
            failed: Failures::default(),
            gone: None,
            skipped: 0,
            left_out: 0,
            request,
            layouts,
            card,
            options,
            seen,
        };
        pass.count_known();
        if pass.done > 0 {
            let notices = pass.request.scene.notices();
            pass.seen.collection.remarks().iter().for_each(|remark| notices.tell(remark));
        }
        if let Some(store) = &pass.request.store {
            let new = pass.windows.saturating_sub(pass.done) as u64 * window_bytes(pass.card.embedding_len);
            if let Err(error) = room.make(store, new) {
                notices.push(format!("old embeddings can't be removed: {error}"));
            }
        }
        pass.set_query(pass.request.query.clone(), encoder, &|| false)?;
        Ok((pass, notices))
    }

    /// Counts the windows of earlier scans.
    fn count_known(&mut self) {
        self.catch_up();
        let coarse = self.layouts.coarse.as_ref();
        let known = |window: &usize| coarse.is_some_and(|coarse| self.is_here(coarse, *window));
        let known = self.layouts.only_coarse().filter(known).count();
        self.known += known;
        self.done += known;
    }

    /// The best windows found so far.
    pub fn ranking(&self) -> Ranking {
        Arc::clone(&self.ranking)
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
            self.write_waiting(link)?;
            self.settle_at_last(encoder, link)?;
            let to_the_end = matches!(end, End::Complete);
            if let Some(why) = self.gone.take().filter(|_| to_the_end) {
                // What was read before is a result, of a part of the scene.
                let failed = self.failed.windows + windows.saturating_sub(self.done);
                self.failed = Failures { windows: failed, reason: why.to_string() };
                self.done = windows;
            }
            self.keep_remarks(link);
            if self.changed && to_the_end {
                self.failed.windows += windows.saturating_sub(self.done);
                CHANGED.clone_into(&mut self.failed.reason);
                self.done = windows;
            }
            // What examples and thumbs mean depends on the whole scene.
            let query = self.request.query.clone();
            let whole = to_the_end && (!query.examples.is_empty() || !query.thumbs.is_empty());
            if whole {
                self.set_query(query, encoder, &|| false)?;
            } else {
                self.rank(true)?;
            }
            Ok(end)
        });
        match end {
            Ok(End::Complete) if self.failed.windows == windows => {
                let Failures { reason, .. } = &self.failed;
                link.tell(Event::Failed(format!("no part of the scene could be read: {reason}")));
            }
            Ok(End::Complete) => {
                link.tell(Event::Finished {
                    windows: windows - self.failed.windows - self.skipped - self.left_out,
                    known: self.known,
                    skipped: self.skipped,
                    failed: self.failed.clone(),
                    early: self.early(),
                    seconds: started.elapsed().as_secs_f64(),
                    ranking: self.ranking(),
                    card: self.card.clone(),
                    kept_bytes: self.seen.collection.kept_bytes(),
                });
            }
            Ok(End::Cancelled(command)) => {
                link.tell(Event::Ranked { ranking: self.ranking() });
                let (done, skipped, failed) = (self.done, self.skipped, self.failed.clone());
                link.tell(Event::Cancelled { done, skipped, failed, windows });
                return command.map(|command| *command);
            }
            Err(error) => {
                link.tell(Event::Ranked { ranking: self.ranking() });
                link.tell(Event::Failed(error.to_string()));
            }
        }
        None
    }
}

/// What is said when an image was overwritten or cut off.
const CHANGED: &str = "the image was changed while it was scanned; scan it again";

fn provenance(
    scene: PathBuf,
    scene_fingerprint: String,
    scene_size: (u32, u32),
    card: &EncoderCard,
    encoder: &dyn Encoder,
    options: ReadOptions,
) -> Provenance {
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

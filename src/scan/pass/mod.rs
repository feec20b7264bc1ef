//! One pass of the model over a scene's windows.
//!
//! Reader threads decode and resize, the scanner's own thread encodes and ranks; a bounded channel of windows
//! lies between them, so that neither side waits for long and memory stays small. What an earlier scan
//! encoded is ranked at once and not read again.
//!
//! `encode_loop` takes the windows through, `coarse_to_fine` orders them by what larger ones promise,
//! `dense` takes cells through. `commit` stores and ranks them, `coordination` shares the work with other
//! programs, `query` answers.

mod coarse_to_fine;
mod commit;
mod coordination;
mod dense;
mod encode_loop;
mod query;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use half::f16;

use super::reader::ReadOptions;
use super::scanner::ScannerLink;
use super::{Command, Event, Failures, ScanError, ScanProgress, ScanRequest, ScanSummary, SceneIdentity};
use crate::clip::Precision;
use crate::encoder::{Encoder, EncoderCard};
use crate::search::{EncodedWindows, Ranker, Ranking, Vocabulary, Words};
use crate::store::{Collection, Provenance, Record, Store, StoreBudget, window_bytes};
use crate::windows::Layouts;

/// How long a scan waits for its scene to be identified before it begins. An image that was scanned before is
/// identified at once; until another one is, its windows lie in a temporary file.
const IDENTITY_PATIENCE: Duration = Duration::from_millis(200);

/// A scan that runs or has run, with all that is needed to answer another query.
pub struct ScanPass {
    request: ScanRequest,
    layouts: Layouts,
    card: EncoderCard,
    options: ReadOptions,
    vocabulary: Vocabulary,
    words: Arc<Words>,
    ranker: Ranker,
    encoded: EncodedWindows,
    /// For every window of the layout, whether it was ranked and counted.
    arrived: Vec<bool>,
    /// How many batches of the collection were looked at for that.
    caught_up: usize,
    /// The queue may hold windows that arrived by other ways.
    is_behind: bool,
    /// Where to keep what was encoded, once the scene is identified.
    store: Option<Store>,
    /// Windows of the layout at hand that other programs encode.
    aside: Vec<u32>,
    /// The image has changed since it was opened.
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
    reused: usize,
    done: usize,
    failed: Failures,
    /// Why nothing more of the scene can be read.
    gone: Option<ScanError>,
    /// Windows without any data.
    skipped: usize,
    /// Windows of places that don't promise enough.
    left_out: usize,
}

impl ScanPass {
    /// Prepares a scan. The sentences are for the person: what is damaged, why embeddings can't be kept.
    pub fn new(
        request: ScanRequest,
        encoder: &mut dyn Encoder,
        budget: &mut StoreBudget,
    ) -> Result<(Self, Vec<String>), ScanError> {
        let card = encoder.card();
        let layouts = match card.cells {
            Some(model) if request.dense => request.cells(model)?,
            None if request.dense => return Err(ScanError::NoCells { model: card.model }),
            _ => request.layouts()?,
        };
        let options = ReadOptions {
            input_size: card.input_size,
            exact: request.exact,
            tolerance: request.uniform,
            dense: request.dense,
        };
        let identity = match request.store {
            Some(_) => request.scene.identity(IDENTITY_PATIENCE),
            None => SceneIdentity::None,
        };
        let mut notices = Vec::new();
        let mut store = request.store.clone();
        let temporary = || Collection::open(None, Provenance::default(), card.embedding_len);
        let mut collection = match identity {
            SceneIdentity::Known { scene, fingerprint } => {
                let size = request.scene.size();
                let provenance = provenance(scene, fingerprint, size, &card, encoder, options);
                Collection::open(store.take().as_ref(), provenance, card.embedding_len)?
            }
            SceneIdentity::Pending => temporary()?,
            SceneIdentity::None => {
                store = None;
                temporary()?
            }
            SceneIdentity::Unknown(sentence) => {
                notices.push(sentence);
                store = None;
                temporary()?
            }
        };
        notices.extend(collection.take_notices());
        let encoded = EncodedWindows::new(collection, &layouts.compared);
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
            reused: 0,
            done: 0,
            failed: Failures::default(),
            gone: None,
            skipped: 0,
            left_out: 0,
            request,
            layouts,
            card,
            options,
            encoded,
        };
        pass.count_reused();
        if pass.done > 0 {
            let notices = pass.request.scene.notices();
            pass.encoded.collection.remarks().iter().for_each(|remark| notices.tell(remark));
        }
        if let Some(store) = &pass.request.store {
            let new = pass.windows.saturating_sub(pass.done) as u64 * window_bytes(pass.card.embedding_len);
            if let Err(error) = budget.make_room(store, new) {
                notices.push(format!("old embeddings can't be removed: {error}"));
            }
        }
        pass.set_query(pass.request.query.clone(), encoder, &|| false)?;
        Ok((pass, notices))
    }

    /// Counts the windows of earlier scans.
    fn count_reused(&mut self) {
        self.catch_up();
        let coarse = self.layouts.coarse.as_ref();
        let is_encoded = |window: &usize| coarse.is_some_and(|coarse| self.is_encoded(coarse, *window));
        let reused = self.layouts.only_coarse().filter(is_encoded).count();
        self.reused += reused;
        self.done += reused;
    }

    /// How far the scan is, at a speed.
    fn progress(&self, windows_per_second: f64, seconds_left: f64) -> ScanProgress {
        let (windows, done, skipped) = (self.windows, self.done, self.skipped);
        let failed = self.failed.clone();
        ScanProgress { windows, done, skipped, failed, windows_per_second, seconds_left }
    }

    /// The best windows found so far.
    pub fn ranking(&self) -> Ranking {
        Arc::clone(&self.ranking)
    }

    /// Scans to the end and tells how it went. Returns the command that ended it early, if one did.
    pub fn run(&mut self, encoder: &mut dyn Encoder, link: &ScannerLink) -> Option<Command> {
        let windows = self.windows;
        link.tell(Event::Started { windows, reused: self.done });
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
            self.commit_remarks(link);
            if self.changed && to_the_end {
                self.failed.windows += windows.saturating_sub(self.done);
                CHANGED.clone_into(&mut self.failed.reason);
                self.done = windows;
            }
            // What examples and feedback mean depends on the whole scene, and so does refinement.
            let query = self.request.query.clone();
            let depends = !query.examples.is_empty() || !query.feedback.is_empty() || query.refine;
            let whole = to_the_end && depends;
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
                let summary = ScanSummary {
                    windows: windows - self.failed.windows - self.skipped - self.left_out,
                    reused: self.reused,
                    skipped: self.skipped,
                    failed: self.failed.clone(),
                    early: self.early(),
                    seconds: started.elapsed().as_secs_f64(),
                    card: self.card.clone(),
                    kept_bytes: self.encoded.collection.kept_bytes(),
                };
                link.tell(Event::Finished { summary, ranking: self.ranking() });
            }
            Ok(End::Cancelled(command)) => {
                link.tell(Event::Ranked { ranking: self.ranking() });
                link.tell(Event::Cancelled(self.progress(0.0, f64::INFINITY)));
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
    if options.dense {
        preprocessing.push_str(Provenance::CELLS);
    }
    if card.precision == Precision::Bf16 {
        preprocessing.push_str(Provenance::BF16);
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

//! The conversation with the scanner: what was asked, what came back.
//!
//! `events` takes in what the scanner tells, `progress` is how far model and scan are, `scanned` what the
//! scan was like that made the results.

mod events;
mod progress;
mod scanned;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

pub use progress::{Estimate, ModelState, ScanState};

use super::action::About;
use crate::clip::{DeviceChoice, GroundSizes, KnownWords};
use crate::encoder::{CellModel, EncoderLoader};
use crate::raster::Rect;
use crate::scan::{Command, Event, ScanRequest, Scanner};
use crate::search::Query;
use crate::search::Ranking;
use scanned::Scanned;

/// A changed query is sent at once, and the next one at least this many seconds later, while one drags for
/// instance. It is short, since a query that was sent makes way for the next.
const QUERY_REST: f64 = 0.03;
/// A frame waits at most this long for the answer to its own query, and shows it then: drawing twice takes
/// longer.
const ANSWER_WAIT: Duration = Duration::from_millis(10);
/// The view is sent at most this often, in seconds.
const VIEW_REST: f64 = 0.2;
/// Notices kept for the tooltip of the status bar.
const MAX_NOTICES: usize = 20;

/// What became of a query that waited to be sent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Tick {
    /// None waits, or it was sent and the answer will come.
    Idle,
    /// It waits for so many seconds more.
    Wait(f64),
    /// It was sent, and the answer is there.
    Answered,
}

/// Whether there is a graphics card that runs the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Card {
    /// Nothing speaks against it.
    Likely,
    /// Whoever takes a card where there is one took the processor.
    Missing,
}

/// The scanner and everything it told.
pub struct Search {
    scanner: Scanner,
    model: ModelState,
    progress: ScanState,
    ranking: Ranking,
    /// What the scan was like that made the ranking.
    scanned: Option<Scanned>,
    /// The device that the model is loaded for, and whether there turned out to be no graphics card.
    device: DeviceChoice,
    card: Card,
    /// From the warm-up batch or, better, from the last scan.
    windows_per_second: Option<f64>,
    /// Scans asked for that have not begun: until then, events belong to an older one.
    to_begin: usize,
    /// A scan has begun and has not ended.
    begun: bool,
    /// Nobody wants to see the scan any more.
    abandoned: bool,
    /// The query last sent, and a newer one with the time when it is due.
    sent: Option<Query>,
    due: Option<(Query, f64)>,
    view: Option<Rect>,
    view_sent_at: f64,
    query_sent_at: f64,
    cancelling: bool,
    notices: VecDeque<String>,
    /// Those of them that are about the model; the others leave with the scene.
    of_model: Vec<String>,
    /// Notices for the list behind the bell.
    lasting: Vec<String>,
    /// What the last scan could not read.
    incomplete: Option<String>,
    errors: Vec<(About, String)>,
}

impl Search {
    /// Starts the scanner's thread; `wake` is called whenever it has something to tell.
    #[must_use]
    pub fn new(wake: impl Fn() + Send + 'static) -> Self {
        Self {
            scanner: Scanner::spawn(wake),
            model: ModelState::None,
            progress: ScanState::Idle,
            ranking: Ranking::default(),
            scanned: None,
            device: DeviceChoice::Auto,
            card: Card::Likely,
            windows_per_second: None,
            to_begin: 0,
            begun: false,
            abandoned: false,
            sent: None,
            due: None,
            view: None,
            view_sent_at: f64::NEG_INFINITY,
            query_sent_at: f64::NEG_INFINITY,
            cancelling: false,
            notices: VecDeque::new(),
            of_model: Vec::new(),
            lasting: Vec::new(),
            incomplete: None,
            errors: Vec::new(),
        }
    }

    /// Loads a model in place of the one before, for a device.
    pub fn load(&mut self, loader: EncoderLoader, device: DeviceChoice) {
        self.device = device;
        self.windows_per_second = None;
        if self.send(Command::Load { load: loader, measure: true }) {
            self.model = ModelState::Loading;
            let gone = std::mem::take(&mut self.of_model);
            self.notices.retain(|notice| !gone.contains(notice));
            self.errors.retain(|(about, _)| *about != About::Model);
            if matches!(self.progress, ScanState::Failed(_)) {
                self.progress = ScanState::Idle;
            }
        }
    }

    /// Begins a scan; the one before it is forgotten.
    pub fn start(&mut self, request: ScanRequest) {
        let (query, view) = (request.query.clone(), request.view);
        let scanned = Scanned::of(&request, self.model_fingerprint());
        // A scan that runs is stopped by the new one.
        if self.running() {
            self.scanner.cancel();
        }
        if self.send(Command::Scan(request)) {
            self.forget();
            self.to_begin += 1;
            self.abandoned = false;
            self.progress = ScanState::Waiting;
            self.scanned = Some(scanned);
            self.sent = Some(query);
            self.view = view;
        }
    }

    /// Stops the scan; what was found stays.
    pub fn cancel(&mut self) {
        if self.running() && !self.cancelling {
            self.cancelling = true;
            self.scanner.cancel();
        }
    }

    /// Forgets what was found, for example because another scene was opened.
    pub fn reset(&mut self) {
        if self.running() {
            self.scanner.cancel();
        }
        self.forget();
        self.notices.retain(|notice| self.of_model.contains(notice));
    }

    fn forget(&mut self) {
        self.abandoned = true;
        self.cancelling = false;
        self.progress = ScanState::Idle;
        self.ranking = Ranking::default();
        self.incomplete = None;
        self.errors.retain(|(about, _)| *about != About::Scene);
        self.scanned = None;
        self.sent = None;
        self.due = None;
        self.view = None;
    }

    #[must_use]
    pub fn model(&self) -> &ModelState {
        &self.model
    }

    /// The fingerprint of the model, once it is loaded.
    #[must_use]
    pub fn model_fingerprint(&self) -> Option<&str> {
        match &self.model {
            ModelState::Ready(card) => Some(&card.fingerprint),
            ModelState::None | ModelState::Loading | ModelState::Failed(_) => None,
        }
    }

    /// Whether the model went to the processor since there is no graphics card for it.
    #[must_use]
    pub fn has_no_card(&self) -> bool {
        self.card == Card::Missing
    }

    #[must_use]
    pub fn progress(&self) -> &ScanState {
        &self.progress
    }

    #[must_use]
    pub fn ranking(&self) -> &Ranking {
        &self.ranking
    }

    /// Whether a scan runs or waits to run.
    #[must_use]
    pub fn running(&self) -> bool {
        matches!(self.progress, ScanState::Waiting | ScanState::Running(_))
    }

    /// The words that the model learnt, as far as it tells.
    #[must_use]
    pub fn known_words(&self) -> KnownWords {
        match &self.model {
            ModelState::Ready(card) => card.known_words.clone(),
            ModelState::None | ModelState::Loading | ModelState::Failed(_) => KnownWords::default(),
        }
    }

    /// From how far away the model saw the ground, with the side of its input in pixels, if it tells.
    #[must_use]
    pub fn ground_sizes(&self) -> Option<(GroundSizes, u32)> {
        match &self.model {
            ModelState::Ready(card) => card.ground_sizes.map(|sizes| (sizes, card.input_size)),
            ModelState::None | ModelState::Loading | ModelState::Failed(_) => None,
        }
    }

    /// Whether there is something that a changed query is asked of.
    #[must_use]
    pub fn asked(&self) -> bool {
        self.sent.is_some()
    }

    /// The query last sent, which the ranking answers or soon will.
    #[must_use]
    pub fn query(&self) -> Option<&Query> {
        self.sent.as_ref()
    }

    #[must_use]
    pub fn cancelling(&self) -> bool {
        self.cancelling
    }

    /// Looks for something else, a moment after the query before. Nothing is sent before the first scan.
    pub fn ask(&mut self, query: Query, now: f64) {
        if self.sent.is_none() || self.due.as_ref().is_some_and(|(due, _)| *due == query) {
            return;
        }
        let at = now.max(self.query_sent_at + QUERY_REST);
        self.due = (self.sent.as_ref() != Some(&query)).then_some((query, at));
    }

    /// Tells the scanner what is in view, so that it comes first.
    pub fn look_at(&mut self, view: Rect, now: f64) {
        let moved = self.view != Some(view);
        if self.running()
            && moved
            && now - self.view_sent_at >= VIEW_REST
            && self.send(Command::SetView(view))
        {
            self.view = Some(view);
            self.view_sent_at = now;
        }
    }

    /// Sends what is due.
    pub fn tick(&mut self, now: f64) -> Tick {
        let Some((query, due)) = self.due.take() else { return Tick::Idle };
        if now < due {
            self.due = Some((query, due));
            return Tick::Wait(due - now);
        }
        if !self.send(Command::SetQuery(query.clone())) {
            return Tick::Idle;
        }
        self.sent = Some(query);
        self.query_sent_at = now;
        // A scan that runs answers after its batch.
        if !self.running() && self.await_answer() { Tick::Answered } else { Tick::Idle }
    }

    /// Waits a moment for an answer. Returns whether it came.
    fn await_answer(&mut self) -> bool {
        let deadline = Instant::now() + ANSWER_WAIT;
        while let Ok(event) = self.scanner.events().recv_deadline(deadline) {
            let answered = matches!(event, Event::Ranked { .. });
            self.handle_event(event);
            if answered {
                return true;
            }
        }
        false
    }

    /// Whether the last scan had nothing to encode.
    #[must_use]
    pub fn all_known(&self) -> bool {
        matches!(&self.progress, ScanState::Finished(summary) if summary.is_all_reused())
    }

    /// The size of a scan and how long it would take. Of a dense one `windows` are the cells, of which as
    /// many as fill the model's input take as long as a window, and where windows overlap by half, four times
    /// that.
    #[must_use]
    pub fn estimate(&self, windows: usize, dense: bool) -> Estimate {
        let passes = self.cells().filter(|_| dense).map_or(1.0, |cells| cells.passes());
        let seconds = self.windows_per_second.map(|rate| windows as f64 * passes / rate);
        Estimate { windows, seconds }
    }

    /// How the model encodes cells, once it is loaded, if it does.
    #[must_use]
    pub fn cells(&self) -> Option<CellModel> {
        match &self.model {
            ModelState::Ready(card) => card.cells,
            ModelState::None | ModelState::Loading | ModelState::Failed(_) => None,
        }
    }

    /// Something for the status bar.
    pub fn notify(&mut self, notice: impl Into<String>) {
        self.notices.push_back(notice.into());
        if self.notices.len() > MAX_NOTICES {
            self.notices.pop_front();
        }
    }

    /// Notices so far, the newest last.
    #[must_use]
    pub fn notices(&self) -> &VecDeque<String> {
        &self.notices
    }

    /// What a person should know of the model and of what is stored, since the last call.
    pub fn take_lasting(&mut self) -> Vec<String> {
        std::mem::take(&mut self.lasting)
    }

    /// What a scan that ended since the last call could not read.
    pub fn take_incomplete(&mut self) -> Option<String> {
        self.incomplete.take()
    }

    /// Errors since the last call, for the banner.
    pub fn take_errors(&mut self) -> Vec<(About, String)> {
        std::mem::take(&mut self.errors)
    }

    fn send(&mut self, command: Command) -> bool {
        let sent = self.scanner.send(command);
        if !sent {
            self.notify("The scanner is busy; please try again in a moment");
        }
        sent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(words: &[&str]) -> Query {
        let keywords = words.iter().map(|word| (*word).to_owned()).collect();
        Query { keywords, ..Query::default() }
    }

    #[test]
    fn a_query_is_sent_at_once_and_the_next_a_moment_later() {
        let mut search = Search::new(|| {});
        search.ask(query(&["a"]), 0.0);
        assert_eq!(search.tick(9.0), Tick::Idle, "nothing to ask before the first scan");
        search.sent = Some(query(&["a"]));
        search.ask(query(&["a", "b"]), 10.0);
        assert_eq!(search.tick(10.0), Tick::Idle);
        assert_eq!(search.sent, Some(query(&["a", "b"])));
        search.ask(query(&["a", "c"]), 10.01);
        assert!(matches!(search.tick(10.01), Tick::Wait(wait) if wait > 0.0 && wait <= QUERY_REST));
        search.ask(query(&["a", "d"]), 10.02);
        assert_eq!(search.tick(10.0 + QUERY_REST + 0.001), Tick::Idle);
        assert_eq!(search.sent, Some(query(&["a", "d"])), "the newest counts");
        search.ask(query(&["a"]), 10.04);
        search.ask(query(&["a", "d"]), 10.05);
        assert_eq!(search.tick(99.0), Tick::Idle, "back to what was asked before");
    }
}

//! The conversation with the scanner: what was asked, what came back.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::words;
use crate::clip::KnownWords;
use crate::raster::Rect;
use crate::scan::{
    Answer, Area, Command, Early, EncoderCard, EncoderLoader, Event, GridSettings, Query, Ranking,
    ScanRequest, Scanner,
};

/// A changed query is sent at once, and the next one at least this many seconds later, while one drags for instance. It is
/// short, since a query that was sent makes way for the next.
const QUERY_REST: f64 = 0.03;
/// A frame waits at most this long for the answer to its own query, and shows it then: drawing twice takes longer.
const ANSWER_WAIT: Duration = Duration::from_millis(10);
/// The view is sent at most this often, in seconds.
const VIEW_REST: f64 = 0.2;
/// Notices kept for the tooltip of the status bar.
const MAX_NOTICES: usize = 20;

/// The model as far as the window knows.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum ModelState {
    #[default]
    None,
    Loading,
    Ready(EncoderCard),
    Failed(String),
}

/// How far the scan is.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Progress {
    #[default]
    Idle,
    /// Asked for, not yet begun (the model may still be loading).
    Waiting,
    Running {
        done: usize,
        /// Those of `done` that have no data.
        skipped: usize,
        windows: usize,
        windows_per_second: f64,
        seconds_left: f64,
    },
    Finished {
        windows: usize,
        /// Those of `windows` that were encoded by an earlier scan.
        known: usize,
        skipped: usize,
        /// How much of the ranking was there early on.
        early: Early,
        seconds: f64,
    },
    Cancelled {
        done: usize,
        skipped: usize,
        windows: usize,
    },
    Failed(String),
}

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

/// A scan in numbers before it is begun.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    pub windows: usize,
    /// `None` before any speed is known.
    pub seconds: Option<f64>,
}

/// The scanner and everything it told.
pub struct Search {
    scanner: Scanner,
    pub model: ModelState,
    pub progress: Progress,
    pub ranking: Ranking,
    /// The grid of the scan that made the ranking.
    pub scanned: Option<GridSettings>,
    /// The sides of its windows in tiles, where there are several.
    scanned_scales: Vec<u32>,
    /// Where it looked; empty for all of the scene.
    pub scanned_areas: Vec<Area>,
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
    errors: Vec<String>,
}

impl Search {
    /// Starts the scanner's thread; `wake` is called whenever it has something to tell.
    #[must_use]
    pub fn new(wake: impl Fn() + Send + 'static) -> Self {
        Self {
            scanner: Scanner::spawn(wake),
            model: ModelState::None,
            progress: Progress::Idle,
            ranking: Ranking::default(),
            scanned: None,
            scanned_scales: Vec::new(),
            scanned_areas: Vec::new(),
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
            errors: Vec::new(),
        }
    }

    /// Loads a model in place of the one before.
    pub fn load(&mut self, loader: EncoderLoader) {
        self.windows_per_second = None;
        if self.send(Command::Load { load: loader, measure: true }) {
            self.model = ModelState::Loading;
        }
    }

    /// Begins a scan; the one before it is forgotten.
    pub fn start(&mut self, request: ScanRequest) {
        let (grid, query, view) = (request.grid, request.query.clone(), request.view);
        let (scales, areas) = (request.scales.clone(), request.areas.clone());
        // A scan that runs is stopped by the new one.
        if self.running() {
            self.scanner.cancel();
        }
        if self.send(Command::Scan(request)) {
            self.forget();
            self.to_begin += 1;
            self.abandoned = false;
            self.progress = Progress::Waiting;
            self.scanned = Some(grid);
            self.scanned_scales = scales;
            self.scanned_areas = areas;
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
    }

    fn forget(&mut self) {
        self.abandoned = true;
        self.cancelling = false;
        self.progress = Progress::Idle;
        self.ranking = Ranking::default();
        self.scanned = None;
        self.sent = None;
        self.due = None;
        self.view = None;
    }

    /// Whether a scan runs or waits to run.
    #[must_use]
    pub fn running(&self) -> bool {
        matches!(self.progress, Progress::Waiting | Progress::Running { .. })
    }

    /// The words that the model learnt, as far as it tells.
    #[must_use]
    pub fn known_words(&self) -> KnownWords {
        match &self.model {
            ModelState::Ready(card) => card.known_words.clone(),
            ModelState::None | ModelState::Loading | ModelState::Failed(_) => KnownWords::default(),
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

    /// The sides of the windows of the scan that made the ranking; empty for one scale.
    #[must_use]
    pub fn scanned_scales(&self) -> Option<Vec<u32>> {
        self.scanned.map(|_| self.scanned_scales.clone())
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
            self.take(event);
            if answered {
                return true;
            }
        }
        false
    }

    /// Takes what the scanner told since the last frame.
    pub fn drain(&mut self) {
        let events: Vec<Event> = self.scanner.events().try_iter().collect();
        for event in events {
            self.take(event);
        }
    }

    /// Takes one event.
    pub fn take(&mut self, event: Event) {
        let current = self.to_begin == 0 && !self.abandoned;
        match event {
            Event::Loaded { card, windows_per_second } => {
                // What stands for keywords is the other model's.
                if !self.ranking.vectors.is_empty() {
                    self.ranking = Arc::new(Answer { vectors: Vec::new(), ..(*self.ranking).clone() });
                }
                self.model = ModelState::Ready(card);
                self.windows_per_second = windows_per_second.filter(|rate| *rate > 0.0);
            }
            Event::LoadFailed(reason) => {
                self.model = ModelState::Failed(reason.clone());
                if self.running() {
                    self.end(Progress::Failed(reason.clone()));
                }
                self.errors.push(reason);
            }
            Event::Started { windows, known } => {
                self.to_begin = self.to_begin.saturating_sub(1);
                self.begun = true;
                if self.to_begin == 0 && self.progress == Progress::Waiting {
                    if known > 0 {
                        let (known, windows) = (words::count(known), words::count(windows));
                        self.notify(format!("{known} of {windows} windows were there already"));
                    }
                    self.progress = Progress::Running {
                        done: known,
                        skipped: 0,
                        windows,
                        windows_per_second: 0.0,
                        seconds_left: f64::INFINITY,
                    };
                }
            }
            Event::Batch { done, skipped, windows, windows_per_second, seconds_left, ranking } => {
                if current {
                    self.progress =
                        Progress::Running { done, skipped, windows, windows_per_second, seconds_left };
                    self.ranking = ranking;
                }
            }
            Event::Ranked { ranking } => {
                if current {
                    self.ranking = ranking;
                }
            }
            Event::Finished { windows, known, skipped, early, seconds, ranking, card } => {
                self.begun = false;
                self.model = ModelState::Ready(card);
                let rate = (windows - known) as f64 / seconds;
                if rate.is_finite() && rate > 0.0 {
                    self.windows_per_second = Some(rate);
                }
                if current {
                    self.ranking = ranking;
                    self.end(Progress::Finished { windows, known, skipped, early, seconds });
                }
            }
            Event::Cancelled { done, skipped, windows } => {
                self.begun = false;
                if current {
                    self.end(Progress::Cancelled { done, skipped, windows });
                }
            }
            Event::Failed(reason) => self.failed(reason),
            Event::Notice(notice) => self.notify(notice),
        }
    }

    fn failed(&mut self, reason: String) {
        if self.begun {
            self.begun = false;
        } else {
            // It failed before it began.
            self.to_begin = self.to_begin.saturating_sub(1);
        }
        if self.to_begin > 0 || self.abandoned {
            return;
        }
        // A model that could not be loaded has said so already.
        if !matches!(self.progress, Progress::Failed(_)) {
            self.errors.push(reason.clone());
        }
        if self.running() {
            self.end(Progress::Failed(reason));
        }
    }

    /// Whether the last scan had nothing to encode.
    #[must_use]
    pub fn all_known(&self) -> bool {
        matches!(self.progress, Progress::Finished { windows, known, .. } if windows > 0 && known >= windows)
    }

    fn end(&mut self, progress: Progress) {
        self.progress = progress;
        self.cancelling = false;
    }

    /// The size of a scan and how long it would take.
    #[must_use]
    pub fn estimate(&self, windows: usize) -> Estimate {
        let seconds = self.windows_per_second.map(|rate| windows as f64 / rate);
        Estimate { windows, seconds }
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

    /// Errors since the last call, for the banner.
    pub fn take_errors(&mut self) -> Vec<String> {
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
    use crate::scan::Detection;

    const EARLY: Early = Early { tenth: 0.0, quarter: 0.0 };

    fn query(words: &[&str]) -> Query {
        let keywords = words.iter().map(|word| (*word).to_owned()).collect();
        Query { keywords, ..Query::default() }
    }

    fn ranking(keyword: &str) -> Ranking {
        let detection = Detection {
            keyword: keyword.to_owned(),
            rank: 1,
            probability: 0.5,
            cosine: 0.2,
            window: Rect::new(0, 0, 9, 9),
            nodata: 0.0,
            clear: true,
            scores: Vec::new(),
        };
        Arc::new(Answer { detections: vec![detection], ..Answer::default() })
    }

    fn card() -> EncoderCard {
        EncoderCard {
            model: "tiny".to_owned(),
            fingerprint: String::new(),
            device: "CPU".to_owned(),
            input_size: 32,
            embedding_len: 8,
            batch_size: 4,
            logit_scale: 100.0,
            known_words: KnownWords::default(),
        }
    }

    fn batch(keyword: &str) -> Event {
        Event::Batch {
            done: 3,
            skipped: 1,
            windows: 9,
            windows_per_second: 1.0,
            seconds_left: 6.0,
            ranking: ranking(keyword),
        }
    }

    fn finished(windows: usize, seconds: f64) -> Event {
        Event::Finished {
            windows,
            known: 0,
            skipped: 0,
            early: EARLY,
            seconds,
            ranking: ranking("harbor"),
            card: card(),
        }
    }

    /// A search as it is right after a scan was asked for.
    fn asked() -> Search {
        let mut search = Search::new(|| {});
        search.progress = Progress::Waiting;
        search.to_begin = 1;
        search
    }

    #[test]
    fn an_old_scan_does_not_show_on_a_new_scene() {
        let mut search = asked();
        search.take(Event::Started { windows: 9, known: 0 });
        search.take(batch("harbor"));
        assert_eq!(search.ranking.len(), 1);
        search.reset();
        search.take(finished(9, 9.0));
        assert!(search.ranking.is_empty());
        assert_eq!(search.progress, Progress::Idle);
    }

    #[test]
    fn a_scan_stopped_by_the_next_does_not_end_it() {
        let mut search = asked();
        // A second one was asked for before the first began.
        search.to_begin = 2;
        search.take(Event::Started { windows: 5, known: 0 });
        search.take(batch("old"));
        search.take(Event::Cancelled { done: 0, skipped: 0, windows: 5 });
        assert_eq!(search.progress, Progress::Waiting);
        assert!(search.ranking.is_empty());
        search.take(Event::Started { windows: 9, known: 0 });
        assert!(matches!(search.progress, Progress::Running { windows: 9, .. }));
        search.take(batch("new"));
        assert_eq!(search.ranking[0].keyword, "new");
    }

    #[test]
    fn the_expected_time_comes_from_the_last_scan() {
        let mut search = asked();
        assert_eq!(search.estimate(100), Estimate { windows: 100, seconds: None });
        search.take(Event::Loaded { card: card(), windows_per_second: Some(10.0) });
        assert_eq!(search.estimate(100).seconds, Some(10.0));
        search.take(Event::Started { windows: 20, known: 0 });
        search.take(finished(20, 4.0));
        assert_eq!(search.estimate(100).seconds, Some(20.0));
        assert!(!search.running());
    }

    #[test]
    fn windows_that_were_there_are_told() {
        let mut search = asked();
        search.take(Event::Started { windows: 1330, known: 1200 });
        assert!(matches!(search.progress, Progress::Running { done: 1200, .. }));
        assert_eq!(search.notices().back().unwrap(), "1,200 of 1,330 windows were there already");
        assert!(!search.all_known());
        search.progress = Progress::Finished { windows: 9, known: 9, skipped: 2, early: EARLY, seconds: 0.1 };
        assert!(search.all_known());
    }

    #[test]
    fn vectors_of_another_model_are_forgotten() {
        let mut search = Search::new(|| {});
        let vectors = vec![("harbor".to_owned(), Arc::from([1.0_f32]))];
        search.ranking = Arc::new(Answer { vectors, ..(*ranking("harbor")).clone() });
        assert!(search.ranking.vector("harbor").is_some());
        search.take(Event::Loaded { card: card(), windows_per_second: None });
        assert!(search.ranking.vector("harbor").is_none());
        assert_eq!(search.ranking.len(), 1);
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

    #[test]
    fn a_failed_load_is_told_once_and_ends_a_waiting_scan() {
        let mut search = asked();
        search.take(Event::LoadFailed("no such folder".to_owned()));
        search.take(Event::Failed("no model is loaded".to_owned()));
        assert!(!search.running());
        assert_eq!(search.take_errors(), ["no such folder"]);
    }
}

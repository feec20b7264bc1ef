//! Published models: which there are, and the download of one. It runs on a thread of its own; what a pause,
//! a restart or a crash leaves behind is where the next one goes on.

pub mod cards;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::App;
use super::jobs::{Jobs, Report, Reporter};
use crate::models::{Entry, ModelError, Pace, Place, Progress, Watch};

/// Progress is told this often at most.
const REST: Duration = Duration::from_millis(100);

/// A published model, as it is shown.
pub struct Card {
    pub entry: Entry,
    /// Bytes on this computer, if it is here.
    pub here: Option<u64>,
}

/// What the window knows of published models, and the download at hand.
#[derive(Default)]
pub struct GetModel {
    open: bool,
    pub cards: Option<Result<Vec<Card>, String>>,
    looking: bool,
    /// Something may have changed since.
    outdated: bool,
    pub download: Option<Download>,
    /// The unfinished one that the settings on disk know of.
    pub remembered: Option<String>,
}

/// The download of one model.
pub struct Download {
    pub name: String,
    pub progress: Progress,
    pub pace: Pace,
    pub state: State,
    stop: Arc<AtomicBool>,
}

/// What a download does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    Running,
    /// It was asked to stop, and will in a moment.
    Pausing,
    Cancelling,
    Paused,
    Failed(String),
}

impl GetModel {
    pub fn toggle(&mut self) {
        self.open = !self.open;
        self.outdated |= self.open;
    }

    #[must_use]
    pub fn is_open(&self) -> bool {
        self.open
    }

    pub fn set_open(&mut self, open: bool) {
        self.open = open;
    }

    pub fn listed(&mut self, cards: Result<Vec<Card>, String>) {
        self.looking = false;
        self.cards = Some(cards);
    }

    pub fn fetching(&mut self, progress: Progress) {
        if let Some(download) = &mut self.download {
            download.pace.note(Instant::now(), progress.done);
            download.progress = progress;
        }
    }

    /// Whether bytes come in.
    #[must_use]
    pub fn is_running(&self) -> bool {
        let state = self.download.as_ref().map(|download| &download.state);
        matches!(state, Some(State::Running | State::Pausing | State::Cancelling))
    }

    /// What a person calls a model.
    #[must_use]
    pub fn title(&self, name: &str) -> String {
        let cards = self.cards.iter().flatten().flatten();
        let known = cards.map(|card| &card.entry).find(|entry| entry.name == name);
        known.map_or_else(|| name.to_owned(), |entry| entry.title.clone())
    }
}

impl App {
    /// Has looked up which models are here, when that is shown and may have changed.
    pub(super) fn follow_get_model(&mut self) {
        let GetModel { open, looking, outdated, .. } = self.get_model;
        if !open || !outdated || looking {
            return;
        }
        self.get_model.outdated = false;
        let place = self.models.clone();
        self.get_model.looking = self.jobs.start("published models", move |reporter| {
            reporter.tell(Report::Models(cards(&place).map_err(|error| error.to_string())));
        });
    }

    /// Begins a download, or goes on with one.
    pub(super) fn begin_download(&mut self, name: &str) {
        if self.get_model.is_running() {
            return;
        }
        let stop = Arc::new(AtomicBool::new(false));
        let before = self.get_model.download.take().filter(|download| download.name == name);
        let progress = before.map(|download| download.progress).unwrap_or_default();
        if !start(&self.jobs, self.models.clone(), name.to_owned(), Arc::clone(&stop)) {
            self.error = Some("no thread can be started; close other programs and try again".to_owned());
            return;
        }
        self.settings.unfinished_model = Some(name.to_owned());
        self.get_model.download = Some(Download {
            name: name.to_owned(),
            progress,
            pace: Pace::default(),
            state: State::Running,
            stop,
        });
    }

    pub(super) fn pause_download(&mut self) {
        if let Some(download) = &mut self.get_model.download {
            download.stop.store(true, Ordering::Relaxed);
            download.state = State::Pausing;
        }
    }

    /// Ends the download of a model and forgets what came of it.
    pub(super) fn cancel_download(&mut self) {
        self.settings.unfinished_model = None;
        match &mut self.get_model.download {
            Some(download) if matches!(download.state, State::Running | State::Pausing) => {
                download.stop.store(true, Ordering::Relaxed);
                download.state = State::Cancelling;
            }
            Some(download) if download.state != State::Cancelling => {
                let name = download.name.clone();
                self.get_model.download = None;
                self.discard(name);
            }
            _ => {}
        }
    }

    /// Forgets a download of an earlier start.
    pub(super) fn forget_unfinished(&mut self) {
        if let Some(name) = self.settings.unfinished_model.take() {
            self.discard(name);
        }
    }

    fn discard(&self, name: String) {
        let place = self.models.clone();
        self.jobs.start("discard a download", move |_| {
            if let Ok(models) = place.models()
                && let Ok(entry) = models.named(&name)
            {
                models.discard_unfinished(entry);
            }
        });
    }

    /// Takes the end of a download; a model that is there is used at once.
    pub(super) fn model_fetched(&mut self, fetched: Result<(), ModelError>) {
        let Some(mut download) = self.get_model.download.take() else { return };
        match (fetched, &download.state) {
            (_, State::Cancelling) => return self.discard(download.name),
            (Ok(()), _) => {
                self.settings.unfinished_model = None;
                self.get_model.outdated = true;
                self.search.notify(format!("{} is here", self.get_model.title(&download.name)));
                return self.choose_model(PathBuf::from(download.name));
            }
            (Err(ModelError::Stopped), _) => download.state = State::Paused,
            (Err(error), _) => download.state = State::Failed(error.to_string()),
        }
        self.get_model.download = Some(download);
    }
}

/// All published models, and which of them are here.
fn cards(place: &Place) -> Result<Vec<Card>, ModelError> {
    let models = place.models()?;
    let card = |entry: &Entry| Card {
        here: models.find(entry).map(|installed| installed.bytes),
        entry: entry.clone(),
    };
    Ok(models.catalogue.entries.iter().map(card).collect())
}

fn start(jobs: &Jobs, place: Place, name: String, stop: Arc<AtomicBool>) -> bool {
    jobs.start("download a model", move |reporter| {
        reporter.tell(Report::Fetched(fetch(&place, &name, &stop, reporter)));
    })
}

fn fetch(place: &Place, name: &str, stop: &AtomicBool, reporter: &Reporter) -> Result<(), ModelError> {
    let models = place.models()?;
    let entry = models.named(name)?;
    let mut told: Option<(Instant, String, bool)> = None;
    let mut tell = |progress: &Progress| {
        let now = Instant::now();
        let news = told.as_ref().is_none_or(|(last, file, waiting)| {
            now.duration_since(*last) >= REST || *file != progress.file || *waiting != progress.waiting
        });
        if news {
            told = Some((now, progress.file.clone(), progress.waiting));
            reporter.mention(Report::Fetching(progress.clone()));
        }
    };
    models.fetch(entry, &mut Watch::new(stop, &mut tell)).map(drop)
}

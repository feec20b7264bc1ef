//! Published models: which there are, and the download of one.
//!
//! `download` fetches a model on a thread of its own; what a pause, a restart or a crash leaves behind is
//! where the next one goes on. `cards` has the dialog with a card for each model, and shows how far a
//! download is.

pub mod cards;
pub mod download;

use std::path::PathBuf;

use eframe::egui::Context;

use super::action::Action;
use super::jobs::{Job, run_detached};
use super::settings::Settings;
use crate::models::{CatalogueEntry, ModelError, ModelPlaces};
use download::{Download, State};

/// A published model, as it is shown.
pub struct Card {
    pub entry: CatalogueEntry,
    /// Bytes on this computer, if it is here.
    pub here: Option<u64>,
}

/// What a person wants of a card or a download.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DownloadAction {
    /// Begin, or go on.
    Get(String),
    Use(String),
    Pause,
    /// Stop, and remove what was downloaded.
    Cancel,
    /// Remove what is left of a download of an earlier start.
    Forget,
}

/// What the window knows of published models, and the download at hand.
pub struct PublishedModels {
    place: ModelPlaces,
    open: bool,
    cards: Option<Result<Vec<Card>, ModelError>>,
    listing: Option<Job<Result<Vec<Card>, ModelError>>>,
    /// Something may have changed since.
    outdated: bool,
    download: Option<Download>,
    /// The unfinished one that the settings on disk know of.
    remembered: Option<String>,
}

impl PublishedModels {
    /// `place` is where they come from and lie.
    #[must_use]
    pub fn new(place: ModelPlaces) -> Self {
        Self {
            place,
            open: false,
            cards: None,
            listing: None,
            outdated: false,
            download: None,
            remembered: None,
        }
    }

    /// Where they come from and lie.
    #[must_use]
    pub fn place(&self) -> &ModelPlaces {
        &self.place
    }

    pub fn toggle(&mut self) {
        self.open = !self.open;
        self.outdated |= self.open;
    }

    #[cfg(test)]
    pub fn is_open(&self) -> bool {
        self.open
    }

    /// Closes the dialog. Returns whether it was open.
    pub fn close(&mut self) -> bool {
        std::mem::take(&mut self.open)
    }

    /// The models, once they were looked up.
    #[cfg(test)]
    pub fn cards(&self) -> Option<&Result<Vec<Card>, ModelError>> {
        self.cards.as_ref()
    }

    #[cfg(test)]
    pub fn download(&self) -> Option<&Download> {
        self.download.as_ref()
    }

    /// Takes what jobs came to, and looks up which models are here when that is shown and may have changed.
    pub fn poll(&mut self, ctx: &Context, settings: &mut Settings) -> Vec<Action> {
        if let Some(cards) = Job::poll(&mut self.listing) {
            self.cards = Some(cards);
        }
        if self.open && self.outdated && self.listing.is_none() {
            self.outdated = false;
            let place = self.place.clone();
            self.listing = Job::start(ctx, "published models", move |_| cards_of(&place)).ok();
        }
        match self.download.as_mut().and_then(Download::poll) {
            Some(fetched) => self.fetched(fetched, settings),
            None => Vec::new(),
        }
    }

    /// Does what a person wants.
    pub fn handle(&mut self, ctx: &Context, settings: &mut Settings, action: DownloadAction) -> Vec<Action> {
        match action {
            DownloadAction::Get(name) => return self.begin(ctx, settings, &name),
            DownloadAction::Use(name) => {
                self.open = false;
                return vec![Action::ChooseModel(name.into())];
            }
            DownloadAction::Pause => {
                if let Some(download) = &mut self.download {
                    download.stop(State::Pausing);
                }
            }
            DownloadAction::Cancel => self.cancel(settings),
            DownloadAction::Forget => {
                if let Some(name) = settings.unfinished_model.take() {
                    self.discard(name);
                }
            }
        }
        Vec::new()
    }

    /// Begins a download, or goes on with one.
    fn begin(&mut self, ctx: &Context, settings: &mut Settings, name: &str) -> Vec<Action> {
        if self.is_running() {
            return Vec::new();
        }
        let before = self.download.take().filter(|download| download.name() == name);
        let progress = before.map(|download| download.progress().clone()).unwrap_or_default();
        let Ok(download) = Download::start(ctx, self.place.clone(), name, progress) else {
            let error = "no thread can be started; close other programs and try again";
            return vec![Action::ShowError(error.to_owned())];
        };
        settings.unfinished_model = Some(name.to_owned());
        self.download = Some(download);
        Vec::new()
    }

    /// Ends the download of a model and forgets what came of it.
    fn cancel(&mut self, settings: &mut Settings) {
        settings.unfinished_model = None;
        let Some(download) = &mut self.download else { return };
        match download.state() {
            State::Running | State::Pausing => download.stop(State::Cancelling),
            State::Cancelling => {}
            State::Paused | State::Failed(_) => {
                let name = download.name().to_owned();
                self.download = None;
                self.discard(name);
            }
        }
    }

    /// Removes what was downloaded of a model.
    fn discard(&self, name: String) {
        let place = self.place.clone();
        run_detached("discard a download", move || {
            if let Ok(models) = place.models()
                && let Ok(entry) = models.named(&name)
            {
                models.discard_unfinished(entry);
            }
        });
    }

    /// A download has ended; a model that is there is used at once.
    fn fetched(&mut self, fetched: Result<(), ModelError>, settings: &mut Settings) -> Vec<Action> {
        let Some(mut download) = self.download.take() else { return Vec::new() };
        let name = download.name().to_owned();
        match (fetched, download.state()) {
            (_, State::Cancelling) => self.discard(name),
            (Ok(()), _) => {
                settings.unfinished_model = None;
                self.outdated = true;
                return vec![
                    Action::Notify(format!("{} is here", self.title(&name))),
                    Action::ChooseModel(PathBuf::from(name)),
                ];
            }
            (Err(error), _) => {
                download.end(error);
                self.download = Some(download);
            }
        }
        Vec::new()
    }

    /// Whether another download is unfinished than the settings on disk say, so that they must be written.
    pub fn must_remember(&mut self, settings: &Settings) -> bool {
        if self.remembered == settings.unfinished_model {
            return false;
        }
        self.remembered.clone_from(&settings.unfinished_model);
        true
    }

    /// Whether bytes come in.
    fn is_running(&self) -> bool {
        let state = self.download.as_ref().map(Download::state);
        matches!(state, Some(State::Running | State::Pausing | State::Cancelling))
    }

    /// What a person calls a model.
    fn title(&self, name: &str) -> String {
        let cards = self.cards.iter().flatten().flatten();
        let known = cards.map(|card| &card.entry).find(|entry| entry.name == name);
        known.map_or_else(|| name.to_owned(), |entry| entry.title.clone())
    }
}

/// All published models, and which of them are here.
fn cards_of(place: &ModelPlaces) -> Result<Vec<Card>, ModelError> {
    let models = place.models()?;
    let card = |entry: &CatalogueEntry| Card {
        here: models.find(entry).map(|installed| installed.bytes),
        entry: entry.clone(),
    };
    Ok(models.catalogue.entries.iter().map(card).collect())
}

//! The window: shows a scene, takes keywords, draws the boxes that the scan finds.
//!
//! The window's thread never decodes, never encodes and never waits. It sends requests to the scanner
//! (`search`), to the threads that read textures (`textures`) and to `jobs`, and takes their answers once a
//! frame.
//!
//! The window consists of rooms, each with state of its own: `scene`, `textures`, `viewport`, `search_panel`,
//! `results`, `published_models`, `around` and `chrome`. A room shows itself by its `ui` functions, which are
//! given what they look at and return what they want of others as `action`s. [`App`] joins the rooms: `frame`
//! says what happens in which order, `command_handler` carries out actions and `commands`, `scanning` and
//! `exporting` lead from the controls to a scan and to a file. `start` opens the window, `startup` holds what
//! `options` asked for, and `settings` is what is `remembered`. `keyboard` helps those who use no
//! mouse, and `stored` answers for scenes that were scanned before.

mod action;
mod around;
mod chrome;
mod command_handler;
mod commands;
mod exporting;
mod format;
mod frame;
mod frame_log;
mod jobs;
mod keyboard;
mod options;
mod published_models;
mod remembered;
mod results;
mod scanning;
mod scene;
mod screenshot;
mod search;
mod search_panel;
mod settings;
mod start;
mod startup;
mod stored;
#[cfg(test)]
mod tests;
mod textures;
mod theme;
mod viewport;
mod widget_log;

use eframe::egui::Context;

use crate::models::ModelPlaces;
use action::About;
use around::GoToDialog;
use chrome::Chrome;
use frame_log::FrameLog;
pub use options::Options;
use options::Start;
use published_models::PublishedModels;
use remembered::Remembered;
use results::ResultsPanel;
use scene::SceneState;
pub use scene::sample::SAMPLE_KEYWORD;
use search::Search;
use search_panel::SearchPanel;
use settings::Settings;
pub use start::{WindowError, run};
use startup::{InputFiles, Outcome, Startup};
use stored::StoredSearch;
use textures::SceneTextures;
use viewport::Viewport;

/// The window and everything in it.
pub struct App {
    settings: Settings,
    remembered: Remembered,
    startup: Startup,
    inputs: InputFiles,
    scene: SceneState,
    /// Those of the open scene.
    textures: Option<SceneTextures>,
    viewport: Viewport,
    search_panel: SearchPanel,
    results: ResultsPanel,
    published_models: PublishedModels,
    chrome: Chrome,
    go_to: GoToDialog,
    search: Search,
    frame_log: Option<FrameLog>,
    stored: StoredSearch,
}

impl App {
    /// Makes the window's state and begins to load what the options name.
    fn new(ctx: &Context, options: &Options, remembered: Settings, outcome: Outcome) -> Self {
        theme::install(ctx);
        ctx.set_theme(remembered.theme);
        let waker = ctx.clone();
        let storage = start::storage(options, &remembered);
        let kept = Remembered::new(start::state_file(options), remembered.clone().sound());
        let start = Start::new(options, remembered);
        let mut settings = start.settings();
        if let Some(model) = &options.model {
            settings.remember_model(model);
        }
        let models = options.models.clone().unwrap_or_else(ModelPlaces::from_environment);
        let mut app = Self {
            remembered: kept,
            startup: Startup::new(options, start, outcome),
            inputs: InputFiles::new(options),
            scene: SceneState::new(options, storage),
            textures: None,
            viewport: Viewport::default(),
            search_panel: SearchPanel::new(ctx, options, &settings),
            results: ResultsPanel::default(),
            published_models: PublishedModels::new(models),
            chrome: Chrome::default(),
            go_to: GoToDialog::default(),
            search: Search::new(move || waker.request_repaint()),
            frame_log: None,
            stored: StoredSearch::default(),
            settings,
        };
        if let Some(path) = &options.frame_log {
            match FrameLog::create(path) {
                Ok(log) => app.frame_log = Some(log),
                Err(error) => app.fail(ctx, About::Deed, error.to_string()),
            }
        }
        if app.startup.is_for_screenshot() {
            app.viewport.stay_fitted();
        }
        app.load_model();
        if let Some(image) = &options.image {
            app.open(ctx, image.clone());
        } else if options.sample {
            app.open_sample(ctx);
        }
        app
    }

    /// Tells an error; a screenshot on the command line cannot go on then.
    fn fail(&mut self, ctx: &Context, about: About, error: String) {
        if self.startup.waits_for_screenshot() {
            self.startup.leave(ctx, Some(error));
        } else {
            self.chrome.show_error(about, error);
        }
    }

    /// Tells what a scan could not read. A screenshot shows what was found all the same, and the program ends
    /// with the error.
    fn tell_incomplete(&mut self, incomplete: String) {
        if self.startup.is_for_screenshot() {
            self.startup.leave_error(incomplete.clone());
        }
        self.chrome.show_error(About::Scene, incomplete);
    }
}

//! The window: shows a scene, takes keywords, draws the boxes that the scan finds.
//!
//! The window's thread never decodes, never encodes and never waits. It sends requests to the scanner
//! (`search`), to the threads that read patches (`patch_loader`) and to jobs (`jobs`), and takes their
//! answers once a frame.

mod chrome;
mod command_handler;
mod commands;
mod format;
mod frame;
mod frame_log;
mod jobs;
mod options;
mod published_models;
mod reports;
mod results;
mod scene;
mod screenshot;
mod search;
mod search_panel;
mod settings;
mod start;
#[cfg(test)]
mod tests;
mod textures;
mod theme;
mod viewport;
mod widget_log;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use eframe::egui::{self, Context};

use crate::models::Place;
use crate::search::Detection;
use crate::search::{Example, PromptTemplate};
use crate::windows::{Area, Grid, Region};
use chrome::notices::NoticeList;
use chrome::preferences::Preferences;
use commands::UiCommand;
use frame_log::FrameLog;
use jobs::Jobs;
pub use options::Options;
use options::Start;
use published_models::GetModel;
use results::feedback::FeedbackHistory;
use results::filter::Gallery;
use scene::address::UrlDialog;
use scene::opening::{OpenScene, Opening};
use scene::overviews::Overviewing;
pub use scene::sample::SAMPLE_KEYWORD;
use screenshot::Screenshot;
use search::Search;
use search_panel::background::BackgroundWords;
use search_panel::keywords::Keywords;
use search_panel::saved_queries::Saved;
use search_panel::suggestions::Suggestions;
use search_panel::window_count::Plan;
use settings::Settings;
pub use start::{WindowError, run};
use viewport::boxes::DetectionId;
use viewport::heat_map::HeatOverlay;
use viewport::tools::Tools;
use viewport::view::View;

/// Why the program should end with an error, left by the window for whoever started it.
type Outcome = Arc<Mutex<Option<String>>>;

/// The window and everything in it.
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct App {
    settings: Settings,
    start: Start,
    keywords: Keywords,
    suggestions: Suggestions,
    background: BackgroundWords,
    scene: Option<OpenScene>,
    opening: Option<Opening>,
    /// Scenes asked for so far.
    openings: u64,
    /// The windows of the present size.
    grid: Option<Grid>,
    /// How many windows a scan with the present settings would look at.
    plan: Plan,
    /// Where a scan looks, in pixels of the scene; none for all of it.
    areas: Vec<Area>,
    /// The areas that the start asked for, until the first scene is opened.
    region: Region,
    /// The files with these areas, which no export replaces.
    region_files: Vec<PathBuf>,
    /// The folder where embeddings are kept, if they may be.
    store: Option<PathBuf>,
    saved: Saved,
    preferences: Preferences,
    get_model: GetModel,
    search: Search,
    /// Where published models come from and lie.
    models: Place,
    /// The model that comes with Skysift, for when no other is chosen.
    bundled_model: Option<PathBuf>,
    /// The folder for files that can be made again, if not the user's.
    cache: Option<PathBuf>,
    view: View,
    tools: Tools,
    /// What keywords refer to as `@name`.
    examples: Vec<Example>,
    /// How many were drawn so far: the name of the last.
    examples_drawn: u32,
    feedback: FeedbackHistory,
    heat: HeatOverlay,
    gallery: Gallery,
    /// Show the best boxes of a keyword even where none is a clear match.
    show_unclear: bool,
    jobs: Jobs,
    notices: NoticeList,
    /// What went wrong, until it is dismissed.
    error: Option<String>,
    own_template: bool,
    help: bool,
    url_dialog: UrlDialog,
    list_hovered: Option<DetectionId>,
    scroll_to_selected: bool,
    exporting: Option<jobs::Running>,
    overviewing: Option<Overviewing>,
    /// Begin to make overviews once the first picture is there.
    overviews_due: bool,
    screenshot: Option<Screenshot>,
    /// Scan as soon as the scene is there: for the screenshot, and for a first look at the sample scene.
    scan_when_ready: bool,
    frame_log: Option<FrameLog>,
    title: String,
    outcome: Outcome,
}

impl App {
    /// Makes the window's state and begins to load what the options name.
    fn new(ctx: &Context, options: &Options, remembered: Settings, outcome: Outcome) -> Self {
        theme::install(ctx);
        ctx.set_theme(remembered.theme);
        let waker = ctx.clone();
        let start = Start::new(options, remembered);
        let mut settings = start.settings();
        if let Some(model) = &options.model {
            settings.remember_model(model);
        }
        let mut keywords = Keywords::default();
        for word in &options.keywords {
            keywords.add(word);
        }
        let own_template = !PromptTemplate::OFFERED.contains(&settings.template.as_str());
        let screenshot = options.screenshot.clone().map(|path| Screenshot::new(path, options.exit));
        let jobs = Jobs::new(ctx);
        let mut app = Self {
            plan: Plan::default(),
            areas: Vec::new(),
            region: options.region.clone(),
            region_files: options.region.files.clone(),
            store: options.store.clone(),
            saved: Saved::new(options.queries.as_deref(), &jobs),
            preferences: Preferences::default(),
            get_model: GetModel::default(),
            models: options.models.clone().unwrap_or_else(Place::from_environment),
            background: BackgroundWords::new(options.background.clone()),
            scene: None,
            opening: None,
            openings: 0,
            grid: None,
            search: Search::new(move || waker.request_repaint()),
            bundled_model: options.bundled_model.clone(),
            cache: options.cache.clone(),
            suggestions: Suggestions::default(),
            view: View::default(),
            tools: Tools::default(),
            examples: Vec::new(),
            examples_drawn: 0,
            feedback: FeedbackHistory::default(),
            heat: HeatOverlay::default(),
            gallery: Gallery::default(),
            show_unclear: false,
            jobs,
            notices: NoticeList::default(),
            error: None,
            own_template,
            help: false,
            url_dialog: UrlDialog::default(),
            list_hovered: None,
            scroll_to_selected: false,
            exporting: None,
            overviewing: None,
            overviews_due: false,
            scan_when_ready: screenshot.is_some() && !keywords.is_empty(),
            screenshot,
            frame_log: None,
            title: String::new(),
            outcome,
            start,
            settings,
            keywords,
        };
        if let Some(path) = &options.frame_log {
            match FrameLog::create(path) {
                Ok(log) => app.frame_log = Some(log),
                Err(error) => app.fail(ctx, error),
            }
        }
        app.load_model();
        if let Some(image) = &options.image {
            app.open(image.clone());
        } else if options.sample {
            app.open_sample();
        }
        app
    }

    /// Tells an error; a screenshot on the command line cannot go on then.
    fn fail(&mut self, ctx: &Context, error: String) {
        if self.screenshot.as_ref().is_some_and(|screenshot| !screenshot.done()) {
            self.leave(ctx, Some(error));
        } else {
            self.error = Some(error);
        }
    }

    /// Tells what a scan could not read. A screenshot shows what was found all the same, and the program ends
    /// with the error.
    fn tell_incomplete(&mut self, incomplete: String) {
        if self.screenshot.is_some() {
            let mut outcome = self.outcome.lock().unwrap_or_else(PoisonError::into_inner);
            *outcome = outcome.take().or_else(|| Some(incomplete.clone()));
        }
        self.error = Some(incomplete);
    }

    /// Closes the window; with an error, the program ends with that.
    fn leave(&mut self, ctx: &Context, error: Option<String>) {
        if error.is_some() {
            let mut outcome = self.outcome.lock().unwrap_or_else(PoisonError::into_inner);
            *outcome = outcome.take().or(error);
        }
        ctx.send_viewport_cmd(egui::ViewportCommand::Close);
    }

    fn select(&mut self, ctx: &Context, detection: &Detection) {
        if let Some(open) = &self.scene {
            let now = ctx.input(|input| input.time);
            self.view.select(detection, open.scene.size(), now);
            ctx.request_repaint();
        }
    }
}

//! The window: shows a scene, takes keywords, draws the boxes that the scan finds.
//!
//! The window's thread never decodes, never encodes and never waits. It sends requests to the scanner
//! (`search`), to the threads that read patches (`patch_loader`) and to jobs (`jobs`), and takes their
//! answers once a frame.

mod areas;
mod arrangement;
mod background;
mod box_settings;
mod camera;
mod checker;
mod chips;
mod commands;
mod crops;
mod dialogs;
mod draft;
mod export;
mod frame_log;
mod gallery;
mod gallery_cells;
mod heat_overlay;
mod help;
mod histogram;
mod jobs;
mod keywords;
mod list;
mod map_marks;
mod open_url;
mod options;
mod overlay;
mod overviews;
mod panel;
mod patch_cache;
mod patch_grid;
mod patch_loader;
mod patches;
mod picture;
mod plan;
mod preferences;
mod rendering_panel;
mod sample;
mod saved;
mod screenshot;
mod search;
mod settings;
mod sorting;
mod start;
mod status;
mod suggestions;
#[cfg(test)]
mod tests;
mod theme;
mod thumbs;
mod tools;
mod viewport;
mod words;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use eframe::egui::{self, Context, Ui};

use crate::clip::ModelSource;
use crate::raster::{self, OpenProgress, RemoteOptions, Rendered, Scene};
use crate::scan::{
    Area, Detection, Early, Example, Grid, GridSettings, PromptTemplate, Query, Region, ScanRequest,
    SceneSource, clip_loader,
};
use background::BackgroundWords;
use commands::UiCommand;
use crops::Crops;
use export::{Export, Target, What, keywords_by_slot};
use frame_log::FrameLog;
use heat_overlay::HeatOverlay;
use jobs::{Jobs, Report};
use keywords::Keywords;
use open_url::UrlDialog;
pub use options::Options;
use options::Start;
use overlay::DetectionId;
use overviews::Overviewing;
use patches::Patches;
use picture::Picture;
use plan::Plan;
use preferences::Preferences;
pub use sample::SAMPLE_KEYWORD;
use saved::Saved;
use screenshot::Screenshot;
use search::{ModelState, Progress, Search, Tick};
use settings::Settings;
use sorting::{Gallery, Show};
pub use start::{WindowError, run};
use suggestions::Suggestions;
use thumbs::{Verdict, Votes};
use tools::{Tool, Tools};
use viewport::View;

/// Why the program should end with an error, left by the window for whoever started it.
type Outcome = Arc<Mutex<Option<String>>>;

/// The scene that is shown.
struct OpenScene {
    scene: Arc<Scene>,
    patches: Patches,
    crops: Crops,
    picture: Picture,
}

/// A scene that is being opened.
struct Opening {
    number: u64,
    wanted: Wanted,
    progress: OpenProgress,
}

/// Which scene.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Wanted {
    File(PathBuf),
    /// The painted one, which may have to be painted first.
    Sample,
}

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
    /// The folder where embeddings are kept, if they may be.
    store: Option<PathBuf>,
    saved: Saved,
    preferences: Preferences,
    search: Search,
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
    thumbs: Votes,
    heat: HeatOverlay,
    gallery: Gallery,
    /// Show the best boxes of a keyword even where none is a clear match.
    show_unclear: bool,
    jobs: Jobs,
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
            store: options.store.clone(),
            saved: Saved::new(options.queries.as_deref(), &jobs),
            preferences: Preferences::default(),
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
            thumbs: Votes::default(),
            heat: HeatOverlay::default(),
            gallery: Gallery::default(),
            show_unclear: false,
            jobs,
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

    /// Opens a scene on another thread; the one before stays until that is done.
    fn open(&mut self, path: PathBuf) {
        let file = path.clone();
        let remote = RemoteOptions { cache: self.cache.clone(), ..RemoteOptions::default() };
        self.open_with(Wanted::File(path), move |progress| {
            Scene::open_watched(&file, &remote, progress).map_err(|error| error.to_string())
        });
    }

    /// Has a scene opened by another thread.
    fn open_with(
        &mut self,
        wanted: Wanted,
        open: impl FnOnce(&OpenProgress) -> Result<Scene, String> + Send + 'static,
    ) {
        self.openings += 1;
        let number = self.openings;
        self.error = None;
        let region = std::mem::take(&mut self.region);
        let progress = OpenProgress::default();
        let watched = progress.clone();
        let started = self.jobs.start("open", move |reporter| {
            let scene = open(&watched).map(Arc::new);
            let areas = scene.as_ref().map_or(Ok(Vec::new()), |scene| region.areas(scene));
            let areas = areas.map_err(|error| error.to_string());
            reporter.tell(Report::Opened { number, scene, areas });
        });
        if started {
            self.opening = Some(Opening { number, wanted, progress });
        } else {
            self.error = Some("The system is out of threads; close something and try again.".to_owned());
        }
    }

    fn opened(&mut self, ctx: &Context, wanted: &Wanted, scene: Result<Arc<Scene>, String>) {
        match scene {
            Ok(scene) => {
                self.search.reset();
                self.view.reset();
                self.forget_marks();
                let picture = Picture::new(&scene);
                let source: Arc<dyn SceneSource> = Arc::clone(picture.source()) as _;
                if let Some(notice) = &scene.info().notice {
                    self.search.notify(words::sentence(notice));
                }
                let patches = Patches::new(&source, ctx);
                let crops = Crops::new(&source, ctx);
                self.overviewing = None;
                self.overviews_due = scene.lacks_overviews();
                self.scene = Some(OpenScene { scene, patches, crops, picture });
                match wanted {
                    // What is secret does not belong into a file of settings.
                    Wanted::File(path) if raster::has_secrets(path) => {}
                    Wanted::File(path) if raster::is_address(path) => self.settings.remember_scene(path),
                    Wanted::File(path) => {
                        let path = std::path::absolute(path).unwrap_or_else(|_| path.clone());
                        self.settings.remember_scene(&path);
                    }
                    // It has a command of its own, and may be gone when the cache is emptied.
                    Wanted::Sample => self.scan_when_ready = true,
                }
            }
            Err(error) => self.fail(ctx, error),
        }
    }

    /// Tells an error; a screenshot on the command line cannot go on then.
    fn fail(&mut self, ctx: &Context, error: String) {
        if self.screenshot.as_ref().is_some_and(|screenshot| !screenshot.done()) {
            self.leave(ctx, Some(error));
        } else {
            self.error = Some(error);
        }
    }

    /// Closes the window; with an error, the program ends with that.
    fn leave(&mut self, ctx: &Context, error: Option<String>) {
        if error.is_some() {
            let mut outcome = self.outcome.lock().unwrap_or_else(PoisonError::into_inner);
            *outcome = outcome.take().or(error);
        }
        ctx.send_viewport_cmd(egui::ViewportCommand::Close);
    }

    fn choose_model(&mut self, path: PathBuf) {
        // A folder holds its own description; only a bare file needs the architecture named.
        if self.settings.model.as_ref() != Some(&path) {
            self.settings.arch = None;
        }
        self.settings.remember_model(&path);
        self.settings.model = Some(path);
        self.load_model();
    }

    /// Goes back to the model that comes with Skysift; it is looked up anew at every start, and so not remembered.
    fn choose_bundled_model(&mut self) {
        self.settings.model = None;
        self.settings.arch = None;
        self.load_model();
    }

    /// The folder or file of the model in use.
    fn model_path(&self) -> Option<&Path> {
        self.settings.model.as_deref().or(self.bundled_model.as_deref())
    }

    fn load_model(&mut self) {
        let Some(path) = self.model_path().map(Path::to_owned) else { return };
        let source = ModelSource { path, arch: self.settings.arch.clone() };
        self.search.load(clip_loader(source, self.settings.device()));
    }

    /// What is looked for, when that is complete.
    fn query(&self) -> Option<Query> {
        let template = PromptTemplate::new(&self.settings.template).ok()?;
        let draft = self.keywords.draft().map(|draft| draft.word.clone());
        let keywords: Vec<String> = self
            .keywords
            .words()
            .into_iter()
            .chain(draft)
            .filter(|word| self.problem(word).is_none())
            .collect();
        (!keywords.is_empty()).then(|| Query {
            template,
            background: self.background.of(self.settings.background),
            rank_by: self.settings.rank_by,
            top_k: self.settings.top_k,
            examples: [self.examples.clone(), self.saved.examples(&keywords)].concat(),
            thumbs: self.thumbs.thumbs(),
            heat_map: self.heat.wanted(&self.keywords),
            boxes: self.settings.boxes(),
            threshold: self.settings.threshold,
            keywords,
        })
    }

    fn scan(&mut self) {
        self.enter_keywords();
        if self.missing().is_some() {
            return;
        }
        let (Some(open), Some(query)) = (&self.scene, self.query()) else { return };
        let view = self.view.visible(open.scene.size());
        let scene: Arc<dyn SceneSource> = Arc::clone(&open.scene) as _;
        self.search.start(ScanRequest {
            scales: self.settings.scales(),
            areas: self.areas.clone(),
            view,
            exact: self.settings.exact,
            coarse: self.settings.coarse(),
            uniform: self.settings.uniform,
            store: self.store(),
            ..ScanRequest::new(scene, self.settings.grid(), query)
        });
        self.view.selected = None;
    }

    fn select(&mut self, ctx: &Context, detection: &Detection) {
        if let Some(open) = &self.scene {
            let now = ctx.input(|input| input.time);
            self.view.select(detection, open.scene.size(), now);
            ctx.request_repaint();
        }
    }

    /// Carries out a command.
    fn run(&mut self, ctx: &Context, command: UiCommand) {
        let now = ctx.input(|input| input.time);
        let size = self.scene.as_ref().map(|open| open.scene.size());
        ctx.request_repaint();
        match (command, size) {
            (UiCommand::Open, _) => {
                dialogs::pick_image(&self.jobs, self.settings.recent_scenes.first().map(PathBuf::as_path));
            }
            (UiCommand::OpenFolder, _) => {
                dialogs::pick_folder(&self.jobs, self.settings.recent_scenes.first().map(PathBuf::as_path));
            }
            (UiCommand::OpenUrl, _) => self.url_dialog.open(),
            (UiCommand::OpenSample, _) => self.open_sample(),
            (UiCommand::FocusKeywords, _) => {
                ctx.memory_mut(|memory| memory.request_focus(panel::keyword_field()));
            }
            (UiCommand::Scan, _) => self.scan(),
            (UiCommand::Cancel, _) => self.search.cancel(),
            (UiCommand::Fit, Some(size)) => self.view.fit(size, now),
            (UiCommand::ActualSize, Some(size)) => self.view.actual_size(size, ctx.pixels_per_point(), now),
            (UiCommand::ZoomIn, Some(size)) => self.view.zoom(size, 1),
            (UiCommand::ZoomOut, Some(size)) => self.view.zoom(size, -1),
            (UiCommand::PanLeft, Some(size)) => self.view.pan(size, (-1.0, 0.0)),
            (UiCommand::PanRight, Some(size)) => self.view.pan(size, (1.0, 0.0)),
            (UiCommand::PanUp, Some(size)) => self.view.pan(size, (0.0, -1.0)),
            (UiCommand::PanDown, Some(size)) => self.view.pan(size, (0.0, 1.0)),
            (UiCommand::NextDetection, _) => self.step_selection(ctx, true),
            (UiCommand::PreviousDetection, _) => self.step_selection(ctx, false),
            (UiCommand::Deselect, _) => self.deselect(),
            (UiCommand::ToggleGrid, _) => self.settings.show_grid = !self.settings.show_grid,
            (UiCommand::ToggleBoxes, _) => self.settings.show_boxes = !self.settings.show_boxes,
            (UiCommand::ToolPan, _) => self.tools.choose(Tool::Pan),
            (UiCommand::ToolSimilar, Some(_)) => self.tools.choose(Tool::Similar),
            (UiCommand::ToolRectangle, Some(_)) => self.tools.choose(Tool::Rectangle),
            (UiCommand::ToolPolygon, Some(_)) => self.tools.choose(Tool::Polygon),
            (UiCommand::ScanView, Some(_)) => self.scan_view(),
            (UiCommand::WholeScene, _) => self.clear_areas(),
            (UiCommand::ToggleHeatMap, _) => self.heat.on = !self.heat.on,
            (UiCommand::ToggleGallery, _) => self.settings.show = self.settings.show.toggled(),
            (UiCommand::ThumbUp, _) => self.judge(Verdict::Accepted),
            (UiCommand::ThumbDown, _) => self.judge(Verdict::Rejected),
            (UiCommand::UndoThumb, _) => self.thumbs.undo(),
            (UiCommand::ExportPicture, Some(_)) => self.ask_target(What::Picture),
            (UiCommand::ExportView, Some(_)) => self.ask_target(What::View),
            (UiCommand::ExportGeoJson, Some(_)) => self.ask_target(What::GeoJson),
            (UiCommand::ExportCsv, Some(_)) => self.ask_target(What::Csv),
            (UiCommand::ExportJson, Some(_)) => self.ask_target(What::Json),
            (UiCommand::Help, _) => self.help = !self.help,
            (UiCommand::Preferences, _) => self.preferences.toggle(),
            // Without a scene there is nothing to look at or to save.
            (_, None) => {}
        }
    }

    /// Closes what is open, the topmost first.
    fn deselect(&mut self) {
        if self.url_dialog.is_open() {
            self.url_dialog.close();
        } else if self.saved.close() {
            // That was all.
        } else if self.preferences.is_open() {
            self.preferences.toggle();
        } else if self.help {
            self.help = false;
        } else if self.error.is_some() {
            self.error = None;
        } else if self.opening.is_some() {
            self.opening = None;
        } else if !self.tools.cancel() {
            self.view.selected = None;
        }
    }

    fn ask_target(&self, what: What) {
        if let Some(open) = &self.scene {
            dialogs::pick_target(
                &self.jobs,
                what,
                Path::new(&words::file_name(open.scene.path())),
                open.scene.path(),
            );
        }
    }

    fn export(&mut self, target: Target) {
        let Some(open) = &self.scene else { return };
        let size = open.scene.size();
        let whole = raster::Rect::new(0, 0, size.0, size.1);
        let card = match &self.search.model {
            ModelState::Ready(card) => Some(card.clone()),
            _ => None,
        };
        let none = Early { tenth: 0.0, quarter: 0.0 };
        let (windows, known, skipped, early, seconds) = match self.search.progress {
            Progress::Finished { windows, known, skipped, early, seconds } => {
                (windows, known, skipped, early, seconds)
            }
            Progress::Running { done, skipped, .. } | Progress::Cancelled { done, skipped, .. } => {
                (done.saturating_sub(skipped), 0, skipped, none, 0.0)
            }
            Progress::Idle | Progress::Waiting | Progress::Failed(_) => (0, 0, 0, none, 0.0),
        };
        let running = jobs::Running::default();
        let export = Export {
            stop: running.stop_flag(),
            target,
            scene: Arc::clone(&open.scene),
            picture: Arc::clone(open.picture.source()),
            view: self.view.visible(size).unwrap_or(whole),
            ranking: Arc::clone(&self.search.ranking),
            detections: list::shown(&self.search.ranking, &self.keywords, self.show_unclear)
                .into_iter()
                .map(|(detection, _)| detection.clone())
                .collect(),
            keywords: keywords_by_slot(&self.keywords),
            query: self.search.query().cloned().or_else(|| self.query()).unwrap_or_default(),
            card,
            grid: self.search.scanned.unwrap_or_else(|| self.settings.grid()),
            scales: self.search.scanned_scales().unwrap_or_else(|| self.settings.scales()),
            windows,
            known,
            skipped,
            early,
            seconds,
        };
        self.exporting = Some(running);
        export.start(&self.jobs);
    }

    /// Takes what jobs and scanner have to tell.
    fn take_reports(&mut self, ctx: &Context) {
        while let Some(report) = self.jobs.next() {
            match report {
                Report::Opened { number, scene, areas } => {
                    // A scene that was asked for before another one is no longer wanted.
                    if let Some(opening) = self.opening.take_if(|opening| opening.number == number) {
                        let there = scene.is_ok();
                        self.opened(ctx, &opening.wanted, scene);
                        match areas {
                            Ok(areas) if there => self.areas = areas,
                            Ok(_) => {}
                            Err(error) => {
                                // Not the whole scene was asked for.
                                self.scan_when_ready = false;
                                self.fail(ctx, error);
                            }
                        }
                    }
                }
                Report::Counted { number, windows } => self.plan.take(number, windows),
                Report::Stored(stored) => self.preferences.take(stored),
                Report::Cleared(cleared) => self.cleared(cleared),
                Report::SavedQueries(listing) => self.saved_queries_listed(listing),
                Report::Overviewing(scene, part) => self.overviews_advance(&scene, part),
                Report::Overviewed(scene, made) => self.overviews_ended(&scene, made),
                Report::Rendered(rendered) => self.rendered(rendered),
                Report::Shaded(shaded) => self.shaded(ctx, *shaded),
                Report::PickedImage(path) => self.open(path),
                Report::PickedModel(path) => self.choose_model(path),
                Report::PickedTarget(target) => self.export(target),
                Report::NoDialog => {
                    self.error = Some(
                        "No file dialog could be opened. Drop the file on the window, or name it on the command \
                         line; on Linux, installing xdg-desktop-portal or zenity brings the dialogs."
                            .to_owned(),
                    );
                }
                Report::Exporting(part) => {
                    if let Some(running) = &mut self.exporting {
                        running.part = part;
                    }
                }
                Report::Exported(done) => {
                    self.exporting = None;
                    match done {
                        Ok(notice) => self.search.notify(notice),
                        Err(error) => self.error = Some(error),
                    }
                }
                Report::ScreenshotSaved(saved) => self.screenshot_saved(ctx, saved),
            }
        }
        self.search.drain();
        for error in self.search.take_errors() {
            self.fail(ctx, error);
        }
    }

    /// Shows the scene in another rendering, unless it is no longer the open one.
    fn rendered(&mut self, rendered: Arc<Rendered>) {
        let Some(open) = self.scene.as_mut().filter(|open| Arc::ptr_eq(&open.scene, rendered.scene())) else {
            return;
        };
        if open.picture.prepared(rendered) {
            let source: Arc<dyn SceneSource> = Arc::clone(open.picture.source()) as _;
            open.patches.set_source(&source);
            open.crops.set_source(&source);
        }
    }

    /// Has the rendering prepared that the controls ask for.
    fn follow_picture(&mut self) {
        let Some(open) = &mut self.scene else { return };
        let Some(rendering) = open.picture.next(open.patches.complete()) else { return };
        let scene = Arc::clone(&open.scene);
        let started = self.jobs.start("picture", move |reporter| {
            reporter.tell(Report::Rendered(Arc::new(Rendered::new(scene, &rendering))));
        });
        if !started {
            open.picture.not_prepared();
        }
    }

    fn screenshot_saved(&mut self, ctx: &Context, saved: Result<(), String>) {
        if let Err(error) = saved {
            self.fail(ctx, error);
            return;
        }
        let Some(screenshot) = &mut self.screenshot else { return };
        screenshot.saved();
        if screenshot.exit {
            self.leave(ctx, None);
        }
    }

    /// Keeps the scanner's query and the grid in step with the controls.
    fn follow_controls(&mut self) {
        let settings = self.settings.grid();
        let size = self.scene.as_ref().map(|open| open.scene.size());
        let up_to_date = |grid: &Grid| grid.settings() == settings && Some(grid.scene_size()) == size;
        if !self.grid.as_ref().is_some_and(up_to_date) {
            self.grid = size.and_then(|(width, height)| grid_of(width, height, settings));
        }
        self.forget_unused_examples();
        self.follow_plan();
        self.follow_preferences();
    }

    /// Looks for what the controls say now. It comes last in a frame, so that it knows of a key that was pressed; when the
    /// answer comes at once, the frame is laid out anew with it before anybody sees it.
    fn ask(&mut self, ctx: &Context) {
        self.follow_typing();
        let now = ctx.input(|input| input.time);
        if let Some(query) = self.query() {
            self.search.ask(query, now);
        }
        match self.search.tick(now) {
            Tick::Idle => {}
            Tick::Wait(seconds) => ctx.request_repaint_after(std::time::Duration::from_secs_f64(seconds)),
            Tick::Answered => ctx.request_discard("the answer came"),
        }
    }

    fn take_dropped_files(&mut self, ctx: &Context) {
        let dropped = ctx.input(|input| input.raw.dropped_files.first().map(|file| file.path().to_owned()));
        if let Some(path) = dropped {
            // A folder cannot be a scene, but it can hold a model.
            if path.join("config.json").is_file() || path.join("open_clip_config.json").is_file() {
                self.choose_model(path);
            } else {
                self.open(path);
            }
        }
    }

    /// The title names the scene.
    fn show_title(&mut self, ctx: &Context) {
        let title = self.scene.as_ref().map_or_else(
            || "Skysift".to_owned(),
            |open| format!("{} – Skysift", words::file_name(open.scene.path())),
        );
        if title != self.title {
            ctx.send_viewport_cmd(egui::ViewportCommand::Title(title.clone()));
            self.title = title;
        }
    }

    /// Begins the scan that was to begin with the scene.
    fn scan_if_due(&mut self, ctx: &Context) {
        if !self.scan_when_ready || self.scene.is_none() || self.grid.is_none() || self.saved.reading() {
            return;
        }
        self.scan_when_ready = false;
        match self.missing() {
            None => self.scan(),
            // The panel says what is missing, and the person goes on from there.
            Some(_) if self.screenshot.is_none() => {}
            Some(_) if self.search.model == ModelState::None => {
                let error =
                    "no model is chosen, so the keywords cannot be looked for; name one with --model DIR";
                self.fail(ctx, error.to_owned());
            }
            Some(missing) => self.fail(ctx, missing.to_owned()),
        }
    }

    /// Takes the screenshot once everything shows.
    fn advance_screenshot(&mut self, ctx: &Context) {
        let everything = self.shows_everything();
        if let Some(screenshot) = &mut self.screenshot {
            screenshot.frame(ctx, &self.jobs, everything);
        }
    }

    /// Whether nothing is still to come of what the window shows.
    fn shows_everything(&self) -> bool {
        let scene = match &self.scene {
            Some(open) => {
                let crops = self.settings.show == Show::List || open.crops.complete();
                open.patches.complete() && open.picture.settled() && crops
            }
            None => self.opening.is_none(),
        };
        let idle = !self.search.running() && !self.scan_when_ready && !self.view.flying();
        scene && idle && self.heat_map_is_there()
    }

    fn show_toolbar(&mut self, ui: &mut Ui) {
        ui.horizontal(|ui| {
            let scene = self.scene.is_some();
            self.toolbar_button(ui, UiCommand::Open, true);
            let menu = ui.menu_button("Recent", |ui| self.recent_menu(ui));
            menu.response
                .on_hover_text("Images that were opened before, images on servers, and the sample scene");
            ui.separator();
            for command in [UiCommand::Fit, UiCommand::ActualSize, UiCommand::ZoomOut, UiCommand::ZoomIn] {
                self.toolbar_button(ui, command, scene);
            }
            ui.separator();
            for (command, on) in [
                (UiCommand::ToggleGrid, self.settings.show_grid),
                (UiCommand::ToggleBoxes, self.settings.show_boxes),
                (UiCommand::ToggleHeatMap, self.heat.on),
            ] {
                let toggle = command.explain(ui.selectable_label(on, command.text()));
                if toggle.clicked() {
                    self.run(ui.ctx(), command);
                }
            }
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                self.toolbar_button(ui, UiCommand::Help, true);
                self.theme_menu(ui);
                ui.add_enabled_ui(scene, |ui| {
                    let menu = ui.menu_button("Export", |ui| self.export_menu(ui));
                    menu.response.on_hover_text("Save the boxes, or a picture with them");
                });
                if let Some(opening) = self.opening.as_ref().filter(|_| scene) {
                    ui.weak(opening.text());
                    ui.add(egui::Spinner::new().size(14.0));
                }
            });
        });
    }

    fn recent_menu(&mut self, ui: &mut Ui) {
        for path in self.settings.recent_scenes.clone() {
            let entry = ui.button(words::file_name(&path)).on_hover_text(path.display().to_string());
            if entry.clicked() {
                self.open(path);
                ui.close();
            }
        }
        if !self.settings.recent_scenes.is_empty() {
            ui.separator();
        }
        for command in [UiCommand::OpenFolder, UiCommand::OpenUrl, UiCommand::OpenSample] {
            if command.entry(ui, true).clicked() {
                self.run(ui.ctx(), command);
                ui.close();
            }
        }
    }

    fn theme_menu(&mut self, ui: &mut Ui) {
        let menu = ui.menu_button("Theme", |ui| {
            for (theme, text, tip) in [
                (egui::ThemePreference::System, "System", "As the system is, where it tells"),
                (egui::ThemePreference::Dark, "Dark", "Dark panels, easy on the eyes at night"),
                (egui::ThemePreference::Light, "Light", "Light panels, for bright rooms"),
            ] {
                if ui.selectable_label(self.settings.theme == theme, text).on_hover_text(tip).clicked() {
                    self.settings.theme = theme;
                    ui.ctx().set_theme(theme);
                    ui.close();
                }
            }
        });
        menu.response.on_hover_text("Dark or light panels");
    }

    fn toolbar_button(&mut self, ui: &mut Ui, command: UiCommand, enabled: bool) {
        if command.button(ui, enabled).clicked() {
            self.run(ui.ctx(), command);
        }
    }

    /// Everything that happens in a frame before anything is drawn.
    fn think(&mut self, ctx: &Context) {
        self.take_reports(ctx);
        self.take_dropped_files(ctx);
        for command in UiCommand::pressed(ctx) {
            self.run(ctx, command);
        }
        self.follow_controls();
        self.follow_picture();
        self.follow_heat_map(ctx);
        self.scan_if_due(ctx);
        self.show_title(ctx);
    }

    /// Draws the window.
    fn show(&mut self, ui: &mut Ui) {
        egui::Panel::top("toolbar")
            .frame(theme::panel_frame(ui.style(), 10, 6))
            .show(ui, |ui| self.show_toolbar(ui));
        egui::Panel::bottom("status")
            .exact_size(theme::STATUS_HEIGHT)
            .frame(theme::panel_frame(ui.style(), 10, 2))
            .show(ui, |ui| self.show_status(ui));
        egui::Panel::left("search")
            .resizable(true)
            .default_size(theme::SEARCH_WIDTH)
            .size_range(260.0..=480.0)
            .frame(theme::panel_frame(ui.style(), 12, 0))
            .show(ui, |ui| self.show_search_panel(ui));
        self.list_hovered = None;
        if self.search.scanned.is_some() {
            egui::Panel::right("detections")
                .resizable(true)
                .default_size(theme::LIST_WIDTH)
                .size_range(200.0..=900.0)
                .frame(theme::panel_frame(ui.style(), 10, 0))
                .show(ui, |ui| self.show_list_panel(ui));
        }
        egui::CentralPanel::no_frame().show(ui, |ui| self.show_viewport(ui));
        self.make_overviews_if_due();
        help::show(ui.ctx(), &mut self.help);
        self.show_preferences(&ui.ctx().clone());
        self.show_naming(&ui.ctx().clone());
        if let Some(address) = self.url_dialog.show(ui.ctx()) {
            self.open(address);
        }
        self.ask(&ui.ctx().clone());
    }
}

impl eframe::App for App {
    fn logic(&mut self, ctx: &Context, frame: &mut eframe::Frame) {
        if let Some(log) = &mut self.frame_log {
            log.next_frame(frame.info().cpu_usage.map(|seconds| f64::from(seconds) * 1000.0));
        }
        self.think(ctx);
    }

    fn ui(&mut self, ui: &mut Ui, _frame: &mut eframe::Frame) {
        self.show(ui);
        self.advance_screenshot(&ui.ctx().clone());
    }

    /// The colour of panels, which therefore paint no ground of their own.
    fn clear_color(&self, visuals: &egui::Visuals) -> [f32; 4] {
        visuals.panel_fill.to_normalized_gamma_f32()
    }

    fn save(&mut self, storage: &mut dyn eframe::Storage) {
        if self.screenshot.is_none() {
            eframe::set_value(storage, Settings::KEY, &self.start.remembered(&self.settings));
        }
    }

    fn persist_egui_memory(&self) -> bool {
        self.screenshot.is_none()
    }
}

fn grid_of(width: u32, height: u32, settings: GridSettings) -> Option<Grid> {
    Grid::new(width, height, settings).ok()
}

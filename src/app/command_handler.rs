//! What each command and each action does.

use std::path::PathBuf;
use std::sync::Arc;

use eframe::egui::Context;

use super::App;
use super::action::{About, Action};
use super::chrome;
use super::commands::UiCommand;
use super::jobs::OutOfThreads;
use super::results::export::What;
use super::results::feedback::Feedback;
use super::results::keys::ResultKey;
use super::results::{ResultsContext, ResultsPanel};
use super::scene::opening::{Opened, SceneRequest, note_place};
use super::scene::sample::SAMPLE_KEYWORD;
use super::search_panel::{ExampleAdded, keyword_field};
use super::settings::Settings;
use super::stored::StoredSearch;
use super::textures::SceneTextures;
use super::viewport::boxes::DetectionId;
use super::viewport::tools::Tool;
use crate::encoder::named_loader;
use crate::raster::{self, Rect, Scene};
use crate::search::Detection;

/// What the panel of results looks at, while it is changed itself.
struct PanelContext<'a> {
    settings: &'a Settings,
    results: ResultsContext<'a>,
}

impl App {
    /// Carries out a command.
    pub(super) fn run(&mut self, ctx: &Context, command: UiCommand) {
        let size = self.scene.size();
        let near = self.settings.recent_scenes.first().cloned();
        ctx.request_repaint();
        match (command, size) {
            (UiCommand::Open, _) => self.chrome.pick_image(ctx, near.as_deref()),
            (UiCommand::OpenFolder, _) => self.chrome.pick_folder(ctx, near.as_deref()),
            (UiCommand::OpenUrl, _) => self.scene.ask_address(),
            (UiCommand::OpenSample, _) => self.open_sample(ctx),
            (UiCommand::FocusKeywords, _) => {
                ctx.memory_mut(|memory| memory.request_focus(keyword_field()));
            }
            (UiCommand::Scan, _) => self.scan(),
            (UiCommand::Cancel, _) => self.search.cancel(),
            (
                UiCommand::Fit
                | UiCommand::ActualSize
                | UiCommand::ZoomIn
                | UiCommand::ZoomOut
                | UiCommand::PanLeft
                | UiCommand::PanRight
                | UiCommand::PanUp
                | UiCommand::PanDown,
                Some(size),
            ) => self.viewport.navigate(ctx, command, size),
            (UiCommand::GoTo, Some(_)) => self.go_to.open(),
            (UiCommand::CopyPlace, Some(size)) => self.copy_place(ctx, self.viewport.place(size), None),
            (UiCommand::FullScreen, _) => chrome::toggle_full_screen(ctx),
            (UiCommand::Palette, _) => self.chrome.toggle_palette(),
            (UiCommand::NextDetection, _) => self.step_selection(ctx, true),
            (UiCommand::PreviousDetection, _) => self.step_selection(ctx, false),
            (UiCommand::Deselect, _) => self.close_topmost(),
            (UiCommand::ToggleGrid, _) => self.settings.show_grid = !self.settings.show_grid,
            (UiCommand::ToggleBoxes, _) => self.settings.show_boxes = !self.settings.show_boxes,
            (UiCommand::ToolPan, _) => self.viewport.choose_tool(Tool::Pan),
            (UiCommand::ToolSimilar, Some(_)) => self.viewport.choose_tool(Tool::Similar),
            (UiCommand::ToolRectangle, Some(_)) => self.viewport.choose_tool(Tool::Rectangle),
            (UiCommand::ToolPolygon, Some(_)) => self.viewport.choose_tool(Tool::Polygon),
            (UiCommand::ScanView, Some(_)) => self.scan_view(),
            (UiCommand::WholeScene, _) => self.clear_areas(),
            (UiCommand::ToggleHeatMap, _) => self.viewport.toggle_heat_map(),
            (UiCommand::ToggleGallery, _) => self.settings.show = self.settings.show.toggled(),
            (UiCommand::Accept, _) => self.judge_selected(ctx, Feedback::Accepted),
            (UiCommand::Reject, _) => self.judge_selected(ctx, Feedback::Rejected),
            (UiCommand::UndoFeedback, _) => self.results.feedback_mut().undo(),
            (UiCommand::ExportPicture, Some(_)) => self.pick_target(ctx, What::Picture),
            (UiCommand::ExportView, Some(_)) => self.pick_target(ctx, What::View),
            (UiCommand::ExportGeoJson, Some(_)) => self.pick_target(ctx, What::GeoJson),
            (UiCommand::ExportGeoJsonPixels, Some(_)) => self.pick_target(ctx, What::GeoJsonPixels),
            (UiCommand::ExportCsv, Some(_)) => self.pick_target(ctx, What::Csv),
            (UiCommand::ExportCsvExcel, Some(_)) => self.pick_target(ctx, What::CsvExcel),
            (UiCommand::ExportJson, Some(_)) => self.pick_target(ctx, What::Json),
            (UiCommand::ExportKml, Some(_)) => self.pick_target(ctx, What::Kml),
            (UiCommand::ExportKmz, Some(_)) => self.pick_target(ctx, What::Kmz),
            (UiCommand::ExportGpkg, Some(_)) => self.pick_target(ctx, What::Gpkg),
            (UiCommand::ExportCoco, Some(_)) => self.pick_target(ctx, What::Coco),
            (UiCommand::ExportYolo, Some(_)) => self.pick_target(ctx, What::Yolo),
            (UiCommand::Help, _) => self.chrome.toggle_help(),
            (UiCommand::GetModel, _) => self.published_models.toggle(),
            (UiCommand::Preferences, _) => self.chrome.toggle_preferences(),
            (UiCommand::ToggleNotices, _) => {
                self.chrome.toggle_notices(self.scene.scene().map(AsRef::as_ref));
            }
            // Without a scene there is nothing to look at or to save.
            (_, None) => {}
        }
    }

    /// Carries out what rooms asked for.
    pub(super) fn perform(&mut self, ctx: &Context, actions: impl IntoIterator<Item = Action>) {
        for action in actions {
            self.perform_one(ctx, action);
        }
    }

    fn perform_one(&mut self, ctx: &Context, action: Action) {
        if let Action::LookAt(visible) = action {
            self.search.look_at(visible, ctx.input(|input| input.time));
            return;
        }
        // What it changes may have been drawn already.
        ctx.request_repaint();
        match action {
            Action::Run(command) => self.run(ctx, command),
            Action::Open(path) => self.open(ctx, path),
            Action::CancelOpening => {
                self.scene.cancel_opening();
            }
            Action::PickModel => self.chrome.pick_model(ctx, self.inputs.model(&self.settings)),
            Action::ChooseModel(path) => self.choose_model(path),
            Action::ChooseBundledModel => self.choose_bundled_model(),
            Action::ReloadModel => self.load_model(),
            Action::Download(action) => {
                let actions = self.published_models.handle(ctx, &mut self.settings, action);
                self.perform(ctx, actions);
            }
            Action::AddExample { place, to_selected } => self.add_example(place, to_selected),
            Action::KeywordRenamed { old, new } => self.keyword_renamed(&old, &new),
            Action::AreasChanged => self.areas_changed(),
            Action::LookAt(_) => {}
            Action::Select(detection) => self.select(ctx, Some(detection)),
            Action::GiveFeedback(id, feedback) => self.judge(ctx, &id, feedback),
            Action::Export(target) => self.export(ctx, target),
            Action::Notify(notice) => self.search.notify(notice),
            Action::ShowError(error) => self.chrome.show_error(About::Deed, error),
            Action::DismissError => self.chrome.dismiss_error(),
            Action::CopyPlace { at, form } => self.copy_place(ctx, at, form),
        }
    }

    /// Closes what is open, the topmost first.
    fn close_topmost(&mut self) {
        let closed = self.chrome.notices_mut().close()
            || self.scene.close_address()
            || self.go_to.close()
            || self.search_panel.close()
            || self.published_models.close()
            || self.chrome.close_topmost()
            || self.scene.cancel_opening();
        if !closed {
            self.viewport.cancel();
        }
    }

    /// Selects the next detection of the list, or the one before.
    fn step_selection(&mut self, ctx: &Context, forward: bool) {
        let (results, cx) = self.results_and_context();
        let next = results.step(cx.settings, cx.results, forward);
        self.select(ctx, next);
    }

    /// Takes the keys of the selected result.
    pub(super) fn take_result_key(&mut self, ctx: &Context) {
        if self.search.scanned().is_none() {
            return;
        }
        let (results, cx) = self.results_and_context();
        match results.take_key(ctx, cx.settings, cx.results) {
            Some(ResultKey::Select(detection)) => self.select(ctx, Some(detection)),
            Some(ResultKey::Judge(feedback)) => self.judge_selected(ctx, feedback),
            None => {}
        }
    }

    fn results_and_context(&mut self) -> (&mut ResultsPanel, PanelContext<'_>) {
        let size = self.scene.size();
        let results = ResultsContext {
            search: &self.search,
            keywords: self.search_panel.keywords(),
            scene: self.scene.scene().map(AsRef::as_ref),
            selected: self.viewport.selected(),
            visible: size.and_then(|size| self.viewport.visible(size)),
            outdated: false,
        };
        (&mut self.results, PanelContext { settings: &self.settings, results })
    }

    fn select(&mut self, ctx: &Context, detection: Option<Detection>) {
        if let (Some(detection), Some(size)) = (detection, self.scene.size()) {
            self.viewport.select(ctx, &detection, size);
        }
    }

    fn judge_selected(&mut self, ctx: &Context, feedback: Feedback) {
        if let Some(id) = self.viewport.selected().cloned() {
            self.judge(ctx, &id, feedback);
        }
    }

    /// Gives feedback on a detection. After a verdict on the selected one, the next is selected; taking a
    /// verdict back stays there.
    fn judge(&mut self, ctx: &Context, id: &DetectionId, feedback: Feedback) {
        let verdict = self.results.feedback().of(&id.keyword, id.window) != Some(feedback);
        // The ranking may be another one afterwards.
        let next = if verdict && self.viewport.selected() == Some(id) {
            let (results, cx) = self.results_and_context();
            results.after_selected(cx.settings, cx.results)
        } else {
            None
        };
        self.results.give_feedback(id, feedback, &self.search);
        self.select(ctx, next);
    }

    /// Looks for what a box shows: as a keyword of its own, or together with the selected one.
    pub(super) fn add_example(&mut self, place: Rect, to_selected: bool) {
        let keyword = self.search_panel.keyword_for_examples(self.viewport.selected());
        let (name, renamed) = match self.search_panel.add_example(place, keyword.filter(|_| to_selected)) {
            ExampleAdded::Keyword(name) => (name, None),
            ExampleAdded::Renamed { name, old, new } => (name, Some((old, new))),
        };
        if let Some((old, new)) = renamed {
            self.keyword_renamed(&old, &new);
        }
        if self.search.scanned().is_none() {
            self.search.notify(format!("Press Scan to look for example {name}"));
        }
    }

    fn keyword_renamed(&mut self, old: &str, new: &str) {
        self.results.feedback_mut().rename(old, new);
        self.viewport.rename_keyword(old, new);
    }

    /// Opens a scene on another thread; the one before stays until that is done.
    pub(super) fn open(&mut self, ctx: &Context, path: PathBuf) {
        let begun = self.scene.open(ctx, path);
        self.opening_begun(begun);
    }

    /// Opens the sample scene, and looks for something in it.
    pub(super) fn open_sample(&mut self, ctx: &Context) {
        self.search_panel.enter_keywords(&self.search);
        if self.search_panel.keywords().is_empty() {
            self.search_panel.keywords_mut().add(SAMPLE_KEYWORD);
        }
        let begun = self.scene.open_sample(ctx);
        self.opening_begun(begun);
    }

    fn opening_begun(&mut self, begun: Result<(), OutOfThreads>) {
        match begun {
            Ok(()) => self.chrome.dismiss_error(),
            Err(error) => self.chrome.show_error(About::Deed, error.to_string()),
        }
    }

    /// Takes what came of opening a scene.
    pub(super) fn opened(&mut self, ctx: &Context, request: &SceneRequest, opened: Opened) {
        let scene = match opened.scene {
            Ok(scene) => scene,
            Err(error) => return self.fail(ctx, About::Scene, error.to_string()),
        };
        self.show_scene(ctx, request, scene);
        match opened.areas {
            Ok(areas) => self.viewport.set_areas(areas),
            Err(error) => {
                // Not the whole scene was asked for.
                self.startup.set_scan_when_ready(false);
                self.fail(ctx, About::Scene, error.to_string());
            }
        }
    }

    /// Shows a scene in place of the one before.
    fn show_scene(&mut self, ctx: &Context, request: &SceneRequest, scene: Arc<Scene>) {
        self.chrome.is_over(About::Scene);
        self.search.reset();
        self.search_panel.forget_scene();
        self.results.reset();
        self.viewport.reset();
        self.go_to.close();
        self.stored = StoredSearch::Due;
        if let Some(store) = self.inputs.used_store(&self.settings) {
            note_place(store, &scene);
        }
        let texture_bytes = self.scene.texture_bytes();
        let open = self.scene.set_open(scene);
        self.textures =
            Some(SceneTextures::new(&open.source(), ctx, texture_bytes, self.inputs.sharpener.as_deref()));
        match request {
            // What is secret does not belong into a file of settings.
            SceneRequest::File(path) if raster::has_secrets(path) => {}
            SceneRequest::File(path) if raster::is_address(path) => self.settings.remember_scene(path),
            SceneRequest::File(path) => {
                let path = std::path::absolute(path).unwrap_or_else(|_| path.clone());
                self.settings.remember_scene(&path);
            }
            // It has a command of its own, and may be gone when the cache is emptied.
            SceneRequest::Sample => self.startup.set_scan_when_ready(true),
        }
    }

    pub(super) fn choose_model(&mut self, path: PathBuf) {
        // A folder holds its own description; only a bare file needs the architecture named.
        if self.settings.model.as_ref() != Some(&path) {
            self.settings.arch = None;
        }
        self.settings.remember_model(&path);
        self.settings.model = Some(path);
        self.load_model();
    }

    /// Goes back to the model that comes with Skysift; it is looked up anew at every start, and so not
    /// remembered.
    fn choose_bundled_model(&mut self) {
        self.settings.model = None;
        self.settings.arch = None;
        self.load_model();
    }

    pub(super) fn load_model(&mut self) {
        let Some(path) = self.inputs.model(&self.settings) else { return };
        let (place, arch) = (self.published_models.place().clone(), self.settings.arch.clone());
        let sharpener = self.inputs.used_sharpener(&self.settings);
        let loader = named_loader(place, path.to_owned(), arch, self.settings.run_on(), sharpener);
        self.search.load(loader, self.settings.device);
        self.chrome.notices_mut().forget_model();
        self.chrome.is_over(About::Model);
    }
}

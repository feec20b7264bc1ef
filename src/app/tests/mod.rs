//! The window without a display: its controls found by their names, as a screen reader finds them.

mod around;
mod exports;
mod keywords;
mod models;
mod notices;
mod opening;
mod results;
mod settings;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use eframe::egui;
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;

use super::action::Action;
use super::commands::UiCommand;
use super::results::export::{ExportTarget, What};
use super::search::{ModelState, ScanState};
use super::startup::Outcome;
use super::{App, Options, Settings};
use crate::clip::{ModelPreset, write_random_model};
use crate::scan::ScanOverrides;

/// A window of the usual size; its state is made in the first frame.
type Window = Harness<'static, Option<App>>;

/// Settings with whole windows of one scale and no suppression.
fn one_scale() -> Settings {
    Settings { fine: false, also: Vec::new(), one_box: false, ..Settings::default() }
}

fn window(options: Options) -> Window {
    window_with(options, one_scale())
}

/// A window that remembers these settings.
fn window_with(options: Options, remembered: Settings) -> Window {
    let show = move |ui: &mut egui::Ui, state: &mut Option<App>| {
        let ctx = ui.ctx().clone();
        let app =
            state.get_or_insert_with(|| App::new(&ctx, &options, remembered.clone(), Outcome::default()));
        app.update(&ctx);
        app.show(ui);
    };
    let mut window = Harness::builder().with_size([1280.0, 800.0]).build_ui_state(show, None);
    window.run_steps(3);
    window
}

fn app(window: &Window) -> &App {
    window.state().as_ref().unwrap()
}

/// Runs frames until something has happened on another thread.
fn wait_for(window: &mut Window, what: &str, happened: impl Fn(&App) -> bool) {
    let end = Instant::now() + Duration::from_mins(1);
    while !happened(app(window)) {
        assert!(Instant::now() < end, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(5));
        window.step();
    }
    window.run_steps(3);
}

fn click(window: &mut Window, label: &str) {
    window.get_by_label(label).click();
    window.run_steps(3);
}

/// A window that shows [`picture`] and looks for harbors.
fn window_with_picture(folder: &Path) -> Window {
    let mut window = window(Options {
        image: Some(picture(folder)),
        keywords: vec!["harbor".to_owned()],
        ..Options::default()
    });
    wait_for(&mut window, "the scene", |app| app.scene.is_open());
    window
}

/// [`picture`] with a model that scans it in a moment, in windows of 64 pixels.
fn scannable(folder: &Path) -> Options {
    let model = folder.join("model");
    write_random_model(&model, ModelPreset::Tiny, 1).unwrap();
    Options {
        image: Some(picture(folder)),
        model: Some(model),
        device: Some(crate::clip::DeviceChoice::Cpu),
        overrides: small_windows(),
        ..Options::default()
    }
}

/// Windows of 64 pixels.
fn small_windows() -> ScanOverrides {
    ScanOverrides { tile: Some(32), window: Some(2), ..ScanOverrides::default() }
}

/// Types into the field for keywords and presses Enter.
fn type_keywords(window: &mut Window, text: &str) {
    window.get_by_label("Keywords").click();
    window.run_steps(2);
    window.get_by_label("Keywords").type_text(text);
    window.run_steps(2);
    window.key_press(egui::Key::Enter);
    window.run_steps(3);
}

/// A picture of 300 x 200 pixels, bright at the right.
fn picture(folder: &Path) -> PathBuf {
    let path = folder.join("picture.png");
    image::RgbImage::from_fn(300, 200, |x, y| {
        image::Rgb([u8::try_from(x % 256).unwrap(), 90, u8::try_from(y).unwrap()])
    })
    .save(&path)
    .unwrap();
    path
}

/// Carries out what a room would ask for.
fn perform(window: &mut Window, action: Action) {
    let ctx = window.ctx.clone();
    window.state_mut().as_mut().unwrap().perform(&ctx, [action]);
    window.run_steps(3);
}

fn app_run(window: &mut Window, command: UiCommand) {
    let ctx = window.ctx.clone();
    window.state_mut().as_mut().unwrap().run(&ctx, command);
    window.run_steps(3);
}

/// A window with a model that knows five words.
fn window_with_words(folder: &Path) -> Window {
    let model = folder.join("model");
    write_random_model(&model, ModelPreset::Tiny, 1).unwrap();
    let names = r#"{"harbor": ["harbor", "marina"], "water": ["river", "lake"], "beach": "beach"}"#;
    std::fs::write(model.join("names.json"), names).unwrap();
    let options = Options {
        bundled_model: Some(model),
        device: Some(crate::clip::DeviceChoice::Cpu),
        cache: Some(folder.to_owned()),
        ..Options::default()
    };
    let mut window = window(options);
    wait_for(&mut window, "the model", |app| matches!(app.search.model(), ModelState::Ready(_)));
    window
}

/// Types into the field for keywords.
fn begin(window: &mut Window, text: &str) {
    window.get_by_label("Keywords").click();
    window.run_steps(3);
    window.get_by_label("Keywords").type_text(text);
    window.run_steps(3);
}

fn press(window: &mut Window, key: egui::Key) {
    window.key_press(key);
    window.run_steps(3);
}

/// A window with a model, a picture, and folders for embeddings and saved queries.
fn window_that_keeps(folder: &Path) -> Window {
    let mut window = window(Options {
        store: Some(folder.join("embeddings")),
        queries: Some(folder.join("queries")),
        ..scannable(folder)
    });
    wait_for(&mut window, "the scene", |app| app.scene.is_open());
    wait_for(&mut window, "the model", |app| matches!(app.search.model(), ModelState::Ready(_)));
    type_keywords(&mut window, "harbor");
    scan(&mut window);
    window
}

fn scan(window: &mut Window) {
    app_run(window, UiCommand::Scan);
    wait_for(window, "the scan", |app| matches!(app.search.progress(), ScanState::Finished(_)));
}

fn shown(app: &App, keyword: &str) -> bool {
    let shown = super::results::shown(app.search.ranking(), app.search_panel.keywords(), false);
    shown.iter().any(|(detection, _)| detection.keyword == keyword)
}

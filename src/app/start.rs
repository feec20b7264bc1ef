//! Opening the window, and what happens when there can be none.

use eframe::egui;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError};

use super::settings::Settings;
use super::startup::Outcome;
use super::widget_log::WidgetLog;
use super::{App, Options};
use crate::raster::Storage;

/// A folder for the remembered settings in place of the usual one.
const STATE_VARIABLE: &str = "SKYSIFT_STATE_DIR";
const APP_ID: &str = "skysift";
const ICON: &[u8] = include_bytes!("../../assets/icon.png");

/// Why the window did not open, or what it was asked for did not work.
#[derive(Debug, thiserror::Error)]
pub enum WindowError {
    #[error("there is no display to open a window on ({0}); without one, use `skysift detect IMAGE -k WORD`")]
    NoDisplay(String),
    #[error("no graphics driver can draw the window ({0}); without one, use `skysift detect IMAGE -k WORD`")]
    NoGraphics(String),
    #[error("{0}")]
    Failed(String),
}

/// Opens the window and stays until it is closed.
///
/// # Errors
/// When there is no display or no graphics driver to draw with, or when the screenshot that was asked for
/// could not be made.
pub fn run(options: Options) -> Result<(), WindowError> {
    let outcome = Outcome::default();
    let native = native_options(&options);
    let app_outcome = Arc::clone(&outcome);
    let created = eframe::run_native(
        APP_ID,
        native,
        Box::new(move |creation| {
            let remembered = creation
                .storage
                .filter(|_| options.screenshot.is_none())
                .and_then(|storage| eframe::get_value(storage, Settings::KEY))
                .unwrap_or_default();
            WidgetLog::start(&creation.egui_ctx);
            Ok(Box::new(App::new(&creation.egui_ctx, &options, remembered, app_outcome)))
        }),
    );
    created.map_err(|error| refused(&error))?;
    let failed = outcome.lock().unwrap_or_else(PoisonError::into_inner).take();
    failed.map_or(Ok(()), |reason| Err(WindowError::Failed(reason)))
}

/// The budgets for memory and disk.
pub(super) fn storage(options: &Options, remembered: &Settings) -> Storage {
    let cache = options.cache.clone().unwrap_or_else(Storage::user_cache);
    let memory = options.apply(remembered.clone()).memory << 20;
    Storage { memory, cache: Some(cache), ..Storage::default() }
}

fn native_options(options: &Options) -> eframe::NativeOptions {
    let mut viewport = egui::ViewportBuilder::default()
        .with_app_id(APP_ID)
        .with_title("Skysift")
        .with_inner_size([1280.0, 800.0])
        .with_min_inner_size([720.0, 480.0]);
    if let Ok(icon) = eframe::icon_data::from_png_bytes(ICON) {
        viewport = viewport.with_icon(icon);
    }
    eframe::NativeOptions {
        viewport,
        // A screenshot depends on nothing that was remembered, and leaves nothing behind.
        persist_window: options.screenshot.is_none(),
        persistence_path: persistence_path(options),
        ..eframe::NativeOptions::default()
    }
}

/// Where settings are kept, if not in the usual place.
fn persistence_path(options: &Options) -> Option<PathBuf> {
    if options.screenshot.is_some() {
        // A name that nobody writes to: nothing is read, and nothing is saved.
        return Some(std::env::temp_dir().join(format!("skysift-none-{}.ron", std::process::id())));
    }
    std::env::var_os(STATE_VARIABLE).map(|folder| PathBuf::from(folder).join("window.ron"))
}

/// The file that eframe keeps settings in.
pub(super) fn state_file(options: &Options) -> Option<PathBuf> {
    persistence_path(options).or_else(|| Some(eframe::storage_dir(APP_ID)?.join("app.ron")))
}

/// Tells a missing display from a missing graphics driver.
fn refused(error: &eframe::Error) -> WindowError {
    match error {
        eframe::Error::Winit(_) | eframe::Error::WinitEventLoop(_) => {
            let text = one_line(&error.to_string());
            // The system's own words come last, after the place in winit's code.
            let reason = text.rsplit(": ").next().unwrap_or(&text).trim_end_matches('.').to_owned();
            WindowError::NoDisplay(reason)
        }
        _ => WindowError::NoGraphics(one_line(&error.to_string())),
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

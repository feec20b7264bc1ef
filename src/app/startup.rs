//! What the start asked for, as long as it counts.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use eframe::egui::{self, Context};

use super::options::{Options, Start};
use super::screenshot::{Screenshot, ScreenshotError};
use super::settings::Settings;
use crate::store::Store;

/// Why the program should end with an error, left by the window for whoever started it.
pub type Outcome = Arc<Mutex<Option<String>>>;

/// Files and folders that the start named, for the whole run.
pub struct InputFiles {
    /// The folder where embeddings are kept, if they may be.
    pub store: Option<PathBuf>,
    /// The model that comes with Skysift, for when no other is chosen.
    pub bundled_model: Option<PathBuf>,
    /// The network that sharpens, used or not.
    pub sharpener: Option<PathBuf>,
    /// The files with the areas to look at, which no export replaces.
    pub region: Vec<PathBuf>,
}

impl InputFiles {
    #[must_use]
    pub fn new(options: &Options) -> Self {
        Self {
            store: options.store.clone(),
            bundled_model: options.bundled_model.clone(),
            sharpener: options.sharpen.clone().or_else(|| options.bundled_sharpener.clone()),
            region: options.region.files.clone(),
        }
    }

    /// The store, whether it is used or not.
    #[must_use]
    pub fn store(&self, settings: &Settings) -> Option<Store> {
        let root = self.store.clone()?;
        Some(Store { root, limit: settings.store_limit << 30 })
    }

    /// The store that scans use, if any.
    #[must_use]
    pub fn used_store(&self, settings: &Settings) -> Option<Store> {
        self.store(settings).filter(|_| settings.keep_embeddings)
    }

    /// The network that scans use, if any.
    #[must_use]
    pub fn used_sharpener(&self, settings: &Settings) -> Option<PathBuf> {
        self.sharpener.clone().filter(|_| settings.sharpen)
    }

    /// The folder, file or published name of the model in use.
    #[must_use]
    pub fn model<'a>(&'a self, settings: &'a Settings) -> Option<&'a Path> {
        settings.model.as_deref().or(self.bundled_model.as_deref())
    }
}

/// What is still to be done for the start, and what it leaves to whoever started the window.
pub struct Startup {
    start: Start,
    screenshot: Option<Screenshot>,
    /// Scan as soon as the scene is there: for the screenshot, and for a first look at the sample scene.
    scan_when_ready: bool,
    outcome: Outcome,
}

impl Startup {
    #[must_use]
    pub fn new(options: &Options, start: Start, outcome: Outcome) -> Self {
        let screenshot = options.screenshot.clone().map(|path| Screenshot::new(path, options.exit));
        let scan_when_ready =
            screenshot.is_some() && options.keywords.iter().any(|word| !word.trim().is_empty());
        Self { start, screenshot, scan_when_ready, outcome }
    }

    /// What to remember of the settings.
    #[must_use]
    pub fn remembered(&self, settings: &Settings) -> Settings {
        self.start.remembered(settings)
    }

    /// Whether the window is there for a screenshot, and nothing of it is remembered.
    #[must_use]
    pub fn is_for_screenshot(&self) -> bool {
        self.screenshot.is_some()
    }

    /// Whether the screenshot is still to come: nothing but it matters until then.
    #[must_use]
    pub fn waits_for_screenshot(&self) -> bool {
        self.screenshot.as_ref().is_some_and(|screenshot| !screenshot.done())
    }

    /// Whether a scan is to begin as soon as it can.
    #[must_use]
    pub fn scans_when_ready(&self) -> bool {
        self.scan_when_ready
    }

    pub fn set_scan_when_ready(&mut self, scan: bool) {
        self.scan_when_ready = scan;
    }

    /// The program ends with this error, unless there is an earlier one.
    pub fn leave_error(&self, error: String) {
        let mut outcome = self.outcome.lock().unwrap_or_else(PoisonError::into_inner);
        *outcome = outcome.take().or(Some(error));
    }

    /// Closes the window; with an error, the program ends with that.
    pub fn leave(&self, ctx: &Context, error: Option<String>) {
        if let Some(error) = error {
            self.leave_error(error);
        }
        ctx.send_viewport_cmd(egui::ViewportCommand::Close);
    }

    /// Takes the screenshot once everything shows, and leaves where that was asked for. Returns why it could
    /// not be saved.
    pub fn advance_screenshot(
        &mut self,
        ctx: &Context,
        everything_is_there: bool,
    ) -> Option<ScreenshotError> {
        let screenshot = self.screenshot.as_mut()?;
        match screenshot.frame(ctx, everything_is_there)? {
            Err(error) => return Some(error),
            Ok(()) if screenshot.exit => self.leave(ctx, None),
            Ok(()) => {}
        }
        None
    }
}

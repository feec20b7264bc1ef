//! How another scene takes the place of the one on the screen.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use eframe::egui::Context;

use super::SceneState;
use crate::app::format;
use crate::app::jobs::{Job, OutOfThreads, run_detached};
use crate::raster::{OpenProgress, RasterError, RemoteOptions, Scene, SceneOptions};
use crate::sample_scene::SampleSceneError;
use crate::scan::place_of;
use crate::store::Store;
use crate::windows::{Area, RegionError};

/// Which scene was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SceneRequest {
    File(PathBuf),
    /// The painted one, which may have to be painted first.
    Sample,
}

/// Why a scene could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error(transparent)]
    Scene(#[from] RasterError),
    #[error(transparent)]
    Sample(#[from] SampleSceneError),
}

/// What came of opening a scene.
pub struct Opened {
    pub scene: Result<Arc<Scene>, OpenError>,
    /// Where the start asked to look.
    pub areas: Result<Vec<Area>, RegionError>,
}

/// A scene that is being opened.
pub struct Opening {
    request: SceneRequest,
    progress: OpenProgress,
    job: Option<Job<Opened>>,
}

impl Opening {
    /// What is being done, and how far it is where that takes a while, for whoever waits.
    #[must_use]
    pub fn text(&self) -> String {
        let text = match &self.request {
            SceneRequest::File(path) => format!("Opening {}…", format::file_name(path)),
            SceneRequest::Sample => "Preparing the sample scene…".to_owned(),
        };
        match self.progress.fraction() {
            Some(part) => format!("{text} {:.0} %", part * 100.0),
            None => text,
        }
    }
}

impl SceneState {
    /// Opens a scene on another thread; the one before stays until that is done.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn open(&mut self, ctx: &Context, path: PathBuf) -> Result<(), OutOfThreads> {
        let file = path.clone();
        let remote = RemoteOptions { cache: self.cache.clone(), ..RemoteOptions::default() };
        let storage = self.storage.clone();
        self.open_with(ctx, SceneRequest::File(path), move |progress| {
            let options = SceneOptions { storage, remote, progress: progress.clone() };
            Ok(Scene::open_with(&file, &options)?)
        })
    }

    pub(super) fn open_with(
        &mut self,
        ctx: &Context,
        request: SceneRequest,
        open: impl FnOnce(&OpenProgress) -> Result<Scene, OpenError> + Send + 'static,
    ) -> Result<(), OutOfThreads> {
        let region = std::mem::take(&mut self.region);
        let progress = OpenProgress::default();
        let watched = progress.clone();
        let job = Job::start(ctx, "open", move |_| {
            let scene = open(&watched).map(Arc::new);
            let areas = scene.as_ref().map_or(Ok(Vec::new()), |scene| region.areas(scene));
            Opened { scene, areas }
        })?;
        self.opening = Some(Opening { request, progress, job: Some(job) });
        Ok(())
    }

    /// What came of opening the scene that was asked for last.
    pub fn poll_opening(&mut self) -> Option<(SceneRequest, Opened)> {
        let opened = Job::poll(&mut self.opening.as_mut()?.job)?;
        self.opening.take().map(|opening| (opening.request, opened))
    }

    /// Gives up the scene that is being opened. Returns whether there was one.
    pub fn cancel_opening(&mut self) -> bool {
        self.opening.take().is_some()
    }
}

/// Has the store know where the scene lies now: it may have been moved since it was scanned. Without that,
/// the scene is looked for where it was scanned.
pub fn note_place(store: Store, scene: &Arc<Scene>) {
    let place = place_of(scene.path());
    let scene = Arc::downgrade(scene);
    run_detached("place of the scene", move || {
        while let Some(scene) = scene.upgrade().filter(|_| !store.is_empty()) {
            match scene.fingerprint_within(Duration::from_millis(200)) {
                None => {}
                Some(Ok(fingerprint)) => {
                    if let Err(error) = store.note_place(&fingerprint, &place) {
                        log::warn!("{} is not told of {}: {error}", store.root.display(), place.display());
                    }
                    return;
                }
                Some(Err(_)) => return,
            }
        }
    });
}

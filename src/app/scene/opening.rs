//! The scene on the screen, and how another takes its place.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use eframe::egui::Context;

use super::display::Picture;
use crate::app::App;
use crate::app::jobs::Report;
use crate::app::search_panel::examples::refers_to;
use crate::app::textures::Patches;
use crate::app::textures::thumbnails::Crops;
use crate::app::viewport::tools::Tools;
use crate::raster::{self, OpenProgress, RemoteOptions, Scene};
use crate::scan::{SceneSource, place_of};
use crate::search::ExampleOf;

/// The scene that is shown.
pub struct OpenScene {
    pub scene: Arc<Scene>,
    pub patches: Patches,
    pub crops: Crops,
    pub picture: Picture,
}

/// A scene that is being opened.
pub struct Opening {
    pub number: u64,
    pub wanted: Wanted,
    pub progress: OpenProgress,
}

/// Which scene.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    File(PathBuf),
    /// The painted one, which may have to be painted first.
    Sample,
}

impl App {
    /// Opens a scene on another thread; the one before stays until that is done.
    pub(in crate::app) fn open(&mut self, path: PathBuf) {
        let file = path.clone();
        let remote = RemoteOptions { cache: self.cache.clone(), ..RemoteOptions::default() };
        self.open_with(Wanted::File(path), move |progress| {
            Scene::open_watched(&file, &remote, progress).map_err(|error| error.to_string())
        });
    }

    /// Has a scene opened by another thread.
    pub(in crate::app) fn open_with(
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

    pub(in crate::app) fn opened(
        &mut self,
        ctx: &Context,
        wanted: &Wanted,
        scene: Result<Arc<Scene>, String>,
    ) {
        match scene {
            Ok(scene) => {
                self.search.reset();
                self.view.reset();
                self.forget_marks();
                let picture = Picture::new(&scene);
                let source: Arc<dyn SceneSource> = Arc::clone(picture.source()) as _;
                let patches = Patches::new(&source, ctx);
                let crops = Crops::new(&source, ctx);
                self.note_place(&scene);
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

    /// Has the store know where the scene lies now: it may have been moved since it was scanned.
    fn note_place(&mut self, scene: &Arc<Scene>) {
        let Some(store) = self.store() else { return };
        let place = place_of(scene.path());
        let scene = Arc::downgrade(scene);
        // Without it, the scene is looked for where it was scanned.
        let _ = self.jobs.start("place of the scene", move |_| {
            while let Some(scene) = scene.upgrade().filter(|_| !store.is_empty()) {
                match scene.fingerprint_within(Duration::from_millis(200)) {
                    None => {}
                    Some(Ok(fingerprint)) => {
                        if let Err(error) = store.note_place(&fingerprint, &place) {
                            log::warn!(
                                "{} is not told of {}: {error}",
                                store.root.display(),
                                place.display()
                            );
                        }
                        return;
                    }
                    Some(Err(_)) => return,
                }
            }
        });
    }

    pub(in crate::app) fn take_dropped_files(&mut self, ctx: &Context) {
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

    /// Forgets what belongs to the scene before: examples and the keywords made of them, areas, thumbs.
    fn forget_marks(&mut self) {
        let gone: Vec<String> = self
            .examples
            .extract_if(.., |example| matches!(example.of, ExampleOf::Place(_)))
            .map(|example| example.name)
            .collect();
        for word in self.keywords.words() {
            if gone.iter().any(|name| refers_to(&word, name)) {
                self.keywords.remove(&word);
            }
        }
        if self.examples.is_empty() {
            self.examples_drawn = 0;
        }
        self.areas.clear();
        self.feedback.reset();
        self.tools = Tools::default();
        self.gallery.forget();
        self.heat.forget();
        self.show_unclear = false;
    }
}

//! Work that must not hold up the window: each job runs on its own thread and reports back once.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Instant;

use crossbeam_channel::{Receiver, Sender, bounded};
use eframe::egui::Context;

use super::chrome::preferences::Stored;
use crate::raster::{Scene, SceneView};
use crate::windows::Area;

/// Reports that wait at most; a job that cannot report waits, on its own thread.
const MAX_WAITING: usize = 64;

/// What a job reports.
pub enum Report {
    /// A scene was opened, or why it could not be. The number tells whether it is still wanted.
    Opened {
        number: u64,
        scene: Result<Arc<Scene>, String>,
        /// Where the start asked to look.
        areas: Result<Vec<Area>, String>,
    },
    /// How many windows there are, by the number of the count.
    Counted {
        number: u64,
        windows: Result<usize, String>,
    },
    /// How many embeddings are kept.
    Stored(Result<Stored, String>),
    /// Embeddings were removed: what is left.
    Cleared(Result<Stored, String>),
    /// The saved queries, after they were read, or one was added or removed.
    SavedQueries(super::search_panel::saved_queries::Listing),
    /// A scene in a rendering that was asked for.
    Rendered(Arc<SceneView>),
    /// A heat map in colours.
    Shaded(Box<super::viewport::heat_map::Shaded>),
    PickedImage(PathBuf),
    PickedModel(PathBuf),
    /// The published models, and which are here.
    Models(Result<Vec<super::published_models::Card>, String>),
    /// How far the download of a model is.
    Fetching(crate::models::Progress),
    /// A download of a model ended.
    Fetched(Result<(), crate::models::ModelError>),
    /// Where to export what.
    PickedTarget(super::results::export::Target),
    /// A dialog was closed so fast that there was none.
    NoDialog,
    /// How far the overviews of a scene are, 0 to 1.
    Overviewing(Weak<Scene>, f32),
    /// The overviews of a scene are there, or were stopped (false), or could not be made.
    Overviewed(Weak<Scene>, Result<bool, String>),
    /// How far an export is, 0 to 1.
    Exporting(f32),
    /// An export ended: what to say about it.
    Exported(Result<String, String>),
    /// The picture of the window was saved, or why not.
    ScreenshotSaved(Result<(), String>),
}

/// A job that tells how far it is, and stops when asked to.
pub struct Running {
    began: Instant,
    /// How far it is, 0 to 1.
    pub part: f32,
    stop: Arc<AtomicBool>,
}

impl Default for Running {
    fn default() -> Self {
        Self { began: Instant::now(), part: 0.0, stop: Arc::default() }
    }
}

impl Running {
    /// What the job looks at to see whether it should stop.
    #[must_use]
    pub fn stop_flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.stop)
    }

    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Seconds until it is done, as it looks now; unknown at the very beginning.
    #[must_use]
    pub fn seconds_left(&self) -> Option<f64> {
        let part = f64::from(self.part);
        (part > 0.01).then(|| self.began.elapsed().as_secs_f64() * (1.0 - part) / part)
    }
}

/// Starts jobs and collects their reports.
pub struct Jobs {
    ctx: Context,
    sender: Sender<Report>,
    receiver: Receiver<Report>,
}

/// How a job reports, also in between.
#[derive(Clone)]
pub struct Reporter {
    ctx: Context,
    sender: Sender<Report>,
}

impl Reporter {
    pub fn tell(&self, report: Report) {
        // An error means that the window is gone, and nobody wants to know.
        let _ = self.sender.send(report);
        self.ctx.request_repaint();
    }

    /// Tells something that may be left out when the window is busy.
    pub fn mention(&self, report: Report) {
        let _ = self.sender.try_send(report);
        self.ctx.request_repaint();
    }
}

impl Jobs {
    #[must_use]
    pub fn new(ctx: &Context) -> Self {
        let (sender, receiver) = bounded(MAX_WAITING);
        Self { ctx: ctx.clone(), sender, receiver }
    }

    /// Runs a job on a thread of its own. Returns false when no thread can be started.
    pub fn start(&self, name: &str, job: impl FnOnce(&Reporter) + Send + 'static) -> bool {
        let reporter = self.reporter();
        std::thread::Builder::new().name(name.to_owned()).spawn(move || job(&reporter)).is_ok()
    }

    #[must_use]
    pub fn reporter(&self) -> Reporter {
        Reporter { ctx: self.ctx.clone(), sender: self.sender.clone() }
    }

    /// The next report, if there is one.
    #[must_use]
    pub fn next(&self) -> Option<Report> {
        self.receiver.try_recv().ok()
    }
}

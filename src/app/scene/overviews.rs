//! Overviews for the scene on the screen, made in the background.
//!
//! Until they are there, a scene without any is shown from a sparse sample: coarse, but at once.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};

use crate::app::App;
use crate::app::jobs::{Report, Running};
use crate::raster::Scene;
use crate::scan::SceneSource;

/// Overviews that are being made. Dropping it stops them.
pub struct Overviewing(pub Running);

impl Drop for Overviewing {
    fn drop(&mut self) {
        self.0.stop();
    }
}

impl App {
    /// Begins to make what the scene lacks, as soon as a coarse picture of it is there.
    pub(in crate::app) fn make_overviews_if_due(&mut self) {
        let Some(open) = self.scene.as_ref().filter(|open| self.overviews_due && open.patches.complete())
        else {
            return;
        };
        self.overviews_due = false;
        let scene = &open.scene;
        let running = Running::default();
        let stop = running.stop_flag();
        // Another scene may be opened meanwhile; this one is then let go.
        let scene = Arc::downgrade(scene);
        let started = self.jobs.start("overviews", move |reporter| {
            let Some(open) = scene.upgrade() else { return };
            let tell = |part: f64| {
                reporter.mention(Report::Overviewing(Weak::clone(&scene), part as f32));
                !stop.load(Ordering::Relaxed)
            };
            let made = open.make_overviews(&tell).map_err(|error| error.to_string());
            reporter.tell(Report::Overviewed(scene, made));
        });
        if started {
            self.overviewing = Some(Overviewing(running));
        }
    }

    pub(in crate::app) fn overviews_advance(&mut self, scene: &Weak<Scene>, part: f32) {
        if self.is_open(scene)
            && let Some(overviewing) = &mut self.overviewing
        {
            overviewing.0.part = part;
        }
    }

    /// Shows the scene anew, now that it can be read at every scale.
    pub(in crate::app) fn overviews_ended(&mut self, scene: &Weak<Scene>, made: Result<bool, String>) {
        if !self.is_open(scene) {
            return;
        }
        self.overviewing = None;
        match made {
            Ok(true) => {
                if let Some(open) = &mut self.scene {
                    let source: Arc<dyn SceneSource> = Arc::clone(open.picture.source()) as _;
                    open.patches.set_source(&source);
                }
            }
            Ok(false) => self
                .search
                .notify("The picture stays coarse from afar: its overviews were stopped.".to_owned()),
            Err(error) => self.search.notify(error),
        }
    }

    fn is_open(&self, scene: &Weak<Scene>) -> bool {
        self.scene.as_ref().is_some_and(|open| std::ptr::eq(Arc::as_ptr(&open.scene), scene.as_ptr()))
    }
}

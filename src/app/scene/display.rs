//! How the scene is shown, and the display settings that are being prepared.
//!
//! Preparing may take a sample of the scene, so another thread does it. Meanwhile the picture before stays,
//! and of many changes in between only the last is prepared.

use std::sync::Arc;

use eframe::egui::Context;

use crate::app::jobs::Job;
use crate::raster::{DisplaySettings, Scene, SceneView};

/// How the open scene is shown. What a scan sees is never touched by this.
pub struct Display {
    /// What the controls say.
    pub wanted: DisplaySettings,
    shown: Arc<SceneView>,
    /// What was asked for last, and whether its statistics were.
    asked: DisplaySettings,
    asked_statistics: bool,
    preparing: bool,
    job: Option<Job<Arc<SceneView>>>,
}

impl Display {
    #[must_use]
    pub fn new(scene: &Arc<Scene>) -> Self {
        let own = scene.display_settings().clone();
        Self {
            wanted: own.clone(),
            shown: Arc::new(SceneView::with_default_settings(Arc::clone(scene))),
            asked: own,
            asked_statistics: false,
            preparing: false,
            job: None,
        }
    }

    /// The scene as it is on the screen.
    #[must_use]
    pub fn shown(&self) -> &Arc<SceneView> {
        &self.shown
    }

    /// Takes what was prepared, and has the next prepared. Returns whether the scene looks different now.
    pub fn poll(&mut self, ctx: &Context, scene: &Arc<Scene>, patches_complete: bool) -> bool {
        let changed = Job::poll(&mut self.job).is_some_and(|rendered| self.prepared(rendered));
        if self.job.is_none() {
            // Where nothing could be prepared, another change tries again.
            self.preparing = false;
        }
        if let Some(rendering) = self.next(patches_complete) {
            let scene = Arc::clone(scene);
            let job = Job::start(ctx, "display", move |_| Arc::new(SceneView::new(scene, &rendering)));
            self.job = job.ok();
        }
        changed
    }

    /// What should be prepared now, if anything. The histogram can wait until the first picture is there.
    fn next(&mut self, patches_complete: bool) -> Option<DisplaySettings> {
        let changed = self.wanted != self.asked;
        let unknown = patches_complete && !self.asked_statistics;
        if self.preparing || !(changed || unknown) {
            return None;
        }
        self.preparing = true;
        self.asked_statistics = true;
        self.asked = self.wanted.clone();
        Some(self.asked.clone())
    }

    /// Takes what was prepared. Returns whether it looks different from what was there.
    fn prepared(&mut self, rendered: Arc<SceneView>) -> bool {
        self.preparing = false;
        let changed = rendered.settings() != self.shown.settings();
        self.shown = rendered;
        changed
    }

    /// Whether the screen shows what the controls say, with its histogram.
    #[must_use]
    pub fn settled(&self) -> bool {
        self.asked_statistics && !self.preparing && self.wanted == self.asked
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_changes_only_the_last_is_prepared() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("grey.png");
        image::GrayImage::from_fn(9, 9, |x, _| image::Luma([x as u8])).save(&path).unwrap();
        let scene = Arc::new(Scene::open(&path).unwrap());
        let mut display = Display::new(&scene);
        assert_eq!(display.next(false), None);
        display.wanted.gamma = 1.5;
        let first = display.next(false).unwrap();
        for gamma in [1.6, 1.7, 1.8] {
            display.wanted.gamma = gamma;
            assert_eq!(display.next(true), None, "one after the other");
        }
        assert!(display.prepared(Arc::new(SceneView::new(Arc::clone(&scene), &first))));
        assert!(!display.settled());
        let last = display.next(true).unwrap();
        assert!((last.gamma - 1.8).abs() < 1e-9);
        assert!(display.prepared(Arc::new(SceneView::new(scene, &last))));
        assert!(display.settled() && display.next(true).is_none());
        assert_eq!(display.shown().settings(), &last);
    }
}

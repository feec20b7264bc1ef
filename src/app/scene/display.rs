//! The rendering on the screen, and the one that is being prepared.
//!
//! Preparing may take a sample of the scene, so another thread does it. Meanwhile the picture before stays,
//! and of many changes in between only the last is prepared.

use std::sync::Arc;

use crate::app::App;
use crate::app::jobs::Report;
use crate::raster::{DisplaySettings, Scene, SceneView};
use crate::scan::SceneSource;

/// How the open scene is shown. What a scan sees is never touched by this.
pub struct Picture {
    /// What the controls say.
    pub wanted: DisplaySettings,
    shown: Arc<SceneView>,
    /// What was asked for last, and whether its statistics were.
    asked: DisplaySettings,
    asked_statistics: bool,
    preparing: bool,
}

impl Picture {
    #[must_use]
    pub fn new(scene: &Arc<Scene>) -> Self {
        let own = scene.display_settings().clone();
        Self {
            wanted: own.clone(),
            shown: Arc::new(SceneView::with_default_settings(Arc::clone(scene))),
            asked: own,
            asked_statistics: false,
            preparing: false,
        }
    }

    /// The scene as it is on the screen.
    #[must_use]
    pub fn source(&self) -> &Arc<SceneView> {
        &self.shown
    }

    /// What should be prepared now, if anything. The histogram can wait until the first picture is there.
    pub fn next(&mut self, picture_is_there: bool) -> Option<DisplaySettings> {
        let changed = self.wanted != self.asked;
        let unknown = picture_is_there && !self.asked_statistics;
        if self.preparing || !(changed || unknown) {
            return None;
        }
        self.preparing = true;
        self.asked_statistics = true;
        self.asked = self.wanted.clone();
        Some(self.asked.clone())
    }

    /// Takes what was prepared. Returns whether it looks different from what was there.
    pub fn prepared(&mut self, rendered: Arc<SceneView>) -> bool {
        self.preparing = false;
        let changed = rendered.settings() != self.shown.settings();
        self.shown = rendered;
        changed
    }

    /// Nothing could be prepared; another change tries again.
    pub fn not_prepared(&mut self) {
        self.preparing = false;
    }

    /// Whether the screen shows what the controls say, with its histogram.
    #[must_use]
    pub fn settled(&self) -> bool {
        self.asked_statistics && !self.preparing && self.wanted == self.asked
    }
}

impl App {
    /// Shows the scene in another rendering, unless it is no longer the open one.
    pub(in crate::app) fn rendered(&mut self, rendered: Arc<SceneView>) {
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
    pub(in crate::app) fn follow_picture(&mut self) {
        let Some(open) = &mut self.scene else { return };
        let Some(rendering) = open.picture.next(open.patches.complete()) else { return };
        let scene = Arc::clone(&open.scene);
        let started = self.jobs.start("picture", move |reporter| {
            reporter.tell(Report::Rendered(Arc::new(SceneView::new(scene, &rendering))));
        });
        if !started {
            open.picture.not_prepared();
        }
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
        let mut picture = Picture::new(&scene);
        assert_eq!(picture.next(false), None);
        picture.wanted.gamma = 1.5;
        let first = picture.next(false).unwrap();
        for gamma in [1.6, 1.7, 1.8] {
            picture.wanted.gamma = gamma;
            assert_eq!(picture.next(true), None, "one after the other");
        }
        assert!(picture.prepared(Arc::new(SceneView::new(Arc::clone(&scene), &first))));
        assert!(!picture.settled());
        let last = picture.next(true).unwrap();
        assert!((last.gamma - 1.8).abs() < 1e-9);
        assert!(picture.prepared(Arc::new(SceneView::new(scene, &last))));
        assert!(picture.settled() && picture.next(true).is_none());
        assert_eq!(picture.source().settings(), &last);
    }
}

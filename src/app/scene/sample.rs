//! The sample scene: a first look without an image of one's own.

use eframe::egui::Context;

use super::SceneState;
use super::opening::SceneRequest;
use crate::app::jobs::OutOfThreads;
use crate::raster::{Scene, SceneOptions};
use crate::sample_scene::sample_scene_file;

/// What is looked for on the sample scene when nothing else is.
pub const SAMPLE_KEYWORD: &str = "harbor";

impl SceneState {
    /// Opens the sample scene, painting it first if it isn't there.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn open_sample(&mut self, ctx: &Context) -> Result<(), OutOfThreads> {
        let (cache, storage) = (self.cache.clone(), self.storage.clone());
        self.open_with(ctx, SceneRequest::Sample, move |_| {
            let file = sample_scene_file(cache.as_deref())?;
            Ok(Scene::open_with(&file, &SceneOptions::from(&storage))?)
        })
    }
}

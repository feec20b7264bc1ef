//! The sample scene: a first look without an image of one's own.

use super::opening::{Opening, Wanted};
use crate::app::{App, format};
use crate::raster::{Scene, SceneOptions};
use crate::sample_scene::sample_scene_file;

/// What is looked for on the sample scene when nothing else is.
pub const SAMPLE_KEYWORD: &str = "harbor";

impl App {
    /// Opens the sample scene, painting it first if it isn't there, and looks for something.
    pub(in crate::app) fn open_sample(&mut self) {
        self.enter_keywords();
        if self.keywords.is_empty() {
            self.keywords.add(SAMPLE_KEYWORD);
        }
        let (cache, storage) = (self.cache.clone(), self.storage.clone());
        self.open_with(Wanted::Sample, move |_| {
            let file = sample_scene_file(cache.as_deref()).map_err(|error| error.to_string())?;
            Scene::open_with(&file, &SceneOptions::from(&storage)).map_err(|error| error.to_string())
        });
    }
}

impl Opening {
    /// What is being done, and how far it is where that takes a while, for whoever waits.
    pub(in crate::app) fn text(&self) -> String {
        let text = match &self.wanted {
            Wanted::File(path) => format!("Opening {}…", format::file_name(path)),
            Wanted::Sample => "Preparing the sample scene…".to_owned(),
        };
        match self.progress.fraction() {
            Some(part) => format!("{text} {:.0} %", part * 100.0),
            None => text,
        }
    }
}

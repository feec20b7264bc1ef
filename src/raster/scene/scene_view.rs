//! A scene with display settings of its own.

use std::sync::Arc;

use super::Scene;
use super::scaled::{ScaledRead, view_budget};
use crate::raster::display::prepared::PreparedDisplay;
use crate::raster::display::settings::{DisplaySettings, StretchInfo};
use crate::raster::display::statistics::BandStatistics;
use crate::raster::error::RasterError;
use crate::raster::pixels::Pixels;
use crate::raster::rect::Rect;

/// A scene with display settings of its own: it reads as the scene does, only in other colours. Cheap to
/// share between threads; making one may decode a sample of the scene.
#[derive(Clone)]
pub struct SceneView {
    scene: Arc<Scene>,
    display: Arc<PreparedDisplay>,
    statistics: Vec<Arc<BandStatistics>>,
}

impl SceneView {
    /// The scene with its default settings. Decodes nothing, and so has no statistics.
    #[must_use]
    pub fn with_default_settings(scene: Arc<Scene>) -> Self {
        let display = Arc::clone(&scene.default_display);
        Self { scene, display, statistics: Vec::new() }
    }

    /// The scene with other settings, and with the statistics of the shown bands. The first time, those are
    /// taken from a sample of at most four million pixels.
    #[must_use]
    pub fn new(scene: Arc<Scene>, settings: &DisplaySettings) -> Self {
        let bands = settings.bands.within(scene.info().bands.len());
        let settings = DisplaySettings { bands, ..settings.clone() };
        let statistics = scene.statistics(bands.as_slice());
        let display = if settings == scene.default_display.settings {
            Arc::clone(&scene.default_display)
        } else {
            Arc::new(scene.prepare_display(settings, &statistics))
        };
        Self { scene, display, statistics }
    }

    #[must_use]
    pub fn scene(&self) -> &Arc<Scene> {
        &self.scene
    }

    #[must_use]
    pub fn settings(&self) -> &DisplaySettings {
        &self.display.settings
    }

    /// The values that become black and white, for each shown band.
    #[must_use]
    pub fn ranges(&self) -> Vec<StretchInfo> {
        self.display.ranges.iter().map(|&(black, white)| StretchInfo { black, white }).collect()
    }

    /// The statistics of each shown band; empty where none were taken.
    #[must_use]
    pub fn statistics(&self) -> &[Arc<BandStatistics>] {
        &self.statistics
    }

    /// Whether the colours come from the file's colour table, so that there is nothing to stretch.
    #[must_use]
    pub fn has_palette(&self) -> bool {
        self.display.tone_map.has_palette()
    }

    /// As [`Scene::read`].
    ///
    /// # Errors
    /// As [`Scene::read`].
    pub fn read(&self, level: usize, rect: Rect) -> Result<Pixels, RasterError> {
        self.scene.read_tone_mapped(&self.display.tone_map, level, rect)
    }

    /// As [`Scene::read_scaled`], but it also reads the overviews that Skysift made, and decodes fewer pixels
    /// for a small picture.
    ///
    /// # Errors
    /// As [`Scene::read_scaled`].
    pub fn read_scaled(&self, rect: Rect, width: u32, height: u32) -> Result<Pixels, RasterError> {
        let view = ScaledRead {
            scene: &self.scene,
            tone_map: &self.display.tone_map,
            levels: self.scene.all_levels(),
            budget: view_budget(width, height),
        };
        view.read_scaled(rect, width, height)
    }
}

//! A scene as a rendering shows it.

use std::sync::Arc;

use super::bands::Choice;
use super::stretch::{self, Range};
use super::tone_map::Renderer;
use crate::raster::reader::Header;
use crate::raster::scaled::{View, glance};
use crate::raster::{BandStatistics, Bands, Pixels, RasterError, Rect, Rendering, Scene, StretchInfo};

/// A rendering with all that is worked out from it: what is needed to shade pixels.
pub(in crate::raster) struct Prepared {
    pub rendering: Rendering,
    pub ranges: Vec<Range>,
    pub renderer: Renderer,
}

impl Prepared {
    /// `statistics` has one entry a shown band where the stretch needs them.
    pub fn new(
        header: &Header,
        alpha: Option<usize>,
        rendering: Rendering,
        statistics: &[Arc<BandStatistics>],
    ) -> Self {
        let choice = Choice { shown: rendering.bands.as_slice().to_vec(), alpha };
        let ranges = stretch::ranges(header, &rendering.stretch, &choice.shown, statistics);
        let renderer = Renderer::new(header, &choice, &ranges, rendering.gamma);
        Self { rendering, ranges, renderer }
    }
}

/// A scene as a rendering shows it: reads as the scene itself does, only in other colours. Cheap to read from
/// several threads; making one may decode a sample of the scene.
#[derive(Clone)]
pub struct Rendered {
    scene: Arc<Scene>,
    prepared: Arc<Prepared>,
    statistics: Vec<Arc<BandStatistics>>,
}

impl Rendered {
    /// The scene as it shows itself. Decodes nothing, and so knows no statistics.
    #[must_use]
    pub fn own(scene: Arc<Scene>) -> Self {
        let prepared = Arc::clone(scene.own());
        Self { scene, prepared, statistics: Vec::new() }
    }

    /// The scene in another rendering, with the statistics of the shown bands. Those of a band are taken the
    /// first time, from a sample of at most four million pixels.
    #[must_use]
    pub fn new(scene: Arc<Scene>, rendering: &Rendering) -> Self {
        let bands = rendering.bands.within(scene.info().bands.len());
        let rendering = Rendering { bands, ..rendering.clone() };
        let statistics = scene.statistics(bands.as_slice());
        let prepared = if rendering == scene.own().rendering {
            Arc::clone(scene.own())
        } else {
            Arc::new(scene.prepare(rendering, &statistics))
        };
        Self { scene, prepared, statistics }
    }

    #[must_use]
    pub fn scene(&self) -> &Arc<Scene> {
        &self.scene
    }

    #[must_use]
    pub fn rendering(&self) -> &Rendering {
        &self.prepared.rendering
    }

    /// The values that became black and white, in the order of the shown bands.
    #[must_use]
    pub fn ranges(&self) -> Vec<StretchInfo> {
        self.prepared.ranges.iter().map(|&(black, white)| StretchInfo { black, white }).collect()
    }

    /// What values the shown bands have, in their order; empty where nobody looked.
    #[must_use]
    pub fn statistics(&self) -> &[Arc<BandStatistics>] {
        &self.statistics
    }

    /// Whether the colours come from the file's own table, so that there is nothing to stretch.
    #[must_use]
    pub fn has_palette(&self) -> bool {
        self.prepared.renderer.has_palette()
    }

    /// As [`Scene::read`].
    ///
    /// # Errors
    /// As [`Scene::read`].
    pub fn read(&self, level: usize, rect: Rect) -> Result<Pixels, RasterError> {
        self.scene.read_with(&self.prepared.renderer, level, rect)
    }

    /// As [`Scene::read_scaled`], but from overviews that were made for looking, too, and with fewer decoded
    /// pixels for a small picture.
    ///
    /// # Errors
    /// As [`Scene::read_scaled`].
    pub fn read_scaled(&self, rect: Rect, width: u32, height: u32) -> Result<Pixels, RasterError> {
        let view = View {
            scene: &self.scene,
            renderer: &self.prepared.renderer,
            levels: self.scene.all_levels(),
            budget: glance(width, height),
        };
        view.read_scaled(rect, width, height)
    }
}

impl Rendering {
    /// The rendering that a scene has by itself.
    pub(in crate::raster) fn own(header: &Header, choice: &Choice) -> Self {
        Self { bands: Bands::of(&choice.shown), stretch: stretch::own(header), gamma: 1.0 }
    }
}

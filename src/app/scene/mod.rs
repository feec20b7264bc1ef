//! The open scene, and the one that is being opened.
//!
//! `opening` opens scenes on another thread, `address` asks for the address of one on a server, and `sample`
//! is the painted one. `display` holds how the scene is shown and has it prepared; `display_panel` has the
//! controls of that, with a `histogram` of each band. `overviews` makes what a scene lacks, and
//! `pixel_values` reads what is under the pointer.

pub mod address;
pub mod display;
pub mod display_panel;
pub mod histogram;
pub mod opening;
pub mod overviews;
mod pixel_values;
pub mod sample;

use std::path::PathBuf;
use std::sync::Arc;

use eframe::egui::Context;

use super::Options;
use crate::raster::{RasterError, Scene, Storage};
use crate::scan::SceneSource;
use crate::windows::RequestedRegion;
use address::AddressDialog;
use display::Display;
use opening::Opening;
use overviews::{OverviewJob, Overviews};
use pixel_values::PixelValues;

/// The scene that is shown.
pub struct OpenScene {
    scene: Arc<Scene>,
    display: Display,
    overviews: Overviews,
    pixel_values: PixelValues,
}

impl OpenScene {
    #[must_use]
    pub fn scene(&self) -> &Arc<Scene> {
        &self.scene
    }

    #[must_use]
    pub fn display(&self) -> &Display {
        &self.display
    }

    /// The scene as it is on the screen.
    #[must_use]
    pub fn source(&self) -> Arc<dyn SceneSource> {
        Arc::clone(self.display.shown()) as _
    }

    /// The job that makes overviews, while it runs.
    #[must_use]
    pub fn overviews(&self) -> Option<&OverviewJob> {
        self.overviews.job()
    }
}

/// Which scene is open, and which is to be.
#[derive(Default)]
pub struct SceneState {
    open: Option<OpenScene>,
    opening: Option<Opening>,
    address: AddressDialog,
    /// The folder for files that can be made again, if not the user's.
    cache: Option<PathBuf>,
    /// The budgets for scenes.
    storage: Storage,
    /// Where the start asked to look, until the first scene is opened.
    region: RequestedRegion,
}

impl SceneState {
    #[must_use]
    pub fn new(options: &Options, storage: Storage) -> Self {
        let (cache, region) = (options.cache.clone(), options.region.clone());
        Self { cache, storage, region, ..Self::default() }
    }

    /// The budget for the textures of a scene.
    #[must_use]
    pub fn texture_bytes(&self) -> usize {
        self.storage.texture_bytes()
    }

    #[must_use]
    pub fn open_scene(&self) -> Option<&OpenScene> {
        self.open.as_ref()
    }

    #[must_use]
    pub fn is_open(&self) -> bool {
        self.open.is_some()
    }

    #[must_use]
    pub fn scene(&self) -> Option<&Arc<Scene>> {
        self.open.as_ref().map(OpenScene::scene)
    }

    /// Width and height of the open scene.
    #[must_use]
    pub fn size(&self) -> Option<(u32, u32)> {
        self.scene().map(|scene| scene.size())
    }

    /// Metres a pixel of the open scene, if that is known: the side of a square as large as a pixel.
    #[must_use]
    pub fn ground_sample_distance(&self) -> Option<f64> {
        let [across, down] = self.scene()?.info().ground_sample_distance?;
        Some((across * down).sqrt())
    }

    #[must_use]
    pub fn opening(&self) -> Option<&Opening> {
        self.opening.as_ref()
    }

    /// Shows this scene from now on.
    pub fn set_open(&mut self, scene: Arc<Scene>) -> &OpenScene {
        let open = OpenScene {
            display: Display::new(&scene),
            overviews: Overviews::new(scene.lacks_overviews()),
            pixel_values: PixelValues::default(),
            scene,
        };
        self.open.insert(open)
    }

    /// Has the display prepared that the controls ask for. Returns the scene to draw when it looks different
    /// from what was there. The histogram waits until all `patches_complete`.
    pub fn poll_display(&mut self, ctx: &Context, patches_complete: bool) -> Option<Arc<dyn SceneSource>> {
        let open = self.open.as_mut()?;
        let changed = open.display.poll(ctx, &open.scene, patches_complete);
        changed.then(|| open.source())
    }

    /// Has the pixel under the pointer read.
    pub fn poll_pixel(&mut self, ctx: &Context, pointer: Option<(f64, f64)>) {
        if let Some(open) = &mut self.open {
            open.pixel_values.poll(ctx, &open.scene, pointer);
        }
    }

    /// What the file holds in all bands of a pixel, once it is read.
    #[must_use]
    pub fn pixel_values(&self, at: (f64, f64)) -> Option<&[f64]> {
        self.open.as_ref()?.pixel_values.of(at)
    }

    /// What came of making overviews: whether they are there now, or were stopped.
    pub fn poll_overviews(&mut self) -> Option<Result<bool, RasterError>> {
        self.open.as_mut()?.overviews.poll()
    }

    /// Begins to make what the scene lacks, as soon as a coarse picture of it is there.
    pub fn make_overviews_if_due(&mut self, ctx: &Context, patches_complete: bool) {
        if let Some(open) = self.open.as_mut().filter(|_| patches_complete) {
            open.overviews.start_if_due(ctx, &open.scene);
        }
    }

    pub fn ask_address(&mut self) {
        self.address.open();
    }

    /// Closes the dialog for an address. Returns whether it was open.
    pub fn close_address(&mut self) -> bool {
        self.address.close()
    }

    /// Shows the dialog for an address while it is open; the address once it is entered.
    pub fn address_ui(&mut self, ctx: &Context) -> Option<PathBuf> {
        self.address.ui(ctx)
    }
}

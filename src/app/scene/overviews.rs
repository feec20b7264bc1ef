//! Overviews for the scene on the screen, made in the background.
//!
//! Until they are there, a scene without any is shown from a sparse sample: coarse, but at once.

use std::sync::Arc;

use eframe::egui::Context;

use crate::app::jobs::Job;
use crate::raster::{RasterError, Scene};

/// Makes overviews; it ends in whether they are there, or were stopped.
pub type OverviewJob = Job<Result<bool, RasterError>, f32>;

/// The overviews that a scene lacks.
pub struct Overviews {
    due: bool,
    job: Option<OverviewJob>,
}

impl Overviews {
    /// `lacking` tells whether the scene has none.
    #[must_use]
    pub fn new(lacking: bool) -> Self {
        Self { due: lacking, job: None }
    }

    #[must_use]
    pub fn job(&self) -> Option<&OverviewJob> {
        self.job.as_ref()
    }

    /// Begins to make them, if they are lacking and nobody has begun yet.
    pub fn start_if_due(&mut self, ctx: &Context, scene: &Arc<Scene>) {
        if !std::mem::take(&mut self.due) {
            return;
        }
        // Another scene may be opened meanwhile; this one is then let go.
        let scene = Arc::downgrade(scene);
        let job = Job::start(ctx, "overviews", move |monitor| {
            let Some(scene) = scene.upgrade() else { return Ok(false) };
            scene.make_overviews(&|part| {
                monitor.report(part as f32);
                !monitor.is_stopped()
            })
        });
        self.job = job.ok();
    }

    pub fn poll(&mut self) -> Option<Result<bool, RasterError>> {
        Job::poll(&mut self.job)
    }
}

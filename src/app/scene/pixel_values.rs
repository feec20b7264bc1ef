//! What the file holds in the pixel under the pointer. Another thread reads it, one pixel at a time.

use std::sync::Arc;

use eframe::egui::Context;

use crate::app::jobs::Job;
use crate::raster::{Rect, Scene, is_address};

/// The values of all bands of a pixel, and which pixel.
type Known = ((u32, u32), Option<Vec<f64>>);

/// The pixel that was read last, and the one that is being read.
#[derive(Default)]
pub struct PixelValues {
    known: Option<Known>,
    job: Option<Job<Known>>,
}

impl PixelValues {
    /// Reads the pixel under the pointer, once the one before is read. A scene on a server is left alone:
    /// there a pixel takes a request.
    pub fn poll(&mut self, ctx: &Context, scene: &Arc<Scene>, pointer: Option<(f64, f64)>) {
        if let Some(known) = Job::poll(&mut self.job) {
            self.known = Some(known);
        }
        // `as` saturates, and the pointer is within the scene.
        let Some(at) = pointer.map(|(x, y)| (x as u32, y as u32)) else { return };
        let is_known = self.known.as_ref().is_some_and(|(known, _)| *known == at);
        if is_known || self.job.is_some() || is_address(scene.path()) {
            return;
        }
        let scene = Arc::clone(scene);
        let read = move || {
            let samples = scene.read_samples(0, Rect::new(at.0, at.1, 1, 1)).ok()?;
            Some(samples.values().collect())
        };
        self.job = Job::start(ctx, "pixel", move |_| (at, read())).ok();
    }

    /// The values of a pixel, if they are known.
    #[must_use]
    pub fn of(&self, (x, y): (f64, f64)) -> Option<&[f64]> {
        let (_, values) = self.known.as_ref().filter(|(at, _)| *at == (x as u32, y as u32))?;
        values.as_deref()
    }
}

//! Where one looks, and what is selected there.

use eframe::egui::{Rect, vec2};

use super::boxes::DetectionId;
use super::camera::{Camera, Flight};
use super::checker::Checker;
use crate::search::Detection;

/// Magnification by key.
const KEY_ZOOM: f64 = 1.5;
/// The part of the view that an arrow key moves by.
const KEY_PAN: f32 = 0.15;

/// Where one looks, and what is selected there.
#[derive(Default)]
pub struct View {
    pub camera: Option<Camera>,
    pub flight: Option<Flight>,
    /// The place of the view on the screen, as of the last frame.
    pub rect: Option<Rect>,
    pub selected: Option<DetectionId>,
    /// Scene position under the pointer, in level-0 pixels.
    pub pointer: Option<(f64, f64)>,
    pub checker: Checker,
}

impl View {
    /// Forgets everything about the scene before.
    pub fn reset(&mut self) {
        let checker = std::mem::take(&mut self.checker);
        *self = Self { checker, rect: self.rect, ..Self::default() };
    }

    /// Points per level-0 pixel.
    #[must_use]
    pub fn scale(&self) -> Option<f64> {
        self.camera.map(|camera| camera.scale)
    }

    #[must_use]
    pub fn flying(&self) -> bool {
        self.flight.is_some()
    }

    /// The part of the scene in view, in level-0 pixels.
    #[must_use]
    pub fn visible(&self, scene: (u32, u32)) -> Option<crate::raster::Rect> {
        self.camera?.visible(self.rect?, scene)
    }

    /// Moves the camera there in a short flight.
    fn fly(&mut self, to: Camera, now: f64) {
        match self.camera {
            Some(from) => self.flight = Some(Flight::new(from, to, now)),
            None => self.camera = Some(to),
        }
    }

    pub fn fit(&mut self, scene: (u32, u32), now: f64) {
        if let Some(rect) = self.rect {
            self.fly(Camera::fit(scene, rect.size()), now);
        }
    }

    /// One pixel of the scene on one of the screen, around the middle of the view.
    pub fn actual_size(&mut self, scene: (u32, u32), pixels_per_point: f32, now: f64) {
        if let (Some(rect), Some(camera)) = (self.rect, self.camera) {
            let to = Camera { scale: 1.0 / f64::from(pixels_per_point), ..camera };
            self.fly(to.bounded(scene, rect.size()), now);
        }
    }

    /// Zooms by key, `steps` times in (positive) or out.
    pub fn zoom(&mut self, scene: (u32, u32), steps: i32) {
        if let (Some(rect), Some(camera)) = (self.rect, self.camera.as_mut()) {
            self.flight = None;
            camera.zoom_at(rect, rect.center(), KEY_ZOOM.powi(steps), scene);
        }
    }

    /// Moves by key; (1, 0) looks further to the right.
    pub fn pan(&mut self, scene: (u32, u32), direction: (f32, f32)) {
        if let (Some(rect), Some(camera)) = (self.rect, self.camera.as_mut()) {
            self.flight = None;
            let delta = vec2(direction.0 * rect.width(), direction.1 * rect.height()) * -KEY_PAN;
            camera.pan(rect, delta, scene);
        }
    }

    /// Selects a detection and flies there.
    pub fn select(&mut self, detection: &Detection, scene: (u32, u32), now: f64) {
        self.selected = Some(DetectionId::of(detection));
        if let Some(rect) = self.rect {
            self.fly(Camera::looking_at(detection.window, scene, rect.size()), now);
        }
    }

    /// Takes the new place on the screen; the first time, and while the whole scene is fitted, it stays so.
    pub fn place(&mut self, rect: Rect, scene: (u32, u32)) -> Camera {
        let fitted = self.rect.zip(self.camera).is_some_and(|(old, camera)| {
            old.size() != rect.size() && camera == Camera::fit(scene, old.size())
        });
        self.rect = Some(rect);
        match self.camera {
            Some(camera) if !fitted => camera,
            _ => Camera::fit(scene, rect.size()),
        }
    }
}

//! Where one looks, and what is selected there.

use eframe::egui::{Rect, Vec2, vec2};

use super::boxes::DetectionId;
use super::camera::{Camera, Flight};
use super::checker::Checker;
use crate::search::Detection;

/// Magnification by key.
const KEY_ZOOM: f64 = 1.5;
/// Points per pixel with which a place is shown at least.
const NEAR: f64 = 1.0;
/// The part of the view that an arrow key moves by.
const KEY_PAN: f32 = 0.15;

/// Where one looks, and what is selected there.
#[derive(Default)]
pub struct View {
    pub camera: Option<Camera>,
    pub flight: Option<Flight>,
    /// The place of the view on the screen, as of the last frame.
    pub rect: Option<Rect>,
    /// The size of the window then.
    window: Option<Vec2>,
    /// Whether a scene that is fitted stays so whatever happens: for a picture that nobody is looking at yet.
    stays_fitted: bool,
    pub selected: Option<DetectionId>,
    /// Scene position under the pointer, in level-0 pixels.
    pub pointer: Option<(f64, f64)>,
    /// The place whose menu is open, or was last.
    pub menu_at: Option<(f64, f64)>,
    /// The place that was gone to, in level-0 pixels, until Esc.
    pub marker: Option<(f64, f64)>,
    pub checker: Checker,
}

impl View {
    /// Forgets everything about the scene before.
    pub fn reset(&mut self) {
        let checker = std::mem::take(&mut self.checker);
        let Self { rect, window, stays_fitted, .. } = *self;
        *self = Self { rect, window, stays_fitted, checker, ..Self::default() };
    }

    pub fn stay_fitted(&mut self) {
        self.stays_fitted = true;
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

    /// Marks a place and flies there, near enough to see its pixels.
    pub fn go_to(&mut self, at: (f64, f64), scene: (u32, u32), now: f64) {
        self.marker = Some(at);
        if let (Some(rect), Some(camera)) = (self.rect, self.camera) {
            let to = Camera { center: at, scale: camera.scale.max(NEAR) };
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

    /// Takes the new place on the screen, in a window of a size. The first time, and while the whole scene is
    /// fitted, it stays so when the window changes; when a panel comes or goes beside it, the scene stays
    /// where it is.
    pub fn place(&mut self, rect: Rect, scene: (u32, u32), window: Vec2) -> Camera {
        let known = self.rect.zip(self.camera).filter(|(old, _)| old.size() != rect.size());
        let same_window = self.window.replace(window) == Some(window);
        self.rect = Some(rect);
        let was_fitted = known.is_some_and(|(old, camera)| camera == Camera::fit(scene, old.size()));
        match (known, self.camera) {
            (Some((old, camera)), _) if same_window && !(was_fitted && self.stays_fitted) => {
                let center = camera.to_scene(old, rect.center());
                Camera { center, ..camera }.bounded(scene, rect.size())
            }
            (Some(_), _) if was_fitted => Camera::fit(scene, rect.size()),
            (_, Some(camera)) => camera,
            (_, None) => Camera::fit(scene, rect.size()),
        }
    }
}

#[cfg(test)]
mod tests {
    use eframe::egui::pos2;

    use super::*;

    const SCENE: (u32, u32) = (4000, 3000);

    #[test]
    fn a_panel_that_comes_leaves_the_scene_where_it_is() {
        let window = vec2(1280.0, 800.0);
        let wide = Rect::from_min_max(pos2(312.0, 40.0), pos2(1280.0, 770.0));
        let mut view = View::default();
        let before = view.place(wide, SCENE, window);
        view.camera = Some(before);
        let narrow = Rect::from_min_max(wide.min, pos2(1016.0, 770.0));
        let after = view.place(narrow, SCENE, window);
        let at = |camera: Camera, rect| camera.to_screen(rect, 1000.0, 1000.0);
        assert!((at(before, wide) - at(after, narrow)).length() < 0.1);
        // But for a picture of the window.
        let mut view = View::default();
        view.stay_fitted();
        view.camera = Some(view.place(wide, SCENE, window));
        assert_eq!(view.place(narrow, SCENE, window), Camera::fit(SCENE, narrow.size()));
    }

    #[test]
    fn a_window_that_grows_shows_the_whole_scene_still() {
        let place = |width: f32| Rect::from_min_max(pos2(312.0, 40.0), pos2(width, 770.0));
        let mut view = View::default();
        view.camera = Some(view.place(place(1280.0), SCENE, vec2(1280.0, 800.0)));
        let grown = view.place(place(1600.0), SCENE, vec2(1600.0, 800.0));
        assert_eq!(grown, Camera::fit(SCENE, place(1600.0).size()));
    }
}

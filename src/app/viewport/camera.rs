//! Where one looks: the mapping between scene and screen.
//!
//! Scene positions are level-0 pixels as `f64` (a scene may be 100,000 pixels wide, and `f32` would make it
//! shake), screen positions are egui points.

use eframe::egui::{Pos2, Rect, Vec2, pos2, vec2};

/// The largest magnification: points per level-0 pixel.
const MAX_SCALE: f64 = 64.0;
/// How far one can zoom out, as a part of the scale at which the scene fits the view.
const MIN_PART_OF_FIT: f64 = 0.25;
/// The part of the view that a scene fills when it is fitted, and that a window fills when flown to.
const FIT_PART: f64 = 0.96;
const FLY_TO_PART: f64 = 0.5;
/// How long a flight takes, in seconds.
const FLIGHT_SECONDS: f64 = 0.35;

/// The point one looks at and how much it is magnified.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Camera {
    /// The scene position at the centre of the view.
    pub center: (f64, f64),
    /// Points per level-0 pixel.
    pub scale: f64,
}

impl Camera {
    /// The whole scene, centred in the view.
    #[must_use]
    pub fn fit(scene: (u32, u32), view: Vec2) -> Self {
        let (width, height) = (f64::from(scene.0.max(1)), f64::from(scene.1.max(1)));
        Self { center: (width / 2.0, height / 2.0), scale: fit_scale(scene, view).min(MAX_SCALE) }
    }

    /// A window of the scene, centred, with its surroundings.
    #[must_use]
    pub fn looking_at(window: crate::raster::Rect, scene: (u32, u32), view: Vec2) -> Self {
        let side = (f64::from(window.width.max(1)), f64::from(window.height.max(1)));
        let scale = (f64::from(view.x) / side.0).min(f64::from(view.y) / side.1) * FLY_TO_PART;
        Self { center: window.center(), scale }.bounded(scene, view)
    }

    #[must_use]
    pub fn to_screen(self, view: Rect, x: f64, y: f64) -> Pos2 {
        let center = view.center();
        pos2(
            to_f32(f64::from(center.x) + (x - self.center.0) * self.scale),
            to_f32(f64::from(center.y) + (y - self.center.1) * self.scale),
        )
    }

    #[must_use]
    pub fn to_scene(self, view: Rect, at: Pos2) -> (f64, f64) {
        let offset = at - view.center();
        (self.center.0 + f64::from(offset.x) / self.scale, self.center.1 + f64::from(offset.y) / self.scale)
    }

    /// A rectangle of the scene on the screen.
    #[must_use]
    pub fn rect_to_screen(&self, view: Rect, rect: crate::raster::Rect) -> Rect {
        let left_top = self.to_screen(view, f64::from(rect.x), f64::from(rect.y));
        let right_bottom = self.to_screen(view, f64::from(rect.right()), f64::from(rect.bottom()));
        Rect::from_min_max(left_top, right_bottom)
    }

    /// The part of the scene that the view shows, in level-0 pixels; `None` when it lies outside.
    #[must_use]
    pub fn visible(&self, view: Rect, scene: (u32, u32)) -> Option<crate::raster::Rect> {
        let (left, top) = self.to_scene(view, view.min);
        let (right, bottom) = self.to_scene(view, view.max);
        let x = span(left, right, scene.0)?;
        let y = span(top, bottom, scene.1)?;
        Some(crate::raster::Rect::new(x.0, y.0, x.1 - x.0, y.1 - y.0))
    }

    /// Magnifies by `factor`; the scene position under `at` stays there.
    pub fn zoom_at(&mut self, view: Rect, at: Pos2, factor: f64, scene: (u32, u32)) {
        let anchor = self.to_scene(view, at);
        self.scale = (self.scale * factor).clamp(min_scale(scene, view.size()), MAX_SCALE);
        let moved = self.to_scene(view, at);
        self.center.0 += anchor.0 - moved.0;
        self.center.1 += anchor.1 - moved.1;
        *self = self.bounded(scene, view.size());
    }

    /// Moves the scene with the pointer.
    pub fn pan(&mut self, view: Rect, delta: Vec2, scene: (u32, u32)) {
        self.center.0 -= f64::from(delta.x) / self.scale;
        self.center.1 -= f64::from(delta.y) / self.scale;
        *self = self.bounded(scene, view.size());
    }

    /// The same, with the centre of the view on the scene and a sensible scale.
    #[must_use]
    pub fn bounded(self, scene: (u32, u32), view: Vec2) -> Self {
        Self {
            center: (
                self.center.0.clamp(0.0, f64::from(scene.0.max(1))),
                self.center.1.clamp(0.0, f64::from(scene.1.max(1))),
            ),
            scale: self.scale.clamp(min_scale(scene, view), MAX_SCALE),
        }
    }

    /// A view on the way from `self` (0) to `other` (1); scale moves evenly to the eye.
    #[must_use]
    fn towards(&self, other: &Self, part: f64) -> Self {
        let scale = (self.scale.ln() + (other.scale.ln() - self.scale.ln()) * part).exp();
        // Moving the centre in step with the scale keeps the target in sight while zooming in.
        let centre_part = if (other.scale - self.scale).abs() < 1e-9 * self.scale {
            part
        } else {
            (1.0 / self.scale - 1.0 / scale) / (1.0 / self.scale - 1.0 / other.scale)
        };
        Self {
            center: (
                self.center.0 + (other.center.0 - self.center.0) * centre_part,
                self.center.1 + (other.center.1 - self.center.1) * centre_part,
            ),
            scale,
        }
    }
}

/// A short animated move of the camera.
#[derive(Clone, Copy, Debug)]
pub struct Flight {
    from: Camera,
    to: Camera,
    /// egui's time when it began, in seconds.
    began: f64,
}

impl Flight {
    #[must_use]
    pub fn new(from: Camera, to: Camera, now: f64) -> Self {
        Self { from, to, began: now }
    }

    /// Where the camera is now, and whether it has arrived.
    #[must_use]
    pub fn at(&self, now: f64) -> (Camera, bool) {
        let part = ((now - self.began) / FLIGHT_SECONDS).clamp(0.0, 1.0);
        if part >= 1.0 {
            return (self.to, true);
        }
        let eased = part * part * (3.0 - 2.0 * part);
        (self.from.towards(&self.to, eased), false)
    }
}

fn fit_scale(scene: (u32, u32), view: Vec2) -> f64 {
    let view = view.max(vec2(1.0, 1.0));
    let x = f64::from(view.x) / f64::from(scene.0.max(1));
    let y = f64::from(view.y) / f64::from(scene.1.max(1));
    x.min(y) * FIT_PART
}

fn min_scale(scene: (u32, u32), view: Vec2) -> f64 {
    (fit_scale(scene, view) * MIN_PART_OF_FIT).min(MAX_SCALE / 2.0)
}

/// The whole pixels between two positions along a side of `length`; at least one.
fn span(from: f64, to: f64, length: u32) -> Option<(u32, u32)> {
    let length = f64::from(length);
    let (from, to) = (from.floor().max(0.0), to.ceil().min(length));
    (from < to).then(|| (to_u32(from), to_u32(to)))
}

fn to_f32(value: f64) -> f32 {
    value as f32
}

/// `as` saturates.
fn to_u32(value: f64) -> u32 {
    value as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    const VIEW: Rect = Rect { min: Pos2 { x: 100.0, y: 50.0 }, max: Pos2 { x: 1100.0, y: 850.0 } };
    const SCENE: (u32, u32) = (20_000, 10_000);

    fn close(a: (f64, f64), b: (f64, f64)) -> bool {
        (a.0 - b.0).abs() < 1e-3 && (a.1 - b.1).abs() < 1e-3
    }

    #[test]
    fn fitting_shows_the_whole_scene() {
        let camera = Camera::fit(SCENE, VIEW.size());
        assert_eq!(camera.visible(VIEW, SCENE), Some(crate::raster::Rect::new(0, 0, 20_000, 10_000)));
        let shown = camera.rect_to_screen(VIEW, crate::raster::Rect::new(0, 0, 20_000, 10_000));
        assert!(VIEW.contains_rect(shown));
    }

    #[test]
    fn there_and_back_is_the_same_place() {
        let camera = Camera { center: (12_345.6, 7_890.1), scale: 3.7 };
        let at = pos2(321.0, 654.0);
        let (x, y) = camera.to_scene(VIEW, at);
        assert!((camera.to_screen(VIEW, x, y) - at).length() < 1e-2);
    }

    #[test]
    fn zooming_keeps_what_is_under_the_cursor() {
        let mut camera = Camera::fit(SCENE, VIEW.size());
        let at = pos2(400.0, 420.0);
        let before = camera.to_scene(VIEW, at);
        for factor in [1.3, 2.0, 9.0, 0.5] {
            camera.zoom_at(VIEW, at, factor, SCENE);
            assert!(close(camera.to_scene(VIEW, at), before), "{:?}", camera.to_scene(VIEW, at));
        }
    }

    #[test]
    fn one_cannot_get_lost() {
        let mut camera = Camera::fit(SCENE, VIEW.size());
        camera.pan(VIEW, vec2(1e9, -1e9), SCENE);
        assert!(camera.visible(VIEW, SCENE).is_some());
        for _ in 0..100 {
            camera.zoom_at(VIEW, VIEW.center(), 0.1, SCENE);
        }
        assert!(camera.rect_to_screen(VIEW, crate::raster::Rect::new(0, 0, 20_000, 10_000)).width() > 100.0);
        for _ in 0..100 {
            camera.zoom_at(VIEW, VIEW.center(), 10.0, SCENE);
        }
        assert!((camera.scale - MAX_SCALE).abs() < 1e-9);
    }

    #[test]
    fn a_flight_starts_here_and_ends_there() {
        let from = Camera::fit(SCENE, VIEW.size());
        let window = crate::raster::Rect::new(5_000, 4_000, 512, 512);
        let to = Camera::looking_at(window, SCENE, VIEW.size());
        let flight = Flight::new(from, to, 10.0);
        assert!(close(flight.at(10.0).0.center, from.center));
        let (halfway, arrived) = flight.at(10.0 + FLIGHT_SECONDS / 2.0);
        assert!(!arrived && halfway.scale > from.scale && halfway.scale < to.scale);
        assert_eq!(flight.at(11.0), (to, true));
        assert!(VIEW.contains_rect(to.rect_to_screen(VIEW, window)));
    }

    #[test]
    fn a_scene_of_one_pixel_is_shown() {
        let camera = Camera::fit((1, 1), VIEW.size());
        assert_eq!(camera.visible(VIEW, (1, 1)), Some(crate::raster::Rect::new(0, 0, 1, 1)));
        let bounded = Camera { center: (0.5, 0.5), scale: 1.0 }.bounded((1, 1), VIEW.size());
        assert!(bounded.scale > 0.0);
    }
}

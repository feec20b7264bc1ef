//! What a map has in its corners: a bar for lengths, and an arrow to the north where that is not up.

use eframe::egui::{Align2, Color32, FontId, Painter, Rect, Shape, Stroke, pos2, vec2};

use crate::app::format;
use crate::raster::Scene;

/// The bar is at most this many points long.
const LONGEST_BAR: f64 = 140.0;
/// North that is less than this many degrees off counts as up.
const UP: f64 = 1.0;
const MARGIN: f32 = 16.0;
/// Half the length of the arrow.
const ARROW: f32 = 18.0;

/// Draws the scale bar and, where north is not up, the arrow. `scale` is points per pixel of the scene.
pub fn draw(painter: &Painter, view: Rect, scene: &Scene, scale: f64) {
    let across = scene.info().ground_sample_distance.map(|[across, _]| across);
    if let Some(bar) = across.and_then(|metres| bar(metres / scale)) {
        draw_bar(painter, view, bar);
    }
    if let Some(north) = scene.north() {
        draw_north(painter, view, north);
    }
}

/// A length on the ground and its length on the screen.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Bar {
    metres: f64,
    points: f32,
}

/// The longest bar of 1, 2 or 5 times a power of ten metres that fits. `metres_per_point` is the ground that
/// one point of the screen shows.
fn bar(metres_per_point: f64) -> Option<Bar> {
    let most = metres_per_point * LONGEST_BAR;
    if !(most.is_finite() && most > 0.0) {
        return None;
    }
    let power = 10_f64.powi(most.log10().floor() as i32);
    let step = [5.0, 2.0].into_iter().find(|step| step * power <= most * (1.0 + 1e-9)).unwrap_or(1.0);
    let metres = step * power;
    Some(Bar { metres, points: (metres / metres_per_point) as f32 })
}

/// Draws the bar at the bottom left.
fn draw_bar(painter: &Painter, view: Rect, bar: Bar) {
    let left = view.left_bottom() + vec2(MARGIN, -MARGIN);
    let right = left + vec2(bar.points, 0.0);
    let tick = vec2(0.0, -7.0);
    let line = vec![left + tick, left, right, right + tick];
    let ground = Rect::from_min_max(left + vec2(-7.0, -21.0), right + vec2(7.0, 6.0));
    painter.rect_filled(ground, 3.0, Color32::from_black_alpha(150));
    both(painter, &line);
    let at = pos2(f32::midpoint(left.x, right.x), left.y - 4.0);
    text(painter, at, Align2::CENTER_BOTTOM, &format::length(bar.metres));
}

/// Draws the arrow at the top right, unless north is up. `north` is in degrees clockwise from up.
fn draw_north(painter: &Painter, view: Rect, north: f64) {
    if !shows_north(north) {
        return;
    }
    let center = view.right_top() + vec2(-MARGIN - ARROW, MARGIN + ARROW);
    let (sin, cos) = (north.to_radians() as f32).sin_cos();
    let towards =
        |along: f32, across: f32| center + vec2(sin * along + cos * across, -cos * along + sin * across);
    let (tip, tail) = (towards(ARROW, 0.0), towards(-ARROW, 0.0));
    both(painter, &[tail, tip]);
    both(painter, &[towards(ARROW - 8.0, -5.0), tip, towards(ARROW - 8.0, 5.0)]);
    text(painter, center + vec2(sin, -cos) * (ARROW + 9.0), Align2::CENTER_CENTER, "N");
}

/// Whether north is far enough from up to be worth an arrow.
fn shows_north(north: f64) -> bool {
    let turn = (north + 180.0).rem_euclid(360.0) - 180.0;
    turn.is_finite() && turn.abs() > UP
}

/// A white line with a dark edge, which shows on any ground.
fn both(painter: &Painter, line: &[eframe::egui::Pos2]) {
    for (width, color) in [(4.0, Color32::from_black_alpha(170)), (1.8, Color32::WHITE)] {
        painter.add(Shape::line(line.to_vec(), Stroke::new(width, color)));
    }
}

fn text(painter: &Painter, at: eframe::egui::Pos2, align: Align2, text: &str) {
    let font = FontId::proportional(12.5);
    for offset in [vec2(-1.0, 0.0), vec2(1.0, 0.0), vec2(0.0, -1.0), vec2(0.0, 1.0)] {
        painter.text(at + offset, align, text, font.clone(), Color32::from_black_alpha(170));
    }
    painter.text(at, align, text, font, Color32::WHITE);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_round_and_fit() {
        for (metres_per_point, metres) in
            [(10.0, 1000.0), (7.2, 1000.0), (5.0, 500.0), (0.3, 20.0), (0.005, 0.5), (80.0, 10_000.0)]
        {
            let bar = bar(metres_per_point).unwrap();
            assert!((bar.metres / metres - 1.0).abs() < 1e-9, "{bar:?}");
            assert!(f64::from(bar.points) <= LONGEST_BAR + 1e-3);
            assert!((f64::from(bar.points) * metres_per_point / metres - 1.0).abs() < 1e-5);
        }
        assert_eq!(bar(0.0), None);
        assert_eq!(bar(f64::NAN), None);
    }

    #[test]
    fn north_shows_when_it_is_not_up() {
        for (north, shows) in
            [(0.0, false), (0.9, false), (-0.9, false), (359.5, false), (12.0, true), (-90.0, true)]
        {
            assert_eq!(shows_north(north), shows, "{north}");
        }
        assert!(!shows_north(f64::NAN));
    }
}

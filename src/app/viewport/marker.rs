//! Going to a place, and the mark that it gets.

use eframe::egui::{Color32, Context, Painter, Pos2, Stroke, vec2};

use super::Viewport;

/// How far the ring and the ends of the cross are from the place, in points.
const RING: f32 = 9.0;
const ENDS: f32 = 16.0;

impl Viewport {
    /// Marks a place of the scene, in pixels, and flies there.
    pub fn go_to(&mut self, ctx: &Context, at: (f64, f64), scene: (u32, u32)) {
        self.view.go_to(at, scene, ctx.input(|input| input.time));
        ctx.request_repaint();
    }

    /// The place under the pointer, else the middle of the view.
    #[must_use]
    pub fn place(&self, scene: (u32, u32)) -> (f64, f64) {
        let middle = || {
            self.view
                .camera
                .map_or_else(|| (f64::from(scene.0) / 2.0, f64::from(scene.1) / 2.0), |camera| camera.center)
        };
        self.view.pointer.unwrap_or_else(middle)
    }
}

/// Draws a ring with four ticks around a place, which itself stays in sight.
pub fn draw(painter: &Painter, at: Pos2) {
    for (width, color) in [(4.5, Color32::from_black_alpha(190)), (2.0, Color32::WHITE)] {
        let stroke = Stroke::new(width, color);
        painter.circle_stroke(at, RING, stroke);
        for direction in [vec2(1.0, 0.0), vec2(-1.0, 0.0), vec2(0.0, 1.0), vec2(0.0, -1.0)] {
            painter.line_segment([at + direction * RING, at + direction * ENDS], stroke);
        }
    }
}

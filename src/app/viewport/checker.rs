//! The checker under places without data.

use eframe::egui::epaint::Mesh;
use eframe::egui::{
    Color32, ColorImage, Painter, Pos2, Rect, Shape, TextureHandle, TextureOptions, Ui, pos2,
};

use crate::app::theme;

/// Four squares, repeated.
#[derive(Default)]
pub struct Checker {
    texture: Option<TextureHandle>,
    dark: bool,
}

impl Checker {
    /// Paints the squares; a changed theme paints them anew.
    pub fn sync_theme(&mut self, ui: &Ui) {
        let dark = ui.visuals().dark_mode;
        if self.texture.is_none() || self.dark != dark {
            let [even, odd] = theme::tokens(ui.visuals()).checker;
            let image = ColorImage::new([2, 2], vec![even, odd, odd, even]);
            self.texture = Some(ui.ctx().load_texture("checker", image, TextureOptions::NEAREST_REPEAT));
            self.dark = dark;
        }
    }

    /// Fills `place` with squares that are counted from `origin`, so that neighbouring places fit.
    pub fn draw(&self, painter: &Painter, place: Rect, origin: Pos2) {
        let Some(texture) = self.texture.as_ref().filter(|_| place.is_positive()) else { return };
        // Small numbers, since graphics cards interpolate them coarsely.
        let turn = 2.0 * theme::CHECKER;
        let from = (place.min - origin) / turn;
        let min = pos2(from.x.fract(), from.y.fract());
        let mut mesh = Mesh::with_texture(texture.id());
        mesh.add_rect_with_uv(place, Rect::from_min_size(min, place.size() / turn), Color32::WHITE);
        painter.add(Shape::mesh(mesh));
    }
}

//! The menu of a place in the scene: by a right click.

use eframe::egui::{Button, PointerButton, Response};

use super::{Viewport, ViewportContext};
use crate::app::action::Action;
use crate::app::format;
use crate::raster::Scene;

impl Viewport {
    /// Shows the menu while it is open.
    pub(super) fn show_menu(
        &mut self,
        response: &Response,
        scene: &Scene,
        cx: ViewportContext<'_>,
    ) -> Option<Action> {
        if response.clicked_by(PointerButton::Secondary) {
            self.view.menu_at = self.view.pointer;
        }
        let at = self.view.menu_at?;
        let mut action = None;
        response.context_menu(|ui| {
            let copied = ui.button("Copy place").on_hover_text("Where this is, as a text to paste elsewhere");
            if copied.clicked() {
                let text = place_text(scene, at);
                ui.ctx().copy_text(text.clone());
                action = Some(Action::Notify(format!("Copied {text}")));
                ui.close();
            }
            let window = cx.search_panel.grid().map(|grid| grid.nearest(at.0, at.1));
            let similar = ui.add_enabled(window.is_some(), Button::new("Find similar here"));
            if similar.on_hover_text("Look for places like the window here").clicked() {
                action = window.map(|place| Action::AddExample { place, to_selected: false });
                ui.close();
            }
        });
        action
    }
}

/// Latitude and longitude of a place, or its pixel where these are unknown.
fn place_text(scene: &Scene, (x, y): (f64, f64)) -> String {
    match scene.lon_lat(x, y) {
        Some((lon, lat)) => format::lon_lat(lon, lat),
        None => format!("{:.0}, {:.0}", x.floor(), y.floor()),
    }
}

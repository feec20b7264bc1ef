//! Getting around in the scene: `go_to` asks for a place, and places are copied.

mod go_to;

use eframe::egui::Context;

use super::App;
use super::action::About;
use crate::raster::PlaceForm;
pub use go_to::GoToDialog;

impl App {
    /// Copies a place of the scene, in pixels. A form that is given is remembered; where the scene can't tell
    /// the place in it, it is copied in pixels, and that is told.
    pub(super) fn copy_place(&mut self, ctx: &Context, at: (f64, f64), form: Option<PlaceForm>) {
        let Some(scene) = self.scene.scene() else { return };
        self.settings.place_form = form.unwrap_or(self.settings.place_form);
        let form = self.settings.place_form;
        let wanted = scene.place_text(form, at);
        let told =
            if wanted.is_some() { String::new() } else { format!("; the image tells no {}", form.text()) };
        match wanted.or_else(|| scene.place_text(PlaceForm::Pixels, at)) {
            Some(text) => {
                ctx.copy_text(text.clone());
                self.search.notify(format!("Copied {text}{told}"));
            }
            None => self.chrome.show_error(About::Deed, "The place can't be told".to_owned()),
        }
    }
}

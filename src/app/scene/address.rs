//! The small dialog that takes the address of a scene on a server.

use std::path::PathBuf;

use eframe::egui;
use eframe::egui::{Context, TextEdit, Window};

/// The dialog and what was typed into it.
#[derive(Default)]
pub struct AddressDialog {
    open: bool,
    /// Since the last frame, so that the field gets the keyboard once.
    fresh: bool,
    text: String,
}

impl AddressDialog {
    pub fn open(&mut self) {
        self.open = true;
        self.fresh = true;
    }

    /// Closes the dialog. Returns whether it was open.
    pub fn close(&mut self) -> bool {
        std::mem::take(&mut self.open)
    }

    /// Shows the dialog while it is open; the address once it is entered.
    pub fn ui(&mut self, ctx: &Context) -> Option<PathBuf> {
        if !self.open {
            return None;
        }
        let mut entered = false;
        let mut open = true;
        Window::new("Open URL")
            .open(&mut open)
            .collapsible(false)
            .resizable(false)
            .anchor(egui::Align2::CENTER_CENTER, egui::Vec2::ZERO)
            .show(ctx, |ui| {
                let field = TextEdit::singleline(&mut self.text)
                    .hint_text("https://…, http://… or s3://…")
                    .desired_width(460.0)
                    .char_limit(8000);
                let field = ui.add(field).accessible_name("Address").on_hover_text(
                    "The address of a GeoTIFF (COG); only what is looked at is fetched, and kept for the next time",
                );
                if std::mem::take(&mut self.fresh) {
                    field.request_focus();
                }
                entered = field.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter));
                let button = ui.add_enabled(!self.text.trim().is_empty(), egui::Button::new("Open address"));
                entered |= button.on_hover_text("Open the scene at this address (Enter)").clicked();
            });
        let text = self.text.trim();
        let address = (entered && !text.is_empty()).then(|| with_scheme(text));
        self.open = open && address.is_none();
        address
    }
}

/// People leave out what browsers leave out.
fn with_scheme(text: &str) -> PathBuf {
    if text.contains("://") { text.into() } else { format!("https://{text}").into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_without_a_scheme_is_a_web_address() {
        assert_eq!(with_scheme("example.com/a.tif").as_os_str(), "https://example.com/a.tif");
        assert_eq!(with_scheme("s3://bucket/a.tif").as_os_str(), "s3://bucket/a.tif");
    }
}

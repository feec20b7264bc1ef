//! The small dialog that takes a place to go to.

use eframe::egui;
use eframe::egui::text::{CCursor, CCursorRange};
use eframe::egui::{Context, TextEdit, Window};

use crate::app::format;
use crate::raster::{Place, PlaceForm, ReadPlace, Scene};

const HINT: &str = "35.68, 139.77 · 54S 386000 3950000 · 54SUE8869449153 · a link";
const TIP: &str = "Degrees with or without minutes and seconds, UTM, MGRS, a Plus code, a web map's link, \
                   map 386000 3950000 or px 1200 800";

/// The dialog, what was typed into it and what that means.
#[derive(Default)]
pub struct GoToDialog {
    open: bool,
    /// Since the last frame, so that the field gets the keyboard once.
    fresh: bool,
    text: String,
    /// What `text` means in the open scene, since it was typed.
    meaning: Option<Meaning>,
}

/// A text that was typed, as it was understood.
struct Meaning {
    /// In words.
    told: String,
    remark: Option<String>,
    /// In pixels of the scene, or why not.
    at: Result<(f64, f64), String>,
}

impl GoToDialog {
    pub fn open(&mut self) {
        (self.open, self.fresh, self.meaning) = (true, true, None);
    }

    /// Closes the dialog. Returns whether it was open.
    pub fn close(&mut self) -> bool {
        std::mem::take(&mut self.open)
    }

    /// Shows the dialog while it is open; the place, in pixels of the scene, once it is entered.
    pub fn ui(&mut self, ctx: &Context, scene: Option<&Scene>) -> Option<(f64, f64)> {
        let scene = scene.filter(|_| self.open)?;
        let (mut entered, mut open) = (false, true);
        let top = egui::vec2(0.0, 70.0);
        Window::new("Go to")
            .open(&mut open)
            .collapsible(false)
            .resizable(false)
            .anchor(egui::Align2::CENTER_TOP, top)
            .show(ctx, |ui| {
                let field = TextEdit::singleline(&mut self.text)
                    .hint_text(HINT)
                    .desired_width(460.0)
                    .char_limit(4000);
                let mut shown = field.show(ui);
                let field = shown.response.response.accessible_name("Place").on_hover_text(TIP);
                if std::mem::take(&mut self.fresh) {
                    field.request_focus();
                    // What is typed next takes the place of what was typed last.
                    let all = CCursorRange::two(CCursor::new(0), CCursor::new(self.text.chars().count()));
                    shown.state.cursor.set_char_range(Some(all));
                    shown.state.store(ui.ctx(), field.id);
                }
                if field.changed() || self.meaning.is_none() {
                    self.meaning = Some(Meaning::of(&self.text, scene));
                }
                entered = field.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter));
                if let Some(meaning) = &self.meaning {
                    meaning.ui(ui);
                }
                let known = self.meaning.as_ref().is_some_and(|meaning| meaning.at.is_ok());
                let button = ui.add_enabled(known, egui::Button::new("Go there"));
                entered |= button.on_hover_text("Show this place (Enter)").clicked();
                if entered && !known {
                    field.request_focus();
                }
            });
        let at = self.meaning.as_ref().filter(|_| entered).and_then(|meaning| meaning.at.clone().ok());
        self.open = open && at.is_none();
        at
    }
}

impl Meaning {
    fn of(text: &str, scene: &Scene) -> Self {
        match ReadPlace::of(text) {
            Ok(read) => {
                let at = scene.locate(read.place).map_err(|why| why.to_string());
                Self { told: format!("{}: {}", read.form, in_words(read.place)), remark: read.remark, at }
            }
            Err(why) => Self { told: String::new(), remark: None, at: Err(why.to_string()) },
        }
    }

    fn ui(&self, ui: &mut egui::Ui) {
        ui.set_max_width(468.0);
        if !self.told.is_empty() {
            ui.label(&self.told);
        }
        for more in self.remark.iter().chain(self.at.as_ref().err()) {
            ui.weak(format::sentence(more));
        }
    }
}

fn in_words(place: Place) -> String {
    match place {
        Place::Globe { lon, lat } => PlaceForm::Degrees.write(lon, lat).unwrap_or_default(),
        Place::Map { x, y } => format!("{x} to the east, {y} to the north"),
        Place::Pixel { x, y } => format!("{x} to the right, {y} down"),
    }
}

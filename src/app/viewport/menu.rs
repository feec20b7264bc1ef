//! The menu of a place in the scene: by a right click.

use eframe::egui::{Button, PointerButton, Response};

use strum::IntoEnumIterator as _;

use super::{Viewport, ViewportContext};
use crate::app::action::Action;
use crate::app::commands::UiCommand;
use crate::raster::{PlaceForm, Scene};

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
            let copied = UiCommand::CopyPlace.explain(ui.button(UiCommand::CopyPlace.text()));
            if copied.clicked() {
                action = Some(Action::CopyPlace { at, form: None });
                ui.close();
            }
            let forms = ui.menu_button("Copy place as", |ui| {
                for form in PlaceForm::iter() {
                    let text = scene.place_text(form, at);
                    let chosen = cx.settings.place_form == form;
                    let entry = Button::selectable(chosen, form.text())
                        .shortcut_text(text.as_deref().unwrap_or_default());
                    let entry = ui.add_enabled(text.is_some(), entry);
                    if entry.on_hover_text("Copy it so, and from now on").clicked() {
                        action = Some(Action::CopyPlace { at, form: Some(form) });
                        ui.close();
                    }
                }
            });
            forms.response.on_hover_text("Choose how places are written");
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

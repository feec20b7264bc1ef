//! The window that lists all keys.

use eframe::egui;
use eframe::egui::{Context, RichText, ScrollArea, Ui, Window};
use strum::IntoEnumIterator as _;

use crate::app::commands::UiCommand;

/// What the mouse does.
const MOUSE: [(&str, &str); 7] = [
    ("Wheel", "Zoom at the pointer"),
    ("Drag", "Move the view"),
    ("Double click", "Show the whole scene"),
    ("Click on a box", "Select it and go there"),
    ("Right click", "Copy the place in any form, or find what looks like it"),
    ("Middle drag", "Move the view while another tool is in use"),
    ("Shift+drag", "With “Find similar”: add the example to the selected keyword"),
];

/// Of the window's height, for the title of the list and some of what is below it.
const ROOM_AROUND: f32 = 96.0;

/// Shows the list while `open`; from its beginning when it is `fresh`.
pub fn show(ctx: &Context, open: &mut bool, fresh: bool) {
    Window::new("Shortcuts")
        .open(open)
        .collapsible(false)
        .resizable(false)
        .anchor(egui::Align2::CENTER_CENTER, egui::Vec2::ZERO)
        .show(ctx, |ui| {
            let mut area = ScrollArea::vertical().max_height(ctx.content_rect().height() - ROOM_AROUND);
            if fresh {
                area = area.vertical_scroll_offset(0.0);
            }
            area.show(ui, show_keys);
        });
}

fn show_keys(ui: &mut Ui) {
    egui::Grid::new("shortcuts").num_columns(2).spacing([24.0, 4.0]).show(ui, |ui| {
        for (action, text) in MOUSE {
            ui.label(RichText::new(action).monospace());
            ui.label(text);
            ui.end_row();
        }
        for command in UiCommand::iter() {
            let keys = command.keys(ui.ctx());
            if !keys.is_empty() {
                ui.label(RichText::new(keys).monospace());
                ui.label(command.tooltip());
                ui.end_row();
            }
        }
        ui.label(RichText::new("Arrows, Space").monospace());
        ui.label("While a detection is selected: go to the ones beside it, accept it");
        ui.end_row();
        ui.label(RichText::new("Shift+F10, Menu").monospace());
        ui.label("Open the menu of the keyword whose eye, dots or cross has the keyboard; or right-click it");
        ui.end_row();
        ui.label(RichText::new("Enter, Backspace").monospace());
        ui.label("While a polygon is drawn: close it, take the last corner back");
        ui.end_row();
        ui.label(RichText::new("Tab, Space").monospace());
        ui.label("Go from control to control, and press one");
        ui.end_row();
    });
}

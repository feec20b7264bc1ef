//! The bar at the top: what is used most, and menus.

use eframe::egui;
use eframe::egui::Ui;

use super::ChromeContext;
use crate::app::action::Action;
use crate::app::commands::UiCommand;
use crate::app::format;
use crate::app::settings::{Labels, Settings};

/// The bar at the top.
pub fn toolbar_ui(ui: &mut Ui, settings: &mut Settings, cx: ChromeContext<'_>) -> Vec<Action> {
    let mut actions = Vec::new();
    ui.horizontal(|ui| {
        let scene = cx.scene.is_open();
        let menu = ui.menu_button("Open", |ui| open_menu(ui, &mut actions));
        menu.response
            .on_hover_text("Open an image, a product's folder, an image on a server or the sample scene");
        ui.add_enabled_ui(!settings.recent_scenes.is_empty(), |ui| {
            let menu = ui.menu_button("Recent", |ui| recent_menu(ui, settings, &mut actions));
            menu.response.on_hover_text("Images that were opened before");
        });
        ui.separator();
        for command in
            [UiCommand::Fit, UiCommand::ActualSize, UiCommand::ZoomOut, UiCommand::ZoomIn, UiCommand::GoTo]
        {
            button(ui, command, scene, &mut actions);
        }
        ui.separator();
        for (command, on) in [
            (UiCommand::ToggleGrid, settings.show_grid),
            (UiCommand::ToggleBoxes, settings.show_boxes),
            (UiCommand::ToggleHeatMap, cx.viewport.shows_heat_map()),
        ] {
            let toggle = command.explain(ui.selectable_label(on, command.text()));
            if toggle.clicked() {
                actions.push(Action::Run(command));
            }
        }
        let menu = ui.menu_button("Labels", |ui| labels_menu(ui, settings));
        menu.response.on_hover_text("Which boxes say what they are");
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            button(ui, UiCommand::Help, true, &mut actions);
            theme_menu(ui, settings);
            ui.add_enabled_ui(scene, |ui| {
                let menu = ui.menu_button("Export", |ui| export_menu(ui, cx, &mut actions));
                menu.response.on_hover_text("Save the boxes, or a picture with them");
            });
            if let Some(opening) = cx.scene.opening().filter(|_| scene) {
                ui.weak(opening.text());
                ui.add(egui::Spinner::new().size(14.0));
            }
        });
    });
    actions
}

fn button(ui: &mut Ui, command: UiCommand, enabled: bool, actions: &mut Vec<Action>) {
    if command.button(ui, enabled).clicked() {
        actions.push(Action::Run(command));
    }
}

fn recent_menu(ui: &mut Ui, settings: &Settings, actions: &mut Vec<Action>) {
    for path in &settings.recent_scenes {
        let entry = ui.button(format::file_name(path)).on_hover_text(path.display().to_string());
        if entry.clicked() {
            actions.push(Action::Open(path.clone()));
            ui.close();
        }
    }
}

fn open_menu(ui: &mut Ui, actions: &mut Vec<Action>) {
    for command in [UiCommand::Open, UiCommand::OpenFolder, UiCommand::OpenUrl, UiCommand::OpenSample] {
        if command.entry(ui, true).clicked() {
            actions.push(Action::Run(command));
            ui.close();
        }
    }
}

fn export_menu(ui: &mut Ui, cx: ChromeContext<'_>, actions: &mut Vec<Action>) {
    let scene = cx.scene.is_open();
    let boxes = !cx.search.ranking().is_empty();
    // Without longitudes and latitudes there are pixels, but only for somebody who asks for them.
    let on_globe = cx.scene.scene().is_some_and(|scene| scene.is_on_globe());
    let geojson = if on_globe || !scene { UiCommand::ExportGeoJson } else { UiCommand::ExportGeoJsonPixels };
    for (command, enabled) in [
        (UiCommand::ExportPicture, scene),
        (UiCommand::ExportView, scene),
        (geojson, boxes),
        (UiCommand::ExportCsv, boxes),
        (UiCommand::ExportCsvExcel, boxes),
        (UiCommand::ExportJson, boxes),
        (UiCommand::ExportKml, boxes && on_globe),
        (UiCommand::ExportKmz, boxes && on_globe),
        (UiCommand::ExportGpkg, boxes),
        (UiCommand::ExportCoco, boxes),
        (UiCommand::ExportYolo, boxes),
    ] {
        if command.entry(ui, enabled).clicked() {
            actions.push(Action::Run(command));
            ui.close();
        }
    }
}

fn labels_menu(ui: &mut Ui, settings: &mut Settings) {
    for (labels, text, tip) in [
        (Labels::Auto, "Some labels", "As many as leave the picture in sight, the best first"),
        (Labels::All, "All labels", "Every box that has room for one"),
        (Labels::Selected, "Label of the selected box", "And of the one under the pointer"),
        (Labels::None, "No labels", "Boxes alone"),
    ] {
        if ui.selectable_label(settings.labels == labels, text).on_hover_text(tip).clicked() {
            settings.labels = labels;
            ui.close();
        }
    }
}

fn theme_menu(ui: &mut Ui, settings: &mut Settings) {
    let menu = ui.menu_button("Theme", |ui| {
        for (theme, text, tip) in [
            (egui::ThemePreference::System, "System", "As the system is, where it tells"),
            (egui::ThemePreference::Dark, "Dark", "Dark panels, easy on the eyes at night"),
            (egui::ThemePreference::Light, "Light", "Light panels, for bright rooms"),
        ] {
            if ui.selectable_label(settings.theme == theme, text).on_hover_text(tip).clicked() {
                settings.theme = theme;
                ui.ctx().set_theme(theme);
                ui.close();
            }
        }
    });
    menu.response.on_hover_text("Dark or light panels");
}

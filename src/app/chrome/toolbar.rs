//! The bar at the top: what is used most, and menus.

use eframe::egui;
use eframe::egui::Ui;

use super::ChromeContext;
use crate::app::action::Action;
use crate::app::commands::UiCommand;
use crate::app::format;
use crate::app::settings::Settings;

/// The bar at the top.
pub fn toolbar_ui(ui: &mut Ui, settings: &mut Settings, cx: ChromeContext<'_>) -> Vec<Action> {
    let mut actions = Vec::new();
    ui.horizontal(|ui| {
        let scene = cx.scene.is_open();
        button(ui, UiCommand::Open, true, &mut actions);
        let menu = ui.menu_button("Recent", |ui| recent_menu(ui, settings, &mut actions));
        menu.response
            .on_hover_text("Images that were opened before, images on servers, and the sample scene");
        ui.separator();
        for command in [UiCommand::Fit, UiCommand::ActualSize, UiCommand::ZoomOut, UiCommand::ZoomIn] {
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
    if !settings.recent_scenes.is_empty() {
        ui.separator();
    }
    for command in [UiCommand::OpenFolder, UiCommand::OpenUrl, UiCommand::OpenSample] {
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

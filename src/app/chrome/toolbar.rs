//! The bar at the top: what is used most, and menus.

use eframe::egui;
use eframe::egui::Ui;

use crate::app::format;
use crate::app::{App, UiCommand};

impl App {
    pub(in crate::app) fn show_toolbar(&mut self, ui: &mut Ui) {
        ui.horizontal(|ui| {
            let scene = self.scene.is_some();
            self.toolbar_button(ui, UiCommand::Open, true);
            let menu = ui.menu_button("Recent", |ui| self.recent_menu(ui));
            menu.response
                .on_hover_text("Images that were opened before, images on servers, and the sample scene");
            ui.separator();
            for command in [UiCommand::Fit, UiCommand::ActualSize, UiCommand::ZoomOut, UiCommand::ZoomIn] {
                self.toolbar_button(ui, command, scene);
            }
            ui.separator();
            for (command, on) in [
                (UiCommand::ToggleGrid, self.settings.show_grid),
                (UiCommand::ToggleBoxes, self.settings.show_boxes),
                (UiCommand::ToggleHeatMap, self.heat.on),
            ] {
                let toggle = command.explain(ui.selectable_label(on, command.text()));
                if toggle.clicked() {
                    self.run(ui.ctx(), command);
                }
            }
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                self.toolbar_button(ui, UiCommand::Help, true);
                self.theme_menu(ui);
                ui.add_enabled_ui(scene, |ui| {
                    let menu = ui.menu_button("Export", |ui| self.export_menu(ui));
                    menu.response.on_hover_text("Save the boxes, or a picture with them");
                });
                if let Some(opening) = self.opening.as_ref().filter(|_| scene) {
                    ui.weak(opening.text());
                    ui.add(egui::Spinner::new().size(14.0));
                }
            });
        });
    }

    fn recent_menu(&mut self, ui: &mut Ui) {
        for path in self.settings.recent_scenes.clone() {
            let entry = ui.button(format::file_name(&path)).on_hover_text(path.display().to_string());
            if entry.clicked() {
                self.open(path);
                ui.close();
            }
        }
        if !self.settings.recent_scenes.is_empty() {
            ui.separator();
        }
        for command in [UiCommand::OpenFolder, UiCommand::OpenUrl, UiCommand::OpenSample] {
            if command.entry(ui, true).clicked() {
                self.run(ui.ctx(), command);
                ui.close();
            }
        }
    }

    fn theme_menu(&mut self, ui: &mut Ui) {
        let menu = ui.menu_button("Theme", |ui| {
            for (theme, text, tip) in [
                (egui::ThemePreference::System, "System", "As the system is, where it tells"),
                (egui::ThemePreference::Dark, "Dark", "Dark panels, easy on the eyes at night"),
                (egui::ThemePreference::Light, "Light", "Light panels, for bright rooms"),
            ] {
                if ui.selectable_label(self.settings.theme == theme, text).on_hover_text(tip).clicked() {
                    self.settings.theme = theme;
                    ui.ctx().set_theme(theme);
                    ui.close();
                }
            }
        });
        menu.response.on_hover_text("Dark or light panels");
    }

    fn toolbar_button(&mut self, ui: &mut Ui, command: UiCommand, enabled: bool) {
        if command.button(ui, enabled).clicked() {
            self.run(ui.ctx(), command);
        }
    }
}

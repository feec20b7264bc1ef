//! Which model, and where it runs.

use std::path::{Path, PathBuf};

use eframe::egui;
use eframe::egui::{Align, ComboBox, Layout, Ui};

use crate::app::App;
use crate::app::UiCommand;
use crate::app::format;
use crate::app::search::ModelState;
use crate::clip::DeviceChoice;
use crate::encoder::named_loader;

impl App {
    pub(in crate::app) fn choose_model(&mut self, path: PathBuf) {
        // A folder holds its own description; only a bare file needs the architecture named.
        if self.settings.model.as_ref() != Some(&path) {
            self.settings.arch = None;
        }
        self.settings.remember_model(&path);
        self.settings.model = Some(path);
        self.load_model();
    }

    /// Goes back to the model that comes with Skysift; it is looked up anew at every start, and so not
    /// remembered.
    fn choose_bundled_model(&mut self) {
        self.settings.model = None;
        self.settings.arch = None;
        self.load_model();
    }

    /// The folder, file or published name of the model in use.
    pub(in crate::app) fn model_path(&self) -> Option<&Path> {
        self.settings.model.as_deref().or(self.bundled_model.as_deref())
    }

    pub(in crate::app) fn load_model(&mut self) {
        let Some(path) = self.model_path().map(Path::to_owned) else { return };
        self.notices.forget_model();
        let (place, arch) = (self.models.clone(), self.settings.arch.clone());
        self.search.load(named_loader(place, path, arch, self.settings.device));
    }

    pub(in crate::app) fn show_model(&mut self, ui: &mut Ui) {
        let mut chosen: Option<PathBuf> = None;
        let (mut bundled, mut get) = (false, false);
        ui.horizontal(|ui| {
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                let folder = ui.button("Folder…").on_hover_text(
                    "Choose a model's folder, as downloaded from Hugging Face or saved by open_clip",
                );
                if folder.clicked() {
                    crate::app::chrome::dialogs::pick_model(&self.jobs, self.model_path());
                }
                let name = self.model_path().map_or_else(|| "None yet".to_owned(), format::file_name);
                let width = ui.available_width();
                let combo = ComboBox::from_id_salt("model")
                    .width(width)
                    .truncate()
                    .selected_text(name)
                    .show_ui(ui, |ui| {
                        if let Some(path) = &self.bundled_model {
                            let entry =
                                ui.selectable_label(self.settings.model.is_none(), format::file_name(path));
                            bundled = entry.on_hover_text("The model that comes with Skysift").clicked();
                        }
                        if self.settings.recent_models.is_empty() {
                            ui.weak("Models that you choose appear here");
                        }
                        for path in &self.settings.recent_models {
                            let current = self.settings.model.as_ref() == Some(path);
                            let entry = ui.selectable_label(current, format::file_name(path));
                            if entry.on_hover_text(path.display().to_string()).clicked() {
                                chosen = Some(path.clone());
                            }
                        }
                        ui.separator();
                        get = UiCommand::GetModel.entry(ui, true).clicked();
                    });
                combo
                    .response
                    .accessible_name("Model")
                    .on_hover_text("The model that compares windows and words");
            });
        });
        if let Some(path) = chosen {
            self.choose_model(path);
        } else if bundled {
            self.choose_bundled_model();
        } else if get {
            self.run(ui.ctx(), UiCommand::GetModel);
        }
        ui.horizontal_wrapped(|ui| match &self.search.model {
            ModelState::None => {
                ui.weak("Choose a folder with a CLIP model to scan.");
            }
            ModelState::Loading => {
                ui.add(egui::Spinner::new().size(14.0));
                ui.weak("Loading…");
            }
            ModelState::Ready(card) => {
                ui.weak(format!("{} on {}", card.model, card.device)).on_hover_text(format!(
                    "Takes pictures of {0} × {0} pixels, {1} windows at a time",
                    card.input_size, card.batch_size
                ));
            }
            ModelState::Failed(reason) => {
                ui.colored_label(ui.visuals().error_fg_color, format::sentence(reason));
            }
        });
        self.show_download(ui);
        self.show_device(ui);
    }

    fn show_device(&mut self, ui: &mut Ui) {
        let before = self.settings.device;
        ui.horizontal(|ui| {
            ui.label("Run on");
            for (device, text, tip) in [
                (DeviceChoice::Auto, "Auto", "A graphics card if there is a real one, else the processor"),
                (DeviceChoice::Gpu, "GPU", "The graphics card"),
                (DeviceChoice::Cpu, "CPU", "The processor"),
            ] {
                let chosen = self.settings.device == device;
                if ui.selectable_label(chosen, text).on_hover_text(tip).clicked() {
                    self.settings.device = device;
                }
            }
        });
        if before != self.settings.device {
            self.load_model();
        }
    }
}

//! Which model, and where it runs.

use eframe::egui;
use eframe::egui::{Align, Button, ComboBox, Layout, Ui};

use super::SearchContext;
use crate::app::action::Action;
use crate::app::commands::UiCommand;
use crate::app::format;
use crate::app::keyboard::is_taken;
use crate::app::search::ModelState;
use crate::app::settings::Settings;
use crate::clip::{DeviceChoice, PrecisionChoice};

pub fn show(ui: &mut Ui, settings: &mut Settings, cx: SearchContext<'_>) -> Vec<Action> {
    let mut actions = Vec::new();
    ui.horizontal(|ui| {
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let folder = ui.button("Folder…").on_hover_text(
                "Choose a model's folder, as downloaded from Hugging Face or saved by open_clip",
            );
            if folder.clicked() {
                actions.push(Action::PickModel);
            }
            let model = settings.model.as_deref().or(cx.bundled_model);
            let name = model.map_or_else(|| "None yet".to_owned(), format::file_name);
            let width = ui.available_width();
            let combo = ComboBox::from_id_salt("model").width(width).truncate().selected_text(name).show_ui(
                ui,
                |ui| {
                    if let Some(path) = cx.bundled_model {
                        let entry = ui.selectable_label(settings.model.is_none(), format::file_name(path));
                        let entry = entry.on_hover_text("The model that comes with Skysift");
                        if is_taken(ui, &entry) {
                            actions.push(Action::ChooseBundledModel);
                        }
                    }
                    if settings.recent_models.is_empty() {
                        ui.weak("Models that you choose appear here");
                    }
                    for path in &settings.recent_models {
                        let current = settings.model.as_ref() == Some(path);
                        let entry = ui.selectable_label(current, format::file_name(path));
                        if is_taken(ui, &entry.on_hover_text(path.display().to_string())) {
                            actions.push(Action::ChooseModel(path.clone()));
                        }
                    }
                    ui.separator();
                    let get = UiCommand::GetModel.entry(ui, true);
                    if is_taken(ui, &get) {
                        actions.push(Action::Run(UiCommand::GetModel));
                    }
                },
            );
            combo
                .response
                .accessible_name("Model")
                .on_hover_text("The model that compares windows and words");
        });
    });
    ui.horizontal_wrapped(|ui| match cx.search.model() {
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
    actions.extend(cx.models.download_ui(ui, settings, cx.search));
    let another_device = show_device(ui, settings, cx.search.has_no_card());
    let sharpens_otherwise = show_sharpen(ui, settings, cx.can_sharpen);
    if another_device || sharpens_otherwise {
        actions.push(Action::ReloadModel);
    }
    actions
}

/// Where the model runs, and in which precision. Returns whether that was changed.
fn show_device(ui: &mut Ui, settings: &mut Settings, no_card: bool) -> bool {
    let before = settings.run_on();
    ui.horizontal(|ui| {
        ui.label("Run on");
        for (device, text, tip) in [
            (DeviceChoice::Auto, "Auto", "A graphics card if there is a real one, else the processor"),
            (DeviceChoice::Gpu, "GPU", "The graphics card"),
            (DeviceChoice::Cpu, "CPU", "The processor"),
        ] {
            let chosen = settings.device == device;
            let there = chosen || device != DeviceChoice::Gpu || !no_card;
            let button = ui.add_enabled(there, Button::selectable(chosen, text)).on_hover_text(tip);
            let button = button.on_disabled_hover_text("There is no graphics card that can run the model");
            if button.clicked() {
                settings.device = device;
            }
        }
    });
    ui.horizontal(|ui| {
        ui.label("Precision");
        for (precision, text, tip) in [
            (PrecisionChoice::Auto, "Auto", "The fastest in which the model sees the same"),
            (PrecisionChoice::F32, "f32", "Single precision"),
            (PrecisionChoice::Bf16, "bf16", "Half the digits, on processors that have it: faster"),
        ] {
            let chosen = settings.precision == precision;
            if ui.selectable_label(chosen, text).on_hover_text(tip).clicked() {
                settings.precision = precision;
            }
        }
    });
    before != settings.run_on()
}

/// Whether small windows are sharpened. Returns whether that was changed.
fn show_sharpen(ui: &mut Ui, settings: &mut Settings, can_sharpen: bool) -> bool {
    let mut sharpen = settings.sharpen && can_sharpen;
    let checkbox = ui.add_enabled(can_sharpen, egui::Checkbox::new(&mut sharpen, "Sharpen"));
    let checkbox = checkbox.on_hover_text(
        "Enlarge windows that are smaller than the model's input by a network instead of a filter: its details are \
         likely, not seen. The gallery shows such a window beside itself while the pointer is over it",
    );
    let checkbox = checkbox.on_disabled_hover_text(
        "No network to sharpen with comes with this build; start Skysift with --sharpen=FILE",
    );
    if checkbox.changed() {
        settings.sharpen = sharpen;
    }
    checkbox.changed()
}

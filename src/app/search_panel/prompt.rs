//! The sentence that the model reads for a keyword.

use eframe::egui::{ComboBox, TextEdit, Ui};

use super::SearchPanel;
use crate::app::format;
use crate::app::keyboard::is_taken;
use crate::app::settings::Settings;
use crate::search::PromptTemplate;

impl SearchPanel {
    pub(super) fn show_template(&mut self, ui: &mut Ui, settings: &mut Settings) {
        ui.add_space(4.0);
        ui.horizontal(|ui| {
            let label = ui.label("Prompt");
            let width = ui.available_width();
            let combo = ComboBox::from_id_salt("prompt")
                .width(width)
                .truncate()
                .selected_text(template_name(&settings.template))
                .show_ui(ui, |ui| {
                    for offered in PromptTemplate::OFFERED {
                        let chosen = settings.template == offered;
                        let entry = ui.selectable_label(chosen, template_name(offered));
                        if is_taken(ui, &entry.on_hover_text(offered)) {
                            offered.clone_into(&mut settings.template);
                            self.custom_template = false;
                        }
                    }
                    let custom = ui.selectable_label(self.custom_template, "Custom");
                    if is_taken(ui, &custom) {
                        self.custom_template = true;
                    }
                });
            combo.response.labelled_by(label.id).on_hover_text(
                "The sentence that the model reads for a keyword, which stands for {}; some words fit satellite \
                 images better than others",
            );
        });
        if self.custom_template {
            let width = ui.available_width();
            ui.add(TextEdit::singleline(&mut settings.template).desired_width(width).char_limit(1000))
                .accessible_name("Custom prompt")
                .on_hover_text(
                    "Your own sentence with {} for the keyword; several with | between them are averaged",
                );
        }
        if let Err(error) = PromptTemplate::new(&settings.template) {
            ui.colored_label(ui.visuals().warn_fg_color, format::sentence(&error.to_string()));
        }
    }
}

/// A template in short: an average of several is named as such.
fn template_name(template: &str) -> String {
    match template.split('|').count() {
        1 => template.to_owned(),
        several => format!("Average of {several} prompts"),
    }
}

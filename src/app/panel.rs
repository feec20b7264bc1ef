//! The search panel: what to look for, with which model, in which windows.

use eframe::egui;
use std::path::PathBuf;

use eframe::egui::{
    Align, Button, Color32, ComboBox, DragValue, Layout, Response, RichText, ScrollArea, TextEdit, Ui,
};

use super::chips;
use super::search::{ModelState, Progress};
use super::settings::{MAX_TILE, MAX_TILES, MAX_TOP};
use super::theme::{self, SECTION_GAP};
use super::words;
use super::{App, UiCommand};
use crate::clip::KnownWords;
use crate::scan::{Coarse, GridSettings, PromptTemplate, RankBy};

/// Tile sizes and list lengths at hand.
const TILES: [u32; 3] = [64, 128, 256];
const TOPS: [usize; 5] = [5, 10, 30, 50, 100];

impl App {
    /// The panel at the left.
    pub(super) fn show_search_panel(&mut self, ui: &mut Ui) {
        egui::Panel::bottom("scan")
            .show_separator_line(true)
            .frame(egui::Frame::new().inner_margin(egui::Margin::symmetric(0, 10)))
            .show(ui, |ui| self.show_scan_controls(ui));
        ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
            ui.add_space(4.0);
            section(ui, "Look for");
            self.show_keywords(ui);
            self.show_template(ui);
            section(ui, "Model");
            self.show_model(ui);
            section(ui, "Windows");
            self.show_grid_settings(ui);
            section(ui, "Best windows");
            self.show_ranking_settings(ui);
            section(ui, "Picture");
            self.show_picture(ui);
            ui.add_space(SECTION_GAP);
            if UiCommand::Preferences.button(ui, true).clicked() {
                self.run(ui.ctx(), UiCommand::Preferences);
            }
            ui.add_space(SECTION_GAP);
        });
    }

    fn show_keywords(&mut self, ui: &mut Ui) {
        let known = self.search.known_words();
        self.show_keyword_field(ui, &known);
        self.show_problems(ui);
        for action in chips::show(ui, &self.keywords, &known, &|word| self.can_save(word)) {
            match action {
                chips::Action::Remove(word) => self.keywords.remove(&word),
                chips::Action::Toggle(word) => self.keywords.toggle(&word),
                chips::Action::Save(word) => self.name_query(word),
            }
        }
        self.show_note_on_words(ui, &known);
        self.show_saved_queries(ui);
        let mut chosen = None;
        ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().item_spacing = egui::vec2(4.0, 4.0);
            for word in self.keywords.suggestions(&known) {
                let text = RichText::new(format!("+ {word}")).size(12.0);
                let button = Button::new(text).fill(Color32::TRANSPARENT).corner_radius(10);
                if ui.add(button).on_hover_text(format!("Look for {word}")).clicked() {
                    chosen = Some(word);
                }
            }
        });
        if let Some(word) = chosen {
            self.keywords.add(&word);
        }
    }

    /// The field where keywords are typed, with the list of those that the model knows.
    fn show_keyword_field(&mut self, ui: &mut Ui, known: &KnownWords) {
        let width = ui.available_width();
        let by_key = self.suggestions.take_keys(ui, &self.keywords.input);
        let keys = self.suggestions.event_filter(&self.keywords.input);
        let field = TextEdit::singleline(&mut self.keywords.input)
            .id(keyword_field())
            .hint_text("Type a word and press Enter")
            .desired_width(width)
            .char_limit(400)
            .event_filter(keys);
        let response =
            self.suggestions.add_field(ui, field).accessible_name("Keywords").on_hover_text(
                "What to look for, in a word or a few; several at once with commas between them. Words can be put \
                 together: harbor + ships - beach, or ship | boat, or 0.5*beach; @name is a saved query",
            );
        let by_mouse = self.suggestions.show(&response, known.as_slice(), &self.keywords);
        let suggested = by_key.or(by_mouse);
        if let Some(word) = &suggested {
            self.keywords.complete(word);
        }
        let entered = response.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter));
        if entered || suggested.is_some() {
            self.enter_keywords();
            // The next word can be typed at once, and the new one is in sight.
            response.request_focus();
            self.suggestions.close("");
        }
    }

    /// Says which keywords the model never learnt.
    fn show_note_on_words(&self, ui: &mut Ui, known: &KnownWords) {
        let phrases: Vec<String> =
            self.keywords.chips().iter().flat_map(|chip| chips::own_phrases(&chip.word)).collect();
        let Some(note) = known.note_on(phrases.iter().map(String::as_str)) else { return };
        chips::show_unknown(ui, words::sentence(&note)).on_hover_text(
            "This model learnt only the words in the list under the field. It ranks windows for any word; for these, \
             the order may follow chance.",
        );
    }

    fn show_template(&mut self, ui: &mut Ui) {
        ui.add_space(4.0);
        ui.horizontal(|ui| {
            let label = ui.label("Prompt");
            let width = ui.available_width();
            let combo = ComboBox::from_id_salt("prompt")
                .width(width)
                .truncate()
                .selected_text(template_name(&self.settings.template))
                .show_ui(ui, |ui| {
                    for offered in PromptTemplate::OFFERED {
                        let chosen = self.settings.template == offered;
                        if ui.selectable_label(chosen, template_name(offered)).on_hover_text(offered).clicked() {
                            offered.clone_into(&mut self.settings.template);
                            self.own_template = false;
                        }
                    }
                    if ui.selectable_label(self.own_template, "Own text…").clicked() {
                        self.own_template = true;
                    }
                });
            combo.response.labelled_by(label.id).on_hover_text(
                "The sentence that the model reads for a keyword, which stands for {}; some words fit satellite \
                 images better than others",
            );
        });
        if self.own_template {
            let width = ui.available_width();
            ui.add(TextEdit::singleline(&mut self.settings.template).desired_width(width).char_limit(1000))
                .accessible_name("Own prompt")
                .on_hover_text(
                    "Your own sentence with {} for the keyword; several with | between them are averaged",
                );
        }
        if let Err(error) = PromptTemplate::new(&self.settings.template) {
            ui.colored_label(ui.visuals().warn_fg_color, words::sentence(&error.to_string()));
        }
    }

    fn show_model(&mut self, ui: &mut Ui) {
        let mut chosen: Option<PathBuf> = None;
        let mut bundled = false;
        ui.horizontal(|ui| {
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                let folder = ui.button("Folder…").on_hover_text(
                    "Choose a model's folder, as downloaded from Hugging Face or saved by open_clip",
                );
                if folder.clicked() {
                    super::dialogs::pick_model(&self.jobs, self.model_path());
                }
                let name = self.model_path().map_or_else(|| "None yet".to_owned(), words::file_name);
                let width = ui.available_width();
                let combo = ComboBox::from_id_salt("model")
                    .width(width)
                    .truncate()
                    .selected_text(name)
                    .show_ui(ui, |ui| {
                        if let Some(path) = &self.bundled_model {
                            let entry =
                                ui.selectable_label(self.settings.model.is_none(), words::file_name(path));
                            bundled = entry.on_hover_text("The model that comes with Skysift").clicked();
                        }
                        if self.settings.recent_models.is_empty() {
                            ui.weak("Models that you choose appear here");
                        }
                        for path in &self.settings.recent_models {
                            let current = self.settings.model.as_ref() == Some(path);
                            let entry = ui.selectable_label(current, words::file_name(path));
                            if entry.on_hover_text(path.display().to_string()).clicked() {
                                chosen = Some(path.clone());
                            }
                        }
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
                ui.colored_label(ui.visuals().error_fg_color, words::sentence(reason));
            }
        });
        self.show_device(ui);
    }

    fn show_device(&mut self, ui: &mut Ui) {
        let before = self.settings.device.clone();
        ui.horizontal(|ui| {
            ui.label("Run on");
            for (name, text, tip) in [
                ("auto", "Auto", "A graphics card if there is a real one, else the processor"),
                ("gpu", "GPU", "The graphics card"),
                ("cpu", "CPU", "The processor"),
            ] {
                let chosen = self.settings.device == name;
                if ui.selectable_label(chosen, text).on_hover_text(tip).clicked() {
                    name.clone_into(&mut self.settings.device);
                }
            }
        });
        if before != self.settings.device {
            self.load_model();
        }
    }

    fn show_grid_settings(&mut self, ui: &mut Ui) {
        let settings = &mut self.settings;
        egui::Grid::new("windows").num_columns(2).spacing([10.0, 6.0]).show(ui, |ui| {
            let label = ui.label("Tile");
            ui.horizontal(|ui| {
                number(ui, &mut settings.tile, GridSettings::MIN_TILE..=MAX_TILE, |_| " px", 1.0)
                    .labelled_by(label.id)
                    .on_hover_text("Side of a tile in pixels of the scene; drag, or click to type");
                for tile in TILES {
                    let button = ui.selectable_label(settings.tile == tile, tile.to_string());
                    if button.on_hover_text(format!("Tiles of {tile} × {tile} pixels")).clicked() {
                        settings.tile = tile;
                    }
                }
            });
            ui.end_row();

            let label = ui.label("Window");
            ui.horizontal(|ui| {
                number(ui, &mut settings.window, 1..=MAX_TILES, tiles, 0.05)
                    .labelled_by(label.id)
                    .on_hover_text("Side of the window in tiles; about as large as what you look for");
                let side = settings.tile.saturating_mul(settings.window);
                ui.weak(format!("{0} × {0} px", words::count(side as usize)));
            });
            ui.end_row();

            let label = ui.label("Step");
            number(ui, &mut settings.step, 1..=MAX_TILES, tiles, 0.05)
                .labelled_by(label.id)
                .on_hover_text("How far the window moves, in tiles; larger steps are faster and coarser");
            ui.end_row();

            ui.label("Edges");
            ui.horizontal(|ui| {
                for (drop, text, tip) in [
                    (
                        false,
                        "Cover",
                        "Add windows along the right and bottom edge, so that every pixel is seen",
                    ),
                    (true, "Drop", "Leave out what is left at the right and bottom edge"),
                ] {
                    if ui.selectable_label(settings.drop_edges == drop, text).on_hover_text(tip).clicked() {
                        settings.drop_edges = drop;
                    }
                }
            });
            ui.end_row();
        });
        self.show_scan_settings(ui);
        self.show_estimate(ui);
    }

    /// The number of windows and the expected time, before anything is scanned.
    fn show_estimate(&mut self, ui: &mut Ui) {
        let Some(windows) = self.plan.windows() else { return };
        let estimate = self.search.estimate(windows);
        let windows = if estimate.windows == 1 { "window" } else { "windows" };
        // Which places are promising shows only while it scans.
        let most = if matches!(self.settings.coarse(), Coarse::Only(_)) { "At most " } else { "" };
        let mut text = format!("{most}{} {windows}", words::count(estimate.windows));
        if let Some(seconds) = estimate.seconds {
            text.push_str(", ");
            text.push_str(&words::about(seconds));
        }
        ui.label(RichText::new(text).strong()).on_hover_text(
            "Windows that a scan looks at, and how long that takes at the speed of this model on this machine",
        );
    }

    fn show_ranking_settings(&mut self, ui: &mut Ui) {
        let settings = &mut self.settings;
        ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().item_spacing.x = 4.0;
            let label = ui.label("Show");
            let mut top = settings.top_k;
            ui.add(DragValue::new(&mut top).range(1..=MAX_TOP).speed(0.2))
                .labelled_by(label.id)
                .on_hover_text("How many of the best windows to show for each keyword");
            settings.top_k = top;
            for top in TOPS {
                let button = ui.selectable_label(settings.top_k == top, top.to_string());
                if button.on_hover_text(format!("The best {top} of each keyword")).clicked() {
                    settings.top_k = top;
                }
            }
        });
        ui.horizontal(|ui| {
            ui.label("Rank by");
            for (rank_by, text, tip) in [
                (
                    RankBy::Probability,
                    "Probability",
                    "How likely the keyword is among all keywords and background words",
                ),
                (RankBy::Cosine, "Cosine", "How similar window and sentence are, whatever the other words"),
            ] {
                if ui.selectable_label(settings.rank_by == rank_by, text).on_hover_text(tip).clicked() {
                    settings.rank_by = rank_by;
                }
            }
        });
        self.background.show(ui, &mut settings.background);
        self.show_box_settings(ui);
    }

    /// The button that everything leads to, with what is missing or how far it is.
    fn show_scan_controls(&mut self, ui: &mut Ui) {
        let running = self.search.running();
        let command = if running { UiCommand::Cancel } else { UiCommand::Scan };
        let missing = self.missing();
        let enabled = if running { !self.search.cancelling() } else { missing.is_none() };
        let button = main_button(ui, command, enabled);
        let button = match missing {
            Some(missing) => button.on_disabled_hover_text(missing),
            None => button,
        };
        if button.clicked() {
            self.run(ui.ctx(), command);
        }
        ui.add_space(2.0);
        let weak = |ui: &mut Ui, text: String| ui.add(egui::Label::new(RichText::new(text).weak()).wrap());
        match &self.search.progress {
            Progress::Idle => weak(ui, missing.unwrap_or("Ready to scan.").to_owned()),
            Progress::Waiting if self.search.model == ModelState::Loading => {
                weak(ui, "The scan begins when the model is loaded.".to_owned())
            }
            Progress::Waiting => weak(ui, "The scan begins…".to_owned()),
            Progress::Running { .. } if self.search.cancelling() => weak(ui, "Stopping…".to_owned()),
            Progress::Running { seconds_left, .. } => weak(
                ui,
                format!(
                    "Scanning, {} left. You can change keywords meanwhile.",
                    words::duration(*seconds_left)
                ),
            ),
            Progress::Finished { windows, .. } if self.search.all_known() => {
                weak(ui, format!("Answered from stored embeddings: {} windows.", words::count(*windows)))
            }
            Progress::Finished { windows, seconds, .. } => weak(
                ui,
                format!("Scanned {} windows in {}.", words::count(*windows), words::duration(*seconds)),
            ),
            Progress::Cancelled { done, windows, .. } => weak(
                ui,
                format!("Stopped after {} of {} windows.", words::count(*done), words::count(*windows)),
            ),
            Progress::Failed(reason) => {
                ui.colored_label(ui.visuals().error_fg_color, words::sentence(reason))
            }
        };
    }

    /// What is still needed before a scan.
    #[must_use]
    pub(super) fn missing(&self) -> Option<&'static str> {
        if self.scene.is_none() {
            return Some("Open an image first.");
        }
        if self.keywords.is_empty() {
            return Some("Type a keyword to look for first.");
        }
        if self.keywords.chips().iter().all(|chip| self.problem(&chip.word).is_some()) {
            return Some("Change the keywords first; the note under them says why.");
        }
        if PromptTemplate::new(&self.settings.template).is_err() {
            return Some("The prompt needs {} where the keyword goes.");
        }
        if self.plan.fails() && !self.areas.is_empty() && self.grid.is_some() {
            return Some("There is nothing to scan in these areas; choose others.");
        }
        if self.plan.fails() || self.grid.is_none() {
            return Some("These windows do not fit; choose another tile.");
        }
        match self.search.model {
            ModelState::None => Some("Choose a model first."),
            ModelState::Failed(_) => Some("Choose another model first."),
            ModelState::Loading | ModelState::Ready(_) => None,
        }
    }
}

/// A wide button in the accent colour.
pub fn main_button(ui: &mut Ui, command: UiCommand, enabled: bool) -> Response {
    let tokens = theme::tokens(ui.visuals());
    let size = egui::vec2(ui.available_width().min(456.0), 32.0);
    let text = RichText::new(command.text()).size(15.0);
    let button = if enabled {
        Button::new(text.color(tokens.on_accent)).fill(tokens.accent)
    } else {
        Button::new(text)
    };
    // Centred and justified, the text stands in the middle of the button.
    let layout = Layout::centered_and_justified(egui::Direction::TopDown);
    let placed =
        ui.allocate_ui_with_layout(size, layout, |ui| ui.add_enabled(enabled, button.min_size(size)));
    command.explain(placed.inner)
}

/// The field where keywords are typed.
#[must_use]
pub fn keyword_field() -> egui::Id {
    egui::Id::unique("keyword field")
}

fn section(ui: &mut Ui, title: &str) {
    ui.add_space(SECTION_GAP);
    ui.label(RichText::new(title).strong().size(14.0));
}

/// A number with its unit, to drag or to type.
fn number(
    ui: &mut Ui,
    value: &mut u32,
    range: std::ops::RangeInclusive<u32>,
    unit: impl Fn(u32) -> &'static str,
    speed: f64,
) -> Response {
    let unit = unit(*value);
    ui.add(DragValue::new(value).range(range).suffix(unit).speed(speed))
}

fn tiles(number: u32) -> &'static str {
    if number == 1 { " tile" } else { " tiles" }
}

/// A template in short: an average of several is named as such.
fn template_name(template: &str) -> String {
    match template.split('|').count() {
        1 => template.to_owned(),
        several => format!("Average of {several} prompts"),
    }
}

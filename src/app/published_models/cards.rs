//! The dialog with published models, a card each, and how far a download is.

use eframe::egui;
use eframe::egui::{Align, Button, Context, Frame, Layout, ProgressBar, RichText, ScrollArea, Ui, Window};

use super::download::{Download, State};
use super::{Card, DownloadAction, PublishedModels};
use crate::app::action::Action;
use crate::app::commands::UiCommand;
use crate::app::search::{ModelState, Search};
use crate::app::settings::Settings;
use crate::app::theme::CORNER;
use crate::app::{format, theme};
use crate::models::size_text;

/// Width of the dialog, and of the window's height what is not its cards'.
const WIDTH: f32 = 560.0;
const ROOM_AROUND: f32 = 150.0;

impl PublishedModels {
    /// The dialog, while it is open.
    pub fn ui(&mut self, ctx: &Context, settings: &Settings) -> Vec<Action> {
        if !self.open {
            return Vec::new();
        }
        let mut open = true;
        let mut action = None;
        Window::new("Get a model")
            .open(&mut open)
            .collapsible(false)
            .resizable(false)
            .anchor(egui::Align2::CENTER_CENTER, egui::Vec2::ZERO)
            .show(ctx, |ui| {
                ui.set_width(WIDTH);
                ui.weak(
                    "Larger models know more words and make better boxes, and take longer. A model is downloaded once, \
                     into the folder that Python programs use as well.",
                );
                ui.add_space(6.0);
                let height = ctx.content_rect().height() - ROOM_AROUND;
                ScrollArea::vertical().max_height(height).min_scrolled_height(height).show(ui, |ui| {
                    action = self.show_cards(ui, settings);
                });
            });
        self.open = open;
        action.map(Action::Download).into_iter().collect()
    }

    fn show_cards(&self, ui: &mut Ui, settings: &Settings) -> Option<DownloadAction> {
        let mut action = None;
        match &self.cards {
            None => {
                ui.weak("Looking…");
            }
            Some(Err(error)) => {
                ui.colored_label(ui.visuals().error_fg_color, format::sentence(&error.to_string()));
            }
            Some(Ok(cards)) => {
                for card in cards {
                    action = self.show_card(ui, card, settings).or(action);
                    ui.add_space(6.0);
                }
            }
        }
        action
    }

    fn show_card(&self, ui: &mut Ui, card: &Card, settings: &Settings) -> Option<DownloadAction> {
        let entry = &card.entry;
        let tokens = theme::tokens(ui.visuals());
        let download = self.download.as_ref().filter(|download| download.name() == entry.name);
        let mut action = None;
        Frame::new().fill(tokens.chip_fill).corner_radius(CORNER).inner_margin(10).show(ui, |ui| {
            ui.set_width(ui.available_width());
            ui.horizontal(|ui| {
                ui.label(RichText::new(&entry.title).strong());
                ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                    if download.is_none() {
                        action = self.show_button(ui, card, settings);
                    }
                    ui.weak(size_text(card.here.unwrap_or(entry.size)));
                });
            });
            ui.add(egui::Label::new(format!("Good for {}.", entry.good_for)).wrap());
            ui.horizontal_wrapped(|ui| {
                ui.weak("Licence:");
                let licence = ui.link(&entry.licence).on_hover_text(format!("Open {}", entry.licence_page));
                if licence.clicked() {
                    ui.ctx().open_url(egui::OpenUrl::new_tab(&entry.licence_page));
                }
                if let Some(average) = entry.average {
                    ui.weak(format!("· {average:.1}% right")).on_hover_text(
                        "Published: pictures named rightly without training, on average over ten sets of satellite and \
                         aerial images",
                    );
                }
            })
            .response
            .on_hover_text(&entry.citation);
            if let Some(download) = download {
                action = show_progress(ui, download);
            }
        });
        action
    }

    /// The button of a model that is not being fetched.
    fn show_button(&self, ui: &mut Ui, card: &Card, settings: &Settings) -> Option<DownloadAction> {
        let name = card.entry.name.clone();
        if card.here.is_some() {
            let in_use = settings.model.as_deref().is_some_and(|model| model.as_os_str() == name.as_str());
            let text = if in_use { "In use" } else { "Use" };
            let button = ui.add_enabled(!in_use, Button::new(text));
            let button = button.accessible_name(named(text, card));
            let button = button.on_hover_text("This model is on this computer: look with it");
            return button
                .on_disabled_hover_text("This model is the one in use")
                .clicked()
                .then_some(DownloadAction::Use(name));
        }
        let unfinished = settings.unfinished_model.as_deref() == Some(name.as_str());
        let text = if unfinished { "Go on" } else { "Get" };
        let button = ui
            .add_enabled(!self.is_running(), Button::new(text))
            .accessible_name(named(text, card))
            .on_hover_text(format!("Download {} and use it", card.entry.title))
            .on_disabled_hover_text("One download at a time");
        button.clicked().then_some(DownloadAction::Get(name))
    }

    /// The download in the search panel, or the offer to go on with one of an earlier start.
    pub fn download_ui(&self, ui: &mut Ui, settings: &Settings, search: &Search) -> Vec<Action> {
        let mut actions = Vec::new();
        let mut action = None;
        if let Some(download) = &self.download {
            ui.label(format!("Getting {}", self.title(download.name())));
            action = show_progress(ui, download);
        } else if let Some(name) = &settings.unfinished_model {
            ui.horizontal_wrapped(|ui| {
                ui.label(format!("{} is not all here yet.", self.title(name)));
                let go_on =
                    ui.small_button("Go on").on_hover_text("Go on with the download where it stopped");
                if go_on.clicked() {
                    action = Some(DownloadAction::Get(name.clone()));
                }
                if ui.small_button("Forget it").on_hover_text("Remove what was downloaded of it").clicked() {
                    action = Some(DownloadAction::Forget);
                }
            });
        }
        actions.extend(action.map(Action::Download));
        if matches!(search.model(), ModelState::Failed(_)) && !self.open {
            let button = UiCommand::GetModel.explain(ui.small_button(UiCommand::GetModel.text()));
            if button.clicked() {
                actions.push(Action::Run(UiCommand::GetModel));
            }
        }
        actions
    }
}

/// What a button of a card is called where the card can't be seen: all cards have the same ones.
fn named(text: &str, card: &Card) -> String {
    format!("{text}: {}", card.entry.title)
}

/// How far a download is, and what can be done with it.
fn show_progress(ui: &mut Ui, download: &Download) -> Option<DownloadAction> {
    let state = download.state();
    let mut action = None;
    ui.add(ProgressBar::new(download.part()).desired_height(6.0));
    if let State::Failed(reason) = state {
        ui.colored_label(ui.visuals().error_fg_color, format::sentence(reason));
    } else {
        ui.weak(download.how_far());
    }
    ui.horizontal(|ui| {
        if matches!(state, State::Running) {
            let button =
                ui.button("Pause").on_hover_text("Stop for now; what is here stays, also after a restart");
            if button.clicked() {
                action = Some(DownloadAction::Pause);
            }
        } else {
            let able = matches!(state, State::Paused | State::Failed(_));
            let text = if matches!(state, State::Failed(_)) { "Try again" } else { "Go on" };
            let button = ui.add_enabled(able, Button::new(text));
            if button.on_hover_text("Go on where it stopped").clicked() {
                action = Some(DownloadAction::Get(download.name().to_owned()));
            }
        }
        let able = *state != State::Cancelling;
        let button = ui.add_enabled(able, Button::new("Cancel"));
        if button.on_hover_text("Stop, and remove what was downloaded").clicked() {
            action = Some(DownloadAction::Cancel);
        }
    });
    action
}

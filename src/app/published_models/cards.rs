//! The dialog with published models, a card each, and how far a download is.

use eframe::egui;
use eframe::egui::{Align, Button, Context, Frame, Layout, ProgressBar, RichText, ScrollArea, Ui, Window};

use super::{Card, Download, State};
use crate::app::format;
use crate::app::theme;
use crate::app::theme::CORNER;
use crate::app::{App, UiCommand};
use crate::models::size_text;

/// Width of the dialog, and of the window's height what is not its cards'.
const WIDTH: f32 = 560.0;
const ROOM_AROUND: f32 = 150.0;

/// What a person wants of a card or a download.
enum Wish {
    Get(String),
    Use(String),
    Pause,
    Cancel,
}

impl App {
    /// Shows the dialog while it is open.
    pub(in crate::app) fn show_get_model(&mut self, ctx: &Context) {
        let mut open = self.get_model.is_open();
        if !open {
            return;
        }
        let mut wish = None;
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
                    wish = self.show_cards(ui);
                });
            });
        // A wish may have closed it.
        self.get_model.set_open(open);
        self.carry_out_wish(wish);
    }

    fn carry_out_wish(&mut self, wish: Option<Wish>) {
        match wish {
            Some(Wish::Get(name)) => self.begin_download(&name),
            Some(Wish::Use(name)) => {
                self.get_model.set_open(false);
                self.choose_model(name.into());
            }
            Some(Wish::Pause) => self.pause_download(),
            Some(Wish::Cancel) => self.cancel_download(),
            None => {}
        }
    }

    fn show_cards(&self, ui: &mut Ui) -> Option<Wish> {
        let mut wish = None;
        match &self.get_model.cards {
            None => {
                ui.weak("Looking…");
            }
            Some(Err(error)) => {
                ui.colored_label(ui.visuals().error_fg_color, format::sentence(error));
            }
            Some(Ok(cards)) => {
                for card in cards {
                    wish = self.show_card(ui, card).or(wish);
                    ui.add_space(6.0);
                }
            }
        }
        wish
    }

    fn show_card(&self, ui: &mut Ui, card: &Card) -> Option<Wish> {
        let entry = &card.entry;
        let tokens = theme::tokens(ui.visuals());
        let download = self.get_model.download.as_ref().filter(|download| download.name == entry.name);
        let mut wish = None;
        Frame::new().fill(tokens.chip_fill).corner_radius(CORNER).inner_margin(10).show(ui, |ui| {
            ui.set_width(ui.available_width());
            ui.horizontal(|ui| {
                ui.label(RichText::new(&entry.title).strong());
                ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                    if download.is_none() {
                        wish = self.show_button(ui, card);
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
                wish = show_progress(ui, download);
            }
        });
        wish
    }

    /// The button of a model that is not being fetched.
    fn show_button(&self, ui: &mut Ui, card: &Card) -> Option<Wish> {
        let name = card.entry.name.clone();
        if card.here.is_some() {
            let in_use =
                self.settings.model.as_deref().is_some_and(|model| model.as_os_str() == name.as_str());
            let text = if in_use { "In use" } else { "Use" };
            let button = ui.add_enabled(!in_use, Button::new(text));
            let button = button.accessible_name(named(text, card));
            let button = button.on_hover_text("This model is on this computer: look with it");
            return button
                .on_disabled_hover_text("This model is the one in use")
                .clicked()
                .then_some(Wish::Use(name));
        }
        let unfinished = self.settings.unfinished_model.as_deref() == Some(name.as_str());
        let text = if unfinished { "Go on" } else { "Get" };
        let button = ui
            .add_enabled(!self.get_model.is_running(), Button::new(text))
            .accessible_name(named(text, card))
            .on_hover_text(format!("Download {} and use it", card.entry.title))
            .on_disabled_hover_text("One download at a time");
        button.clicked().then_some(Wish::Get(name))
    }

    /// The download in the search panel, or the offer to go on with one of an earlier start.
    pub(in crate::app) fn show_download(&mut self, ui: &mut Ui) {
        let mut wish = None;
        if let Some(download) = &self.get_model.download {
            ui.label(format!("Getting {}", self.get_model.title(&download.name)));
            wish = show_progress(ui, download);
        } else if let Some(name) = self.settings.unfinished_model.clone() {
            ui.horizontal_wrapped(|ui| {
                ui.label(format!("{} is not all here yet.", self.get_model.title(&name)));
                let go_on =
                    ui.small_button("Go on").on_hover_text("Go on with the download where it stopped");
                if go_on.clicked() {
                    wish = Some(Wish::Get(name));
                }
                if ui.small_button("Forget it").on_hover_text("Remove what was downloaded of it").clicked() {
                    self.forget_unfinished();
                }
            });
        }
        self.carry_out_wish(wish);
        if matches!(self.search.model, crate::app::search::ModelState::Failed(_)) && !self.get_model.is_open()
        {
            let button = UiCommand::GetModel.explain(ui.small_button(UiCommand::GetModel.text()));
            if button.clicked() {
                self.run(&ui.ctx().clone(), UiCommand::GetModel);
            }
        }
    }
}

/// What a button of a card is called where the card can't be seen: all cards have the same ones.
fn named(text: &str, card: &Card) -> String {
    format!("{text}: {}", card.entry.title)
}

/// How far a download is, and what can be done with it.
fn show_progress(ui: &mut Ui, download: &Download) -> Option<Wish> {
    let Download { name, progress, state, .. } = download;
    let mut wish = None;
    let part = progress.done as f32 / progress.total.max(1) as f32;
    ui.add(ProgressBar::new(part).desired_height(6.0));
    if let State::Failed(reason) = state {
        ui.colored_label(ui.visuals().error_fg_color, format::sentence(reason));
    } else {
        ui.weak(how_far(download));
    }
    ui.horizontal(|ui| {
        let going = matches!(state, State::Running);
        if going {
            if ui
                .button("Pause")
                .on_hover_text("Stop for now; what is here stays, also after a restart")
                .clicked()
            {
                wish = Some(Wish::Pause);
            }
        } else {
            let able = matches!(state, State::Paused | State::Failed(_));
            let text = if matches!(state, State::Failed(_)) { "Try again" } else { "Go on" };
            let button = ui.add_enabled(able, Button::new(text));
            if button.on_hover_text("Go on where it stopped").clicked() {
                wish = Some(Wish::Get(name.clone()));
            }
        }
        let able = *state != State::Cancelling;
        let button = ui.add_enabled(able, Button::new("Cancel"));
        if button.on_hover_text("Stop, and remove what was downloaded").clicked() {
            wish = Some(Wish::Cancel);
        }
    });
    wish
}

/// "123 MB of 605 MB, 5.5 MB a second, about 2 min left".
fn how_far(download: &Download) -> String {
    let Download { progress, pace, state, .. } = download;
    let far = format!("{} of {}", size_text(progress.done), size_text(progress.total));
    match state {
        State::Pausing | State::Cancelling => return format!("{far}, stopping…"),
        State::Paused => return format!("{far}, paused"),
        _ if progress.waiting => return "Another program is fetching it; waiting for that".to_owned(),
        _ if progress.total == 0 => return "Asking the hub…".to_owned(),
        _ => {}
    }
    let speed = pace.speed().map(|speed| format!(", {} a second", size_text(speed as u64)));
    let left = pace.seconds_left(progress.total.saturating_sub(progress.done));
    let left = left.map(|seconds| format!(", {} left", format::about(seconds)));
    format!("{far}{}{}", speed.unwrap_or_default(), left.unwrap_or_default())
}

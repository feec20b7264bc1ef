//! The words that compete with the keywords for probability.

use eframe::egui::Ui;
use serde::{Deserialize, Serialize};

use crate::search::default_background;

/// Which words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Background {
    /// Those that come with Skysift.
    #[default]
    Common,
    /// Those that the start named.
    Own,
    Off,
}

/// The lists to choose from.
pub struct BackgroundWords {
    common: Vec<String>,
    own: Option<Vec<String>>,
}

impl BackgroundWords {
    /// `named` are those that the start named.
    #[must_use]
    pub fn new(named: Option<Vec<String>>) -> Self {
        Self { common: default_background(), own: named.filter(|words| !words.is_empty()) }
    }

    #[must_use]
    pub fn of(&self, background: Background) -> Vec<String> {
        match background {
            Background::Common => self.common.clone(),
            Background::Own => self.own.clone().unwrap_or_default(),
            Background::Off => Vec::new(),
        }
    }

    /// The choice between them.
    pub fn show(&self, ui: &mut Ui, background: &mut Background) {
        ui.horizontal_wrapped(|ui| {
            ui.label("Compare with");
            for (choice, text, tip) in [
                (Background::Common, "land cover words", "Words for land cover also compete for probability"),
                (
                    Background::Own,
                    "your own words",
                    "The words that the start named also compete for probability",
                ),
                (Background::Off, "nothing", "Only the keywords compete for probability"),
            ] {
                let there = choice != Background::Own || self.own.is_some();
                if there && ui.selectable_label(*background == choice, text).on_hover_text(tip).clicked() {
                    *background = choice;
                }
            }
        });
    }
}

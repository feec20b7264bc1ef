//! The search panel: what to look for, with which model, in which windows.
//!
//! What is looked for: `keyword_field` with its `suggestions`, the `keywords` as `chips`, `live_query` while
//! one types, `examples` drawn in the scene, `saved_queries`, and the `prompt`. How: `model`, `grid`,
//! `boxes`, `ranking` and `background` have one kind of control each; `proposal` says which windows suit the
//! model. `window_count` says how many windows that makes, and `scan_controls` begins the scan or says what
//! is missing for it.

pub mod background;
mod boxes;
mod chips;
mod examples;
mod grid;
mod keyword_field;
pub mod keywords;
mod live_query;
mod model;
mod prompt;
mod proposal;
mod ranking;
mod saved_queries;
mod scan_controls;
mod suggestions;
mod window_count;

use std::path::Path;

use eframe::egui;
use eframe::egui::{Button, Context, Layout, Response, RichText, ScrollArea, Ui};

use super::Options;
use super::action::Action;
use super::commands::UiCommand;
use super::keyboard;
use super::published_models::PublishedModels;
use super::search::Search;
use super::settings::Settings;
use super::theme::{self, SECTION_GAP};
use crate::encoder::CellModel;
use crate::search::{HeatMapOf, KeywordFeedback, PromptTemplate, Query};
use crate::windows::{Area, Grid};
use background::BackgroundWords;
pub use examples::ExampleAdded;
use examples::Examples;
pub use keyword_field::keyword_field;
use keywords::Keywords;
use saved_queries::SavedQueryList;
use suggestions::Suggestions;
use window_count::WindowCount;

/// What the search panel looks at.
#[derive(Clone, Copy)]
pub struct SearchContext<'a> {
    pub search: &'a Search,
    /// Width and height of the open scene.
    pub scene_size: Option<(u32, u32)>,
    /// Metres a pixel of the open scene, if that is known.
    pub ground_sample_distance: Option<f64>,
    /// Where a scan looks; empty for all of the scene.
    pub areas: &'a [Area],
    pub models: &'a PublishedModels,
    /// The model that comes with Skysift, for when no other is chosen.
    pub bundled_model: Option<&'a Path>,
    /// Whether there is a network to sharpen with.
    pub can_sharpen: bool,
}

/// The search panel with everything that is looked for.
pub struct SearchPanel {
    keywords: Keywords,
    suggestions: Suggestions,
    background: BackgroundWords,
    examples: Examples,
    saved: SavedQueryList,
    /// The windows of the present size.
    grid: Option<Grid>,
    window_count: WindowCount,
    custom_template: bool,
    /// Until it is shown for the first time.
    fresh: bool,
}

impl SearchPanel {
    #[must_use]
    pub fn new(ctx: &Context, options: &Options, settings: &Settings) -> Self {
        let mut keywords = Keywords::default();
        for word in &options.keywords {
            keywords.add(word);
        }
        Self {
            keywords,
            suggestions: Suggestions::default(),
            background: BackgroundWords::new(options.overrides.background.clone()),
            examples: Examples::default(),
            saved: SavedQueryList::new(options.queries.as_deref(), ctx),
            grid: None,
            window_count: WindowCount::default(),
            custom_template: !PromptTemplate::OFFERED.contains(&settings.template.as_str()),
            fresh: true,
        }
    }

    #[must_use]
    pub fn keywords(&self) -> &Keywords {
        &self.keywords
    }

    pub fn keywords_mut(&mut self) -> &mut Keywords {
        &mut self.keywords
    }

    /// The windows of the present size.
    #[must_use]
    pub fn grid(&self) -> Option<&Grid> {
        self.grid.as_ref()
    }

    /// How many windows a scan would look at, once it is known.
    #[cfg(test)]
    pub fn window_count(&self) -> Option<usize> {
        self.window_count.windows()
    }

    /// What keywords refer to as `@name`.
    #[must_use]
    pub fn examples(&self) -> &Examples {
        &self.examples
    }

    /// Whether names of saved queries are still being read, so that an unknown one may yet turn up.
    #[must_use]
    pub fn is_reading_queries(&self) -> bool {
        self.saved.is_reading()
    }

    /// Where saved queries are kept, if they may be.
    #[must_use]
    pub fn saved_queries_folder(&self) -> Option<&Path> {
        self.saved.folder()
    }

    /// Closes the dialogs. Returns whether one was open.
    pub fn close(&mut self) -> bool {
        self.saved.close()
    }

    /// Forgets the examples of the scene before, and the keywords made of them.
    pub fn forget_scene(&mut self) {
        for word in self.examples.forget_places(&self.keywords) {
            self.keywords.remove(&word);
        }
    }

    /// Brings the grid and the number of windows in step with the controls, and takes what jobs came to.
    /// `cells` tells how the model encodes those.
    pub fn sync(
        &mut self,
        ctx: &Context,
        settings: &Settings,
        cells: Option<CellModel>,
        scene_size: Option<(u32, u32)>,
        areas: &[Area],
    ) -> Vec<Action> {
        let wanted = settings.grid();
        let up_to_date = |grid: &Grid| grid.settings() == wanted && Some(grid.scene_size()) == scene_size;
        if !self.grid.as_ref().is_some_and(up_to_date) {
            self.grid = scene_size.and_then(|(width, height)| Grid::new(width, height, wanted).ok());
        }
        self.examples.forget_unused(&self.keywords);
        self.window_count.sync(ctx, settings, cells, scene_size, areas);
        self.saved.poll(ctx)
    }

    /// What is looked for, when that is complete.
    #[must_use]
    pub fn query(
        &self,
        settings: &Settings,
        search: &Search,
        feedback: Vec<KeywordFeedback>,
        heat_map: Option<HeatMapOf>,
    ) -> Option<Query> {
        PromptTemplate::new(&settings.template).ok()?;
        let draft = self.keywords.draft().map(|draft| draft.word.clone());
        let words = self.keywords.words().into_iter().chain(draft);
        let keywords: Vec<String> = words.filter(|word| self.problem(word, search).is_none()).collect();
        let background = self.background.of(settings.background);
        (!keywords.is_empty()).then(|| Query {
            examples: [self.examples.all().to_vec(), self.saved.examples(&keywords)].concat(),
            feedback,
            heat_map,
            ..settings.scan(background).query(keywords)
        })
    }

    /// The panel at the left. `display` shows the controls of how the scene is shown.
    pub fn ui(
        &mut self,
        ui: &mut Ui,
        settings: &mut Settings,
        cx: SearchContext<'_>,
        display: impl FnOnce(&mut Ui),
    ) -> Vec<Action> {
        let scan = egui::Panel::bottom("scan")
            .show_separator_line(true)
            .frame(egui::Frame::new().inner_margin(egui::Margin::symmetric(0, 10)))
            .show(ui, |ui| self.show_scan_controls(ui, settings, cx));
        let mut actions: Vec<Action> = scan.inner.into_iter().collect();
        let mut area = ScrollArea::vertical().auto_shrink(false);
        if std::mem::take(&mut self.fresh) {
            // Where it was scrolled to at the last start says nothing now.
            area = area.vertical_scroll_offset(0.0);
        }
        area.show(ui, |ui| {
            ui.add_space(4.0);
            section(ui, "Look for");
            actions.extend(self.show_keywords(ui, cx.search));
            self.show_template(ui, settings);
            section(ui, "Model");
            actions.extend(model::show(ui, settings, cx));
            section(ui, "Windows");
            self.show_grid_settings(ui, settings, cx);
            section(ui, "Best windows");
            self.show_ranking_settings(ui, settings, cx.search);
            section(ui, "Picture");
            display(ui);
            ui.add_space(SECTION_GAP);
            if UiCommand::Preferences.button(ui, true).clicked() {
                actions.push(Action::Run(UiCommand::Preferences));
            }
            ui.add_space(SECTION_GAP);
            keyboard::keep_focus_in_sight(ui);
        });
        actions
    }

    /// The dialog that asks for the name of a query, while it is open.
    pub fn naming_ui(&mut self, ctx: &Context, search: &Search) -> Option<Action> {
        self.saved.naming_ui(ctx, search)
    }
}

fn section(ui: &mut Ui, title: &str) {
    ui.add_space(SECTION_GAP);
    ui.label(RichText::new(title).strong().size(14.0));
}

/// A wide button in the accent colour, which says `text` and does what the command does.
pub fn main_button(ui: &mut Ui, command: UiCommand, text: &str, enabled: bool) -> Response {
    let tokens = theme::tokens(ui.visuals());
    let size = egui::vec2(ui.available_width().min(456.0), 32.0);
    let text = RichText::new(text).size(15.0);
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

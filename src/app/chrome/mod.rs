//! What surrounds the view.
//!
//! `toolbar` is the bar at the top, `status_bar` the one at the bottom with the bell of `notices`.
//! `preferences`, `help` and the `palette` of all commands are windows of their own, and `dialogs` are the
//! system's.

mod dialogs;
mod help;
mod notices;
mod palette;
mod preferences;
mod status_bar;
mod toolbar;

use std::path::Path;

use eframe::egui;
use eframe::egui::Context;

use super::action::{About, Action};
use super::commands::UiCommand;
use super::format;
use super::results::ResultsPanel;
use super::results::export::What;
use super::scene::SceneState;
use super::search::Search;
use super::settings::Settings;
use super::viewport::Viewport;
use crate::raster::Scene;
use crate::store::Store;
use dialogs::FileDialogs;
pub use notices::NoticeList;
use palette::Palette;
use preferences::Preferences;
pub use toolbar::toolbar_ui;

/// What the bars look at.
#[derive(Clone, Copy)]
pub struct ChromeContext<'a> {
    pub scene: &'a SceneState,
    pub viewport: &'a Viewport,
    pub results: &'a ResultsPanel,
    pub search: &'a Search,
}

/// The state of bars and windows.
#[derive(Default)]
pub struct Chrome {
    notices: NoticeList,
    preferences: Preferences,
    dialogs: FileDialogs,
    palette: Palette,
    help: bool,
    /// It was open in the last frame.
    help_shown: bool,
    /// What went wrong, until it is dismissed or over.
    error: Option<(About, String)>,
    title: String,
}

impl Chrome {
    #[must_use]
    pub fn error(&self) -> Option<&str> {
        self.error.as_ref().map(|(_, error)| error.as_str())
    }

    pub fn show_error(&mut self, about: About, error: String) {
        self.error = Some((about, error));
    }

    /// An error leaves with what it is about.
    pub fn is_over(&mut self, what: About) {
        self.error.take_if(|(about, _)| *about == what);
    }

    pub fn dismiss_error(&mut self) {
        self.error = None;
    }

    #[must_use]
    pub fn notices(&self) -> &NoticeList {
        &self.notices
    }

    pub fn notices_mut(&mut self) -> &mut NoticeList {
        &mut self.notices
    }

    #[cfg(test)]
    pub fn preferences(&self) -> &Preferences {
        &self.preferences
    }

    pub fn toggle_preferences(&mut self) {
        self.preferences.toggle();
    }

    pub fn toggle_help(&mut self) {
        self.help = !self.help;
    }

    pub fn toggle_palette(&mut self) {
        self.palette.toggle();
    }

    /// The list of all commands, while it is open; the one that was chosen.
    pub fn palette_ui(&mut self, ctx: &Context, settings: &mut Settings) -> Option<UiCommand> {
        self.palette.ui(ctx, settings)
    }

    pub fn toggle_notices(&mut self, scene: Option<&Scene>) {
        self.notices.toggle(scene);
    }

    /// Closes the palette, preferences, help or the error, whichever comes first. Returns whether one was
    /// there.
    pub fn close_topmost(&mut self) -> bool {
        self.palette.close()
            || self.preferences.close()
            || std::mem::take(&mut self.help)
            || self.error.take().is_some()
    }

    /// Takes what jobs and dialogs came to, and looks up what is stored where that may have changed. `store`
    /// is the one that is kept, whether it is used or not.
    pub fn poll(&mut self, ctx: &Context, store: Option<Store>, search: &Search) -> Vec<Action> {
        let mut actions = self.dialogs.poll();
        actions.extend(self.preferences.poll(ctx, store, search.running()));
        actions
    }

    /// The windows for help and preferences, while they are open.
    pub fn windows_ui(&mut self, ctx: &Context, settings: &mut Settings, store: Option<&Store>) {
        let fresh = self.help && !std::mem::replace(&mut self.help_shown, self.help);
        self.help_shown = self.help;
        help::show(ctx, &mut self.help, fresh);
        self.preferences.ui(ctx, settings, store);
    }

    /// The title of the window names the scene.
    pub fn sync_title(&mut self, ctx: &Context, scene: Option<&Scene>) {
        let title = scene.map_or_else(
            || "Skysift".to_owned(),
            |scene| format!("{} – Skysift", format::file_name(scene.path())),
        );
        if title != self.title {
            ctx.send_viewport_cmd(egui::ViewportCommand::Title(title.clone()));
            self.title = title;
        }
    }

    /// Asks for an image; the dialog opens where the one lies that is `near`.
    pub fn pick_image(&mut self, ctx: &Context, near: Option<&Path>) {
        self.dialogs.pick_image(ctx, near);
    }

    /// Asks for the folder of a product.
    pub fn pick_folder(&mut self, ctx: &Context, near: Option<&Path>) {
        self.dialogs.pick_folder(ctx, near);
    }

    /// Asks for a model's folder.
    pub fn pick_model(&mut self, ctx: &Context, near: Option<&Path>) {
        self.dialogs.pick_model(ctx, near);
    }

    /// Asks where to save an export of a scene.
    pub fn pick_target(&mut self, ctx: &Context, what: What, scene: &Path) {
        self.dialogs.pick_target(ctx, what, scene);
    }
}

/// Fills the screen with the window, or gives it back.
pub fn toggle_full_screen(ctx: &Context) {
    let full = ctx.input(|input| input.viewport().fullscreen.unwrap_or_default());
    ctx.send_viewport_cmd(egui::ViewportCommand::Fullscreen(!full));
}

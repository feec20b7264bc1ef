//! The view of the scene: what the pointer does there, and everything drawn in it.
//!
//! `camera` maps the scene to the screen, and `view` is where one looks. `tools` says what the mouse does,
//! and `areas` where a scan looks. Over the scene lie the `heat_map`, the `boxes` with `labels` and a
//! `box_popup`, and the `scale_bar`; under it the `checker`. `menu` is that of a place, `marker` shows where
//! one went to, `banner` tells what went wrong, and `welcome` how to begin.

mod areas;
mod banner;
mod box_popup;
pub mod boxes;
pub mod camera;
mod checker;
mod heat_map;
mod labels;
mod marker;
mod menu;
mod scale_bar;
pub mod tools;
mod view;
mod welcome;

use std::sync::Arc;

use eframe::egui;
use eframe::egui::{Color32, Context, CursorIcon, PointerButton, Rect, Response, Sense, Ui, pos2};

use super::action::Action;
use super::commands::UiCommand;
use super::results::ResultsPanel;
use super::scene::SceneState;
use super::search::Search;
use super::search_panel::SearchPanel;
use super::search_panel::keywords::Keywords;
use super::settings::Settings;
use super::textures::SceneTextures;
use super::theme;
use crate::search::{Detection, HeatMapOf};
use crate::windows::Area;
use boxes::{Boxes, DetectionId};
use camera::Camera;
use heat_map::HeatMapOverlay;
use tools::{Tool, Tools};
use view::View;
use welcome::show_drop_hint;

/// Magnification for one point of wheel movement, as the power of e: a notch of a common wheel is about 1.2.
const WHEEL_SPEED: f64 = 0.0045;

/// What the view looks at.
#[derive(Clone, Copy)]
pub struct ViewportContext<'a> {
    pub settings: &'a Settings,
    pub scene: &'a SceneState,
    pub search: &'a Search,
    pub search_panel: &'a SearchPanel,
    pub results: &'a ResultsPanel,
    /// What went wrong.
    pub error: Option<&'a str>,
}

impl<'a> ViewportContext<'a> {
    fn keywords(&self) -> &'a Keywords {
        self.search_panel.keywords()
    }
}

/// The view, what is drawn with the mouse, and the heat map.
#[derive(Default)]
pub struct Viewport {
    view: View,
    tools: Tools,
    /// Where a scan looks, in pixels of the scene; none for all of it.
    areas: Vec<Area>,
    heat_map: HeatMapOverlay,
}

impl Viewport {
    /// Forgets the scene before; what is chosen by controls stays.
    pub fn reset(&mut self) {
        self.view.reset();
        self.tools = Tools::default();
        self.areas.clear();
        self.heat_map.forget();
    }

    #[must_use]
    pub fn view(&self) -> &View {
        &self.view
    }

    /// Keeps a scene that is fitted so when panels come and go.
    pub fn stay_fitted(&mut self) {
        self.view.stay_fitted();
    }

    #[must_use]
    pub fn selected(&self) -> Option<&DetectionId> {
        self.view.selected.as_ref()
    }

    /// The part of the scene in view, in level-0 pixels.
    #[must_use]
    pub fn visible(&self, scene: (u32, u32)) -> Option<crate::raster::Rect> {
        self.view.visible(scene)
    }

    /// Selects a detection and flies there.
    pub fn select(&mut self, ctx: &Context, detection: &Detection, scene: (u32, u32)) {
        self.view.select(detection, scene, ctx.input(|input| input.time));
        ctx.request_repaint();
    }

    pub fn deselect(&mut self) {
        self.view.selected = None;
    }

    /// Lets go of what is being drawn, else of the tool, else of the marker, else of the selected detection.
    pub fn cancel(&mut self) {
        if !self.tools.cancel() && self.view.marker.take().is_none() {
            self.deselect();
        }
    }

    pub fn choose_tool(&mut self, tool: Tool) {
        self.tools.choose(tool);
    }

    /// Where a scan looks; empty for all of the scene.
    #[must_use]
    pub fn areas(&self) -> &[Area] {
        &self.areas
    }

    pub fn set_areas(&mut self, areas: Vec<Area>) {
        self.areas = areas;
    }

    #[must_use]
    pub fn shows_heat_map(&self) -> bool {
        self.heat_map.is_on()
    }

    /// The heat map that the scanner is asked for.
    #[must_use]
    pub fn wanted_heat_map(&self, keywords: &Keywords) -> Option<HeatMapOf> {
        self.heat_map.wanted(keywords)
    }

    /// Whether the heat map on the screen is the one that is wanted, or none is to come.
    #[must_use]
    pub fn heat_map_is_there(&self, search_panel: &SearchPanel, search: &Search) -> bool {
        self.heat_map.is_there(search_panel, search)
    }

    /// A keyword is written in another way from now on.
    pub fn rename_keyword(&mut self, old: &str, new: &str) {
        self.heat_map.rename(old, new);
        // Its boxes have another name now.
        self.deselect();
    }

    /// Has a new heat map coloured, and takes the one that was.
    pub fn poll(&mut self, ctx: &Context, search: &Search) {
        self.heat_map.poll(ctx, search);
    }

    /// Whether nothing is still to come of what the view shows by itself.
    #[must_use]
    pub fn is_at_rest(&self) -> bool {
        !self.view.flying()
    }

    /// Carries out a command that moves the view.
    pub fn navigate(&mut self, ctx: &Context, command: UiCommand, size: (u32, u32)) {
        let now = ctx.input(|input| input.time);
        match command {
            UiCommand::Fit => self.view.fit(size, now),
            UiCommand::ActualSize => self.view.actual_size(size, ctx.pixels_per_point(), now),
            UiCommand::ZoomIn => self.view.zoom(size, 1),
            UiCommand::ZoomOut => self.view.zoom(size, -1),
            UiCommand::PanLeft => self.view.pan(size, (-1.0, 0.0)),
            UiCommand::PanRight => self.view.pan(size, (1.0, 0.0)),
            UiCommand::PanUp => self.view.pan(size, (0.0, -1.0)),
            UiCommand::PanDown => self.view.pan(size, (0.0, 1.0)),
            _ => {}
        }
    }

    pub fn toggle_heat_map(&mut self) {
        self.heat_map.toggle();
    }

    /// The middle of the window.
    pub fn ui(
        &mut self,
        ui: &mut Ui,
        textures: Option<&mut SceneTextures>,
        cx: ViewportContext<'_>,
    ) -> Vec<Action> {
        let mut actions = Vec::new();
        let rect = ui.available_rect_before_wrap();
        if let (Some(size), Some(textures)) = (cx.scene.size(), textures) {
            self.show_scene(ui, rect, size, textures, cx, &mut actions);
            self.show_tools(ui, rect, cx, &mut actions);
            self.heat_map.ui(ui, rect, cx.keywords(), cx.search);
            actions.extend(self.show_box_popup(ui, rect, cx));
        } else {
            ui.painter().rect_filled(rect, 0.0, theme::tokens(ui.visuals()).backdrop);
            self.view.rect = Some(rect);
            actions.extend(welcome::show(ui, rect, cx.scene.opening(), &cx.settings.recent_scenes));
        }
        if let Some(error) = cx.error
            && banner::show(ui, rect, error)
        {
            actions.push(Action::DismissError);
        }
        show_drop_hint(ui, rect);
        actions
    }

    fn show_scene(
        &mut self,
        ui: &mut Ui,
        rect: Rect,
        size: (u32, u32),
        textures: &mut SceneTextures,
        cx: ViewportContext<'_>,
        actions: &mut Vec<Action>,
    ) {
        let Some(scene) = cx.scene.scene() else { return };
        let response = ui.interact(rect, scene_id(), Sense::click_and_drag());
        if response.has_focus() {
            // Reached with Tab, the view takes the arrows to move.
            let filter =
                egui::EventFilter { horizontal_arrows: true, vertical_arrows: true, ..Default::default() };
            ui.memory_mut(|memory| memory.set_focus_lock_filter(scene_id(), filter));
            ui.painter().rect_stroke(rect, 0.0, ui.visuals().selection.stroke, egui::StrokeKind::Inside);
        }
        response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Image, true, "Scene"));
        let camera = self.view.place(rect, size, ui.ctx().content_rect().size());
        if self.view.camera != Some(camera) {
            // What was drawn before tells of the camera, too.
            ui.ctx().request_repaint();
        }
        self.view.camera = Some(camera);
        self.move_camera(ui, &response, rect, size);
        let Some(camera) = self.view.camera else { return };

        let painter = ui.painter_at(rect);
        let whole = camera.rect_to_screen(rect, crate::raster::Rect::new(0, 0, size.0, size.1));
        draw_backdrop(&painter, rect, whole, theme::tokens(ui.visuals()).backdrop);
        self.view.checker.sync_theme(ui);
        textures.patches().show(&painter, rect, &camera, |place| {
            self.view.checker.draw(&painter, place.intersect(rect), whole.min);
        });
        if let Some(error) = textures.patches().take_error() {
            scene.notices().tell(format!("a part of the scene cannot be shown: {error}"));
        }

        self.heat_map.draw(ui, rect, &camera, size, cx);
        self.draw_areas(ui, rect, &camera, size);
        cx.search_panel.examples().draw(&painter, rect, &camera, cx.keywords());

        let pointer = response.hover_pos();
        let inside =
            |(x, y): (f64, f64)| x >= 0.0 && y >= 0.0 && x < f64::from(size.0) && y < f64::from(size.1);
        self.view.pointer = pointer.map(|at| camera.to_scene(rect, at)).filter(|at| inside(*at));
        self.draw_boxes(ui, &response, rect, &camera, size, cx);
        if let Some(at) = self.view.marker {
            marker::draw(&painter, camera.to_screen(rect, at.0, at.1));
        }
        actions.extend(self.show_menu(&response, scene, cx));
        actions.extend(self.use_tool(ui, &response, rect, &camera, size));
        scale_bar::draw(&painter, rect, scene, camera.scale);

        if let Some(visible) = camera.visible(rect, size) {
            actions.push(Action::LookAt(visible));
        }
    }

    fn move_camera(&mut self, ui: &Ui, response: &Response, rect: Rect, size: (u32, u32)) {
        let now = ui.input(|input| input.time);
        if let Some(flight) = self.view.flight {
            let (camera, arrived) = flight.at(now);
            self.view.camera = Some(camera);
            if arrived {
                self.view.flight = None;
            } else {
                ui.ctx().request_repaint();
            }
        }
        let panning = self.tools.active == Tool::Pan;
        if response.double_clicked() && panning {
            self.view.fit(size, now);
            return;
        }
        let Some(camera) = self.view.camera.as_mut() else { return };
        let dragged = panning && response.dragged_by(PointerButton::Primary);
        if dragged || response.dragged_by(PointerButton::Middle) {
            self.view.flight = None;
            camera.pan(rect, response.drag_delta(), size);
            ui.ctx().set_cursor_icon(CursorIcon::Grabbing);
        }
        // `contains_pointer` rather than `hovered`: the wheel also works while dragging.
        if let Some(at) = ui.input(|input| input.pointer.latest_pos()).filter(|_| response.contains_pointer())
        {
            let (wheel, pinch) = ui.input(|input| (input.smooth_scroll_delta(), input.zoom_delta()));
            let factor = (f64::from(wheel.y) * WHEEL_SPEED).exp() * f64::from(pinch);
            if (factor - 1.0).abs() > 1e-9 {
                self.view.flight = None;
                camera.zoom_at(rect, at, factor, size);
            }
        }
    }

    fn draw_boxes(
        &mut self,
        ui: &Ui,
        response: &Response,
        rect: Rect,
        camera: &Camera,
        size: (u32, u32),
        cx: ViewportContext<'_>,
    ) {
        let painter = ui.painter_at(rect);
        let now = ui.input(|input| input.time);
        let ranking = Arc::clone(cx.search.ranking());
        let detections: &[Detection] = if cx.settings.show_boxes { &ranking } else { &[] };
        let selected = self.view.selected.clone();
        let all = Boxes {
            detections,
            keywords: cx.keywords(),
            unclear: cx.results.shows_unclear(),
            rank_by: cx.settings.rank_by,
            labels: cx.settings.labels,
            selected: selected.as_ref(),
            hovered: None,
        };
        // Other tools draw over boxes rather than choose them, and who drags points at nothing.
        let panning = self.tools.active == Tool::Pan;
        let pointer = self.view.pointer.filter(|_| panning && !response.dragged());
        let under = pointer.and_then(|(x, y)| all.at(x, y));
        let hovered = under.map(DetectionId::of).or_else(|| cx.results.hovered().cloned());
        // The preview stands for a scan to come: not while one runs, nor when its boxes are already there.
        let preview_helps = !cx.search.running() && cx.search.scanned() != Some(cx.settings.grid());
        let preview = cx.settings.show_grid && under.is_none() && preview_helps;
        if let (true, Some(grid), Some((x, y))) = (preview, cx.search_panel.grid(), pointer) {
            boxes::preview(&painter, rect, camera, grid.nearest(x, y), grid.settings());
        }
        Boxes { hovered: hovered.as_ref(), ..all }.show(&painter, rect, camera);

        if let Some(detection) = under {
            if !response.is_pointer_button_down_on() {
                let place = camera.rect_to_screen(rect, detection.window);
                box_popup::show_scores(ui, response, (place, rect), detection, cx.keywords());
            }
            ui.ctx().set_cursor_icon(CursorIcon::PointingHand);
        }
        if response.clicked() && panning {
            match under {
                Some(detection) => self.view.select(detection, size, now),
                None => self.view.selected = None,
            }
        }
    }
}

/// The view of the scene, as a control that has the keyboard.
#[must_use]
pub fn scene_id() -> egui::Id {
    egui::Id::unique("scene view")
}

/// Fills what of `view` lies around the scene, and nothing under it: a software renderer would take its time
/// for that.
fn draw_backdrop(painter: &egui::Painter, view: Rect, scene: Rect, color: Color32) {
    let scene = scene.intersect(view);
    if !scene.is_positive() {
        painter.rect_filled(view, 0.0, color);
        return;
    }
    for part in [
        Rect::from_min_max(view.min, pos2(view.right(), scene.top())),
        Rect::from_min_max(pos2(view.left(), scene.bottom()), view.max),
        Rect::from_min_max(pos2(view.left(), scene.top()), scene.left_bottom()),
        Rect::from_min_max(scene.right_top(), pos2(view.right(), scene.bottom())),
    ] {
        if part.is_positive() {
            painter.rect_filled(part, 0.0, color);
        }
    }
}

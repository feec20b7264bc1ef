//! The view of the scene: what the pointer does there, and everything drawn in it.

pub mod areas;
pub mod banner;
pub mod box_popup;
pub mod boxes;
pub mod camera;
pub mod checker;
pub mod heat_map;
pub mod scale_bar;
pub mod tools;
pub mod view;
pub mod welcome;

use eframe::egui;
use eframe::egui::{Color32, CursorIcon, PointerButton, Rect, Response, Sense, Ui, pos2};

use super::App;
use camera::Camera;

use super::theme;
use crate::search::Detection;
use boxes::{Boxes, DetectionId};
use tools::Tool;
use welcome::show_drop_hint;

/// Magnification for one point of wheel movement, as the power of e: a notch of a common wheel is about 1.2.
const WHEEL_SPEED: f64 = 0.0045;

impl App {
    /// The middle of the window.
    pub(super) fn show_viewport(&mut self, ui: &mut Ui) {
        let rect = ui.available_rect_before_wrap();
        let tokens = theme::tokens(ui.visuals());
        if self.scene.is_some() {
            self.show_scene(ui, rect);
        } else {
            ui.painter().rect_filled(rect, 0.0, tokens.backdrop);
            self.view.rect = Some(rect);
            self.show_empty(ui, rect);
        }
        if self.scene.is_some() {
            self.show_tools(ui, rect);
            self.show_heat_card(ui, rect);
            self.show_thumbs(ui, rect);
        }
        self.show_banner(ui, rect);
        show_drop_hint(ui, rect);
    }

    fn show_scene(&mut self, ui: &mut Ui, rect: Rect) {
        let Some(open) = &self.scene else { return };
        let size = open.scene.size();
        let response = ui.interact(rect, scene_id(), Sense::click_and_drag());
        if response.has_focus() {
            // Reached with Tab, the view takes the arrows to move.
            let filter =
                egui::EventFilter { horizontal_arrows: true, vertical_arrows: true, ..Default::default() };
            ui.memory_mut(|memory| memory.set_focus_lock_filter(scene_id(), filter));
            ui.painter().rect_stroke(rect, 0.0, ui.visuals().selection.stroke, egui::StrokeKind::Inside);
        }
        response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Image, true, "Scene"));
        let camera = self.view.place(rect, size);
        self.view.camera = Some(camera);
        self.move_camera(ui, &response, rect, size);
        let Some(camera) = self.view.camera else { return };

        let painter = ui.painter_at(rect);
        let whole = camera.rect_to_screen(rect, crate::raster::Rect::new(0, 0, size.0, size.1));
        draw_backdrop(&painter, rect, whole, theme::tokens(ui.visuals()).backdrop);
        self.view.checker.follow_theme(ui);
        if let Some(open) = &mut self.scene {
            open.patches.show(&painter, rect, &camera, |place| {
                self.view.checker.draw(&painter, place.intersect(rect), whole.min);
            });
            if let Some(complaint) = open.patches.take_complaint() {
                open.scene.notices().tell(format!("a part of the scene cannot be shown: {complaint}"));
            }
        }

        self.draw_heat_map(ui, rect, &camera);
        self.draw_areas(ui, rect, &camera);
        self.draw_examples(&painter, rect, &camera);

        let pointer = response.hover_pos();
        let inside =
            |(x, y): (f64, f64)| x >= 0.0 && y >= 0.0 && x < f64::from(size.0) && y < f64::from(size.1);
        self.view.pointer = pointer.map(|at| camera.to_scene(rect, at)).filter(|at| inside(*at));
        self.draw_overlay(ui, &response, rect, &camera);
        self.use_tool(ui, &response, rect, &camera);
        self.draw_map_marks(&painter, rect, &camera);

        if let Some(seen) = camera.visible(rect, size) {
            self.search.look_at(seen, ui.input(|input| input.time));
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

    /// The scale bar and, where north is not up, the arrow.
    fn draw_map_marks(&self, painter: &egui::Painter, rect: Rect, camera: &Camera) {
        let Some(open) = &self.scene else { return };
        let across = open.scene.info().ground_sample_distance.map(|[across, _]| across);
        if let Some(bar) = across.and_then(|metres| scale_bar::bar(metres / camera.scale)) {
            scale_bar::draw_bar(painter, rect, bar);
        }
        if let Some(north) = open.scene.north() {
            scale_bar::draw_north(painter, rect, north);
        }
    }

    fn draw_overlay(&mut self, ui: &Ui, response: &Response, rect: Rect, camera: &Camera) {
        let painter = ui.painter_at(rect);
        let Some(open) = &self.scene else { return };
        let size = open.scene.size();
        let now = ui.input(|input| input.time);
        let ranking = std::sync::Arc::clone(&self.search.ranking);
        let detections: &[Detection] = if self.settings.show_boxes { &ranking } else { &[] };
        let selected = self.view.selected.clone();
        let all = Boxes {
            detections,
            keywords: &self.keywords,
            unclear: self.show_unclear,
            rank_by: self.settings.rank_by,
            selected: selected.as_ref(),
            hovered: None,
        };
        // Other tools draw over boxes rather than choose them, and who drags points at nothing.
        let panning = self.tools.active == Tool::Pan;
        let pointer = self.view.pointer.filter(|_| panning && !response.dragged());
        let under = pointer.and_then(|(x, y)| all.at(x, y));
        let hovered = under.map(DetectionId::of).or_else(|| self.list_hovered.clone());
        let preview = self.settings.show_grid && under.is_none() && self.preview_helps();
        if let (true, Some(grid), Some((x, y))) = (preview, &self.grid, pointer) {
            boxes::preview(&painter, rect, camera, grid.nearest(x, y), grid.settings());
        }
        Boxes { hovered: hovered.as_ref(), ..all }.show(&painter, rect, camera);

        if let Some(detection) = under {
            if !response.is_pointer_button_down_on() {
                self.show_scores(ui, response, detection);
            }
            ui.ctx().set_cursor_icon(CursorIcon::PointingHand);
        }
        if response.clicked() && panning {
            match under {
                Some(detection) => self.view.select(detection, size, now),
                None => self.view.selected = None,
            }
        }
        self.view.hovered = hovered;
    }

    /// The preview stands for a scan to come: not while one runs, nor when its boxes are already there.
    fn preview_helps(&self) -> bool {
        !self.search.running() && self.search.scanned != Some(self.settings.grid())
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

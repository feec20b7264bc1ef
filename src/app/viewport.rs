//! The view of the scene: what the pointer does there, and everything drawn in it.

use eframe::egui;
use eframe::egui::{
    Align2, Color32, CursorIcon, FontId, PointerButton, Rect, Response, Sense, Shape, Ui, pos2, vec2,
};

use super::App;
use super::camera::{Camera, Flight};
use super::checker::Checker;
use super::map_marks;
use super::overlay::{self, Boxes, DetectionId};
use super::panel;
use super::theme;
use super::thumbs;
use super::tools::Tool;
use super::words;
use crate::scan::Detection;

/// Magnification for one point of wheel movement, as the power of e: a notch of a common wheel is about 1.2.
const WHEEL_SPEED: f64 = 0.0045;
/// Magnification by key.
const KEY_ZOOM: f64 = 1.5;
/// The part of the view that an arrow key moves by.
const KEY_PAN: f32 = 0.15;

/// Where one looks, and what is selected there.
#[derive(Default)]
pub struct View {
    camera: Option<Camera>,
    flight: Option<Flight>,
    /// The place of the view on the screen, as of the last frame.
    rect: Option<Rect>,
    pub selected: Option<DetectionId>,
    hovered: Option<DetectionId>,
    /// Scene position under the pointer, in level-0 pixels.
    pub pointer: Option<(f64, f64)>,
    checker: Checker,
}

impl View {
    /// Forgets everything about the scene before.
    pub fn reset(&mut self) {
        let checker = std::mem::take(&mut self.checker);
        *self = Self { checker, rect: self.rect, ..Self::default() };
    }

    /// Points per level-0 pixel.
    #[must_use]
    pub fn scale(&self) -> Option<f64> {
        self.camera.map(|camera| camera.scale)
    }

    #[must_use]
    pub fn flying(&self) -> bool {
        self.flight.is_some()
    }

    /// The part of the scene in view, in level-0 pixels.
    #[must_use]
    pub fn visible(&self, scene: (u32, u32)) -> Option<crate::raster::Rect> {
        self.camera?.visible(self.rect?, scene)
    }

    /// Moves the camera there in a short flight.
    fn fly(&mut self, to: Camera, now: f64) {
        match self.camera {
            Some(from) => self.flight = Some(Flight::new(from, to, now)),
            None => self.camera = Some(to),
        }
    }

    pub fn fit(&mut self, scene: (u32, u32), now: f64) {
        if let Some(rect) = self.rect {
            self.fly(Camera::fit(scene, rect.size()), now);
        }
    }

    /// One pixel of the scene on one of the screen, around the middle of the view.
    pub fn actual_size(&mut self, scene: (u32, u32), pixels_per_point: f32, now: f64) {
        if let (Some(rect), Some(camera)) = (self.rect, self.camera) {
            let to = Camera { scale: 1.0 / f64::from(pixels_per_point), ..camera };
            self.fly(to.bounded(scene, rect.size()), now);
        }
    }

    /// Zooms by key, `steps` times in (positive) or out.
    pub fn zoom(&mut self, scene: (u32, u32), steps: i32) {
        if let (Some(rect), Some(camera)) = (self.rect, self.camera.as_mut()) {
            self.flight = None;
            camera.zoom_at(rect, rect.center(), KEY_ZOOM.powi(steps), scene);
        }
    }

    /// Moves by key; (1, 0) looks further to the right.
    pub fn pan(&mut self, scene: (u32, u32), direction: (f32, f32)) {
        if let (Some(rect), Some(camera)) = (self.rect, self.camera.as_mut()) {
            self.flight = None;
            let delta = vec2(direction.0 * rect.width(), direction.1 * rect.height()) * -KEY_PAN;
            camera.pan(rect, delta, scene);
        }
    }

    /// Selects a detection and flies there.
    pub fn select(&mut self, detection: &Detection, scene: (u32, u32), now: f64) {
        self.selected = Some(DetectionId::of(detection));
        if let Some(rect) = self.rect {
            self.fly(Camera::looking_at(detection.window, scene, rect.size()), now);
        }
    }

    /// Takes the new place on the screen; the first time, and while the whole scene is fitted, it stays so.
    fn place(&mut self, rect: Rect, scene: (u32, u32)) -> Camera {
        let fitted = self.rect.zip(self.camera).is_some_and(|(old, camera)| {
            old.size() != rect.size() && camera == Camera::fit(scene, old.size())
        });
        self.rect = Some(rect);
        match self.camera {
            Some(camera) if !fitted => camera,
            _ => Camera::fit(scene, rect.size()),
        }
    }
}

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
                self.search.notify(format!("A part of the scene cannot be shown: {complaint}"));
            }
        }

        self.draw_heat_map(ui, rect, &camera);
        self.draw_areas(ui, rect, &camera);
        self.draw_examples(&painter, rect, &camera);

        let pointer = response.hover_pos().filter(|_| !response.dragged());
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
        if let Some(bar) = across.and_then(|metres| map_marks::bar(metres / camera.scale)) {
            map_marks::draw_bar(painter, rect, bar);
        }
        if let Some(north) = open.scene.north() {
            map_marks::draw_north(painter, rect, north);
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
        // Other tools draw over boxes rather than choose them.
        let panning = self.tools.active == Tool::Pan;
        let under = self.view.pointer.filter(|_| panning).and_then(|(x, y)| all.at(x, y));
        let hovered = under.map(DetectionId::of).or_else(|| self.list_hovered.clone());
        let preview = self.settings.show_grid && panning && under.is_none() && self.preview_helps();
        if let (true, Some(grid), Some((x, y))) = (preview, &self.grid, self.view.pointer) {
            overlay::preview(&painter, rect, camera, grid.nearest(x, y), grid.settings());
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

    /// The thumbs of the selected box, below it.
    fn show_thumbs(&mut self, ui: &Ui, view: Rect) {
        let (Some(id), Some(camera)) = (self.view.selected.clone(), self.view.camera) else { return };
        let place = camera.rect_to_screen(view, id.window);
        if self.view.flying() || !self.settings.show_boxes || !place.intersects(view) {
            return;
        }
        let verdict = self.thumbs.verdict(&id.keyword, id.window);
        let bottom = place.bottom().min(view.bottom() - 44.0);
        egui::Area::new(egui::Id::unique("thumbs"))
            .fixed_pos(pos2(place.left().max(view.left()), bottom + 6.0))
            .constrain_to(view)
            .show(ui.ctx(), |ui| {
                egui::Frame::popup(ui.style()).inner_margin(4).show(ui, |ui| {
                    ui.horizontal(|ui| {
                        if let Some(pressed) = thumbs::buttons(ui, "the selected detection", verdict) {
                            self.judge_box(&id, pressed);
                        }
                    });
                });
            });
    }

    /// The preview stands for a scan to come: not while one runs, nor when its boxes are already there.
    fn preview_helps(&self) -> bool {
        !self.search.running() && self.search.scanned != Some(self.settings.grid())
    }

    /// All scores of a window, beside the pointer.
    fn show_scores(&self, ui: &Ui, response: &Response, detection: &Detection) {
        let tooltip = egui::Tooltip::always_open(
            ui.ctx().clone(),
            ui.layer_id(),
            response.id.with("scores"),
            egui::PopupAnchor::Pointer,
        );
        tooltip.gap(14.0).show(|ui| {
            let text = format!("{} · rank {}", detection.keyword, detection.rank);
            ui.strong(text);
            if let Some(gaps) = words::gaps(detection.nodata) {
                ui.weak(gaps);
            }
            egui::Grid::new("scores").num_columns(4).min_col_width(0.0).spacing(vec2(12.0, 3.0)).show(
                ui,
                |ui| {
                    ui.label("");
                    ui.weak("Keyword");
                    ui.weak("Probability");
                    ui.weak("Cosine");
                    ui.end_row();
                    for (word, probability, cosine) in &detection.scores {
                        let slot = self.keywords.find(word).map_or(0, |chip| chip.slot);
                        let (dot, _) = ui.allocate_exact_size(vec2(10.0, 10.0), Sense::hover());
                        ui.painter().rect_filled(dot, 2.0, theme::keyword_color(slot));
                        ui.label(word);
                        ui.monospace(format!("{probability:.3}"));
                        ui.monospace(format!("{cosine:.3}"));
                        ui.end_row();
                    }
                },
            );
        });
    }

    /// How to begin.
    fn show_empty(&mut self, ui: &mut Ui, rect: Rect) {
        let area = Rect::from_center_size(rect.center(), vec2(420.0_f32.min(rect.width() - 32.0), 300.0));
        ui.scope_builder(egui::UiBuilder::new().max_rect(area), |ui| {
            ui.vertical_centered(|ui| {
                if let Some(opening) = &self.opening {
                    ui.add_space(90.0);
                    ui.add(egui::Spinner::new().size(28.0));
                    ui.add_space(8.0);
                    ui.label(opening.text());
                    if ui.button("Cancel").on_hover_text("Do not open this image (Esc)").clicked() {
                        self.opening = None;
                    }
                    return;
                }
                ui.add_space(30.0);
                ui.heading("Find what you type in a satellite image");
                ui.add_space(8.0);
                ui.weak("Drop an image here, or open one: GeoTIFF, PNG, JPEG or WebP.");
                ui.weak("Then type a keyword such as “harbor” and press Scan.");
                ui.add_space(14.0);
                if panel::main_button(ui, super::UiCommand::Open, true).clicked() {
                    self.run(ui.ctx(), super::UiCommand::Open);
                }
                if super::UiCommand::OpenSample.button(ui, true).clicked() {
                    self.run(ui.ctx(), super::UiCommand::OpenSample);
                }
                let recent: Vec<_> = self.settings.recent_scenes.iter().take(5).cloned().collect();
                if !recent.is_empty() {
                    ui.add_space(18.0);
                    ui.weak("Opened before");
                    for path in recent {
                        let link = ui.link(words::file_name(&path));
                        if link.on_hover_text(path.display().to_string()).clicked() {
                            self.open(path);
                        }
                    }
                }
            });
        });
    }

    /// What went wrong, until it is dismissed.
    fn show_banner(&mut self, ui: &mut Ui, rect: Rect) {
        let Some(error) = self.error.clone() else { return };
        let tokens = theme::tokens(ui.visuals());
        let area = Rect::from_min_size(rect.min + vec2(12.0, 12.0), vec2(rect.width() - 24.0, 80.0));
        let mut dismissed = false;
        ui.scope_builder(egui::UiBuilder::new().max_rect(area), |ui| {
            egui::Frame::new()
                .fill(tokens.error_fill)
                .corner_radius(theme::CORNER)
                .inner_margin(egui::Margin::symmetric(12, 8))
                .show(ui, |ui| {
                    egui::Sides::new().shrink_left().wrap().show(
                        ui,
                        |ui| {
                            ui.label(egui::RichText::new(words::sentence(&error)).color(tokens.error_text));
                        },
                        |ui| {
                            let button = egui::Button::new("Dismiss").fill(Color32::TRANSPARENT);
                            dismissed = ui.add(button).on_hover_text("Close this message (Esc)").clicked();
                        },
                    );
                });
        });
        if dismissed {
            self.error = None;
        }
    }
}

/// The view of the scene, as a control that has the keyboard.
#[must_use]
pub fn scene_id() -> egui::Id {
    egui::Id::unique("scene view")
}

/// Fills what of `view` lies around the scene, and nothing under it: a software renderer would take its time for that.
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

/// Says that a file over the window can be dropped.
fn show_drop_hint(ui: &Ui, rect: Rect) {
    let hovering = ui.input(|input| input.raw.hovered_files.len());
    if hovering == 0 {
        return;
    }
    let painter = ui.painter_at(rect);
    painter.rect_filled(rect, 0.0, Color32::from_black_alpha(170));
    let frame = rect.shrink(24.0);
    let stroke = egui::Stroke::new(2.0, Color32::WHITE);
    let outline =
        [frame.left_top(), frame.right_top(), frame.right_bottom(), frame.left_bottom(), frame.left_top()];
    painter.extend(Shape::dashed_line(&outline, stroke, 12.0, 8.0));
    let text = if hovering == 1 { "Drop to open" } else { "Drop to open the first of these" };
    painter.text(rect.center(), Align2::CENTER_CENTER, text, FontId::proportional(24.0), Color32::WHITE);
}

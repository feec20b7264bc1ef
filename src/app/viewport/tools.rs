//! What the mouse does in the scene: move it, point out an example, or draw where to look.

use eframe::egui;
use eframe::egui::{Color32, Key, Modifiers, PointerButton, Pos2, Response, Shape, Stroke, Ui, vec2};

use super::camera::Camera;
use super::{Viewport, ViewportContext};
use crate::app::action::Action;
use crate::app::commands::UiCommand;
use crate::app::format;
use crate::raster::Rect;
use crate::windows::Area;

/// Drags over fewer pixels of the scene than this are slips of the hand.
const LEAST_SIDE: u32 = 4;
/// Corners of a polygon at most.
const MAX_CORNERS: usize = 1000;

/// What a drag or a click in the scene means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tool {
    #[default]
    Pan,
    /// Show an example to look for.
    Similar,
    Rectangle,
    Polygon,
}

impl Tool {
    const ALL: [(Self, UiCommand); 4] = [
        (Self::Pan, UiCommand::ToolPan),
        (Self::Similar, UiCommand::ToolSimilar),
        (Self::Rectangle, UiCommand::ToolRectangle),
        (Self::Polygon, UiCommand::ToolPolygon),
    ];
}

/// The tool in use, and what is being drawn with it, in level-0 pixels.
#[derive(Default)]
pub struct Tools {
    pub active: Tool,
    /// Where the drag began.
    from: Option<(f64, f64)>,
    /// The corners of a polygon so far.
    corners: Vec<(f64, f64)>,
}

impl Tools {
    pub fn choose(&mut self, tool: Tool) {
        *self = Self { active: tool, ..Self::default() };
    }

    /// Lets go of what is being drawn, else of the tool. Returns whether there was anything to let go of.
    pub fn cancel(&mut self) -> bool {
        if self.from.is_some() || !self.corners.is_empty() {
            self.choose(self.active);
            true
        } else {
            std::mem::take(&mut self.active) != Tool::Pan
        }
    }
}

impl Viewport {
    /// Does what the tool in use does with the pointer, and draws it.
    pub(super) fn use_tool(
        &mut self,
        ui: &Ui,
        response: &Response,
        view: egui::Rect,
        camera: &Camera,
        size: (u32, u32),
    ) -> Option<Action> {
        if response.hovered() && self.tools.active != Tool::Pan {
            ui.ctx().set_cursor_icon(egui::CursorIcon::Crosshair);
        }
        match self.tools.active {
            Tool::Pan => None,
            Tool::Similar | Tool::Rectangle => self.drag_box(ui, response, view, camera, size),
            Tool::Polygon => self.draw_polygon(ui, response, view, camera),
        }
    }

    fn drag_box(
        &mut self,
        ui: &Ui,
        response: &Response,
        view: egui::Rect,
        camera: &Camera,
        size: (u32, u32),
    ) -> Option<Action> {
        if response.drag_started_by(PointerButton::Primary) {
            let origin = ui.input(|input| input.pointer.press_origin());
            self.tools.from = origin.map(|at| camera.to_scene(view, at));
        }
        let (from, at) = (self.tools.from?, response.interact_pointer_pos()?);
        let drawn = rect_between(from, camera.to_scene(view, at), size);
        if let Some(rect) = drawn {
            let painter = ui.painter_at(view);
            let place = camera.rect_to_screen(view, rect);
            for (width, color) in [(4.0, Color32::from_black_alpha(150)), (2.0, Color32::WHITE)] {
                painter.rect_stroke(place, 0.0, Stroke::new(width, color), egui::StrokeKind::Middle);
            }
        }
        if !response.drag_stopped_by(PointerButton::Primary) {
            return None;
        }
        self.tools.from = None;
        let rect = drawn?;
        if self.tools.active == Tool::Rectangle {
            return Some(self.add_area(Area::rect(rect)));
        }
        Some(Action::AddExample { place: rect, to_selected: ui.input(|input| input.modifiers.shift) })
    }

    /// Puts an area at the end of the queue.
    pub fn add_area(&mut self, area: Area) -> Action {
        self.areas.push(area);
        Action::AreasChanged
    }

    fn draw_polygon(
        &mut self,
        ui: &Ui,
        response: &Response,
        view: egui::Rect,
        camera: &Camera,
    ) -> Option<Action> {
        let mut close = response.double_clicked();
        if response.clicked() && !response.double_clicked() && !response.triple_clicked() {
            let at = response.interact_pointer_pos().map(|at| camera.to_scene(view, at));
            if self.tools.corners.len() < MAX_CORNERS {
                self.tools.corners.extend(at);
            }
        }
        if self.tools.corners.is_empty() {
            return None;
        }
        if !ui.ctx().text_edit_focused() {
            let (enter, back) = ui.input_mut(|input| {
                let enter = input.consume_key(Modifiers::NONE, Key::Enter);
                (enter, input.consume_key(Modifiers::NONE, Key::Backspace))
            });
            close |= enter;
            if back {
                self.tools.corners.pop();
            }
        }
        if close {
            let corners = std::mem::take(&mut self.tools.corners);
            return Some(match Area::polygon(&corners) {
                Ok(area) => self.add_area(area),
                Err(error) => Action::Notify(format::sentence(&error.to_string())),
            });
        }
        let mut line: Vec<Pos2> =
            self.tools.corners.iter().map(|(x, y)| camera.to_screen(view, *x, *y)).collect();
        let painter = ui.painter_at(view);
        for at in &line {
            painter.circle(*at, 4.0, Color32::WHITE, Stroke::new(1.5, Color32::BLACK));
        }
        line.extend(response.hover_pos());
        for (width, color) in [(4.0, Color32::from_black_alpha(150)), (2.0, Color32::WHITE)] {
            painter.add(Shape::line(line.clone(), Stroke::new(width, color)));
        }
        None
    }

    /// The tools at the top left of the view, with a word on the one in use and the areas below.
    pub(super) fn show_tools(
        &mut self,
        ui: &Ui,
        view: egui::Rect,
        cx: ViewportContext<'_>,
        actions: &mut Vec<Action>,
    ) {
        // The banner keeps its place.
        let down = if cx.error.is_some() { 64.0 } else { 0.0 };
        egui::Area::new(egui::Id::unique("tools"))
            .fixed_pos(view.min + vec2(12.0, 12.0 + down))
            .constrain_to(view)
            .show(ui.ctx(), |ui| {
                egui::Frame::popup(ui.style()).inner_margin(6).show(ui, |ui| {
                    ui.spacing_mut().item_spacing = vec2(4.0, 4.0);
                    ui.horizontal(|ui| {
                        for (tool, command) in Tool::ALL {
                            let on = self.tools.active == tool;
                            let button = ui.selectable_label(on, tool_text(tool));
                            if command.explain(button.accessible_name(command.text())).clicked() {
                                actions.push(Action::Run(command));
                            }
                        }
                        ui.separator();
                        let button = ui.button(UiCommand::ScanView.text());
                        if UiCommand::ScanView.explain(button).clicked() {
                            actions.push(Action::Run(UiCommand::ScanView));
                        }
                    });
                    if let Some(hint) = self.tool_hint(cx) {
                        ui.weak(hint);
                    }
                    self.show_areas(ui, cx, actions);
                });
            });
    }

    fn tool_hint(&self, cx: ViewportContext<'_>) -> Option<String> {
        match self.tools.active {
            Tool::Pan => None,
            Tool::Similar => Some(cx.search_panel.keyword_for_examples(self.selected()).map_or_else(
                || "Drag a box around an example.".to_owned(),
                |keyword| format!("Drag a box around an example; with Shift it adds to “{keyword}”."),
            )),
            Tool::Rectangle => Some("Drag a box where to look.".to_owned()),
            Tool::Polygon if self.tools.corners.is_empty() => {
                Some("Click on the corners, one by one.".to_owned())
            }
            Tool::Polygon => Some("Enter closes, Backspace takes a corner back, Esc cancels.".to_owned()),
        }
    }
}

/// A short text for a tool's button.
fn tool_text(tool: Tool) -> &'static str {
    match tool {
        Tool::Pan => "Move",
        Tool::Similar => "Find similar",
        Tool::Rectangle => "Search area",
        Tool::Polygon => "Polygon",
    }
}

/// The whole pixels of the scene between two positions; `None` when these are too few to mean anything.
fn rect_between(a: (f64, f64), b: (f64, f64), scene: (u32, u32)) -> Option<Rect> {
    let side = |a: f64, b: f64, length: u32| {
        let within = |value: f64| value.clamp(0.0, f64::from(length));
        // `as` saturates.
        let (from, to) = (within(a.min(b)).floor() as u32, within(a.max(b)).ceil() as u32);
        let length = to.saturating_sub(from);
        (length >= LEAST_SIDE).then_some((from, length))
    };
    let (x, width) = side(a.0, b.0, scene.0)?;
    let (y, height) = side(a.1, b.1, scene.1)?;
    Some(Rect::new(x, y, width, height))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_stay_in_the_scene_whichever_way_they_are_drawn() {
        let scene = (100, 80);
        assert_eq!(rect_between((10.2, 20.0), (30.1, 40.0), scene), Some(Rect::new(10, 20, 21, 20)));
        assert_eq!(rect_between((30.1, 40.0), (10.2, 20.0), scene), Some(Rect::new(10, 20, 21, 20)));
        assert_eq!(rect_between((-50.0, -50.0), (500.0, 500.0), scene), Some(Rect::new(0, 0, 100, 80)));
        assert_eq!(rect_between((10.0, 10.0), (12.0, 60.0), scene), None);
        assert_eq!(rect_between((200.0, 10.0), (300.0, 60.0), scene), None);
    }

    #[test]
    fn escape_lets_go_of_the_drawing_first() {
        let mut tools = Tools::default();
        assert!(!tools.cancel());
        tools.choose(Tool::Polygon);
        tools.corners.push((1.0, 1.0));
        assert!(tools.cancel());
        assert!(tools.active == Tool::Polygon && tools.corners.is_empty());
        assert!(tools.cancel());
        assert_eq!(tools.active, Tool::Pan);
    }
}

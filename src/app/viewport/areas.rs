//! Where to look: the areas that were drawn, as they stand in a queue and as they lie on the scene.

use eframe::egui;
use eframe::egui::epaint::Mesh;
use eframe::egui::{Color32, Painter, Pos2, Shape, Stroke, Ui, pos2};

use super::camera::Camera;
use super::{Viewport, ViewportContext};
use crate::app::action::Action;
use crate::app::commands::UiCommand;
use crate::app::theme;
use crate::windows::Area;

/// Corners above which an area has an outline alone: the inside takes time that grows with their square.
const MAX_FILLED: usize = 200;
/// Areas named one by one; what stands behind them in the queue is counted.
const MAX_LISTED: usize = 8;

impl Viewport {
    /// The queue, with a way out for each area.
    pub(super) fn show_areas(&mut self, ui: &mut Ui, cx: ViewportContext<'_>, actions: &mut Vec<Action>) {
        if self.areas.is_empty() {
            return;
        }
        ui.separator();
        let mut removed = None;
        for number in 1..=self.areas.len().min(MAX_LISTED) {
            ui.horizontal(|ui| {
                ui.label(format!("Area {number}")).on_hover_text("Areas are scanned one after the other");
                let cross = ui.small_button("×").accessible_name(format!("Remove area {number}"));
                if cross.on_hover_text(format!("Do not look at area {number}")).clicked() {
                    removed = Some(number - 1);
                }
            });
        }
        if self.areas.len() > MAX_LISTED {
            ui.weak(format!("and {} more", self.areas.len() - MAX_LISTED));
        }
        if let Some(index) = removed {
            self.areas.remove(index);
            actions.push(Action::AreasChanged);
        }
        ui.horizontal(|ui| {
            if UiCommand::WholeScene.button(ui, true).clicked() {
                actions.push(Action::Run(UiCommand::WholeScene));
            }
            let due = cx.search.scanned_areas() != self.areas || cx.search.scanned().is_none();
            if due && !cx.search.running() {
                let missing =
                    cx.search_panel.missing(cx.settings, cx.search, cx.scene.is_open(), &self.areas);
                let scan = ui.add_enabled(missing.is_none(), egui::Button::new("Scan areas"));
                let scan = scan.on_disabled_hover_text(missing.unwrap_or_default());
                if scan.on_hover_text("Look for the keywords in these areas alone").clicked() {
                    actions.push(Action::Run(UiCommand::Scan));
                }
            }
        });
    }

    /// Draws all areas with their numbers.
    pub(super) fn draw_areas(&self, ui: &Ui, view: egui::Rect, camera: &Camera, size: (u32, u32)) {
        let painter = ui.painter_at(view);
        for (index, area) in self.areas.iter().enumerate() {
            draw_area(&painter, view, camera, area);
            if let Some(around) = area.bounding_rect(size) {
                let place = camera.rect_to_screen(view, around);
                if place.intersects(view) {
                    theme::badge(&painter, view, place.left_top(), &(index + 1).to_string());
                }
            }
        }
    }
}

fn draw_area(painter: &Painter, view: egui::Rect, camera: &Camera, area: &Area) {
    for polygon in area.polygons() {
        let on_screen = |ring: &geo::LineString<f64>| -> Vec<Pos2> {
            ring.coords().map(|corner| camera.to_screen(view, corner.x, corner.y)).collect()
        };
        let rings: Vec<Vec<Pos2>> =
            std::iter::once(polygon.exterior()).chain(polygon.interiors()).map(on_screen).collect();
        let corners: usize = rings.iter().map(Vec::len).sum();
        if corners <= MAX_FILLED {
            let fill = Color32::from_white_alpha(28);
            let mut mesh = Mesh::default();
            for [a, b, c, d] in trapezoids(&rings) {
                let first = u32::try_from(mesh.vertices.len()).unwrap_or(u32::MAX);
                for corner in [a, b, c, d] {
                    mesh.colored_vertex(corner, fill);
                }
                mesh.add_triangle(first, first + 1, first + 2);
                mesh.add_triangle(first, first + 2, first + 3);
            }
            painter.add(Shape::mesh(mesh));
        }
        for ring in rings {
            for (width, color) in [(4.0, Color32::from_black_alpha(150)), (2.0, Color32::WHITE)] {
                painter.add(Shape::line(ring.clone(), Stroke::new(width, color)));
            }
        }
    }
}

/// The inside of closed rings by the even-odd rule, as trapezoids between the heights of their corners.
fn trapezoids(rings: &[Vec<Pos2>]) -> Vec<[Pos2; 4]> {
    let sides: Vec<(Pos2, Pos2)> = rings
        .iter()
        .flat_map(|ring| ring.windows(2).filter_map(|pair| pair.first().copied().zip(pair.get(1).copied())))
        .collect();
    let mut heights: Vec<f32> = rings.iter().flatten().map(|at| at.y).filter(|y| y.is_finite()).collect();
    heights.sort_by(f32::total_cmp);
    heights.dedup();
    let mut found = Vec::new();
    for pair in heights.windows(2) {
        let [top, bottom] = *pair else { continue };
        let middle = f32::midpoint(top, bottom);
        let across = |(a, b): &(Pos2, Pos2), y: f32| a.x + (b.x - a.x) * ((y - a.y) / (b.y - a.y));
        let mut crossing: Vec<&(Pos2, Pos2)> =
            sides.iter().filter(|(a, b)| a.y.min(b.y) < middle && middle < a.y.max(b.y)).collect();
        crossing.sort_by(|a, b| across(a, middle).total_cmp(&across(b, middle)));
        for pair in crossing.chunks_exact(2) {
            let [left, right] = *pair else { continue };
            found.push([
                pos2(across(left, top), top),
                pos2(across(right, top), top),
                pos2(across(right, bottom), bottom),
                pos2(across(left, bottom), bottom),
            ]);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring(corners: &[(f32, f32)]) -> Vec<Pos2> {
        corners.iter().chain(corners.first()).map(|(x, y)| pos2(*x, *y)).collect()
    }

    fn size(trapezoids: &[[Pos2; 4]]) -> f32 {
        trapezoids.iter().map(|[a, b, c, d]| (b.x - a.x + c.x - d.x) / 2.0 * (d.y - a.y)).sum()
    }

    #[test]
    fn a_box_is_one_piece() {
        let pieces = trapezoids(&[ring(&[(0.0, 0.0), (4.0, 0.0), (4.0, 3.0), (0.0, 3.0)])]);
        assert_eq!(pieces.len(), 1);
        assert!((size(&pieces) - 12.0).abs() < 1e-4);
    }

    #[test]
    fn bays_and_holes_stay_empty() {
        // A U whose bay is 2 wide and 3 deep.
        let corners =
            [(0.0, 0.0), (2.0, 0.0), (2.0, 3.0), (4.0, 3.0), (4.0, 0.0), (6.0, 0.0), (6.0, 5.0), (0.0, 5.0)];
        assert!((size(&trapezoids(&[ring(&corners)])) - 24.0).abs() < 1e-4);
        let outer = ring(&[(0.0, 0.0), (9.0, 0.0), (9.0, 9.0), (0.0, 9.0)]);
        let hole = ring(&[(3.0, 3.0), (6.0, 3.0), (6.0, 6.0), (3.0, 6.0)]);
        assert!((size(&trapezoids(&[outer, hole])) - 72.0).abs() < 1e-3);
        assert!(trapezoids(&[]).is_empty());
    }
}

//! Where to look: the areas that were drawn, as they stand in a queue and as they lie on the scene.

use eframe::egui;
use eframe::egui::epaint::Mesh;
use eframe::egui::{Color32, Painter, Pos2, Shape, Stroke, Ui, pos2};

use super::camera::Camera;
use crate::app::theme;
use crate::app::{App, UiCommand};
use crate::windows::Area;

/// Corners above which an area has an outline alone: the inside takes time that grows with their square.
const MAX_FILLED: usize = 200;
/// Areas named one by one; what stands behind them in the queue is counted.
const MAX_LISTED: usize = 8;

impl App {
    /// Puts an area at the end of the queue.
    pub(in crate::app) fn add_area(&mut self, area: Area) {
        self.areas.push(area);
        self.areas_changed();
    }

    /// Looks at what is in view, and at nothing else.
    pub(in crate::app) fn scan_view(&mut self) {
        let view = self.scene.as_ref().and_then(|open| self.view.visible(open.scene.size()));
        if let Some(view) = view {
            self.areas = vec![Area::rect(view)];
            self.scan();
        }
    }

    /// Looks everywhere again.
    pub(in crate::app) fn clear_areas(&mut self) {
        if !self.areas.is_empty() {
            self.areas.clear();
            self.areas_changed();
        }
    }

    /// A scan that runs begins anew; what it has encoded is kept, so that costs nothing.
    fn areas_changed(&mut self) {
        if self.search.running() {
            self.scan();
        }
    }

    /// The queue, with a way out for each area.
    pub(in crate::app) fn show_areas(&mut self, ui: &mut Ui) {
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
            self.areas_changed();
        }
        ui.horizontal(|ui| {
            if UiCommand::WholeScene.button(ui, true).clicked() {
                self.run(ui.ctx(), UiCommand::WholeScene);
            }
            let due = self.search.scanned_areas != self.areas || self.search.scanned.is_none();
            if due && !self.search.running() {
                let scan = ui.add_enabled(self.missing().is_none(), egui::Button::new("Scan these"));
                let scan = scan.on_disabled_hover_text(self.missing().unwrap_or_default());
                if scan.on_hover_text("Look for the keywords in these areas alone").clicked() {
                    self.run(ui.ctx(), UiCommand::Scan);
                }
            }
        });
    }

    /// Draws all areas with their numbers.
    pub(in crate::app) fn draw_areas(&self, ui: &Ui, view: egui::Rect, camera: &Camera) {
        let Some(size) = self.scene.as_ref().map(|open| open.scene.size()) else { return };
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

//! What is drawn over the scene: the boxes of detections with their labels, and the preview of the grid.

use eframe::egui::{Align2, Color32, FontId, Painter, Pos2, Rect, Shape, Stroke, StrokeKind, vec2};

use super::camera::Camera;
use crate::app::results::shown;
use crate::app::search_panel::keywords::Keywords;
use crate::app::settings::Labels;
use crate::app::theme;
use crate::app::theme::Line;
use crate::export::{LabelWish, place_labels};
use crate::search::Detection;
use crate::search::RankBy;
use crate::windows::GridSettings;

/// Boxes in sight above which all are drawn with plain thin lines.
const FANCY_BOXES: usize = 300;
/// How what is no clear match is drawn: its width, its dashes with the gaps between them, and how strongly.
const WEAK_WIDTH: f32 = 1.2;
const WEAK_DASHES: (f32, f32) = (4.0, 6.0);
const WEAK_STRENGTH: f32 = 0.5;
/// Tiles narrower than this many points are not drawn in the preview.
const TILE_MIN_WIDTH: f32 = 5.0;

/// What tells one detection from all others, also when the ranking changes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DetectionId {
    pub keyword: String,
    pub window: crate::raster::Rect,
}

impl DetectionId {
    #[must_use]
    pub fn of(detection: &Detection) -> Self {
        Self { keyword: detection.keyword.clone(), window: detection.window }
    }

    #[must_use]
    pub fn is(&self, detection: &Detection) -> bool {
        self.window == detection.window && self.keyword == detection.keyword
    }
}

/// Everything that decides how boxes look.
pub struct Boxes<'a> {
    pub detections: &'a [Detection],
    pub keywords: &'a Keywords,
    /// Draw those below the threshold, too.
    pub unclear: bool,
    pub rank_by: RankBy,
    pub labels: Labels,
    pub selected: Option<&'a DetectionId>,
    pub hovered: Option<&'a DetectionId>,
}

pub(super) struct Seen<'a> {
    pub detection: &'a Detection,
    pub slot: usize,
    pub place: Rect,
    /// The corners of what was found by a dense scan.
    pub outline: Vec<Pos2>,
    pub selected: bool,
    pub hovered: bool,
}

impl<'a> Boxes<'a> {
    /// Draws all boxes in sight, the best last, and their labels.
    pub fn show(&self, painter: &Painter, view: Rect, camera: &Camera) {
        let mut seen = self.in_sight(view, camera);
        // Weak ones below strong ones; what is pointed at on top.
        seen.sort_by_key(|item| (item.selected, item.hovered, std::cmp::Reverse(item.detection.rank)));
        let fancy = seen.len() <= FANCY_BOXES;
        for item in &seen {
            draw_box(painter, item, fancy);
        }
        self.draw_labels(painter, view, &seen);
    }

    /// The detection under a position: of the windows that hold it, the one whose centre is nearest.
    #[must_use]
    pub fn at(&self, x: f64, y: f64) -> Option<&'a Detection> {
        let holds = |rect: crate::raster::Rect| {
            f64::from(rect.x) <= x
                && x < f64::from(rect.right())
                && f64::from(rect.y) <= y
                && y < f64::from(rect.bottom())
        };
        let distance = |rect: crate::raster::Rect| {
            let center = rect.center();
            (center.0 - x).powi(2) + (center.1 - y).powi(2)
        };
        self.shown()
            .map(|(detection, _)| detection)
            .filter(|detection| holds(detection.window))
            .min_by(|a, b| distance(a.window).total_cmp(&distance(b.window)).then(a.rank.cmp(&b.rank)))
    }

    /// Detections whose keyword is there and not hidden, with the keyword's slot.
    fn shown(&self) -> impl Iterator<Item = (&'a Detection, usize)> {
        shown(self.detections, self.keywords, self.unclear).into_iter()
    }

    fn in_sight(&self, view: Rect, camera: &Camera) -> Vec<Seen<'a>> {
        self.shown()
            .map(|(detection, slot)| Seen {
                detection,
                slot,
                place: camera.rect_to_screen(view, detection.window),
                outline: outline_on_screen(detection, view, camera),
                selected: self.selected.is_some_and(|id| id.is(detection)),
                hovered: self.hovered.is_some_and(|id| id.is(detection)),
            })
            .filter(|item| item.place.intersects(view))
            .collect()
    }
}

/// How strongly a rank is drawn: 1 for the first, less and less after it.
fn strength(rank: usize) -> f32 {
    let rank = f32::from(u16::try_from(rank.max(1)).unwrap_or(u16::MAX));
    0.35 + 0.65 / rank.sqrt()
}

/// As [`strength`], and faint for what is no clear match.
pub(super) fn strength_of(detection: &Detection) -> f32 {
    if detection.weak { WEAK_STRENGTH } else { strength(detection.rank) }
}

fn outline_on_screen(detection: &Detection, view: Rect, camera: &Camera) -> Vec<Pos2> {
    let corners = detection.outline.iter().flat_map(|outline| &outline.corners);
    corners.map(|&[x, y]| camera.to_screen(view, f64::from(x), f64::from(y))).collect()
}

fn draw_box(painter: &Painter, item: &Seen<'_>, fancy: bool) {
    let pointed = item.selected || item.hovered;
    let strength = if pointed { 1.0 } else { strength_of(item.detection) };
    let color = theme::keyword_color(item.slot).gamma_multiply(strength);
    let first = item.detection.rank == 1 && !item.detection.weak;
    let width = match (item.selected, item.hovered, first) {
        (true, _, _) => 4.0,
        (_, true, _) | (_, _, true) => 3.0,
        _ if item.detection.weak => WEAK_WIDTH,
        _ if fancy => 1.8,
        _ => 1.2,
    };
    let stroke = Stroke::new(width, color);
    // Only the part near the view: at a high zoom a side is many thousand dashes long.
    let bounds = painter.clip_rect().expand(64.0);
    let draw = |stroke: Stroke| {
        if item.outline.is_empty() {
            painter.rect_stroke(item.place, 0.0, stroke, StrokeKind::Middle);
        }
        for side in sides_within(&item.outline, bounds) {
            painter.line_segment(side, stroke);
        }
    };
    if !fancy && !pointed && !item.detection.weak {
        draw(stroke);
        return;
    }
    // A dark edge keeps light colours readable on bright ground.
    let shade = Color32::from_black_alpha(if pointed || first { 150 } else { 70 });
    if !item.detection.weak || pointed {
        draw(Stroke::new(width + 2.0, shade));
    }
    if item.selected {
        painter.rect_filled(item.place, 0.0, theme::keyword_color(item.slot).gamma_multiply(0.12));
    }
    let (dash, gap) = match theme::keyword_line(item.slot) {
        _ if item.detection.weak => WEAK_DASHES,
        Line::Solid => {
            draw(stroke);
            return;
        }
        Line::Dashed => (10.0, 5.0),
        Line::Dotted => (2.5, 4.0),
    };
    let corners =
        [item.place.left_top(), item.place.right_top(), item.place.right_bottom(), item.place.left_bottom()];
    let corners = if item.outline.is_empty() { &corners[..] } else { &item.outline };
    for side in sides_within(corners, bounds) {
        painter.extend(Shape::dashed_line(&side, stroke, dash, gap));
    }
}

/// The sides of a ring of corners, horizontal and vertical ones by turns, cut to `bounds`.
fn sides_within(corners: &[Pos2], bounds: Rect) -> Vec<[Pos2; 2]> {
    let sides = corners.iter().zip(corners.iter().cycle().skip(1));
    let cut = |(&from, &to): (&Pos2, &Pos2)| {
        let side = Rect::from_two_pos(from, to);
        side.intersects(bounds)
            .then(|| [from.clamp(bounds.min, bounds.max), to.clamp(bounds.min, bounds.max)])
    };
    sides.filter_map(cut).collect()
}

/// Draws the window that a scan would look at under the cursor, with its tiles.
pub fn preview(
    painter: &Painter,
    view: Rect,
    camera: &Camera,
    window: crate::raster::Rect,
    grid: GridSettings,
) {
    let place = camera.rect_to_screen(view, window);
    let tile = place.width() / f32::from(u16::try_from(grid.window).unwrap_or(u16::MAX));
    let shade = Color32::from_black_alpha(110);
    if tile >= TILE_MIN_WIDTH && grid.window <= 64 {
        for i in 1..grid.window {
            let offset = tile * f32::from(u16::try_from(i).unwrap_or(u16::MAX));
            for (width, color) in [(2.0, shade), (1.0, Color32::from_white_alpha(150))] {
                painter.vline(place.left() + offset, place.y_range(), Stroke::new(width, color));
                painter.hline(place.x_range(), place.top() + offset, Stroke::new(width, color));
            }
        }
    }
    painter.rect_stroke(place, 0.0, Stroke::new(4.0, shade), StrokeKind::Middle);
    painter.rect_stroke(place, 0.0, Stroke::new(2.0, Color32::WHITE), StrokeKind::Middle);
    let text = format!("Window {0} × {0} px, {1} × {1} tiles", window.width, grid.window);
    let galley = painter.layout_no_wrap(text, FontId::proportional(12.5), Color32::WHITE);
    let size = galley.size() + vec2(10.0, 4.0);
    let wish = LabelWish { around: place.into(), size: size.into(), must_show: true };
    if let Some(Some(spot)) = place_labels(&[wish], view.shrink(2.0).into()).first() {
        let spot = Rect::from(*spot);
        painter.rect_filled(spot, 3.0, Color32::from_black_alpha(190));
        let at = Align2::LEFT_CENTER.anchor_size(spot.left_center() + vec2(5.0, 0.0), galley.size());
        painter.galley(at.min, galley, Color32::WHITE);
    }
}

#[cfg(test)]
pub(super) mod tests {
    use eframe::egui;

    use super::*;
    use crate::raster::Rect as SceneRect;

    pub fn detection(keyword: &str, rank: usize, x: u32) -> Detection {
        Detection {
            nodata: 0.0,
            outline: None,
            weak: false,
            by_example: false,
            keyword: keyword.to_owned(),
            rank,
            probability: 0.5,
            cosine: 0.25,
            window: SceneRect::new(x, 0, 100, 100),
            clear: true,
            scores: Vec::new(),
        }
    }

    fn boxes<'a>(detections: &'a [Detection], keywords: &'a Keywords) -> Boxes<'a> {
        Boxes {
            detections,
            keywords,
            unclear: false,
            rank_by: RankBy::Probability,
            labels: Labels::Auto,
            selected: None,
            hovered: None,
        }
    }

    #[test]
    fn the_nearest_of_overlapping_windows_is_pointed_at() {
        let mut keywords = Keywords::default();
        keywords.add("harbor, beach");
        let detections = [detection("harbor", 1, 0), detection("harbor", 2, 50), detection("beach", 1, 60)];
        let all = boxes(&detections, &keywords);
        assert_eq!(all.at(55.0, 50.0).unwrap().window.x, 0);
        assert_eq!(all.at(101.0, 50.0).unwrap().window.x, 50);
        assert_eq!(all.at(155.0, 50.0).unwrap().window.x, 60);
        assert!(all.at(161.0, 50.0).is_none());
        keywords.toggle("beach");
        let without = boxes(&detections, &keywords);
        assert!(without.at(155.0, 50.0).is_none());
    }

    #[test]
    fn a_removed_keyword_shows_no_boxes() {
        let mut keywords = Keywords::default();
        keywords.add("harbor");
        let detections = [detection("harbor", 1, 0), detection("gone", 1, 0)];
        assert_eq!(boxes(&detections, &keywords).shown().count(), 1);
    }

    #[test]
    fn what_is_no_clear_match_is_drawn_on_request_alone() {
        let mut keywords = Keywords::default();
        keywords.add("harbor");
        let detections = [Detection { clear: false, ..detection("harbor", 1, 0) }];
        let all = boxes(&detections, &keywords);
        assert_eq!(all.shown().count(), 0);
        assert_eq!(Boxes { unclear: true, ..all }.shown().count(), 1);
    }

    #[test]
    fn better_ranks_are_stronger() {
        assert!((strength(1) - 1.0).abs() < 1e-6);
        assert!((1..200).all(|rank| strength(rank) >= strength(rank + 1) && strength(rank) > 0.3));
    }

    #[test]
    fn what_is_no_find_is_as_faint_whatever_its_rank() {
        let weak = |rank| Detection { weak: true, ..detection("harbor", rank, 0) };
        assert!(
            (1..500).all(|rank| strength_of(&weak(rank)) < strength_of(&detection("harbor", 1, 0)) * 0.6)
        );
    }

    #[test]
    fn only_sides_near_the_view_are_dashed() {
        let bounds = Rect::from_min_max(egui::pos2(0.0, 0.0), egui::pos2(100.0, 100.0));
        let large = [(50.0, -9e6), (9e6, -9e6), (9e6, 9e6), (50.0, 9e6)].map(|(x, y)| egui::pos2(x, y));
        let sides = sides_within(&large, bounds);
        assert_eq!(sides.len(), 1);
        assert!(sides[0].iter().all(|at| bounds.contains(*at)));
    }
}

//! Where to look: the part of a scene that somebody drew, typed or brought along.

use geo::{BoundingRect, Coord, LineString, MultiPolygon, Polygon};

use super::area_edges::PolygonEdges;
use super::error::AreaError;
use crate::raster::Rect;

/// Coordinates beyond this many pixels are moved to it; scenes have fewer than 2^32 on a side, and so nothing
/// that is computed from coordinates overflows.
const FARTHEST: f64 = 1e12;

/// Polygons in level-0 pixels; (0, 0) is the top left corner of the scene. A point belongs to the area when
/// it lies in any of them, holes left out. A polygon that crosses itself is filled by the even-odd rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Area {
    polygons: MultiPolygon<f64>,
    /// One for each polygon, for quick answers.
    edges: Vec<PolygonEdges>,
}

impl Area {
    #[must_use]
    pub fn rect(rect: Rect) -> Self {
        let (left, top) = (f64::from(rect.x), f64::from(rect.y));
        let (right, bottom) = (f64::from(rect.right()), f64::from(rect.bottom()));
        let corners = [(left, top), (right, top), (right, bottom), (left, bottom)].map(Coord::from);
        Self::from_polygons(vec![Polygon::new(LineString::new(corners.to_vec()), Vec::new())])
    }

    /// The inside of a line through points `(x, y)`, which is closed from the last to the first.
    ///
    /// # Errors
    /// When a coordinate isn't a finite number, or all points lie on one line.
    pub fn polygon(points: &[(f64, f64)]) -> Result<Self, AreaError> {
        Ok(Self::from_polygons(vec![Polygon::new(ring(points)?, Vec::new())]))
    }

    /// The area of polygons whose rings come from [`ring`].
    pub(crate) fn from_polygons(polygons: Vec<Polygon<f64>>) -> Self {
        let edges = polygons.iter().filter_map(PolygonEdges::new).collect();
        Self { polygons: MultiPolygon::new(polygons), edges }
    }

    /// An area of polygons, each of the corners of its outer ring and of those of its holes, `[x, y]`.
    ///
    /// # Errors
    /// As [`Self::polygon`], for each ring.
    pub fn from_rings(polygons: &[Vec<Vec<[f64; 2]>>]) -> Result<Self, AreaError> {
        let closed = |corners: &Vec<[f64; 2]>| {
            let points: Vec<(f64, f64)> = corners.iter().map(|[x, y]| (*x, *y)).collect();
            ring(&points)
        };
        let polygon = |rings: &Vec<Vec<[f64; 2]>>| {
            let mut rings = rings.iter().map(closed);
            let outer = rings.next().unwrap_or(Err(AreaError::Flat))?;
            Ok(Polygon::new(outer, rings.collect::<Result<_, _>>()?))
        };
        Ok(Self::from_polygons(polygons.iter().map(polygon).collect::<Result<_, AreaError>>()?))
    }

    /// The corners, as [`Self::from_rings`] takes them.
    #[must_use]
    pub fn rings(&self) -> Vec<Vec<Vec<[f64; 2]>>> {
        let corners = |ring: &LineString<f64>| ring.coords().map(|corner| [corner.x, corner.y]).collect();
        let rings = |polygon: &Polygon<f64>| {
            std::iter::once(polygon.exterior()).chain(polygon.interiors()).map(corners).collect()
        };
        self.polygons.iter().map(rings).collect()
    }

    /// This area and another.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        let polygons = self.polygons.0.into_iter().chain(other.polygons).collect();
        Self { polygons: MultiPolygon::new(polygons), edges: [self.edges, other.edges].concat() }
    }

    /// The outlines, to be drawn.
    #[must_use]
    pub fn polygons(&self) -> &MultiPolygon<f64> {
        &self.polygons
    }

    /// Whether a window and the area have an inside in common; a common edge or corner isn't enough.
    #[must_use]
    pub fn touches(&self, window: &Rect) -> bool {
        self.edges.iter().any(|edges| edges.touch(window))
    }

    /// Whether a window is one of the area's: its middle lies in it, or at least half of it does.
    #[must_use]
    pub fn holds(&self, window: &Rect) -> bool {
        /// Points across a window by which its half is told.
        const POINTS: u32 = 8;
        if !self.touches(window) {
            return false;
        }
        let inside = |x: f64, y: f64| self.edges.iter().any(|edges| edges.contains(Coord { x, y }));
        let (x, y) = window.center();
        let at = |from: u32, length: u32, point: u32| {
            f64::from(from) + (f64::from(point) + 0.5) / f64::from(POINTS) * f64::from(length)
        };
        let points = (0..POINTS * POINTS).filter(|point| {
            let (column, row) = (point % POINTS, point / POINTS);
            inside(at(window.x, window.width, column), at(window.y, window.height, row))
        });
        inside(x, y) || points.count() as u32 * 2 >= POINTS * POINTS
    }

    /// The smallest rectangle around the area's part in a scene of `(width, height)` pixels, as far as its
    /// corners tell; `None` when the area lies outside.
    #[must_use]
    pub fn bounding_rect(&self, scene: (u32, u32)) -> Option<Rect> {
        let all = Rect::new(0, 0, scene.0, scene.1);
        let boxes = self.polygons.iter().zip(&self.edges).filter(|(_, edges)| edges.touch(&all));
        let boxes: Vec<geo::Rect<f64>> = boxes.filter_map(|(polygon, _)| polygon.bounding_rect()).collect();
        let least = |of: fn(&geo::Rect<f64>) -> f64| boxes.iter().map(of).fold(f64::INFINITY, f64::min);
        let most = |of: fn(&geo::Rect<f64>) -> f64| boxes.iter().map(of).fold(f64::NEG_INFINITY, f64::max);
        let within = |value: f64, length: u32| value.clamp(0.0, f64::from(length)) as u32;
        let (left, top) = (least(|r| r.min().x).floor(), least(|r| r.min().y).floor());
        let (right, bottom) = (most(|r| r.max().x).ceil(), most(|r| r.max().y).ceil());
        let (x, y) = (within(left, scene.0), within(top, scene.1));
        let width = within(right, scene.0).saturating_sub(x);
        let height = within(bottom, scene.1).saturating_sub(y);
        (!boxes.is_empty() && width > 0 && height > 0).then(|| Rect::new(x, y, width, height))
    }
}

/// A closed ring through points in pixels.
pub(crate) fn ring(points: &[(f64, f64)]) -> Result<LineString<f64>, AreaError> {
    if points.iter().any(|(x, y)| !x.is_finite() || !y.is_finite()) {
        return Err(AreaError::NotFinite);
    }
    let near = |value: f64| value.clamp(-FARTHEST, FARTHEST);
    let mut corners: Vec<Coord<f64>> =
        points.iter().map(|&(x, y)| Coord { x: near(x), y: near(y) }).collect();
    corners.dedup();
    let flat = corners.first().is_none_or(|&first| {
        let other = corners.iter().find(|&&corner| corner != first).copied().unwrap_or(first);
        let (dx, dy) = (other.x - first.x, other.y - first.y);
        corners.iter().all(|corner| dx * (corner.y - first.y) == dy * (corner.x - first.x))
    });
    if flat {
        return Err(AreaError::Flat);
    }
    let mut ring = LineString::new(corners);
    ring.close();
    Ok(ring)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_touch_a_rectangle_with_their_inside() {
        let area = Area::rect(Rect::new(100, 100, 50, 50));
        for (window, touches) in [
            (Rect::new(120, 120, 8, 8), true),
            (Rect::new(0, 0, 500, 500), true),
            (Rect::new(0, 110, 500, 1), true),
            (Rect::new(149, 149, 9, 9), true),
            (Rect::new(100, 100, 50, 50), true),
            (Rect::new(150, 100, 50, 50), false),
            (Rect::new(50, 50, 50, 50), false),
            (Rect::new(100, 150, 50, 1), false),
            (Rect::new(120, 120, 0, 9), false),
        ] {
            assert_eq!(area.touches(&window), touches, "{window:?}");
        }
        assert!(!Area::rect(Rect::new(5, 5, 0, 0)).touches(&Rect::new(0, 0, 9, 9)));
    }

    #[test]
    fn a_window_belongs_where_its_middle_or_its_half_lies() {
        let area = Area::rect(Rect::new(100, 100, 50, 50));
        for (window, holds) in [
            (Rect::new(110, 110, 20, 20), true),
            (Rect::new(90, 110, 24, 24), true),
            (Rect::new(90, 110, 20, 20), true),
            (Rect::new(82, 110, 20, 20), false),
            (Rect::new(149, 149, 20, 20), false),
            (Rect::new(0, 0, 250, 250), true),
            (Rect::new(0, 0, 500, 500), false),
            (Rect::new(300, 300, 9, 9), false),
        ] {
            assert_eq!(area.holds(&window), holds, "{window:?}");
        }
        // The middle of a U is empty, and most of the window is in it.
        let u = [(0., 0.), (10., 0.), (10., 80.), (30., 80.), (30., 0.), (90., 0.), (90., 99.), (0., 99.)];
        let u = Area::polygon(&u).unwrap();
        assert!(u.holds(&Rect::new(0, 0, 40, 99)) && !u.holds(&Rect::new(5, 0, 30, 70)));
    }

    #[test]
    fn slanted_and_hollow_shapes_by_hand() {
        let triangle = Area::polygon(&[(0.0, 0.0), (100.0, 0.0), (0.0, 100.0)]).unwrap();
        assert!(triangle.touches(&Rect::new(40, 40, 20, 20)));
        assert!(!triangle.touches(&Rect::new(50, 50, 20, 20)), "they only share a corner");
        assert!(!triangle.touches(&Rect::new(80, 80, 20, 20)), "within the bounds, not in the triangle");
        // A U, open at the top, and a bow tie.
        let u = [(0., 0.), (10., 0.), (10., 80.), (90., 80.), (90., 0.), (100., 0.), (100., 99.), (0., 99.)];
        let u = Area::polygon(&u).unwrap();
        assert!(!u.touches(&Rect::new(10, 0, 80, 80)));
        assert!(u.touches(&Rect::new(10, 0, 80, 81)));
        let bow = Area::polygon(&[(0., 0.), (100., 100.), (100., 0.), (0., 100.)]).unwrap();
        assert!(bow.touches(&Rect::new(5, 45, 10, 10)) && bow.touches(&Rect::new(85, 45, 10, 10)));
        assert!(!bow.touches(&Rect::new(45, 5, 10, 10)));
    }

    #[test]
    fn a_union_is_looked_at_in_all_its_parts() {
        let area = Area::rect(Rect::new(0, 0, 10, 10)).union(Area::rect(Rect::new(100, 100, 10, 10)));
        assert!(area.touches(&Rect::new(5, 5, 9, 9)) && area.touches(&Rect::new(105, 105, 9, 9)));
        assert!(!area.touches(&Rect::new(50, 50, 9, 9)));
        assert_eq!(area.polygons().0.len(), 2);
        assert_eq!(area.bounding_rect((500, 500)), Some(Rect::new(0, 0, 110, 110)));
        assert_eq!(area.bounding_rect((50, 50)), Some(Rect::new(0, 0, 10, 10)));
    }

    #[test]
    fn bounds_are_whole_pixels_within_the_scene() {
        let area = Area::polygon(&[(-5.5, 2.5), (30.2, 3.0), (9.0, 40.0)]).unwrap();
        assert_eq!(area.bounding_rect((100, 100)), Some(Rect::new(0, 2, 31, 38)));
        assert_eq!(area.bounding_rect((20, 20)), Some(Rect::new(0, 2, 20, 18)));
        assert_eq!(Area::rect(Rect::new(50, 0, 9, 9)).bounding_rect((50, 50)), None);
        assert_eq!(area.bounding_rect((0, 9)), None);
    }

    #[test]
    fn what_is_no_area_is_told() {
        for points in
            [&[][..], &[(1.0, 1.0); 9], &[(0., 0.), (1., 1.), (0., 0.)], &[(0., 0.), (1., 1.), (2., 2.)]]
        {
            assert!(Area::polygon(points).unwrap_err().to_string().contains("three corners"), "{points:?}");
        }
        for odd in [f64::NAN, f64::INFINITY] {
            assert!(
                Area::polygon(&[(0.0, 0.0), (1.0, odd), (1.0, 0.0)])
                    .unwrap_err()
                    .to_string()
                    .contains("finite")
            );
        }
        let huge = Area::polygon(&[(-1e300, -1e300), (1e300, -1e300), (0.0, 1e300)]).unwrap();
        assert!(huge.touches(&Rect::new(0, 0, 8, 8)));
        assert_eq!(huge.bounding_rect((u32::MAX, 7)), Some(Rect::new(0, 0, u32::MAX, 7)));
    }
}

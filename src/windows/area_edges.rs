//! Whether a window and a polygon have an inside in common.

use geo::{BoundingRect, Coord, Line, Polygon};

use crate::raster::Rect;

/// The most bands that the edges of one polygon are sorted into.
const MOST_BANDS: usize = 256;

/// The edges of a polygon and of its holes, sorted into horizontal bands, so that a window is compared only
/// with those at its height. Coordinates are finite.
#[derive(Clone, Debug, PartialEq)]
pub struct PolygonEdges {
    bounds: geo::Rect<f64>,
    /// From the top; an edge stands in every band that it crosses.
    bands: Vec<Vec<Line<f64>>>,
}

impl PolygonEdges {
    /// `None` for a polygon without corners.
    pub fn new(polygon: &Polygon<f64>) -> Option<Self> {
        let bounds = polygon.bounding_rect()?;
        let rings = || std::iter::once(polygon.exterior()).chain(polygon.interiors());
        let count = rings().map(|ring| ring.0.len()).sum::<usize>();
        let mut edges = Self { bounds, bands: vec![Vec::new(); (count / 8).clamp(1, MOST_BANDS)] };
        for line in rings().flat_map(geo::LineString::lines) {
            let first = edges.band(line.start.y.min(line.end.y));
            let last = edges.band(line.start.y.max(line.end.y));
            edges.bands[first..=last].iter_mut().for_each(|band| band.push(line));
        }
        Some(edges)
    }

    /// The number of the band at a height; the first or last one for heights beyond the polygon.
    fn band(&self, y: f64) -> usize {
        let share = (y - self.bounds.min().y) / self.bounds.height();
        // A cast to an integer saturates, and takes what isn't a number for 0.
        ((share * self.bands.len() as f64) as usize).min(self.bands.len() - 1)
    }

    /// Whether a window has an inside in common with the polygon. Either an edge runs through the inside of
    /// the window, then the polygon lies on one side of it; or none does, then the window lies in the polygon
    /// as a whole or not at all, and its centre tells.
    pub fn touch(&self, window: &Rect) -> bool {
        let (left, top) = (f64::from(window.x), f64::from(window.y));
        let (right, bottom) = (f64::from(window.right()), f64::from(window.bottom()));
        let (min, max) = (self.bounds.min(), self.bounds.max());
        let empty = |from: f64, to: f64| from >= to;
        if empty(left.max(min.x), right.min(max.x)) || empty(top.max(min.y), bottom.min(max.y)) {
            return false;
        }
        let inside = geo::Rect::new((left, top), (right, bottom));
        let bands = &self.bands[self.band(top)..=self.band(bottom)];
        bands.iter().flatten().any(|edge| runs_through(edge, &inside)) || self.contains(inside.center())
    }

    /// Whether a point lies in the polygon: a line from it to the right crosses an odd number of edges.
    pub fn contains(&self, point: Coord<f64>) -> bool {
        let crossed = |edge: &&Line<f64>| {
            let (start, end) = (edge.start, edge.end);
            (start.y > point.y) != (end.y > point.y)
                && point.x < start.x + (point.y - start.y) / (end.y - start.y) * (end.x - start.x)
        };
        self.bands[self.band(point.y)].iter().filter(crossed).count() % 2 == 1
    }
}

/// Whether an edge has a point within a rectangle, its outline left out (Liang and Barsky 1984).
fn runs_through(edge: &Line<f64>, rect: &geo::Rect<f64>) -> bool {
    // The part of the edge within the rectangle, from 0 at its start to 1 at its end.
    let (mut from, mut to) = (0.0_f64, 1.0_f64);
    for (start, way, least, most) in [
        (edge.start.x, edge.dx(), rect.min().x, rect.max().x),
        (edge.start.y, edge.dy(), rect.min().y, rect.max().y),
    ] {
        if way == 0.0 {
            if start <= least || start >= most {
                return false;
            }
            continue;
        }
        let (a, b) = ((least - start) / way, (most - start) / way);
        from = from.max(a.min(b));
        to = to.min(a.max(b));
    }
    from < to
}

#[cfg(test)]
mod tests {
    use geo::LineString;
    use rand::rngs::StdRng;
    use rand::{RngExt, SeedableRng};

    use super::*;

    #[test]
    fn it_agrees_with_a_look_at_every_pixel() {
        let mut rng = StdRng::seed_from_u64(17);
        let mut seen = [0, 0];
        for corners in [3, 5, 12, 60, 400] {
            // A star with a hole of the same shape; whole coordinates, so that pixels are clear cut at edges.
            let star = |scale: f64, radii: &[f64]| {
                let corner = |(number, radius): (usize, &f64)| {
                    let angle = number as f64 / f64::from(corners) * std::f64::consts::TAU;
                    (100.0 + scale * radius * angle.cos(), 100.0 + scale * radius * angle.sin())
                };
                LineString::from(radii.iter().enumerate().map(corner).collect::<Vec<_>>())
            };
            let radii: Vec<f64> = (0..corners).map(|_| rng.random_range(60.0..95.0)).collect();
            let polygon = Polygon::new(star(1.0, &radii), vec![star(0.4, &radii)]);
            let edges = PolygonEdges::new(&polygon).unwrap();
            for _ in 0..300 {
                let side = rng.random_range(1..40);
                let window = Rect::new(rng.random_range(0..200), rng.random_range(0..200), side, side);
                // Sample points in the window, by geo's own test.
                let sample = |n: u32| f64::from(n) / 16.0 * f64::from(side) + f64::from(side) / 32.0;
                let hit = (0..16 * 16).any(|n| {
                    let x = f64::from(window.x) + sample(n % 16);
                    let y = f64::from(window.y) + sample(n / 16);
                    geo::Contains::contains(&polygon, &geo::Point::new(x, y))
                });
                let touch = edges.touch(&window);
                assert!(touch || !hit, "{window:?} lies in the area");
                // A sliver may lie between the sample points, a large common part can't.
                let common = geo::BooleanOps::intersection(&polygon, &pixels(&window));
                assert_eq!(touch, geo::Area::unsigned_area(&common) > 1e-9, "{window:?}");
                seen[usize::from(touch)] += 1;
            }
        }
        assert!(seen[0] > 100 && seen[1] > 100, "{seen:?}");
    }

    fn pixels(window: &Rect) -> Polygon<f64> {
        let corner = |x: u32, y: u32| (f64::from(x), f64::from(y));
        geo::Rect::new(corner(window.x, window.y), corner(window.right(), window.bottom())).to_polygon()
    }

    #[test]
    fn an_edge_along_the_outline_runs_through_nothing() {
        let rect = geo::Rect::new((0.0, 0.0), (10.0, 10.0));
        let line = |a: (f64, f64), b: (f64, f64)| runs_through(&Line::new(a, b), &rect);
        assert!(line((-5.0, 5.0), (15.0, 5.0)));
        assert!(line((4.0, 4.0), (5.0, 5.0)));
        assert!(line((10.0, 5.0), (5.0, 10.0)));
        assert!(!line((0.0, 0.0), (10.0, 0.0)));
        assert!(!line((-5.0, 5.0), (0.0, 5.0)));
        assert!(!line((-10.0, 10.0), (10.0, -10.0)));
        assert!(!line((20.0, 0.0), (20.0, 10.0)));
    }
}

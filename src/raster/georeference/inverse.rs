//! From the globe back to pixels.

use super::{Georeference, Placement, next_to};

/// The most steps. Maps are nearly linear over a scene, so that three or four are enough.
const STEPS: usize = 25;
/// The tolerance, in pixels.
const CLOSE: f64 = 1e-4;
/// If a position comes back further away than this, in degrees, it isn't on the map.
const SAME: f64 = 1e-5;

impl Georeference {
    /// The pixel position of a longitude and latitude in degrees (WGS84); it may lie outside of a scene of
    /// `width` x `height` pixels. `None` where the way there is not known, or leads nowhere.
    pub fn pixel(&self, lon: f64, lat: f64, size: (u32, u32)) -> Option<(f64, f64)> {
        if !lon.is_finite() || !lat.is_finite() {
            return None;
        }
        if let (Some(Placement::Affine(affine)), Some(globe)) = (&self.placement, &self.globe) {
            let (x, y) = globe.position(lon, lat)?;
            let (x, y) = affine.pixel(x, y);
            let (back_lon, back_lat) = self.lon_lat(x, y)?;
            // At a pole any longitude is the same place.
            let cosine = lat.to_radians().cos();
            let same =
                ((next_to(lon, back_lon) - lon) * cosine).abs() < SAME && (back_lat - lat).abs() < SAME;
            return same.then_some((x, y));
        }
        search(size, (lon, lat), |x, y| self.lon_lat(x, y), next_to)
    }

    /// The pixel position of a map position, as [`pixel`](Self::pixel).
    pub fn pixel_on_map(&self, x: f64, y: f64, size: (u32, u32)) -> Option<(f64, f64)> {
        if !x.is_finite() || !y.is_finite() {
            return None;
        }
        match self.placement.as_ref()? {
            Placement::Affine(affine) => Some(affine.pixel(x, y)),
            Placement::Fit(_) | Placement::Rpc(_) => {
                search(size, (x, y), |column, row| self.map(column, row), |_, x| x)
            }
        }
    }
}

/// Where `place` is `wanted`, by Newton's method from the middle of the scene. `near` is the second of two
/// first coordinates as it is written next to the first.
fn search(
    (width, height): (u32, u32),
    wanted: (f64, f64),
    place: impl Fn(f64, f64) -> Option<(f64, f64)>,
    near: impl Fn(f64, f64) -> f64,
) -> Option<(f64, f64)> {
    let (mut x, mut y) = (f64::from(width) / 2.0, f64::from(height) / 2.0);
    for _ in 0..STEPS {
        let here = place(x, y)?;
        let from_here = |other: (f64, f64)| (near(here.0, other.0) - here.0, other.1 - here.1);
        let ((a, b), (c, d)) = (from_here(place(x + 1.0, y)?), from_here(place(x, y + 1.0)?));
        let (east, north) = from_here(wanted);
        let determinant = a * d - b * c;
        let (right, down) = ((d * east - c * north) / determinant, (a * north - b * east) / determinant);
        if !right.is_finite() || !down.is_finite() {
            return None;
        }
        (x, y) = (x + right, y + down);
        if right.abs().max(down.abs()) < CLOSE {
            return Some((x, y));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::raster::georeference::{Affine, Crs};

    fn placed(code: u32, numbers: [f64; 6], size: (u32, u32)) -> Georeference {
        Georeference::new(Affine::new(numbers), Some(Crs::of_code("EPSG", code))).unwrap().with_globe(size)
    }

    #[test]
    fn places_come_back_to_their_pixels() {
        for (epsg, numbers) in [
            (32633, [500_000.0, 10.0, 0.0, 5_000_000.0, 0.0, -10.0]),
            (3857, [1e6, 3.0, 1.0, 6e6, 0.5, -3.0]),
            (4326, [179.9, 1e-4, 0.0, -16.0, 0.0, -1e-4]),
            (27572, [600_000.0, 5.0, 0.0, 2_430_000.0, 0.0, -5.0]),
        ] {
            let georeference = placed(epsg, numbers, (6000, 8000));
            for (x, y) in [(0.0, 0.0), (5000.0, 12.5), (-300.0, 9000.0)] {
                let (lon, lat) = georeference.lon_lat(x, y).unwrap();
                let (back_x, back_y) = georeference.pixel(lon, lat, (6000, 8000)).unwrap();
                assert!((back_x - x).hypot(back_y - y) < 0.01, "{epsg}: {back_x}, {back_y} is not {x}, {y}");
            }
            assert!(georeference.pixel(f64::NAN, 0.0, (6000, 8000)).is_none());
        }
        let unplaced =
            Georeference::new(None, Some(Crs::of_code("EPSG", 4326))).unwrap().with_globe((10, 10));
        assert!(unplaced.pixel(1.0, 2.0, (10, 10)).is_none());
    }

    #[test]
    fn of_all_turns_the_one_in_the_scene_counts() {
        let size = (100, 100);
        for (code, west, width) in [(4326, 170.0, 0.2), (3857, 18_924_313.4, 22263.9)] {
            let scene = placed(code, [west, width, 0.0, 0.0, 0.0, -width], size);
            // 175 degrees east and west, which lie on both sides of the antimeridian.
            let (a, _) = scene.pixel(175.0, -1.0, size).unwrap();
            let (b, _) = scene.pixel(-175.0, -1.0, size).unwrap();
            assert!((a - 25.0).abs() < 0.1 && (b - 75.0).abs() < 0.1, "{code}: {a} {b}");
        }
        // The middle lies a hair before the edge of the map, or behind it; of the other map that is 30
        // degrees west.
        for (code, edge) in [(3857, 180.0), (3832, -30.0)] {
            for hair in [-1e-4, 1e-4] {
                let west = std::f64::consts::PI * 6_378_137.0 - 50.0 * 22263.9 + hair * 1e5;
                let scene = placed(code, [west, 22263.9, 0.0, 0.0, 0.0, -22263.9], size);
                let (a, _) = scene.pixel(edge - 5.0, -1.0, size).unwrap();
                let (b, _) =
                    scene.pixel(crate::raster::georeference::normalise(edge + 5.0), -1.0, size).unwrap();
                assert!((a - 25.0).abs() < 0.1 && (b - 75.0).abs() < 0.1, "{code}: {a} {b}");
            }
        }
        // Longitudes from 0 to 360.
        let world = placed(4326, [0.0, 1.0, 0.0, 90.0, 0.0, -1.0], (360, 180));
        assert_eq!(world.pixel(-90.0, 0.0, (360, 180)), Some((270.0, 90.0)));
        assert_eq!(world.lon_lat(270.0, 90.0), Some((-90.0, 0.0)));
    }

    #[test]
    fn what_the_map_does_not_have_is_nowhere() {
        let scene = placed(32633, [500_000.0, 10.0, 0.0, 5_000_000.0, 0.0, -10.0], (100, 100));
        assert!(scene.pixel(15.0, 91.0, (100, 100)).is_none());
        let far = scene.pixel(-165.0, 10.0, (100, 100));
        assert!(far.is_none_or(|(x, y)| x.abs().max(y.abs()) > 1e4), "{far:?}");
    }
}

//! From the globe back to pixels.

use super::{Georeference, next_to};

/// Steps at most. Maps are nearly flat over a scene, so that three or four are enough.
const STEPS: usize = 25;
/// Close enough, in pixels.
const CLOSE: f64 = 1e-4;

impl Georeference {
    /// The pixel position of a longitude and latitude in degrees (WGS84), by Newton's method from the middle of a scene
    /// of `width` x `height` pixels. `None` where the way there is not known, or leads nowhere.
    pub fn pixel(&self, lon: f64, lat: f64, (width, height): (u32, u32)) -> Option<(f64, f64)> {
        if !lon.is_finite() || !lat.is_finite() {
            return None;
        }
        let (mut x, mut y) = (f64::from(width) / 2.0, f64::from(height) / 2.0);
        for _ in 0..STEPS {
            let (here_lon, here_lat) = self.lon_lat(x, y)?;
            let step = |x: f64, y: f64| {
                let (other_lon, other_lat) = self.lon_lat(x, y)?;
                Some((next_to(here_lon, other_lon) - here_lon, other_lat - here_lat))
            };
            let ((a, b), (c, d)) = (step(x + 1.0, y)?, step(x, y + 1.0)?);
            let (east, north) = (next_to(here_lon, lon) - here_lon, lat - here_lat);
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
}

#[cfg(test)]
mod tests {
    use super::super::{Affine, Crs};
    use super::*;

    #[test]
    fn places_come_back_to_their_pixels() {
        for (epsg, numbers) in [
            (32633, [500_000.0, 10.0, 0.0, 5_000_000.0, 0.0, -10.0]),
            (3857, [1e6, 3.0, 1.0, 6e6, 0.5, -3.0]),
            (4326, [179.9, 1e-4, 0.0, -16.0, 0.0, -1e-4]),
        ] {
            let affine = Affine::new(numbers);
            let georeference = Georeference::new(affine, Some(Crs::new(Some(epsg), None))).unwrap();
            for (x, y) in [(0.0, 0.0), (5000.0, 12.5), (-300.0, 9000.0)] {
                let (lon, lat) = georeference.lon_lat(x, y).unwrap();
                let (back_x, back_y) = georeference.pixel(lon, lat, (6000, 8000)).unwrap();
                assert!((back_x - x).hypot(back_y - y) < 0.01, "{epsg}: {back_x}, {back_y} is not {x}, {y}");
            }
            assert!(georeference.pixel(f64::NAN, 0.0, (6000, 8000)).is_none());
        }
        let unplaced = Georeference::new(None, Some(Crs::new(Some(4326), None))).unwrap();
        assert!(unplaced.pixel(1.0, 2.0, (10, 10)).is_none());
    }
}

//! The affine transform from pixels to the map: six numbers, in GDAL's order.

#![allow(clippy::many_single_char_names, reason = "the six numbers of an affine map have no other names")]

use geotiff_reader::transform::GeoTransform;

/// `x = a + b * column + c * row` and `y = d + e * column + f * row`, where (0, 0) is the top left corner of
/// the top left pixel. It always has an inverse, so all six are finite and pixels have an area.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::raster) struct Affine([f64; 6]);

impl Affine {
    /// From GDAL's six numbers; `None` if they map all pixels to one line, or aren't finite.
    pub fn new(numbers: [f64; 6]) -> Option<Self> {
        let affine = Self(numbers);
        let determinant = affine.determinant();
        (numbers.iter().all(|number| number.is_finite()) && determinant.is_finite() && determinant != 0.0)
            .then_some(affine)
    }

    pub fn from_geotiff(transform: &GeoTransform) -> Option<Self> {
        Self::new([
            transform.origin_x,
            transform.pixel_width,
            transform.skew_x,
            transform.origin_y,
            transform.skew_y,
            transform.pixel_height,
        ])
    }

    /// From six numbers that refer to the centre of the top left pixel.
    pub fn from_centre([a, b, c, d, e, f]: [f64; 6]) -> Option<Self> {
        Self::new([a - f64::midpoint(b, c), b, c, d - f64::midpoint(e, f), e, f])
    }

    pub fn map(self, x: f64, y: f64) -> (f64, f64) {
        let [a, b, c, d, e, f] = self.0;
        (a + b * x + c * y, d + e * x + f * y)
    }

    /// The pixel position of a map position.
    pub fn pixel(self, x: f64, y: f64) -> (f64, f64) {
        let [a, b, c, d, e, f] = self.0;
        let (x, y, determinant) = (x - a, y - d, self.determinant());
        ((f * x - c * y) / determinant, (b * y - e * x) / determinant)
    }

    fn determinant(self) -> f64 {
        let [_, b, c, _, e, f] = self.0;
        b * f - c * e
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        let affine = Affine::new([100.0, 8.0, 3.0, 50.0, 2.0, -9.0]).unwrap();
        let (x, y) = affine.map(4.5, 7.25);
        let (column, row) = affine.pixel(x, y);
        assert!((column - 4.5).abs() < 1e-9 && (row - 7.25).abs() < 1e-9);
    }

    #[test]
    fn pixels_without_an_area_are_no_map() {
        assert_eq!(Affine::new([0.0, 1.0, 2.0, 0.0, 2.0, 4.0]), None);
        assert_eq!(Affine::new([f64::NAN, 1.0, 0.0, 0.0, 0.0, -1.0]), None);
    }
}

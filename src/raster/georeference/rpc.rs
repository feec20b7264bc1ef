//! Rational polynomial coefficients (RPC): where a camera in space saw a place, and from there back to the
//! ground.
//!
//! RPC00B of STDI-0002. The way from a pixel to the ground asks for a height; it is taken as the one around
//! which the coefficients were made, so that what lies higher or lower is placed beside where it is.

use super::ground_distance::metres;

/// Terms of each polynomial.
const TERMS: usize = 20;
/// The most steps of the inversion; four or five are enough.
const STEPS: usize = 30;
/// The tolerance, in pixels.
const CLOSE: f64 = 1e-4;
/// Beyond this multiple of their range, the coefficients are meaningless.
const FARTHEST: f64 = 8.0;

/// One coordinate in the image: a quotient of two polynomials of longitude, latitude and height.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::raster) struct Ratio {
    pub offset: f64,
    pub scale: f64,
    pub numerator: [f64; TERMS],
    pub denominator: [f64; TERMS],
}

/// What is taken off a number before it is divided by a scale.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::raster) struct Range {
    pub offset: f64,
    pub scale: f64,
}

/// The coefficients of an image, in pixels whose whole numbers are centres, degrees (WGS 84) and metres above
/// the ellipsoid.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::raster) struct Rpc {
    pub line: Ratio,
    pub sample: Ratio,
    pub lat: Range,
    pub lon: Range,
    pub height: Range,
    /// The error of the coefficients themselves, in metres, if given.
    pub bias: Option<f64>,
    /// The sidecar file that they come from, if any.
    pub file: Option<String>,
}

impl Rpc {
    /// `None` if numbers are invalid.
    pub fn checked(self) -> Option<Self> {
        let ratios = [&self.line, &self.sample];
        let all = ratios.iter().flat_map(|ratio| {
            let numbers = ratio.numerator.iter().chain(&ratio.denominator);
            numbers.chain([&ratio.offset, &ratio.scale])
        });
        let ranges = [self.lat, self.lon, self.height];
        let finite = all
            .copied()
            .chain(ranges.iter().flat_map(|range| [range.offset, range.scale]))
            .all(f64::is_finite);
        let scales = ratios.iter().map(|ratio| ratio.scale).chain(ranges.iter().map(|range| range.scale));
        let on_earth = self.lat.offset.abs() <= 90.0 && self.lon.offset.abs() <= 360.0;
        let real = ratios.iter().all(|ratio| ratio.denominator.iter().any(|number| *number != 0.0));
        let works = finite && on_earth && real && { scales }.all(|scale| scale != 0.0);
        (works && self.place(self.sample.offset, self.line.offset, self.height.offset).is_some())
            .then_some(self)
    }

    /// Longitude and latitude of a pixel position (0, 0 = top left corner of the top left pixel).
    pub fn lon_lat(&self, x: f64, y: f64) -> Option<(f64, f64)> {
        self.place(x - 0.5, y - 0.5, self.height.offset)
    }

    /// How far the scene may lie off, in metres: the coefficients' own error, and what the terrain's height
    /// makes of the direction from which it was seen, about as far up and down as the coefficients reach.
    pub fn error(&self) -> f64 {
        let (column, row) = (self.sample.offset, self.line.offset);
        let at = |height: f64| self.place(column, row, self.height.offset + height);
        let reach = self.height.scale.abs().min(1000.0);
        let shift = at(reach).zip(at(-reach)).map_or(0.0, |(up, down)| metres(down, up) / 2.0);
        self.bias.map_or(10.0, f64::abs) + shift
    }

    /// A description for the user.
    pub fn note(&self) -> String {
        let from = self.file.as_ref().map(|file| format!(" of {file}")).unwrap_or_default();
        format!(
            "placed by the rational polynomial coefficients{from} at a height of {:.0} m, within about {:.0} m where the \
             ground is higher or lower",
            self.height.offset,
            self.error().ceil().max(1.0)
        )
    }

    /// Inverts the polynomials by Newton's method, from the middle of the range.
    fn place(&self, column: f64, row: f64, height: f64) -> Option<(f64, f64)> {
        let h = (height - self.height.offset) / self.height.scale;
        let (mut l, mut p) = (0.0, 0.0);
        for _ in 0..STEPS {
            let here = self.project(l, p, h);
            let step = 1e-6;
            let (east, north) = (self.project(l + step, p, h), self.project(l, p + step, h));
            let slope = |there: (f64, f64)| ((there.0 - here.0) / step, (there.1 - here.1) / step);
            let ((a, c), (b, d)) = (slope(east), slope(north));
            let (column, row) = (column - here.0, row - here.1);
            let determinant = a * d - b * c;
            let (dl, dp) = ((d * column - b * row) / determinant, (a * row - c * column) / determinant);
            if !dl.is_finite() || !dp.is_finite() {
                return None;
            }
            if column.hypot(row) < CLOSE {
                break;
            }
            (l, p) = (l + dl, p + dp);
            if l.abs().max(p.abs()) > FARTHEST {
                return None;
            }
        }
        let there = self.project(l, p, h);
        let close = (there.0 - column).hypot(there.1 - row) < 0.01;
        let (lon, lat) = (l * self.lon.scale + self.lon.offset, p * self.lat.scale + self.lat.offset);
        (close && lat.abs() <= 90.0).then_some((lon, lat))
    }

    /// Column and row of a place in the coefficients' own range.
    fn project(&self, l: f64, p: f64, h: f64) -> (f64, f64) {
        let terms = [
            1.0,
            l,
            p,
            h,
            l * p,
            l * h,
            p * h,
            l * l,
            p * p,
            h * h,
            l * p * h,
            l * l * l,
            l * p * p,
            l * h * h,
            l * l * p,
            p * p * p,
            p * h * h,
            l * l * h,
            p * p * h,
            h * h * h,
        ];
        let sum = |factors: &[f64; TERMS]| factors.iter().zip(terms).map(|(f, t)| f * t).sum::<f64>();
        let at = |ratio: &Ratio| sum(&ratio.numerator) / sum(&ratio.denominator) * ratio.scale + ratio.offset;
        (at(&self.sample), at(&self.line))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    fn terms(numbers: &[(usize, f64)]) -> [f64; TERMS] {
        let mut terms = [0.0; TERMS];
        for (index, number) in numbers {
            terms[*index] = *number;
        }
        terms
    }

    /// 60 x 40 pixels around a place; a metre of height is 0.1 pixels.
    pub fn example() -> Rpc {
        let one = terms(&[(0, 1.0)]);
        Rpc {
            line: Ratio {
                offset: 20.0,
                scale: 20.0,
                numerator: terms(&[(2, -1.0), (4, 0.01)]),
                denominator: one,
            },
            sample: Ratio {
                offset: 30.0,
                scale: 30.0,
                numerator: terms(&[(1, 1.0), (3, 1.0)]),
                denominator: terms(&[(0, 1.0), (1, 0.001)]),
            },
            lat: Range { offset: 30.33, scale: 0.01 },
            lon: Range { offset: -81.66, scale: 0.015 },
            height: Range { offset: 10.0, scale: 300.0 },
            bias: Some(1.0),
            file: None,
        }
    }

    #[test]
    fn there_and_back() {
        let rpc = example().checked().unwrap();
        for (x, y) in [(30.5, 20.5), (0.0, 0.0), (60.0, 40.0)] {
            let (lon, lat) = rpc.lon_lat(x, y).unwrap();
            let (l, p) = ((lon - rpc.lon.offset) / rpc.lon.scale, (lat - rpc.lat.offset) / rpc.lat.scale);
            let (column, row) = rpc.project(l, p, 0.0);
            assert!((column + 0.5 - x).hypot(row + 0.5 - y) < 1e-3, "{column} {row}");
        }
        assert_eq!(rpc.lon_lat(30.5, 20.5).unwrap(), (-81.66, 30.33));
        assert!(rpc.lon_lat(1e6, 0.0).is_none());
    }

    #[test]
    fn height_is_what_it_may_be_wrong_by() {
        // 300 m of height are 30 pixels of 48 m.
        let error = example().error();
        assert!((1300.0..1600.0).contains(&error), "{error}");
    }

    #[test]
    fn what_makes_no_sense_is_nothing() {
        for spoil in [
            |rpc: &mut Rpc| rpc.line.scale = 0.0,
            |rpc: &mut Rpc| rpc.line.numerator = [0.0; TERMS],
            |rpc: &mut Rpc| rpc.sample.denominator = [0.0; TERMS],
            |rpc: &mut Rpc| rpc.lat.offset = f64::NAN,
            |rpc: &mut Rpc| rpc.lat.offset = 95.0,
        ] {
            let mut rpc = example();
            spoil(&mut rpc);
            assert!(rpc.checked().is_none());
        }
    }
}

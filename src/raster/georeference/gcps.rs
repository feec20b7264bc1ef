//! Ground control points: pixels with known map positions, and the polynomial that fits them best.
//!
//! As GDAL does it: a plane (order 1) through fewer than six points, a polynomial of order 2 through more.
//! What lies between the points is a guess, so a scene placed by them is approximate.

#![allow(clippy::many_single_char_names, reason = "the six numbers of an affine map have no other names")]

/// A pixel position and its map position.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::raster) struct Gcp {
    pub column: f64,
    pub row: f64,
    pub x: f64,
    pub y: f64,
}

/// Terms of a polynomial of order 2: 1, u, v, u^2, uv, v^2.
const TERMS: usize = 6;

/// The most points that are used; more would add nothing.
const MOST_POINTS: usize = 1 << 20;

/// The polynomial that fits the points best, in the sense of least squares.
#[derive(Clone, Debug)]
pub(in crate::raster) struct Fit {
    points: usize,
    order: usize,
    /// Pixels are shifted and scaled to about -1 to 1, where squares stay small.
    centre: (f64, f64),
    scale: (f64, f64),
    x: [f64; TERMS],
    y: [f64; TERMS],
    /// How far the points lie from where the polynomial puts them: root mean square, in pixels.
    residual: f64,
}

impl Fit {
    /// `turn`: where the places are longitudes and latitudes, how many of their unit go around the earth, so
    /// that points across the antimeridian belong together. `order`: that of the polynomial, where somebody
    /// asks for one.
    pub fn new(points: &[Gcp], turn: Option<f64>, order: Option<usize>) -> Option<Self> {
        let mut points: Vec<Gcp> = points.iter().copied().take(MOST_POINTS).collect();
        points.retain(|point| {
            [point.column, point.row, point.x, point.y].iter().all(|number| number.is_finite())
        });
        if let Some(turn) = turn {
            let quarter = turn / 4.0;
            let west_and_east = points.iter().any(|p| p.x > quarter) && points.iter().any(|p| p.x < -quarter);
            if west_and_east && !points.iter().any(|point| point.x.abs() <= quarter) {
                points.iter_mut().filter(|point| point.x < 0.0).for_each(|point| point.x += turn);
            }
        }
        let most = if points.len() >= TERMS { 2 } else { 1 };
        let order = order.unwrap_or(most).clamp(1, most);
        // Points in only two rows don't determine the squares.
        Self::of_order(&points, order).or_else(|| Self::of_order(&points, 1))
    }

    fn of_order(points: &[Gcp], order: usize) -> Option<Self> {
        let terms = if order == 2 { TERMS } else { 3 };
        if points.len() < terms {
            return None;
        }
        let (column, width) = middle(points.iter().map(|point| point.column))?;
        let (row, height) = middle(points.iter().map(|point| point.row))?;
        let (x, _) = middle(points.iter().map(|point| point.x))?;
        let (y, _) = middle(points.iter().map(|point| point.y))?;
        let mut fit = Self {
            points: points.len(),
            order,
            centre: (column, row),
            scale: (width, height),
            x: [0.0; TERMS],
            y: [0.0; TERMS],
            residual: 0.0,
        };
        let mut matrix = [[0.0; TERMS + 2]; TERMS];
        for point in points {
            let powers = fit.powers(point.column, point.row);
            for (row, power) in matrix.iter_mut().zip(powers).take(terms) {
                for (cell, other) in row.iter_mut().zip(powers) {
                    *cell += power * other;
                }
                row[TERMS] += power * (point.x - x);
                row[TERMS + 1] += power * (point.y - y);
            }
        }
        let solution = solve(&mut matrix, terms)?;
        for (index, [along_x, along_y]) in solution.into_iter().enumerate().take(terms) {
            *fit.x.get_mut(index)? = along_x;
            *fit.y.get_mut(index)? = along_y;
        }
        fit.x[0] += x;
        fit.y[0] += y;
        fit.residual = fit.residual(points)?;
        Some(fit)
    }

    pub fn map(&self, column: f64, row: f64) -> (f64, f64) {
        let powers = self.powers(column, row);
        let sum = |factors: &[f64; TERMS]| factors.iter().zip(powers).map(|(f, p)| f * p).sum();
        (sum(&self.x), sum(&self.y))
    }

    /// A description for the user: what the fit is based on, and how good it is.
    pub fn note(&self) -> String {
        let shape = if self.order == 2 { "a polynomial of order 2" } else { "a plane" };
        format!(
            "placed by {} ground control points and {shape} through them, which misses them by {:.2} pixels (root \
             mean square)",
            self.points, self.residual
        )
    }

    fn powers(&self, column: f64, row: f64) -> [f64; TERMS] {
        let u = (column - self.centre.0) / self.scale.0;
        let v = (row - self.centre.1) / self.scale.1;
        [1.0, u, v, u * u, u * v, v * v]
    }

    /// Differences on the map, turned into pixels with the polynomial's slopes at each point.
    fn residual(&self, points: &[Gcp]) -> Option<f64> {
        let mut sum = 0.0;
        for point in points {
            let (x, y) = self.map(point.column, point.row);
            let (left, right) =
                (self.map(point.column - 0.5, point.row), self.map(point.column + 0.5, point.row));
            let (up, down) =
                (self.map(point.column, point.row - 0.5), self.map(point.column, point.row + 0.5));
            let (b, e) = (right.0 - left.0, right.1 - left.1);
            let (c, f) = (down.0 - up.0, down.1 - up.1);
            let determinant = b * f - c * e;
            let (x, y) = (point.x - x, point.y - y);
            let (column, row) = ((f * x - c * y) / determinant, (b * y - e * x) / determinant);
            sum += column * column + row * row;
        }
        let residual = (sum / points.len() as f64).sqrt();
        residual.is_finite().then_some(residual)
    }
}

/// The middle of some numbers, and half of their range.
fn middle(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    let (low, high) = values
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
    let (middle, half) = (f64::midpoint(low, high), (high - low) / 2.0);
    (middle.is_finite() && half.is_finite()).then_some((middle, half.max(f64::MIN_POSITIVE)))
}

/// Gaussian elimination with pivoting, for two right-hand sides at once. `None` if the points don't determine
/// a solution.
fn solve(matrix: &mut [[f64; TERMS + 2]; TERMS], terms: usize) -> Option<[[f64; 2]; TERMS]> {
    let largest = matrix.iter().flatten().fold(0.0, |largest: f64, cell| largest.max(cell.abs()));
    let diagonal = matrix[0][0];
    for step in 0..terms {
        let pivot = (step..terms).max_by(|&a, &b| {
            let size = |row: usize| matrix.get(row).and_then(|row| row.get(step)).map_or(0.0, |v| v.abs());
            size(a).total_cmp(&size(b))
        })?;
        matrix.swap(step, pivot);
        let row = *matrix.get(step)?;
        let head = *row.get(step)?;
        if !largest.is_finite() || head.abs() <= diagonal * 1e-10 {
            return None;
        }
        for (index, other) in matrix.iter_mut().enumerate().take(terms) {
            if index == step {
                continue;
            }
            let factor = *other.get(step)? / head;
            for (cell, value) in other.iter_mut().zip(row) {
                *cell -= factor * value;
            }
        }
    }
    let mut solution = [[0.0; 2]; TERMS];
    for (index, out) in solution.iter_mut().enumerate().take(terms) {
        let row = matrix.get(index)?;
        let head = row.get(index)?;
        *out = [row[TERMS] / head, row[TERMS + 1] / head];
    }
    Some(solution)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid(columns: u32, rows: u32, place: impl Fn(f64, f64) -> (f64, f64)) -> Vec<Gcp> {
        let points = (0..rows).flat_map(|row| (0..columns).map(move |column| (column, row)));
        points
            .map(|(column, row)| {
                let (column, row) = (f64::from(column) * 100.0, f64::from(row) * 100.0);
                let (x, y) = place(column, row);
                Gcp { column, row, x, y }
            })
            .collect()
    }

    #[test]
    fn a_polynomial_is_found_again() {
        let place = |c: f64, r: f64| {
            (5e5 + 10.0 * c + 0.5 * r + 1e-4 * c * c, 4e6 + 0.3 * c - 9.0 * r + 2e-4 * c * r)
        };
        let fit = Fit::new(&grid(5, 4, place), None, None).unwrap();
        let (found, expected) = (fit.map(123.4, 56.7), place(123.4, 56.7));
        assert!((found.0 - expected.0).abs() < 1e-6 && (found.1 - expected.1).abs() < 1e-6);
        assert!(fit.residual < 1e-6 && fit.note().contains("20 ground control points"), "{}", fit.note());
    }

    #[test]
    fn few_points_are_a_plane_and_points_on_a_line_are_nothing() {
        let fit = Fit::new(&grid(2, 2, |c, r| (c + r, c - r)), None, None).unwrap();
        assert_eq!(fit.order, 1);
        assert_eq!(Fit::new(&grid(2, 3, |c, r| (c + r, c - r)), None, None).unwrap().order, 1);
        assert!(Fit::new(&grid(9, 1, |c, r| (c, r)), None, None).is_none());
        assert!(Fit::new(&grid(1, 1, |c, r| (c, r)), None, None).is_none());
        assert!(Fit::new(&grid(3, 3, |_, _| (4.0, 4.0)), None, None).is_none());
    }

    #[test]
    fn degrees_across_the_antimeridian_belong_together() {
        let place = |c: f64, r: f64| {
            let lon = 179.0 + c / 100.0;
            (if lon > 180.0 { lon - 360.0 } else { lon }, 10.0 - r / 100.0)
        };
        let fit = Fit::new(&grid(4, 4, place), Some(360.0), None).unwrap();
        assert!((fit.map(200.0, 0.0).0 - 181.0).abs() < 1e-9);
    }

    #[test]
    fn the_residual_is_in_pixels() {
        let mut points = grid(2, 2, |c, r| (10.0 * c, -10.0 * r));
        // Moves one corner by two pixels: the plane misses each corner by half a pixel.
        points[3].x += 20.0;
        assert!((Fit::new(&points, None, None).unwrap().residual - 0.5).abs() < 0.01);
    }
}

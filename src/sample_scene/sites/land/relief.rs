//! Heights on a square grid around a plot's middle, how water carves them, and how the sun lights them.

use crate::random::hash;

/// Heights in metres, row by row, and how far apart they lie.
pub struct Relief {
    side: usize,
    /// Metres between neighbours.
    step: f32,
    /// From the middle to the edge, in metres.
    reach: f32,
    heights: Vec<f32>,
}

/// What the ground is like at a place.
#[derive(Clone, Copy, Debug)]
pub struct Slope {
    pub height: f32,
    /// How much it rises for each metre along x and along y.
    pub rise: (f32, f32),
}

impl Relief {
    /// `height` is asked for places in metres from the middle.
    pub fn new(side: usize, reach: f32, height: impl Fn(f32, f32) -> f32) -> Self {
        let side = side.max(4);
        let step = 2.0 * reach / (side - 1) as f32;
        let at = |index: usize| index as f32 * step - reach;
        let heights = (0..side * side).map(|index| height(at(index % side), at(index / side))).collect();
        Self { side, step, reach, heights }
    }

    /// The ground at a place, between the heights of the grid.
    pub fn at(&self, x: f32, y: f32) -> Slope {
        let last = (self.side - 2) as f32;
        let (column, row) = ((x + self.reach) / self.step, (y + self.reach) / self.step);
        let (column, row) = (column.clamp(1.0, last - 0.01), row.clamp(1.0, last - 0.01));
        let (left, top) = (column as usize, row as usize);
        let (along, down) = (column - left as f32, row - top as f32);
        let height = |column: usize, row: usize| self.heights[row * self.side + column];
        let slope_x = |column, row| height(column + 1, row) - height(column - 1, row);
        let slope_y = |column: usize, row: usize| height(column, row + 1) - height(column, row - 1);
        let corners = [(left, top), (left + 1, top), (left, top + 1), (left + 1, top + 1)];
        let between = |values: [f32; 4]| {
            let upper = values[0] + (values[1] - values[0]) * along;
            let lower = values[2] + (values[3] - values[2]) * along;
            upper + (lower - upper) * down
        };
        let over = 0.5 / self.step;
        let rise_x = between(corners.map(|(column, row)| slope_x(column, row)));
        let rise_y = between(corners.map(|(column, row)| slope_y(column, row)));
        Slope {
            height: between(corners.map(|(column, row)| height(column, row))),
            rise: (rise_x * over, rise_y * over),
        }
    }

    /// The least and the greatest height.
    pub fn range(&self) -> (f32, f32) {
        let extremes = (f32::INFINITY, f32::NEG_INFINITY);
        self.heights.iter().fold(extremes, |(low, high), &height| (low.min(height), high.max(height)))
    }

    /// Lifts the ground and lets streams cut into it, `rounds` times. Valleys branch, ridges stay between
    /// them. `cut` is how strongly water cuts, and slopes creep by the share `creep`.
    pub fn carve(&mut self, rounds: usize, lift: f32, cut: f32, creep: f32) {
        let side = self.side;
        let inner = |index: usize| {
            let (column, row) = (index % side, index / side);
            column > 0 && row > 0 && column + 1 < side && row + 1 < side
        };
        let mut order: Vec<u32> = (0..(side * side) as u32).collect();
        let mut below = vec![0_u32; side * side];
        let mut water = vec![0.0_f32; side * side];
        for _ in 0..rounds {
            for index in (0..side * side).filter(|&index| inner(index)) {
                self.heights[index] += lift;
            }
            let heights = &mut self.heights;
            for (index, below) in below.iter_mut().enumerate() {
                *below = if inner(index) { lowest(heights, side, index) } else { index } as u32;
            }
            order.sort_unstable_by(|&one, &other| heights[one as usize].total_cmp(&heights[other as usize]));
            water.fill(1.0);
            for &index in order.iter().rev() {
                let index = index as usize;
                if below[index] as usize != index {
                    water[below[index] as usize] += water[index];
                }
            }
            // From the lowest up, so that the place below is done.
            for &index in &order {
                let index = index as usize;
                let next = below[index] as usize;
                if next != index {
                    let strength = cut * water[index].sqrt();
                    heights[index] = (heights[index] + strength * heights[next]) / (1.0 + strength);
                }
            }
            self.creep(creep);
        }
    }

    /// Every height moves towards the mean of its neighbours by a share.
    fn creep(&mut self, share: f32) {
        let side = self.side;
        let before = self.heights.clone();
        for row in 1..side - 1 {
            for column in 1..side - 1 {
                let index = row * side + column;
                let mean = 0.25
                    * (before[index - 1] + before[index + 1] + before[index - side] + before[index + side]);
                self.heights[index] += share * (mean - before[index]);
            }
        }
    }
}

/// The neighbour to which water flows, or the place itself if it is a hollow.
fn lowest(heights: &[f32], side: usize, index: usize) -> usize {
    let mut best = (0.0, index);
    for (neighbour, far) in [
        (index - 1, 1.0),
        (index + 1, 1.0),
        (index - side, 1.0),
        (index + side, 1.0),
        (index - side - 1, std::f32::consts::SQRT_2),
        (index - side + 1, std::f32::consts::SQRT_2),
        (index + side - 1, std::f32::consts::SQRT_2),
        (index + side + 1, std::f32::consts::SQRT_2),
    ] {
        let fall = (heights[index] - heights[neighbour]) / far;
        if fall > best.0 {
            best = (fall, neighbour);
        }
    }
    best.1
}

impl Slope {
    /// The light on it, about 1 on level ground; `sun` is the direction towards the sun, of length 1, and
    /// `high` its height over the horizon as a tangent.
    pub fn light(&self, sun: (f32, f32), high: f32) -> f32 {
        let towards = -(self.rise.0 * sun.0 + self.rise.1 * sun.1);
        let steep = self.steep();
        ((high + towards) / (high * (1.0 + steep * steep).sqrt())).max(0.0)
    }

    /// Metres up for each metre along.
    pub fn steep(&self) -> f32 {
        crate::sample_scene::canvas::length(self.rise.0, self.rise.1)
    }
}

/// Smooth hills about a unit wide, -1 to 1; another `seed` gives other ones.
pub fn hills(seed: u64, x: f32, y: f32) -> f32 {
    let (left, top) = (x.floor(), y.floor());
    let corner = |dx: f32, dy: f32| {
        let bits = hash(&[seed, (left + dx) as i64 as u64, (top + dy) as i64 as u64]);
        (bits >> 40) as f32 / (1_u32 << 23) as f32 - 1.0
    };
    let soft = |part: f32| part * part * part * (part * (part * 6.0 - 15.0) + 10.0);
    let (along, down) = (soft(x - left), soft(y - top));
    let upper = corner(0.0, 0.0) + (corner(1.0, 0.0) - corner(0.0, 0.0)) * along;
    let lower = corner(0.0, 1.0) + (corner(1.0, 1.0) - corner(0.0, 1.0)) * along;
    upper + (lower - upper) * down
}

/// Hills upon hills, each half as wide and half as high, turned so that no grid shows.
pub fn rugged(seed: u64, x: f32, y: f32, octaves: u64) -> f32 {
    let (mut x, mut y) = (x, y);
    let (mut sum, mut share) = (0.0, 0.6);
    for octave in 0..octaves {
        sum += share * hills(seed.wrapping_add(octave), x, y);
        (x, y) = (1.6 * x - 1.2 * y + 7.3, 1.2 * x + 1.6 * y + 3.1);
        share *= 0.5;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plane_has_the_same_slope_everywhere() {
        let relief = Relief::new(64, 100.0, |x, y| 0.5 * x - 0.25 * y);
        for (x, y) in [(0.0, 0.0), (31.7, -12.2), (-80.0, 64.0)] {
            let slope = relief.at(x, y);
            assert!((slope.height - (0.5 * x - 0.25 * y)).abs() < 0.01, "{slope:?}");
            assert!((slope.rise.0 - 0.5).abs() < 1e-3 && (slope.rise.1 + 0.25).abs() < 1e-3, "{slope:?}");
        }
        // It rises to the east, so that the sun in the west lights it more.
        let slope = relief.at(0.0, 0.0);
        assert!(slope.light((-1.0, 0.0), 1.0) > slope.light((1.0, 0.0), 1.0));
    }

    #[test]
    fn water_leaves_ridges_and_valleys() {
        let mut relief = Relief::new(48, 100.0, |x, y| rugged(3, x * 0.05, y * 0.05, 4));
        relief.carve(30, 2.0, 0.2, 0.02);
        let (low, high) = relief.range();
        assert!(high - low > 10.0, "{low} to {high}");
        // Hardly any hollows are left: water finds its way out.
        let inner = (1..47).flat_map(|row| (1..47).map(move |column| row * 48 + column));
        let hollows = inner.filter(|&index| lowest(&relief.heights, 48, index) == index).count();
        assert!(hollows < 20, "{hollows} hollows");
    }

    #[test]
    fn hills_are_smooth_and_repeat() {
        assert_eq!(hills(5, 1.25, -3.5), hills(5, 1.25, -3.5));
        assert!((hills(5, 2.0001, 0.3) - hills(5, 1.9999, 0.3)).abs() < 1e-3);
        assert!((0..100).all(|index| hills(9, index as f32 * 0.37, 0.7).abs() <= 1.0));
    }
}

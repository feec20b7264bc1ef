//! Textures: a small table of seamless, cloudy noise, sampled at any scale.

use std::sync::LazyLock;

use crate::random::SplitMix64;

const SIDE: usize = 256;

type Table = [u8; SIDE * SIDE];

static CLOUDS: LazyLock<Box<Table>> = LazyLock::new(|| lattices(1, &[32, 16, 8, 4, 2, 1], 0.62));
static LEAVES: LazyLock<Box<Table>> = LazyLock::new(|| lattices(3, &[8, 4, 2, 1], 1.0));
static GRAIN: LazyLock<Box<Table>> = LazyLock::new(grain);

/// The tables, looked up once per tile rather than once per pixel.
#[derive(Clone, Copy)]
pub struct Noise {
    clouds: &'static Table,
    leaves: &'static Table,
    grain: &'static Table,
}

impl Noise {
    pub fn new() -> Self {
        Self { clouds: &CLOUDS, leaves: &LEAVES, grain: &GRAIN }
    }

    /// Smooth clouds of several sizes, -1 to 1. They repeat every 256 units, and the largest are 32 units
    /// wide.
    #[inline(always)]
    pub fn smooth(&self, x: f32, y: f32) -> f32 {
        let (left, top) = (floor(x), floor(y));
        let (along, down) = (x - left as f32, y - top as f32);
        let (column, row) = (left as usize % SIDE, top as usize % SIDE);
        let (right, below) = ((column + 1) % SIDE, (row + 1) % SIDE);
        let at = |column: usize, row: usize| f32::from(self.clouds[row * SIDE + column]);
        let upper = at(column, row) + (at(right, row) - at(column, row)) * along;
        let lower = at(column, below) + (at(right, below) - at(column, below)) * along;
        (upper + (lower - upper) * down) * (1.0 / 127.5) - 1.0
    }

    /// Detail about as fine as a pixel, -1 to 1, mostly 1 to 4 units wide. It isn't interpolated, so it is
    /// cheaper.
    #[inline(always)]
    pub fn rough(&self, x: f32, y: f32) -> f32 {
        let (column, row) = (floor(x) as usize % SIDE, floor(y) as usize % SIDE);
        f32::from(self.leaves[row * SIDE + column]) * (1.0 / 127.5) - 1.0
    }

    /// A sensor's noise at a pixel, -1 to 1.
    #[inline(always)]
    pub fn grain(&self, column: usize, row: usize) -> f32 {
        f32::from(self.grain[(row % SIDE) * SIDE + column % SIDE]) * (1.0 / 127.5) - 1.0
    }
}

/// `floor` without the function call that the standard library makes for baseline processors.
#[inline(always)]
fn floor(value: f32) -> i32 {
    let towards_zero = value as i32;
    towards_zero - i32::from((towards_zero as f32) > value)
}

/// A sum of random lattices with the given steps, each `fade` times as strong as the previous one.
fn lattices(seed: u64, steps: &[usize], fade: f32) -> Box<Table> {
    let mut rng = SplitMix64::of(&[seed]);
    let mut sum = vec![0.0_f32; SIDE * SIDE];
    let mut strength = 1.0;
    for &step in steps {
        let count = SIDE / step;
        let lattice: Vec<f32> = (0..count * count).map(|_| rng.range(-1.0, 1.0)).collect();
        let at = |column: usize, row: usize| lattice[(row % count) * count + column % count];
        for (index, value) in sum.iter_mut().enumerate() {
            let (x, y) = (index % SIDE, index / SIDE);
            let ease = |part: usize| {
                let part = part as f32 / step as f32;
                part * part * (3.0 - 2.0 * part)
            };
            let (along, down) = (ease(x % step), ease(y % step));
            let (column, row) = (x / step, y / step);
            let upper = at(column, row) * (1.0 - along) + at(column + 1, row) * along;
            let lower = at(column, row + 1) * (1.0 - along) + at(column + 1, row + 1) * along;
            *value += strength * (upper * (1.0 - down) + lower * down);
        }
        strength *= fade;
    }
    let spread = (sum.iter().map(|value| value * value).sum::<f32>() / sum.len() as f32).sqrt();
    let mut table = empty();
    for (out, value) in table.iter_mut().zip(sum) {
        *out = (127.5 + 127.5 * value / (2.5 * spread)).clamp(0.0, 255.0) as u8;
    }
    table
}

#[allow(clippy::large_stack_arrays)] // 64 kB, a few times per run.
fn empty() -> Box<Table> {
    Box::new([0; SIDE * SIDE])
}

/// The mean of a few draws is nearly normally distributed, like the noise of a sensor.
fn grain() -> Box<Table> {
    let mut rng = SplitMix64::of(&[2]);
    let mut table = empty();
    for out in table.iter_mut() {
        *out = ((0..4).map(|_| rng.unit()).sum::<f32>() * 63.9) as u8;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_repeats_without_a_seam() {
        let noise = Noise::new();
        assert_eq!(noise.smooth(3.25, 9.5), noise.smooth(3.25 + 256.0, 9.5 - 256.0));
        let jump = (noise.smooth(255.99, 40.0) - noise.smooth(256.01, 40.0)).abs();
        assert!(jump < 0.05, "{jump}");
    }
}

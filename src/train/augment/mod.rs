//! Augmentation: a model in training never sees a picture twice in the same form.
//!
//! - this file: how much is changed, and what is done to every picture
//! - [`scales`]: pictures from further away, and by coarser sensors
//! - [`colours`]: light, haze, seasons and sensors

mod colours;
mod scales;

use std::sync::Arc;

use rand::RngExt as _;
use rand::rngs::StdRng;

use crate::clip::{ClipError, Preprocess};
use crate::raster::Pixels;

/// How much pictures are changed.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Augment {
    /// The least share of a picture's area that a crop keeps.
    pub least_area: f64,
    /// How far the factors of brightness, contrast and saturation may differ from 1.
    pub jitter: f32,
    /// Half of the pictures are blurred as if their pixels were up to so many times as large; 1: none.
    pub blur: f64,
    /// The largest share of haze in half of the pictures.
    pub haze: f32,
    /// How far the colours of vegetation may stray.
    pub season: f32,
    /// How far each channel's gain, offset and gamma may stray.
    pub sensor: f32,
}

/// A picture, and from how far away it is seen.
#[derive(Clone, Copy)]
pub struct Seen<'a> {
    pub pixels: &'a Pixels,
    /// The factor by which it is shrunk; 1: it stays as large as it is.
    pub factor: f64,
    /// What lies around it where it is shrunk.
    pub others: &'a [Arc<Pixels>],
}

impl Default for Augment {
    fn default() -> Self {
        Self { least_area: 0.4, jitter: 0.3, blur: 1.0, haze: 0.0, season: 0.0, sensor: 0.0 }
    }
}

impl Augment {
    /// The share of pictures that scales, blur and haze change: the others are as sharp and near as ever, or
    /// the model would forget them.
    const CHANCE: f64 = 0.5;
}

/// A factor by which to shrink or to blur: 1 half of the time, else uniform in the logarithm from 1 to
/// `most`. Draws nothing if `most` is 1, so that trainings without it stay what they were.
pub fn factor_up_to(most: f64, rng: &mut StdRng) -> f64 {
    if most <= 1.0 || !rng.random_bool(Augment::CHANCE) {
        return 1.0;
    }
    rng.random_range(0.0..=most.ln()).exp()
}

/// A random crop of a picture, resized to the model's input, rotated and flipped at random (seen from above,
/// nothing stands upright), with jittered colours. A picture that is shrunk lies among others of its class,
/// or among mirrored copies of itself if there are none. Writes planes of rows to `out`.
///
/// # Errors
/// If it can't be resized.
pub fn augment(
    preprocess: &Preprocess,
    seen: Seen,
    settings: Augment,
    rng: &mut StdRng,
    out: &mut [f32],
) -> Result<(), ClipError> {
    let side = preprocess.side() as usize;
    if seen.factor > 1.0 {
        scales::mosaic(preprocess, seen, settings.least_area, rng, out)?;
    } else {
        let crop = random_crop(seen.pixels, settings.least_area, rng);
        preprocess.rectangle(seen.pixels, crop, out)?;
    }
    rotate_and_flip(out, side, rng.random_range(0..8));
    scales::blur(out, side, factor_up_to(settings.blur, rng));
    let channels = preprocess.scale_and_offset();
    colours::season(out, channels, settings.season, rng);
    colours::jitter(out, channels, settings.jitter, rng);
    colours::sensor(out, channels, settings.sensor, rng);
    colours::haze(out, channels, settings.haze, rng);
    Ok(())
}

/// A rectangle `[left, top, width, height]`, a little wider or higher than a square, whose area is between
/// `least_area` and all of the picture's largest square: torchvision's `RandomResizedCrop` with ratios of 4/5
/// to 5/4.
fn random_crop(pixels: &Pixels, least_area: f64, rng: &mut StdRng) -> [f64; 4] {
    const LEAST_RATIO: f64 = 0.8;
    let (across, down) = (f64::from(pixels.width), f64::from(pixels.height));
    let square = across.min(down);
    // Half of the crops are square, as are the pictures that the model will see.
    let area = rng.random_range(least_area.clamp(0.01, 1.0)..=1.0);
    let ratio: f64 =
        if rng.random_bool(0.5) { 1.0 } else { rng.random_range(LEAST_RATIO.ln()..-LEAST_RATIO.ln()).exp() };
    let side = square * area.sqrt();
    let (width, height) = ((side * ratio.sqrt()).min(across), (side / ratio.sqrt()).min(down));
    let left = rng.random_range(0.0..=across - width);
    let top = rng.random_range(0.0..=down - height);
    [left, top, width, height]
}

/// Applies one of the eight symmetries of a square: bit 0 flips horizontally, bit 1 vertically, bit 2
/// transposes.
fn rotate_and_flip(planes: &mut [f32], side: usize, symmetry: u8) {
    for plane in planes.chunks_exact_mut(side * side) {
        if symmetry & 1 != 0 {
            plane.chunks_exact_mut(side).for_each(<[f32]>::reverse);
        }
        if symmetry & 2 != 0 {
            for y in 0..side / 2 {
                let (upper, lower) = plane.split_at_mut((side - 1 - y) * side);
                upper[y * side..(y + 1) * side].swap_with_slice(&mut lower[..side]);
            }
        }
        if symmetry & 4 != 0 {
            for y in 0..side {
                for x in 0..y {
                    plane.swap(y * side + x, x * side + y);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;

    use super::*;

    #[test]
    fn the_eight_ways_are_different_and_keep_every_pixel() {
        let plane: Vec<f32> = (0_u8..9).map(f32::from).collect();
        let turned: Vec<Vec<f32>> = (0..8)
            .map(|symmetry| {
                let mut plane = plane.clone();
                rotate_and_flip(&mut plane, 3, symmetry);
                plane
            })
            .collect();
        assert_eq!(turned[0], plane);
        assert_eq!(turned[1], [2.0, 1.0, 0.0, 5.0, 4.0, 3.0, 8.0, 7.0, 6.0]);
        assert_eq!(turned[4], [0.0, 3.0, 6.0, 1.0, 4.0, 7.0, 2.0, 5.0, 8.0]);
        for (i, a) in turned.iter().enumerate() {
            assert!(turned[i + 1..].iter().all(|b| a != b));
            assert_eq!(a.iter().sum::<f32>(), 36.0);
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_picture_and_crops_stay_inside() {
        let preprocess = Preprocess::openai(16);
        let rgba = (0..40 * 30 * 4).map(|i| (i * 7 % 251) as u8).collect();
        let pixels = Pixels { width: 40, height: 30, rgba };
        let make = |seed| {
            let mut out = vec![0.0; preprocess.input_len()];
            let mut rng = StdRng::seed_from_u64(seed);
            let near = Seen { pixels: &pixels, factor: 1.0, others: &[] };
            augment(&preprocess, near, Augment::default(), &mut rng, &mut out).unwrap();
            out
        };
        assert_eq!(make(1), make(1));
        assert_ne!(make(1), make(2));
        let mut rng = StdRng::seed_from_u64(3);
        for _ in 0..500 {
            let [left, top, width, height] = random_crop(&pixels, 0.1, &mut rng);
            assert!(left >= 0.0 && top >= 0.0 && left + width <= 40.0 + 1e-9 && top + height <= 30.0 + 1e-9);
            assert!(width * height >= 0.1 * 900.0 * 0.99);
        }
    }
    #[test]
    fn what_is_off_draws_nothing() {
        // A training that began before there was more to change has to go on in the same way.
        let preprocess = Preprocess::openai(16);
        let pixels =
            Pixels { width: 20, height: 20, rgba: (0..20 * 20 * 4).map(|i| (i % 249) as u8).collect() };
        let settings = Augment::default();
        let mut out = vec![0.0; preprocess.input_len()];
        let mut rng = StdRng::seed_from_u64(9);
        let factor = factor_up_to(1.0, &mut rng);
        assert_eq!(factor, 1.0);
        augment(&preprocess, Seen { pixels: &pixels, factor, others: &[] }, settings, &mut rng, &mut out)
            .unwrap();

        let mut plain = vec![0.0; preprocess.input_len()];
        let mut expected = StdRng::seed_from_u64(9);
        let crop = random_crop(&pixels, settings.least_area, &mut expected);
        preprocess.rectangle(&pixels, crop, &mut plain).unwrap();
        rotate_and_flip(&mut plain, 16, expected.random_range(0..8));
        colours::jitter(&mut plain, preprocess.scale_and_offset(), settings.jitter, &mut expected);
        assert_eq!(out, plain);
        assert_eq!(rng.random::<u64>(), expected.random::<u64>());
    }

    #[test]
    fn all_that_is_on_changes_the_picture_and_repeats() {
        let preprocess = Preprocess::openai(16);
        let rgba = (0..20 * 20 * 4).map(|i| [60, 140, 50, 240][i % 4] + (i % 17) as u8 % 8).collect();
        let pixels = Pixels { width: 20, height: 20, rgba };
        let make = |settings: Augment, most, seed| {
            let mut out = vec![0.0; preprocess.input_len()];
            let mut rng = StdRng::seed_from_u64(seed);
            let factor = factor_up_to(most, &mut rng);
            augment(&preprocess, Seen { pixels: &pixels, factor, others: &[] }, settings, &mut rng, &mut out)
                .unwrap();
            out
        };
        let off = Augment { jitter: 0.0, ..Augment::default() };
        for (on, most) in [
            (off, 8.0),
            (Augment { blur: 4.0, ..off }, 1.0),
            (Augment { haze: 0.6, ..off }, 1.0),
            (Augment { season: 0.5, ..off }, 1.0),
            (Augment { sensor: 0.3, ..off }, 1.0),
        ] {
            let changed = (0..20).filter(|&seed| make(on, most, seed) != make(off, 1.0, seed)).count();
            assert!(changed >= 4, "{on:?} changed {changed} of 20");
            assert!((0..20).all(|seed| make(on, most, seed) == make(on, most, seed)), "{on:?}");
        }
    }

    #[test]
    fn factors_are_spread_over_the_logarithm() {
        let mut rng = StdRng::seed_from_u64(1);
        let factors: Vec<f64> = (0..2000).map(|_| factor_up_to(16.0, &mut rng)).collect();
        assert!(factors.iter().all(|factor| (1.0..=16.0 + 1e-9).contains(factor)));
        let between = |from: f64, to: f64| factors.iter().filter(|f| **f > from && **f <= to).count();
        assert!((900..1100).contains(&factors.iter().filter(|factor| **factor <= 1.0).count()));
        assert!(between(1.0, 4.0).abs_diff(between(4.0, 16.1)) < 120);
    }
}

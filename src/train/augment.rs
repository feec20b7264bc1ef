//! Augmentation: a model in training never sees a picture twice in the same form.

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
}

impl Default for Augment {
    fn default() -> Self {
        Self { least_area: 0.4, jitter: 0.3 }
    }
}

/// A random crop of a picture, resized to the model's input, rotated and flipped at random (seen from above,
/// nothing stands upright), with jittered colours. Writes planes of rows to `out`.
///
/// # Errors
/// If it can't be resized.
pub fn augment(
    preprocess: &Preprocess,
    pixels: &Pixels,
    settings: Augment,
    rng: &mut StdRng,
    out: &mut [f32],
) -> Result<(), ClipError> {
    let crop = random_crop(pixels, settings.least_area, rng);
    preprocess.rectangle(pixels, crop, out)?;
    rotate_and_flip(out, preprocess.side() as usize, rng.random_range(0..8));
    jitter_colours(out, preprocess, settings.jitter, rng);
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

/// Multiplies brightness, contrast and saturation, each by a factor from 1 - `most` to 1 + `most`.
fn jitter_colours(planes: &mut [f32], preprocess: &Preprocess, most: f32, rng: &mut StdRng) {
    if most <= 0.0 {
        return;
    }
    let mut factor = || rng.random_range(1.0 - most..=1.0 + most);
    let (brightness, contrast, saturation) = (factor(), factor(), factor());
    let channels = preprocess.scale_and_offset();
    let area = planes.len() / 3;
    let (red, rest) = planes.split_at_mut(area);
    let (green, blue) = rest.split_at_mut(area);
    let byte = |value: f32, (scale, offset): (f32, f32)| (value - offset) / scale;
    // ITU-R BT.601, as in Pillow's conversion to grey.
    let grey = |r: f32, g: f32, b: f32| 0.299 * r + 0.587 * g + 0.114 * b;
    let mut sum = 0.0;
    for ((r, g), b) in red.iter().zip(&*green).zip(&*blue) {
        sum += grey(byte(*r, channels[0]), byte(*g, channels[1]), byte(*b, channels[2]));
    }
    let mean = sum / area as f32 * brightness;
    for ((r, g), b) in red.iter_mut().zip(green).zip(blue) {
        let mut bytes = [byte(*r, channels[0]), byte(*g, channels[1]), byte(*b, channels[2])];
        for value in &mut bytes {
            *value = (*value * brightness - mean) * contrast + mean;
        }
        let grey = grey(bytes[0], bytes[1], bytes[2]);
        let changed = bytes.map(|value| ((value - grey) * saturation + grey).clamp(0.0, 255.0));
        for ((to, value), (scale, offset)) in [r, g, b].into_iter().zip(changed).zip(channels) {
            *to = value * scale + offset;
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
            augment(&preprocess, &pixels, Augment::default(), &mut rng, &mut out).unwrap();
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
}

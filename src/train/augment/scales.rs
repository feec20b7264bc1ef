//! Scales: the same ground from further away, and by a coarser sensor.

use rand::RngExt as _;
use rand::rngs::StdRng;

use super::{Seen, random_crop, rotate_and_flip};
use crate::clip::{ClipError, Preprocess};
use crate::raster::Pixels;

/// Fills `out` with pieces that are a factor smaller than the model's input: the picture, and around it
/// others of its class, since what is small must still be what fills the window. Without others they are
/// mirrored copies of one crop, which fit together. Where the pieces meet is drawn.
///
/// # Errors
/// If a piece can't be resized.
pub fn mosaic(
    preprocess: &Preprocess,
    seen: Seen,
    least_area: f64,
    rng: &mut StdRng,
    out: &mut [f32],
) -> Result<(), ClipError> {
    let side = preprocess.side() as usize;
    let piece_side = ((side as f64 / seen.factor).round() as usize).clamp(1, side);
    let small = preprocess.with_side(piece_side as u32);
    let mut piece = vec![0.0; small.input_len()];
    if seen.others.is_empty() {
        let crop = random_crop(seen.pixels, least_area, rng);
        small.rectangle(seen.pixels, crop, &mut piece)?;
    }
    // They take turns, the picture itself first.
    let all: Vec<&Pixels> =
        std::iter::once(seen.pixels).chain(seen.others.iter().map(|other| &**other)).collect();
    // The upper left piece begins somewhere above and left of the input.
    let (left, top) = (rng.random_range(0..piece_side), rng.random_range(0..piece_side));
    let across = (side + left).div_ceil(piece_side);
    let down = (side + top).div_ceil(piece_side);
    for row in 0..down {
        for column in 0..across {
            let symmetry = if seen.others.is_empty() {
                (column % 2 + 2 * (row % 2)) as u8
            } else {
                let pixels = all[(row * across + column) % all.len()];
                let crop = random_crop(pixels, least_area, rng);
                small.rectangle(pixels, crop, &mut piece)?;
                rng.random_range(0..8)
            };
            let mut turned = piece.clone();
            rotate_and_flip(&mut turned, piece_side, symmetry);
            let place =
                ((column * piece_side) as isize - left as isize, (row * piece_side) as isize - top as isize);
            paste(&turned, piece_side, place, out, side);
        }
    }
    Ok(())
}

/// Puts planes of `piece_side` at a place of planes of `side`; what lies outside is left out.
fn paste(piece: &[f32], piece_side: usize, (left, top): (isize, isize), out: &mut [f32], side: usize) {
    let planes = piece.chunks_exact(piece_side * piece_side).zip(out.chunks_exact_mut(side * side));
    for (piece, out) in planes {
        for (row, line) in piece.chunks_exact(piece_side).enumerate() {
            let Some(y) = top.checked_add_unsigned(row).and_then(|y| usize::try_from(y).ok()) else {
                continue;
            };
            if y >= side {
                break;
            }
            for (column, value) in line.iter().enumerate() {
                let x = left.checked_add_unsigned(column).and_then(|x| usize::try_from(x).ok());
                if let Some(x) = x.filter(|x| *x < side) {
                    out[y * side + x] = *value;
                }
            }
        }
    }
}

/// Shrinks planes by a factor and enlarges them again, as a sensor sees whose pixels are so much larger.
pub fn blur(planes: &mut [f32], side: usize, factor: f64) {
    let small = ((side as f64 / factor).round() as usize).clamp(1, side);
    if small == side {
        return;
    }
    let mut coarse = vec![0.0; small * small];
    for plane in planes.chunks_exact_mut(side * side) {
        shrink(plane, side, &mut coarse, small);
        enlarge(&coarse, small, plane, side);
    }
}

/// Means over the area of each pixel: fractions of pixels count as such.
fn shrink(plane: &[f32], side: usize, coarse: &mut [f32], small: usize) {
    let step = side as f64 / small as f64;
    // For each coarse pixel, the first pixel and the weights from there on.
    let spans: Vec<(usize, Vec<f32>)> = (0..small)
        .map(|index| {
            let (from, to) = (index as f64 * step, (index + 1) as f64 * step);
            let last = (to.ceil() as usize).min(side);
            let first = (from.floor() as usize).min(last);
            let weight = |pixel: usize| (to.min((pixel + 1) as f64) - from.max(pixel as f64)).max(0.0);
            (first, (first..last).map(|pixel| (weight(pixel) / step) as f32).collect())
        })
        .collect();
    for ((top, down), line) in spans.iter().zip(coarse.chunks_exact_mut(small)) {
        for ((left, across), value) in spans.iter().zip(line) {
            *value = 0.0;
            for (row, weight) in down.iter().enumerate() {
                let from = (top + row) * side + left;
                let sum: f32 = plane[from..].iter().zip(across).map(|(value, weight)| value * weight).sum();
                *value += weight * sum;
            }
        }
    }
}

/// Bilinear, with the edge repeated.
fn enlarge(coarse: &[f32], small: usize, plane: &mut [f32], side: usize) {
    let ratio = small as f32 / side as f32;
    let place = |index: usize| {
        let at = ((index as f32 + 0.5) * ratio - 0.5).clamp(0.0, (small - 1) as f32);
        let first = at.floor() as usize;
        (first, (first + 1).min(small - 1), at - at.floor())
    };
    for (row, line) in plane.chunks_exact_mut(side).enumerate() {
        let (upper, lower, down) = place(row);
        for (column, value) in line.iter_mut().enumerate() {
            let (left, right, along) = place(column);
            let mix = |row: usize| {
                let (one, other) = (coarse[row * small + left], coarse[row * small + right]);
                one + (other - one) * along
            };
            *value = mix(upper) + (mix(lower) - mix(upper)) * down;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rand::SeedableRng as _;

    use super::*;

    fn plain(colour: u8, side: u32) -> Pixels {
        let rgba = (0..side * side).flat_map(|_| [colour, colour, colour, 255]).collect();
        Pixels { width: side, height: side, rgba }
    }

    /// The values of the red plane, rounded to bytes.
    fn bytes(preprocess: &Preprocess, planes: &[f32]) -> Vec<i32> {
        let (scale, offset) = preprocess.scale_and_offset()[0];
        let area = planes.len() / 3;
        planes[..area].iter().map(|value| ((value - offset) / scale).round() as i32).collect()
    }

    #[test]
    fn a_mosaic_is_full_of_the_picture_and_others_of_its_class() {
        let preprocess = Preprocess::openai(24);
        let others = [Arc::new(plain(100, 30)), Arc::new(plain(200, 40))];
        let mut out = vec![f32::NAN; preprocess.input_len()];
        let mut rng = StdRng::seed_from_u64(1);
        let picture = plain(20, 32);
        let seen = Seen { pixels: &picture, factor: 4.0, others: &others };
        mosaic(&preprocess, seen, 0.5, &mut rng, &mut out).unwrap();
        let seen = bytes(&preprocess, &out);
        for colour in [20, 100, 200] {
            let count = seen.iter().filter(|value| **value == colour).count();
            assert!(count >= 24 * 24 / 8, "{colour}: {count}");
        }
        assert!(seen.iter().all(|value| [20, 100, 200].contains(value)), "nothing is left over");
    }

    #[test]
    fn without_others_mirrored_copies_fit_together() {
        // Brightness rises from left to right: in a mirrored mosaic no two neighbours differ by much.
        let rgba = (0..32 * 32).flat_map(|i| [(i % 32 * 8) as u8, 0, 0, 255]).collect();
        let picture = Pixels { width: 32, height: 32, rgba };
        let preprocess = Preprocess::openai(32);
        let mut out = vec![0.0; preprocess.input_len()];
        let mut rng = StdRng::seed_from_u64(5);
        let seen = Seen { pixels: &picture, factor: 2.0, others: &[] };
        mosaic(&preprocess, seen, 1.0, &mut rng, &mut out).unwrap();
        let seen = bytes(&preprocess, &out);
        let range = seen.iter().max().unwrap() - seen.iter().min().unwrap();
        assert!(range > 150, "all of the picture is there: {range}");
        for line in seen.chunks(32) {
            assert!(line.windows(2).all(|pair| (pair[0] - pair[1]).abs() < 45), "{line:?}");
        }
    }

    #[test]
    fn blur_keeps_the_mean_and_takes_the_detail() {
        let checker: Vec<f32> = (0..3 * 16 * 16).map(|i| ((i % 16 + i / 16) % 2) as f32).collect();
        let mut seen = checker.clone();
        blur(&mut seen, 16, 4.0);
        assert!(seen.iter().all(|value| (value - 0.5).abs() < 1e-4), "{seen:?}");
        let mut sharp = checker.clone();
        blur(&mut sharp, 16, 1.0);
        assert_eq!(sharp, checker);
        // A factor between whole numbers.
        let mut ramp: Vec<f32> = (0..3 * 16 * 16).map(|i| (i % 16) as f32).collect();
        blur(&mut ramp, 16, 1.7);
        let mean = ramp.iter().sum::<f32>() / ramp.len() as f32;
        assert!((mean - 7.5).abs() < 0.05, "{mean}");
    }
}

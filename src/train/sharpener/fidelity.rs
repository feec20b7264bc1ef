//! How near to held-out pictures the network comes when it enlarges them again, beside a bicubic filter.

use std::path::PathBuf;

use crate::clip::{ClipError, Sharpener, SizeFilter, SrvggNetCompact, resize_pixels};
use crate::dataset::read_picture;
use crate::raster::Pixels;
use crate::train::TrainError;

/// The mean peak signal-to-noise ratio over all held-out pictures, in decibels: red, green and blue alike.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fidelity {
    pub network: f64,
    pub bicubic: f64,
}

/// Pictures that aren't learnt from, and their shrunk forms.
pub struct HeldOut {
    pairs: Vec<(Pixels, Pixels)>,
    bicubic: f64,
}

/// Pictures that are measured at most, and their sides: enough for a tenth of a decibel.
const MOST_PICTURES: usize = 64;
const MOST_PIXELS: u32 = 256;

impl HeldOut {
    /// Reads pictures and shrinks them by the mean of each pixel's area. `note` hears what can't be used.
    ///
    /// # Errors
    /// If a picture can't be resized.
    pub fn new(paths: &[PathBuf], upscale: u32, note: &mut dyn FnMut(String)) -> Result<Self, TrainError> {
        let mut pairs = Vec::new();
        let mut bicubic = 0.0;
        for path in paths.iter().take(MOST_PICTURES) {
            let picture = match read_picture(path) {
                Ok(picture) => upper_left(&picture, upscale),
                Err(error) => {
                    note(format!("left out: {error}"));
                    continue;
                }
            };
            if picture.rgba.is_empty() {
                note(format!("left out: {} is too small to be shrunk", path.display()));
                continue;
            }
            let size = (picture.width / upscale, picture.height / upscale);
            let small = resize_pixels(&picture, size, SizeFilter::Area)?;
            let large = resize_pixels(&small, (picture.width, picture.height), SizeFilter::Bicubic)?;
            bicubic += psnr(&picture, &large);
            pairs.push((picture, small));
        }
        let bicubic = bicubic / pairs.len().max(1) as f64;
        Ok(Self { pairs, bicubic })
    }

    /// `None` if there is no picture.
    ///
    /// # Errors
    /// If burn fails.
    pub fn measure(&self, network: &SrvggNetCompact) -> Result<Option<Fidelity>, ClipError> {
        if self.pairs.is_empty() {
            return Ok(None);
        }
        // Known to nobody else, so it needs no fingerprint.
        let sharpener = Sharpener::of(network, String::new())?;
        let mut sum = 0.0;
        for (picture, small) in &self.pairs {
            sum += psnr(picture, &sharpener.enlarge(small)?);
        }
        Ok(Some(Fidelity { network: sum / self.pairs.len() as f64, bicubic: self.bicubic }))
    }
}

/// The upper left of a picture, with sides that can be divided.
fn upper_left(pixels: &Pixels, upscale: u32) -> Pixels {
    let whole = |length: u32| length.min(MOST_PIXELS) / upscale * upscale;
    let (width, height) = (whole(pixels.width), whole(pixels.height));
    let lines = pixels.rgba.chunks_exact(pixels.width.max(1) as usize * 4).take(height as usize);
    let rgba = lines.flat_map(|line| line.iter().take(width as usize * 4)).copied().collect();
    Pixels { width, height, rgba }
}

fn psnr(picture: &Pixels, other: &Pixels) -> f64 {
    // A picture that is met exactly would be infinitely near.
    const NEAREST: f64 = 1e-2;
    let (pixels, others) = (picture.rgba.as_chunks::<4>().0, other.rgba.as_chunks::<4>().0);
    let squares = pixels.iter().zip(others).flat_map(|(pixel, other)| {
        pixel.iter().zip(other).take(3).map(|(a, b)| f64::from(a.abs_diff(*b)).powi(2))
    });
    let mean = squares.sum::<f64>() / (3 * pixels.len()).max(1) as f64;
    10.0 * (255.0 * 255.0 / mean.max(NEAREST)).log10()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decibels_are_those_of_the_definition() {
        let grey = |value: u8| Pixels { width: 3, height: 2, rgba: [value, value, value, 255].repeat(6) };
        assert!((psnr(&grey(100), &grey(110)) - 20.0 * 25.5_f64.log10()).abs() < 1e-9);
        assert!(psnr(&grey(7), &grey(7)) > 60.0);
    }

    #[test]
    fn sides_can_be_divided_and_small_pictures_are_told() {
        let picture = Pixels { width: 7, height: 5, rgba: (0..7 * 5 * 4).collect() };
        let part = upper_left(&picture, 2);
        assert_eq!((part.width, part.height, part.rgba.len()), (6, 4, 96));
        assert_eq!(part.rgba[24..28], picture.rgba[28..32]);
        let folder = tempfile::tempdir().unwrap();
        let tiny = folder.path().join("tiny.png");
        image::RgbImage::new(1, 1).save(&tiny).unwrap();
        let mut notes = Vec::new();
        let held_out = HeldOut::new(&[tiny, folder.path().join("gone.png")], 2, &mut |note| notes.push(note));
        assert_eq!((held_out.unwrap().pairs.len(), notes.len()), (0, 2));
    }
}

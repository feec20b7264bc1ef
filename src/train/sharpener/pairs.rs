//! Pairs to learn from: a crop of a picture, and what shrinking makes of it.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use rayon::prelude::*;

use crate::clip::{SizeFilter, resize_pixels};
use crate::dataset::read_picture;
use crate::random::seed_of;
use crate::raster::Pixels;
use crate::train::TrainError;

/// The sides of crops.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    pub upscale: u32,
    /// Once it is shrunk, in pixels.
    pub crop: u32,
}

/// The pictures to learn from.
pub struct Pairs {
    paths: Vec<PathBuf>,
    shape: Shape,
    seed: u64,
    /// Pictures that can't be used, which were told.
    told: Mutex<BTreeSet<PathBuf>>,
}

/// The crops of a step, as planes of rows with values from 0 to 1.
pub struct Batch {
    pub shrunk: Vec<f32>,
    pub originals: Vec<f32>,
    /// What is wrong with pictures that were passed over, each told once.
    pub notes: Vec<String>,
}

/// A crop, its shrunk form, and what was passed over on the way.
struct Pair {
    shrunk: Vec<f32>,
    original: Vec<f32>,
    passed_over: Vec<(PathBuf, String)>,
}

impl Pairs {
    pub fn new(paths: Vec<PathBuf>, shape: Shape, seed: u64) -> Self {
        Self { paths, shape, seed, told: Mutex::default() }
    }

    /// The batch of a step; the same for the same seed and step.
    ///
    /// # Errors
    /// If hardly a picture can be used.
    pub fn batch(&self, step: usize, size: usize) -> Result<Batch, TrainError> {
        let pairs: Vec<Pair> =
            (0..size).into_par_iter().map(|index| self.pair(step, index)).collect::<Result<_, _>>()?;
        let mut batch = Batch { shrunk: Vec::new(), originals: Vec::new(), notes: Vec::new() };
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        for pair in pairs {
            batch.shrunk.extend(pair.shrunk);
            batch.originals.extend(pair.original);
            for (path, reason) in pair.passed_over {
                if told.insert(path) {
                    batch.notes.push(reason);
                }
            }
        }
        Ok(batch)
    }

    fn pair(&self, step: usize, index: usize) -> Result<Pair, TrainError> {
        const TRIES: usize = 100;
        let mut rng = StdRng::seed_from_u64(seed_of(&[self.seed, step as u64, index as u64, 11]));
        let mut passed_over = Vec::new();
        for _ in 0..TRIES.min(self.paths.len() * TRIES) {
            let Some(path) = self.paths.get(rng.random_range(0..self.paths.len())) else { break };
            let large = self.shape.crop * self.shape.upscale;
            let reason = match read_picture(path) {
                Err(error) => error.to_string(),
                Ok(pixels) if pixels.width.min(pixels.height) < large => {
                    format!("{} is smaller than a crop of {large} pixels", path.display())
                }
                Ok(pixels) => {
                    let crop = crop(&pixels, large, &mut rng);
                    // What a sensor sees is nearer to a mean, what programs make to a filter.
                    let filter = [SizeFilter::Area, SizeFilter::Bicubic][rng.random_range(0..2)];
                    let small = resize_pixels(&crop, (self.shape.crop, self.shape.crop), filter)?;
                    return Ok(Pair { shrunk: planes(&small), original: planes(&crop), passed_over });
                }
            };
            passed_over.push((path.clone(), format!("left out: {reason}")));
        }
        let first =
            passed_over.into_iter().next().map_or_else(String::new, |(_, reason)| format!("; {reason}"));
        Err(TrainError::Settings(format!("no picture can be learnt from{first}")))
    }
}

/// A square of a picture at a random place, in one of its eight symmetries: seen from above, nothing stands
/// upright.
fn crop(pixels: &Pixels, side: u32, rng: &mut StdRng) -> Pixels {
    let left = rng.random_range(0..=pixels.width - side);
    let top = rng.random_range(0..=pixels.height - side);
    let symmetry: u8 = rng.random_range(0..8);
    let mut rgba = Vec::with_capacity(side as usize * side as usize * 4);
    for y in 0..side {
        for x in 0..side {
            let (mut across, mut down) = if symmetry & 4 == 0 { (x, y) } else { (y, x) };
            if symmetry & 1 != 0 {
                across = side - 1 - across;
            }
            if symmetry & 2 != 0 {
                down = side - 1 - down;
            }
            let at = ((top + down) as usize * pixels.width as usize + (left + across) as usize) * 4;
            rgba.extend_from_slice(pixels.rgba.get(at..at + 4).unwrap_or(&[0; 4]));
        }
    }
    Pixels { width: side, height: side, rgba }
}

/// Red, green and blue as planes with values from 0 to 1.
fn planes(pixels: &Pixels) -> Vec<f32> {
    let (rgba, _) = pixels.rgba.as_chunks::<4>();
    (0..3).flat_map(|channel| rgba.iter().map(move |pixel| f32::from(pixel[channel]) / 255.0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crops_lie_within_and_keep_every_pixel() {
        let rgba = (0..12_u8 * 10).flat_map(|i| [i, 0, 0, 255]).collect();
        let picture = Pixels { width: 12, height: 10, rgba };
        let mut rng = StdRng::seed_from_u64(1);
        let mut seen = BTreeSet::new();
        for _ in 0..200 {
            let crop = crop(&picture, 8, &mut rng);
            let reds: Vec<u8> = crop.rgba.iter().step_by(4).copied().collect();
            let (least, most) = (*reds.iter().min().unwrap(), *reds.iter().max().unwrap());
            // Opposite corners of a square of 8 pixels.
            assert_eq!((reds.len(), most - least), (64, 7 * 12 + 7));
            assert_eq!(reds.iter().collect::<BTreeSet<_>>().len(), 64);
            seen.insert(reds);
        }
        assert!(seen.len() > 50, "only {} crops differ", seen.len());
    }

    #[test]
    fn what_cannot_be_used_is_told_once_and_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        image::RgbImage::from_fn(40, 40, |x, y| image::Rgb([x as u8, y as u8, 0]))
            .save(path("a.png"))
            .unwrap();
        image::RgbImage::new(4, 4).save(path("b.png")).unwrap();
        let pairs = |names: &[&str]| {
            let paths = names.iter().map(|name| path(name)).collect();
            Pairs::new(paths, Shape { upscale: 2, crop: 8 }, 1)
        };
        let some = pairs(&["a.png", "b.png", "gone.png"]);
        let notes: Vec<String> = (0..10).flat_map(|step| some.batch(step, 4).unwrap().notes).collect();
        assert_eq!(notes.len(), 2, "{notes:?}");
        let batch = some.batch(3, 4).unwrap();
        assert_eq!((batch.shrunk.len(), batch.originals.len()), (4 * 3 * 64, 4 * 3 * 256));
        assert_eq!(batch.originals, some.batch(3, 4).unwrap().originals);
        assert!(pairs(&["b.png"]).batch(0, 1).is_err_and(|error| error.to_string().contains("smaller")));
    }
}

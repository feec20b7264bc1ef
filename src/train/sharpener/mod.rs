//! Training the network that enlarges windows: pictures are shrunk, and it learns to undo that.
//!
//! - this file: [`train_sharpener`], the training loop
//! - `pairs`: crops of pictures and what shrinking makes of them
//! - `fidelity`: how near what it enlarges comes to the pictures, beside bicubic

mod fidelity;
mod pairs;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use burn::optim::{AdamConfig, GradientsParams};
use burn::tensor::{Device, Tensor, TensorData};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;

use super::TrainError;
use crate::clip::{ComputeError, SrvggConfig, SrvggNetCompact, WeightType, catch_panic};
use crate::dataset::Dataset;
use crate::outputs::{Inputs, Output};
pub use fidelity::Fidelity;
use fidelity::HeldOut;
use pairs::{Pairs, Shape};

/// All settings of [`train_sharpener`].
#[derive(Clone, Debug)]
pub struct SharpenerSettings {
    /// Sets of pictures; classes and captions don't matter.
    pub data: Vec<PathBuf>,
    /// The file to write.
    pub out: PathBuf,
    /// How many times as wide and high the network makes a picture.
    pub upscale: usize,
    /// Channels between its layers, and layers between the first and the last.
    pub num_feat: usize,
    pub num_conv: usize,
    pub steps: usize,
    /// Crops of a step.
    pub batch: usize,
    /// Side of a crop once it is shrunk, in pixels.
    pub crop: usize,
    pub learning_rate: f64,
    /// The share of the pictures that isn't learnt from.
    pub validation: f64,
    pub weight_type: WeightType,
    pub seed: u64,
}

/// What happens while the network is trained.
#[derive(Clone, Debug)]
pub enum SharpenerEvent {
    /// Something that a person should know.
    Note(String),
    /// How many pictures are learnt from and how many are held out.
    Started { training: usize, held_out: usize },
    /// A step is done; `loss` is the mean difference of a value, from 0 to 1.
    Step { step: usize, loss: f64, left: Duration },
    /// The held-out pictures were enlarged.
    Measured { step: usize, fidelity: Fidelity },
}

/// Steps between two measurements.
const MEASURE_EVERY: usize = 250;

/// Trains a network of Real-ESRGAN's compact kind with the mean absolute difference and Adam, and writes it.
/// The same settings and pictures give the same file. `tell` hears what happens. Returns how good it is at
/// last, unless nothing was held out.
///
/// # Errors
/// If a set can't be opened, hardly a picture can be read, burn fails or the file can't be written.
pub fn train_sharpener(
    settings: &SharpenerSettings,
    tell: &mut dyn FnMut(SharpenerEvent),
) -> Result<Option<Fidelity>, TrainError> {
    let (training, held_out) = split(settings)?;
    tell(SharpenerEvent::Started { training: training.len(), held_out: held_out.len() });
    let SharpenerSettings { upscale, num_feat, num_conv, seed, .. } = *settings;
    let device = Device::flex().autodiff();
    let mut network = SrvggNetCompact::init(SrvggConfig { num_feat, num_conv, upscale }, seed, &device);
    let mut optimizer = AdamConfig::new().with_beta_2(0.99).with_epsilon(1e-8).init();
    let shape = Shape { upscale: upscale as u32, crop: settings.crop as u32 };
    let held_out = HeldOut::new(&held_out, upscale as u32, &mut |note| tell(SharpenerEvent::Note(note)))?;
    let pairs = Pairs::new(training, shape, seed);

    let start = Instant::now();
    let mut fidelity = None;
    for step in 0..settings.steps {
        let batch = pairs.batch(step, settings.batch)?;
        batch.notes.into_iter().for_each(|note| tell(SharpenerEvent::Note(note)));
        let (small, large) = (shape.crop as usize, (shape.crop * shape.upscale) as usize);
        let tensor = |values: Vec<f32>, side: usize| {
            Tensor::<4>::from_data(TensorData::new(values, [settings.batch, 3, side, side]), &device)
        };
        let (shrunk, original) = (tensor(batch.shrunk, small), tensor(batch.originals, large));
        let (loss, gradients) = catch_panic(|| {
            let loss = (network.forward(shrunk) - original).abs().mean();
            let value = loss.clone().inner().try_into_vec_as::<f32>()?.first().copied().unwrap_or(f32::NAN);
            Ok::<_, ComputeError>((value, GradientsParams::from_grads(loss.backward(), &network)))
        })
        .map_err(TrainError::Compute)?;
        if !loss.is_finite() {
            return Err(TrainError::Diverged { loss, step: step + 1 });
        }
        network = optimizer.step(settings.learning_rate(step), network, gradients);
        let done = step + 1;
        let left = start.elapsed().mul_f64((settings.steps - done) as f64 / done as f64);
        tell(SharpenerEvent::Step { step: done, loss: f64::from(loss), left });
        if done.is_multiple_of(MEASURE_EVERY) || done == settings.steps {
            fidelity = held_out.measure(&network)?;
            if let Some(fidelity) = fidelity {
                tell(SharpenerEvent::Measured { step: done, fidelity });
            }
            // So that a training that is stopped leaves something.
            network.saver(settings.weight_type).finish(&settings.out)?;
        }
    }
    Ok(fidelity)
}

impl SharpenerSettings {
    /// The learning rate of a step, counted from 0: a cosine that falls to zero.
    fn learning_rate(&self, step: usize) -> f64 {
        let turn = step as f64 / self.steps.max(1) as f64 * std::f64::consts::PI;
        self.learning_rate * 0.5 * (1.0 + turn.cos())
    }
}

/// The pictures to learn from, and those that are held out.
fn split(settings: &SharpenerSettings) -> Result<(Vec<PathBuf>, Vec<PathBuf>), TrainError> {
    let mut inputs = Inputs::default();
    let mut paths: Vec<PathBuf> = Vec::new();
    for data in &settings.data {
        let set = Dataset::open(data)?;
        inputs.files("a file of the set,", set.files(data));
        paths.extend(set.items.into_iter().map(|item| item.path));
    }
    inputs
        .check(&[Output { option: "--out", path: &settings.out }])
        .map_err(|error| TrainError::Settings(error.to_string()))?;
    paths.sort();
    paths.dedup();
    paths.shuffle(&mut StdRng::seed_from_u64(settings.seed));
    let held_out = (paths.len() as f64 * settings.validation).round() as usize;
    let training = paths.split_off(held_out.min(paths.len().saturating_sub(1)));
    Ok((training, paths))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clip::Sharpener;

    /// Pictures of bars of several widths, whose edges a filter blurs.
    fn pictures(folder: &std::path::Path) {
        std::fs::create_dir(folder.join("bars")).unwrap();
        for index in 0..12_u32 {
            let picture = image::RgbImage::from_fn(64, 64, |x, y| {
                let bar = (x + index) / (3 + index % 4) % 2 == 0 || (y + 2 * index) / 9 % 3 == 0;
                image::Rgb(if bar { [220, 200, 40] } else { [20, 40, 60] })
            });
            picture.save(folder.join(format!("bars/{index}.png"))).unwrap();
        }
    }

    fn settings(folder: &std::path::Path, out: &str) -> SharpenerSettings {
        SharpenerSettings {
            data: vec![folder.to_owned()],
            out: folder.join(out),
            upscale: 2,
            num_feat: 8,
            num_conv: 2,
            steps: 60,
            batch: 4,
            crop: 12,
            learning_rate: 5e-3,
            validation: 0.25,
            weight_type: WeightType::F32,
            seed: 3,
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_network() {
        let folder = tempfile::tempdir().unwrap();
        pictures(folder.path());
        let mut losses = Vec::new();
        let mut train = |out: &str| {
            let settings = settings(folder.path(), out);
            let mut counts = (0, 0);
            let fidelity = train_sharpener(&settings, &mut |event| match event {
                SharpenerEvent::Started { training, held_out } => counts = (training, held_out),
                SharpenerEvent::Step { loss, .. } => losses.push(loss),
                _ => {}
            });
            assert_eq!(counts, (9, 3));
            (fidelity.unwrap().unwrap(), std::fs::read(&settings.out).unwrap())
        };
        let (fidelity, file) = train("a.safetensors");
        assert_eq!(train("b.safetensors").1, file);
        assert!(fidelity.bicubic > 5.0 && fidelity.network.is_finite(), "{fidelity:?}");
        // So few steps teach little, but they spoil nothing.
        let mean = |losses: &[f64]| losses.iter().sum::<f64>() / losses.len() as f64;
        assert!(mean(&losses[50..60]) < 2.0 * mean(&losses[..5]), "{losses:?}");
        assert_eq!(Sharpener::open(&folder.path().join("a.safetensors")).unwrap().upscale(), 2);
    }

    #[test]
    fn the_rate_falls_to_nothing() {
        let settings = settings(std::path::Path::new("."), "x");
        let rates: Vec<f64> = (0..60).map(|step| settings.learning_rate(step)).collect();
        assert_eq!(rates[0], 5e-3);
        assert!(rates.windows(2).all(|pair| pair[0] > pair[1]) && rates[59] < 1e-4);
    }

    #[test]
    fn no_picture_is_written_over() {
        let folder = tempfile::tempdir().unwrap();
        pictures(folder.path());
        let refused = train_sharpener(&settings(folder.path(), "bars/3.png"), &mut |_| {});
        assert!(refused.is_err_and(|error| error.to_string().contains("3.png")));
    }
}

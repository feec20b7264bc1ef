//! Fine-tuning CLIP for other pictures than those it was trained on.
//!
//! The recipe is that of the thesis and of CLIP-rsicd, on which the thesis builds: the symmetric contrastive
//! loss over large batches, Adafactor (Shazeer and Stern, 2018, <https://arxiv.org/abs/1804.04235>), a
//! learning rate that rises and falls linearly, and pictures that are cropped, rotated, flipped and
//! recoloured, and on demand shrunk, blurred and seen through haze.
//!
//! - this file: [`finetune`], the training loop
//! - `settings`: what a person decides
//! - `place`: the folder that the result is written to
//! - `sets`, `augment`, `sentences`: the batches
//! - `step`, `loss`: the gradients of a batch
//! - `validation`: how good the model is so far
//! - `checkpoint`, `curves`: what is written on the way
//! - `sharpener`: training the network that enlarges windows

mod augment;
mod checkpoint;
mod curves;
mod error;
mod loss;
mod place;
mod sentences;
mod sets;
mod settings;
mod sharpener;
mod step;
mod validation;

use std::path::Path;
use std::time::{Duration, Instant};

use burn::module::Param;
use burn::optim::{AdafactorConfig, AdamW, AdamWConfig, ModuleOptimizer};

pub use augment::Augment;
pub use curves::Point;
pub use error::TrainError;
pub use sentences::{Paraphrase, Synonyms};
pub use settings::{Freeze, OptimizerChoice, TrainSettings, TrainSource};
pub use sharpener::{Fidelity, SharpenerEvent, SharpenerSettings, train_sharpener};

use checkpoint::TrainingProgress;
use sets::TrainingData;
use step::MicroBatching;

use crate::atomic::write_bytes;
use crate::clip::{Learner, catch_panic};

/// What happens while a training runs.
#[derive(Clone, Debug)]
pub enum TrainEvent {
    /// Something that a person should know.
    Note(String),
    /// The training begins, or is resumed after `step` steps.
    Started { step: usize, steps: usize, device: String },
    /// The model was measured before the first step.
    Start { validation: f64 },
    /// A step was done.
    Step { step: usize, loss: f32, images_per_second: f64, left: Duration },
    /// The model was measured at the end of an epoch.
    Validated { epoch: usize, validation: f64, standing: ValidationStanding },
}

/// How an epoch compares with those before it and with the model before the training.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValidationStanding {
    /// Better than everything before.
    Best,
    /// As good as the best so far.
    Equal,
    /// The best so far, and no better than the start.
    BelowStart,
    Worse,
}

/// The outcome of a training.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainSummary {
    pub steps: usize,
    /// The best validation and the last epoch that reached it; `None` if no pictures were kept for it.
    pub best: Option<(f64, usize)>,
    /// The validation before the first step.
    pub start: Option<f64>,
    /// Pictures that could not be read.
    pub unreadable: usize,
    /// Whether it ended before its last epoch because the model no longer got better.
    pub stopped_early: bool,
}

/// The names of the files with the curves, in the folder of the result.
const CURVES_TABLE: &str = "curves.csv";
const CURVES_PICTURE: &str = "curves.png";

/// A checkpoint is written at least this often, and at the end of every epoch.
const CHECKPOINT_EVERY: Duration = Duration::from_mins(5);

/// Trains a model and writes it to `settings.out`. `tell` is called at every step and returns whether to go
/// on.
///
/// # Errors
/// If no training is possible with the model, the sets or the settings, the device fails, or the result
/// cannot be written. What was reached until then is in the checkpoint.
pub fn finetune(
    settings: &TrainSettings,
    mut tell: impl FnMut(TrainEvent) -> bool,
) -> Result<TrainSummary, TrainError> {
    place::check(settings)?;
    let mut learner = Learner::load(&settings.model, settings.device, settings.image_size)?;
    if let Some(source) = &settings.image_tower {
        learner.take_image_tower(source)?;
    }
    let data = settings.training_data()?;
    for notice in learner.notices() {
        tell(TrainEvent::Note(notice));
    }
    for note in settings.notes(&data, &learner)? {
        tell(TrainEvent::Note(note));
    }
    let batch = settings.batch.min(data.len());
    let steps_per_epoch = data.len().div_ceil(batch);
    let steps = ((settings.epochs * steps_per_epoch as f64).round() as usize).max(1);
    std::fs::create_dir_all(&settings.out)
        .map_err(|error| TrainError::Write { path: settings.out.clone(), error })?;

    prepare(&mut learner, settings)?;
    let mut optimizer = optimizer(&learner, settings);
    let mut progress = TrainingProgress { settings: settings.fixed(&data), ..TrainingProgress::default() };
    if settings.resume {
        let (resumed, found) = checkpoint::load(&settings.out, &mut learner, optimizer)?;
        settings::check_same(&settings.out, &found.settings, &progress.settings)?;
        (optimizer, progress) = (resumed, found);
        if progress.step >= steps {
            let reason = "this training came to its end already, so nothing is done; to train on, begin another one with \
                          its result as --model";
            tell(TrainEvent::Note(reason.to_owned()));
        }
    }
    let micro_batching = micro_batching(&learner, settings, batch);
    let device = learner.device_label().to_owned();
    tell(TrainEvent::Started { step: progress.step, steps, device });

    if progress.step == 0 {
        measure_start(&learner, &data, &mut progress, &mut tell)?;
    }
    let (start, first) = (Instant::now(), progress.step);
    let mut mean_loss = Mean::default();
    let mut last_checkpoint = Instant::now();
    let mut unreadable_told = 0;
    let mut stopped_early = false;
    let mut drawing_failed = false;
    while progress.step < steps && !stopped_early {
        let drawn = data.batch(&learner, progress.step, batch)?;
        for (path, reason) in data.unreadable().into_iter().skip(unreadable_told) {
            unreadable_told += 1;
            tell(TrainEvent::Note(format!("{} is left out: {reason}", path.display())));
        }
        let (loss, gradients) =
            catch_panic(|| step::gradients(&learner, &drawn, micro_batching)).map_err(TrainError::Compute)?;
        if !loss.is_finite() {
            return Err(TrainError::Diverged { loss, step: progress.step + 1 });
        }
        let learning_rate = settings.learning_rate(progress.step, steps);
        learner.model = optimizer.step(learning_rate, learner.model, gradients);
        clamp_logit_scale(&mut learner);
        progress.step += 1;
        mean_loss.add(f64::from(loss));

        let seconds_per_step = start.elapsed().as_secs_f64() / (progress.step - first) as f64;
        let images_per_second = batch as f64 / seconds_per_step;
        let left = Duration::from_secs_f64(seconds_per_step * (steps - progress.step) as f64);
        let goes_on = tell(TrainEvent::Step { step: progress.step, loss, images_per_second, left });
        let ends_epoch = progress.step.is_multiple_of(steps_per_epoch) || progress.step == steps;
        if ends_epoch {
            let epoch = progress.step.div_ceil(steps_per_epoch);
            let validation = validation::measure(&learner, &data)?;
            progress.curve.push(Point {
                step: progress.step,
                epoch: progress.step as f64 / steps_per_epoch as f64,
                loss: Some(mean_loss.take()),
                learning_rate,
                logit_scale: f64::from(learner.model.logit_scale()),
                images_per_second,
                validation,
            });
            let standing = progress.add_validation(epoch, validation);
            // Of equal epochs the latest is kept, since it has seen more.
            if standing != ValidationStanding::Worse {
                learner.save(&settings.out, settings.weight_type)?;
            }
            if let Some(validation) = validation {
                tell(TrainEvent::Validated { epoch, validation, standing });
            }
            if let Some(note) = write_curves(&settings.out, &progress.curve)?.filter(|_| !drawing_failed) {
                drawing_failed = true;
                tell(TrainEvent::Note(note));
            }
            stopped_early = progress.best.is_some() && epoch - progress.improved >= settings.patience;
        }
        if ends_epoch || !goes_on || last_checkpoint.elapsed() >= CHECKPOINT_EVERY {
            checkpoint::save(&settings.out, &learner, &optimizer, &progress)?;
            last_checkpoint = Instant::now();
        }
        if !goes_on {
            return Err(TrainError::Stopped);
        }
    }
    let unreadable = data.unreadable().len();
    let TrainingProgress { step: steps, best, start, .. } = progress;
    Ok(TrainSummary { steps, best, start, unreadable, stopped_early })
}

/// Measures the model before the first step, for comparison.
fn measure_start(
    learner: &Learner,
    data: &TrainingData,
    progress: &mut TrainingProgress,
    tell: &mut impl FnMut(TrainEvent) -> bool,
) -> Result<(), TrainError> {
    progress.start = validation::measure(learner, data)?;
    if let Some(validation) = progress.start {
        tell(TrainEvent::Start { validation });
        progress.curve.push(Point {
            step: 0,
            epoch: 0.0,
            loss: None,
            learning_rate: 0.0,
            logit_scale: f64::from(learner.model.logit_scale()),
            images_per_second: 0.0,
            validation: progress.start,
        });
    }
    Ok(())
}

/// Freezes what shouldn't change and adds adapters.
fn prepare(learner: &mut Learner, settings: &TrainSettings) -> Result<(), TrainError> {
    match settings.freeze {
        Freeze::None => {}
        Freeze::Text => learner.freeze_text(),
        Freeze::Image => learner.freeze_image(),
    }
    if let Some(rank) = settings.lora {
        if rank == 0 {
            return Err(TrainError::Settings(
                "--lora 0 leaves nothing to learn; give a rank from 1".to_owned(),
            ));
        }
        learner.add_lora(rank, settings.seed);
    }
    Ok(())
}

fn optimizer(learner: &Learner, settings: &TrainSettings) -> ModuleOptimizer {
    match settings.optimizer {
        // As in the thesis and optax, the schedule alone decides the learning rate.
        OptimizerChoice::Adafactor => {
            AdafactorConfig::new().with_relative_step(false).with_weight_decay(settings.weight_decay).init()
        }
        OptimizerChoice::Adamw => {
            // Beta 2 and epsilon of CLIP's ViTs (Radford et al., 2021, table 18).
            let config = AdamWConfig::new().with_beta_2(0.98).with_epsilon(1e-6);
            let without_decay: AdamW = config.clone().with_weight_decay(0.0).build();
            config.with_weight_decay(settings.weight_decay).init().with_group(
                learner.vectors(),
                without_decay,
                None,
            )
        }
    }
}

/// Keeps passes if those of a batch fit into memory and nobody asked for smaller ones.
fn micro_batching(learner: &Learner, settings: &TrainSettings, batch: usize) -> MicroBatching {
    /// More pictures per pass don't make a step faster on a processor.
    const PASS: usize = 32;
    const BYTES: usize = 4 << 30;
    if let Some(size) = settings.micro_batch {
        return MicroBatching { size: size.clamp(1, batch), keeps_passes: size >= batch };
    }
    let even = batch.div_ceil(learner.parallel_passes());
    let size = (BYTES / learner.bytes_per_picture().max(1)).clamp(1, even.min(PASS));
    MicroBatching { size, keeps_passes: batch.saturating_mul(learner.bytes_per_picture()) <= BYTES }
}

/// Limits the logit scale to a hundred, as in CLIP.
fn clamp_logit_scale(learner: &mut Learner) {
    let highest = 100_f32.ln();
    let logit_scale = learner.model.logit_scale.val();
    if learner.model.logit_scale() > 100.0 {
        let id = learner.model.logit_scale.id;
        let requires_grad = logit_scale.is_require_grad();
        let clamped = logit_scale.detach().clamp(0.0, highest).set_require_grad(requires_grad);
        learner.model.logit_scale = Param::initialized(id, clamped);
    }
}

/// Writes the table and the picture of the curves. The text says why there is no picture.
fn write_curves(out: &Path, points: &[Point]) -> Result<Option<String>, TrainError> {
    let failed = |path: &Path, error| TrainError::Write { path: path.to_owned(), error };
    let table = out.join(CURVES_TABLE);
    let mut csv = Vec::new();
    curves::write_table(points, &mut csv)
        .and_then(|()| write_bytes(&table, &csv))
        .map_err(|error| failed(&table, error))?;
    let picture = out.join(CURVES_PICTURE);
    match curves::draw(points) {
        Ok(drawn) => {
            let mut png = Vec::new();
            drawn
                .write_with_encoder(image::codecs::png::PngEncoder::new(&mut png))
                .map_err(std::io::Error::other)
                .and_then(|()| write_bytes(&picture, &png))
                .map_err(|error| failed(&picture, error))?;
        }
        Err(reason) => {
            let table = table.display();
            return Ok(Some(format!("the curves are in {table} alone, since they can't be drawn: {reason}")));
        }
    }
    Ok(None)
}

#[derive(Default)]
struct Mean {
    sum: f64,
    count: usize,
}

impl Mean {
    fn add(&mut self, value: f64) {
        self.sum += value;
        self.count += 1;
    }

    fn take(&mut self) -> f64 {
        let mean = self.sum / self.count.max(1) as f64;
        *self = Self::default();
        mean
    }
}

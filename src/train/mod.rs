//! Fine-tuning: CLIP made into a tool for other pictures than those it grew up with.
//!
//! The recipe is the thesis' and that of CLIP-rsicd, on which it builds: the symmetric contrastive loss over
//! large batches, Adafactor (Shazeer and Stern, 2018, <https://arxiv.org/abs/1804.04235>), a learning rate
//! that rises and falls linearly, and pictures that are cropped, turned, mirrored and recoloured.
//! [`finetune`] is the whole of it.

mod augment;
mod checkpoint;
mod curves;
mod error;
mod loss;
mod place;
mod sentences;
mod sets;
mod settings;
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
pub use settings::{Freeze, OptimizerChoice, Settings, Source};

use checkpoint::Progress;
use step::Parts;

use crate::atomic::write_bytes;
use crate::clip::Learner;
use crate::guard;

/// What is told while a training runs.
#[derive(Clone, Debug)]
pub enum Report {
    /// Something to know before it begins, or that happened on the way.
    Note(String),
    /// It begins, or goes on after `step` steps.
    Started { step: usize, steps: usize, device: String },
    /// How good the model is before the first step.
    Start { validation: f64 },
    /// A step was done.
    Step { step: usize, loss: f32, images_per_second: f64, left: Duration },
    /// An epoch's end was measured.
    Validated { epoch: usize, validation: f64, standing: Standing },
}

/// How an epoch compares with those before it and with the model that the training began with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Better than everything before.
    Best,
    /// As good as the best so far.
    Equal,
    /// The best so far, and no better than the start.
    BelowStart,
    Worse,
}

/// What a training came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    pub steps: usize,
    /// The best validation and the last epoch that reached it; none where nothing was kept for it.
    pub best: Option<(f64, usize)>,
    /// The validation before the first step.
    pub start: Option<f64>,
    /// Pictures that could not be read.
    pub unreadable: usize,
    /// Whether it ended before its last epoch because it no longer got better.
    pub stopped_early: bool,
}

/// How the training went, in the folder of the result.
const CURVES_TABLE: &str = "curves.csv";
const CURVES_PICTURE: &str = "curves.png";

/// A checkpoint is written this often, and at the end of every epoch.
const CHECKPOINT_EVERY: Duration = Duration::from_mins(5);

/// Trains a model and writes it to `settings.out`. `tell` hears of every step and says whether to go on.
///
/// # Errors
/// When the model, the sets or the settings make no training, the device fails, or the result cannot be
/// written; what was reached until then is in the checkpoint.
pub fn finetune(settings: &Settings, mut tell: impl FnMut(Report) -> bool) -> Result<Summary, TrainError> {
    place::check(settings)?;
    let mut learner = Learner::load(&settings.model, settings.device, settings.image_size)?;
    let sets = settings.sets()?;
    for notice in learner.notices() {
        tell(Report::Note(notice));
    }
    for note in settings.notes(&sets, &learner)? {
        tell(Report::Note(note));
    }
    let batch = settings.batch.min(sets.len());
    let steps_per_epoch = sets.len().div_ceil(batch);
    let steps = ((settings.epochs * steps_per_epoch as f64).round() as usize).max(1);
    std::fs::create_dir_all(&settings.out)
        .map_err(|error| TrainError::Write { path: settings.out.clone(), error })?;

    prepare(&mut learner, settings)?;
    let mut optimizer = optimizer(&learner, settings);
    let mut progress = Progress { settings: settings.fixed(&sets), ..Progress::default() };
    if settings.resume {
        let (taken_up, found) = checkpoint::load(&settings.out, &mut learner, optimizer)?;
        settings::assert_same(&settings.out, &found.settings, &progress.settings)?;
        (optimizer, progress) = (taken_up, found);
        if progress.step >= steps {
            let reason = "this training came to its end already, so nothing is done; to train on, begin another one with \
                          its result as --model";
            tell(Report::Note(reason.to_owned()));
        }
    }
    let parts = parts(&learner, settings, batch);
    let device = learner.device_label().to_owned();
    tell(Report::Started { step: progress.step, steps, device });

    if progress.step == 0 {
        measure_start(&learner, &sets, &mut progress, &mut tell)?;
    }
    let (start, first) = (Instant::now(), progress.step);
    let mut since = Mean::default();
    let mut last_checkpoint = Instant::now();
    let mut told = 0;
    let mut stopped_early = false;
    let mut undrawn = false;
    while progress.step < steps && !stopped_early {
        let drawn = sets.batch(&learner, progress.step, batch)?;
        for (path, reason) in sets.unreadable().into_iter().skip(told) {
            told += 1;
            tell(Report::Note(format!("{} is left out: {reason}", path.display())));
        }
        let (loss, gradients) = guard::catch(|| step::gradients(&learner, &drawn, parts))
            .flatten()
            .map_err(TrainError::Device)?;
        if !loss.is_finite() {
            let reason = format!("the loss is {loss} at step {}; try a lower --lr", progress.step + 1);
            return Err(TrainError::Device(reason));
        }
        let learning_rate = settings.learning_rate(progress.step, steps);
        learner.model = optimizer.step(learning_rate, learner.model, gradients);
        clamp_temperature(&mut learner);
        progress.step += 1;
        since.add(f64::from(loss));

        let pace = start.elapsed().as_secs_f64() / (progress.step - first) as f64;
        let images_per_second = batch as f64 / pace;
        let left = Duration::from_secs_f64(pace * (steps - progress.step) as f64);
        let goes_on = tell(Report::Step { step: progress.step, loss, images_per_second, left });
        let ends_epoch = progress.step.is_multiple_of(steps_per_epoch) || progress.step == steps;
        if ends_epoch {
            let epoch = progress.step.div_ceil(steps_per_epoch);
            let validation = validation::measure(&learner, &sets)?;
            progress.curve.push(Point {
                step: progress.step,
                epoch: progress.step as f64 / steps_per_epoch as f64,
                loss: Some(since.take()),
                learning_rate,
                logit_scale: f64::from(learner.model.logit_scale()),
                images_per_second,
                validation,
            });
            let standing = progress.take(epoch, validation);
            // Of equal epochs the latest is kept: it has seen more.
            if standing != Standing::Worse {
                learner.save(&settings.out, settings.weight_type)?;
            }
            if let Some(validation) = validation {
                tell(Report::Validated { epoch, validation, standing });
            }
            if let Some(note) = write_curves(&settings.out, &progress.curve)?.filter(|_| !undrawn) {
                undrawn = true;
                tell(Report::Note(note));
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
    let unreadable = sets.unreadable().len();
    let Progress { step: steps, best, start, .. } = progress;
    Ok(Summary { steps, best, start, unreadable, stopped_early })
}

/// Measures the model before the first step, so that what follows has something to be compared with.
fn measure_start(
    learner: &Learner,
    sets: &sets::Sets,
    progress: &mut Progress,
    tell: &mut impl FnMut(Report) -> bool,
) -> Result<(), TrainError> {
    progress.start = validation::measure(learner, sets)?;
    if let Some(validation) = progress.start {
        tell(Report::Start { validation });
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

/// Freezes what isn't to change and adds adapters.
fn prepare(learner: &mut Learner, settings: &Settings) -> Result<(), TrainError> {
    match settings.freeze {
        Freeze::None => {}
        Freeze::Text => learner.freeze_text(),
        Freeze::Image => learner.freeze_images(),
    }
    if let Some(rank) = settings.lora {
        if rank == 0 {
            return Err(TrainError::Settings(
                "--lora 0 leaves nothing to learn; give a rank from 1".to_owned(),
            ));
        }
        learner.add_adapters(rank, settings.seed);
    }
    Ok(())
}

fn optimizer(learner: &Learner, settings: &Settings) -> ModuleOptimizer {
    match settings.optimizer {
        // As optax and the thesis run it: the schedule alone decides the learning rate.
        OptimizerChoice::Adafactor => {
            AdafactorConfig::new().with_relative_step(false).with_weight_decay(settings.weight_decay).init()
        }
        OptimizerChoice::Adamw => {
            // Beta 2 and epsilon of CLIP's ViTs (Radford et al., 2021, table 18).
            let config = AdamWConfig::new().with_beta_2(0.98).with_epsilon(1e-6);
            let spared: AdamW = config.clone().with_weight_decay(0.0).build();
            config.with_weight_decay(settings.weight_decay).init().with_group(learner.vectors(), spared, None)
        }
    }
}

/// Keeps passes where a batch's fit into memory and nobody asked for small ones.
fn parts(learner: &Learner, settings: &Settings, batch: usize) -> Parts {
    /// Pictures of a pass on a processor: more make a step no faster.
    const PASS: usize = 32;
    const BYTES: usize = 4 << 30;
    if let Some(size) = settings.micro_batch {
        return Parts { size: size.clamp(1, batch), are_kept: size >= batch };
    }
    let even = batch.div_ceil(learner.parallel_passes());
    let size = (BYTES / learner.bytes_per_picture().max(1)).clamp(1, even.min(PASS));
    Parts { size, are_kept: batch.saturating_mul(learner.bytes_per_picture()) <= BYTES }
}

/// At most a hundred, as in CLIP.
fn clamp_temperature(learner: &mut Learner) {
    let highest = 100_f32.ln();
    let logit_scale = learner.model.logit_scale.val();
    if learner.model.logit_scale() > 100.0 {
        let id = learner.model.logit_scale.id;
        let requires = logit_scale.is_require_grad();
        let clamped = logit_scale.detach().clamp(0.0, highest).set_require_grad(requires);
        learner.model.logit_scale = Param::initialized(id, clamped);
    }
}

/// Writes the table and the picture of the curves. The string says why there is no picture.
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

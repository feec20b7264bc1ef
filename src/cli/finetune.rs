//! `skysift finetune`: trains a model on images with classes or captions.

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;
use indicatif::{HumanDuration, ProgressBar, ProgressStyle};

use super::{output, wrong_usage};
use crate::clip::{DeviceChoice, ModelSource, WeightType};
use crate::models::ModelPlaces;
use crate::train::{
    Augment, Freeze, OptimizerChoice, TrainEvent, TrainSettings, TrainSource, ValidationStanding, finetune,
};

#[derive(Args)]
pub struct FinetuneArgs {
    /// Folders of class folders, files of captions (JSONL, JSON, CSV, text) or COCO's JSON; every batch takes
    /// as many pictures from each
    #[arg(required = true)]
    data: Vec<PathBuf>,
    /// The model to begin with: a name of `skysift models list`, a folder, or a bare state dict with --arch
    #[arg(long, value_name = "NAME|DIR")]
    model: PathBuf,
    /// Architecture of a bare state dict with its activation, e.g. ViT-B-32-quickgelu
    #[arg(long, value_name = "NAME")]
    arch: Option<String>,
    /// Begin with the image tower of this model, which has the same sizes; texts begin with --model's
    #[arg(long, value_name = "NAME|DIR")]
    image_tower: Option<PathBuf>,
    /// The folder for the result: a model directory, curves and the checkpoint
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// How often to go through as many pictures as there are
    #[arg(long, default_value_t = 10.0, value_name = "N")]
    epochs: f64,
    /// Pictures that are compared with each other
    #[arg(long, default_value_t = 1024, value_name = "N")]
    batch: usize,
    /// Pictures in memory at a time; the loss stays that of the whole batch [default: as many as fit]
    #[arg(long, value_name = "N")]
    micro_batch: Option<usize>,
    /// The highest learning rate
    #[arg(long, default_value_t = 1e-4, value_name = "RATE")]
    lr: f64,
    /// Steps until the highest learning rate [default: a tenth of all]
    #[arg(long, value_name = "STEPS")]
    warmup: Option<usize>,
    #[arg(long, value_enum, default_value_t)]
    optimizer: OptimizerChoice,
    #[arg(long, default_value_t = 0.0, value_name = "FACTOR")]
    weight_decay: f32,
    /// Train adapters of this rank instead of the weights; they are merged into the result
    #[arg(long, value_name = "RANK")]
    lora: Option<usize>,
    /// The tower that stays as it is
    #[arg(long, value_enum, default_value_t)]
    freeze: Freeze,
    /// The part of every class that is kept for validation
    #[arg(long, default_value_t = 0.1, value_name = "PART")]
    val_split: f64,
    /// Stop after so many epochs without a better validation
    #[arg(long, default_value_t = 10, value_name = "EPOCHS")]
    patience: usize,
    /// Go on from the checkpoint in the folder of the result
    #[arg(long)]
    resume: bool,
    /// Each set's part of a batch, relative to the others', e.g. 2,1
    #[arg(long, value_delimiter = ',', value_name = "N,N")]
    shares: Vec<f64>,
    /// Words for class folders: JSON such as {"AnnualCrop": "cropland"} or with lists of words
    #[arg(long, value_name = "FILE")]
    names: Option<PathBuf>,
    /// Sentences for classes: one a line with {} for the word
    #[arg(long, value_name = "FILE")]
    templates: Option<PathBuf>,
    /// More captions of the same pictures, in the same forms (may be repeated)
    #[arg(long, value_name = "FILE")]
    paraphrases: Vec<PathBuf>,
    /// Words that may stand for others: JSON from a word to a list of words
    #[arg(long, value_name = "FILE")]
    synonyms: Option<PathBuf>,
    /// Train for pictures of this size, in pixels a side [default: the model's]
    #[arg(long, value_name = "PIXELS")]
    image_size: Option<usize>,
    /// The least part of a picture's area that a random crop keeps
    #[arg(long, default_value_t = Augment::default().least_area, value_name = "PART")]
    crop: f64,
    /// How far brightness, contrast and saturation may stray
    #[arg(long, default_value_t = Augment::default().jitter, value_name = "PART")]
    jitter: f32,
    /// Shrink half of the pictures by a factor of up to this, among others of their class, so that the ground
    /// is seen from further away; 1 shrinks none. One number, or one for each set, e.g. 8,2
    #[arg(long, value_delimiter = ',', default_value = "1", value_name = "FACTOR")]
    ground_scale: Vec<f64>,
    /// Blur half of the pictures as if their pixels were up to so many times as large; 1 blurs none
    #[arg(long, default_value_t = Augment::default().blur, value_name = "FACTOR")]
    blur: f64,
    /// The largest share of haze that is laid over half of the pictures
    #[arg(long, default_value_t = Augment::default().haze, value_name = "PART")]
    haze: f32,
    /// How far the colours of what is green may stray, as from season to season
    #[arg(long, default_value_t = Augment::default().season, value_name = "PART")]
    season: f32,
    /// How far each channel's gain, offset and gamma may stray, as from sensor to sensor
    #[arg(long, default_value_t = Augment::default().sensor, value_name = "PART")]
    sensor: f32,
    /// How the result's weights are stored
    #[arg(long, value_enum, default_value_t)]
    weights: WeightType,
    #[arg(long, value_enum, default_value_t)]
    device: DeviceChoice,
    /// The same seed gives the same training
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Print nothing but errors
    #[arg(long)]
    quiet: bool,
}

pub fn run(args: FinetuneArgs) -> anyhow::Result<()> {
    let quiet = args.quiet;
    let out = args.out.clone();
    let places = ModelPlaces::from_environment();
    let source = places.resolve(&args.model, args.arch.as_deref())?;
    let image_tower = args.image_tower.as_ref().map(|model| places.resolve(model, None)).transpose()?;
    let settings = TrainSettings { image_tower, ..settings(args, source) };
    let mut progress = TrainingBar::new(quiet);
    let summary = finetune(&settings, |event| {
        progress.show(event);
        true
    });
    progress.bar.finish_and_clear();
    let summary = summary?;
    if !quiet {
        let best = match (summary.best, summary.start) {
            (Some((best, _)), Some(start)) if best <= start => format!(
                "; it is no better than the model that the training began with (validation {:.1}% before, {:.1}% at \
                 best after): keep that one, and try a lower --lr or more images",
                100.0 * start,
                100.0 * best
            ),
            (Some((best, epoch)), start) => {
                let before = start
                    .map_or_else(String::new, |start| format!(", {:.1}% before training", 100.0 * start));
                format!(", the best validation {:.1}% after epoch {epoch}{before}", 100.0 * best)
            }
            (None, _) => String::new(),
        };
        let early = if summary.stopped_early { ", which stopped getting better" } else { "" };
        let left_out = match summary.unreadable {
            0 => String::new(),
            count => format!(", {count} unreadable pictures left out"),
        };
        output::line(format_args!(
            "wrote {} after {} steps{early}{left_out}{best}",
            out.display(),
            summary.steps
        ))?;
    }
    Ok(())
}

/// The largest factor of scales and blur: more would leave a few pixels of a picture.
const MOST_FACTOR: f64 = 16.0;

fn settings(args: FinetuneArgs, source: ModelSource) -> TrainSettings {
    let is_share = |share: &f64| share.is_finite() && *share > 0.0;
    if !args.shares.is_empty() && (args.shares.len() != args.data.len() || !args.shares.iter().all(is_share))
    {
        wrong_usage("--shares needs one number above 0 for each set");
    }
    if !(0.0..1.0).contains(&args.val_split) {
        wrong_usage("--val-split must be from 0 to less than 1");
    }
    if args.batch < 2 || args.micro_batch == Some(0) || args.patience == 0 {
        wrong_usage("--batch must be 2 at least, --micro-batch and --patience 1");
    }
    if !(args.epochs > 0.0 && args.lr > 0.0 && args.epochs.is_finite() && args.lr.is_finite()) {
        wrong_usage("--epochs and --lr must be above 0");
    }
    if !(args.crop > 0.0 && args.crop <= 1.0 && (0.0..1.0).contains(&args.jitter)) {
        wrong_usage("--crop must be above 0 and at most 1, --jitter from 0 to less than 1");
    }
    let is_factor = |factor: &f64| (1.0..=MOST_FACTOR).contains(factor);
    if !args.ground_scale.iter().chain(&[args.blur]).all(is_factor) {
        wrong_usage(&format!("--ground-scale and --blur must be from 1 to {MOST_FACTOR}"));
    }
    if args.ground_scale.len() > 1 && args.ground_scale.len() != args.data.len() {
        wrong_usage("--ground-scale needs one number, or one for each set");
    }
    if ![args.haze, args.season, args.sensor].iter().all(|part| (0.0..1.0).contains(part)) {
        wrong_usage("--haze, --season and --sensor must be from 0 to less than 1");
    }
    let augment = Augment {
        least_area: args.crop,
        jitter: args.jitter,
        blur: args.blur,
        haze: args.haze,
        season: args.season,
        sensor: args.sensor,
    };
    let shares = args.shares.iter().copied().chain(std::iter::repeat(1.0));
    let scales = args.ground_scale.into_iter().cycle();
    let sources = args.data.into_iter().zip(shares).zip(scales);
    let sources =
        sources.map(|((path, share), ground_scale)| TrainSource { path, share, ground_scale }).collect();
    TrainSettings {
        device: args.device,
        epochs: args.epochs,
        batch: args.batch,
        micro_batch: args.micro_batch,
        learning_rate: args.lr,
        warmup: args.warmup,
        optimizer: args.optimizer,
        weight_decay: args.weight_decay,
        lora: args.lora,
        freeze: args.freeze,
        validation: args.val_split,
        patience: args.patience,
        resume: args.resume,
        names: args.names,
        templates: args.templates,
        paraphrases: args.paraphrases,
        synonyms: args.synonyms,
        image_size: args.image_size,
        augment,
        weight_type: args.weights,
        seed: args.seed,
        ..TrainSettings::new(sources, source, args.out)
    }
}

/// A bar on a terminal, a line now and then elsewhere.
struct TrainingBar {
    bar: ProgressBar,
    quiet: bool,
    steps: usize,
    last_line: Instant,
}

impl TrainingBar {
    fn new(quiet: bool) -> Self {
        let visible = !quiet && std::io::stderr().is_terminal();
        let bar = if visible { ProgressBar::new(1) } else { ProgressBar::hidden() };
        if let Ok(style) = ProgressStyle::with_template("{bar:32} step {pos}/{len} {msg}") {
            bar.set_style(style);
        }
        Self { bar, quiet, steps: 0, last_line: Instant::now() }
    }

    fn show(&mut self, event: TrainEvent) {
        /// Where there is no bar.
        const LINE_EVERY: Duration = Duration::from_secs(30);
        match event {
            TrainEvent::Note(note) => self.line(&note),
            TrainEvent::Started { step, steps, device } => {
                self.steps = steps;
                self.bar.set_length(steps as u64);
                self.bar.set_position(step as u64);
                let begins = if step == 0 { String::new() } else { format!(", going on after step {step}") };
                self.line(&format!("{steps} steps on {device}{begins}"));
            }
            TrainEvent::Step { step, loss, images_per_second, left } => {
                let left = HumanDuration(left);
                let message = format!("loss {loss:.3}, {images_per_second:.0} images a second, {left} left");
                self.bar.set_position(step as u64);
                self.bar.set_message(message.clone());
                if self.bar.is_hidden() && self.last_line.elapsed() >= LINE_EVERY {
                    self.last_line = Instant::now();
                    self.line(&format!("step {step}/{}: {message}", self.steps));
                }
            }
            TrainEvent::Start { validation } => {
                self.line(&format!("before training: validation {:.1}%", 100.0 * validation));
            }
            TrainEvent::Validated { epoch, validation, standing } => {
                let best = match standing {
                    ValidationStanding::Best => ", the best so far",
                    ValidationStanding::Equal => ", as good as the best so far",
                    ValidationStanding::BelowStart => ", no better than before training",
                    ValidationStanding::Worse => "",
                };
                self.line(&format!("epoch {epoch}: validation {:.1}%{best}", 100.0 * validation));
            }
        }
    }

    fn line(&self, text: &str) {
        if !self.quiet {
            self.bar.suspend(|| output::note(text));
        }
    }
}

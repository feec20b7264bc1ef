//! `skysift train-sharpener`: trains the network that `--sharpen` enlarges small windows with.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;
use clap::builder::RangedU64ValueParser;
use indicatif::HumanDuration;

use super::{output, wrong_usage};
use crate::clip::WeightType;
use crate::train::{Fidelity, SharpenerEvent, SharpenerSettings, train_sharpener};

#[derive(Args)]
pub struct TrainSharpenerArgs {
    /// Folders of class folders, or files of captions: pictures as sharp as what is to come out
    #[arg(required = true)]
    data: Vec<PathBuf>,
    /// The file to write, in Real-ESRGAN's layout
    #[arg(long, value_name = "FILE.safetensors")]
    out: PathBuf,
    /// How many times as wide and high it makes a picture
    #[arg(long, default_value_t = 4, value_name = "N", value_parser = RangedU64ValueParser::<usize>::new().range(2..=4))]
    scale: usize,
    /// Channels between its layers
    #[arg(long, default_value_t = 24, value_name = "N", value_parser = RangedU64ValueParser::<usize>::new().range(1..=512))]
    features: usize,
    /// Layers between its first and its last
    #[arg(long, default_value_t = 6, value_name = "N", value_parser = RangedU64ValueParser::<usize>::new().range(0..=64))]
    layers: usize,
    /// Batches to learn from
    #[arg(long, default_value_t = 2000, value_name = "N", value_parser = RangedU64ValueParser::<usize>::new().range(1..))]
    steps: usize,
    /// Crops of a batch
    #[arg(long, default_value_t = 16, value_name = "N", value_parser = RangedU64ValueParser::<usize>::new().range(1..=4096))]
    batch: usize,
    /// Side of a crop once it is shrunk
    #[arg(long, default_value_t = 24, value_name = "PIXELS", value_parser = RangedU64ValueParser::<usize>::new().range(4..=512))]
    crop: usize,
    /// The learning rate to begin with
    #[arg(long, default_value_t = 2e-3, value_name = "RATE")]
    lr: f64,
    /// The part of the pictures that is held out to measure with
    #[arg(long, default_value_t = 0.03, value_name = "PART")]
    val_split: f64,
    /// How the weights are stored
    #[arg(long, value_enum, default_value_t = WeightType::F16)]
    weights: WeightType,
    /// The same seed gives the same network
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Print nothing but errors
    #[arg(long)]
    quiet: bool,
}

pub fn run(args: &TrainSharpenerArgs) -> anyhow::Result<()> {
    if !((0.0..1.0).contains(&args.val_split) && args.lr > 0.0 && args.lr.is_finite()) {
        wrong_usage("--val-split must be from 0 to less than 1, --lr above 0");
    }
    let settings = SharpenerSettings {
        data: args.data.clone(),
        out: args.out.clone(),
        upscale: args.scale,
        num_feat: args.features,
        num_conv: args.layers,
        steps: args.steps,
        batch: args.batch,
        crop: args.crop,
        learning_rate: args.lr,
        validation: args.val_split,
        weight_type: args.weights,
        seed: args.seed,
    };
    let mut progress = Progress { quiet: args.quiet, steps: args.steps, last: Instant::now() };
    let fidelity = train_sharpener(&settings, &mut |event| progress.show(event))?;
    if !args.quiet {
        let measured = fidelity.map_or_else(String::new, |fidelity| format!(": {}", in_words(fidelity)));
        output::line(format_args!("wrote {}{measured}", args.out.display()))?;
    }
    Ok(())
}

/// Lines on stderr, now and then.
struct Progress {
    quiet: bool,
    steps: usize,
    last: Instant,
}

impl Progress {
    fn show(&mut self, event: SharpenerEvent) {
        const LINE_EVERY: Duration = Duration::from_secs(15);
        if self.quiet {
            return;
        }
        match event {
            SharpenerEvent::Note(note) => output::note(note),
            SharpenerEvent::Started { training, held_out } => {
                output::note(format_args!("learning from {training} pictures, {held_out} are held out"));
            }
            SharpenerEvent::Step { step, loss, left } if step == 1 || self.last.elapsed() >= LINE_EVERY => {
                self.last = Instant::now();
                let left = HumanDuration(left);
                output::note(format_args!("step {step}/{}: loss {loss:.4}, {left} left", self.steps));
            }
            SharpenerEvent::Step { .. } => {}
            SharpenerEvent::Measured { step, fidelity } => {
                output::note(format_args!("after step {step}: {}", in_words(fidelity)));
            }
        }
    }
}

fn in_words(Fidelity { network, bicubic }: Fidelity) -> String {
    format!("{network:.2} dB on held-out pictures, {bicubic:.2} dB with bicubic")
}

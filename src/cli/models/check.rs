//! `skysift models check`: what a model is, and whether it runs here.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::Result;
use clap::Args;
use serde::Serialize;

use crate::cli::args::run_on::RunOnArgs;
use crate::cli::output;
use crate::clip::{Clip, ModelDescription, ModelDevice};
use crate::models::ModelPlaces;

/// How long encoding is measured, in seconds.
const MEASURED: f64 = 2.0;

#[derive(Args)]
pub struct CheckArgs {
    /// A name of the list, a model folder or a bare state dict
    #[arg(value_name = "NAME|DIR")]
    model: PathBuf,
    /// Architecture of a bare state dict, e.g. ViT-B-32-quickgelu
    #[arg(long, value_name = "NAME")]
    arch: Option<String>,
    #[command(flatten)]
    run_on: RunOnArgs,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Checked {
    #[serde(flatten)]
    description: ModelDescription,
    fingerprint: String,
    device: String,
    precision: &'static str,
    seconds_to_load: f64,
    images_per_second: f64,
    /// Where the model is another than the catalogue says.
    differs: Vec<String>,
}

/// Runs the command.
///
/// # Errors
/// When the model can't be loaded or run.
pub fn run(args: &CheckArgs) -> Result<()> {
    let source = ModelPlaces::from_environment().resolve(&args.model, args.arch.as_deref())?;
    let began = Instant::now();
    let mut clip = Clip::load(&source, args.run_on.run_on())?;
    let seconds_to_load = began.elapsed().as_secs_f64();
    clip.encode_texts(&["a photo of a harbor".to_owned()])?;
    let images_per_second = speed(&mut clip)?;
    let description = clip.description().clone();
    let checked = Checked {
        differs: differences(&args.model, &description),
        fingerprint: clip.fingerprint().to_owned(),
        device: clip.device_label(),
        precision: clip.device().precision().name(),
        seconds_to_load,
        images_per_second,
        description,
    };
    if args.json {
        return output::line(serde_json::to_string_pretty(&checked)?);
    }
    output::line(text(&checked).trim_end())
}

/// Pictures a second, in the batches that the device likes.
fn speed(clip: &mut Clip) -> Result<f64> {
    let size = clip.batch_size().max(1);
    let batch = vec![0.1; clip.preprocess().input_len() * size];
    // The first batch also prepares a card. On a processor, one that took long tells enough.
    let began = Instant::now();
    clip.encode_images(&batch)?;
    let seconds = began.elapsed().as_secs_f64();
    if matches!(clip.device(), ModelDevice::Cpu { .. }) && seconds > MEASURED {
        return Ok(size as f64 / seconds);
    }
    let began = Instant::now();
    let mut pictures = 0;
    while began.elapsed().as_secs_f64() < MEASURED {
        clip.encode_images(&batch)?;
        pictures += size;
    }
    Ok(pictures as f64 / began.elapsed().as_secs_f64())
}

/// Where a model of the catalogue is another than its entry says.
fn differences(named: &std::path::Path, description: &ModelDescription) -> Vec<String> {
    if named.exists() {
        return Vec::new();
    }
    let Ok(models) = ModelPlaces::from_environment().models() else { return Vec::new() };
    let Ok(entry) = models.named(&named.to_string_lossy()) else { return Vec::new() };
    let facts = [
        ("activation", entry.activation_text(), description.activation.value.clone()),
        ("context length", entry.context.to_string(), description.context_length.value.to_string()),
        ("image size", entry.image.to_string(), description.image_size.value.to_string()),
    ];
    // A ResNet has a function of its own.
    let of_resnet = |known: &str| format!("ReLU for images, {known} for sentences");
    let differs = facts.into_iter().filter(|(_, known, found)| known != found && of_resnet(known) != *found);
    differs.map(|(what, known, found)| format!("{what}: {found}; the catalogue says {known}")).collect()
}

/// One line a fact, aligned.
fn text(checked: &Checked) -> String {
    let about = &checked.description;
    let told = |value: &dyn std::fmt::Display, from: &str| format!("{value} (from {from})");
    let files: Vec<String> = about.weights.iter().map(|path| path.display().to_string()).collect();
    let mut lines = vec![
        ("model", about.name.clone()),
        ("layout", about.layout.clone()),
        ("weights", format!("{}, {}", files.join(", "), about.weight_type)),
        ("image tower", about.image_tower.clone()),
        ("text tower", about.text_tower.clone()),
        ("parameters", format!("{:.1} million", about.parameters as f64 / 1e6)),
        ("embedding", format!("{} values", about.embedding_len)),
        ("image size", told(&about.image_size.value, &about.image_size.from)),
        ("context length", told(&about.context_length.value, &about.context_length.from)),
        ("activation", told(&about.activation.value, &about.activation.from)),
        ("scoring", told(&about.scoring.value, &about.scoring.from)),
        ("preprocessing", told(&about.preprocessing.value, &about.preprocessing.from)),
        ("tokenizer", told(&about.tokenizer.value, &about.tokenizer.from)),
        ("fingerprint", checked.fingerprint.clone()),
        ("loaded in", format!("{:.1} s", checked.seconds_to_load)),
        ("encodes", format!("{:.1} images a second on {}", checked.images_per_second, checked.device)),
    ];
    lines.extend(about.left_out.iter().map(|file| ("left out", file.clone())));
    lines.extend(about.notices.iter().map(|notice| ("notice", notice.clone())));
    lines.extend(checked.differs.iter().map(|what| ("differs", what.clone())));
    let mut text = String::new();
    for (what, value) in lines {
        let _ = writeln!(text, "{what:15} {value}");
    }
    text
}

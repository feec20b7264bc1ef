//! Images a second of training, a step at a time, beside PyTorch with the same architecture on the same
//! cores: the forward pass of both towers, the contrastive loss, the way back, `AdamW`.
//!
//! `cargo bench --bench train [-- STEPS]`, with `PYTHON` naming a Python that has torch and `open_clip`. The
//! model is the mini preset, a `ResNet`, with random weights. The two take turns, step by step; the figures
//! are medians. Every picture has a sentence of its own that fills the model's context, so that neither side
//! saves any. The peer is favoured: its tensors are ready before its clock starts, while Skysift's steps
//! include reading, cropping and recolouring their pictures.
#![allow(clippy::print_stdout, clippy::print_stderr)] // Whoever measures reads them.

mod support;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use skysift::clip::{DeviceChoice, ModelPreset, ModelSource};
use skysift::train::{OptimizerChoice, TrainError, TrainEvent, TrainSettings, TrainSource, finetune};
use support::{Peer, Spent, Stopwatch, model_directory, threads};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const BATCH: usize = 128;
/// Sides of the pictures; the first is what the preset is for.
const SIDES: [usize; 2] = [112, 64];
const WORDS: [&str; 8] = ["ship", "field", "pier", "road", "tank", "house", "wood", "sand"];

fn main() -> Result<()> {
    // Cargo passes `--bench` along.
    let steps = std::env::args().find_map(|arg| arg.parse().ok()).unwrap_or(5).max(1);
    let model = model_directory(ModelPreset::Mini, "mini")?;
    let scratch = tempfile::tempdir()?;
    let threads = threads();
    println!("a step of {BATCH} pictures, each with its own sentence, on {threads} threads");
    let arguments = [&*model.to_string_lossy(), &*BATCH.to_string(), &*threads.to_string()];
    let mut peer = match Peer::start("train_pytorch.py", &arguments) {
        Ok(peer) => {
            println!("{}", peer.greeting);
            println!("PyTorch is favoured: its pictures are tensors before its clock starts");
            Some(peer)
        }
        Err(error) => {
            println!("PyTorch is left out: {error:#}");
            None
        }
    };

    println!(
        "\n| pictures | Skysift, images/s | PyTorch, images/s | ratio | processor time an image | PyTorch's | ratio |"
    );
    println!("|---|---|---|---|---|---|---|");
    for side in SIDES {
        let folder = scratch.path().join(side.to_string());
        let data = paint(&folder, side, BATCH * (steps + 1))?;
        let mut settings = TrainSettings::new(
            vec![TrainSource::new(data)],
            ModelSource { path: model.clone(), arch: None },
            folder.join("out"),
        );
        settings.device = DeviceChoice::Cpu;
        settings.batch = BATCH;
        // All steps are of one epoch, at whose end files are written.
        settings.epochs = 1.0;
        settings.validation = 0.0;
        settings.optimizer = OptimizerChoice::Adamw;
        settings.image_size = Some(side);
        let (ours, theirs) = take_turns(&settings, side, peer.as_mut())?;
        ensure!(ours.len() == steps, "{} steps were measured instead of {steps}", ours.len());

        let (ours, theirs) = (Spent::median(&ours), Spent::median(&theirs));
        let count = BATCH as f64;
        println!(
            "| {side} x {side} | {:.1} | {:.1} | {:.2} | {:.1} ms | {:.1} ms | {:.2} |",
            count / ours.wall,
            count / theirs.wall,
            theirs.wall / ours.wall,
            ours.cpu / count * 1e3,
            theirs.cpu / count * 1e3,
            theirs.cpu / ours.cpu,
        );
    }
    Ok(())
}

/// Trains, and lets the peer take a step after each. The first step of both warms caches up and doesn't
/// count.
fn take_turns(
    settings: &TrainSettings,
    side: usize,
    mut peer: Option<&mut Peer>,
) -> Result<(Vec<Spent>, Vec<Spent>)> {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    let mut failure = None;
    let mut watch = Stopwatch::start();
    let outcome = finetune(settings, |event| {
        if let TrainEvent::Step { step, .. } = event {
            let spent = watch.spent();
            let answer = peer.as_mut().map(|peer| peer.ask(&side.to_string())).transpose();
            match answer {
                Ok(answer) if step > 1 => {
                    ours.push(spent);
                    theirs.extend(answer);
                }
                Ok(_) => {}
                Err(error) => failure = Some(error),
            }
        }
        watch = Stopwatch::start();
        failure.is_none()
    });
    match (failure, outcome) {
        (Some(error), Err(TrainError::Stopped)) => Err(error),
        (_, outcome) => {
            outcome?;
            Ok((ours, theirs))
        }
    }
}

/// Writes pictures with sentences, no two the same; returns the file that joins them.
fn paint(folder: &Path, side: usize, count: usize) -> Result<PathBuf> {
    std::fs::create_dir_all(folder)?;
    let mut lines = String::new();
    let mut seed = 1_u32;
    for index in 0..count {
        let shift = index as u32 * 7;
        let picture = image::RgbImage::from_fn(side as u32, side as u32, |x, y| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let ground = ((x + shift) / 9 * 31 + y / 13 * 57) % 192 + (seed >> 28);
            image::Rgb([ground as u8, (ground + shift % 32) as u8, (255 - ground) as u8])
        });
        picture.save(folder.join(format!("{index}.png")))?;
        // The preset knows few words, so that letters are tokens and this is longer than its context.
        let [one, other] = [index % WORDS.len(), index / WORDS.len() % WORDS.len()].map(|word| WORDS[word]);
        let caption = format!("{index} {one} beside another {other} seen from above");
        writeln!(lines, r#"{{"filename": "{index}.png", "caption": "{caption}"}}"#)?;
    }
    let file = folder.join("captions.jsonl");
    std::fs::write(&file, lines)?;
    Ok(file)
}

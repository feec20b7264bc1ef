//! Images a second of the image tower by batch size, in single precision and in bf16 where the processor has
//! it, beside ONNX Runtime and PyTorch on the same cores and weights.
//!
//! `cargo bench --bench encode [-- REPETITIONS [MODEL…]]`, with `PYTHON` naming a Python that has torch,
//! transformers, onnx and onnxruntime, for `mini` (a ResNet as large as the bundled one) `open_clip_torch`, too;
//! models are `vit-b-32`, `vit-b-16`, `vit-l-14`, `siglip-b-16` and `mini`, all where none is named. They take turns, so that what else the machine does hits all; the figures are
//! medians.
#![allow(clippy::print_stdout, clippy::print_stderr)] // Whoever measures reads them.

mod support;

use std::path::Path;

use anyhow::Result;
use skysift::clip::{Clip, DeviceChoice, ModelPreset, ModelSource, PrecisionChoice, RunOn};
use support::{Peer, Spent, Stopwatch, model_directory, threads};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Sizes of models with the batches that don't take minutes.
const MODELS: [(&str, ModelPreset, &[usize]); 5] = [
    ("vit-b-32", ModelPreset::VitB32, &[1, 4, 8, 16, 32]),
    ("vit-b-16", ModelPreset::VitB16, &[1, 4, 16]),
    ("vit-l-14", ModelPreset::VitL14, &[1, 4]),
    ("siglip-b-16", ModelPreset::SiglipB16, &[1, 4, 16]),
    ("mini", ModelPreset::Mini, &[1, 4, 16, 32]),
];

/// Names, scripts and last arguments of those that it is measured beside.
const PEERS: [(&str, &str, &str); 3] = [
    ("ONNX Runtime", "encode_onnxruntime.py", "f32"),
    ("PyTorch", "encode_pytorch.py", "f32"),
    ("PyTorch bf16", "encode_pytorch.py", "bf16"),
];

fn main() -> Result<()> {
    // Cargo passes `--bench` along.
    let repetitions = std::env::args().find_map(|arg| arg.parse().ok()).unwrap_or(7);
    let asked: Vec<String> = std::env::args().collect();
    let is_asked = |name: &str| asked.iter().any(|arg| arg == name);
    let all = !MODELS.iter().any(|(name, ..)| is_asked(name));
    for (name, preset, batches) in MODELS {
        if all || is_asked(name) {
            println!("\n## {name}\n");
            measure(&model_directory(preset, name)?, batches, repetitions)?;
        }
        if std::env::var_os("SKYSIFT_MODEL").is_some() {
            break;
        }
    }
    Ok(())
}

fn measure(directory: &Path, batches: &[usize], repetitions: usize) -> Result<()> {
    let source = ModelSource { path: directory.to_owned(), arch: None };
    let mut own = Vec::new();
    for (name, precision) in [("f32", PrecisionChoice::F32), ("bf16", PrecisionChoice::Bf16)] {
        match Clip::load(&source, RunOn { device: DeviceChoice::Cpu, precision }) {
            Ok(clip) => {
                println!("Skysift on the {}", clip.device_label());
                own.push((name, clip));
            }
            Err(error) => println!("{name} is left out: {error}"),
        }
    }
    let mut peers = Vec::new();
    for (name, script, precision) in PEERS {
        match Peer::start(script, &[&directory.to_string_lossy(), &threads().to_string(), precision]) {
            Ok(peer) => {
                println!("{}", peer.greeting);
                peers.push((name, peer));
            }
            Err(error) => println!("{name} is left out: {error:#}"),
        }
    }

    print!("\n| batch |");
    for (name, _) in &own {
        print!(" Skysift {name}, images/s | processor time an image |");
    }
    for (name, _) in &peers {
        print!(" {name}, images/s | processor time |");
        for (own, _) in &own {
            print!(" {own}: ratio | of processor time |");
        }
    }
    println!("\n|---|{}", "---|".repeat(2 * own.len() + peers.len() * (2 + 2 * own.len())));
    for &batch in batches {
        let mut ours = vec![Vec::new(); own.len()];
        let mut theirs = vec![Vec::new(); peers.len()];
        for repetition in 0..=repetitions {
            // The first turn warms caches up.
            let counts = repetition > 0;
            for ((_, clip), ours) in own.iter_mut().zip(&mut ours) {
                let values = 0..batch * clip.preprocess().input_len();
                let input: Vec<f32> = values.map(|i| (i as f32 * 0.37).sin()).collect();
                let watch = Stopwatch::start();
                clip.encode_images(&input)?;
                let spent = watch.spent();
                if counts {
                    ours.push(spent);
                }
            }
            for ((_, peer), theirs) in peers.iter_mut().zip(&mut theirs) {
                let spent = peer.ask(&batch.to_string())?;
                if counts {
                    theirs.push(spent);
                }
            }
        }
        let count = batch as f64;
        let ours: Vec<Spent> = ours.iter().map(|ours| Spent::median(ours)).collect();
        print!("| {batch} |");
        for spent in &ours {
            print!(" {:.2} | {:.1} ms |", count / spent.wall, spent.cpu / count * 1e3);
        }
        for theirs in theirs.iter().map(|theirs| Spent::median(theirs)) {
            print!(" {:.2} | {:.1} ms |", count / theirs.wall, theirs.cpu / count * 1e3);
            for ours in &ours {
                print!(" {:.2} | {:.2} |", theirs.wall / ours.wall, theirs.cpu / ours.cpu);
            }
        }
        println!();
    }
    Ok(())
}

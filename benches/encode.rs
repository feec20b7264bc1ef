//! Images a second of the image tower by batch size, beside ONNX Runtime and PyTorch on the same cores and
//! weights.
//!
//! `cargo bench --bench encode [-- REPETITIONS [MODEL…]]`, with `PYTHON` naming a Python that has torch,
//! transformers, onnx and onnxruntime; models are `vit-b-32`, `vit-b-16`, `vit-l-14` and `siglip-b-16`, all
//! where none is named. They take turns, so that what else the machine does hits all; the figures are
//! medians.
#![allow(clippy::print_stdout, clippy::print_stderr)] // Whoever measures reads them.

mod support;

use std::path::Path;

use anyhow::Result;
use skysift::clip::{Clip, DeviceChoice, ModelPreset, ModelSource};
use support::{Peer, Spent, Stopwatch, model_directory, threads};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Sizes of models with the batches that don't take minutes.
const MODELS: [(&str, ModelPreset, &[usize]); 4] = [
    ("vit-b-32", ModelPreset::VitB32, &[1, 4, 8, 16, 32]),
    ("vit-b-16", ModelPreset::VitB16, &[1, 4, 16]),
    ("vit-l-14", ModelPreset::VitL14, &[1, 4]),
    ("siglip-b-16", ModelPreset::SiglipB16, &[1, 4, 16]),
];

/// Names and scripts of those that it is measured beside.
const PEERS: [(&str, &str); 2] =
    [("ONNX Runtime", "encode_onnxruntime.py"), ("PyTorch", "encode_pytorch.py")];

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
    let mut clip = Clip::load(&ModelSource { path: directory.to_owned(), arch: None }, DeviceChoice::Cpu)?;
    println!("Skysift on the {}", clip.device_label());
    let mut peers = Vec::new();
    for (name, script) in PEERS {
        match Peer::start(script, &[&directory.to_string_lossy(), &threads().to_string()]) {
            Ok(peer) => {
                println!("{}", peer.greeting);
                peers.push((name, peer));
            }
            Err(error) => println!("{name} is left out: {error:#}"),
        }
    }

    print!("\n| batch | Skysift, images/s | processor time an image |");
    for (name, _) in &peers {
        print!(" {name}, images/s | ratio | {name}, processor time | ratio |");
    }
    println!("\n|---|---|---|{}", "---|---|---|---|".repeat(peers.len()));
    for &batch in batches {
        let input: Vec<f32> =
            (0..batch * clip.preprocess().input_len()).map(|i| (i as f32 * 0.37).sin()).collect();
        let mut ours = Vec::new();
        let mut theirs = vec![Vec::new(); peers.len()];
        for repetition in 0..=repetitions {
            let watch = Stopwatch::start();
            clip.encode_images(&input)?;
            let spent = watch.spent();
            // The first turn warms caches up.
            let counts = repetition > 0;
            if counts {
                ours.push(spent);
            }
            for ((_, peer), theirs) in peers.iter_mut().zip(&mut theirs) {
                let spent = peer.ask(&batch.to_string())?;
                if counts {
                    theirs.push(spent);
                }
            }
        }
        let (ours, count) = (Spent::median(&ours), batch as f64);
        print!("| {batch} | {:.2} | {:.1} ms |", count / ours.wall, ours.cpu / count * 1e3);
        for theirs in theirs.iter().map(|theirs| Spent::median(theirs)) {
            print!(
                " {:.2} | {:.2} | {:.1} ms | {:.2} |",
                count / theirs.wall,
                theirs.wall / ours.wall,
                theirs.cpu / count * 1e3,
                theirs.cpu / ours.cpu,
            );
        }
        println!();
    }
    Ok(())
}

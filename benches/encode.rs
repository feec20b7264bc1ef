//! Images a second of the image tower by batch size, beside ONNX Runtime on the same cores and weights.
//!
//! `cargo bench --bench encode [-- REPETITIONS]`, with `PYTHON` naming a Python that has torch, transformers,
//! onnx and onnxruntime. The two take turns, so that what else the machine does hits both; the figures are
//! medians.
#![allow(clippy::print_stdout, clippy::print_stderr)] // Whoever measures reads them.

mod support;

use anyhow::Result;
use skysift::clip::{Clip, DeviceChoice, ModelSource, Preset};
use support::{Peer, Spent, Stopwatch, model_directory, threads};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const BATCHES: [usize; 5] = [1, 4, 8, 16, 32];

fn main() -> Result<()> {
    // Cargo passes `--bench` along.
    let repetitions = std::env::args().find_map(|arg| arg.parse().ok()).unwrap_or(7);
    let directory = model_directory(Preset::VitB32, "vit-b-32")?;
    let mut clip = Clip::load(&ModelSource { path: directory.clone(), arch: None }, DeviceChoice::Cpu)?;
    println!("Skysift on the {}", clip.device_label());
    let threads = threads().to_string();
    let mut peer = match Peer::start("encode_onnxruntime.py", &[&directory.to_string_lossy(), &threads]) {
        Ok(peer) => {
            println!("{}", peer.greeting);
            Some(peer)
        }
        Err(error) => {
            println!("ONNX Runtime is left out: {error:#}");
            None
        }
    };

    println!(
        "\n| batch | Skysift, images/s | ONNX Runtime, images/s | ratio | processor time an image | ONNX Runtime's | ratio |"
    );
    println!("|---|---|---|---|---|---|---|");
    for batch in BATCHES {
        let input: Vec<f32> =
            (0..batch * clip.preprocess().input_len()).map(|i| (i as f32 * 0.37).sin()).collect();
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for repetition in 0..=repetitions {
            let watch = Stopwatch::start();
            clip.encode_images(&input)?;
            let spent = watch.spent();
            let peer_spent = peer.as_mut().map(|peer| peer.ask(&batch.to_string())).transpose()?;
            // The first turn warms caches up.
            if repetition > 0 {
                ours.push(spent);
                theirs.extend(peer_spent);
            }
        }
        let (ours, theirs) = (Spent::median(&ours), Spent::median(&theirs));
        let count = batch as f64;
        println!(
            "| {batch} | {:.1} | {:.1} | {:.2} | {:.1} ms | {:.1} ms | {:.2} |",
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

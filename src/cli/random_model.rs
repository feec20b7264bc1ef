//! `skysift random-model`: something to try the program with where no trained model is at hand.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;

use crate::clip::{Preset, write_random_model, write_random_model_for};

#[derive(Args)]
pub struct RandomModelArgs {
    /// The folder to write; it is made when it's not there
    dir: PathBuf,
    /// Its size
    #[arg(long, value_enum, default_value_t = Preset::Tiny)]
    preset: Preset,
    /// A text file whose words become the tokenizer's, each one token
    #[arg(long, value_name = "FILE")]
    words: Option<PathBuf>,
    /// The same seed makes the same model
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

pub fn run(args: &RandomModelArgs) -> anyhow::Result<()> {
    match &args.words {
        None => write_random_model(&args.dir, args.preset, args.seed)?,
        Some(path) => {
            let text = std::fs::read_to_string(path)
                .with_context(|| format!("the words of {} cannot be read", path.display()))?;
            write_random_model_for(&args.dir, args.preset, &text, args.seed)?;
        }
    }
    println!("wrote a model with random weights to {}; its boxes mean nothing", args.dir.display());
    Ok(())
}

//! `skysift random-model`: something to try the program with where no trained model is at hand.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::Args;

use super::output;
use crate::clip::{ModelPreset, model_in, write_random_model, write_random_model_for};
use crate::text_file;

#[derive(Args)]
pub struct RandomModelArgs {
    /// The folder to write; it is made when it's not there
    dir: PathBuf,
    /// Its size
    #[arg(long, value_enum, default_value_t = ModelPreset::Tiny)]
    preset: ModelPreset,
    /// A text file whose words become the tokenizer's, each one token
    #[arg(long, value_name = "FILE")]
    words: Option<PathBuf>,
    /// The same seed makes the same model
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

pub fn run(args: &RandomModelArgs) -> anyhow::Result<()> {
    if let Some(file) = model_in(&args.dir) {
        let (dir, file) = (args.dir.display(), file.file_name().unwrap_or_default().display());
        bail!("{dir} holds {file} of a model already; name another folder, or remove that model first");
    }
    match &args.words {
        None => write_random_model(&args.dir, args.preset, args.seed)?,
        Some(path) => {
            let text = text_file::read(path)
                .with_context(|| format!("the words of {} cannot be read", path.display()))?;
            write_random_model_for(&args.dir, args.preset, &text, args.seed)?;
        }
    }
    output::line(format_args!(
        "wrote a model with random weights to {}; its boxes mean nothing",
        args.dir.display()
    ))
}

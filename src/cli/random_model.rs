//! `skysift random-model`: something to try the program with where no trained model is at hand.

use std::path::PathBuf;

use clap::Args;

use crate::clip::{Preset, write_random_model};

#[derive(Args)]
pub struct RandomModelArgs {
    /// The folder to write; it is made when it's not there
    dir: PathBuf,
    /// Its size
    #[arg(long, value_enum, default_value_t = Preset::Tiny)]
    preset: Preset,
    /// The same seed makes the same model
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

pub fn run(args: &RandomModelArgs) -> anyhow::Result<()> {
    write_random_model(&args.dir, args.preset, args.seed)?;
    println!("wrote a model with random weights to {}; its boxes mean nothing", args.dir.display());
    Ok(())
}

//! `skysift sample-scene`: a painted coast to try the program on, and patches of one to train on.

use std::path::PathBuf;

use clap::Args;

use super::args::inputs;
use super::progress_bar::progress;
use super::{output, wrong_usage};
use crate::sample_scene::{SampleScene, Variety, write_patches, write_scene, write_truth};

#[derive(Args)]
pub struct SampleSceneArgs {
    /// The scene's size in pixels: one number for a square, or width x height
    #[arg(long, value_parser = parse_size, default_value = "4096", value_name = "N|WxH")]
    size: (u64, u64),
    /// The same seed paints the same scene
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Metres a pixel
    #[arg(long, default_value_t = 0.5)]
    gsd: f64,
    /// The GeoTIFF to write
    #[arg(short, long, value_name = "FILE.tif", required_unless_present = "patches")]
    output: Option<PathBuf>,
    /// Also write where everything is, as COCO's JSON
    #[arg(long, value_name = "FILE.json")]
    truth: Option<PathBuf>,
    /// Write patches to train on instead, 256 x 256 pixels, into one folder a kind
    #[arg(long, value_name = "DIR", requires = "count", conflicts_with_all = ["output", "truth", "size", "gsd"])]
    patches: Option<PathBuf>,
    /// How many patches of each kind
    #[arg(long, value_name = "N")]
    count: Option<u32>,
    /// Patches of more: from 0.3 to 12 m a pixel, and of stadiums, bridges, ships and others that no scene
    /// holds
    #[arg(long, requires = "patches")]
    rich: bool,
}

pub fn run(args: &SampleSceneArgs) -> anyhow::Result<()> {
    if args.count.is_some() && args.patches.is_none() {
        wrong_usage("--count goes with --patches DIR");
    }
    if let (Some(dir), Some(count)) = (&args.patches, args.count) {
        let variety = if args.rich { Variety::Rich } else { Variety::Scene };
        let kinds = variety.kinds();
        let bar = progress(u64::from(count) * kinds as u64, "patches");
        write_patches(dir, count, args.seed, variety, &|done| bar.inc(done))?;
        bar.finish_and_clear();
        let dir = dir.display();
        return output::line(format_args!("wrote {count} patches of each of {kinds} kinds to {dir}"));
    }
    let Some(file) = &args.output else { wrong_usage("say where to write with -o FILE.tif") };
    let named = inputs::named(&[("-o", Some(file)), ("--truth", args.truth.as_ref())]);
    inputs::inputs().check(&named)?;
    let scene = SampleScene::new(args.size.0, args.size.1, args.gsd, args.seed)?;
    let bar = progress(scene.tiles(), "tiles");
    write_scene(&scene, file, &|done| bar.inc(done))?;
    bar.finish_and_clear();
    let (width, height) = scene.size();
    let mut printed = output::Printed::default();
    printed.line(format_args!("wrote {width} x {height} pixels to {}", file.display()));
    if let Some(truth) = &args.truth {
        write_truth(&scene, file, truth)?;
        printed.line(format_args!("wrote where everything is to {}", truth.display()));
    }
    printed.finish()
}

/// `4096` or `8192x2048`. What is too large or too small is told later, with the sizes that are possible.
fn parse_size(text: &str) -> Result<(u64, u64), String> {
    let side =
        |text: &str| text.trim().parse::<u64>().map_err(|_| format!("{text:?} is not a number of pixels"));
    match text.split_once(['x', 'X']) {
        Some((width, height)) => Ok((side(width)?, side(height)?)),
        None => side(text).map(|side| (side, side)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_one_number_or_two() {
        assert_eq!(parse_size("4096"), Ok((4096, 4096)));
        assert_eq!(parse_size("100000x512"), Ok((100_000, 512)));
        assert!(parse_size("wide").is_err());
        assert!(parse_size("10x").is_err());
        assert!(parse_size("-5").is_err());
    }
}

//! `skysift [IMAGE]`: the window.

use std::path::PathBuf;

use clap::Args;

use super::args::inputs;
use super::{KeywordArgs, ScanArgs};
use crate::app::{self, Options};
use crate::clip::{bundled_model, bundled_sharpener};
use crate::export::SavedQueries;

#[derive(Args, Clone, Debug)]
pub struct WindowArgs {
    /// The image to open: a file, or the https://, http:// or s3:// address of a GeoTIFF (COG)
    #[arg(group = "scene")]
    pub image: Option<PathBuf>,
    /// Open the sample scene, a painted coast, and look for "harbor" if no keyword is given; painted on first
    /// use
    #[arg(long, group = "scene", conflicts_with = "image")]
    pub sample: bool,
    #[command(flatten)]
    pub words: KeywordArgs,
    #[command(flatten)]
    pub scan: ScanArgs,
    /// Scan for the keywords if there are any, then save what the window shows; no embeddings are kept unless
    /// --store says where
    #[arg(long, value_name = "FILE.png", requires = "scene")]
    pub screenshot: Option<PathBuf>,
    /// Leave after the screenshot
    #[arg(long, requires = "screenshot")]
    pub exit: bool,
    /// Write the CPU time of every frame, in milliseconds, as CSV
    #[arg(long, value_name = "FILE.csv")]
    pub frame_log: Option<PathBuf>,
}

impl WindowArgs {
    /// Whether nothing that is written replaces what is read.
    fn check_outputs(&self) -> anyhow::Result<()> {
        let mut inputs = inputs::inputs();
        if let Some(image) = &self.image {
            inputs.image(image);
        }
        self.scan.add_to(&mut inputs);
        Ok(inputs.check(&inputs::named(&[
            ("--screenshot", self.screenshot.as_ref()),
            ("--frame-log", self.frame_log.as_ref()),
        ]))?)
    }
}

/// Opens the window and stays until it is closed.
///
/// # Errors
/// When no window can be opened, a file cannot be read, or the screenshot fails.
pub fn run(args: WindowArgs) -> anyhow::Result<()> {
    args.check_outputs()?;
    let overrides = args.scan.overrides()?;
    // A screenshot leaves nothing behind, unless it is told where.
    let keeps = args.screenshot.is_none() || args.scan.run.store.is_some();
    let store = args.scan.run.store().filter(|_| keeps);
    let region = args.scan.grid.region.region();
    let mut keywords = args.words.keywords;
    if args.sample && keywords.is_empty() {
        keywords.push(app::SAMPLE_KEYWORD.to_owned());
    }
    let run = args.scan.run;
    app::run(Options {
        image: args.image,
        sample: args.sample,
        keywords,
        model: run.model.model,
        arch: run.model.arch,
        bundled_model: bundled_model().map(|source| source.path),
        sharpen: run.sharpen.path()?,
        bundled_sharpener: bundled_sharpener(),
        overrides,
        device: run.device,
        precision: run.precision,
        screenshot: args.screenshot,
        exit: args.exit,
        frame_log: args.frame_log,
        cache: None,
        memory: run.memory,
        region,
        store: store.map(|store| store.root),
        queries: Some(SavedQueries::user_folder()),
        models: None,
    })?;
    Ok(())
}

//! `skysift [IMAGE]`: the window.

use std::path::PathBuf;

use clap::Args;

use super::ScanArgs;
use crate::app::{self, Options};
use crate::clip::bundled_model;
use crate::export::SavedQueries;
use crate::scan::Coarse;

#[derive(Args, Clone, Debug)]
pub struct WindowArgs {
    /// The image to open: a file, or the https://, http:// or s3:// address of a GeoTIFF (COG)
    #[arg(group = "scene")]
    pub image: Option<PathBuf>,
    /// Open the sample scene, a painted coast, and look for "harbor" if no keyword is given; painted on first use
    #[arg(long, group = "scene", conflicts_with = "image")]
    pub sample: bool,
    #[command(flatten)]
    pub scan: ScanArgs,
    /// Scan for the keywords if there are any, then save what the window shows; no embeddings are kept unless --store
    /// says where
    #[arg(long, value_name = "FILE.png", requires = "scene")]
    pub screenshot: Option<PathBuf>,
    /// Leave after the screenshot
    #[arg(long, requires = "screenshot")]
    pub exit: bool,
    /// Write the CPU time of every frame, in milliseconds, as CSV
    #[arg(long, value_name = "FILE.csv")]
    pub frame_log: Option<PathBuf>,
}

/// Opens the window and stays until it is closed.
///
/// # Errors
/// When no window can be opened, a file cannot be read, or the screenshot fails.
pub fn run(args: WindowArgs) -> anyhow::Result<()> {
    let background = args.scan.background_words()?;
    // A screenshot leaves nothing behind, unless it is told where.
    let keeps = args.screenshot.is_none() || args.scan.store.is_some();
    let store = args.scan.store().filter(|_| keeps);
    let region = args.scan.region.region();
    let mut scan = args.scan;
    let coarse = match scan.coarse_only {
        Some(share) => Coarse::Only(share),
        None if scan.coarse_first => Coarse::First,
        None => Coarse::Off,
    };
    if args.sample && scan.keywords.is_empty() {
        scan.keywords.push(app::SAMPLE_KEYWORD.to_owned());
    }
    app::run(Options {
        image: args.image,
        sample: args.sample,
        keywords: scan.keywords,
        model: scan.model.model,
        arch: scan.model.arch,
        bundled_model: bundled_model().map(|source| source.path),
        tile: scan.tile,
        window: scan.window,
        step: scan.step,
        edges: scan.edges,
        top_k: scan.top,
        template: scan.prompt.map(|prompt| prompt.as_str().to_owned()),
        background,
        rank_by: scan.rank_by,
        device: scan.device,
        exact: scan.exact,
        screenshot: args.screenshot,
        exit: args.exit,
        frame_log: args.frame_log,
        cache: None,
        memory: scan.memory,
        region,
        scales: scan.scales,
        coarse,
        merge: scan.merge,
        tight: scan.tight,
        overlap: scan.nms,
        threshold: scan.threshold,
        uniform: (scan.uniform > 0).then_some(scan.uniform),
        store: store.map(|store| store.root),
        queries: Some(SavedQueries::user_folder()),
    })?;
    Ok(())
}

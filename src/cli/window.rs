//! `skysift [IMAGE]`: the window.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use clap::builder::RangedU64ValueParser;

use crate::app::{self, Options};
use crate::clip::DeviceChoice;
use crate::scan::{Edges, GridSettings, PromptTemplate, RankBy, parse_background};

/// What is not given is as it was when the window was last closed.
#[derive(Args, Clone, Debug)]
pub struct WindowArgs {
    /// The image to open
    pub image: Option<PathBuf>,
    /// What to look for; may be given several times
    #[arg(short, long = "keyword", value_name = "WORD")]
    pub keywords: Vec<String>,
    /// Model folder (Hugging Face or `open_clip` layout) or bare state dict; also read from `SKYSIFT_MODEL`
    #[arg(long, value_name = "DIR", env = "SKYSIFT_MODEL", hide_env_values = true)]
    pub model: Option<PathBuf>,
    /// Architecture of a bare state dict, e.g. ViT-B-32
    #[arg(long, value_name = "NAME")]
    pub arch: Option<String>,
    /// Side of a tile, in pixels
    #[arg(long, value_name = "PIXELS",
          value_parser = RangedU64ValueParser::<u32>::new().range(u64::from(GridSettings::MIN_TILE)..))]
    pub tile: Option<u32>,
    /// Side of the window, in tiles
    #[arg(long, value_name = "TILES", value_parser = RangedU64ValueParser::<u32>::new().range(1..))]
    pub window: Option<u32>,
    /// How far the window moves, in tiles
    #[arg(long, value_name = "TILES", value_parser = RangedU64ValueParser::<u32>::new().range(1..))]
    pub step: Option<u32>,
    /// What happens to the strip at the right and bottom edge that whole steps don't reach
    #[arg(long, value_enum)]
    pub edges: Option<Edges>,
    /// How many windows to show for each keyword
    #[arg(long, value_name = "K", value_parser = RangedU64ValueParser::<usize>::new().range(1..))]
    pub top: Option<usize>,
    /// The sentence made from a keyword; several separated by | are averaged
    #[arg(long, value_parser = PromptTemplate::new)]
    pub prompt: Option<PromptTemplate>,
    /// Words that compete with the keywords for probability: a file with one a line, or none [default: land cover classes]
    #[arg(long, value_name = "FILE|none")]
    pub background: Option<PathBuf>,
    /// The order of the results
    #[arg(long, value_enum)]
    pub rank_by: Option<RankBy>,
    /// Where the model runs; auto takes a real GPU if there is one
    #[arg(long, value_enum)]
    pub device: Option<DeviceChoice>,
    /// Read every window at full resolution, even where an overview is fine enough for the model
    #[arg(long)]
    pub exact: bool,
    /// Scan for the keywords if there are any, then save what the window shows
    #[arg(long, value_name = "FILE.png", requires = "image")]
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
    let background = args.background.as_deref().map(background_words).transpose()?;
    app::run(Options {
        image: args.image,
        keywords: args.keywords,
        model: args.model,
        arch: args.arch,
        tile: args.tile,
        window: args.window,
        step: args.step,
        edges: args.edges,
        top_k: args.top,
        template: args.prompt.map(|prompt| prompt.as_str().to_owned()),
        background,
        rank_by: args.rank_by,
        device: args.device,
        exact: args.exact,
        screenshot: args.screenshot,
        exit: args.exit,
        frame_log: args.frame_log,
    })?;
    Ok(())
}

fn background_words(path: &Path) -> anyhow::Result<Vec<String>> {
    if path == Path::new("none") {
        return Ok(Vec::new());
    }
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read the background words in {}", path.display()))?;
    Ok(parse_background(&text))
}

//! The options of a scan, shared by the window and `detect`.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use clap::builder::RangedU64ValueParser;

use crate::clip::{Clip, DeviceChoice, ModelSource};
use crate::scan::{
    Edges, Encoder, EncoderLoader, GridSettings, PromptTemplate, Query, RankBy, default_background,
    parse_background,
};

#[derive(Args, Clone, Debug)]
pub struct ScanArgs {
    /// What to look for; may be given several times
    #[arg(short, long = "keyword", value_name = "WORD", value_parser = keyword)]
    pub keywords: Vec<String>,
    /// Model folder (Hugging Face or open_clip layout) or bare state dict; also read from SKYSIFT_MODEL
    #[arg(long, value_name = "DIR", env = "SKYSIFT_MODEL", hide_env_values = true)]
    pub model: Option<PathBuf>,
    /// Architecture of a bare state dict, e.g. ViT-B-32
    #[arg(long, value_name = "NAME")]
    pub arch: Option<String>,
    /// Side of a tile, in pixels
    #[arg(long, default_value_t = 128, value_name = "PIXELS",
          value_parser = RangedU64ValueParser::<u32>::new().range(u64::from(GridSettings::MIN_TILE)..=100_000))]
    pub tile: u32,
    /// Side of the window, in tiles
    #[arg(long, default_value_t = 4, value_name = "TILES", value_parser = RangedU64ValueParser::<u32>::new().range(1..=10_000))]
    pub window: u32,
    /// How far the window moves, in tiles
    #[arg(long, default_value_t = 1, value_name = "TILES", value_parser = RangedU64ValueParser::<u32>::new().range(1..=10_000))]
    pub step: u32,
    /// How many windows to keep for each keyword
    #[arg(long = "top", default_value_t = 5, value_name = "K", value_parser = RangedU64ValueParser::<usize>::new().range(1..))]
    pub top: usize,
    /// What happens to the strip at the right and bottom edge that whole steps don't reach
    #[arg(long, value_enum, default_value_t)]
    pub edges: Edges,
    /// The sentence made from a keyword; several separated by | are averaged
    #[arg(long, default_value = PromptTemplate::DEFAULT, value_parser = PromptTemplate::new)]
    pub prompt: PromptTemplate,
    /// Words that compete with the keywords for probability: a file with one a line, or none [default: land cover classes]
    #[arg(long, value_name = "FILE|none")]
    pub background: Option<PathBuf>,
    /// The order of the results
    #[arg(long, value_enum, default_value_t)]
    pub rank_by: RankBy,
    /// Where the model runs; auto takes a real GPU if there is one
    #[arg(long, value_enum, default_value_t)]
    pub device: DeviceChoice,
    /// Read every window at full resolution, even where an overview is fine enough for the model
    #[arg(long)]
    pub exact: bool,
}

fn keyword(text: &str) -> Result<String, String> {
    let word = text.trim();
    if word.is_empty() { Err("a keyword needs at least one letter".to_owned()) } else { Ok(word.to_owned()) }
}

impl ScanArgs {
    #[must_use]
    pub fn grid(&self) -> GridSettings {
        GridSettings { tile: self.tile, window: self.window, step: self.step, edges: self.edges }
    }

    /// # Errors
    /// When the file of background words can't be read.
    pub fn query(&self) -> anyhow::Result<Query> {
        Ok(Query {
            keywords: self.keywords.clone(),
            template: self.prompt.clone(),
            background: self.background_words()?,
            rank_by: self.rank_by,
            top_k: self.top,
        })
    }

    /// # Errors
    /// As [`Self::query`].
    pub fn background_words(&self) -> anyhow::Result<Vec<String>> {
        match self.background.as_deref() {
            None => Ok(default_background()),
            Some(path) if path == Path::new("none") => Ok(Vec::new()),
            Some(path) => {
                let text = std::fs::read_to_string(path)
                    .with_context(|| format!("cannot read the background words in {}", path.display()))?;
                Ok(parse_background(&text))
            }
        }
    }

    /// Where the model lies, if one was named.
    #[must_use]
    pub fn model_source(&self) -> Option<ModelSource> {
        Some(ModelSource { path: self.model.clone()?, arch: self.arch.clone() })
    }
}

/// Loads a model on the scanner's thread.
#[must_use]
pub fn loader(source: ModelSource, device: DeviceChoice) -> EncoderLoader {
    Box::new(move || Ok(Box::new(Clip::load(&source, device)?) as Box<dyn Encoder>))
}

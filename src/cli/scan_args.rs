//! The options of a scan, shared by the window and `detect`. What is not given has a default in `detect`; the
//! window takes what it was when it was last closed.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use clap::builder::RangedU64ValueParser;

use super::ModelArgs;
use crate::clip::DeviceChoice;
use crate::raster::Storage;
use crate::scan::{Edges, GridSettings, PromptTemplate, Query, RankBy, default_background, parse_background};

#[derive(Args, Clone, Debug)]
pub struct ScanArgs {
    /// What to look for; may be given several times
    #[arg(short, long = "keyword", value_name = "WORD", value_parser = keyword)]
    pub keywords: Vec<String>,
    #[command(flatten)]
    pub model: ModelArgs,
    /// Side of a tile, in pixels [default: 128]
    #[arg(long, value_name = "PIXELS",
          value_parser = RangedU64ValueParser::<u32>::new().range(u64::from(GridSettings::MIN_TILE)..=100_000))]
    pub tile: Option<u32>,
    /// Side of the window, in tiles [default: 4]
    #[arg(long, value_name = "TILES", value_parser = RangedU64ValueParser::<u32>::new().range(1..=10_000))]
    pub window: Option<u32>,
    /// How far the window moves, in tiles [default: 1]
    #[arg(long, value_name = "TILES", value_parser = RangedU64ValueParser::<u32>::new().range(1..=10_000))]
    pub step: Option<u32>,
    /// How many windows to keep for each keyword [default: 5]
    #[arg(long, value_name = "K", value_parser = RangedU64ValueParser::<usize>::new().range(1..))]
    pub top: Option<usize>,
    /// What happens to the strip at the right and bottom edge that whole steps don't reach [default: cover]
    #[arg(long, value_enum)]
    pub edges: Option<Edges>,
    /// The sentence made from a keyword; several separated by | are averaged [default: a photo of a {}]
    #[arg(long, value_parser = PromptTemplate::new)]
    pub prompt: Option<PromptTemplate>,
    /// Words that compete with the keywords for probability: a file with one a line, or none [default: land cover classes]
    #[arg(long, value_name = "FILE|none")]
    pub background: Option<PathBuf>,
    /// The order of the results [default: probability]
    #[arg(long, value_enum)]
    pub rank_by: Option<RankBy>,
    /// Where the model runs; auto takes a real GPU if there is one [default: auto]
    #[arg(long, value_enum)]
    pub device: Option<DeviceChoice>,
    /// Memory for decoded pixels, beside the model, in MiB [default: 1024]
    #[arg(long, value_name = "MIB", value_parser = RangedU64ValueParser::<usize>::new().range(128..=1 << 20))]
    pub memory: Option<usize>,
    /// Read every window at full resolution, even where an overview is fine enough for the model
    #[arg(long)]
    pub exact: bool,
}

fn keyword(text: &str) -> Result<String, String> {
    let word = text.trim();
    if word.is_empty() { Err("a keyword needs at least one letter".to_owned()) } else { Ok(word.to_owned()) }
}

impl ScanArgs {
    /// Sets the budgets of this program. Call it before a scene is opened.
    pub fn set_storage(&self) {
        let memory = self.memory.map_or(Storage::DEFAULT_MEMORY, |memory| memory << 20);
        Storage { memory, cache: Some(Storage::user_cache()), ..Storage::default() }.set();
    }

    #[must_use]
    pub fn grid(&self) -> GridSettings {
        let default = GridSettings::default();
        GridSettings {
            tile: self.tile.unwrap_or(default.tile),
            window: self.window.unwrap_or(default.window),
            step: self.step.unwrap_or(default.step),
            edges: self.edges.unwrap_or(default.edges),
        }
    }

    /// # Errors
    /// When the file of background words can't be read.
    pub fn query(&self) -> anyhow::Result<Query> {
        Ok(Query {
            keywords: self.keywords.clone(),
            template: self.prompt.clone().unwrap_or_default(),
            background: self.background_words()?.unwrap_or_else(default_background),
            rank_by: self.rank_by.unwrap_or_default(),
            top_k: self.top.unwrap_or(Query::DEFAULT_TOP_K),
        })
    }

    /// The background words that were asked for.
    ///
    /// # Errors
    /// As [`Self::query`].
    pub fn background_words(&self) -> anyhow::Result<Option<Vec<String>>> {
        match self.background.as_deref() {
            None => Ok(None),
            Some(path) if path == Path::new("none") => Ok(Some(Vec::new())),
            Some(path) => {
                let text = std::fs::read_to_string(path)
                    .with_context(|| format!("cannot read the background words in {}", path.display()))?;
                Ok(Some(parse_background(&text)))
            }
        }
    }
}

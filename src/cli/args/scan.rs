//! The options of a scan, in groups: every command has those groups that it knows. What is not given has a
//! default in the commands; the window takes what it was when it was last closed.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use clap::Args;
use clap::builder::RangedU64ValueParser;

use crate::cli::{ModelArgs, RegionArgs};
use crate::clip::DeviceChoice;
use crate::raster::{Scene, Storage};
use crate::scan::ScanRequest;
use crate::search::{
    BoxSettings, Expression, PromptTemplate, Query, RankBy, Threshold, default_background, parse_background,
    tidy_keyword, unique_keywords,
};
use crate::store::Store;
use crate::text_file;
use crate::windows::Coarse;
use crate::windows::{Edges, GridSettings};

// Groups have no doc comments: those would become the description of the command.

// What to look for.
#[derive(Args, Clone, Debug)]
pub struct KeywordArgs {
    /// What to look for; may be given several times. Words can be put together: "harbor + ships - beach",
    /// "0.5*beach", "ship | boat"; @1 is the first --like
    #[arg(short, long = "keyword", value_name = "WORD", value_parser = keyword)]
    pub keywords: Vec<String>,
}

// What runs, and where windows are kept.
#[derive(Args, Clone, Debug)]
pub struct RunArgs {
    #[command(flatten)]
    pub model: ModelArgs,
    /// Where the model runs; auto takes a real GPU if there is one [default: auto]
    #[arg(long, value_enum)]
    pub device: Option<DeviceChoice>,
    /// Memory for decoded pixels, beside the model, in MiB [default: 1024]
    #[arg(long, value_name = "MIB", value_parser = RangedU64ValueParser::<usize>::new().range(128..=1 << 20))]
    pub memory: Option<usize>,
    /// The folder where embeddings are kept, so that no window is encoded twice; none forgets them [default:
    /// the user's]
    #[arg(long, value_name = "FOLDER|none", env = "SKYSIFT_STORE")]
    pub store: Option<PathBuf>,
}

// Where windows lie and how they are read.
#[derive(Args, Clone, Debug)]
pub struct GridArgs {
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
    /// What happens to the strip at the right and bottom edge that whole steps don't reach [default: cover]
    #[arg(long, value_enum)]
    pub edges: Option<Edges>,
    /// Scan with windows of several sizes, in tiles: 4,3,2
    #[arg(long, value_name = "TILES,…", value_delimiter = ',', value_parser = RangedU64ValueParser::<u32>::new().range(1..=10_000))]
    pub scales: Vec<u32>,
    /// Read every window at full resolution, even where an overview is fine enough for the model
    #[arg(long)]
    pub exact: bool,
    #[command(flatten)]
    pub region: RegionArgs,
    /// Take windows whose pixels differ by at most this many of 255 levels for one colour, and encode each
    /// colour once [default: 0]
    #[arg(long, value_name = "LEVELS")]
    pub uniform: Option<u8>,
}

// How windows are compared and which are shown.
#[derive(Args, Clone, Debug)]
pub struct RankArgs {
    /// How many windows to keep for each keyword [default: 5]
    #[arg(long, value_name = "K", value_parser = RangedU64ValueParser::<usize>::new().range(1..))]
    pub top: Option<usize>,
    /// The sentence made from a keyword; several separated by | are averaged [default: a photo of a {}]
    #[arg(long, value_parser = PromptTemplate::new)]
    pub prompt: Option<PromptTemplate>,
    /// Words that compete with the keywords for probability: a file with one a line, or none [default: land
    /// cover classes]
    #[arg(long, value_name = "FILE|none")]
    pub background: Option<PathBuf>,
    /// The order of the results [default: probability]
    #[arg(long, value_enum)]
    pub rank_by: Option<RankBy>,
    /// Of windows that overlap by more than this, show only the best [default without a value: 0.3]
    #[arg(long, value_name = "OVERLAP", num_args = 0..=1, default_missing_value = "0.3", value_parser = share)]
    pub nms: Option<f64>,
    /// Make one box of windows that touch
    #[arg(long)]
    pub merge: bool,
    /// Say "no clear match" rather than show weak boxes: auto, off, or the least score [default: off]
    #[arg(long, value_name = "auto|off|SCORE", allow_hyphen_values = true)]
    pub threshold: Option<Threshold>,
}

// All of a scan that looks for something, but what that is.
#[derive(Args, Clone, Debug)]
pub struct ScanArgs {
    #[command(flatten)]
    pub run: RunArgs,
    #[command(flatten)]
    pub grid: GridArgs,
    #[command(flatten)]
    pub rank: RankArgs,
    /// Make boxes that follow the peaks of the heat map instead of windows
    #[arg(long)]
    pub tight: bool,
    /// Look at windows twice as large first, and then at promising places before others
    #[arg(long)]
    pub coarse_first: bool,
    /// As --coarse-first, and leave out all but this share of the places: faster, and some things may be
    /// missed
    #[arg(long, value_name = "SHARE", value_parser = share)]
    pub coarse_only: Option<f64>,
}

/// The store in a folder; in the user's where none is named.
#[must_use]
pub fn store(folder: Option<&Path>) -> Option<Store> {
    match folder {
        None => Some(Store::new(&Store::user_folder())),
        Some(folder) if folder == Path::new("none") => None,
        Some(folder) => Some(Store::new(folder)),
    }
}

fn share(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
        _ => Err("it must lie between 0 and 1".to_owned()),
    }
}

fn keyword(text: &str) -> Result<String, String> {
    let word = tidy_keyword(text);
    if word.is_empty() {
        return Err("a keyword needs at least one letter".to_owned());
    }
    Expression::parse(&word).map(|_| word)
}

impl RunArgs {
    /// The budgets for scenes.
    #[must_use]
    pub fn storage(&self) -> Storage {
        Storage::with_user_cache(self.memory.map_or(Storage::DEFAULT_MEMORY, |memory| memory << 20))
    }

    /// Where embeddings are kept, if they are.
    #[must_use]
    pub fn store(&self) -> Option<Store> {
        store(self.store.as_deref())
    }
}

impl GridArgs {
    #[must_use]
    pub fn settings(&self) -> GridSettings {
        let default = GridSettings::default();
        GridSettings {
            tile: self.tile.unwrap_or(default.tile),
            window: self.window.unwrap_or(default.window),
            step: self.step.unwrap_or(default.step),
            edges: self.edges.unwrap_or(default.edges),
        }
    }

    /// A scan of a scene.
    ///
    /// # Errors
    /// When the part to look at can't be found on the scene.
    pub fn request(
        &self,
        scene: &Arc<Scene>,
        query: Query,
        store: Option<Store>,
    ) -> anyhow::Result<ScanRequest> {
        Ok(ScanRequest {
            scales: self.scales.clone(),
            areas: self.region.areas(scene)?,
            exact: self.exact,
            uniform: self.uniform.unwrap_or_default(),
            store,
            ..ScanRequest::new(Arc::clone(scene) as _, self.settings(), query)
        })
    }
}

impl RankArgs {
    /// # Errors
    /// When the file of background words can't be read.
    pub fn query(&self, keywords: &[String]) -> anyhow::Result<Query> {
        Ok(Query {
            keywords: unique_keywords(keywords),
            template: self.prompt.clone().unwrap_or_default(),
            background: self.background_words()?.unwrap_or_else(default_background),
            rank_by: self.rank_by.unwrap_or_default(),
            top_k: self.top.unwrap_or(Query::DEFAULT_TOP_K),
            boxes: BoxSettings { suppress: self.nms, merge: self.merge, tight: false },
            threshold: self.threshold.unwrap_or_default(),
            ..Query::default()
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
                let text = text_file::read(path)
                    .with_context(|| format!("cannot read the background words in {}", path.display()))?;
                Ok(Some(parse_background(&text)))
            }
        }
    }
}

impl ScanArgs {
    /// # Errors
    /// As [`RankArgs::query`].
    pub fn query(&self, keywords: &[String]) -> anyhow::Result<Query> {
        let mut query = self.rank.query(keywords)?;
        query.boxes.tight = self.tight;
        Ok(query)
    }

    /// Whether larger windows lead the way.
    #[must_use]
    pub fn coarse(&self) -> Coarse {
        match self.coarse_only {
            Some(share) => Coarse::Only(share),
            None if self.coarse_first => Coarse::First,
            None => Coarse::Off,
        }
    }

    /// A scan of a scene.
    ///
    /// # Errors
    /// As [`GridArgs::request`].
    pub fn request(&self, scene: &Arc<Scene>, query: Query) -> anyhow::Result<ScanRequest> {
        Ok(ScanRequest { coarse: self.coarse(), ..self.grid.request(scene, query, self.run.store())? })
    }
}

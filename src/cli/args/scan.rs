//! The options of a scan, in groups: every command has those groups that it knows. What is given overrules
//! the settings that a scan would have: in the commands the defaults, in the window those that it was closed
//! with.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use clap::Args;
use clap::builder::RangedU64ValueParser;

use crate::cli::{ModelArgs, RegionArgs, SharpenArgs};
use crate::clip::{DeviceChoice, PrecisionChoice, RunOn};
use crate::raster::{Scene, Storage};
use crate::scan::{ScanOverrides, ScanRequest, ScanSettings};
use crate::search::{Expression, PromptTemplate, Query, RankBy, Threshold, parse_background, tidy_keyword};
use crate::store::Store;
use crate::text_file;
use crate::windows::{Coarse, Edges, GridSettings};

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
    /// Precision of the image tower; auto takes bf16 on processors that have it where embeddings stay as good
    /// [default: auto]
    #[arg(long, value_enum)]
    pub precision: Option<PrecisionChoice>,
    /// Memory for decoded pixels, beside the model, in MiB [default: 1024]
    #[arg(long, value_name = "MIB", value_parser = RangedU64ValueParser::<usize>::new().range(128..=1 << 20))]
    pub memory: Option<usize>,
    /// The folder where embeddings are kept, so that no window is encoded twice; none forgets them [default:
    /// the user's]
    #[arg(long, value_name = "FOLDER|none", env = "SKYSIFT_STORE")]
    pub store: Option<PathBuf>,
    #[command(flatten)]
    pub sharpen: SharpenArgs,
}

// Where windows lie and how they are read.
#[derive(Args, Clone, Debug)]
pub struct GridArgs {
    /// Side of a tile, in pixels [default: 128]
    #[arg(long, value_name = "PIXELS",
          value_parser = RangedU64ValueParser::<u32>::new()
              .range(u64::from(GridSettings::MIN_TILE)..=100_000))]
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
    /// Score the cells that the model sees in a window, instead of the window, and outline what stands out
    /// among them: finer boxes from fewer passes of the model
    #[arg(long, conflicts_with_all = ["step", "edges", "uniform", "sharpen"])]
    pub dense: bool,
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
    #[arg(long, value_name = "OVERLAP", num_args = 0..=1, default_missing_value = "0.3", value_parser = share,
          conflicts_with = "dense")]
    pub nms: Option<f64>,
    /// Make one box of windows that touch
    #[arg(long, conflicts_with = "dense")]
    pub merge: bool,
    /// Say "no clear match" rather than show weak boxes: auto, off, or the least score [default: off]
    #[arg(long, value_name = "auto|off|SCORE", allow_hyphen_values = true)]
    pub threshold: Option<Threshold>,
}

// Whether windows say what others show.
#[derive(Args, Clone, Copy, Debug)]
pub struct RefineArgs {
    /// Refine probabilities among what is compared, without another pass of the model: what looks alike shows
    /// the same
    #[arg(long)]
    pub refine: bool,
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
    #[arg(long, conflicts_with = "dense")]
    pub tight: bool,
    /// Look at windows twice as large first, and then at promising places before others
    #[arg(long, conflicts_with = "dense")]
    pub coarse_first: bool,
    /// As --coarse-first, and leave out all but this share of the places: faster, and some things may be
    /// missed
    #[arg(long, value_name = "SHARE", value_parser = share, conflicts_with = "dense")]
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
    Expression::parse(&word).map(|_| word).map_err(|error| error.to_string())
}

impl RunArgs {
    /// Where the model runs.
    #[must_use]
    pub fn run_on(&self) -> RunOn {
        let (device, precision) = (self.device.unwrap_or_default(), self.precision.unwrap_or_default());
        RunOn { device, precision }
    }

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
    /// What is asked of the grid, and of how windows are read.
    #[must_use]
    pub fn overrides(&self) -> ScanOverrides {
        ScanOverrides {
            tile: self.tile,
            window: self.window,
            step: self.step,
            edges: self.edges,
            scales: (!self.scales.is_empty()).then(|| self.scales.clone()),
            exact: self.exact.then_some(true),
            uniform: self.uniform,
            dense: self.dense.then_some(true),
            ..ScanOverrides::default()
        }
    }
}

impl RankArgs {
    /// What is asked of the ranking.
    ///
    /// # Errors
    /// When the file of background words can't be read.
    pub fn overrides(&self) -> anyhow::Result<ScanOverrides> {
        Ok(ScanOverrides {
            top_k: self.top,
            template: self.prompt.clone(),
            background: self.background_words()?,
            rank_by: self.rank_by,
            overlap: self.nms,
            merge: self.merge.then_some(true),
            threshold: self.threshold,
            ..ScanOverrides::default()
        })
    }

    fn background_words(&self) -> anyhow::Result<Option<Vec<String>>> {
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
    /// All that is asked.
    ///
    /// # Errors
    /// As [`RankArgs::overrides`].
    pub fn overrides(&self) -> anyhow::Result<ScanOverrides> {
        let coarse = match self.coarse_only {
            Some(share) => Some(Coarse::Only(share)),
            None => self.coarse_first.then_some(Coarse::First),
        };
        let own = ScanOverrides { tight: self.tight.then_some(true), coarse, ..self.grid.overrides() };
        Ok(own.or(self.rank.overrides()?))
    }

    /// The settings of a scan without a window.
    ///
    /// # Errors
    /// As [`RankArgs::overrides`].
    pub fn settings(&self) -> anyhow::Result<ScanSettings> {
        Ok(ScanSettings::default().overruled_by(self.overrides()?))
    }

    /// A scan of the part of a scene that was asked for.
    ///
    /// # Errors
    /// When that can't be found on the scene.
    pub fn request(
        &self,
        settings: &ScanSettings,
        scene: &Arc<Scene>,
        query: Query,
    ) -> anyhow::Result<ScanRequest> {
        let (areas, store) = (self.grid.region.areas(scene)?, self.run.store());
        Ok(ScanRequest { areas, store, ..settings.request(Arc::clone(scene) as _, query) })
    }
}

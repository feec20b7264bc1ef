//! What goes into the scanner and what comes out of it.

use std::sync::Arc;

use serde::Serialize;

use super::{
    Area, Encoder, EncoderCard, GridSettings, HeatMap, Layouts, Query, RankBy, ScanError, SceneSource, Store,
};
use crate::raster::Rect;

/// Loads a model; runs on the scanner's thread, since it takes seconds.
pub type EncoderLoader = Box<dyn FnOnce() -> Result<Box<dyn Encoder>, ScanError> + Send>;

/// What the scanner is asked to do. Commands are taken in order; all but `Load` act within one batch.
pub enum Command {
    /// Replace the model. Stops a scan that runs. `measure` encodes two batches to know its speed beforehand.
    Load { load: EncoderLoader, measure: bool },
    /// Scan a scene. Stops the scan before it and forgets its embeddings.
    Scan(ScanRequest),
    /// Look for something else, in the windows already seen as well as in those to come.
    SetQuery(Query),
    /// The part of the scene (level-0 pixels) whose windows come first.
    SetView(Rect),
}

/// One pass over a scene.
pub struct ScanRequest {
    pub scene: Arc<dyn SceneSource>,
    pub grid: GridSettings,
    /// Sides of the window in tiles, for a scan at several scales; empty for the one of `grid`.
    pub scales: Vec<u32>,
    /// Where to look, one after the other; empty for all of the scene.
    pub areas: Vec<Area>,
    pub query: Query,
    /// The windows that touch this rectangle (level-0 pixels) come first.
    pub view: Option<Rect>,
    /// Read every window at level 0, even where an overview is fine enough for the model.
    pub exact: bool,
    pub coarse: Coarse,
    /// Windows whose pixels differ by no more than this in any channel count as one colour, and those of the same
    /// colour share an embedding. 0 changes nothing, since they have the same embedding anyway.
    pub uniform: u8,
    /// Where embeddings are kept; `None` forgets them with the program.
    pub store: Option<Store>,
}

impl ScanRequest {
    /// A scan of a whole scene as the thesis does it.
    #[must_use]
    pub fn new(scene: Arc<dyn SceneSource>, grid: GridSettings, query: Query) -> Self {
        Self {
            scene,
            grid,
            scales: Vec::new(),
            areas: Vec::new(),
            query,
            view: None,
            exact: false,
            coarse: Coarse::Off,
            uniform: 0,
            store: None,
        }
    }

    /// The windows that it looks at.
    ///
    /// # Errors
    /// As [`Layouts::new`].
    pub fn layouts(&self) -> Result<Layouts, ScanError> {
        Layouts::new(self.scene.size(), self.grid, &self.scales, &self.areas, self.coarse)
    }
}

/// Whether windows twice as large are looked at before all others.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Coarse {
    #[default]
    Off,
    /// They say where to look first.
    First,
    /// Only this share of the places that they find most promising is looked at, from 0 to 1.
    Only(f64),
}

/// A window that ranks among the best for a keyword.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Detection {
    pub keyword: String,
    /// 1 is the best.
    pub rank: usize,
    /// Softmax over keywords and background words, 0 to 1.
    pub probability: f32,
    /// -1 to 1.
    pub cosine: f32,
    /// The window in level-0 pixels, as far as it lies in the scene.
    pub window: Rect,
    /// The part of the window that has no data or lies beyond the scene, 0 to 1. The model saw the mean colour of the
    /// rest there.
    pub nodata: f32,
    /// Whether it reaches the query's threshold.
    pub clear: bool,
    /// (keyword, probability, cosine) of this window for every keyword, in the order of the query; none where there are
    /// more than some thirty, of which memory would be full.
    pub scores: Vec<(String, f32, f32)>,
}

impl Detection {
    /// The score that it was ranked by, in few digits.
    #[must_use]
    pub fn score_text(&self, rank_by: RankBy) -> String {
        match rank_by {
            // Among many words even a clear winner may have a small share.
            RankBy::Probability if self.probability < 0.1 => format!("{:.3}", self.probability),
            RankBy::Probability => format!("{:.2}", self.probability),
            RankBy::Cosine => format!("{:.3}", self.cosine),
        }
    }

    /// What stands at its box: rank, keyword, score.
    #[must_use]
    pub fn label(&self, rank_by: RankBy) -> String {
        format!("{} {} {}", self.rank, self.keyword, self.score_text(rank_by))
    }
}

/// What a scan has found so far. It reads as its detections.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// Keywords in the order of the query, ranks ascending.
    pub detections: Vec<Detection>,
    /// The heat map that was asked for, with its keyword.
    pub heat_map: Option<(String, Arc<HeatMap>)>,
    /// What stands for each keyword, to be saved and looked for in other scenes: the first of its alternatives, after
    /// thumbs.
    pub vectors: Vec<(String, Arc<[f32]>)>,
}

impl std::ops::Deref for Answer {
    type Target = [Detection];

    fn deref(&self) -> &[Detection] {
        &self.detections
    }
}

impl Answer {
    /// What stands for a keyword, as it was compared.
    #[must_use]
    pub fn vector(&self, keyword: &str) -> Option<&Arc<[f32]>> {
        self.vectors.iter().find(|(name, _)| name == keyword).map(|(_, vector)| vector)
    }

    /// The keywords of `query` without a clear match.
    #[must_use]
    pub fn without_match<'a>(&self, keywords: &'a [String]) -> Vec<&'a str> {
        let clear = |keyword: &&String| self.iter().any(|found| found.clear && found.keyword == **keyword);
        keywords.iter().filter(|keyword| !clear(keyword)).map(String::as_str).collect()
    }
}

pub type Ranking = Arc<Answer>;

/// Windows that could not be read or prepared for the model. They are neither ranked nor kept, so that the next scan
/// tries them again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Failures {
    pub windows: usize,
    /// Why, of the first of them.
    pub reason: String,
}

impl Failures {
    pub(super) fn add(&mut self, error: &ScanError) {
        if self.windows == 0 {
            self.reason = error.to_string();
        }
        self.windows += 1;
    }

    /// What there is to say about them, of all windows of the scan; nothing where there are none.
    #[must_use]
    pub fn sentence(&self, of: usize) -> Option<String> {
        let Self { windows, reason } = self;
        (*windows > 0).then(|| format!("{windows} of {of} windows could not be read: {reason}"))
    }
}

/// How much of the final ranking was there early on, when a scan looks at promising places first.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Early {
    /// Share of the best windows that were among the first tenth of all windows.
    pub tenth: f64,
    /// The same for the first quarter.
    pub quarter: f64,
}

/// What the scanner tells. Events arrive in order; each `Batch` replaces the ranking before it.
#[derive(Clone, Debug)]
pub enum Event {
    /// A model is ready; `windows_per_second` is there when the command asked to measure it.
    Loaded {
        card: EncoderCard,
        windows_per_second: Option<f64>,
    },
    LoadFailed(String),
    /// Of `windows`, `known` were encoded by an earlier scan.
    Started {
        windows: usize,
        known: usize,
    },
    /// `done` counts the windows that were known, those that were skipped since they have no data, and those that failed,
    /// too; `skipped` and `failed` only these.
    Batch {
        done: usize,
        skipped: usize,
        failed: Failures,
        windows: usize,
        windows_per_second: f64,
        seconds_left: f64,
        ranking: Ranking,
    },
    /// The ranking after a new query.
    Ranked {
        ranking: Ranking,
    },
    /// What a person should know of the model or of what is stored: the GPU was lost, for instance. What there is to
    /// say of the scene stands among its own notices.
    Notice(String),
    /// What was asked last can't be answered, and why; the answer before it stays.
    Refused(String),
    /// `card` says what the scan ran on at its end: a lost GPU changes the device.
    /// `windows` are those that were encoded now or before, not those that failed, or without data or promise; `known` of
    /// them by an earlier scan.
    Finished {
        windows: usize,
        known: usize,
        skipped: usize,
        failed: Failures,
        early: Early,
        seconds: f64,
        ranking: Ranking,
        card: EncoderCard,
        /// What all that is stored of the scene takes on disk; `None` when it isn't kept, or not all of it.
        kept_bytes: Option<u64>,
    },
    /// Stopped on request; what was found stays.
    Cancelled {
        done: usize,
        skipped: usize,
        failed: Failures,
        windows: usize,
    },
    Failed(String),
}

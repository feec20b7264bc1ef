//! What goes into the scanner and what comes out of it.

use std::sync::Arc;

use serde::Serialize;

use super::{Encoder, EncoderCard, GridSettings, Query, RankBy, ScanError, SceneSource};
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
    pub query: Query,
    /// The windows that touch this rectangle (level-0 pixels) come first.
    pub view: Option<Rect>,
    /// Read every window at level 0, even where an overview is fine enough for the model.
    pub exact: bool,
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
    /// The window in level-0 pixels; it may reach past a scene that is smaller than one window.
    pub window: Rect,
    /// The part of the window that has no data, 0 to 1. The model saw the mean colour of the rest there.
    pub nodata: f32,
    /// (keyword, probability, cosine) of this window for every keyword, in the order of the query.
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

/// The best windows of every keyword: keywords in the order of the query, ranks ascending.
pub type Ranking = Arc<Vec<Detection>>;

/// What the scanner tells. Events arrive in order; each `Batch` replaces the ranking before it.
#[derive(Clone, Debug)]
pub enum Event {
    /// A model is ready; `windows_per_second` is there when the command asked to measure it.
    Loaded {
        card: EncoderCard,
        windows_per_second: Option<f64>,
    },
    LoadFailed(String),
    Started {
        windows: usize,
    },
    /// `done` counts the windows that were skipped since they have no data, too; `skipped` only those.
    Batch {
        done: usize,
        skipped: usize,
        windows: usize,
        windows_per_second: f64,
        seconds_left: f64,
        ranking: Ranking,
    },
    /// The ranking after a new query while no scan runs.
    Ranked {
        ranking: Ranking,
    },
    /// For the status line: the GPU was lost, a region could not be read…
    Notice(String),
    /// `card` says what the scan ran on at its end: a lost GPU changes the device.
    /// `windows` are those that were encoded.
    Finished {
        windows: usize,
        skipped: usize,
        seconds: f64,
        ranking: Ranking,
        card: EncoderCard,
    },
    /// Stopped on request; what was found stays.
    Cancelled {
        done: usize,
        skipped: usize,
        windows: usize,
    },
    Failed(String),
}

//! What goes into the scanner and what comes out of it.

use std::sync::Arc;

use serde::Serialize;

use super::{ScanError, SceneSource};
use crate::encoder::{EncoderCard, EncoderLoader};
use crate::raster::Rect;
use crate::search::{Query, Ranking};
use crate::store::Store;
use crate::windows::{Area, Coarse, GridSettings, Layouts};

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
    /// Windows whose pixels differ by no more than this in any channel count as one colour, and those of the
    /// same colour share an embedding. 0 changes nothing, since they have the same embedding anyway.
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
        Ok(Layouts::new(self.scene.size(), self.grid, &self.scales, &self.areas, self.coarse)?)
    }
}

/// Windows that could not be read or prepared for the model. They are neither ranked nor kept, so that the
/// next scan tries them again.
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
    /// `done` counts the windows that were known, those that were skipped since they have no data, and those
    /// that failed, too; `skipped` and `failed` only these.
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
    /// What a person should know of the model or of what is stored: the GPU was lost, for instance. What
    /// there is to say of the scene stands among its own notices.
    Notice(String),
    /// What was asked last can't be answered, and why; the answer before it stays.
    Refused(String),
    /// `card` says what the scan ran on at its end: a lost GPU changes the device. `windows` are those that
    /// were encoded now or before, not those that failed, or without data or promise; `known` of them by an
    /// earlier scan.
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

//! What goes into the scanner and what comes out of it.

use std::sync::Arc;

use super::cells::cell_sides;
use super::{ScanError, ScanProgress, ScanSummary, SceneSource};
use crate::encoder::{CellModel, EncoderCard, EncoderLoader};
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
    /// Encode the cells of windows, each with what lies around it, instead of the windows themselves.
    pub dense: bool,
}

impl ScanRequest {
    /// A scan of a whole scene at one scale, which keeps nothing.
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
            dense: false,
        }
    }

    /// The cells that a dense scan by a model looks at.
    ///
    /// # Errors
    /// As [`Layouts::of_cells`].
    pub(super) fn cells(&self, model: CellModel) -> Result<Layouts, ScanError> {
        let sides = cell_sides(self.grid, &self.scales, model);
        Ok(Layouts::of_cells(self.scene.size(), &sides, &self.areas)?)
    }

    /// The windows that it looks at, unless it is dense.
    ///
    /// # Errors
    /// As [`Layouts::new`].
    pub fn layouts(&self) -> Result<Layouts, ScanError> {
        Ok(Layouts::new(self.scene.size(), self.grid, &self.scales, &self.areas, self.coarse)?)
    }
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
    /// Of `windows`, `reused` have embeddings of an earlier scan.
    Started {
        windows: usize,
        reused: usize,
    },
    /// Some more windows were encoded.
    Batch {
        progress: ScanProgress,
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
    Finished {
        summary: ScanSummary,
        ranking: Ranking,
    },
    /// Stopped on request; what was found stays.
    Cancelled(ScanProgress),
    Failed(String),
}

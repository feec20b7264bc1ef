//! The settings of a search as a project holds them.

use serde::{Deserialize, Serialize};

use crate::scan::ScanSettings;
use crate::search::{BoxSettings, PromptTemplate, QueryError, RankBy, Threshold, default_background};
use crate::windows::{Coarse, Edges, GridSettings};

/// The words that compete with the keywords.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BackgroundChoice {
    /// Those that come with Skysift.
    #[default]
    Common,
    None,
    Words(Vec<String>),
}

/// How a scene is scanned and its windows are ranked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct QuerySettings {
    /// Side of a tile in pixels, of the window in tiles, and how far it moves, in tiles.
    pub tile: u32,
    pub window: u32,
    pub step: u32,
    /// Leave out the strip at the edge that whole steps don't reach.
    pub drop_edges: bool,
    /// Sides of the window in tiles, of a scan at several scales.
    pub scales: Vec<u32>,
    pub dense: bool,
    /// Look with windows twice as large first.
    pub coarse_first: bool,
    /// Leave out all but this share of the places after that.
    pub coarse_only: Option<f64>,
    pub exact: bool,
    /// Levels within which a window counts as one colour.
    pub uniform: u8,
    pub sharpen: bool,
    pub prompt: String,
    pub background: BackgroundChoice,
    pub rank_by: RankBy,
    /// Windows kept for each keyword.
    pub top: usize,
    /// Of windows that overlap by more than this show only the best.
    pub overlap: Option<f64>,
    pub merge: bool,
    pub tight: bool,
    /// "auto", "off" or the least score.
    pub threshold: String,
}

impl Default for QuerySettings {
    fn default() -> Self {
        Self::new(&ScanSettings::recommended(), BackgroundChoice::Common, false)
    }
}

impl QuerySettings {
    /// What scans are like. `background` stands for the words in `scan`.
    #[must_use]
    pub fn new(scan: &ScanSettings, background: BackgroundChoice, sharpen: bool) -> Self {
        let GridSettings { tile, window, step, edges } = scan.grid;
        Self {
            tile,
            window,
            step,
            drop_edges: edges == Edges::Drop,
            scales: scan.scales.clone(),
            dense: scan.dense,
            coarse_first: scan.coarse != Coarse::Off,
            coarse_only: match scan.coarse {
                Coarse::Only(share) => Some(share),
                Coarse::Off | Coarse::First => None,
            },
            exact: scan.exact,
            uniform: scan.uniform,
            sharpen,
            prompt: scan.template.as_str().to_owned(),
            background,
            rank_by: scan.rank_by,
            top: scan.top_k,
            overlap: scan.boxes.suppress,
            merge: scan.boxes.merge,
            tight: scan.boxes.tight,
            threshold: scan.threshold.to_string(),
        }
    }

    #[must_use]
    pub fn coarse(&self) -> Coarse {
        match (self.coarse_first, self.coarse_only) {
            (false, _) => Coarse::Off,
            (true, None) => Coarse::First,
            (true, Some(share)) => Coarse::Only(share),
        }
    }

    /// The threshold; none where the text is none.
    #[must_use]
    pub fn clear_from(&self) -> Threshold {
        self.threshold.parse().unwrap_or_default()
    }

    /// The settings of a scan, with numbers that a damaged file may hold brought back into their range.
    ///
    /// # Errors
    /// When the prompt has no place for the keyword.
    pub fn scan(&self) -> Result<ScanSettings, QueryError> {
        let share = |part: f64| if part.is_finite() { part.clamp(0.0, 1.0) } else { 1.0 };
        Ok(ScanSettings {
            grid: GridSettings {
                tile: self.tile.max(GridSettings::MIN_TILE),
                window: self.window.max(1),
                step: self.step.max(1),
                edges: if self.drop_edges { Edges::Drop } else { Edges::Cover },
            },
            scales: self.scales.iter().copied().filter(|side| *side > 0).collect(),
            coarse: match self.coarse() {
                Coarse::Only(part) => Coarse::Only(share(part)),
                other => other,
            },
            exact: self.exact,
            uniform: self.uniform,
            template: PromptTemplate::new(&self.prompt)?,
            background: match &self.background {
                BackgroundChoice::Common => default_background(),
                BackgroundChoice::None => Vec::new(),
                BackgroundChoice::Words(words) => words.clone(),
            },
            rank_by: self.rank_by,
            top_k: self.top.max(1),
            boxes: BoxSettings {
                suppress: self.overlap.map(share),
                merge: self.merge,
                tight: self.tight,
                regions: false,
            },
            threshold: self.clear_from(),
            dense: self.dense,
        })
    }
}

//! The settings of a scan, and what a person asks to be otherwise.

use std::sync::Arc;

use super::{ScanRequest, SceneSource};
use crate::search::{BoxSettings, PromptTemplate, Query, RankBy, Threshold, default_background};
use crate::windows::{Coarse, Edges, GridSettings};

/// How a scene is scanned, and how its windows are ranked.
#[derive(Clone, Debug, PartialEq)]
pub struct ScanSettings {
    pub grid: GridSettings,
    /// Sides of the window in tiles, for a scan at several scales; empty for the one of `grid`.
    pub scales: Vec<u32>,
    /// Whether larger windows lead the way.
    pub coarse: Coarse,
    /// Read every window at full resolution.
    pub exact: bool,
    /// Levels within which a window counts as one colour.
    pub uniform: u8,
    pub template: PromptTemplate,
    /// Words that compete with the keywords.
    pub background: Vec<String>,
    pub rank_by: RankBy,
    /// How many windows are kept for each keyword.
    pub top_k: usize,
    pub boxes: BoxSettings,
    pub threshold: Threshold,
    /// Encode cells of windows instead of windows, and outline what stands out among them.
    pub dense: bool,
}

/// The defaults of all commands.
impl Default for ScanSettings {
    fn default() -> Self {
        Self {
            grid: GridSettings::default(),
            scales: Vec::new(),
            coarse: Coarse::Off,
            exact: false,
            uniform: 0,
            template: PromptTemplate::default(),
            background: default_background(),
            rank_by: RankBy::default(),
            top_k: Query::DEFAULT_TOP_K,
            boxes: BoxSettings::default(),
            threshold: Threshold::Off,
            dense: false,
        }
    }
}

impl ScanSettings {
    /// What the window begins with: cells; and where windows are asked for, two scales and one box a place.
    #[must_use]
    pub fn recommended() -> Self {
        let boxes = BoxSettings { suppress: Some(BoxSettings::DEFAULT_OVERLAP), ..BoxSettings::default() };
        Self { scales: vec![4, 2], boxes, dense: true, ..Self::default() }
    }

    /// The same, but for what is asked to be otherwise.
    #[must_use]
    pub fn overruled_by(self, asked: ScanOverrides) -> Self {
        let Self {
            grid,
            scales,
            coarse,
            exact,
            uniform,
            template,
            background,
            rank_by,
            top_k,
            boxes,
            threshold,
            dense,
        } = self;
        Self {
            grid: GridSettings {
                tile: asked.tile.unwrap_or(grid.tile),
                window: asked.window.unwrap_or(grid.window),
                step: asked.step.unwrap_or(grid.step),
                edges: asked.edges.unwrap_or(grid.edges),
            },
            scales: asked.scales.unwrap_or(scales),
            coarse: asked.coarse.unwrap_or(coarse),
            exact: asked.exact.unwrap_or(exact),
            uniform: asked.uniform.unwrap_or(uniform),
            template: asked.template.unwrap_or(template),
            background: asked.background.unwrap_or(background),
            rank_by: asked.rank_by.unwrap_or(rank_by),
            top_k: asked.top_k.unwrap_or(top_k),
            boxes: BoxSettings {
                suppress: asked.overlap.or(boxes.suppress),
                merge: asked.merge.unwrap_or(boxes.merge),
                tight: asked.tight.unwrap_or(boxes.tight),
                regions: boxes.regions,
            },
            threshold: asked.threshold.unwrap_or(threshold),
            dense: asked.dense.unwrap_or(dense),
        }
    }

    /// What is looked for: keywords alone, without examples and feedback.
    #[must_use]
    pub fn query(self, keywords: Vec<String>) -> Query {
        Query {
            keywords,
            template: self.template,
            background: self.background,
            rank_by: self.rank_by,
            top_k: self.top_k,
            boxes: BoxSettings { regions: self.dense, ..self.boxes },
            threshold: self.threshold,
            examples: Vec::new(),
            feedback: Vec::new(),
            refine: false,
            heat_map: None,
        }
    }

    /// A scan of a whole scene that keeps nothing.
    #[must_use]
    pub fn request(&self, scene: Arc<dyn SceneSource>, query: Query) -> ScanRequest {
        ScanRequest {
            scales: self.scales.clone(),
            exact: self.exact,
            coarse: self.coarse,
            uniform: self.uniform,
            dense: self.dense,
            ..ScanRequest::new(scene, self.grid, query)
        }
    }
}

/// What a person asks of a scan: on the command line of any command, or at the start of the window. What is
/// `None` stays as it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ScanOverrides {
    pub tile: Option<u32>,
    pub window: Option<u32>,
    pub step: Option<u32>,
    pub edges: Option<Edges>,
    pub scales: Option<Vec<u32>>,
    pub coarse: Option<Coarse>,
    pub exact: Option<bool>,
    pub uniform: Option<u8>,
    pub template: Option<PromptTemplate>,
    pub background: Option<Vec<String>>,
    pub rank_by: Option<RankBy>,
    pub top_k: Option<usize>,
    /// Show only the best of windows that overlap by more than this.
    pub overlap: Option<f64>,
    pub merge: Option<bool>,
    pub tight: Option<bool>,
    pub threshold: Option<Threshold>,
    pub dense: Option<bool>,
}

impl ScanOverrides {
    /// What this asks, and where it asks nothing what `other` does.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            tile: self.tile.or(other.tile),
            window: self.window.or(other.window),
            step: self.step.or(other.step),
            edges: self.edges.or(other.edges),
            scales: self.scales.or(other.scales),
            coarse: self.coarse.or(other.coarse),
            exact: self.exact.or(other.exact),
            uniform: self.uniform.or(other.uniform),
            template: self.template.or(other.template),
            background: self.background.or(other.background),
            rank_by: self.rank_by.or(other.rank_by),
            top_k: self.top_k.or(other.top_k),
            overlap: self.overlap.or(other.overlap),
            merge: self.merge.or(other.merge),
            tight: self.tight.or(other.tight),
            threshold: self.threshold.or(other.threshold),
            dense: self.dense.or(other.dense),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_asks_for_stays() {
        let settings = ScanSettings::recommended();
        assert_eq!(settings.clone().overruled_by(ScanOverrides::default()), settings);
        let asked = ScanOverrides { tile: Some(64), merge: Some(true), ..ScanOverrides::default() };
        let more = ScanOverrides { tile: Some(32), top_k: Some(9), ..ScanOverrides::default() };
        let overruled = settings.clone().overruled_by(asked.or(more));
        assert_eq!((overruled.grid.tile, overruled.grid.window, overruled.top_k), (64, 4, 9));
        assert_eq!(overruled.boxes, BoxSettings { merge: true, ..settings.boxes });
    }
}

//! What a scan was like, as far as it is told later.

use super::Search;
use crate::scan::{ScanRequest, ScanSettings};
use crate::windows::{Area, Coarse, GridSettings};

/// What a scan was like.
pub(super) struct Scanned {
    grid: GridSettings,
    /// Sides of the windows in tiles; empty for one scale.
    scales: Vec<u32>,
    /// Where it looked; empty for all of the scene.
    areas: Vec<Area>,
    dense: bool,
    coarse: Coarse,
    exact: bool,
    uniform: u8,
    /// The fingerprint of the model that was there then.
    model: Option<String>,
    /// Nobody asked for it: it tells what is stored, and encodes nothing.
    stored_alone: bool,
}

impl Scanned {
    /// `model` is the fingerprint of the one at hand.
    pub(super) fn of(request: &ScanRequest, model: Option<&str>) -> Self {
        Self {
            grid: request.grid,
            scales: request.scales.clone(),
            areas: request.areas.clone(),
            dense: request.dense,
            coarse: request.coarse,
            exact: request.exact,
            uniform: request.uniform,
            model: model.map(str::to_owned),
            stored_alone: false,
        }
    }

    /// Whether a scan with these settings, in these areas and by this model would look at something else.
    fn differs(&self, settings: &ScanSettings, areas: &[Area], model: Option<&str>) -> bool {
        let same_model = self.model.is_none() || model.is_none() || self.model.as_deref() == model;
        let same_windows = if self.dense {
            // Cells have no step, and no edges to cover.
            (self.grid.tile, self.grid.window) == (settings.grid.tile, settings.grid.window)
        } else {
            self.grid == settings.grid
                && self.scales == settings.scales
                && self.coarse == settings.coarse
                && (self.exact, self.uniform) == (settings.exact, settings.uniform)
        };
        !(same_model && same_windows && self.dense == settings.dense && self.areas == areas)
    }
}

impl Search {
    /// The grid of the scan that made the ranking.
    #[must_use]
    pub fn scanned(&self) -> Option<GridSettings> {
        self.scanned.as_ref().map(|scanned| scanned.grid)
    }

    /// Whether the scan that made the ranking was dense; `None` before there is one.
    #[must_use]
    pub fn scanned_dense(&self) -> Option<bool> {
        self.scanned.as_ref().map(|scanned| scanned.dense)
    }

    /// Where that scan looked; empty for all of the scene.
    #[must_use]
    pub fn scanned_areas(&self) -> &[Area] {
        self.scanned.as_ref().map_or(&[], |scanned| &scanned.areas)
    }

    /// The sides of the windows of the scan that made the ranking; empty for one scale.
    #[must_use]
    pub fn scanned_scales(&self) -> Option<Vec<u32>> {
        self.scanned.as_ref().map(|scanned| scanned.scales.clone())
    }

    /// Has the scan that was just begun stop where something isn't stored.
    pub fn keep_to_what_is_stored(&mut self) {
        if let Some(scanned) = &mut self.scanned {
            scanned.stored_alone = true;
        }
    }

    /// Whether the scan that begins is one that keeps to what is stored.
    pub(super) fn keeps_to_what_is_stored(&self) -> bool {
        self.scanned.as_ref().is_some_and(|scanned| scanned.stored_alone)
    }

    /// Whether a scan with these settings, in these areas and by the model at hand would look at something
    /// else than the one did that made the ranking.
    #[must_use]
    pub fn differs(&self, settings: &ScanSettings, areas: &[Area]) -> bool {
        let scanned = self.scanned.as_ref();
        scanned.is_some_and(|scanned| scanned.differs(settings, areas, self.model_fingerprint()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::raster::Rect;

    #[test]
    fn what_would_change_the_windows_makes_a_difference() {
        let settings = ScanSettings { dense: false, ..ScanSettings::recommended() };
        let scanned = Scanned {
            grid: settings.grid,
            scales: settings.scales.clone(),
            areas: Vec::new(),
            dense: false,
            coarse: settings.coarse,
            exact: settings.exact,
            uniform: settings.uniform,
            model: Some("a".to_owned()),
            stored_alone: false,
        };
        assert!(!scanned.differs(&settings, &[], Some("a")) && !scanned.differs(&settings, &[], None));
        assert!(!scanned.differs(&ScanSettings { top_k: 99, ..settings.clone() }, &[], Some("a")));
        assert!(scanned.differs(&settings, &[], Some("b")));
        assert!(scanned.differs(&settings, &[Area::rect(Rect::new(0, 0, 9, 9))], Some("a")));
        let tile = GridSettings { tile: 7, ..settings.grid };
        assert!(scanned.differs(&ScanSettings { grid: tile, ..settings.clone() }, &[], Some("a")));
        let step = GridSettings { step: 3, ..settings.grid };
        let other = ScanSettings { grid: step, ..settings };
        assert!(scanned.differs(&other, &[], Some("a")));
        let cells = Scanned { dense: true, ..scanned };
        assert!(!cells.differs(&ScanSettings { dense: true, ..other }, &[], Some("a")));
    }
}

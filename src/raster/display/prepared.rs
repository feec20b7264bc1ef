//! Display settings with everything derived from them.

use std::sync::Arc;

use super::band_selection::BandSelection;
use super::settings::DisplaySettings;
use super::statistics::BandStatistics;
use super::stretch::{self, StretchRange};
use super::tone_map::ToneMap;
use crate::raster::reader::Header;

/// Display settings, ready to tone-map pixels.
pub(in crate::raster) struct PreparedDisplay {
    pub settings: DisplaySettings,
    /// One for each shown band.
    pub ranges: Vec<StretchRange>,
    pub tone_map: ToneMap,
}

impl PreparedDisplay {
    /// `statistics` has one entry per shown band if the stretch needs them.
    pub fn new(
        header: &Header,
        alpha: Option<usize>,
        settings: DisplaySettings,
        statistics: &[Arc<BandStatistics>],
    ) -> Self {
        let selection = BandSelection { shown: settings.bands.as_slice().to_vec(), alpha };
        let ranges = stretch::ranges(header, &settings.stretch, &selection.shown, statistics);
        let tone_map = ToneMap::new(header, &selection, &ranges, settings.gamma);
        Self { settings, ranges, tone_map }
    }
}

//! How a scene is shown: which bands, which values are black and white, and gamma.
//!
//! A scene has default settings, chosen when it is opened, and a model always sees those. A person may look
//! at the scene with any other settings.

use serde::{Deserialize, Serialize};

use super::band_selection::BandSelection;
use super::stretch;
use crate::raster::reader::Header;

/// How samples become a picture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DisplaySettings {
    pub bands: Bands,
    pub stretch: Stretch,
    /// Applied after the stretch: above 1 brightens the midtones, below 1 darkens them.
    pub gamma: f64,
}

impl DisplaySettings {
    /// The settings that a scene is opened with.
    pub(in crate::raster) fn default_for(header: &Header, selection: &BandSelection) -> Self {
        Self { bands: Bands::of(&selection.shown), stretch: stretch::default_for(header), gamma: 1.0 }
    }
}

/// The bands that are shown, counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bands {
    /// One band in grey, or in the colours of the band's colour table.
    Single(usize),
    /// Red, green and blue.
    Composite([usize; 3]),
}

impl Bands {
    #[must_use]
    pub fn as_slice(&self) -> &[usize] {
        match self {
            Self::Single(band) => std::slice::from_ref(band),
            Self::Composite(bands) => bands,
        }
    }

    /// Three bands, or the first.
    pub(in crate::raster) fn of(shown: &[usize]) -> Self {
        match *shown {
            [red, green, blue] => Self::Composite([red, green, blue]),
            _ => Self::Single(shown.first().copied().unwrap_or(0)),
        }
    }

    /// The same with every band index below `count`.
    pub(in crate::raster) fn within(self, count: usize) -> Self {
        let last = count.saturating_sub(1);
        match self {
            Self::Single(band) => Self::Single(band.min(last)),
            Self::Composite(bands) => Self::Composite(bands.map(|band| band.min(last))),
        }
    }
}

/// Which values become black and white.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stretch {
    /// The smallest and the largest value of the sample type (0 and 1 for floating point).
    AsStored,
    /// A low and a high percentile of the pixels.
    Percentile(f64, f64),
    /// The smallest and the largest value of the pixels.
    MinMax,
    /// The mean minus and plus this many standard deviations.
    StandardDeviations(f64),
    /// Given values for each shown band; the last ones are repeated for further bands.
    Range(Vec<StretchInfo>),
}

impl Stretch {
    /// Whether it depends on the scene's statistics.
    pub(in crate::raster) fn needs_statistics(&self) -> bool {
        matches!(self, Self::Percentile(..) | Self::MinMax | Self::StandardDeviations(_))
    }
}

/// A named choice of bands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BandPreset {
    /// Red, green and blue as the eye sees them.
    TrueColour,
    /// Near infrared, red and green shown as red, green and blue: vegetation is red.
    ColourInfrared,
    /// One band in grey, or in the colours of its colour table.
    SingleBand,
}

/// The values that become 0 and 255.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct StretchInfo {
    pub black: f64,
    pub white: f64,
}

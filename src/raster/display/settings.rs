//! How a scene is shown: which bands, which values are black and white, how bright the middle is.
//!
//! A scene has one rendering of its own, made when it is opened, and that is what a model sees. A person may
//! look at the scene with any other.

use serde::{Deserialize, Serialize};

use crate::raster::StretchInfo;

/// How samples become a picture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rendering {
    pub bands: Bands,
    pub stretch: Stretch,
    /// Applied after the stretch: above 1 brightens what lies between black and white, below 1 darkens it.
    pub gamma: f64,
}

/// The bands that are shown, counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bands {
    /// One band in grey, or in the colours of the file's table where the band has one.
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

    /// The same with every band among the first `count`.
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
    /// The smallest and the largest value that the samples can have (0 and 1 for floating point numbers).
    AsStored,
    /// The values below which these many percent of the pixels lie.
    Percentile(f64, f64),
    /// The smallest and the largest value.
    MinMax,
    /// The mean less and plus so many standard deviations.
    StandardDeviations(f64),
    /// Given values for each shown band; the last ones stand for bands that have none.
    Range(Vec<StretchInfo>),
}

impl Stretch {
    /// Whether the values of the scene decide.
    pub(in crate::raster) fn needs_statistics(&self) -> bool {
        matches!(self, Self::Percentile(..) | Self::MinMax | Self::StandardDeviations(_))
    }
}

/// A choice of bands with a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Preset {
    /// Red, green and blue as eyes see them.
    TrueColour,
    /// Near infrared, red and green as red, green and blue: plants are red.
    ColourInfrared,
    /// One band in grey (or in the file's own colours).
    SingleBand,
}

//! What a file says about one of its bands.

use serde::Serialize;

/// GDAL's colour interpretation of a band.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    Red,
    Green,
    Blue,
    Grey,
    Alpha,
    #[serde(rename = "nir")]
    NearInfrared,
    /// Indices into a colour table.
    Palette,
    /// Anything else, or not given.
    Undefined,
}

impl Role {
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Red => "red",
            Self::Green => "green",
            Self::Blue => "blue",
            Self::Grey => "grey",
            Self::Alpha => "alpha",
            Self::NearInfrared => "nir",
            Self::Palette => "palette",
            Self::Undefined => "undefined",
        }
    }

    /// The role that GDAL writes under this name.
    pub(in crate::raster) fn from_gdal(name: &str) -> Self {
        match name.to_ascii_lowercase().as_str() {
            "red" => Self::Red,
            "green" => Self::Green,
            "blue" => Self::Blue,
            "gray" | "grey" => Self::Grey,
            "alpha" => Self::Alpha,
            "nir" => Self::NearInfrared,
            "palette" => Self::Palette,
            _ => Self::Undefined,
        }
    }
}

/// Statistics that a file carries for a band, as GDAL writes them (`STATISTICS_…`).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(in crate::raster) struct StoredStatistics {
    pub minimum: Option<f64>,
    pub maximum: Option<f64>,
    pub mean: Option<f64>,
    pub standard_deviation: Option<f64>,
}

impl StoredStatistics {
    /// Sets the value for one of GDAL's keys; other keys are ignored.
    pub fn set(&mut self, key: &str, value: Option<f64>) {
        let value = value.filter(|value| value.is_finite());
        match key {
            "STATISTICS_MINIMUM" => self.minimum = value,
            "STATISTICS_MAXIMUM" => self.maximum = value,
            "STATISTICS_MEAN" => self.mean = value,
            "STATISTICS_STDDEV" => self.standard_deviation = value,
            _ => {}
        }
    }
}

/// A band of a file.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::raster) struct Band {
    /// The file's description of the band, e.g. "B04".
    pub name: Option<String>,
    pub role: Role,
    pub statistics: Option<StoredStatistics>,
}

impl Band {
    pub fn new(role: Role) -> Self {
        Self { name: None, role, statistics: None }
    }
}

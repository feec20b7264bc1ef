//! Where to look: a part of the scene.

use std::path::PathBuf;

use clap::Args;

use crate::raster::Scene;
use crate::scan::{Area, Region};

#[derive(Args, Clone, Debug, Default)]
pub struct RegionArgs {
    /// Look only between these: west, south, east, north in degrees, or left, top, right, bottom in pixels for an image without a place
    #[arg(long, value_name = "W,S,E,N", value_delimiter = ',', num_args = 4, allow_negative_numbers = true)]
    pub bounds: Vec<f64>,
    /// Look only in the polygons of a GeoJSON file; several files are looked at one after the other
    #[arg(long, value_name = "FILE.geojson")]
    pub region: Vec<PathBuf>,
}

impl RegionArgs {
    /// The areas in pixels of a scene, in the order in which they are looked at.
    ///
    /// # Errors
    /// When a file can't be read or holds no polygon, or the bounds can't be found on the scene.
    pub fn areas(&self, scene: &Scene) -> anyhow::Result<Vec<Area>> {
        Ok(self.region().areas(scene)?)
    }

    /// The same before the scene is known.
    #[must_use]
    pub fn region(&self) -> Region {
        Region { bounds: self.bounds.as_slice().try_into().ok(), files: self.region.clone() }
    }
}

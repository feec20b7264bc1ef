//! Where to look: a part of the scene.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;

use crate::raster::Scene;
use crate::scan::Area;

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
        let placed = scene.lon_lat(0.0, 0.0).is_some();
        let to_pixel = |lon, lat| scene.pixel(lon, lat);
        let mut areas = Vec::new();
        if let &[west, south, east, north] = &self.bounds[..] {
            let area = if placed {
                Area::bounds(west, south, east, north, to_pixel)
            } else {
                Area::polygon(&[(west, south), (east, south), (east, north), (west, north)])
            };
            areas.push(area.map_err(|error| anyhow::anyhow!("--bounds: {error}"))?);
        }
        for path in &self.region {
            let text = read(path)?;
            let area = Area::from_geojson(&text, to_pixel, placed);
            areas.push(area.map_err(|error| anyhow::anyhow!("{}: {error}", path.display()))?);
        }
        Ok(areas)
    }
}

fn read(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read the region in {}", path.display()))
}

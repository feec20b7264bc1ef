//! Where to look, as it was named before the scene was there.

use std::path::PathBuf;

use super::{Area, ScanError};
use crate::raster::Scene;
use crate::text_file;

/// Bounds and files with polygons; none of both stand for all of the scene.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Region {
    /// West, south, east, north in degrees; left, top, right, bottom in pixels for an image without a place.
    pub bounds: Option<[f64; 4]>,
    /// GeoJSON.
    pub files: Vec<PathBuf>,
}

impl Region {
    /// The areas in pixels of a scene, in the order in which they are looked at. It reads the files.
    ///
    /// # Errors
    /// When a file can't be read or holds no polygon, or the bounds can't be found on the scene.
    pub fn areas(&self, scene: &Scene) -> Result<Vec<Area>, ScanError> {
        let placed = scene.lon_lat(0.0, 0.0).is_some();
        let to_pixel = |lon, lat| scene.pixel(lon, lat);
        let mut areas = Vec::new();
        if let Some([west, south, east, north]) = self.bounds {
            let area = if placed {
                Area::bounds(west, south, east, north, to_pixel)
            } else {
                Area::polygon(&[(west, south), (east, south), (east, north), (west, north)])
            };
            areas.push(area.map_err(|error| ScanError::Settings(format!("--bounds: {error}")))?);
        }
        for path in &self.files {
            let told = |error: String| ScanError::Settings(format!("{}: {error}", path.display()));
            let text = text_file::read(path).map_err(|error| {
                ScanError::Settings(format!("cannot read the region in {}: {error}", path.display()))
            })?;
            areas.push(Area::from_geojson(&text, to_pixel, placed).map_err(told)?);
        }
        Ok(areas)
    }
}

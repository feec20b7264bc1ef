//! Where to look, as it was named before the scene was open.

use std::path::PathBuf;

use super::area::Area;
use super::area_geojson::ToGlobe;
use super::error::RegionError;
use crate::raster::Scene;
use crate::text_file;

/// Bounds and files with polygons. With neither it stands for the whole scene.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RequestedRegion {
    /// West, south, east, north in degrees; left, top, right, bottom in pixels for an image without a place.
    pub bounds: Option<[f64; 4]>,
    /// GeoJSON.
    pub files: Vec<PathBuf>,
}

impl RequestedRegion {
    /// The areas in pixels of a scene, in the order in which they are looked at. It reads the files.
    ///
    /// # Errors
    /// When a file can't be read or holds no polygon, or the bounds can't be found on the scene.
    pub fn areas(&self, scene: &Scene) -> Result<Vec<Area>, RegionError> {
        let why = scene.why_no_lon_lat();
        let (width, height) = scene.size();
        let centre = scene.lon_lat(f64::from(width) / 2.0, f64::from(height) / 2.0);
        let globe = ToGlobe {
            to_pixel: &|lon, lat| scene.pixel(lon, lat),
            centre: centre.map_or(0.0, |(lon, _)| lon),
        };
        let mut areas = Vec::new();
        if let Some([west, south, east, north]) = self.bounds {
            let area = if why.is_none() {
                Area::bounds(west, south, east, north, &globe)
            } else {
                Area::polygon(&[(west, south), (east, south), (east, north), (west, north)])
            };
            let area = area.map_err(|source| RegionError::Bounds { source })?;
            let inside = area.bounding_rect(scene.size()).is_some();
            // Degrees, most likely, of a scene that has none.
            if let Some(why) = why.as_ref().filter(|_| !inside) {
                return Err(RegionError::BoundsInPixels { width, height, why: why.clone() });
            }
            areas.push(area);
        }
        for path in &self.files {
            let path = || path.clone();
            let text =
                text_file::read(&path()).map_err(|source| RegionError::Read { path: path(), source })?;
            let place = why.as_deref().map_or(Ok(&globe), Err);
            let area = Area::from_geojson(&text, place);
            areas.push(area.map_err(|source| RegionError::GeoJson { path: path(), source })?);
        }
        Ok(areas)
    }
}

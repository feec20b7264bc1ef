//! Where a scene lies on the map and on the globe.

use super::Scene;
use crate::raster::georeference::{Georeference, MapSystem};

impl Scene {
    /// Longitude and latitude in degrees (WGS 84) of a level-0 pixel position; (0, 0) is the top left corner
    /// of the top left pixel. `None` without a georeference that is understood.
    #[must_use]
    pub fn lon_lat(&self, x: f64, y: f64) -> Option<(f64, f64)> {
        self.georeference()?.lon_lat(x, y)
    }

    /// The level-0 pixel position of a longitude and latitude in degrees (WGS 84); it may lie outside the
    /// scene.
    #[must_use]
    pub fn pixel(&self, lon: f64, lat: f64) -> Option<(f64, f64)> {
        self.georeference()?.pixel(lon, lat, self.size())
    }

    /// The map position of a level-0 pixel position, in the scene's coordinate reference system.
    #[must_use]
    pub fn map(&self, x: f64, y: f64) -> Option<(f64, f64)> {
        self.georeference()?.map(x, y)
    }

    /// The direction of true north at the scene's centre, in degrees clockwise from image up (-180 to 180): 0
    /// for a north-up scene. Where the reference system is not understood, it is grid north.
    #[must_use]
    pub fn north(&self) -> Option<f64> {
        let (width, height) = self.size();
        self.georeference()?.north(f64::from(width) / 2.0, f64::from(height) / 2.0)
    }

    /// Width and height of a pixel on the ground, in metres, at a level-0 pixel position.
    #[must_use]
    pub fn ground_sample_distance_at(&self, x: f64, y: f64) -> Option<[f64; 2]> {
        self.georeference()?.ground_sample_distance(x, y)
    }

    /// The short name of the coordinate reference system: "EPSG:32633", or what the file calls it.
    #[must_use]
    pub fn crs_name(&self) -> Option<String> {
        self.georeference()?.crs.as_ref()?.short_name()
    }

    /// Why the scene has no longitudes and latitudes: its reference system isn't known or isn't given, or
    /// there is no georeference at all. `None` where it has them.
    #[must_use]
    pub fn why_no_lon_lat(&self) -> Option<String> {
        let Some(place) = self.georeference().filter(|place| place.is_placed()) else {
            return Some("the image has no georeference".to_owned());
        };
        match &place.crs {
            None => Some("the image does not say in which coordinate system it lies".to_owned()),
            Some(_) => place.why_not_on_globe(),
        }
    }

    /// Whether pixel positions have longitudes and latitudes, except for those off the earth.
    #[must_use]
    pub fn is_on_globe(&self) -> bool {
        self.why_no_lon_lat().is_none()
    }

    /// The unit of [`Self::map`]: "metres", "degrees", "feet"…
    #[must_use]
    pub fn axis_units(&self) -> Option<String> {
        self.georeference()?.crs.as_ref()?.units()
    }

    /// The system of [`Self::map`], for files that have to name theirs. `None` without a map, or where its
    /// system isn't understood.
    #[must_use]
    pub fn map_system(&self) -> Option<MapSystem> {
        let place = self.georeference().filter(|place| place.is_placed())?;
        place.crs.as_ref()?.for_files()
    }

    fn georeference(&self) -> Option<&Georeference> {
        self.georeference.as_ref()
    }
}

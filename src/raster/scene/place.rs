//! Places as people write them, in a scene.

use super::Scene;
use crate::raster::georeference::geodesic;
use crate::raster::georeference::place::{Place, PlaceError, PlaceForm};

impl Scene {
    /// The level-0 pixel position of a place.
    ///
    /// # Errors
    /// When it lies outside the scene, or the scene can't tell where it lies.
    pub fn locate(&self, place: Place) -> Result<(f64, f64), PlaceError> {
        let at = self.position(place)?;
        let (width, height) = self.size();
        let nearest = (at.0.clamp(0.0, f64::from(width)), at.1.clamp(0.0, f64::from(height)));
        if nearest == at {
            return Ok(at);
        }
        Err(PlaceError(match (place, self.lon_lat(nearest.0, nearest.1)) {
            (Place::Globe { lon, lat }, Some(edge)) => {
                let metres = geodesic::length(&[edge, (lon, lat)]);
                let away = match metres {
                    ..1000.0 => format!("{metres:.0} m"),
                    ..10_000.0 => format!("{:.1} km", metres / 1000.0),
                    _ => format!("{:.0} km", metres / 1000.0),
                };
                format!(
                    "This lies outside the scene, {away} to the {}",
                    geodesic::direction(edge, (lon, lat))
                )
            }
            (Place::Pixel { .. }, _) => {
                format!("This lies outside the scene, which has {width} x {height} pixels")
            }
            _ => "This lies outside the scene".to_owned(),
        }))
    }

    fn position(&self, place: Place) -> Result<(f64, f64), PlaceError> {
        let (georeference, size) = (self.georeference.as_ref(), self.size());
        match place {
            Place::Pixel { x, y } => Ok((x, y)),
            Place::Map { x, y } => {
                georeference.and_then(|georeference| georeference.pixel_on_map(x, y, size)).ok_or_else(|| {
                    PlaceError(
                        "The scene has no map coordinates here; write a pixel as px 1200 800".to_owned(),
                    )
                })
            }
            Place::Globe { lon, lat } => match (self.pixel(lon, lat), self.why_no_lon_lat()) {
                (Some(at), _) => Ok(at),
                (None, Some(why)) => Err(PlaceError(format!(
                    "The scene's place on the earth isn't known, since {why}; write a pixel as px 1200 800"
                ))),
                (None, None) => {
                    Err(PlaceError("This lies outside the scene, where its map doesn't reach".to_owned()))
                }
            },
        }
    }

    /// A level-0 pixel position as people write it; `None` where the scene can't tell it in this form.
    #[must_use]
    pub fn place_text(&self, form: PlaceForm, (x, y): (f64, f64)) -> Option<String> {
        match form {
            PlaceForm::Pixels => Some(format!("px {x:.1} {y:.1}")),
            PlaceForm::Map => {
                let (x, y) = self.map(x, y)?;
                let digits = if self.axis_units().as_deref() == Some("degrees") { 7 } else { 2 };
                Some(format!("map {x:.digits$} {y:.digits$}"))
            }
            _ => {
                let (lon, lat) = self.lon_lat(x, y)?;
                form.write(lon, lat)
            }
        }
    }
}

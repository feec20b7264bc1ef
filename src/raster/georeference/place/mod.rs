//! Places as people write them, read and written.
//!
//! - [`links`]: what web maps put into the address bar.
//! - [`plus_codes`]: short codes for squares of the globe.
//! - [`mgrs`]: the military grid, by the [`zones`] and projections of [`utm`].
//! - [`angles`]: latitude and longitude in degrees, minutes and seconds.

mod angles;
mod links;
mod mgrs;
mod plus_codes;
#[cfg(test)]
mod tests;
mod utm;
mod zones;

use serde::{Deserialize, Serialize};
use strum::EnumIter;

use super::normalise;

/// Nobody writes a longer place; links are the longest.
const MAX_CHARS: usize = 4000;

/// Where something is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Place {
    /// In degrees (WGS 84).
    Globe { lon: f64, lat: f64 },
    /// In the scene's own coordinate reference system.
    Map { x: f64, y: f64 },
    /// In level-0 pixels from the scene's top left corner.
    Pixel { x: f64, y: f64 },
}

/// What a text was understood as.
#[derive(Clone, Debug, PartialEq)]
pub struct ReadPlace {
    pub place: Place,
    /// How it is written: "Decimal degrees", "MGRS, square of 10 m"…
    pub form: String,
    /// Of two meanings the one that was taken, and how to write the other.
    pub remark: Option<String>,
}

/// Why a text is no place, in one sentence that says what to write.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct PlaceError(pub(in crate::raster) String);

/// How to write a place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, EnumIter, Serialize, Deserialize)]
pub enum PlaceForm {
    #[default]
    Degrees,
    DegreesMinutes,
    DegreesMinutesSeconds,
    Utm,
    Mgrs,
    PlusCode,
    Map,
    Pixels,
}

impl PlaceForm {
    /// What it is called.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::Degrees => "Decimal degrees",
            Self::DegreesMinutes => "Degrees and minutes",
            Self::DegreesMinutesSeconds => "Degrees, minutes, seconds",
            Self::Utm => "UTM",
            Self::Mgrs => "MGRS",
            Self::PlusCode => "Plus code",
            Self::Map => "Map coordinates",
            Self::Pixels => "Pixels",
        }
    }

    /// Writes a longitude and latitude in degrees; `None` for forms that say no place on the globe.
    #[must_use]
    pub fn write(self, lon: f64, lat: f64) -> Option<String> {
        match self {
            Self::Degrees => Some(angles::write(lon, lat, 1)),
            Self::DegreesMinutes => Some(angles::write(lon, lat, 2)),
            Self::DegreesMinutesSeconds => Some(angles::write(lon, lat, 3)),
            Self::Utm => utm::write(lon, lat),
            Self::Mgrs => mgrs::write(lon, lat),
            Self::PlusCode => Some(plus_codes::write(lon, lat)),
            Self::Map | Self::Pixels => None,
        }
    }
}

impl ReadPlace {
    fn globe(lon: f64, lat: f64, form: impl Into<String>) -> Self {
        Self { place: Place::Globe { lon: normalise(lon), lat }, form: form.into(), remark: None }
    }

    /// Reads a place in any of the forms.
    ///
    /// # Errors
    /// When it is none, lies beyond the globe, or could mean two places.
    pub fn of(text: &str) -> Result<Self, PlaceError> {
        let text = text.trim();
        if text.is_empty() {
            return error("Type a place, such as 35.68, 139.77");
        }
        if text.chars().count() > MAX_CHARS {
            return error("This is too long for a place; write it as 35.68, 139.77");
        }
        // Each knows its own by its look; what looks like none may be angles or UTM.
        let by_look = links::read(text)
            .or_else(|| with_prefix(text))
            .or_else(|| plus_codes::read(text))
            .or_else(|| mgrs::read(text));
        if let Some(read) = by_look {
            return read;
        }
        match angles::read(text) {
            Ok(read) => Ok(read),
            Err(why) => utm::read(text).unwrap_or(Err(why)),
        }
    }
}

/// "map 386000 3950000", "px 1200 800".
fn with_prefix(text: &str) -> Option<Result<ReadPlace, PlaceError>> {
    let word: String = text.chars().take_while(char::is_ascii_alphabetic).collect();
    let rest = text.get(word.len()..).unwrap_or_default().trim_start_matches([':', '=']);
    let is_map = match word.to_lowercase().as_str() {
        "map" | "xy" => true,
        "px" | "pixel" | "pixels" => false,
        _ => return None,
    };
    let numbers: Vec<Option<f64>> =
        rest.split([',', ';', ' ', '\t']).filter(|part| !part.is_empty()).map(number).collect();
    Some(match (numbers.as_slice(), is_map) {
        (&[Some(x), Some(y)], true) => {
            Ok(ReadPlace { place: Place::Map { x, y }, form: PlaceForm::Map.text().to_owned(), remark: None })
        }
        (&[Some(x), Some(y)], false) => {
            let form = PlaceForm::Pixels.text().to_owned();
            Ok(ReadPlace { place: Place::Pixel { x, y }, form, remark: None })
        }
        (_, true) => error("Map coordinates are two numbers, first to the east: map 386000 3950000"),
        (_, false) => error("A pixel is two numbers, first to the right: px 1200 800"),
    })
}

/// A plain finite number; what else Rust reads as one ("inf", "1e5") isn't meant.
fn number(text: &str) -> Option<f64> {
    let plain = text.chars().all(|c| c.is_ascii_digit() || "+-.".contains(c));
    text.parse().ok().filter(|_| plain)
}

fn error<T>(text: impl Into<String>) -> Result<T, PlaceError> {
    Err(PlaceError(text.into()))
}

/// A latitude and longitude as they came, where they are on the globe.
fn checked(lon: f64, lat: f64, form: impl Into<String>) -> Result<ReadPlace, PlaceError> {
    let number = |value: f64| (value * 1e6).round() / 1e6;
    if !(-90.0..=90.0).contains(&lat) && (-90.0..=90.0).contains(&lon) && lat.abs() <= 180.0 {
        let (lat, lon) = (number(lat), number(lon));
        return error(format!(
            "Latitude comes first and {lat} is beyond 90; write {lon}, {lat} if the longitude is {lat}"
        ));
    }
    if !(-90.0..=90.0).contains(&lat) || !(-180.0..=360.0).contains(&lon) {
        return error(
            "These numbers are too large for degrees; write map coordinates as map 386000 3950000 and a pixel as px 1200 800",
        );
    }
    Ok(ReadPlace::globe(lon, lat, form))
}

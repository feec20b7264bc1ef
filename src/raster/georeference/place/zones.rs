//! The zones and bands of UTM and MGRS, and the projections of these.

use crate::raster::georeference::crs::proj::Operation;

/// Where UTM ends, in degrees of latitude: UPS covers the poles.
const SOUTH_END: f64 = -80.0;
const NORTH_END: f64 = 84.0;
/// The bands of latitude from the south, 8 degrees each; the last has 12.
const BANDS: &str = "CDEFGHJKLMNPQRSTUVWX";

/// A plane of coordinates: a zone of UTM, or the surroundings of a pole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Grid {
    Utm { zone: u32, south: bool },
    Ups { south: bool },
}

impl Grid {
    /// The one that a place belongs to, with the wider zones of Norway and Svalbard.
    pub(super) fn of(lon: f64, lat: f64) -> Self {
        if !(SOUTH_END..=NORTH_END).contains(&lat) {
            return Self::Ups { south: lat < 0.0 };
        }
        let regular = ((lon + 180.0).rem_euclid(360.0) / 6.0).floor() as u32 + 1;
        let zone = match (band(lat), lon) {
            (Some('V'), 3.0..12.0) => 32,
            (Some('X'), 0.0..9.0) => 31,
            (Some('X'), 9.0..21.0) => 33,
            (Some('X'), 21.0..33.0) => 35,
            (Some('X'), 33.0..42.0) => 37,
            _ => regular,
        };
        Self::Utm { zone, south: lat < 0.0 }
    }

    fn operation(self) -> Operation {
        let projection = match self {
            Self::Utm { zone, south } => format!("utm +zone={zone}{}", if south { " +south" } else { "" }),
            Self::Ups { south } => format!("ups{}", if south { " +south" } else { "" }),
        };
        Operation::of_steps(&format!(
            "+proj=pipeline +step +inv +proj={projection} +ellps=WGS84 \
             +step +proj=unitconvert +xy_in=rad +xy_out=deg"
        ))
    }

    /// Easting and northing in metres.
    pub(super) fn position(self, lon: f64, lat: f64) -> Option<(f64, f64)> {
        self.operation().position(lon, lat)
    }

    /// Longitude and latitude in degrees.
    pub(super) fn lon_lat(self, easting: f64, northing: f64) -> Option<(f64, f64)> {
        self.operation().lon_lat(easting, northing).filter(|(_, lat)| lat.abs() <= 90.0)
    }
}

/// The letter of a latitude's band; `None` around the poles.
pub(super) fn band(lat: f64) -> Option<char> {
    if !(SOUTH_END..=NORTH_END).contains(&lat) {
        return None;
    }
    BANDS.chars().nth((((lat - SOUTH_END) / 8.0).floor() as usize).min(BANDS.len() - 1))
}

/// The latitudes of a band, in degrees.
pub(super) fn latitudes(band: char) -> Option<(f64, f64)> {
    let south = SOUTH_END + BANDS.find(band)? as f64 * 8.0;
    Some((south, if band == 'X' { NORTH_END } else { south + 8.0 }))
}

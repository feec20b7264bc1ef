//! Projections that `GeoKeys` define by a method and its parameters (OGC 19-008r4, requirement 21 and annex
//! B).

use serde_json::{Value, json};

use super::error::CrsError;
use super::geokeys::Keys;
use super::units::Unit;

/// Where the value of a parameter is. Writers use different keys for origins, so all of them are tried, as in
/// libgeotiff.
#[derive(Clone, Copy)]
enum From {
    Latitude,
    Longitude,
    /// The meridian that points straight down from the pole.
    PoleLongitude,
    Parallel1,
    Parallel2,
    Azimuth,
    GridAngle,
    Scale,
    Easting,
    Northing,
    /// In degrees.
    Angle(f64),
}

/// EPSG's name and code of a parameter.
type Parameter = (&'static str, u16, From);

/// The method whose axes point to the west and to the south.
pub const SOUTH_ORIENTATED: u16 = 27;

/// A projection method: EPSG's name and code, or PROJ's name.
struct Method {
    name: &'static str,
    code: Option<u16>,
    parameters: &'static [Parameter],
}

/// The keys of a user-defined projection.
pub struct Parameters<'a> {
    pub keys: &'a Keys<'a>,
}

const LAT: Parameter = ("Latitude of natural origin", 8801, From::Latitude);
const LON: Parameter = ("Longitude of natural origin", 8802, From::Longitude);
const SCALE: Parameter = ("Scale factor at natural origin", 8805, From::Scale);
const EAST: Parameter = ("False easting", 8806, From::Easting);
const NORTH: Parameter = ("False northing", 8807, From::Northing);
const PARALLEL: Parameter = ("Latitude of 1st standard parallel", 8823, From::Parallel1);
const CENTRE_LAT: Parameter = ("Latitude of projection centre", 8811, From::Latitude);
const CENTRE_LON: Parameter = ("Longitude of projection centre", 8812, From::Longitude);
const AZIMUTH: Parameter = ("Azimuth of initial line", 8813, From::Azimuth);
const GRID_ANGLE: Parameter = ("Angle from Rectified to Skew Grid", 8814, From::GridAngle);
const CENTRE_SCALE: Parameter = ("Scale factor on initial line", 8815, From::Scale);
const CENTRE_EAST: Parameter = ("Easting at projection centre", 8816, From::Easting);
const CENTRE_NORTH: Parameter = ("Northing at projection centre", 8817, From::Northing);
const RIGHT_ANGLE: Parameter = ("Azimuth of initial line", 8813, From::Angle(90.0));
const RIGHT_GRID: Parameter = ("Angle from Rectified to Skew Grid", 8814, From::Angle(90.0));

/// Around a natural origin, without a scale.
const PLAIN: &[Parameter] = &[LAT, LON, EAST, NORTH];
const SCALED: &[Parameter] = &[LAT, LON, SCALE, EAST, NORTH];
/// Of the whole earth, around a meridian.
const WORLD: &[Parameter] = &[LON, EAST, NORTH];
const CONIC: &[Parameter] = &[
    ("Latitude of false origin", 8821, From::Latitude),
    ("Longitude of false origin", 8822, From::Longitude),
    PARALLEL,
    ("Latitude of 2nd standard parallel", 8824, From::Parallel2),
    ("Easting at false origin", 8826, From::Easting),
    ("Northing at false origin", 8827, From::Northing),
];

/// The method with a code in the keys. Some codes stand for several variants, which differ in their
/// parameters.
fn method(code: u16, values: &Parameters) -> Option<Method> {
    let has_parallel = values.keys.number(3078).is_some();
    let method = |name, code: u16, parameters| Method { name, code: (code > 0).then_some(code), parameters };
    Some(match code {
        1 => method("Transverse Mercator", 9807, SCALED),
        2 => method("PROJ alsk", 0, &[EAST, NORTH]),
        3 => method(
            "Hotine Oblique Mercator (variant A)",
            9812,
            &[CENTRE_LAT, CENTRE_LON, AZIMUTH, GRID_ANGLE, CENTRE_SCALE, EAST, NORTH],
        ),
        4 => method(
            "Laborde Oblique Mercator",
            9813,
            &[CENTRE_LAT, CENTRE_LON, AZIMUTH, CENTRE_SCALE, EAST, NORTH],
        ),
        // Of Switzerland: a right angle to the meridian.
        5 => method(
            "Hotine Oblique Mercator (variant B)",
            9815,
            &[CENTRE_LAT, CENTRE_LON, RIGHT_ANGLE, RIGHT_GRID, CENTRE_SCALE, CENTRE_EAST, CENTRE_NORTH],
        ),
        7 if has_parallel => method("Mercator (variant B)", 9805, &[PARALLEL, LON, EAST, NORTH]),
        7 => method("Mercator (variant A)", 9804, SCALED),
        8 => method("Lambert Conic Conformal (2SP)", 9802, CONIC),
        9 => method("Lambert Conic Conformal (1SP)", 9801, SCALED),
        10 => method("Lambert Azimuthal Equal Area", 9820, PLAIN),
        11 => method("Albers Equal Area", 9822, CONIC),
        12 => method("Azimuthal Equidistant", 1125, PLAIN),
        13 => method("Equidistant Conic", 1119, CONIC),
        14 => method("Stereographic", 0, SCALED),
        15 => return Some(polar_stereographic(values, has_parallel)),
        16 => method("Oblique Stereographic", 9809, SCALED),
        17 => method("Equidistant Cylindrical", 1028, &[PARALLEL, LAT, LON, EAST, NORTH]),
        18 => method("Cassini-Soldner", 9806, PLAIN),
        19 => method("Gnomonic", 0, PLAIN),
        20 => method("Miller Cylindrical", 0, WORLD),
        21 => method("Orthographic", 9840, PLAIN),
        22 => method("American Polyconic", 9818, PLAIN),
        23 => method("Robinson", 0, WORLD),
        24 => method("Sinusoidal", 0, WORLD),
        25 => method("Van Der Grinten", 0, WORLD),
        26 => method("New Zealand Map Grid", 9811, PLAIN),
        SOUTH_ORIENTATED => method("Transverse Mercator (South Orientated)", 9808, SCALED),
        // GDAL's own additions.
        28 => method("Lambert Cylindrical Equal Area", 9835, &[PARALLEL, LON, EAST, NORTH]),
        29 => method(
            "Hotine Oblique Mercator (variant B)",
            9815,
            &[CENTRE_LAT, CENTRE_LON, AZIMUTH, GRID_ANGLE, CENTRE_SCALE, CENTRE_EAST, CENTRE_NORTH],
        ),
        _ => return None,
    })
}

/// Polar stereographic with either a scale at the pole or a standard parallel, which many writers store as
/// the origin.
fn polar_stereographic(values: &Parameters, has_parallel: bool) -> Method {
    const AT_POLE: &[Parameter] =
        &[LAT, ("Longitude of natural origin", 8802, From::PoleLongitude), SCALE, EAST, NORTH];
    const BY_PARALLEL: &[Parameter] = &[
        ("Latitude of standard parallel", 8832, From::Parallel1),
        ("Longitude of origin", 8833, From::PoleLongitude),
        EAST,
        NORTH,
    ];
    const BY_ORIGIN: &[Parameter] = &[
        ("Latitude of standard parallel", 8832, From::Latitude),
        ("Longitude of origin", 8833, From::PoleLongitude),
        EAST,
        NORTH,
    ];
    let unit = values.angular_unit();
    let degrees = (values.angle(From::Latitude) * unit.size).to_degrees();
    let by_pole = (degrees.abs() - 90.0).abs() < 1e-9;
    let (name, code, parameters) = match () {
        () if has_parallel => ("Polar Stereographic (variant B)", 9829, BY_PARALLEL),
        () if by_pole => ("Polar Stereographic (variant A)", 9810, AT_POLE),
        () => ("Polar Stereographic (variant B)", 9829, BY_ORIGIN),
    };
    Method { name, code: Some(code), parameters }
}

/// A conversion in PROJJSON.
///
/// # Errors
/// For unknown methods.
pub fn conversion(code: u16, values: &Parameters) -> Result<Value, CrsError> {
    let Some(method) = method(code, values) else {
        return Err(CrsError::UnknownMethod(code));
    };
    let id = |code: u16| json!({"authority": "EPSG", "code": code});
    let parameters: Vec<Value> = method
        .parameters
        .iter()
        .map(|(name, code, from)| {
            let (value, unit) = values.value(*from);
            json!({"name": name, "value": value, "unit": unit, "id": id(*code)})
        })
        .collect();
    let mut known = json!({"name": method.name});
    if let Some(code) = method.code {
        known["id"] = id(code);
    }
    Ok(json!({"name": "unknown", "method": known, "parameters": parameters}))
}

impl Parameters<'_> {
    fn angular_unit(&self) -> Unit {
        self.keys.angular_unit().unwrap_or_else(Unit::degree)
    }

    /// The first of some keys that exists, or else a default.
    fn first(&self, keys: &[u16], otherwise: f64) -> f64 {
        keys.iter().find_map(|key| self.keys.number(*key)).unwrap_or(otherwise)
    }

    /// In the file's unit of angles.
    fn angle(&self, from: From) -> f64 {
        let first = |keys: &[u16]| keys.iter().find_map(|key| self.keys.angle(*key));
        let right = std::f64::consts::FRAC_PI_2 / self.angular_unit().size;
        let value = match from {
            From::Latitude => first(&[3081, 3085, 3089]),
            From::Longitude => first(&[3080, 3084, 3088, 3095]),
            From::PoleLongitude => first(&[3095, 3080, 3084, 3088]),
            From::Parallel1 => first(&[3078]),
            From::Parallel2 => first(&[3079, 3078]),
            From::Azimuth => first(&[3094]),
            From::GridAngle => first(&[3096]).or(Some(right)),
            From::Angle(degrees) => Some(degrees.to_radians() / self.angular_unit().size),
            From::Scale | From::Easting | From::Northing => None,
        };
        value.unwrap_or(0.0)
    }

    fn value(&self, from: From) -> (f64, Value) {
        let metres = || self.keys.linear_unit().unwrap_or_else(Unit::metre).to_json();
        match from {
            From::Scale => (self.first(&[3092, 3093], 1.0), "unity".into()),
            From::Easting => (self.first(&[3082, 3086, 3090], 0.0), metres()),
            From::Northing => (self.first(&[3083, 3087, 3091], 0.0), metres()),
            _ => (self.angle(from), self.angular_unit().to_json()),
        }
    }
}

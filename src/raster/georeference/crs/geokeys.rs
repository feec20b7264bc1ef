//! The coordinate reference system that `GeoKeys` define (OGC 19-008r4), by code, by name, or part by part.
//!
//! They are read as GDAL reads them. User-defined systems become PROJJSON, with the file's units.

use geotiff_reader::geokeys::{GeoKeyDirectory, GeoKeyValue};
use serde_json::{Value, json};

use super::Crs;
use super::error::CrsError;
use super::geokeys_datum::geographic;
use super::geokeys_projection::{self as projection, Parameters};
use super::proj;
use super::units::{self, Unit};

/// The codes for "undefined" and "user-defined".
const NO_CODE: [u16; 2] = [0, 32767];

const MODEL_TYPE: u16 = 1024;
const CITATION: u16 = 1026;
pub(in crate::raster) const GEODETIC_CRS: u16 = 2048;
pub(in crate::raster) const GEODETIC_CITATION: u16 = 2049;
pub(in crate::raster) const DATUM: u16 = 2050;
pub(in crate::raster) const PRIME_MERIDIAN: u16 = 2051;
pub(in crate::raster) const GEODETIC_LENGTHS: u16 = 2052;
pub(in crate::raster) const GEODETIC_LENGTH: u16 = 2053;
const ANGLES: u16 = 2054;
const ANGLE: u16 = 2055;
pub(in crate::raster) const ELLIPSOID: u16 = 2056;
pub(in crate::raster) const SEMI_MAJOR: u16 = 2057;
pub(in crate::raster) const SEMI_MINOR: u16 = 2058;
pub(in crate::raster) const INVERSE_FLATTENING: u16 = 2059;
pub(in crate::raster) const PRIME_MERIDIAN_LONGITUDE: u16 = 2061;
const TO_WGS84: u16 = 2062;
const PROJECTED_CRS: u16 = 3072;
const PROJECTED_CITATION: u16 = 3073;
const CONVERSION: u16 = 3074;
const METHOD: u16 = 3075;
const LENGTHS: u16 = 3076;
const LENGTH: u16 = 3077;

const PROJECTED: u16 = 1;
const GEOGRAPHIC: u16 = 2;
const GEOCENTRIC: u16 = 3;

/// Access to the key directory.
pub struct Keys<'a>(pub &'a GeoKeyDirectory);

impl Keys<'_> {
    /// A code, unless it is undefined or user-defined.
    pub fn code(&self, key: u16) -> Option<u16> {
        self.0.get_short(key).filter(|code| !NO_CODE.contains(code))
    }

    /// A number. Some writers store integers as shorts.
    pub fn number(&self, key: u16) -> Option<f64> {
        let number = match &self.0.get(key)?.value {
            GeoKeyValue::Double(values) => *values.first()?,
            GeoKeyValue::Short(value) => f64::from(*value),
            GeoKeyValue::Ascii(_) => return None,
        };
        number.is_finite().then_some(number)
    }

    /// The parts of a citation, which are separated by bars.
    pub fn texts(&self, key: u16) -> impl Iterator<Item = &str> {
        let text = self.0.get_ascii(key).unwrap_or_default();
        text.split('|').map(str::trim).filter(|part| !part.is_empty())
    }

    pub fn unit(&self, codes: u16, size: u16, angular: bool) -> Option<Unit> {
        match self.0.get_short(codes)? {
            32767 => Unit::of_size(self.number(size)?, angular),
            code if angular => Unit::angle(code),
            code => Unit::length(code),
        }
    }

    pub fn angular_unit(&self) -> Option<Unit> {
        self.unit(ANGLES, ANGLE, true)
    }

    /// An angle in the file's unit.
    pub fn angle(&self, key: u16) -> Option<f64> {
        let value = self.number(key)?;
        let sexagesimal = self.0.get_short(ANGLES) == Some(units::SEXAGESIMAL);
        Some(if sexagesimal { units::from_sexagesimal(value) } else { value })
    }

    pub fn linear_unit(&self) -> Option<Unit> {
        self.unit(LENGTHS, LENGTH, false)
    }

    /// The file's name for its reference system.
    fn name(&self) -> Option<String> {
        let all = [PROJECTED_CITATION, CITATION, GEODETIC_CITATION];
        let mut texts = all.into_iter().flat_map(|key| self.texts(key));
        let name = texts.find(|text| !text.starts_with("ESRI PE String") && !text.contains(" = "))?;
        (!["unknown", "unnamed"].contains(&name)).then(|| name.to_owned())
    }

    /// Well-known text in a citation, where ESRI and GDAL store what keys can't express.
    fn esri_text(&self) -> Option<&str> {
        let all = [PROJECTED_CITATION, CITATION, GEODETIC_CITATION];
        // Names in the text may contain bars.
        let text =
            all.into_iter().filter_map(|key| self.0.get_ascii(key)).find(|t| t.contains("ESRI PE String"))?;
        let (_, text) = text.split_once("ESRI PE String")?.1.split_once('=')?;
        Some(text.trim().trim_end_matches('|'))
    }
}

/// The reference system that the keys define; `None` if they define none.
pub fn crs(directory: &GeoKeyDirectory) -> Option<Crs> {
    let keys = Keys(directory);
    let name = keys.name();
    let all = [PROJECTED_CRS, GEODETIC_CRS, METHOD, CONVERSION, DATUM, ELLIPSOID, SEMI_MAJOR];
    let says =
        all.iter().any(|key| directory.get(*key).is_some()) || name.is_some() || keys.esri_text().is_some();
    if !says {
        return None;
    }
    let found = match directory.get_short(MODEL_TYPE) {
        Some(GEOCENTRIC) => Err(CrsError::Geocentric),
        Some(GEOGRAPHIC) => geographic_crs(&keys, name.as_deref()),
        Some(PROJECTED) => projected_crs(&keys, name.as_deref()),
        // Missing or user-defined: the other keys decide.
        _ if [PROJECTED_CRS, METHOD, CONVERSION].iter().any(|key| keys.code(*key).is_some())
            || keys.esri_text().is_some() =>
        {
            projected_crs(&keys, name.as_deref())
        }
        _ => geographic_crs(&keys, name.as_deref()),
    };
    Some(found.unwrap_or_else(|why| Crs::unknown(name, why)))
}

fn of_json(system: &Value, name: Option<&str>) -> Crs {
    Crs::of_definition(&system.to_string(), name.map(str::to_owned))
}

fn projected_crs(keys: &Keys, name: Option<&str>) -> Result<Crs, CrsError> {
    let defined = keys.code(CONVERSION).is_some() || keys.code(METHOD).is_some();
    if let Some(code) = keys.code(PROJECTED_CRS) {
        match official(code) {
            Some((authority, system)) => return Ok(with_unit(keys, authority, code, &system, name)),
            None if !defined && keys.esri_text().is_none() => {
                return Err(CrsError::UnknownProjectedCode(code));
            }
            None => {}
        }
    }
    if let Some(text) = keys.esri_text()
        && let Some(crs) = Crs::from_text(text)
    {
        return Ok(crs.called(name));
    }
    if !defined {
        let named = name.map(Crs::of_name).filter(Crs::is_understood);
        return named.ok_or(CrsError::NoProjection);
    }
    let conversion = if let Some(method) = keys.code(METHOD) {
        projection::conversion(method, &Parameters { keys })?
    } else {
        let code = keys.code(CONVERSION).unwrap_or_default();
        let conversion = proj::describe(&format!("urn:ogc:def:coordinateOperation:EPSG::{code}"));
        let conversion = conversion.ok().filter(|found| found["type"] == "Conversion");
        conversion.ok_or(CrsError::UnknownConversion(code))?
    };
    let unit = keys.linear_unit().unwrap_or_else(Unit::metre).to_json();
    let mut base = geographic(keys)?;
    let transformation = to_wgs84(keys);
    without_usage(&mut base);
    let axis = |name: &str, short: &str, direction: &str| {
        let unit = unit.clone();
        json!({"name": name, "abbreviation": short, "direction": direction, "unit": unit})
    };
    // The axes of a south-orientated projection point west and south.
    let axes = match keys.code(METHOD) {
        Some(projection::SOUTH_ORIENTATED) => [axis("Westing", "W", "west"), axis("Southing", "S", "south")],
        _ => [axis("Easting", "E", "east"), axis("Northing", "N", "north")],
    };
    let system = json!({
        "type": "ProjectedCRS",
        "name": name.unwrap_or("unknown"),
        "base_crs": base,
        "conversion": conversion,
        "coordinate_system": {"subtype": "Cartesian", "axis": axes},
    });
    Ok(of_json(&bound(system, transformation), name))
}

fn geographic_crs(keys: &Keys, name: Option<&str>) -> Result<Crs, CrsError> {
    if let Some(text) = keys.esri_text()
        && keys.code(GEODETIC_CRS).is_none()
        && let Some(crs) = Crs::from_text(text)
    {
        return Ok(crs);
    }
    if let Some(code) = keys.code(GEODETIC_CRS)
        && keys.0.get(PRIME_MERIDIAN).is_none()
        && let Some((authority, system)) = official(code)
    {
        return Ok(with_unit(keys, authority, code, &system, name));
    }
    let system = geographic(keys)?;
    let transformation = to_wgs84(keys);
    Ok(of_json(&bound(system, transformation), name))
}

/// An official system, with the unit of the keys.
fn with_unit(keys: &Keys, authority: &str, code: u16, system: &Value, name: Option<&str>) -> Crs {
    let official = Crs::of_code(authority, u32::from(code)).called(name);
    let horizontal = official.system().map_or_else(|_| system.clone(), |known| known.json.clone());
    let own = official.unit().cloned();
    let told =
        own.as_ref().and_then(|own| if own.angular { keys.angular_unit() } else { keys.linear_unit() });
    let (Some(own), Some(told)) = (own, told) else { return official };
    if own.is(&told) {
        return official;
    }
    let mut system = horizontal;
    set_unit(&mut system, &told);
    if let Some(system) = system.as_object_mut() {
        system.remove("id");
    }
    let mut crs = of_json(&system, official.name.as_deref());
    let units = |unit: &Unit| unit.plural().unwrap_or_else(|| "another unit".to_owned());
    crs.remarks.push(format!(
        "its coordinates are in {}, not in the {} of {authority}:{code}",
        units(&told),
        units(&own)
    ));
    crs
}

/// Sets the unit of the horizontal axes.
pub(in crate::raster) fn set_unit(system: &mut Value, unit: &Unit) {
    let axes = system.pointer_mut("/coordinate_system/axis").and_then(Value::as_array_mut);
    for axis in axes.into_iter().flatten() {
        if axis["direction"] != "up" {
            axis["unit"] = unit.to_json();
        }
    }
}

/// The EPSG or ESRI system with a code.
pub(in crate::raster) fn official(code: u16) -> Option<(&'static str, Value)> {
    let of = |authority: &'static str| {
        let crs = Crs::of_code(authority, u32::from(code));
        let system = crs.system().ok()?;
        Some((authority, system.json.clone()))
    };
    of("EPSG").or_else(|| of("ESRI"))
}

/// The three or seven parameters of a transformation to WGS 84, unless the datum has a code, for which PROJ
/// knows a better one.
fn to_wgs84(keys: &Keys) -> Option<Value> {
    if keys.code(GEODETIC_CRS).is_some() || keys.code(DATUM).is_some() {
        return None;
    }
    let numbers = keys.0.get_double(TO_WGS84)?;
    let names = ["X-axis translation", "Y-axis translation", "Z-axis translation"];
    let turns = ["X-axis rotation", "Y-axis rotation", "Z-axis rotation"];
    let arc_second = Unit::angle(9104)?.to_json();
    let scale = json!({"type": "ScaleUnit", "name": "parts per million", "conversion_factor": 1e-6});
    let parameter = |name: &str, value: f64, unit: Value| json!({"name": name, "value": value, "unit": unit});
    let shifts = names.iter().zip(numbers).map(|(name, value)| parameter(name, *value, "metre".into()));
    let (method, parameters): (&str, Vec<Value>) = match numbers {
        [_, _, _] => ("Geocentric translations (geog2D domain)", shifts.collect()),
        [_, _, _, x, y, z, ppm] => {
            let turns =
                turns.iter().zip([x, y, z]).map(|(name, turn)| parameter(name, *turn, arc_second.clone()));
            let all = shifts.chain(turns).chain([parameter("Scale difference", *ppm, scale)]);
            ("Position Vector transformation (geog2D domain)", all.collect())
        }
        _ => return None,
    };
    Some(json!({"name": "Transformation to WGS 84", "method": {"name": method}, "parameters": parameters}))
}

/// Binds a system to its own transformation to WGS 84.
fn bound(system: Value, transformation: Option<Value>) -> Value {
    let Some(transformation) = transformation else { return system };
    let Ok(globe) = proj::describe("EPSG:4326") else { return system };
    json!({"type": "BoundCRS", "source_crs": system, "target_crs": globe, "transformation": transformation})
}

/// Removes metadata that isn't allowed in a base system.
fn without_usage(system: &mut Value) {
    if let Some(fields) = system.as_object_mut() {
        for usage in ["$schema", "scope", "area", "bbox", "usages", "remarks"] {
            fields.remove(usage);
        }
    }
}

//! The coordinate system that `GeoKeys` describe (OGC 19-008r4): by codes, by names, or piece by piece.
//!
//! Read as GDAL reads them. What they define themselves becomes PROJJSON, with the file's own units.

use geotiff_reader::geokeys::{GeoKeyDirectory, GeoKeyValue};
use serde_json::{Value, json};

use super::Crs;
use super::geokeys_projection::{self as projection, Parameters};
use super::proj;
use super::units::{self, Unit};

/// EPSG's marks for "undefined" and "user defined".
const NO_CODE: [u16; 2] = [0, 32767];

const MODEL_TYPE: u16 = 1024;
const CITATION: u16 = 1026;
const GEODETIC_CRS: u16 = 2048;
const GEODETIC_CITATION: u16 = 2049;
const DATUM: u16 = 2050;
const PRIME_MERIDIAN: u16 = 2051;
const GEODETIC_LENGTHS: u16 = 2052;
const GEODETIC_LENGTH: u16 = 2053;
const ANGLES: u16 = 2054;
const ANGLE: u16 = 2055;
const ELLIPSOID: u16 = 2056;
const SEMI_MAJOR: u16 = 2057;
const SEMI_MINOR: u16 = 2058;
const INVERSE_FLATTENING: u16 = 2059;
const PRIME_MERIDIAN_LONGITUDE: u16 = 2061;
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

/// The directory, with shorter questions.
pub struct Keys<'a>(pub &'a GeoKeyDirectory);

impl Keys<'_> {
    /// A code, unless it is one of those that stand for none.
    fn code(&self, key: u16) -> Option<u16> {
        self.0.get_short(key).filter(|code| !NO_CODE.contains(code))
    }

    /// A number; some writers keep whole ones as short integers.
    pub fn number(&self, key: u16) -> Option<f64> {
        let number = match &self.0.get(key)?.value {
            GeoKeyValue::Double(values) => *values.first()?,
            GeoKeyValue::Short(value) => f64::from(*value),
            GeoKeyValue::Ascii(_) => return None,
        };
        number.is_finite().then_some(number)
    }

    /// The texts of a citation, which bars divide.
    fn texts(&self, key: u16) -> impl Iterator<Item = &str> {
        let text = self.0.get_ascii(key).unwrap_or_default();
        text.split('|').map(str::trim).filter(|part| !part.is_empty())
    }

    fn unit(&self, codes: u16, size: u16, angular: bool) -> Option<Unit> {
        match self.0.get_short(codes)? {
            32767 => Unit::of_size(self.number(size)?, angular),
            code if angular => Unit::angle(code),
            code => Unit::length(code),
        }
    }

    pub fn angular_unit(&self) -> Option<Unit> {
        self.unit(ANGLES, ANGLE, true)
    }

    /// An angle in the file's unit, as a number of that unit.
    pub fn angle(&self, key: u16) -> Option<f64> {
        let value = self.number(key)?;
        let sexagesimal = self.0.get_short(ANGLES) == Some(units::SEXAGESIMAL);
        Some(if sexagesimal { units::from_sexagesimal(value) } else { value })
    }

    pub fn linear_unit(&self) -> Option<Unit> {
        self.unit(LENGTHS, LENGTH, false)
    }

    /// What the file calls its reference system.
    fn name(&self) -> Option<String> {
        let all = [PROJECTED_CITATION, CITATION, GEODETIC_CITATION];
        let mut texts = all.into_iter().flat_map(|key| self.texts(key));
        let name = texts.find(|text| !text.starts_with("ESRI PE String") && !text.contains(" = "))?;
        (!["unknown", "unnamed"].contains(&name)).then(|| name.to_owned())
    }

    /// Well-known text in a citation, where ESRI and GDAL keep what keys can't say.
    fn esri_text(&self) -> Option<&str> {
        let all = [PROJECTED_CITATION, CITATION, GEODETIC_CITATION];
        // The text itself has no bars, but names in it may.
        let text =
            all.into_iter().filter_map(|key| self.0.get_ascii(key)).find(|t| t.contains("ESRI PE String"))?;
        let (_, text) = text.split_once("ESRI PE String")?.1.split_once('=')?;
        Some(text.trim().trim_end_matches('|'))
    }
}

/// What the keys say of the reference system. `None` where they say nothing.
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
        Some(GEOCENTRIC) => Err("it counts from the centre of the earth in three directions".to_owned()),
        Some(GEOGRAPHIC) => geographic_crs(&keys, name.as_deref()),
        Some(PROJECTED) => projected_crs(&keys, name.as_deref()),
        // Left out, or "user defined": the other keys tell.
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

fn projected_crs(keys: &Keys, name: Option<&str>) -> Result<Crs, String> {
    let defined = keys.code(CONVERSION).is_some() || keys.code(METHOD).is_some();
    if let Some(code) = keys.code(PROJECTED_CRS) {
        match official(code) {
            Some((authority, system)) => return Ok(with_unit(keys, authority, code, &system, name)),
            None if !defined && keys.esri_text().is_none() => {
                return Err(format!("{code} is neither an EPSG nor an ESRI code that PROJ knows"));
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
        return named.ok_or_else(|| "its keys name no projection".to_owned());
    }
    let conversion = if let Some(method) = keys.code(METHOD) {
        projection::conversion(method, &Parameters { keys })?
    } else {
        let code = keys.code(CONVERSION).unwrap_or_default();
        let conversion = proj::describe(&format!("urn:ogc:def:coordinateOperation:EPSG::{code}"));
        let conversion = conversion.ok().filter(|found| found["type"] == "Conversion");
        conversion.ok_or_else(|| format!("its projection, EPSG's {code}, is not one that PROJ knows"))?
    };
    let unit = keys.linear_unit().unwrap_or_else(Unit::metre).to_json();
    let mut base = geographic(keys)?;
    let transformation = to_wgs84(keys);
    without_usage(&mut base);
    let axis = |name: &str, short: &str, direction: &str| {
        let unit = unit.clone();
        json!({"name": name, "abbreviation": short, "direction": direction, "unit": unit})
    };
    // A projection that is orientated to the south counts to the west and to the south.
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

fn geographic_crs(keys: &Keys, name: Option<&str>) -> Result<Crs, String> {
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

/// An official system, but with the unit that the keys give it.
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

fn set_unit(system: &mut Value, unit: &Unit) {
    let axes = system.pointer_mut("/coordinate_system/axis").and_then(Value::as_array_mut);
    for axis in axes.into_iter().flatten() {
        if axis["direction"] != "up" {
            axis["unit"] = unit.to_json();
        }
    }
}

/// EPSG's or ESRI's system of a code.
fn official(code: u16) -> Option<(&'static str, Value)> {
    let of = |authority: &'static str| {
        let crs = Crs::of_code(authority, u32::from(code));
        let system = crs.system().ok()?;
        Some((authority, system.json.clone()))
    };
    of("EPSG").or_else(|| of("ESRI"))
}

/// The geographic system in PROJJSON that the keys name or describe.
fn geographic(keys: &Keys) -> Result<Value, String> {
    let unit = keys.angular_unit().unwrap_or_else(Unit::degree);
    let known = match keys.code(GEODETIC_CRS) {
        Some(code) => {
            let (_, system) = official(code)
                .filter(|(_, system)| system.get("conversion").is_none())
                .ok_or_else(|| format!("{code} is no code of a geographic system that PROJ knows"))?;
            Some(system)
        }
        None => named(keys),
    };
    let mut system = if let Some(system) = known {
        system
    } else {
        let axis = |name: &str, short: &str, direction: &str| {
            let unit = unit.to_json();
            json!({"name": name, "abbreviation": short, "direction": direction, "unit": unit})
        };
        json!({
            "type": "GeographicCRS",
            "name": "unknown",
            "datum": datum(keys)?,
            "coordinate_system": {
                "subtype": "ellipsoidal",
                "axis": [axis("Latitude", "lat", "north"), axis("Longitude", "lon", "east")],
            },
        })
    };
    if let Some(meridian) = prime_meridian(keys)? {
        let is_greenwich = meridian["longitude"]["value"] == 0.0;
        if let Some(datum) = system.get_mut("datum").and_then(Value::as_object_mut)
            && (!is_greenwich || datum.contains_key("prime_meridian"))
            && datum.get("prime_meridian").is_none_or(|own| own["name"] != meridian["name"])
        {
            datum.insert("prime_meridian".to_owned(), meridian);
            datum.remove("id");
            if let Some(system) = system.as_object_mut() {
                system.remove("id");
            }
        }
    }
    if keys.angular_unit().is_some() {
        let own = system.pointer("/coordinate_system/axis/0/unit").and_then(Unit::from_json);
        if own.is_none_or(|own| !own.is(&unit)) {
            set_unit(&mut system, &unit);
            if let Some(system) = system.as_object_mut() {
                system.remove("id");
            }
        }
    }
    Ok(system)
}

/// A geographic system that the citation names as authorities do: "GCS Name = NAD27|…", or "NAD27".
fn named(keys: &Keys) -> Option<Value> {
    if keys.code(DATUM).is_some() {
        return None;
    }
    let name = keys.texts(GEODETIC_CITATION).find_map(|text| match text.split_once(" = ") {
        None => Some(text),
        Some(("GCS Name", name)) => Some(name),
        Some(_) => None,
    })?;
    let crs = Crs::of_name(name);
    let system = crs.system().ok()?.json.clone();
    let ellipsoid =
        system.pointer("/datum/ellipsoid").or_else(|| system.pointer("/datum_ensemble/ellipsoid"))?;
    // Names that don't go with the numbers say nothing.
    let axis = ellipsoid.get("semi_major_axis").and_then(Value::as_f64);
    let fits = keys.number(SEMI_MAJOR).is_none_or(|told| axis.is_some_and(|axis| (axis - told).abs() < 0.01));
    (fits && system.get("conversion").is_none()).then_some(system)
}

fn datum(keys: &Keys) -> Result<Value, String> {
    if let Some(code) = keys.code(DATUM) {
        for kind in ["datum", "ensemble"] {
            if let Ok(datum) = proj::describe(&format!("urn:ogc:def:{kind}:EPSG::{code}"))
                && let Some(datum) = frame(datum)
            {
                return Ok(datum);
            }
        }
        // Codes from 6001 to 6099 stood for no datum but a shape of the earth.
        if let 6001..=6099 = code
            && let Ok(ellipsoid) = described_ellipsoid(code + 1000)
        {
            return Ok(json!({"type": "GeodeticReferenceFrame", "name": "unknown", "ellipsoid": ellipsoid}));
        }
        if keys.0.get(ELLIPSOID).is_none() && keys.number(SEMI_MAJOR).is_none() {
            return Err(format!("its datum, EPSG's {code}, is not one that PROJ knows"));
        }
    }
    let ellipsoid = ellipsoid(keys)?;
    Ok(json!({"type": "GeodeticReferenceFrame", "name": "unknown", "ellipsoid": ellipsoid}))
}

/// A datum as a part of a system: an ensemble of datums stands in another member there, so it becomes a
/// frame.
fn frame(mut datum: Value) -> Option<Value> {
    let kind = datum.get("type")?.as_str()?.to_owned();
    let fields = datum.as_object_mut()?;
    for usage in ["$schema", "scope", "area", "bbox", "usages", "remarks", "members", "accuracy"] {
        fields.remove(usage);
    }
    match kind.as_str() {
        "DatumEnsemble" => {
            let name = fields.get("name")?.as_str()?.trim_end_matches(" ensemble").to_owned();
            fields.insert("name".to_owned(), name.into());
            fields.insert("type".to_owned(), "GeodeticReferenceFrame".into());
            fields.remove("id");
        }
        "GeodeticReferenceFrame" | "DynamicGeodeticReferenceFrame" => {}
        _ => return None,
    }
    Some(datum)
}

fn described_ellipsoid(code: u16) -> Result<Value, String> {
    let mut ellipsoid = proj::describe(&format!("urn:ogc:def:ellipsoid:EPSG::{code}"))?;
    if let Some(fields) = ellipsoid.as_object_mut() {
        fields.remove("$schema");
        fields.remove("type");
    }
    Ok(ellipsoid)
}

fn ellipsoid(keys: &Keys) -> Result<Value, String> {
    let unit = keys.unit(GEODETIC_LENGTHS, GEODETIC_LENGTH, false).map_or(1.0, |unit| unit.size);
    let length = |key| keys.number(key).filter(|length| *length > 0.0).map(|length| length * unit);
    if let Some(major) = length(SEMI_MAJOR) {
        let inverse = keys.number(INVERSE_FLATTENING).filter(|inverse| *inverse > 1.0);
        let minor = length(SEMI_MINOR).unwrap_or(major);
        return Ok(match inverse {
            Some(inverse) => {
                json!({"name": "unknown", "semi_major_axis": major, "inverse_flattening": inverse})
            }
            None if (minor / major - 1.0).abs() < 1e-12 => json!({"name": "unknown", "radius": major}),
            None => json!({"name": "unknown", "semi_major_axis": major, "semi_minor_axis": minor}),
        });
    }
    match keys.code(ELLIPSOID) {
        Some(code) => described_ellipsoid(code)
            .map_err(|_| format!("its ellipsoid, EPSG's {code}, is not one that PROJ knows")),
        None => Err("its keys name neither a datum nor an ellipsoid".to_owned()),
    }
}

fn prime_meridian(keys: &Keys) -> Result<Option<Value>, String> {
    if let Some(code) = keys.code(PRIME_MERIDIAN) {
        let meridian = proj::describe(&format!("urn:ogc:def:meridian:EPSG::{code}"))
            .map_err(|_| format!("its prime meridian, EPSG's {code}, is not one that PROJ knows"))?;
        let longitude = meridian.get("longitude").cloned().unwrap_or_default();
        let longitude = match longitude.as_f64() {
            Some(degrees) => json!({"value": degrees, "unit": "degree"}),
            None => longitude,
        };
        let name = meridian.get("name").cloned().unwrap_or_default();
        return Ok(Some(json!({"name": name, "longitude": longitude})));
    }
    let Some(longitude) = keys.angle(PRIME_MERIDIAN_LONGITUDE) else { return Ok(None) };
    let unit = keys.angular_unit().unwrap_or_else(Unit::degree).to_json();
    let name = if longitude == 0.0 { "Greenwich" } else { "unknown" };
    Ok(Some(json!({"name": name, "longitude": {"value": longitude, "unit": unit}})))
}

/// The shift to WGS 84 in three or seven numbers, where the datum has no code that would tell a better one.
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

/// A system with its own way to WGS 84.
fn bound(system: Value, transformation: Option<Value>) -> Value {
    let Some(transformation) = transformation else { return system };
    let Ok(globe) = proj::describe("EPSG:4326") else { return system };
    json!({"type": "BoundCRS", "source_crs": system, "target_crs": globe, "transformation": transformation})
}

fn without_usage(system: &mut Value) {
    if let Some(fields) = system.as_object_mut() {
        for usage in ["$schema", "scope", "area", "bbox", "usages", "remarks"] {
            fields.remove(usage);
        }
    }
}

//! The geographic system that `GeoKeys` name or define: datum, ellipsoid, prime meridian and unit.

use serde_json::{Value, json};

use super::Crs;
use super::error::CrsError;
use super::geokeys::{
    DATUM, ELLIPSOID, GEODETIC_CITATION, GEODETIC_CRS, GEODETIC_LENGTH, GEODETIC_LENGTHS, INVERSE_FLATTENING,
    Keys, PRIME_MERIDIAN, PRIME_MERIDIAN_LONGITUDE, SEMI_MAJOR, SEMI_MINOR, official, set_unit,
};
use super::proj;
use super::proj_object::ProjError;
use super::units::Unit;

/// The geographic system that the keys name or define, as PROJJSON.
pub(in crate::raster) fn geographic(keys: &Keys) -> Result<Value, CrsError> {
    let unit = keys.angular_unit().unwrap_or_else(Unit::degree);
    let known = match keys.code(GEODETIC_CRS) {
        Some(code) => {
            let (_, system) = official(code)
                .filter(|(_, system)| system.get("conversion").is_none())
                .ok_or(CrsError::UnknownGeographicCode(code))?;
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

/// A geographic system that the citation gives by its official name: "GCS Name = NAD27|…", or "NAD27".
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
    // A name that contradicts the numbers is ignored.
    let axis = ellipsoid.get("semi_major_axis").and_then(Value::as_f64);
    let fits = keys.number(SEMI_MAJOR).is_none_or(|told| axis.is_some_and(|axis| (axis - told).abs() < 0.01));
    (fits && system.get("conversion").is_none()).then_some(system)
}

fn datum(keys: &Keys) -> Result<Value, CrsError> {
    if let Some(code) = keys.code(DATUM) {
        for kind in ["datum", "ensemble"] {
            if let Ok(datum) = proj::describe(&format!("urn:ogc:def:{kind}:EPSG::{code}"))
                && let Some(datum) = frame(datum)
            {
                return Ok(datum);
            }
        }
        // Codes from 6001 to 6099 stand for an ellipsoid without a datum.
        if let 6001..=6099 = code
            && let Ok(ellipsoid) = described_ellipsoid(code + 1000)
        {
            return Ok(json!({"type": "GeodeticReferenceFrame", "name": "unknown", "ellipsoid": ellipsoid}));
        }
        if keys.0.get(ELLIPSOID).is_none() && keys.number(SEMI_MAJOR).is_none() {
            return Err(CrsError::UnknownDatum(code));
        }
    }
    let ellipsoid = ellipsoid(keys)?;
    Ok(json!({"type": "GeodeticReferenceFrame", "name": "unknown", "ellipsoid": ellipsoid}))
}

/// A datum as a member of a system. A datum ensemble would belong into another member, so it is converted to
/// a reference frame.
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

fn described_ellipsoid(code: u16) -> Result<Value, ProjError> {
    let mut ellipsoid = proj::describe(&format!("urn:ogc:def:ellipsoid:EPSG::{code}"))?;
    if let Some(fields) = ellipsoid.as_object_mut() {
        fields.remove("$schema");
        fields.remove("type");
    }
    Ok(ellipsoid)
}

fn ellipsoid(keys: &Keys) -> Result<Value, CrsError> {
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
        Some(code) => described_ellipsoid(code).map_err(|_| CrsError::UnknownEllipsoid(code)),
        None => Err(CrsError::NoDatum),
    }
}

fn prime_meridian(keys: &Keys) -> Result<Option<Value>, CrsError> {
    if let Some(code) = keys.code(PRIME_MERIDIAN) {
        let meridian = proj::describe(&format!("urn:ogc:def:meridian:EPSG::{code}"))
            .map_err(|_| CrsError::UnknownPrimeMeridian(code))?;
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

//! Whether two definitions stand for the same coordinate system.

use serde_json::Value;

use super::units::Unit;

/// Whether two systems in PROJJSON have the same shape of the earth, prime meridian, projection and units.
/// Names don't count, since everybody spells them differently, nor does the order of axes, which is never
/// that of files.
pub fn is_same_system(a: &Value, b: &Value) -> bool {
    let base = |system: &'_ Value| system.get("base_crs").unwrap_or(system).clone();
    let (base_a, base_b) = (base(a), base(b));
    let unit = |system: &Value| Unit::from_json(system.pointer("/coordinate_system/axis/0/unit")?);
    let same_units = match (unit(a), unit(b)) {
        (Some(a), Some(b)) => a.is(&b),
        (a, b) => a.is_none() && b.is_none(),
    };
    same_units
        && near(Some(shape(&base_a)), Some(shape(&base_b)))
        && near(Some(flattening(&base_a)), Some(flattening(&base_b)))
        && near(meridian(&base_a), meridian(&base_b))
        && a.get("conversion").is_some() == b.get("conversion").is_some()
        && is_same_conversion(a, b)
}

/// Compares numbers, which have about ten digits in files.
fn near(a: Option<f64>, b: Option<f64>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => (a - b).abs() <= 1e-8 * a.abs().max(b.abs()).max(1e-2),
        (a, b) => a.is_none() && b.is_none(),
    }
}

fn ellipsoid(base: &Value) -> Option<&Value> {
    base.pointer("/datum/ellipsoid").or_else(|| base.pointer("/datum_ensemble/ellipsoid"))
}

fn shape(base: &Value) -> f64 {
    let Some(ellipsoid) = ellipsoid(base) else { return 0.0 };
    number(ellipsoid, "semi_major_axis").or_else(|| number(ellipsoid, "radius")).unwrap_or(0.0)
}

fn flattening(base: &Value) -> f64 {
    let Some(ellipsoid) = ellipsoid(base) else { return 0.0 };
    let axis = number(ellipsoid, "semi_major_axis").unwrap_or(1.0);
    match (number(ellipsoid, "inverse_flattening"), number(ellipsoid, "semi_minor_axis")) {
        (Some(inverse), _) if inverse != 0.0 => 1.0 / inverse,
        (_, Some(minor)) => (axis - minor) / axis,
        _ => 0.0,
    }
}

/// In radians from Greenwich.
fn meridian(base: &Value) -> Option<f64> {
    let Some(longitude) = base.pointer("/datum/prime_meridian/longitude") else { return Some(0.0) };
    measure(longitude)
}

fn is_same_conversion(a: &Value, b: &Value) -> bool {
    let method = |system: &Value| system.pointer("/conversion/method/name").cloned();
    let list = |system: &Value| {
        let parameters = system.pointer("/conversion/parameters").and_then(Value::as_array);
        let known = parameters.into_iter().flatten();
        let mut known: Vec<(String, Option<f64>)> = known
            .map(|known| {
                let id = known.pointer("/id/code").or_else(|| known.get("name"));
                (id.map(Value::to_string).unwrap_or_default(), measure(known))
            })
            .collect();
        known.sort_by(|a, b| a.0.cmp(&b.0));
        known
    };
    let (list_a, list_b) = (list(a), list(b));
    method(a) == method(b)
        && list_a.len() == list_b.len()
        && list_a.iter().zip(&list_b).all(|(a, b)| a.0 == b.0 && near(a.1, b.1))
}

/// A value with its unit in metres or radians, or as it is.
fn measure(value: &Value) -> Option<f64> {
    let size = match (value.as_f64(), value.get("unit").and_then(Unit::from_json)) {
        // Degrees, where nothing else is said.
        (Some(_), _) => 1.0_f64.to_radians(),
        (None, Some(unit)) => unit.size,
        (None, None) => 1.0,
    };
    Some(value.as_f64().or_else(|| value.get("value")?.as_f64())? * size)
}

fn number(value: &Value, name: &str) -> Option<f64> {
    let value = value.get(name)?;
    value.as_f64().or_else(|| measure(value))
}

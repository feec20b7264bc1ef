//! A coordinate reference system as PROJ describes it.

use std::num::NonZeroUsize;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use lru::LruCache;
use serde_json::Value;

use super::equality::is_same_system;
use super::error::CrsError;
use super::proj;
use super::units::Unit;

/// How many systems are cached; files from one region share the same few.
const CACHED: NonZeroUsize = NonZeroUsize::MIN.saturating_add(255);
/// How deep systems may be nested.
const MAX_DEPTH: usize = 4;
/// The longest name that is shown.
const MAX_NAME_CHARS: usize = 100;
/// Semi-major axes of the earth's ellipsoids and spheres, in metres.
const EARTH_RADIUS: std::ops::Range<f64> = 6.2e6..6.5e6;

/// A horizontal system that PROJ knows.
#[derive(Debug)]
pub(in crate::raster) struct CrsSystem {
    /// The definition that PROJ is given.
    pub definition: Arc<str>,
    /// As PROJJSON.
    pub json: Value,
    pub name: Option<String>,
    /// Authority and code, if the system really is that one.
    pub id: Option<(String, String)>,
    pub unit: Option<Unit>,
    /// Whether the authority has northing before easting, or latitude before longitude.
    pub northing_first: bool,
    /// The code that the definition claims, if it is another system.
    pub false_code: Option<String>,
}

impl CrsSystem {
    /// The system that a definition stands for; cached.
    pub fn of(definition: &str) -> Result<Arc<Self>, CrsError> {
        type Known = LruCache<String, Result<Arc<CrsSystem>, CrsError>>;
        static KNOWN_SYSTEMS: LazyLock<Mutex<Known>> = LazyLock::new(|| Mutex::new(LruCache::new(CACHED)));
        let known = || KNOWN_SYSTEMS.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(system) = known().get(definition) {
            return system.clone();
        }
        let system = Self::describe(definition).map(Arc::new);
        known().put(definition.to_owned(), system.clone());
        system
    }

    fn describe(definition: &str) -> Result<Self, CrsError> {
        let whole = proj::describe(definition).map_err(|_| CrsError::NotUnderstood)?;
        let (horizontal, bound) = horizontal(&whole)?;
        let official =
            (!bound && !std::ptr::eq(horizontal, &raw const whole)).then(|| official(horizontal)).flatten();
        let horizontal = official.as_ref().unwrap_or(horizontal);
        let is_whole = std::ptr::eq(horizontal, &raw const whole) || bound;
        let definition = if is_whole { definition.to_owned() } else { horizontal.to_string() };
        let radius = horizontal.pointer("/base_crs").unwrap_or(horizontal);
        let radius =
            ["/datum/ellipsoid", "/datum_ensemble/ellipsoid"].iter().find_map(|at| radius.pointer(at));
        let radius =
            radius.and_then(|shape| size(shape.get("semi_major_axis").or_else(|| shape.get("radius"))?));
        if radius.is_some_and(|radius| !EARTH_RADIUS.contains(&radius)) {
            return Err(CrsError::OtherBody);
        }
        let axes = horizontal.pointer("/coordinate_system/axis").and_then(Value::as_array);
        let axes = axes.ok_or(CrsError::NoAxes)?;
        let text = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
        let direction = |index: usize| axes.get(index).and_then(|axis| text(axis, "direction"));
        let name_of = |index: usize| axes.get(index).and_then(|axis| text(axis, "name")).unwrap_or_default();
        let northing_first = match (direction(0).as_deref(), direction(1).as_deref()) {
            (Some("north"), Some("east")) => true,
            // Around a pole, both axes point north or south.
            (Some("north"), Some("north")) | (Some("south"), Some("south")) => {
                name_of(0) == "Northing" && name_of(1) == "Easting"
            }
            _ => false,
        };
        let id = horizontal.get("id").and_then(|id| {
            let code = id.get("code")?;
            let code = code.as_str().map_or_else(|| code.to_string(), str::to_owned);
            Some((text(id, "authority")?, code))
        });
        let claimed = id.as_ref().map(|(authority, code)| format!("{authority}:{code}"));
        // A definition may still have the code that it had before it was edited.
        let real = claimed.as_ref().is_none_or(|claimed| {
            *claimed == definition
                || proj::describe(claimed).is_ok_and(|official| {
                    let official = self::horizontal(&official).map(|(system, _)| system.clone());
                    official.is_ok_and(|official| is_same_system(horizontal, &official))
                })
        });
        let name = text(horizontal, "name").filter(|name| name != "unknown" && name != "unnamed");
        Ok(Self {
            definition: definition.into(),
            name: name.as_deref().map(shorten),
            unit: axes.first().and_then(|axis| axis.get("unit")).and_then(Unit::from_json),
            northing_first,
            id: id.filter(|_| real),
            false_code: claimed.filter(|_| !real),
            json: horizontal.clone(),
        })
    }
}

/// The official system that is a component of a compound one, where it has no code.
fn official(part: &Value) -> Option<Value> {
    let known = proj::describe(part.get("name")?.as_str()?).ok()?;
    (known.get("id").is_some() && known["name"] == part["name"] && is_same_system(part, &known))
        .then_some(known)
}

/// The system of the first two coordinates, and whether it is bound to a transformation.
fn horizontal(json: &Value) -> Result<(&Value, bool), CrsError> {
    let (mut system, mut bound) = (json, false);
    for _ in 0..MAX_DEPTH {
        let kind = system.get("type").and_then(Value::as_str).unwrap_or_default();
        let subtype = system.pointer("/coordinate_system/subtype").and_then(Value::as_str);
        system = match kind {
            "CompoundCRS" => system.pointer("/components/0").ok_or(CrsError::EmptyCompound)?,
            "BoundCRS" => {
                bound = true;
                system.get("source_crs").ok_or(CrsError::EmptyBound)?
            }
            "GeodeticCRS" | "GeographicCRS" if subtype == Some("Cartesian") => {
                return Err(CrsError::Geocentric);
            }
            "ProjectedCRS"
            | "DerivedProjectedCRS"
            | "GeographicCRS"
            | "GeodeticCRS"
            | "DerivedGeographicCRS"
            | "DerivedGeodeticCRS" => return Ok((system, bound)),
            "VerticalCRS" | "DerivedVerticalCRS" => return Err(CrsError::Vertical),
            "EngineeringCRS" | "DerivedEngineeringCRS" => {
                return Err(CrsError::Local);
            }
            _ => return Err(CrsError::NoCrs),
        };
    }
    Err(CrsError::TooNested)
}

/// A length in PROJJSON: a number of metres, or with its unit.
fn size(length: &Value) -> Option<f64> {
    match length.as_f64() {
        Some(metres) => Some(metres),
        None => Some(length.get("value")?.as_f64()? * Unit::from_json(length.get("unit")?)?.size),
    }
}

/// A name on one line and of limited length.
pub(in crate::raster) fn shorten(name: &str) -> String {
    let one_line = name.split_whitespace().collect::<Vec<_>>().join(" ");
    match one_line.char_indices().nth(MAX_NAME_CHARS) {
        Some((end, _)) => format!("{}…", one_line.get(..end).unwrap_or_default()),
        None => one_line,
    }
}

//! Coordinate reference systems: what a file says of its own, and what PROJ makes of that.

use std::num::NonZeroUsize;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use lru::LruCache;
use serde_json::Value;

use super::crs_equality::is_same_system;
use super::proj;
use super::units::Unit;

/// Systems that are remembered: files of one place have the same.
const KNOWN: NonZeroUsize = NonZeroUsize::MIN.saturating_add(255);
/// Systems within systems, at most.
const DEEPEST: usize = 4;
/// Letters of a name that are shown.
const LONGEST_NAME: usize = 100;
/// Half axes of the earth's ellipsoids and spheres, in metres.
const EARTH: std::ops::Range<f64> = 6.2e6..6.5e6;

/// What is known of the system that a scene's map coordinates are in.
#[derive(Clone)]
pub(in crate::raster) struct Crs {
    /// What the file calls it, or else the name that goes with its code.
    pub name: Option<String>,
    /// What PROJ makes of it, or why it makes nothing of it.
    system: Result<Arc<System>, String>,
    /// What a person should know of how it was understood.
    pub remarks: Vec<String>,
}

/// A horizontal system that PROJ knows.
#[derive(Debug)]
pub(super) struct System {
    /// What PROJ is given.
    pub definition: Arc<str>,
    /// As PROJJSON.
    pub json: Value,
    name: Option<String>,
    /// "EPSG" and a number, as far as the system really is that.
    id: Option<(String, String)>,
    unit: Option<Unit>,
    /// Whether the authority has northing before easting, or latitude before longitude.
    northing_first: bool,
    /// The code that the text claims without being that.
    false_code: Option<String>,
}

impl Crs {
    /// By an authority's code.
    pub fn of_code(authority: &str, code: u32) -> Self {
        let definition = format!("{}:{code}", authority.to_ascii_uppercase());
        let system = System::of(&definition)
            .map_err(|_| format!("{definition} is not a code of a horizontal system that PROJ knows"));
        Self::new(system, None)
    }

    /// By what PROJ is given in its place; `name` is the file's own.
    pub(super) fn of_definition(definition: &str, name: Option<String>) -> Self {
        Self::new(System::of(definition), name)
    }

    /// A system of which nothing but a name is known, and why.
    pub fn unknown(name: Option<String>, why: impl Into<String>) -> Self {
        Self::new(Err(why.into()), name)
    }

    fn new(system: Result<Arc<System>, String>, name: Option<String>) -> Self {
        let name = name.or_else(|| system.as_ref().ok()?.name.clone());
        let mut remarks = Vec::new();
        if let Ok(system) = &system
            && let Some(code) = &system.false_code
        {
            remarks.push(format!(
                "its coordinate system is called {code} but described as another one; the description counts"
            ));
        }
        Self { name, system, remarks }
    }

    /// The same under the file's own name for it.
    pub(super) fn called(mut self, name: Option<&str>) -> Self {
        self.name = name.map(str::to_owned).or(self.name);
        self
    }

    /// From what stands in a `.prj`, a VRT or an `.aux.xml`: well-known text (of OGC, GDAL or ESRI),
    /// PROJJSON, a PROJ string, a code ("EPSG:32633"), or a name. `None` for an empty text.
    pub fn from_text(text: &str) -> Option<Self> {
        let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\0' || c == '\u{feff}');
        if text.is_empty() {
            return None;
        }
        if let Some(definition) = proj_string(text) {
            return Some(Self::of_definition(&definition, None));
        }
        if text.starts_with('{') {
            return Some(Self::of_definition(text, None));
        }
        if let Some((keyword, _)) =
            text.split_once(['[', '(']).filter(|(keyword, _)| is_keyword(keyword.trim()))
        {
            let name = quoted(text);
            let crs = Self::of_definition(text, name.clone());
            let local = ["LOCAL_CS", "ENGCRS", "ENGINEERINGCRS"];
            return Some(match crs.system {
                Err(_) if local.contains(&keyword.trim().to_ascii_uppercase().as_str()) => {
                    Self::unknown(name, "it is a local system without a place on the earth")
                }
                _ => crs,
            });
        }
        let is_word = |word: &str| {
            let known = |letter: char| letter.is_ascii_alphanumeric() || ['_', '.'].contains(&letter);
            !word.is_empty() && word.chars().all(known)
        };
        if let Some((authority, code)) = text.split_once(':').filter(|(authority, _)| is_word(authority)) {
            match code.trim_start_matches(':') {
                code if code.parse::<u32>().is_ok() => {
                    return code.parse().ok().map(|code| Self::of_code(authority, code));
                }
                // "OGC:CRS84", "IGNF:LAMB93".
                code if is_word(code) => {
                    return Some(Self::of_definition(
                        &format!("{}:{code}", authority.to_ascii_uppercase()),
                        None,
                    ));
                }
                _ => {}
            }
        }
        if text.starts_with("urn:") || text.starts_with("http") {
            return Some(Self::of_definition(text, None));
        }
        Some(super::arcinfo_prj::parse(text).unwrap_or_else(|| Self::of_name(text)))
    }

    /// By a name that an authority gives a system, or ESRI's spelling of it. Nothing that is only alike
    /// counts.
    pub fn of_name(name: &str) -> Self {
        let shown = shorten(name);
        // PROJ also looks for names of which this is a part.
        let found = System::of(name).ok().filter(|system| {
            let spelled = |other: &str| plain(other) == plain(name);
            system.name.as_deref().is_some_and(spelled)
        });
        match found {
            Some(system) => Self::new(Ok(system), Some(shown)),
            None => Self::unknown(Some(shown), "nothing but a name is given, which PROJ does not know"),
        }
    }

    /// Whether positions can be turned into longitude and latitude.
    pub fn is_understood(&self) -> bool {
        self.system.is_ok()
    }

    /// Why they can't.
    pub fn why_unknown(&self) -> Option<&str> {
        self.system.as_ref().err().map(String::as_str)
    }

    pub(super) fn system(&self) -> Result<&Arc<System>, &str> {
        self.system.as_ref().map_err(String::as_str)
    }

    /// The EPSG code, where the system really is that: not when something in the file overrides a part of it.
    pub fn epsg(&self) -> Option<u32> {
        let (authority, code) = self.system.as_ref().ok()?.id.as_ref()?;
        (authority == "EPSG").then(|| code.parse().ok())?
    }

    /// Of coordinates; one of angles where they are longitude and latitude.
    pub fn unit(&self) -> Option<&Unit> {
        self.system.as_ref().ok()?.unit.as_ref()
    }

    /// "EPSG:32633", or the file's name for it.
    pub fn short_name(&self) -> Option<String> {
        let id = self.system.as_ref().ok().and_then(|system| system.id.as_ref());
        id.map(|(authority, code)| format!("{authority}:{code}")).or_else(|| self.name.clone())
    }

    /// The unit of the coordinates, in the plural.
    pub fn units(&self) -> Option<String> {
        self.unit()?.plural()
    }

    /// Whether the authority that defines the system has northing before easting, or latitude before
    /// longitude.
    pub fn is_northing_first(&self) -> bool {
        self.system.as_ref().is_ok_and(|system| system.northing_first)
    }
}

impl System {
    /// What PROJ makes of a definition, or why it makes nothing of it; remembered.
    fn of(definition: &str) -> Result<Arc<Self>, String> {
        type Known = LruCache<String, Result<Arc<System>, String>>;
        static KNOWN_SYSTEMS: LazyLock<Mutex<Known>> = LazyLock::new(|| Mutex::new(LruCache::new(KNOWN)));
        let known = || KNOWN_SYSTEMS.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(system) = known().get(definition) {
            return system.clone();
        }
        let system = Self::describe(definition).map(Arc::new);
        known().put(definition.to_owned(), system.clone());
        system
    }

    fn describe(definition: &str) -> Result<Self, String> {
        let whole =
            proj::describe(definition).map_err(|_| "PROJ does not understand its definition".to_owned())?;
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
        if radius.is_some_and(|radius| !EARTH.contains(&radius)) {
            return Err("it is a system of another body than the earth".to_owned());
        }
        let axes = horizontal.pointer("/coordinate_system/axis").and_then(Value::as_array);
        let axes = axes.ok_or("it has no axes")?;
        let text = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
        let direction = |index: usize| axes.get(index).and_then(|axis| text(axis, "direction"));
        let name_of = |index: usize| axes.get(index).and_then(|axis| text(axis, "name")).unwrap_or_default();
        let northing_first = match (direction(0).as_deref(), direction(1).as_deref()) {
            (Some("north"), Some("east")) => true,
            // Around a pole all directions are north or south.
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
        // A text may carry the code of what it was before somebody changed it.
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

/// The official system that a part of a compound one is, which comes without its code.
fn official(part: &Value) -> Option<Value> {
    let known = proj::describe(part.get("name")?.as_str()?).ok()?;
    (known.get("id").is_some() && known["name"] == part["name"] && is_same_system(part, &known))
        .then_some(known)
}

/// The system of the first two coordinates, and whether it comes with a transformation of its own.
fn horizontal(json: &Value) -> Result<(&Value, bool), String> {
    let (mut system, mut bound) = (json, false);
    for _ in 0..DEEPEST {
        let kind = system.get("type").and_then(Value::as_str).unwrap_or_default();
        let subtype = system.pointer("/coordinate_system/subtype").and_then(Value::as_str);
        system = match kind {
            "CompoundCRS" => system.pointer("/components/0").ok_or("it is a compound system of nothing")?,
            "BoundCRS" => {
                bound = true;
                system.get("source_crs").ok_or("it is a bound system of nothing")?
            }
            "GeodeticCRS" | "GeographicCRS" if subtype == Some("Cartesian") => {
                return Err("it counts from the centre of the earth in three directions".to_owned());
            }
            "ProjectedCRS"
            | "DerivedProjectedCRS"
            | "GeographicCRS"
            | "GeodeticCRS"
            | "DerivedGeographicCRS"
            | "DerivedGeodeticCRS" => return Ok((system, bound)),
            "VerticalCRS" | "DerivedVerticalCRS" => return Err("it is a system of heights alone".to_owned()),
            "EngineeringCRS" | "DerivedEngineeringCRS" => {
                return Err("it is a local system without a place on the earth".to_owned());
            }
            _ => return Err("its definition is not one of a coordinate system".to_owned()),
        };
    }
    Err("it is a system within systems within systems".to_owned())
}

/// A length in PROJJSON: a number of metres, or with its unit.
fn size(length: &Value) -> Option<f64> {
    match length.as_f64() {
        Some(metres) => Some(metres),
        None => Some(length.get("value")?.as_f64()? * Unit::from_json(length.get("unit")?)?.size),
    }
}

/// A PROJ string as PROJ wants it, from one in a file.
fn proj_string(text: &str) -> Option<String> {
    let rest = text.strip_prefix('+').unwrap_or(text);
    if let Some(code) = rest.strip_prefix("init=") {
        // The old way to name a code; what else stood in such a line were exceptions from it.
        let code = code.split_whitespace().next()?;
        return Some(code.to_ascii_uppercase());
    }
    let is = text.starts_with("+proj=") || text.starts_with("proj=") || text.contains(" +proj=");
    is.then(|| if text.contains("type=crs") { text.to_owned() } else { format!("{text} +type=crs") })
}

/// Whether a word begins well-known text.
fn is_keyword(word: &str) -> bool {
    (3..=24).contains(&word.len()) && word.chars().all(|c| c.is_ascii_alphabetic() || c == '_')
}

/// The first text between quotation marks.
fn quoted(text: &str) -> Option<String> {
    let (name, _) = text.split_once('"')?.1.split_once('"')?;
    let name = name.trim();
    (!name.is_empty() && !["unknown", "unnamed"].contains(&name)).then(|| shorten(name))
}

fn shorten(name: &str) -> String {
    let one_line = name.split_whitespace().collect::<Vec<_>>().join(" ");
    match one_line.char_indices().nth(LONGEST_NAME) {
        Some((end, _)) => format!("{}…", one_line.get(..end).unwrap_or_default()),
        None => one_line,
    }
}

/// A name without what writers differ in.
fn plain(name: &str) -> String {
    let letters = name.chars().filter(|letter| letter.is_alphanumeric());
    letters.flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_names_and_units() {
        let units = |code| Crs::of_code("EPSG", code).units();
        assert_eq!(units(32633).as_deref(), Some("metres"));
        assert_eq!(units(4326).as_deref(), Some("degrees"));
        assert_eq!(units(2263).as_deref(), Some("US survey feet"));
        assert_eq!(units(900_913_000), None);
        let crs = Crs::of_code("EPSG", 32633);
        assert_eq!((crs.epsg(), crs.name.as_deref()), (Some(32633), Some("WGS 84 / UTM zone 33N")));
    }

    #[test]
    fn a_code_is_claimed_only_by_what_it_stands_for() {
        let of = |text: &str| Crs::from_text(text).unwrap();
        let wkt = |unit: &str| {
            format!(
                r#"PROJCS["WGS 84 / UTM zone 33N",GEOGCS["WGS 84",DATUM["WGS_1984",SPHEROID["WGS 84",6378137,298.257223563]],PRIMEM["Greenwich",0],UNIT["degree",0.0174532925199433]],PROJECTION["Transverse_Mercator"],PARAMETER["latitude_of_origin",0],PARAMETER["central_meridian",15],PARAMETER["scale_factor",0.9996],PARAMETER["false_easting",500000],PARAMETER["false_northing",0],UNIT[{unit}],AUTHORITY["EPSG","32633"]]"#
            )
        };
        assert_eq!(of(&wkt(r#""metre",1"#)).epsg(), Some(32633));
        let changed = of(&wkt(r#""foot",0.3048"#));
        assert_eq!((changed.epsg(), changed.units().as_deref()), (None, Some("feet")));
        assert!(changed.remarks[0].contains("EPSG:32633"), "{:?}", changed.remarks);
        let esri = of("ESRI:54009");
        assert_eq!((esri.epsg(), esri.short_name().as_deref()), (None, Some("ESRI:54009")));
        assert_eq!(of("EPSG:32633+5773").epsg(), None);
    }

    #[test]
    fn of_a_compound_system_the_horizontal_part_counts() {
        let crs = Crs::of_code("EPSG", 7405);
        assert_eq!((crs.epsg(), crs.is_understood()), (Some(27700), true));
    }

    #[test]
    fn what_is_not_understood_has_a_reason() {
        for (text, part) in [
            ("EPSG:99999", "not a code"),
            ("EPSG:5773", "not a code"),
            ("PROJCS[\"mine\"", "does not understand"),
            (r#"LOCAL_CS["mine",UNIT["metre",1]]"#, "local system"),
            ("a town's own grid", "nothing but a name"),
            ("UTM", "nothing but a name"),
            ("+proj=longlat +a=1737400 +b=1737400", "another body"),
            ("EPSG:4978", "not a code"),
        ] {
            let crs = Crs::from_text(text).unwrap();
            assert!(
                crs.why_unknown().is_some_and(|why| why.contains(part)),
                "{text}: {:?}",
                crs.why_unknown()
            );
            assert_eq!(crs.epsg(), None, "{text}");
        }
        assert!(Crs::from_text(" \n\0").is_none());
    }

    #[test]
    fn every_way_of_writing_is_understood() {
        for text in [
            "EPSG:32633",
            "epsg:32633",
            "+init=epsg:32633",
            "+proj=utm +zone=33 +datum=WGS84 +units=m +no_defs",
            "urn:ogc:def:crs:EPSG::32633",
            "http://www.opengis.net/def/crs/EPSG/0/32633",
            "WGS 84 / UTM zone 33N",
            "WGS_84_UTM_zone_33N",
            "\u{feff}EPSG:32633\n",
        ] {
            let crs = Crs::from_text(text).unwrap();
            assert!(crs.is_understood() && crs.units().as_deref() == Some("metres"), "{text}");
        }
    }

    #[test]
    fn authorities_have_axes_in_their_own_order() {
        let northing_first = |code| Crs::of_code("EPSG", code).is_northing_first();
        assert!([2193, 3035, 31467, 4326, 32661].into_iter().all(northing_first));
        assert!(![32633, 27700, 3031, 5041].into_iter().any(northing_first));
    }
}

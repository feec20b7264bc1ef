//! Coordinate reference systems, from the texts, codes and keys by which files define them.
//!
//! - [`system`]: a system as PROJ describes it; [`equality`]: whether two are the same; [`error`]: why one
//!   isn't understood.
//! - [`geokeys`], [`geokeys_datum`], [`geokeys_projection`]: the system that `GeoKeys` define.
//! - [`arcinfo_prj`]: old `.prj` files.
//! - [`units`]: units of lengths and angles.
//! - [`proj`]: PROJ; [`proj_object`]: its C API.

mod arcinfo_prj;
mod equality;
mod error;
pub mod geokeys;
mod geokeys_datum;
mod geokeys_projection;
pub mod proj;
pub mod proj_object;
mod system;
mod units;

use std::sync::Arc;

use error::CrsError;
use proj_object::Object;
use system::{CrsSystem, shorten};
use units::Unit;

/// A system of map coordinates as files name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MapSystem {
    /// The EPSG code, if it has one.
    pub epsg: Option<u32>,
    pub name: String,
    /// WKT 1, as GDAL writes it.
    pub well_known_text: String,
}

/// The system of a scene's map coordinates.
#[derive(Clone)]
pub(in crate::raster) struct Crs {
    /// The file's name for it, or else the official name.
    pub name: Option<String>,
    /// What PROJ makes of it, or why it isn't understood.
    system: Result<Arc<CrsSystem>, CrsError>,
    /// Remarks for the user on how it was understood.
    pub remarks: Vec<String>,
}

impl Crs {
    /// By an authority's code.
    pub fn of_code(authority: &str, code: u32) -> Self {
        let definition = format!("{}:{code}", authority.to_ascii_uppercase());
        let system = CrsSystem::of(&definition).map_err(|_| CrsError::UnknownCode(definition.clone()));
        Self::new(system, None)
    }

    /// By a definition that PROJ understands; `name` is the file's own.
    pub(in crate::raster) fn of_definition(definition: &str, name: Option<String>) -> Self {
        Self::new(CrsSystem::of(definition), name)
    }

    /// A system that isn't understood, and why.
    pub fn unknown(name: Option<String>, why: CrsError) -> Self {
        Self::new(Err(why), name)
    }

    fn new(system: Result<Arc<CrsSystem>, CrsError>, name: Option<String>) -> Self {
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

    /// The same system under the file's name for it.
    pub(in crate::raster) fn called(mut self, name: Option<&str>) -> Self {
        self.name = name.map(str::to_owned).or(self.name);
        self
    }

    /// From the text in a `.prj`, a VRT or an `.aux.xml`: well-known text (of OGC, GDAL or ESRI), PROJJSON, a
    /// PROJ string, a code ("EPSG:32633"), or a name. `None` for an empty text.
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
                    Self::unknown(name, CrsError::Local)
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
        Some(arcinfo_prj::parse(text).unwrap_or_else(|| Self::of_name(text)))
    }

    /// By an authority's name for a system, or ESRI's spelling of it. A name that is merely similar doesn't
    /// count.
    pub fn of_name(name: &str) -> Self {
        let shown = shorten(name);
        // PROJ also finds names that contain this one.
        let found = CrsSystem::of(name).ok().filter(|system| {
            let spelled = |other: &str| plain(other) == plain(name);
            system.name.as_deref().is_some_and(spelled)
        });
        match found {
            Some(system) => Self::new(Ok(system), Some(shown)),
            None => Self::unknown(Some(shown), CrsError::UnknownName),
        }
    }

    /// Whether positions can be transformed to longitude and latitude.
    pub fn is_understood(&self) -> bool {
        self.system.is_ok()
    }

    /// Why they can't be.
    pub fn why_unknown(&self) -> Option<&CrsError> {
        self.system.as_ref().err()
    }

    pub(in crate::raster) fn system(&self) -> Result<&Arc<CrsSystem>, &CrsError> {
        self.system.as_ref()
    }

    /// The EPSG code, if the system really is that one, and nothing in the file overrides a part of it.
    pub fn epsg(&self) -> Option<u32> {
        let (authority, code) = self.system.as_ref().ok()?.id.as_ref()?;
        (authority == "EPSG").then(|| code.parse().ok())?
    }

    /// What other files say to mean this system.
    pub fn for_files(&self) -> Option<MapSystem> {
        let definition = &self.system.as_ref().ok()?.definition;
        let well_known_text = Object::of(definition).ok()?.well_known_text()?;
        let name = self.short_name().unwrap_or_else(|| "unnamed".to_owned());
        Some(MapSystem { epsg: self.epsg(), name, well_known_text })
    }

    /// The unit of the coordinates; a unit of angles if they are longitude and latitude.
    pub fn unit(&self) -> Option<&Unit> {
        self.system.as_ref().ok()?.unit.as_ref()
    }

    /// The code, such as "EPSG:32633", or else the name.
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

/// Normalises a PROJ string from a file.
fn proj_string(text: &str) -> Option<String> {
    let rest = text.strip_prefix('+').unwrap_or(text);
    if let Some(code) = rest.strip_prefix("init=") {
        // The old form of a code; anything else in such a string would override a part of it.
        let code = code.split_whitespace().next()?;
        return Some(code.to_ascii_uppercase());
    }
    let is = text.starts_with("+proj=") || text.starts_with("proj=") || text.contains(" +proj=");
    is.then(|| if text.contains("type=crs") { text.to_owned() } else { format!("{text} +type=crs") })
}

/// Whether a word may be the first keyword of well-known text.
fn is_keyword(word: &str) -> bool {
    (3..=24).contains(&word.len()) && word.chars().all(|c| c.is_ascii_alphabetic() || c == '_')
}

/// The first quoted text.
fn quoted(text: &str) -> Option<String> {
    let (name, _) = text.split_once('"')?.1.split_once('"')?;
    let name = name.trim();
    (!name.is_empty() && !["unknown", "unnamed"].contains(&name)).then(|| shorten(name))
}

/// A name without spelling differences.
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
                crs.why_unknown().is_some_and(|why| why.to_string().contains(part)),
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

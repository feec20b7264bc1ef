//! Well-known text: what a `.prj`, a VRT or an `.aux.xml` says of its reference system.
//!
//! Mostly an EPSG code stands in it. Where none does (ESRI writes none), the usual projections are put together
//! from their parameters.

/// Elements within elements, at most; real ones have about six.
const DEEPEST: usize = 32;

/// An element, `NAME["first", 2, OTHER[…]]`.
#[derive(Debug, Default)]
pub(super) struct Element {
    keyword: String,
    /// Texts and numbers, in their order.
    values: Vec<String>,
    children: Vec<Element>,
}

impl Element {
    pub fn parse(text: &str) -> Option<Self> {
        let mut rest = text.trim_start_matches('\u{feff}');
        element(&mut rest, 0)
    }

    pub fn name(&self) -> Option<&str> {
        self.values.first().map(String::as_str).filter(|name| !name.is_empty())
    }

    /// The code of this element itself, not of what it is made from. Of a compound system, that of its
    /// horizontal part.
    pub fn epsg(&self) -> Option<u32> {
        let horizontal = ["COMPD_CS", "COMPOUNDCRS", "BOUNDCRS", "SOURCECRS"];
        if horizontal.contains(&self.keyword.as_str()) {
            return self.children.iter().find(|child| child.is_system()).and_then(Self::epsg);
        }
        let mut codes = self.children.iter().filter(|child| ["AUTHORITY", "ID"].contains(&&*child.keyword));
        codes.find_map(|code| match code.values.as_slice() {
            [authority, code, ..] if authority.eq_ignore_ascii_case("EPSG") => code.trim().parse().ok(),
            _ => None,
        })
    }

    fn is_system(&self) -> bool {
        ["PROJCS", "GEOGCS", "PROJCRS", "GEOGCRS", "PROJECTEDCRS", "GEODCRS", "GEODETICCRS", "SOURCECRS"]
            .contains(&self.keyword.as_str())
    }

    /// The first element of this kind, at any depth.
    fn find(&self, keywords: &[&str]) -> Option<&Element> {
        if keywords.contains(&&*self.keyword) {
            return Some(self);
        }
        self.children.iter().find_map(|child| child.find(keywords))
    }

    /// The definition for PROJ, for the usual projections.
    pub fn proj_string(&self) -> Option<String> {
        let ellipsoid = self.find(&["SPHEROID", "ELLIPSOID"])?;
        let axis: f64 = ellipsoid.values.get(1)?.parse().ok()?;
        let flattening: f64 = ellipsoid.values.get(2)?.parse().ok()?;
        let figure = match (axis, flattening) {
            // The datums that are WGS84 for all that pixels can tell.
            (6_378_137.0, 298.25..298.26) => "+datum=WGS84".to_owned(),
            (_, 0.0) => format!("+a={axis} +b={axis} +towgs84=0,0,0"),
            _ => format!("+a={axis} +rf={flattening} +towgs84=0,0,0"),
        };
        let shape = format!("{figure} +no_defs");
        let projected = self.find(&["PROJCS", "PROJCRS", "PROJECTEDCRS"]);
        let Some(projected) = projected else {
            return self
                .find(&["GEOGCS", "GEOGCRS", "GEODCRS", "GEODETICCRS"])
                .map(|_| format!("+proj=longlat {shape}"));
        };
        let method = plain(projected.find(&["PROJECTION", "METHOD"])?.name()?);
        let parameter = |names: &[&str]| {
            projected.parameter(names).or_else(|| projected.find(&["CONVERSION"])?.parameter(names))
        };
        let lon = parameter(&[
            "centralmeridian",
            "longitudeofcenter",
            "longitudeofnaturalorigin",
            "longitudeoffalseorigin",
            "longitudeoforigin",
        ])
        .unwrap_or(0.0);
        let lat = parameter(&[
            "latitudeoforigin",
            "latitudeofcenter",
            "latitudeofnaturalorigin",
            "latitudeoffalseorigin",
        ])
        .unwrap_or(0.0);
        let first =
            parameter(&["standardparallel1", "latitudeof1ststandardparallel", "latitudeofstandardparallel"]);
        let second = parameter(&["standardparallel2", "latitudeof2ndstandardparallel"]);
        let scale = parameter(&["scalefactor", "scalefactoratnaturalorigin"]).unwrap_or(1.0);
        // A unit of the map, not of its angles, stands right below the projected system.
        let unit = projected.children.iter().find(|child| ["UNIT", "LENGTHUNIT"].contains(&&*child.keyword));
        let metres: f64 = unit.and_then(|unit| unit.values.get(1)?.parse().ok()).unwrap_or(1.0);
        let east = parameter(&["falseeasting", "eastingatfalseorigin"]).unwrap_or(0.0) * metres;
        let north = parameter(&["falsenorthing", "northingatfalseorigin"]).unwrap_or(0.0) * metres;
        let projection = match method.as_str() {
            "transversemercator" | "gausskruger" => format!("+proj=tmerc +lat_0={lat} +k={scale}"),
            "mercatorauxiliarysphere" | "popularvisualisationpseudomercator" => {
                return Some(
                    "+proj=merc +a=6378137 +b=6378137 +lat_ts=0 +lon_0=0 +nadgrids=@null +no_defs".to_owned(),
                );
            }
            "lambertconformalconic" | "lambertconformalconic2sp" | "lambertconicconformal2sp" => {
                let first = first?;
                format!("+proj=lcc +lat_0={lat} +lat_1={first} +lat_2={}", second.unwrap_or(first))
            }
            "albers" | "albersconicequalarea" | "albersequalarea" => {
                format!("+proj=aea +lat_0={lat} +lat_1={} +lat_2={}", first?, second?)
            }
            "lambertazimuthalequalarea" => format!("+proj=laea +lat_0={lat}"),
            "polarstereographic"
            | "stereographicnorthpole"
            | "stereographicsouthpole"
            | "polarstereographicvariantb" => {
                let parallel = first.unwrap_or(lat);
                format!("+proj=stere +lat_0={} +lat_ts={parallel}", 90.0_f64.copysign(parallel))
            }
            _ => return None,
        };
        Some(format!("{projection} +lon_0={lon} +x_0={east} +y_0={north} +to_meter={metres} {shape}"))
    }

    fn parameter(&self, names: &[&str]) -> Option<f64> {
        let mut parameters = self.children.iter().filter(|child| child.keyword == "PARAMETER");
        let found =
            parameters.find(|child| child.name().is_some_and(|name| names.contains(&&*plain(name))))?;
        found.values.get(1)?.parse().ok()
    }
}

/// A name without what writers differ in.
fn plain(name: &str) -> String {
    let letters = name.chars().filter(char::is_ascii_alphanumeric);
    letters.map(|letter| letter.to_ascii_lowercase()).collect()
}

fn element(rest: &mut &str, depth: usize) -> Option<Element> {
    if depth > DEEPEST {
        return None;
    }
    let end = rest.find(['[', '('])?;
    let keyword = rest.get(..end)?.trim().to_ascii_uppercase();
    *rest = rest.get(end + 1..)?;
    let mut found = Element { keyword, ..Element::default() };
    loop {
        *rest = rest.trim_start();
        let first = rest.chars().next()?;
        match first {
            ']' | ')' => {
                *rest = rest.get(1..)?;
                return Some(found);
            }
            ',' => *rest = rest.get(1..)?,
            '"' => {
                let (text, after) = rest.get(1..)?.split_once('"')?;
                found.values.push(text.to_owned());
                *rest = after;
            }
            _ => {
                let end = rest.find([',', '[', '(', ']', ')'])?;
                if rest.get(end..)?.starts_with(['[', '(']) {
                    found.children.push(element(rest, depth + 1)?);
                } else {
                    found.values.push(rest.get(..end)?.trim().to_owned());
                    *rest = rest.get(end..)?;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GEOGRAPHIC: &str = r#"GEOGCS["WGS 84",DATUM["WGS_1984",SPHEROID["WGS 84",6378137,298.257223563,AUTHORITY["EPSG","7030"]],AUTHORITY["EPSG","6326"]],PRIMEM["Greenwich",0,AUTHORITY["EPSG","8901"]],UNIT["degree",0.0174532925199433,AUTHORITY["EPSG","9122"]],AUTHORITY["EPSG","4326"]]"#;

    #[test]
    fn the_code_is_that_of_the_outermost_element() {
        assert_eq!(Element::parse(GEOGRAPHIC).unwrap().epsg(), Some(4326));
        let projected =
            format!(r#"PROJCS["mine",{GEOGRAPHIC},PROJECTION["Transverse_Mercator"],UNIT["metre",1]]"#);
        assert_eq!(Element::parse(&projected).unwrap().epsg(), None);
        let new =
            r#"PROJCRS["WGS 84 / UTM zone 33N",BASEGEOGCRS["WGS 84",ID["EPSG",4326]],ID["EPSG",32633]]"#;
        assert_eq!(Element::parse(new).unwrap().epsg(), Some(32633));
        let compound = format!(
            r#"COMPD_CS["both",{GEOGRAPHIC},VERT_CS["heights",AUTHORITY["EPSG","5773"]],AUTHORITY["EPSG","9707"]]"#
        );
        assert_eq!(Element::parse(&compound).unwrap().epsg(), Some(4326));
    }

    #[test]
    fn damaged_text_is_nothing() {
        for text in ["", "[", "]", "PROJCS", "PROJCS[", "PROJCS[\"", "A[B[C[", "é[\"é", &"A[".repeat(100_000)]
        {
            assert!(Element::parse(text).is_none(), "{}", text.chars().take(20).collect::<String>());
        }
    }
}

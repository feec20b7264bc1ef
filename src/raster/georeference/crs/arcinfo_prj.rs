//! The old `.prj` of `ArcInfo`, from before well-known text: a keyword and a value on each line.

use super::Crs;
use super::error::CrsError;

/// Reads such a text; `None` for anything else.
pub fn parse(text: &str) -> Option<Crs> {
    let pairs: Vec<(String, String)> = text
        .lines()
        .filter_map(|line| line.trim().split_once(char::is_whitespace))
        .map(|(word, value)| (word.to_ascii_uppercase(), value.trim().to_ascii_uppercase()))
        .collect();
    let value = |word: &str| pairs.iter().find(|(key, _)| key == word).map(|(_, value)| value.as_str());
    let projection = value("PROJECTION")?;
    let name = Some(format!("{projection} (ArcInfo)"));
    let unknown = |why: CrsError| Some(Crs::unknown(name.clone(), why));
    let datum = match value("DATUM").unwrap_or_default() {
        "WGS84" | "WGS_1984" | "WGS 84" => "WGS84",
        "NAD83" | "NAR" => "NAD83",
        "NAD27" | "NAS" => "NAD27",
        _ => return unknown(CrsError::ArcInfoDatum),
    };
    match (projection, value("UNITS").unwrap_or("METERS")) {
        ("GEOGRAPHIC", "DD") => {
            Some(Crs::of_definition(&format!("+proj=longlat +datum={datum} +type=crs"), name))
        }
        ("UTM", "METERS" | "METRES") => {
            let zone: i32 = value("ZONE").and_then(|zone| zone.parse().ok())?;
            let south = if zone < 0 || value("YSHIFT").is_some_and(|y| y.starts_with("10000000")) {
                " +south"
            } else {
                ""
            };
            let zone = zone.abs();
            Some(Crs::of_definition(&format!("+proj=utm +zone={zone}{south} +datum={datum} +type=crs"), name))
        }
        _ => unknown(CrsError::ArcInfoProjection),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_ones_are_understood() {
        let utm =
            "Projection    UTM\nZone          14\nDatum         NAD27\nUnits         METERS\nParameters\n";
        let crs = parse(utm).unwrap();
        assert_eq!((crs.is_understood(), crs.units().as_deref()), (true, Some("metres")));
        assert!(
            parse("PROJECTION GEOGRAPHIC\nDATUM WGS84\nUNITS DD\n")
                .unwrap()
                .unit()
                .is_some_and(|unit| unit.angular)
        );
        assert!(!parse("Projection ALBERS\nDatum NAD83\nUnits METERS\n").unwrap().is_understood());
        assert!(parse("hello").is_none());
    }
}

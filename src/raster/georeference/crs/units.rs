//! Units of coordinates, by EPSG code and in PROJJSON.

use serde_json::{Value, json};

/// A unit of lengths or angles.
#[derive(Clone, Debug, PartialEq)]
pub struct Unit {
    pub name: String,
    /// In metres, or in radians.
    pub size: f64,
    pub angular: bool,
}

/// Sexagesimal degrees: 2.2014025 is 2 degrees, 20 minutes, 14.025 seconds. They count as degrees once they
/// were read.
pub const SEXAGESIMAL: u16 = 9110;

/// Code, name and metres, from the EPSG data set.
const LENGTHS: [(u16, &str, f64); 54] = [
    (1025, "millimetre", 0.001),
    (1033, "centimetre", 0.01),
    (9001, "metre", 1.0),
    (9002, "foot", 0.3048),
    (9003, "US survey foot", 1200.0 / 3937.0),
    (9005, "Clarke's foot", 0.304_797_265_4),
    (9014, "fathom", 1.8288),
    (9030, "nautical mile", 1852.0),
    (9031, "German legal metre", 1.000_013_596_5),
    (9033, "US survey chain", 79200.0 / 3937.0),
    (9034, "US survey link", 792.0 / 3937.0),
    (9035, "US survey mile", 6_336_000.0 / 3937.0),
    (9036, "kilometre", 1000.0),
    (9037, "Clarke's yard", 0.914_391_796_2),
    (9038, "Clarke's chain", 20.116_619_516_4),
    (9039, "Clarke's link", 0.201_166_195_164),
    (9040, "British yard (Sears 1922)", 0.914_398_414_616_029),
    (9041, "British foot (Sears 1922)", 0.304_799_471_538_676),
    (9042, "British chain (Sears 1922)", 20.116_765_121_552_6),
    (9043, "British link (Sears 1922)", 0.201_167_651_215_526),
    (9050, "British yard (Benoit 1895 A)", 0.914_399_2),
    (9051, "British foot (Benoit 1895 A)", 0.304_799_733_333_333),
    (9052, "British chain (Benoit 1895 A)", 20.116_782_4),
    (9053, "British link (Benoit 1895 A)", 0.201_167_824),
    (9060, "British yard (Benoit 1895 B)", 0.914_399_204_289_812),
    (9061, "British foot (Benoit 1895 B)", 0.304_799_734_763_271),
    (9062, "British chain (Benoit 1895 B)", 20.116_782_494_375_9),
    (9063, "British link (Benoit 1895 B)", 0.201_167_824_943_759),
    (9070, "British foot (1865)", 0.304_800_833_333_333),
    (9080, "Indian foot", 0.304_799_510_248_147),
    (9081, "Indian foot (1937)", 0.304_798_41),
    (9082, "Indian foot (1962)", 0.304_799_6),
    (9083, "Indian foot (1975)", 0.304_799_5),
    (9084, "Indian yard", 0.914_398_530_744_441),
    (9085, "Indian yard (1937)", 0.914_395_23),
    (9086, "Indian yard (1962)", 0.914_398_8),
    (9087, "Indian yard (1975)", 0.914_398_5),
    (9093, "Statute mile", 1609.344),
    (9094, "Gold Coast foot", 0.304_799_710_181_509),
    (9095, "British foot (1936)", 0.304_800_749_1),
    (9096, "yard", 0.9144),
    (9097, "chain", 20.1168),
    (9098, "link", 0.201_168),
    (9099, "British yard (Sears 1922 truncated)", 0.914_398),
    (9204, "Bin width 330 US survey feet", 330.0 * 1200.0 / 3937.0),
    (9205, "Bin width 165 US survey feet", 165.0 * 1200.0 / 3937.0),
    (9206, "Bin width 82.5 US survey feet", 82.5 * 1200.0 / 3937.0),
    (9207, "Bin width 37.5 metres", 37.5),
    (9208, "Bin width 25 metres", 25.0),
    (9209, "Bin width 12.5 metres", 12.5),
    (9210, "Bin width 6.25 metres", 6.25),
    (9211, "Bin width 3.125 metres", 3.125),
    (9300, "British foot (Sears 1922 truncated)", 0.304_799_333_333_333),
    (9301, "British chain (Sears 1922 truncated)", 20.116_756),
];

/// Code, name and how many make a full turn.
const ANGLES: [(u16, &str, f64); 12] = [
    (1031, "milliarc-second", 1_296_000_000.0),
    (9101, "radian", std::f64::consts::TAU),
    (9102, "degree", 360.0),
    (9103, "arc-minute", 21_600.0),
    (9104, "arc-second", 1_296_000.0),
    (9105, "grad", 400.0),
    (9106, "gon", 400.0),
    (9109, "microradian", std::f64::consts::TAU * 1e6),
    (9112, "centesimal minute", 40_000.0),
    (9113, "centesimal second", 4_000_000.0),
    (9114, "mil_6400", 6400.0),
    (9122, "degree", 360.0),
];

impl Unit {
    pub fn metre() -> Self {
        Self { name: "metre".to_owned(), size: 1.0, angular: false }
    }

    pub fn degree() -> Self {
        Self { name: "degree".to_owned(), size: 1.0_f64.to_radians(), angular: true }
    }

    /// Of lengths, by its EPSG code.
    pub fn length(code: u16) -> Option<Self> {
        let (_, name, size) = LENGTHS.iter().find(|(known, ..)| *known == code)?;
        Some(Self { name: (*name).to_owned(), size: *size, angular: false })
    }

    /// Of angles, by its EPSG code. Notations of degrees count as degrees.
    pub fn angle(code: u16) -> Option<Self> {
        if code == SEXAGESIMAL || (9107..=9108).contains(&code) || (9115..=9121).contains(&code) {
            return Some(Self::degree());
        }
        let (_, name, turn) = ANGLES.iter().find(|(known, ..)| *known == code)?;
        Some(Self { name: (*name).to_owned(), size: std::f64::consts::TAU / turn, angular: true })
    }

    /// A unit that a file defines by its size alone.
    pub fn of_size(size: f64, angular: bool) -> Option<Self> {
        (size.is_finite() && size > 0.0).then(|| Self { name: "unknown".to_owned(), size, angular })
    }

    pub fn is(&self, other: &Self) -> bool {
        self.angular == other.angular && (self.size / other.size - 1.0).abs() < 1e-9
    }

    pub fn to_json(&self) -> Value {
        let kind = if self.angular { "AngularUnit" } else { "LinearUnit" };
        json!({"type": kind, "name": self.name, "conversion_factor": self.size})
    }

    /// Of an axis or a parameter in PROJJSON.
    pub fn from_json(unit: &Value) -> Option<Self> {
        match unit.as_str() {
            Some("metre") => return Some(Self::metre()),
            Some("degree") => return Some(Self::degree()),
            _ => {}
        }
        let angular = match unit.get("type")?.as_str()? {
            "AngularUnit" => true,
            "LinearUnit" => false,
            _ => return None,
        };
        let size = unit.get("conversion_factor")?.as_f64()?;
        Some(Self { name: unit.get("name")?.as_str()?.to_owned(), ..Self::of_size(size, angular)? })
    }

    /// The plural, for the user.
    pub fn plural(&self) -> Option<String> {
        let known = if self.angular {
            [("degrees", 360.0), ("grads", 400.0), ("radians", std::f64::consts::TAU)]
                .into_iter()
                .find(|(_, turn)| (self.size * turn / std::f64::consts::TAU - 1.0).abs() < 1e-9)
        } else {
            let known = [
                ("metres", 1.0),
                ("kilometres", 1000.0),
                ("feet", 0.3048),
                ("US survey feet", 1200.0 / 3937.0),
                ("links", 0.201_168),
            ];
            known.into_iter().find(|(_, metres)| (self.size / metres - 1.0).abs() < 1e-9)
        };
        match known {
            Some((name, _)) => Some(name.to_owned()),
            None => (self.name != "unknown").then(|| self.name.clone()),
        }
    }
}

/// Degrees of a number that stands for degrees, minutes and seconds ([`SEXAGESIMAL`]).
pub fn from_sexagesimal(value: f64) -> f64 {
    let size = value.abs();
    let degrees = size.trunc();
    // What is left of 0.2 in binary must not lose a minute.
    let minutes = ((size - degrees) * 100.0 + 1e-9).trunc();
    let seconds = (((size - degrees) * 100.0 - minutes) * 100.0).max(0.0);
    (degrees + minutes / 60.0 + seconds / 3600.0).copysign(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_have_names() {
        let plural = |unit: Option<Unit>| unit.unwrap().plural().unwrap();
        assert_eq!(plural(Unit::length(9001)), "metres");
        assert_eq!(plural(Unit::length(9003)), "US survey feet");
        assert_eq!(plural(Unit::length(9097)), "chain");
        assert_eq!(plural(Unit::angle(9122)), "degrees");
        assert_eq!(plural(Unit::angle(9105)), "grads");
        assert_eq!(Unit::length(9102), None);
        assert_eq!(Unit::of_size(0.0, true), None);
    }

    #[test]
    fn there_and_back_through_json() {
        for unit in [Unit::length(9005), Unit::angle(9105), Some(Unit::metre())] {
            let unit = unit.unwrap();
            assert_eq!(Unit::from_json(&unit.to_json()), Some(unit));
        }
        assert_eq!(Unit::from_json(&json!("degree")), Some(Unit::degree()));
        assert_eq!(Unit::from_json(&json!("unity")), None);
    }

    #[test]
    fn minutes_and_seconds() {
        // The meridian of Paris.
        assert!((from_sexagesimal(2.201_402_5) - 2.337_229_166_7).abs() < 1e-9);
        assert!((from_sexagesimal(-17.4) + 17.666_666_666_7).abs() < 1e-9);
    }
}

//! UTM: "54S 386000 3950000", and UPS around the poles: "Z 2100000 1900000".
//!
//! The letter after the zone is that of a band of latitude, or N or S for the hemisphere. S is both; what it
//! means is told by the northing, and said.

use super::zones::{Grid, band, latitudes};
use super::{PlaceError, ReadPlace, error, number};

const EXAMPLE: &str = "write UTM as 54S 386000 3950000: zone, band, metres to the east and to the north";
/// Metres by which a point may lie beyond its band all the same, since letters are chosen by rounded numbers.
const SLACK: f64 = 0.01;

/// Reads UTM; `None` for what doesn't look like it.
pub(super) fn read(text: &str) -> Option<Result<ReadPlace, PlaceError>> {
    let lower = text.to_lowercase().replace([',', ';'], " ");
    let rest = lower.trim_start_matches("utm").trim_start().trim_start_matches("zone").trim_start();
    let zone: String = rest.chars().take_while(char::is_ascii_digit).collect();
    let rest = rest.get(zone.len()..)?.trim_start();
    let letters: String = rest.chars().take_while(char::is_ascii_alphabetic).collect();
    let numbers = metres(rest.get(letters.len()..)?)?;
    let numbers = (numbers.len() == 2).then(|| (numbers[0], numbers[1]))?;
    if zone.is_empty() {
        let letter = letters.chars().next().filter(|c| "abyz".contains(*c) && letters.len() == 1)?;
        return Some(polar(letter, numbers));
    }
    let named = letters == "north" || letters == "south";
    if zone.len() > 2 || letters.is_empty() || letters.len() > 1 && !named {
        return None;
    }
    Some(zone.parse().map_or_else(|_| error(EXAMPLE), |zone| in_zone(zone, &letters, numbers)))
}

/// Writes UTM with the letter of the band, to a tenth of a metre; UPS around the poles.
pub(super) fn write(lon: f64, lat: f64) -> Option<String> {
    let grid = Grid::of(lon, lat);
    let (easting, northing) = grid.position(lon, lat)?;
    match grid {
        Grid::Utm { zone, .. } => Some(format!("{zone}{} {easting:.1} {northing:.1}", band(lat)?)),
        Grid::Ups { south } => Some(format!("{} {easting:.1} {northing:.1}", polar_letter(south, easting))),
    }
}

/// The letter of half the surroundings of a pole.
pub(super) fn polar_letter(south: bool, easting: f64) -> char {
    match (south, easting < 2e6) {
        (true, true) => 'A',
        (true, false) => 'B',
        (false, true) => 'Y',
        (false, false) => 'Z',
    }
}

/// The numbers of a text that may have E, N and m beside them.
fn metres(text: &str) -> Option<Vec<f64>> {
    let bare = |word: &str| {
        word.trim_start_matches(['e', 'n', ':', '='])
            .trim_end_matches(['m', 'e', 'n', ':', '='])
            .trim_end_matches('m')
            .to_owned()
    };
    let words = text.split_whitespace().map(bare).filter(|word| !word.is_empty());
    words.map(|word| number(&word)).collect()
}

fn polar(letter: char, (easting, northing): (f64, f64)) -> Result<ReadPlace, PlaceError> {
    let south = "ab".contains(letter);
    match (Grid::Ups { south }).lon_lat(easting, northing) {
        Some((lon, lat)) if lat.abs() > 70.0 => {
            let pole = if south { "south" } else { "north" };
            Ok(ReadPlace::globe(lon, lat, format!("UPS, around the {pole} pole")))
        }
        _ => error("UPS lies around the poles; near one the numbers are near 2000000 2000000"),
    }
}

fn in_zone(zone: u32, letters: &str, (easting, northing): (f64, f64)) -> Result<ReadPlace, PlaceError> {
    if !(1..=60).contains(&zone) {
        return error(format!("UTM has the zones 1 to 60, and {zone} is none; {EXAMPLE}"));
    }
    if !(100_000.0..=999_999.0).contains(&easting) || !(0.0..=10_000_000.0).contains(&northing) {
        return error(format!(
            "In zone {zone} {easting} {northing} lies nowhere: to the east it goes from 100000 to 999999, to the north \
             from 0 to 10000000"
        ));
    }
    let at = |south: bool| {
        let found = (Grid::Utm { zone, south }).lon_lat(easting, northing);
        found.filter(|(_, lat)| (*lat < 0.0) == south || lat.abs() < 1.0)
    };
    let hemisphere = |south: bool| {
        let name = if south { "southern" } else { "northern" };
        match at(south) {
            Some((lon, lat)) => Ok(ReadPlace::globe(lon, lat, format!("UTM zone {zone}, {name} hemisphere"))),
            None => error(format!("Northing {northing} lies beyond the {name} hemisphere; {EXAMPLE}")),
        }
    };
    let letter = letters.to_uppercase().chars().next().unwrap_or_default();
    if letters.len() > 1 {
        return hemisphere(letter == 'S');
    }
    let Some((from, to)) = latitudes(letter) else {
        return error(format!("{letter} is no band of UTM: these are C to X without I and O; {EXAMPLE}"));
    };
    let slack = SLACK / 111_000.0;
    let in_band = at(letter < 'N').filter(|(_, lat)| (from - slack..=to + slack).contains(lat));
    match (in_band, letter) {
        (Some((lon, lat)), _) => {
            let mut read = ReadPlace::globe(lon, lat, format!("UTM zone {zone}, band {letter}"));
            read.remark = (letter == 'S').then(|| {
                format!("S is read as the band from 32 to 40 degrees north; for the southern hemisphere write {zone} south")
            });
            Ok(read)
        }
        (None, 'N' | 'S') => hemisphere(letter == 'S'),
        (None, _) => error(format!(
            "Band {letter} goes from {from:.0} to {to:.0} degrees of latitude, and northing {northing} lies beyond; for a \
             hemisphere write {zone} north or {zone} south"
        )),
    }
}

//! The Military Grid Reference System: "54SUE8869449153", from squares of 100 km to 1 m.
//!
//! After NGA.STND.0037 (2014), as are the letters of squares; those of older ellipsoids have others, and
//! aren't read.

use super::utm::polar_letter;
use super::zones::{Grid, band, latitudes};
use super::{PlaceError, ReadPlace, error};

const SQUARE: f64 = 100_000.0;
/// The letters of rows repeat after these metres.
const CYCLE: f64 = 2_000_000.0;
/// Letters of columns by the zone's number modulo 3, of rows, and of both around the poles.
const COLUMNS: [&str; 3] = ["STUVWXYZ", "ABCDEFGH", "JKLMNPQR"];
const ROWS: &str = "ABCDEFGHJKLMNPQRSTUV";
const POLAR_WEST: &str = "JKLPQRSTUXYZ";
const POLAR_EAST: &str = "ABCFGHJKLPQR";
const POLAR_ROWS: &str = "ABCDEFGHJKLMNPQRSTUVWXYZ";
/// Where the rows around each pole begin, and the columns of each half.
const POLAR_ROW: [f64; 2] = [1_300_000.0, 800_000.0];
const POLAR_COLUMN: [f64; 2] = [800_000.0, 2_000_000.0];

/// Reads MGRS; `None` for what doesn't look like it.
pub(super) fn read(text: &str) -> Option<Result<ReadPlace, PlaceError>> {
    let text: String = text.to_uppercase().chars().filter(|c| !c.is_whitespace()).collect();
    let text = text.strip_prefix("MGRS").unwrap_or(&text).trim_start_matches(':');
    let zone: String = text.chars().take_while(char::is_ascii_digit).collect();
    let rest = text.get(zone.len()..)?;
    let letters: Vec<char> = rest.chars().take_while(char::is_ascii_alphabetic).collect();
    let digits = rest.get(letters.len()..)?;
    let &[band, column, row] = letters.as_slice() else { return None };
    if zone.len() > 2 || !digits.chars().all(|c| c.is_ascii_digit()) {
        return None;
    }
    if zone.is_empty() && !"ABYZ".contains(band) {
        return None;
    }
    Some(digits_of(digits).and_then(|(east, north, side)| {
        let zone = if zone.is_empty() { None } else { zone.parse().ok() };
        let corner = match zone {
            Some(zone) => square(zone, (band, column, row))?,
            None => polar_square((band, column, row))?,
        };
        let (grid, x, y) = corner;
        let middle = (x + east + side / 2.0, y + north + side / 2.0);
        let Some((lon, lat)) = grid.lon_lat(middle.0, middle.1) else {
            return error("This square of MGRS lies nowhere on the earth");
        };
        if let Some((from, to)) = latitudes(band) {
            // A square may reach beyond its band.
            let slack = side / 111_000.0 + 1e-6;
            if !(from - slack..=to + slack).contains(&lat) {
                return error(format!(
                    "Zone and band have no square {column}{row}; look at the letters again"
                ));
            }
        }
        Ok(ReadPlace::globe(lon, lat, format!("MGRS, {}", size(side))))
    }))
}

/// Writes MGRS to one metre, without spaces.
pub(super) fn write(lon: f64, lat: f64) -> Option<String> {
    let grid = Grid::of(lon, lat);
    let (easting, northing) = grid.position(lon, lat)?;
    // A place on a line of the grid mustn't fall short of it by a rounding error.
    let (easting, northing) = ((easting + 1e-6).floor(), (northing + 1e-6).floor());
    let nth =
        |letters: &str, from: f64, at: f64| letters.chars().nth(((at - from) / SQUARE).floor() as usize);
    let (start, column, row) = match grid {
        Grid::Utm { zone, .. } => {
            let column = nth(columns(zone), SQUARE, easting)?;
            let shifted = northing + f64::from((zone + 1) % 2) * 5.0 * SQUARE;
            (format!("{zone}{}", band(lat)?), column, nth(ROWS, 0.0, shifted.rem_euclid(CYCLE))?)
        }
        Grid::Ups { south } => {
            let east = usize::from(easting >= 2e6);
            let columns = [POLAR_WEST, POLAR_EAST][east];
            let column = nth(columns, POLAR_COLUMN[east], easting)?;
            let row = nth(POLAR_ROWS, POLAR_ROW[usize::from(south)], northing)?;
            (polar_letter(south, easting).to_string(), column, row)
        }
    };
    Some(format!("{start}{column}{row}{:05.0}{:05.0}", easting % SQUARE, northing % SQUARE))
}

fn columns(zone: u32) -> &'static str {
    COLUMNS[zone as usize % 3]
}

/// Metres within the square of 100 km, and the side of the square that the digits name.
fn digits_of(digits: &str) -> Result<(f64, f64, f64), PlaceError> {
    let half = digits.len() / 2;
    if !digits.len().is_multiple_of(2) || half > 5 {
        return error(
            "MGRS has as many digits to the east as to the north, up to five each: 54SUE 88694 49153",
        );
    }
    let side = 10_f64.powi(5 - half as i32);
    let part = |digits: &str| digits.parse::<f64>().unwrap_or_default() * side;
    let (east, north) = digits.split_at(half);
    Ok((part(east), part(north), side))
}

/// The south-west corner of a square of 100 km.
fn square(zone: u32, (band, column, row): (char, char, char)) -> Result<(Grid, f64, f64), PlaceError> {
    if !(1..=60).contains(&zone) {
        return error(format!("MGRS has the zones 1 to 60, and {zone} is none"));
    }
    let Some((from, to)) = latitudes(band) else {
        return error(format!("{band} is no band of MGRS: these are C to X without I and O"));
    };
    if band == 'X' && matches!(zone, 32 | 34 | 36) {
        return error(format!("Around Svalbard there is no zone {zone}; its neighbours are wider there"));
    }
    let Some(easting) = columns(zone).find(column) else {
        return error(format!("Zone {zone} has no column {column}: these are {}", columns(zone)));
    };
    let Some(northing) = ROWS.find(row) else {
        return error(format!("{row} is no row of MGRS: these are A to V without I and O"));
    };
    let grid = Grid::Utm { zone, south: band < 'N' };
    let shift = f64::from((zone + 1) % 2) * 5.0;
    let (easting, northing) = ((easting as f64 + 1.0) * SQUARE, (northing as f64 - shift) * SQUARE);
    // Of all rows with this letter the one whose middle lies nearest to that of the band.
    let central = f64::from(zone) * 6.0 - 183.0;
    let Some((_, middle)) = grid.position(central, f64::midpoint(from, to)) else {
        return error("This square of MGRS lies nowhere on the earth");
    };
    let northing = northing + ((middle - northing - SQUARE / 2.0) / CYCLE).round() * CYCLE;
    Ok((grid, easting, northing))
}

/// The corner of a square around a pole.
fn polar_square((band, column, row): (char, char, char)) -> Result<(Grid, f64, f64), PlaceError> {
    let (south, east) = ("AB".contains(band), usize::from("BZ".contains(band)));
    let x = [POLAR_WEST, POLAR_EAST][east].find(column);
    let y = POLAR_ROWS.find(row);
    match (x, y) {
        (Some(x), Some(y)) => {
            let along = |index: usize, start: f64| start + index as f64 * SQUARE;
            Ok((Grid::Ups { south }, along(x, POLAR_COLUMN[east]), along(y, POLAR_ROW[usize::from(south)])))
        }
        _ => error(format!("Around the pole {band} has no square {column}{row}; look at the letters again")),
    }
}

fn size(side: f64) -> String {
    if side >= 1000.0 { format!("square of {} km", side / 1000.0) } else { format!("square of {side} m") }
}

//! Plus codes (Open Location Code): "8Q7XMQJC+XX", squares of the globe in two digits a step.

use super::{PlaceError, ReadPlace, error};

const DIGITS: &str = "23456789CFGHJMPQRVWX";
/// Digits before the plus sign.
const BEFORE: usize = 8;
/// Digits in pairs; each one beyond divides a cell into four columns and five rows.
const PAIRS: usize = 10;
const MOST: usize = 15;
/// Cells of ten digits per degree.
const PER_DEGREE: f64 = 8000.0;

/// Reads a full code; `None` for what doesn't look like one.
pub(super) fn read(text: &str) -> Option<Result<ReadPlace, PlaceError>> {
    let (code, rest) = text.split_once([' ', ',']).unwrap_or((text, ""));
    let code = code.to_uppercase();
    let (before, after) = code.split_once('+')?;
    let known = |part: &str| part.chars().all(|c| DIGITS.contains(c) || c == '0');
    if !known(before) || !known(after) || before.is_empty() {
        return None;
    }
    if before.len() < BEFORE && after.len() >= 2 && code.chars().any(|c| c.is_ascii_alphabetic()) {
        return Some(error(
            "A short Plus code means another place around every town; write the full one, such as 8Q7XMQJC+XX",
        ));
    }
    if before.len() != BEFORE || !rest.trim().is_empty() {
        return None;
    }
    let digits: String = format!("{}{after}", before.trim_end_matches('0'));
    let broken = digits.contains('0')
        || digits.len() < PAIRS && !digits.len().is_multiple_of(2)
        || digits.is_empty()
        || digits.len() > MOST
        || digits.len() < BEFORE && !after.is_empty();
    if broken {
        return Some(error("This is no whole Plus code; write it as 8Q7XMQJC+XX"));
    }
    Some(decode(&digits))
}

fn decode(digits: &str) -> Result<ReadPlace, PlaceError> {
    let value = |c: char| DIGITS.find(c).unwrap_or_default() as f64;
    let (mut lat, mut lon) = (-90.0, -180.0);
    let (mut height, mut width) = (400.0, 400.0);
    for (index, c) in digits.chars().enumerate() {
        if index < PAIRS {
            if index % 2 == 0 {
                height /= 20.0;
                lat += value(c) * height;
            } else {
                width /= 20.0;
                lon += value(c) * width;
            }
        } else {
            (height, width) = (height / 5.0, width / 4.0);
            lat += (value(c) / 4.0).floor() * height;
            lon += value(c) % 4.0 * width;
        }
    }
    let (lat, lon) = (lat + height / 2.0, lon + width / 2.0);
    if lat > 90.0 || lon > 180.0 {
        return error("This Plus code lies beyond the globe; look at its first digits again");
    }
    Ok(ReadPlace::globe(lon, lat, "Plus code"))
}

/// Writes the code of ten digits, a cell of some 14 m.
pub(super) fn write(lon: f64, lat: f64) -> String {
    let digit = |index: u64| DIGITS.chars().nth((index % 20) as usize).unwrap_or_default();
    let cell = |degrees: f64| (degrees * PER_DEGREE + 1e-6).floor().max(0.0) as u64;
    // The pole belongs to the last row, and 180 degrees east is the same as west.
    let row = cell(lat + 90.0).min(180 * PER_DEGREE as u64 - 1);
    let column = cell((lon + 180.0).rem_euclid(360.0)) % (360 * PER_DEGREE as u64);
    let mut code = String::new();
    for step in (0..5).rev() {
        let part = 20_u64.pow(step);
        code.push(digit(row / part));
        code.push(digit(column / part));
        if step == 1 {
            code.push('+');
        }
    }
    code
}

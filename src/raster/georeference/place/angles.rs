//! Latitude and longitude in degrees, with minutes and seconds or without.
//!
//! Marks, letters before or after, signs and words are all taken; a comma between two digits is tried as a
//! decimal comma and as one that separates, and counts where only one of these gives a place.

use super::{PlaceError, ReadPlace, checked, error};

const FORMS: [&str; 3] = ["Decimal degrees", "Degrees and minutes", "Degrees, minutes, seconds"];
const ONE_NUMBER: &str =
    "One angle is only half a place; write latitude and longitude, such as 35.68, 139.77";
const NOT_UNDERSTOOD: &str = "This is no place in a known form; write it as 35.68, 139.77, 35°40'48\"N 139°46'12\"E, \
                              54SUE8869449153 or px 1200 800";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Axis {
    Lat,
    Lon,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Token {
    /// The value, and whether a sign stands before it.
    Number(f64, bool),
    /// That of degrees (0), minutes (1), seconds (2).
    Mark(usize),
    Colon,
    /// N, S, E, W: the axis and the sign.
    Hemisphere(Axis, f64),
    /// "lat", "longitude"…
    Label(Axis),
    Break,
}

/// One of the two angles, as it was written.
#[derive(Clone, Debug, Default)]
struct Angle {
    /// Degrees, minutes, seconds, with the mark behind each.
    numbers: Vec<(f64, Option<usize>)>,
    negative: bool,
    hemisphere: Option<(Axis, f64)>,
    label: Option<Axis>,
    /// The next number belongs to the other one.
    closed: bool,
}

/// Reads latitude and longitude.
pub(super) fn read(text: &str) -> Result<ReadPlace, PlaceError> {
    let text = plain(text);
    let letters: Vec<char> = text.chars().collect();
    let between_digits = |mark: char| {
        letters
            .windows(3)
            .any(|three| matches!(three, [a, b, c] if *b == mark && a.is_ascii_digit() && c.is_ascii_digit()))
    };
    if between_digits('.') || !between_digits(',') {
        return place(&tokens(&letters, false)?);
    }
    let separate = tokens(&letters, false).and_then(|tokens| place(&tokens));
    let decimal = tokens(&letters, true).and_then(|tokens| place(&tokens));
    match (separate, decimal) {
        (Ok(one), Ok(other)) if one.place != other.place => {
            error("The commas could be decimal or separate the numbers; write 35.68, 139.77")
        }
        (Ok(read), _) | (Err(_), Ok(read)) => Ok(read),
        (Err(why), Err(_)) => Err(why),
    }
}

/// Writes latitude and longitude in as many parts: 1 for degrees, 2 with minutes, 3 with seconds.
pub(super) fn write(lon: f64, lat: f64, parts: u8) -> String {
    let one = |value: f64, letters: [char; 2]| {
        let letter = letters[usize::from(value < 0.0)];
        let value = value.abs();
        match parts {
            1 => format!("{value:.6}° {letter}"),
            2 => {
                let minutes = (value * 60.0 * 1e4).round() / 1e4;
                format!("{:.0}°{:07.4}' {letter}", (minutes / 60.0).floor(), minutes % 60.0)
            }
            _ => {
                let seconds = (value * 3600.0 * 1e2).round() / 1e2;
                let minutes = (seconds / 60.0).floor();
                let (degrees, seconds) = ((minutes / 60.0).floor(), seconds - minutes * 60.0);
                format!("{degrees:.0}°{:02.0}'{seconds:05.2}\" {letter}", minutes % 60.0)
            }
        }
    };
    format!("{}, {}", one(lat, ['N', 'S']), one(lon, ['E', 'W']))
}

/// The same with one kind of each mark.
fn plain(text: &str) -> String {
    let text = text.replace("''", "\"");
    text.chars()
        .map(|c| match c {
            '−' | '–' | '‒' => '-',
            '′' | '’' | '‘' | '´' | '`' | 'ʹ' => '\'',
            '″' | '”' | '“' | 'ʺ' | '„' => '"',
            'º' | '˚' | '∘' => '°',
            '，' | '、' => ',',
            '；' => ';',
            '：' => ':',
            c if c.is_whitespace() => ' ',
            c => c,
        })
        .collect()
}

fn tokens(letters: &[char], decimal_commas: bool) -> Result<Vec<Token>, PlaceError> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(&c) = letters.get(at) {
        let digit = |at: usize| letters.get(at).is_some_and(char::is_ascii_digit);
        let signed = matches!(c, '+' | '-');
        if c.is_ascii_digit() || (c == '.' || signed) && (digit(at + 1) || letters.get(at + 1) == Some(&'.'))
        {
            let begin = at;
            at += usize::from(signed);
            let mut point = false;
            while let Some(&c) = letters.get(at) {
                let is_point = !point && (c == '.' || decimal_commas && c == ',') && digit(at + 1);
                if !c.is_ascii_digit() && !is_point {
                    break;
                }
                point |= is_point;
                at += 1;
            }
            // "1.2.3" and "1,2,3" are no numbers.
            let more = matches!(letters.get(at), Some('.' | ',')) && digit(at + 1);
            if more && (letters.get(at) == Some(&'.') || decimal_commas) {
                return error(NOT_UNDERSTOOD);
            }
            let number: String = letters.get(begin..at).unwrap_or_default().iter().collect();
            let value =
                number.replace(',', ".").parse().map_err(|_| PlaceError(NOT_UNDERSTOOD.to_owned()))?;
            tokens.push(Token::Number(value, signed));
            continue;
        }
        if c.is_alphabetic() {
            let word: String = letters.iter().skip(at).take_while(|c| c.is_alphabetic()).collect();
            at += word.chars().count();
            push_word(&word, &mut tokens)?;
            continue;
        }
        at += 1;
        match c {
            ' ' | '.' | '=' | '(' | ')' | '[' | ']' => {}
            '°' => tokens.push(Token::Mark(0)),
            '\'' => tokens.push(Token::Mark(1)),
            '"' => tokens.push(Token::Mark(2)),
            ':' if matches!(tokens.last(), Some(Token::Label(_))) => {}
            ':' => tokens.push(Token::Colon),
            ',' | ';' | '/' | '|' | '~' => tokens.push(Token::Break),
            _ => return error(NOT_UNDERSTOOD),
        }
    }
    Ok(tokens)
}

/// A word: one of a few, or letters for marks and directions in a row ("sN").
fn push_word(word: &str, tokens: &mut Vec<Token>) -> Result<(), PlaceError> {
    let known = match word.to_lowercase().as_str() {
        "lat" | "latitude" => Some(Token::Label(Axis::Lat)),
        "lon" | "long" | "lng" | "longitude" => Some(Token::Label(Axis::Lon)),
        "north" => Some(Token::Hemisphere(Axis::Lat, 1.0)),
        "south" => Some(Token::Hemisphere(Axis::Lat, -1.0)),
        "east" => Some(Token::Hemisphere(Axis::Lon, 1.0)),
        "west" => Some(Token::Hemisphere(Axis::Lon, -1.0)),
        "deg" | "degrees" => Some(Token::Mark(0)),
        "min" | "minutes" => Some(Token::Mark(1)),
        "sec" | "seconds" => Some(Token::Mark(2)),
        _ => None,
    };
    if let Some(token) = known {
        tokens.push(token);
        return Ok(());
    }
    for letter in word.to_lowercase().chars() {
        // After "m" for minutes, "s" stands for seconds.
        let before: Vec<Token> = tokens.iter().rev().take(2).copied().collect();
        let after_minutes = matches!(before.as_slice(), [Token::Number(..), Token::Mark(1)]);
        let by_letter = after_minutes && letters_for_marks(tokens);
        tokens.push(match letter {
            'd' => Token::Mark(0),
            'm' => Token::Mark(1),
            's' if by_letter => Token::Mark(2),
            'n' => Token::Hemisphere(Axis::Lat, 1.0),
            's' => Token::Hemisphere(Axis::Lat, -1.0),
            'e' => Token::Hemisphere(Axis::Lon, 1.0),
            'w' => Token::Hemisphere(Axis::Lon, -1.0),
            _ => return error(NOT_UNDERSTOOD),
        });
    }
    Ok(())
}

/// Whether seconds may be meant by a letter: those of this angle aren't marked yet.
fn letters_for_marks(tokens: &[Token]) -> bool {
    let begin = tokens.iter().rposition(|token| *token == Token::Mark(0)).unwrap_or(0);
    !tokens.iter().skip(begin).any(|token| *token == Token::Mark(2))
}

fn place(tokens: &[Token]) -> Result<ReadPlace, PlaceError> {
    let mut angles = group(tokens)?;
    if let [one] = angles.as_slice()
        && one.hemisphere.is_none()
        && one.label.is_none()
        && matches!(one.numbers.len(), 2 | 4 | 6)
        && one.numbers.iter().all(|(_, mark)| mark.is_none())
    {
        let half = one.numbers.len() / 2;
        let (first, second) = one.numbers.split_at(half);
        let with = |numbers: &[(f64, Option<usize>)]| Angle { numbers: numbers.to_vec(), ..Angle::default() };
        angles = vec![Angle { negative: one.negative, ..with(first) }, with(second)];
    }
    let [first, second] = angles.as_slice() else {
        return error(if angles.len() == 1 { ONE_NUMBER } else { NOT_UNDERSTOOD });
    };
    let form = FORMS[first.numbers.len().max(second.numbers.len()).clamp(1, 3) - 1];
    match (first.axis(), second.axis()) {
        (Some(Axis::Lat), Some(Axis::Lat)) => error("Both angles are latitudes; one needs E or W"),
        (Some(Axis::Lon), Some(Axis::Lon)) => error("Both angles are longitudes; one needs N or S"),
        (Some(Axis::Lon), _) | (_, Some(Axis::Lat)) => checked(first.degrees()?, second.degrees()?, form),
        _ => checked(second.degrees()?, first.degrees()?, form),
    }
}

/// The angles that tokens make up.
fn group(tokens: &[Token]) -> Result<Vec<Angle>, PlaceError> {
    let first = |wanted: fn(&Token) -> bool| tokens.iter().position(wanted).unwrap_or(usize::MAX);
    let number = first(|token| matches!(token, Token::Number(..)));
    let letters_before = first(|token| matches!(token, Token::Hemisphere(..))) < number;
    let labels_before = first(|token| matches!(token, Token::Label(_))) < number;
    let colons = tokens.contains(&Token::Colon);
    let mut angles = vec![Angle::default()];
    for (index, token) in tokens.iter().enumerate() {
        let Some(current) = angles.last_mut() else { continue };
        let begun = !current.numbers.is_empty();
        let next = match token {
            Token::Number(_, signed) => {
                let marked = tokens.get(index + 1) == Some(&Token::Mark(0));
                let joined = index > 0 && tokens.get(index - 1) == Some(&Token::Colon);
                begun && (current.closed || *signed || marked || colons && !joined)
            }
            Token::Hemisphere(..) => begun && letters_before,
            Token::Label(_) => begun && labels_before,
            Token::Break | Token::Mark(_) | Token::Colon => false,
        };
        if next {
            angles.push(Angle::default());
        }
        let Some(current) = angles.last_mut() else { continue };
        match *token {
            Token::Number(value, _) => {
                current.negative |= value.is_sign_negative();
                current.numbers.push((value.abs(), None));
            }
            Token::Mark(mark) => match current.numbers.last_mut() {
                Some((_, known @ None)) => *known = Some(mark),
                _ => return error(NOT_UNDERSTOOD),
            },
            Token::Hemisphere(axis, sign) => {
                if current.hemisphere.replace((axis, sign)).is_some() {
                    return error(NOT_UNDERSTOOD);
                }
                current.closed |= begun && !letters_before;
            }
            Token::Label(axis) => {
                current.label = Some(axis);
                current.closed |= begun && !labels_before;
            }
            Token::Break => current.closed |= begun,
            Token::Colon => {}
        }
    }
    angles.retain(|angle| !angle.numbers.is_empty());
    Ok(angles)
}

impl Angle {
    fn axis(&self) -> Option<Axis> {
        self.hemisphere.map(|(axis, _)| axis).or(self.label)
    }

    fn degrees(&self) -> Result<f64, PlaceError> {
        if self.numbers.len() > 3 {
            return error(NOT_UNDERSTOOD);
        }
        let mut degrees = 0.0;
        for (index, (value, mark)) in self.numbers.iter().enumerate() {
            if mark.is_some_and(|mark| mark != index) {
                return error("An angle is degrees, minutes and seconds in this order: 35°40'48\" N");
            }
            if index > 0 && *value >= 60.0 {
                let what = ["", "minutes", "seconds"][index];
                return error(format!("An angle has less than 60 {what}, and here are {value}"));
            }
            if index + 1 < self.numbers.len() && value.fract() != 0.0 {
                return error("Only the last part of an angle has a fraction: 35°40.8' N");
            }
            degrees += value / 60_f64.powi(index as i32);
        }
        let sign = match self.hemisphere {
            Some(_) if self.negative => {
                return error("A minus sign and a letter say the direction twice; leave one of them out");
            }
            Some((_, sign)) => sign,
            None if self.negative => -1.0,
            None => 1.0,
        };
        if self.hemisphere.is_some_and(|(axis, _)| axis == Axis::Lat) && degrees > 90.0 {
            return error(format!("Latitudes end at 90 degrees, and {degrees} is beyond"));
        }
        if self.hemisphere.is_some_and(|(axis, _)| axis == Axis::Lon) && degrees > 180.0 {
            return error(format!("East and west end at 180 degrees, and {degrees} is beyond"));
        }
        Ok(sign * degrees)
    }
}

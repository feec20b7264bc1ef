//! Links of web maps: the place that an address names, else the middle of the map that it shows.

use super::{PlaceError, ReadPlace, angles, checked, error, number};

/// Who writes such links, by a part of the address.
const SITES: [(&str, &str); 8] = [
    ("google.", "Google Maps link"),
    ("openstreetmap.", "OpenStreetMap link"),
    ("osm.org", "OpenStreetMap link"),
    ("bing.", "Bing Maps link"),
    ("apple.", "Apple Maps link"),
    ("yandex.", "Yandex Maps link"),
    ("opentopomap.", "OpenTopoMap link"),
    ("dataspace.copernicus.", "Copernicus Browser link"),
];
/// Parameters that name a place, and those that name the middle of a map.
const PLACES: [&str; 8] = ["q", "query", "destination", "daddr", "coordinate", "loc", "pt", "marker"];
const MIDDLES: [&str; 5] = ["ll", "cp", "center", "sll", "map"];

/// Reads a link; `None` for what is none.
pub(super) fn read(text: &str) -> Option<Result<ReadPlace, PlaceError>> {
    let lower = text.to_ascii_lowercase();
    if let Some(rest) = lower.strip_prefix("geo:") {
        return Some(geo_uri(rest));
    }
    let begins = ["www.", "maps.", "goo.gl/", "osm.org/", "openstreetmap.org/"];
    if !lower.contains("://") && !begins.iter().any(|begin| lower.starts_with(begin)) {
        return None;
    }
    // Letters are small from here on; numbers don't mind.
    let link = decoded(&lower);
    let host = link.split_once("://").map_or(link.as_str(), |(_, rest)| rest);
    let host = host.split(['/', '?', '#']).next().unwrap_or_default();
    let form =
        SITES.iter().find(|(part, _)| host.contains(part)).map_or("Link of a web map", |(_, form)| form);
    if host.contains("goo.gl") {
        return Some(error(
            "A short link says its place only to a browser; open it there and copy the long one",
        ));
    }
    let found = marked(&link)
        .or_else(|| by_names(&link, host, &PLACES))
        .or_else(|| two_parameters(&link))
        .or_else(|| in_path(&link))
        .or_else(|| after(&link, "/@", ','))
        .or_else(|| hash_map(&link))
        .or_else(|| by_names(&link, host, &MIDDLES));
    Some(match found {
        Some((lat, lon)) => checked(lon, lat, form),
        None => error("This link names no place; share a place or copy the address while the map shows it"),
    })
}

/// "geo:35.68,139.77;u=20", "geo:0,0?q=35.68,139.77(name)".
fn geo_uri(rest: &str) -> Result<ReadPlace, PlaceError> {
    let asked = rest.split_once("?q=").and_then(|(_, asked)| pair(asked, ','));
    match asked.or_else(|| pair(rest, ',')) {
        Some((lat, lon)) => checked(lon, lat, "Geo URI"),
        None => error("A geo URI is written as geo:35.68,139.77"),
    }
}

/// Two numbers at the beginning of a text.
fn pair(text: &str, between: char) -> Option<(f64, f64)> {
    let (first, rest) = text.split_once(between)?;
    let second: String =
        rest.trim_start().chars().take_while(|c| c.is_ascii_digit() || "+-.".contains(*c)).collect();
    Some((number(first.trim())?, number(&second)?))
}

/// Google's mark of the place itself: "!3d35.68!4d139.77", of several the last.
fn marked(link: &str) -> Option<(f64, f64)> {
    let (_, rest) = link.rsplit_once("!3d")?;
    let (lat, rest) = rest.split_once("!4d")?;
    let lon: String = rest.chars().take_while(|c| c.is_ascii_digit() || "-.".contains(*c)).collect();
    Some((number(lat)?, number(&lon)?))
}

fn parameters(link: &str) -> impl Iterator<Item = (&str, &str)> {
    link.split(['?', '&', '#', ';']).filter_map(|part| part.split_once('='))
}

fn by_names(link: &str, host: &str, names: &[&str]) -> Option<(f64, f64)> {
    let values = names.iter().flat_map(|name| parameters(link).filter(move |(known, _)| known == name));
    let mut pairs = values.filter_map(|(_, value)| {
        let value = value.trim_start_matches("loc:");
        pair(value, ',').or_else(|| pair(value, '~')).or_else(|| written(value))
    });
    // Yandex has longitudes first.
    let swap = |(a, b): (f64, f64)| if host.contains("yandex.") { (b, a) } else { (a, b) };
    pairs.next().map(swap)
}

/// "mlat=35.68&mlon=139.77", "lat=35.68&lng=139.77".
fn two_parameters(link: &str) -> Option<(f64, f64)> {
    let value = |names: [&str; 3]| {
        parameters(link).find(|(name, _)| names.contains(name)).and_then(|(_, value)| number(value))
    };
    let marked = value(["mlat"; 3]).zip(value(["mlon"; 3]));
    marked.or_else(|| value(["lat", "latitude", "y"]).zip(value(["lon", "lng", "longitude"])))
}

/// "/maps/place/35°40'48"N+139°46'12"E/", "/maps/search/35.68,+139.77".
fn in_path(link: &str) -> Option<(f64, f64)> {
    ["/place/", "/search/", "/dir//"].iter().find_map(|name| {
        let (_, rest) = link.split_once(name)?;
        written(rest.split(['/', '?', '#']).next()?)
    })
}

/// Angles as people write them, in a part of a link.
fn written(part: &str) -> Option<(f64, f64)> {
    match angles::read(&part.replace('+', " ")).ok()?.place {
        super::Place::Globe { lon, lat } => Some((lat, lon)),
        _ => None,
    }
}

fn after(link: &str, mark: &str, between: char) -> Option<(f64, f64)> {
    pair(link.split_once(mark)?.1, between)
}

/// "#map=15/35.68/139.77", "#15/35.68/139.77": zoom, latitude, longitude.
fn hash_map(link: &str) -> Option<(f64, f64)> {
    let (_, rest) = link.split_once('#')?;
    let rest = rest.split_once("map=").map_or(rest, |(_, rest)| rest);
    let (zoom, rest) = rest.split_once('/')?;
    number(zoom)?;
    pair(rest, '/')
}

/// Without percent signs for letters; what is no UTF-8 stays as it is.
fn decoded(link: &str) -> String {
    let mut bytes = Vec::with_capacity(link.len());
    let mut rest = link.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let code = (first == b'%').then(|| after.get(..2)).flatten();
        let code = code.and_then(|code| std::str::from_utf8(code).ok());
        let byte = code.and_then(|code| u8::from_str_radix(code, 16).ok());
        bytes.push(byte.unwrap_or(first));
        rest = if byte.is_some() { after.get(2..).unwrap_or_default() } else { after };
    }
    String::from_utf8(bytes).unwrap_or_else(|_| link.to_owned())
}

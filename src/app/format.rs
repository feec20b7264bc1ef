//! Numbers as people say them.

use crate::raster;

/// What a scan looks at.
#[must_use]
pub fn looked_at(dense: bool) -> &'static str {
    if dense { "cells" } else { "windows" }
}

/// 1234567 as "1,234,567".
#[must_use]
pub fn count(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A size on disk: "512 bytes", "3.0 MiB".
#[must_use]
pub fn bytes(number: u64) -> String {
    if number < 1024 {
        return format!("{number} bytes");
    }
    let mut size = number as f64 / 1024.0;
    let mut unit = "KiB";
    for larger in ["MiB", "GiB", "TiB"] {
        if size < 1024.0 {
            break;
        }
        size /= 1024.0;
        unit = larger;
    }
    format!("{size:.1} {unit}")
}

/// A length of time, rounded to what matters: "8 s", "3 min", "1 h 20 min".
#[must_use]
pub fn duration(seconds: f64) -> String {
    if !seconds.is_finite() || seconds < 0.0 {
        return "some time".to_owned();
    }
    if seconds < 1.0 {
        return "under 1 s".to_owned();
    }
    if seconds < 100.0 {
        return format!("{seconds:.0} s");
    }
    let minutes = (seconds / 60.0).round();
    if minutes < 100.0 {
        return format!("{minutes:.0} min");
    }
    let hours = (minutes / 60.0).floor();
    format!("{hours:.0} h {:.0} min", minutes - hours * 60.0)
}

/// Longitude and latitude in degrees: "51.92540° N, 4.13200° E".
#[must_use]
pub fn lon_lat(lon: f64, lat: f64) -> String {
    let north = if lat < 0.0 { 'S' } else { 'N' };
    let east = if lon < 0.0 { 'W' } else { 'E' };
    format!("{:.5}° {north}, {:.5}° {east}", lat.abs(), lon.abs())
}

/// A length of time that is expected, as the end of a sentence: "about 3 min", "under 1 s".
#[must_use]
pub fn about(seconds: f64) -> String {
    if seconds < 1.0 { duration(seconds) } else { format!("about {}", duration(seconds)) }
}

/// Says that a part of a window has no data; nothing where all of it has.
#[must_use]
pub fn gaps(nodata: f32) -> Option<String> {
    (nodata > 0.0).then(|| match nodata * 100.0 {
        percent if percent < 1.0 => "Under 1% of this window has no data".to_owned(),
        percent => format!("{percent:.0}% of this window has no data"),
    })
}

/// Windows that a scan left out, as the end of a sentence: ", 12 without data, 3 unreadable"; nothing where
/// there are none.
#[must_use]
pub fn missing(skipped: usize, failed: usize) -> String {
    let some = |windows: usize, what: &str| match windows {
        0 => String::new(),
        _ => format!(", {} {what}", count(windows)),
    };
    some(skipped, "without data") + &some(failed, "unreadable")
}

/// Metres as a round length: "500 m", "2 km", "0.5 m".
#[must_use]
pub fn length(metres: f64) -> String {
    if metres >= 1000.0 { format!("{} km", metres / 1000.0) } else { format!("{metres} m") }
}

/// A position on a map, with as many digits as its unit needs: metres or degrees.
#[must_use]
pub fn map_position(x: f64, y: f64) -> String {
    let digits = if x.abs() <= 360.0 && y.abs() <= 360.0 { 5 } else { 1 };
    format!("{x:.digits$}, {y:.digits$}")
}

/// A magnification, 1 being one screen pixel a scene pixel: "100%", "3.1%".
#[must_use]
pub fn zoom(factor: f64) -> String {
    let percent = factor * 100.0;
    if percent < 9.95 { format!("{percent:.1}%") } else { format!("{percent:.0}%") }
}

/// How many windows or cells a second.
#[must_use]
pub fn rate(per_second: f64, what: &str) -> String {
    if per_second < 9.95 { format!("{per_second:.1} {what}/s") } else { format!("{per_second:.0} {what}/s") }
}

/// An error message as a sentence.
#[must_use]
pub fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let mut sentence: String = letters.next().map(|first| first.to_uppercase().collect()).unwrap_or_default();
    sentence.push_str(letters.as_str());
    if !sentence.ends_with(['.', '!', '?', '…']) {
        sentence.push('.');
    }
    sentence
}

/// The last part of a path, or all of it when it has none; of an address, without what is asked of the
/// server.
#[must_use]
pub fn file_name(path: &std::path::Path) -> String {
    if raster::is_address(path) {
        let address = raster::without_secrets(path).display().to_string();
        let place = address.split('?').next().unwrap_or_default().trim_end_matches('/');
        return place.rsplit('/').next().unwrap_or_default().to_owned();
    }
    path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_on_servers_have_names() {
        for (path, name) in [
            ("/a/b.tif", "b.tif"),
            ("https://me:secret@host/a/b.tif?sig=1/2", "b.tif"),
            ("https://host/a/b.tif?page=1/2", "b.tif"),
            ("s3://bucket/a/b.tif", "b.tif"),
            ("https://host/", "host"),
        ] {
            assert_eq!(file_name(path.as_ref()), name);
        }
    }

    #[test]
    fn sizes_have_their_unit() {
        for (number, text) in [
            (12, "12 bytes"),
            (2048, "2.0 KiB"),
            (3 << 20, "3.0 MiB"),
            (5 << 30, "5.0 GiB"),
            (7 << 40, "7.0 TiB"),
        ] {
            assert_eq!(bytes(number), text);
        }
    }

    #[test]
    fn thousands_are_set_apart() {
        for (number, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(count(number), text);
        }
    }

    #[test]
    fn time_is_rounded_to_what_matters() {
        for (seconds, text) in [
            (0.2, "under 1 s"),
            (8.4, "8 s"),
            (99.0, "99 s"),
            (180.0, "3 min"),
            (4800.0, "80 min"),
            (7200.0, "2 h 0 min"),
            (f64::INFINITY, "some time"),
        ] {
            assert_eq!(duration(seconds), text);
        }
    }

    #[test]
    fn errors_become_sentences() {
        assert_eq!(sentence("cannot open a.tif: no such file"), "Cannot open a.tif: no such file.");
        assert_eq!(sentence("Done!"), "Done!");
        assert_eq!(sentence(""), ".");
    }

    #[test]
    fn hemispheres_are_named() {
        assert_eq!(lon_lat(-4.132, 51.9254), "51.92540° N, 4.13200° W");
        assert_eq!(lon_lat(4.132, -51.9254), "51.92540° S, 4.13200° E");
    }
}

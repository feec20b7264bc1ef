//! Addresses of files on servers, and what of them may be shown: passwords and signatures must not appear in
//! messages, reports or the list of recent files.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use super::http::Target;
use super::s3::S3Object;
use crate::raster::error::RemoteError;

/// Substrings in the names of query parameters that are secret, including those of signed addresses.
const SECRET: [&str; 12] = [
    "sig",
    "token",
    "key",
    "secret",
    "credential",
    "password",
    "pwd",
    "auth",
    "policy",
    "x-amz-",
    "x-goog-",
    "accessid",
];
/// The other parameters of signed addresses, which mean nothing without the signature.
const SIGNED: [&str; 13] =
    ["se", "st", "sp", "sv", "sr", "spr", "skoid", "sktid", "skt", "ske", "sks", "skv", "expires"];

/// Whether this is an address, such as `https://example.com/scene.tif`, and not a path.
#[must_use]
pub fn is_address(path: &Path) -> bool {
    let Some((scheme, _)) = path.to_str().and_then(|text| text.split_once("://")) else { return false };
    // A single letter would be a drive.
    scheme.len() > 1
        && scheme.starts_with(|letter: char| letter.is_ascii_alphabetic())
        && scheme.chars().all(|letter| letter.is_ascii_alphanumeric() || "+-.".contains(letter))
}

/// An address without user name, password and signature; a path unchanged.
#[must_use]
pub fn without_secrets(path: &Path) -> PathBuf {
    let Some((scheme, rest)) =
        path.to_str().filter(|_| is_address(path)).and_then(|text| text.split_once("://"))
    else {
        return path.to_owned();
    };
    let host_end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (host, rest) = rest.split_at(host_end);
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    let mut text = format!("{scheme}://{host}");
    // The key of an object may contain any character.
    if scheme.eq_ignore_ascii_case("s3") {
        text.push_str(rest);
        return text.into();
    }
    let rest = rest.split_once('#').map_or(rest, |(rest, _)| rest);
    let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
    text.push_str(place);
    for (index, parameter) in query.split('&').filter(|parameter| is_public(parameter)).enumerate() {
        text.push(if index == 0 { '?' } else { '&' });
        text.push_str(parameter);
    }
    text.into()
}

/// Whether an address contains anything that must not be shown or stored.
#[must_use]
pub fn has_secrets(path: &Path) -> bool {
    without_secrets(path).as_os_str() != path.as_os_str()
}

/// Whether a query parameter may be shown.
fn is_public(parameter: &str) -> bool {
    let name = parameter.split('=').next().unwrap_or_default().to_ascii_lowercase();
    !parameter.is_empty() && !SIGNED.contains(&&*name) && !SECRET.iter().any(|secret| name.contains(secret))
}

/// Where requests go. `variable` looks up an environment variable.
pub(super) fn parse(path: &Path, variable: &dyn Fn(&str) -> Option<String>) -> Result<Target, RemoteError> {
    let text = path.to_str().unwrap_or_default();
    let (scheme, rest) = text.split_once("://").unwrap_or_default();
    match scheme.to_ascii_lowercase().as_str() {
        "http" | "https" => {
            let text = text.split_once('#').map_or(text, |(text, _)| text);
            Ok(Target::Http(escaped(text)))
        }
        "s3" => S3Object::new(rest, variable).map(|object| Target::S3(Box::new(object))),
        other => Err(RemoteError::new(
            format!("addresses that begin with {other}:// are not read"),
            "give one that begins with https://, http:// or s3://, or download the file and open it from disk",
        )),
    }
}

/// Percent-encodes an address with spaces or letters of any language.
fn escaped(text: &str) -> String {
    text.trim().bytes().fold(String::with_capacity(text.len()), |mut out, byte| {
        if byte.is_ascii_graphic() && !br#""<>\^`{|}"#.contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_from_paths() {
        for address in ["https://a/b.tif", "http://a", "S3://bucket/key", "gs://b/k"] {
            assert!(is_address(Path::new(address)), "{address}");
        }
        for path in ["a.tif", "/a//b.tif", "C://a.tif", "://a", "a b://c", "./https:/a.tif"] {
            assert!(!is_address(Path::new(path)), "{path}");
        }
    }

    #[test]
    fn secrets_are_left_out() {
        for (address, open) in [
            ("https://me:secret@host/a/b.tif", "https://host/a/b.tif"),
            ("https://host/a.tif?X-Amz-Signature=1&X-Amz-Date=2", "https://host/a.tif"),
            ("https://host/a.tif?sv=1&sig=2&page=3&se=4", "https://host/a.tif?page=3"),
            ("https://host/a.tif?id=7&access_token=x#top", "https://host/a.tif?id=7"),
            ("https://host?q=1&y=2", "https://host?q=1&y=2"),
            ("s3://id:secret@bucket/a?b#c@d", "s3://bucket/a?b#c@d"),
            ("/tmp/a@b?sig=1", "/tmp/a@b?sig=1"),
        ] {
            assert_eq!(without_secrets(Path::new(address)).to_str(), Some(open));
            assert_eq!(has_secrets(Path::new(address)), address != open, "{address}");
        }
    }

    #[test]
    fn spaces_and_umlauts_are_escaped_once() {
        assert_eq!(escaped("http://h/ä b%20c.tif?x=1&y=[2]"), "http://h/%C3%A4%20b%20c.tif?x=1&y=[2]");
    }

    #[test]
    fn other_schemes_are_refused_by_name() {
        let error = parse(Path::new("gs://bucket/a.tif"), &|_| None).err().unwrap().to_string();
        assert!(error.contains("gs://") && error.contains("https://"), "{error}");
    }
}

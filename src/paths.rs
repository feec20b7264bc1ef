//! Paths in text formats, although file names needn't be valid Unicode.
//!
//! Reports show invalid bytes as �, as the window and the terminal do. What is read back keeps every byte.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde::{Serialize, Serializer};

/// Serializes a path in a report.
pub(crate) fn shown<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&path.display())
}

/// Serializes paths in a report.
pub(crate) fn all_shown<S: Serializer>(paths: &[PathBuf], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(paths.iter().map(|path| path.display().to_string()))
}

/// The bytes of a path in hexadecimal.
pub(crate) fn hex(path: &Path) -> String {
    path.as_os_str().as_encoded_bytes().iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// The path of bytes in hexadecimal.
#[cfg(unix)]
pub(crate) fn of_hex(text: &str) -> PathBuf {
    use std::os::unix::ffi::OsStringExt;
    PathBuf::from(std::ffi::OsString::from_vec(bytes(text)))
}

/// On other systems, only text can be made into a path.
#[cfg(not(unix))]
pub(crate) fn of_hex(text: &str) -> PathBuf {
    PathBuf::from(String::from_utf8_lossy(&bytes(text)).into_owned())
}

fn bytes(text: &str) -> Vec<u8> {
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    text.as_bytes().chunks(2).filter_map(byte).collect()
}

/// The prefix of a path that isn't text and is written as hexadecimal bytes; it occurs in no path.
const HEX_PREFIX: char = '\0';

/// A path that is read back, as text.
fn to_text(path: &Path) -> String {
    path.to_str().map_or_else(|| format!("{HEX_PREFIX}{}", hex(path)), str::to_owned)
}

fn from_text(text: &str) -> PathBuf {
    text.strip_prefix(HEX_PREFIX).map_or_else(|| PathBuf::from(text), of_hex)
}

/// Serde for an optional path that is read back.
pub(crate) mod maybe {
    use serde::{Deserialize, Deserializer};

    use super::{PathBuf, Serialize, Serializer, from_text, to_text};

    #[expect(clippy::ref_option, reason = "serde hands over the field as it is")]
    pub fn serialize<S: Serializer>(path: &Option<PathBuf>, serializer: S) -> Result<S::Ok, S::Error> {
        path.as_deref().map(to_text).serialize(serializer)
    }

    pub fn deserialize<'a, D: Deserializer<'a>>(deserializer: D) -> Result<Option<PathBuf>, D::Error> {
        Ok(Option::<String>::deserialize(deserializer)?.as_deref().map(from_text))
    }
}

/// Serde for paths that are read back.
pub(crate) mod list {
    use serde::{Deserialize, Deserializer};

    use super::{PathBuf, Serializer, from_text, to_text};

    pub fn serialize<S: Serializer>(paths: &[PathBuf], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(paths.iter().map(|path| to_text(path)))
    }

    pub fn deserialize<'a, D: Deserializer<'a>>(deserializer: D) -> Result<Vec<PathBuf>, D::Error> {
        Ok(Vec::<String>::deserialize(deserializer)?.iter().map(|text| from_text(text)).collect())
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::ffi::OsStrExt;

    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Kept {
        #[serde(with = "maybe")]
        one: Option<PathBuf>,
        #[serde(with = "list")]
        all: Vec<PathBuf>,
    }

    #[derive(Serialize)]
    struct Shown {
        #[serde(serialize_with = "shown")]
        one: PathBuf,
        #[serde(serialize_with = "all_shown")]
        all: Vec<PathBuf>,
    }

    fn odd() -> PathBuf {
        PathBuf::from(std::ffi::OsStr::from_bytes(b"caf\xe9/\xff.tif"))
    }

    #[test]
    fn what_is_read_again_keeps_every_byte() {
        for one in [None, Some("a \"b\".tif".into()), Some(odd())] {
            let before = Kept { one, all: vec!["a.tif".into(), odd()] };
            let text = serde_json::to_string(&before).unwrap();
            assert_eq!(serde_json::from_str::<Kept>(&text).unwrap(), before, "{text}");
        }
        // What a version wrote that knew nothing of this.
        let old: Kept = serde_json::from_str(r#"{"one": "a.tif", "all": ["b.tif"]}"#).unwrap();
        assert_eq!(old, Kept { one: Some("a.tif".into()), all: vec!["b.tif".into()] });
    }

    #[test]
    fn a_report_shows_what_is_text_of_it() {
        let text = serde_json::to_string(&Shown { one: odd(), all: vec![odd()] }).unwrap();
        assert_eq!(text, "{\"one\":\"caf\u{fffd}/\u{fffd}.tif\",\"all\":[\"caf\u{fffd}/\u{fffd}.tif\"]}");
    }
}

//! Text files written by people and other programs: word lists, captions, configurations, sidecar files.
//!
//! Windows programs often add a byte order mark or save as UTF-16. Such files are read like any other.

use std::io;
use std::path::Path;

const UTF8: &[u8] = &[0xef, 0xbb, 0xbf];
const UTF16_LITTLE: &[u8] = &[0xff, 0xfe];
const UTF16_BIG: &[u8] = &[0xfe, 0xff];

/// Why bytes aren't text, and what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotText {
    #[error("its line {0} is not UTF-8; save it as UTF-8")]
    Utf8(usize),
    #[error("it looks like UTF-16, and is damaged or lacks its byte order mark; save it as UTF-8")]
    Utf16,
}

/// The text of a file, without a byte order mark.
///
/// # Errors
/// When the file can't be read, or isn't text.
pub(crate) fn read(path: &Path) -> io::Result<String> {
    decode(&std::fs::read(path)?).map_err(|reason| io::Error::new(io::ErrorKind::InvalidData, reason))
}

/// Decodes UTF-8 with or without a byte order mark, or UTF-16 with one.
///
/// # Errors
/// When it is neither.
pub(crate) fn decode(bytes: &[u8]) -> Result<String, NotText> {
    if let Some(units) = bytes.strip_prefix(UTF16_LITTLE) {
        return utf16(units, u16::from_le_bytes);
    }
    if let Some(units) = bytes.strip_prefix(UTF16_BIG) {
        return utf16(units, u16::from_be_bytes);
    }
    let bytes = bytes.strip_prefix(UTF8).unwrap_or(bytes);
    if bytes.iter().take(4).any(|byte| *byte == 0) {
        return Err(NotText::Utf16);
    }
    std::str::from_utf8(bytes).map(str::to_owned).map_err(|error| {
        let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
        NotText::Utf8(before.split(|byte| *byte == b'\n').count())
    })
}

/// As [`decode`], but invalid bytes become replacement characters.
pub(crate) fn decode_lossy(bytes: &[u8]) -> String {
    decode(bytes)
        .unwrap_or_else(|_| String::from_utf8_lossy(bytes.strip_prefix(UTF8).unwrap_or(bytes)).into_owned())
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<String, NotText> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(NotText::Utf16);
    }
    char::decode_utf16(pairs.iter().copied().map(unit)).collect::<Result<_, _>>().map_err(|_| NotText::Utf16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_order_mark_makes_no_difference() {
        let text = "harbor\n港口 🚢\n";
        let with = |mark: &[u8], bytes: Vec<u8>| [mark, &bytes].concat();
        let units = |bytes: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(bytes).collect::<Vec<u8>>();
        for bytes in [
            text.as_bytes().to_vec(),
            with(UTF8, text.as_bytes().to_vec()),
            with(UTF16_LITTLE, units(u16::to_le_bytes)),
            with(UTF16_BIG, units(u16::to_be_bytes)),
        ] {
            assert_eq!(decode(&bytes).unwrap(), text);
            assert_eq!(decode_lossy(&bytes), text);
        }
        assert_eq!(decode(b""), Ok(String::new()));
        assert_eq!(decode(UTF8), Ok(String::new()));
    }

    #[test]
    fn what_is_no_text_is_told() {
        assert_eq!(decode(b"pier\nd\xe9p\xf4t\n"), Err(NotText::Utf8(2)));
        assert_eq!(decode(b"p\0i\0"), Err(NotText::Utf16));
        assert_eq!(decode(b"\xff\xfep\0i"), Err(NotText::Utf16));
        assert_eq!(decode(b"\xff\xfe\x00\xd8"), Err(NotText::Utf16));
        assert_eq!(decode_lossy(b"d\xe9p"), "d\u{fffd}p");
    }
}

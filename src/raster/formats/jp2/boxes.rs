//! The boxes of a JP2 file (ISO/IEC 15444-1, annex I): where the codestream is, and what stands beside it.

use std::fs::File;

use crate::raster::error::Fault;
use crate::raster::files::read_exact_at;

/// Boxes that are looked at, and bytes of those that are read: more means that a file is hostile.
const MAX_BOXES: usize = 10_000;
const MAX_BOX_BYTES: u64 = 16 << 20;

/// "GeoJP2": a `GeoTIFF` of one pixel in a UUID box.
const GEO_JP2: [u8; 16] =
    [0xb1, 0x4b, 0xf8, 0xbd, 0x08, 0x3d, 0x4b, 0x43, 0xa5, 0xae, 0x8c, 0xd7, 0xd5, 0xa6, 0xce, 0x03];

/// What Skysift takes from the boxes.
#[derive(Debug, Default)]
pub(super) struct Boxes {
    /// The signature, the file type and the header box, as they are in the file: what a decoder wants to see
    /// before a codestream. Empty for a bare codestream.
    pub prefix: Vec<u8>,
    /// Where the codestream starts and ends in the file.
    pub codestream: (u64, u64),
    /// The `GeoTIFF` inside.
    pub geo_tiff: Option<Vec<u8>>,
    /// The XML of GMLJP2.
    pub gml: Option<String>,
    pub has_palette: bool,
}

impl Boxes {
    /// Whether the colour box names CMYK. Decoders take any four bands for it, but they may be near infrared
    /// as well.
    pub fn is_cmyk(&self) -> bool {
        const CMYK: [u8; 4] = [0, 0, 0, 12];
        // Method 1 is a number, after a precedence and an approximation.
        self.prefix.windows(11).any(|window| window.starts_with(b"colr\x01") && window.ends_with(&CMYK))
    }
}

/// A box's type and where its contents are.
struct Entry {
    kind: [u8; 4],
    start: u64,
    contents: u64,
    end: u64,
}

/// # Errors
/// If the file can't be read or holds no codestream.
pub(super) fn read(file: &File, length: u64) -> Result<Boxes, Fault> {
    let mut magic = [0; 4];
    read_exact_at(file, &mut magic, 0).map_err(Fault::Io)?;
    if magic == [0xff, 0x4f, 0xff, 0x51] {
        return Ok(Boxes { codestream: (0, length), ..Boxes::default() });
    }
    let mut boxes = Boxes::default();
    for entry in entries(file, 0, length)? {
        match &entry.kind {
            b"jP  " | b"ftyp" => boxes.prefix.extend(bytes(file, entry.start, entry.end)?),
            b"jp2h" => {
                boxes.prefix.extend(bytes(file, entry.start, entry.end)?);
                let inner = entries(file, entry.contents, entry.end)?;
                boxes.has_palette = inner.iter().any(|inner| &inner.kind == b"pclr");
            }
            b"jp2c" if boxes.codestream.1 == 0 => boxes.codestream = (entry.contents, entry.end),
            b"uuid" => {
                let contents = bytes(file, entry.contents, entry.end.min(entry.contents + MAX_BOX_BYTES))?;
                if let Some(tiff) = contents.strip_prefix(&GEO_JP2) {
                    boxes.geo_tiff.get_or_insert_with(|| tiff.to_vec());
                }
            }
            b"asoc" if boxes.gml.is_none() => boxes.gml = gml(file, &entry, 0)?,
            _ => {}
        }
    }
    if boxes.codestream.1 == 0 {
        return Err(Fault::Damaged("it holds no codestream".to_owned()));
    }
    Ok(boxes)
}

/// The GML document in nested association boxes.
fn gml(file: &File, association: &Entry, depth: usize) -> Result<Option<String>, Fault> {
    if depth > 4 {
        return Ok(None);
    }
    for entry in entries(file, association.contents, association.end)? {
        let found = match &entry.kind {
            b"asoc" => gml(file, &entry, depth + 1)?,
            b"xml " => {
                let text = bytes(file, entry.contents, entry.end)?;
                let text = String::from_utf8_lossy(&text).trim_end_matches('\0').to_owned();
                text.contains("RectifiedGrid").then_some(text)
            }
            _ => None,
        };
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

/// The boxes between two places. What is cut off ends with the file.
fn entries(file: &File, mut start: u64, end: u64) -> Result<Vec<Entry>, Fault> {
    let mut entries = Vec::new();
    while start.saturating_add(8) <= end && entries.len() < MAX_BOXES {
        let mut header = [0; 8];
        read_exact_at(file, &mut header, start).map_err(Fault::Io)?;
        let [a, b, c, d, kind @ ..] = header;
        let (length, header_bytes) = match u32::from_be_bytes([a, b, c, d]) {
            // To the end of the file.
            0 => (end - start, 8),
            1 => {
                let mut long = [0; 8];
                read_exact_at(file, &mut long, start + 8).map_err(Fault::Io)?;
                (u64::from_be_bytes(long), 16)
            }
            length => (u64::from(length), 8),
        };
        if length < header_bytes {
            return Err(Fault::Damaged(format!("the box at byte {start} is shorter than its own header")));
        }
        let next = start.saturating_add(length).min(end);
        entries.push(Entry { kind, start, contents: (start + header_bytes).min(next), end: next });
        start = next;
    }
    Ok(entries)
}

fn bytes(file: &File, start: u64, end: u64) -> Result<Vec<u8>, Fault> {
    let length = end.saturating_sub(start);
    if length > MAX_BOX_BYTES {
        return Err(Fault::Damaged(format!("a box of {length} bytes is too large to be true")));
    }
    let mut bytes = vec![0; length as usize];
    read_exact_at(file, &mut bytes, start).map_err(Fault::Io)?;
    Ok(bytes)
}

//! The boxes of a JP2 file (ISO/IEC 15444-1, annex I): where the codestream is, and the metadata around it.

use std::fs::File;

use crate::raster::error::ReaderError;
use crate::raster::positioned_io::read_exact_at;

/// The most boxes that are visited; a file with more is malicious.
const MAX_BOXES: usize = 10_000;
/// The longest box that is read.
const MAX_BOX_BYTES: u64 = 16 << 20;

/// The UUID of `GeoJP2`: a `GeoTIFF` of one pixel in a UUID box.
const GEO_JP2: [u8; 16] =
    [0xb1, 0x4b, 0xf8, 0xbd, 0x08, 0x3d, 0x4b, 0x43, 0xa5, 0xae, 0x8c, 0xd7, 0xd5, 0xa6, 0xce, 0x03];

/// What Skysift reads from the boxes.
#[derive(Debug, Default)]
pub(super) struct Boxes {
    /// The signature, file type and header boxes as they are in the file, which a decoder expects before a
    /// codestream. Empty for a bare codestream.
    pub prefix: Vec<u8>,
    /// Where the codestream starts and ends in the file.
    pub codestream: (u64, u64),
    /// The `GeoTIFF` of `GeoJP2`.
    pub geo_tiff: Option<Vec<u8>>,
    /// The XML of GMLJP2.
    pub gml: Option<String>,
    pub has_palette: bool,
}

impl Boxes {
    /// Whether the colour specification box says CMYK. Decoders take any four bands for CMYK, but the fourth
    /// may well be near infrared.
    pub fn is_cmyk(&self) -> bool {
        const CMYK: [u8; 4] = [0, 0, 0, 12];
        // Method 1 (enumerated), precedence, approximation, then the colour space.
        self.prefix.windows(11).any(|window| window.starts_with(b"colr\x01") && window.ends_with(&CMYK))
    }
}

/// The header of a box: its type, and where its contents are.
struct BoxHeader {
    box_type: [u8; 4],
    start: u64,
    contents: u64,
    end: u64,
}

/// Reads the boxes of a file, or of a bare codestream.
///
/// # Errors
/// If the file can't be read or holds no codestream.
pub(super) fn read(file: &File, length: u64) -> Result<Boxes, ReaderError> {
    let mut magic = [0; 4];
    read_exact_at(file, &mut magic, 0).map_err(ReaderError::Io)?;
    if magic == [0xff, 0x4f, 0xff, 0x51] {
        return Ok(Boxes { codestream: (0, length), ..Boxes::default() });
    }
    let mut boxes = Boxes::default();
    for header in box_headers(file, 0, length)? {
        match &header.box_type {
            b"jP  " | b"ftyp" => boxes.prefix.extend(bytes(file, header.start, header.end)?),
            b"jp2h" => {
                boxes.prefix.extend(bytes(file, header.start, header.end)?);
                let inner = box_headers(file, header.contents, header.end)?;
                boxes.has_palette = inner.iter().any(|inner| &inner.box_type == b"pclr");
            }
            b"jp2c" if boxes.codestream.1 == 0 => boxes.codestream = (header.contents, header.end),
            b"uuid" => {
                let contents = bytes(file, header.contents, header.end.min(header.contents + MAX_BOX_BYTES))?;
                if let Some(tiff) = contents.strip_prefix(&GEO_JP2) {
                    boxes.geo_tiff.get_or_insert_with(|| tiff.to_vec());
                }
            }
            b"asoc" if boxes.gml.is_none() => boxes.gml = gml(file, &header, 0)?,
            _ => {}
        }
    }
    if boxes.codestream.1 == 0 {
        return Err(ReaderError::Damaged("it holds no codestream".to_owned()));
    }
    Ok(boxes)
}

/// The GML document in nested association boxes.
fn gml(file: &File, association: &BoxHeader, depth: usize) -> Result<Option<String>, ReaderError> {
    if depth > 4 {
        return Ok(None);
    }
    for header in box_headers(file, association.contents, association.end)? {
        let found = match &header.box_type {
            b"asoc" => gml(file, &header, depth + 1)?,
            b"xml " => {
                let text = bytes(file, header.contents, header.end)?;
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

/// The headers of the boxes between two offsets. A box that is cut off ends with the file.
fn box_headers(file: &File, mut start: u64, end: u64) -> Result<Vec<BoxHeader>, ReaderError> {
    let mut headers = Vec::new();
    while start.saturating_add(8) <= end && headers.len() < MAX_BOXES {
        let mut bytes = [0; 8];
        read_exact_at(file, &mut bytes, start).map_err(ReaderError::Io)?;
        let [a, b, c, d, box_type @ ..] = bytes;
        let (length, header_bytes) = match u32::from_be_bytes([a, b, c, d]) {
            // To the end of the file.
            0 => (end - start, 8),
            1 => {
                let mut long = [0; 8];
                read_exact_at(file, &mut long, start + 8).map_err(ReaderError::Io)?;
                (u64::from_be_bytes(long), 16)
            }
            length => (u64::from(length), 8),
        };
        if length < header_bytes {
            return Err(ReaderError::Damaged(format!(
                "the box at byte {start} is shorter than its own header"
            )));
        }
        let next = start.saturating_add(length).min(end);
        headers.push(BoxHeader { box_type, start, contents: (start + header_bytes).min(next), end: next });
        start = next;
    }
    Ok(headers)
}

fn bytes(file: &File, start: u64, end: u64) -> Result<Vec<u8>, ReaderError> {
    let length = end.saturating_sub(start);
    if length > MAX_BOX_BYTES {
        return Err(ReaderError::Damaged(format!("a box of {length} bytes is too large to be true")));
    }
    let mut bytes = vec![0; length as usize];
    read_exact_at(file, &mut bytes, start).map_err(ReaderError::Io)?;
    Ok(bytes)
}

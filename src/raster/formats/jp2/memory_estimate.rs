//! How much memory the decoder needs for a tile besides its samples: a record for each code block, each layer
//! of it, and each precinct.
//!
//! A header of a hundred bytes can cut a tile into blocks of one pixel each, in 32 layers. Their records
//! would take a kilobyte per pixel, and a failed allocation aborts the whole program. So they are counted
//! first, assuming the worst that the markers in the headers allow.

use super::codestream::{COC, COD, SOD, SOT, u16_at, u32_at};
use crate::raster::error::ReaderError;

/// The size of a record, including a list that doubles as it grows.
const BLOCK_BYTES: u64 = 256;
const LAYER_BYTES: u64 = 48;
const PRECINCT_BYTES: u64 = 320;
/// From the standard: the most decomposition levels.
const MAX_LEVELS: u8 = 32;

/// The coding style of one or all components (ISO/IEC 15444-1, table A.20). Sides are exponents of two.
struct CodingStyle {
    levels: u8,
    block: [u8; 2],
    /// Coarsest first; empty for precincts of the largest size.
    precincts: Vec<[u8; 2]>,
}

/// Bytes that the records of a tile of a given size take; `stream` is the codestream of that tile.
///
/// # Errors
/// If the length of a coding style marker doesn't match its contents.
pub(super) fn decoder_bytes(stream: &[u8], size: [u32; 2], components: usize) -> Result<u64, ReaderError> {
    let (mut layers, mut styles) = (1, Vec::new());
    // The end of the current tile part; `None` in the main header.
    let mut part_end = None;
    let mut place = 2;
    while let Some(marker) = u16_at(stream, place) {
        match marker {
            // The rest of the part is data.
            SOD => {
                let Some(end) = part_end.take() else { break };
                place = end;
                continue;
            }
            // Markers without a segment.
            0xff30..=0xff3f => {
                place += 2;
                continue;
            }
            _ => {}
        }
        let length = u16_at(stream, place + 2).map_or(0, usize::from);
        let Some(segment) = stream.get(place..place + 2 + length).filter(|_| length >= 2) else { break };
        match marker {
            SOT => part_end = u32_at(segment, 6).map(|length| place + (length as usize).max(12)),
            COD => {
                layers = layers.max(u16_at(segment, 6).map_or(1, u64::from));
                styles.push(style(segment, 4, 9)?);
            }
            COC => {
                let flags = if components < 257 { 5 } else { 6 };
                styles.push(style(segment, flags, flags + 1)?);
            }
            _ => {}
        }
        place += 2 + length;
    }
    let worst = styles.iter().map(|style| style.bytes(size, layers)).max().unwrap_or(0);
    Ok(worst.saturating_mul(components as u64))
}

/// Reads a coding style. A decoder may go by the contents of a segment rather than its length; if the two
/// differ, it would read something else than what was counted here.
fn style(segment: &[u8], flags: usize, start: usize) -> Result<CodingStyle, ReaderError> {
    let read = || {
        let has_precincts = segment.get(flags)? & 1 != 0;
        let &[levels, width, height, _, _] = segment.get(start..)?.first_chunk()?;
        let rest = segment.get(start + 5..)?;
        let sound =
            levels <= MAX_LEVELS && rest.len() == if has_precincts { usize::from(levels) + 1 } else { 0 };
        let precincts = rest.iter().map(|exponents| [exponents & 15, exponents >> 4]).collect();
        sound.then(|| CodingStyle {
            levels,
            block: [width, height].map(|side| side.saturating_add(2).min(10)),
            precincts,
        })
    };
    read().ok_or_else(|| ReaderError::Damaged("a marker of its coding style makes no sense".to_owned()))
}

impl CodingStyle {
    fn bytes(&self, size: [u32; 2], layers: u64) -> u64 {
        let mut bytes = 0_u64;
        for resolution in 0..=self.levels {
            let halvings = self.levels - resolution;
            let sides = size.map(|side| u64::from(side).div_ceil(1 << halvings) + 1);
            let precinct = self.precincts.get(usize::from(resolution)).copied().unwrap_or([15; 2]);
            let precincts = count(sides, precinct);
            // Each resolution adds three subbands with half its columns and rows.
            let (bands, halved) = if resolution == 0 { (1, 0) } else { (3, 1) };
            let largest = precinct.map(|side| side.saturating_sub(halved));
            let block = [self.block[0].min(largest[0]), self.block[1].min(largest[1])];
            let blocks = count(sides.map(|side| (side >> halved) + 1), block);
            let records = blocks
                .saturating_mul(BLOCK_BYTES + layers * LAYER_BYTES)
                .saturating_add(precincts.saturating_mul(PRECINCT_BYTES));
            bytes = bytes.saturating_add(records.saturating_mul(bands));
        }
        bytes
    }
}

/// How many rectangles with sides of powers of two an area touches, wherever it starts.
fn count(area: [u64; 2], exponents: [u8; 2]) -> u64 {
    ((area[0] >> exponents[0]) + 2).saturating_mul((area[1] >> exponents[1]) + 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SOC, COD, SOT and SOD.
    fn stream(layers: u16, block: u8, precincts: &[u8]) -> Vec<u8> {
        let length = (12 + precincts.len()) as u16;
        let mut stream = vec![0xff, 0x4f, 0xff, 0x52];
        stream.extend(length.to_be_bytes());
        stream.extend([u8::from(!precincts.is_empty()), 0]);
        stream.extend(layers.to_be_bytes());
        stream.extend([0, 1, block, block, 0, 1]);
        stream.extend(precincts);
        stream.extend([0xff, 0x90, 0, 10, 0, 0, 0, 0, 0, 14, 0, 1, 0xff, 0x93]);
        stream
    }

    #[test]
    fn small_pieces_need_many_records() {
        let size = [4096, 4096];
        assert!(decoder_bytes(&stream(1, 4, &[]), size, 3).unwrap() < 16 << 20);
        assert!(decoder_bytes(&stream(32, 0, &[]), size, 3).unwrap() > 4 << 30);
        assert!(decoder_bytes(&stream(1, 4, &[0x11, 0x11]), size, 1).unwrap() > 4 << 30);
        assert_eq!(
            decoder_bytes(&stream(u16::MAX, 0, &[0, 0]), [u32::MAX; 2], usize::MAX).unwrap(),
            u64::MAX
        );
    }

    #[test]
    fn what_is_longer_than_it_says_is_damaged() {
        let mut stream = stream(1, 4, &[]);
        stream[5] += 1;
        assert!(decoder_bytes(&stream, [64, 64], 1).is_err());
        assert_eq!(decoder_bytes(&[0xff, 0x4f], [64, 64], 1).unwrap(), 0);
    }
}

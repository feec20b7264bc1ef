//! As much of a JPEG 2000 codestream (ISO/IEC 15444-1, annex A) as it takes to cut single tiles out of it.
//!
//! A decoder that is given the whole codestream needs memory for the whole image. But tiles are coded
//! independently: the main header with the image area of one tile, followed by that tile's parts, is a
//! codestream of one tile. It is decoded at the coordinates that it has in the image, so that the wavelets
//! start on the same even or odd pixels.

use std::fs::File;

use crate::raster::error::ReaderError;
use crate::raster::positioned_io::read_exact_at;
use crate::raster::rect::Rect;

const SIZ: u16 = 0xff51;
pub(super) const COD: u16 = 0xff52;
pub(super) const COC: u16 = 0xff53;
const TLM: u16 = 0xff55;
const PLM: u16 = 0xff57;
const PPM: u16 = 0xff60;
pub(super) const SOT: u16 = 0xff90;
pub(super) const SOD: u16 = 0xff93;
const EOC: u16 = 0xffd9;

const MAX_HEADER_BYTES: usize = 4 << 20;
/// From the standard: tile indices have 16 bits.
const MAX_TILES: u64 = 65_535;
/// The longest tile that is read.
const MAX_TILE_BYTES: u64 = 1 << 30;

/// The tile grid of an image, and where the parts of each tile are.
pub(super) struct Codestream {
    /// The marker segments between SIZ and the first tile, except those that refer to positions in the file.
    header: Vec<u8>,
    /// The SIZ marker segment.
    siz: Vec<u8>,
    /// The image area on the reference grid: left, top, right, bottom.
    image: [u32; 4],
    /// Where the first tile starts on the reference grid.
    tile_start: [u32; 2],
    pub tile_size: [u32; 2],
    tiles_across: u32,
    /// All components in the codestream, and so all that are decoded; a palette turns them into other bands.
    pub components: usize,
    pub precision: u8,
    pub signed: bool,
    /// Whether every component has fewer samples than the image has pixels.
    pub subsampled: bool,
    /// How often the image can be halved without decoding all of it.
    pub decompositions: u8,
    tiles: Vec<TileParts>,
}

/// The parts of a tile.
#[derive(Clone, Default)]
struct TileParts {
    /// Where they start and end in the file.
    places: Vec<(u64, u64)>,
    /// How many there should be, as far as the parts say.
    told: usize,
    /// Whether one ends beyond the end of the codestream.
    cut: bool,
}

impl TileParts {
    fn is_whole(&self) -> bool {
        !self.cut && self.places.len() >= self.told.max(1)
    }
}

impl Codestream {
    /// Reads the main header and walks from tile part to tile part.
    ///
    /// # Errors
    /// If it isn't a codestream, or one that can't be cut into tiles.
    pub fn read(file: &File, (start, end): (u64, u64)) -> Result<Self, ReaderError> {
        let damaged = |what: &str| ReaderError::Damaged(what.to_owned());
        let length = (end.saturating_sub(start) as usize).min(MAX_HEADER_BYTES);
        let mut bytes = vec![0; length];
        read_exact_at(file, &mut bytes, start).map_err(ReaderError::Io)?;
        if u16_at(&bytes, 0) != Some(0xff4f) {
            return Err(damaged("its codestream does not begin as one"));
        }
        let (mut header, mut siz, mut decompositions) = (Vec::new(), Vec::new(), None);
        let mut place = 2;
        loop {
            let marker = u16_at(&bytes, place).ok_or_else(|| damaged("its main header is cut off"))?;
            if marker == SOT {
                break;
            }
            let length = u16_at(&bytes, place + 2).map_or(0, usize::from);
            let segment = bytes.get(place..place + 2 + length).filter(|_| length >= 2);
            let segment = segment.ok_or_else(|| damaged("its main header is cut off"))?;
            match marker {
                SIZ => siz = segment.to_vec(),
                PPM => {
                    return Err(ReaderError::convert(
                        "its packet headers are packed, which Skysift does not read",
                    ));
                }
                TLM | PLM => {}
                _ => {
                    if marker == COD {
                        decompositions = segment.get(9).copied();
                    }
                    header.extend_from_slice(segment);
                }
            }
            place += 2 + length;
        }
        let mut stream = Self::with_grid(siz, header, decompositions.unwrap_or(0))?;
        stream.find_parts(file, start + place as u64, end)?;
        Ok(stream)
    }

    fn with_grid(siz: Vec<u8>, header: Vec<u8>, decompositions: u8) -> Result<Self, ReaderError> {
        let absurd = || ReaderError::Damaged("its size marker makes no sense".to_owned());
        // Marker, length and capabilities, then eight numbers of four bytes.
        let number = |index: usize| u32_at(&siz, 6 + index * 4).ok_or_else(absurd);
        let (right, bottom, left, top) = (number(0)?, number(1)?, number(2)?, number(3)?);
        let (tile_width, tile_height) = (number(4)?, number(5)?);
        let (tile_left, tile_top) = (number(6)?, number(7)?);
        let sound = left < right
            && top < bottom
            && tile_left <= left
            && tile_top <= top
            && u64::from(tile_left) + u64::from(tile_width) > u64::from(left)
            && u64::from(tile_top) + u64::from(tile_height) > u64::from(top);
        if !sound || right > i32::MAX as u32 || bottom > i32::MAX as u32 {
            return Err(absurd());
        }
        let across = (right - tile_left).div_ceil(tile_width);
        let down = (bottom - tile_top).div_ceil(tile_height);
        let count = u64::from(across) * u64::from(down);
        let components = u16_at(&siz, 38).map_or(0, usize::from);
        let details = siz.get(40..40 + components * 3).filter(|_| count <= MAX_TILES);
        let details = details.ok_or_else(absurd)?.as_chunks::<3>().0;
        let first = details.first().ok_or_else(absurd)?;
        if details.iter().any(|component| component[0] != first[0]) {
            return Err(ReaderError::convert("its bands have different numbers of bits"));
        }
        Ok(Self {
            components,
            precision: (first[0] & 0x7f) + 1,
            signed: first[0] & 0x80 != 0,
            subsampled: details.iter().all(|component| component[1..] != [1, 1]),
            image: [left, top, right, bottom],
            tile_start: [tile_left, tile_top],
            tile_size: [tile_width, tile_height],
            tiles_across: across,
            tiles: vec![TileParts::default(); count as usize],
            decompositions,
            header,
            siz,
        })
    }

    fn find_parts(&mut self, file: &File, mut place: u64, end: u64) -> Result<(), ReaderError> {
        while place.saturating_add(12) <= end {
            let mut part = [0; 12];
            read_exact_at(file, &mut part, place).map_err(ReaderError::Io)?;
            if u16_at(&part, 0) != Some(SOT) {
                break;
            }
            let tile = u16_at(&part, 4).map_or(0, usize::from);
            // 0 means up to the end, where a marker stands.
            let length = u64::from(u32_at(&part, 6).unwrap_or(0));
            let (next, cut) = match length {
                0 => (end, !has_end_marker(file, end)?),
                length => (place.saturating_add(length.max(12)), place.saturating_add(length) > end),
            };
            let next = next.min(end);
            let parts = self.tiles.get_mut(tile);
            let parts =
                parts.ok_or_else(|| ReaderError::Damaged(format!("it has no place for tile {tile}")))?;
            parts.places.push((place, next));
            parts.told = parts.told.max(usize::from(part[11]));
            parts.cut |= cut;
            place = next;
        }
        Ok(())
    }

    /// How many tiles there are, and how many of them aren't whole.
    pub fn count_tiles(&self) -> (usize, usize) {
        (self.tiles.len(), self.tiles.iter().filter(|parts| !parts.is_whole()).count())
    }

    /// Width and height of the image, halved some times.
    pub fn size(&self, halvings: u8) -> [u32; 2] {
        let [left, top, right, bottom] = self.image.map(|side| reduced(side, halvings));
        [right - left, bottom - top]
    }

    /// The tiles that a region of the halved image touches.
    pub fn tiles_in(&self, rect: Rect, halvings: u8) -> Vec<u32> {
        let range = |start: u32, end: u32, origin: u32, tile_start: u32, tile: u32, count: u32| {
            // Back to the reference grid, with a margin of one pixel on either side.
            let grid = |value: u32| (u64::from(reduced(origin, halvings)) + u64::from(value)) << halvings;
            let first = grid(start).saturating_sub(1 << halvings).saturating_sub(u64::from(tile_start));
            let last = (grid(end) + 1).saturating_sub(u64::from(tile_start));
            let first = (first / u64::from(tile)) as u32;
            first..(last.div_ceil(u64::from(tile)) as u32).min(count)
        };
        let ([left, top, ..], [tile_left, tile_top]) = (self.image, self.tile_start);
        let across = self.tiles_across;
        let down = self.tiles.len() as u32 / across;
        let columns = range(rect.x, rect.right(), left, tile_left, self.tile_size[0], across);
        let rows = range(rect.y, rect.bottom(), top, tile_top, self.tile_size[1], down);
        let all = rows.flat_map(|row| columns.clone().map(move |column| row * across + column));
        all.filter(|&tile| self.place(tile, halvings).intersects(&rect)).collect()
    }

    /// Where a tile lies in the halved image.
    pub fn place(&self, tile: u32, halvings: u8) -> Rect {
        let [left, top, right, bottom] = self.area(tile).map(|side| reduced(side, halvings));
        let [image_left, image_top, ..] = self.image.map(|side| reduced(side, halvings));
        Rect::new(left - image_left, top - image_top, right - left, bottom - top)
    }

    /// The codestream of one tile.
    ///
    /// # Errors
    /// If the file can't be read or the tile isn't there. One that is cut off would decode to something
    /// blurred or grey.
    pub fn tile(&self, file: &File, tile: u32) -> Result<Vec<u8>, ReaderError> {
        let parts = self.tiles.get(tile as usize).filter(|parts| parts.is_whole());
        let parts =
            parts.ok_or_else(|| ReaderError::Damaged(format!("tile {tile} is missing or cut off")))?;
        let parts = &parts.places;
        if parts.iter().map(|(start, end)| end - start).sum::<u64>() > MAX_TILE_BYTES {
            return Err(ReaderError::convert("one of its tiles is too large to be decoded at once"));
        }
        let [left, top, right, bottom] = self.area(tile);
        let (column, row) = (tile % self.tiles_across, tile / self.tiles_across);
        let grid = [
            right,
            bottom,
            left,
            top,
            self.tile_size[0],
            self.tile_size[1],
            self.tile_start[0] + column * self.tile_size[0],
            self.tile_start[1] + row * self.tile_size[1],
        ];
        let mut stream = vec![0xff, 0x4f];
        stream.extend_from_slice(self.siz.get(..6).unwrap_or_default());
        stream.extend(grid.iter().flat_map(|number| number.to_be_bytes()));
        stream.extend_from_slice(self.siz.get(38..).unwrap_or_default());
        stream.extend_from_slice(&self.header);
        for &(start, end) in parts {
            let at = stream.len();
            stream.resize(at + (end - start) as usize, 0);
            let part = stream.get_mut(at..).unwrap_or_default();
            read_exact_at(file, part, start).map_err(ReaderError::Io)?;
            // It becomes tile 0, with a known length.
            if let Some(head) = part.get_mut(4..10) {
                head[..2].fill(0);
                head[2..].copy_from_slice(&((end - start) as u32).to_be_bytes());
            }
        }
        stream.extend_from_slice(&EOC.to_be_bytes());
        Ok(stream)
    }

    /// Left, top, right and bottom of a tile on the reference grid.
    fn area(&self, tile: u32) -> [u32; 4] {
        let side = |index: u32, axis: usize| {
            let start = self.tile_start[axis].saturating_add(index.saturating_mul(self.tile_size[axis]));
            let end = start.saturating_add(self.tile_size[axis]);
            (start.max(self.image[axis]), end.min(self.image[axis + 2]))
        };
        let (left, right) = side(tile % self.tiles_across, 0);
        let (top, bottom) = side(tile / self.tiles_across, 1);
        [left, top, right, bottom]
    }
}

fn has_end_marker(file: &File, end: u64) -> Result<bool, ReaderError> {
    let mut marker = [0; 2];
    read_exact_at(file, &mut marker, end.saturating_sub(2)).map_err(ReaderError::Io)?;
    Ok(u16::from_be_bytes(marker) == EOC)
}

/// A coordinate on the reference grid after some halvings (equation B-14).
fn reduced(side: u32, halvings: u8) -> u32 {
    u64::from(side).div_ceil(1 << halvings) as u32
}

pub(super) fn u16_at(bytes: &[u8], place: usize) -> Option<u16> {
    Some(u16::from_be_bytes(*bytes.get(place..)?.first_chunk()?))
}

pub(super) fn u32_at(bytes: &[u8], place: usize) -> Option<u32> {
    Some(u32::from_be_bytes(*bytes.get(place..)?.first_chunk()?))
}

//! Strips and tiles that are unpacked here, each in one go and by one thread.
//!
//! The decoder unpacks piece by piece and copies every piece; how large a block is is known, and all of it at
//! once takes half the time and a fraction of the memory. What it reads as well and what fails here is left
//! to it: it also says what is wrong.

use std::sync::Arc;

use rayon::prelude::*;
use tiff_reader::constants::{
    TAG_STRIP_BYTE_COUNTS, TAG_STRIP_OFFSETS, TAG_TILE_BYTE_COUNTS, TAG_TILE_OFFSETS,
};
use tiff_reader::filters::fix_endianness_and_predict;
use tiff_reader::{ByteOrder, Ifd, TiffFile};

use super::codec::Codec;
use super::kind::Kind;
use super::rows::{native, offset_at};
use crate::raster::Rect;
use crate::raster::block_cache::{BlockCache, BlockKey};
use crate::raster::error::Fault;
use crate::raster::reader::Level;
use crate::raster::storage::Storage;

/// Compressed, a block is at most so many times as large as it is, and a little more.
const MOST_EXPANSION: u64 = 4;
const SLACK: u64 = 4096;
/// Blocks that are unpacked side by side take so many bytes, unless a single one takes more.
const HELD_BYTES: usize = 64 << 20;

/// The strips or tiles of one image.
pub(super) struct Blocks {
    codec: Codec,
    kind: Kind,
    /// Size of the image and of its blocks.
    size: Level,
    tiled: bool,
    /// Blocks side by side, and of one plane.
    across: u32,
    in_plane: u32,
    /// Samples of a pixel in a block: one where bands are stored apart.
    samples: usize,
    order: ByteOrder,
    reversed_bits: bool,
}

impl Blocks {
    /// `None` for an image that is the decoder's matter.
    pub fn of(file: &TiffFile, image: &Ifd, kind: &Kind, size: Level) -> Option<Self> {
        let codec = Codec::of(image)?;
        let across = size.width.div_ceil(size.block_width);
        let in_plane = across.checked_mul(size.height.div_ceil(size.block_height))?;
        let planar = kind.layout.planar_configuration == 2;
        let samples = if planar { 1 } else { kind.layout.samples_per_pixel };
        let blocks = Self {
            codec,
            kind: *kind,
            size,
            tiled: image.is_tiled(),
            across,
            in_plane,
            samples,
            order: file.byte_order(),
            reversed_bits: image.fill_order() == 2,
        };
        // All that is multiplied below fits.
        let numbers =
            (size.block_width as usize).checked_mul(size.block_height as usize)?.checked_mul(samples)?;
        let bits = numbers.checked_mul(usize::from(kind.stored_bits).max(64))?;
        let planes = if planar { u32::try_from(kind.layout.samples_per_pixel).ok()? } else { 1 };
        in_plane.checked_mul(planes).filter(|_| bits > 0)?;
        // What is stored may be longer than what is read of it.
        (numbers * usize::from(kind.stored_bits) / 8 <= Storage::get().decoded_bytes()).then_some(blocks)
    }

    /// Whether the decoder can't do instead.
    pub fn is_alone(&self) -> bool {
        !self.codec.is_decoders() || !self.kind.is_plain()
    }

    /// The samples of some bands, as [`crate::raster::reader::Reader::read`].
    ///
    /// # Errors
    /// When a block of the region can't be read or is not what it should be.
    pub fn read(
        &self,
        file: &TiffFile,
        image: &Ifd,
        cache: &BlockCache,
        rect: Rect,
        bands: &[usize],
    ) -> Result<Vec<u8>, Fault> {
        if rect.width == 0 || rect.height == 0 {
            return Ok(Vec::new());
        }
        let Level { block_width, block_height, .. } = self.size;
        let (left, right) = (rect.x / block_width, (rect.right() - 1) / block_width);
        let (top, bottom) = (rect.y / block_height, (rect.bottom() - 1) / block_height);
        let place = |row: u32| (left..=right).map(move |column| (column, row));
        let places: Vec<(u32, u32)> = (top..=bottom).flat_map(place).collect();
        // Where the bands of a block go: (to, from).
        let planes: Vec<(u32, Vec<(usize, usize)>)> = if self.samples == 1 {
            let plane = |(to, &band): (usize, &usize)| (u32::try_from(band).unwrap_or(0), vec![(to, 0)]);
            bands.iter().enumerate().map(plane).collect()
        } else {
            vec![(0, bands.iter().copied().enumerate().collect())]
        };
        let pixel = bands.len() * self.kind.sample_type.bytes();
        let mut out = vec![0; rect.width as usize * rect.height as usize * pixel];
        for (plane, picks) in &planes {
            // Blocks may be far larger than what a region takes of them.
            for places in places.chunks((HELD_BYTES / self.bytes(block_height)).max(1)) {
                let block = |&(column, row): &(u32, u32)| {
                    let index = plane * self.in_plane + row * self.across + column;
                    let key: BlockKey = (usize::try_from(image.offset()).unwrap_or(0), index);
                    cache.get_or(key, || self.unpack(file, image, index))
                };
                let blocks: Vec<Arc<Vec<u8>>> = places.par_iter().map(block).collect::<Result<_, _>>()?;
                for (block, &(column, row)) in blocks.iter().zip(places) {
                    let place = (column * block_width, row * block_height);
                    self.copy(block, place, picks, rect, (bands.len(), &mut out));
                }
            }
        }
        Ok(out)
    }

    /// Rows of a block: the last strip has fewer.
    fn rows(&self, index: u32) -> u32 {
        let top = index % self.in_plane / self.across * self.size.block_height;
        if self.tiled { self.size.block_height } else { self.size.block_height.min(self.size.height - top) }
    }

    /// Bytes of rows of a block, as they are read.
    fn bytes(&self, rows: u32) -> usize {
        self.size.block_width as usize * rows as usize * self.samples * self.kind.sample_type.bytes()
    }

    /// A block as it is read.
    fn unpack(&self, file: &TiffFile, image: &Ifd, index: u32) -> Result<Vec<u8>, Fault> {
        let rows = self.rows(index);
        let (offsets, counts) = if self.tiled {
            (TAG_TILE_OFFSETS, TAG_TILE_BYTE_COUNTS)
        } else {
            (TAG_STRIP_OFFSETS, TAG_STRIP_BYTE_COUNTS)
        };
        let entry = |tag| image.tag(tag).and_then(|tag| offset_at(&tag.value, index as usize));
        let (Some(offset), Some(length)) = (entry(offsets), entry(counts)) else {
            return Err(Fault::Damaged(format!("nothing says where its piece {index} is")));
        };
        // One that was never written is zeros.
        if offset == 0 || length == 0 {
            return Ok(vec![0; self.bytes(rows)]);
        }
        let numbers = self.size.block_width as usize * self.samples;
        let row_bytes = (numbers * usize::from(self.kind.stored_bits)).div_ceil(8);
        let mut stored = vec![0; row_bytes * rows as usize];
        let most = (stored.len() as u64).saturating_mul(MOST_EXPANSION).saturating_add(SLACK);
        let length = if self.codec == Codec::Plain { length.min(stored.len() as u64) } else { length };
        if length > most {
            return Err(Fault::Damaged(format!("its piece {index} is said to take {length} bytes")));
        }
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let mut packed = file.source().read_exact_at(offset, length).map_err(super::fault)?;
        if self.reversed_bits {
            for byte in &mut packed {
                *byte = byte.reverse_bits();
            }
        }
        self.codec
            .unpack(&packed, numbers, &mut stored)
            .map_err(|reason| Fault::Damaged(format!("piece {index}: {reason}")))?;
        drop(packed);
        if self.kind.layout.is_bit_packed() && self.kind.is_plain() {
            return Ok(self.spread_bits(&stored, numbers, row_bytes));
        }
        self.order_and_add_up(&mut stored, row_bytes)?;
        Ok(self.kind.read(stored))
    }

    /// Numbers of a few bits, the first one in the highest, become numbers of whole bytes.
    fn spread_bits(&self, stored: &[u8], numbers: usize, row_bytes: usize) -> Vec<u8> {
        let (bits, bytes) = (u32::from(self.kind.stored_bits), self.kind.sample_type.bytes());
        let mut out = Vec::with_capacity(stored.len() / row_bytes.max(1) * numbers * bytes);
        for row in stored.chunks_exact(row_bytes) {
            let (mut held, mut count) = (0_u32, 0);
            let mut rest = row.iter();
            for _ in 0..numbers {
                while count < bits {
                    held = held << 8 | u32::from(rest.next().copied().unwrap_or(0));
                    count += 8;
                }
                count -= bits;
                let number = held >> count & ((1 << bits) - 1);
                held &= (1 << count) - 1;
                if bytes == 1 { out.push(number as u8) } else { out.extend((number as u16).to_ne_bytes()) }
            }
        }
        out
    }

    /// The byte order of this machine, and samples instead of how they differ from those of the pixel before.
    fn order_and_add_up(&self, stored: &mut [u8], row_bytes: usize) -> Result<(), Fault> {
        let (predictor, bits) = (self.kind.layout.predictor, self.kind.counted_bits());
        let swaps = bits > 8 && self.order != native();
        match (predictor, bits) {
            (1, _) if !swaps => return Ok(()),
            (2, _) if !swaps => {
                for row in stored.chunks_exact_mut(row_bytes) {
                    add_up(row, bits, self.samples);
                }
                return Ok(());
            }
            _ => {}
        }
        let samples = u16::try_from(self.samples).unwrap_or(u16::MAX);
        for row in stored.chunks_exact_mut(row_bytes) {
            fix_endianness_and_predict(row, bits, samples, self.order, predictor).map_err(super::fault)?;
        }
        Ok(())
    }

    /// Some bands of the part of a block that lies in a region.
    fn copy(
        &self,
        block: &[u8],
        (x, y): (u32, u32),
        picks: &[(usize, usize)],
        rect: Rect,
        (width, out): (usize, &mut [u8]),
    ) {
        let bytes = self.kind.sample_type.bytes();
        let (from_pixel, to_pixel) = (self.samples * bytes, width * bytes);
        let (left, right) = (x.max(rect.x), x.saturating_add(self.size.block_width).min(rect.right()));
        let all = width == self.samples
            && picks.len() == width
            && picks.iter().enumerate().all(|(index, pick)| *pick == (index, index));
        let bottom = y.saturating_add(self.size.block_height).min(rect.bottom());
        for row in y.max(rect.y)..bottom {
            let part = |width: u32, x: u32, y: u32, pixel: usize| {
                let start = ((row - y) as usize * width as usize + (left - x) as usize) * pixel;
                start..start + (right - left) as usize * pixel
            };
            let from = block.get(part(self.size.block_width, x, y, from_pixel)).unwrap_or_default();
            let Some(to) = out.get_mut(part(rect.width, rect.x, rect.y, to_pixel)) else { continue };
            if all && from.len() == to.len() {
                to.copy_from_slice(from);
                continue;
            }
            for (from, to) in from.chunks_exact(from_pixel).zip(to.chunks_exact_mut(to_pixel)) {
                for (slot, band) in picks {
                    let from = from.get(band * bytes..(band + 1) * bytes);
                    if let (Some(to), Some(from)) = (to.get_mut(slot * bytes..(slot + 1) * bytes), from) {
                        to.copy_from_slice(from);
                    }
                }
            }
        }
    }
}

/// Adds to each sample of a row that of the pixel before.
fn add_up(row: &mut [u8], bits: u16, samples: usize) {
    match (bits, samples) {
        (8, 1) => add_pixels::<1>(row),
        (8, 3) => add_pixels::<3>(row),
        (8, 4) => add_pixels::<4>(row),
        (8, _) => add_numbers::<1>(row, samples, |[a], [b]| [a.wrapping_add(b)]),
        (16, _) => add_numbers::<2>(row, samples, |a, b| {
            u16::from_ne_bytes(a).wrapping_add(u16::from_ne_bytes(b)).to_ne_bytes()
        }),
        (32, _) => add_numbers::<4>(row, samples, |a, b| {
            u32::from_ne_bytes(a).wrapping_add(u32::from_ne_bytes(b)).to_ne_bytes()
        }),
        _ => add_numbers::<8>(row, samples, |a, b| {
            u64::from_ne_bytes(a).wrapping_add(u64::from_ne_bytes(b)).to_ne_bytes()
        }),
    }
}

/// Keeps the pixel before where the processor counts.
fn add_pixels<const SAMPLES: usize>(row: &mut [u8]) {
    let mut before = [0_u8; SAMPLES];
    for pixel in row.as_chunks_mut::<SAMPLES>().0 {
        for (sample, before) in pixel.iter_mut().zip(&mut before) {
            *sample = sample.wrapping_add(*before);
            *before = *sample;
        }
    }
}

fn add_numbers<const BYTES: usize>(
    row: &mut [u8],
    samples: usize,
    add: impl Fn([u8; BYTES], [u8; BYTES]) -> [u8; BYTES],
) {
    let numbers = row.as_chunks_mut::<BYTES>().0;
    for at in samples..numbers.len() {
        numbers[at] = add(numbers[at], numbers[at - samples]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_added_up_pixel_by_pixel() {
        let mut row = [250, 1, 2, 10, 1, 1, 1, 255, 0];
        add_pixels::<3>(&mut row);
        assert_eq!(row, [250, 1, 2, 4, 2, 3, 5, 1, 3]);
        let bytes = |values: &[u16]| -> Vec<u8> { values.iter().flat_map(|v| v.to_ne_bytes()).collect() };
        let mut row = bytes(&[65535, 7, 2, 1]);
        let add = |a, b| u16::from_ne_bytes(a).wrapping_add(u16::from_ne_bytes(b)).to_ne_bytes();
        add_numbers::<2>(&mut row, 2, add);
        assert_eq!(row, bytes(&[65535, 7, 1, 8]));
    }
}

//! Strips and tiles that are decompressed here, each in one go and by one thread.
//!
//! The decoder decompresses piece by piece and copies every piece. The size of a block is known, and
//! decompressing it all at once takes half the time and a fraction of the memory. If that fails, the decoder
//! gets another try where it can read the block, and also says what is wrong.

use std::sync::Arc;

use rayon::prelude::*;
use tiff_reader::constants::{
    TAG_STRIP_BYTE_COUNTS, TAG_STRIP_OFFSETS, TAG_TILE_BYTE_COUNTS, TAG_TILE_OFFSETS,
};
use tiff_reader::filters::fix_endianness_and_predict;
use tiff_reader::{ByteOrder, Ifd, TiffFile};

use super::codec::Codec;
use super::encoding::SampleEncoding;
use super::uncompressed::{native_order, table_entry};
use crate::raster::cache::block_cache::{BlockCache, BlockKey};
use crate::raster::error::ReaderError;
use crate::raster::interleave::{BandCopy, copy_bands};
use crate::raster::reader::Level;
use crate::raster::rect::Rect;
use crate::raster::storage::MemoryBudget;

/// A compressed block is at most this many times as large as an uncompressed one, and a little more.
const MAX_EXPANSION: u64 = 4;
const SLACK: u64 = 4096;
/// How many bytes the blocks take that are decompressed in parallel, unless a single one takes more.
const BATCH_BYTES: usize = 64 << 20;

/// The strips or tiles of one image.
pub(super) struct Blocks {
    codec: Codec,
    encoding: SampleEncoding,
    /// The size of the image and of its blocks.
    size: Level,
    tiled: bool,
    /// The number of blocks side by side, and in one plane.
    across: u32,
    per_plane: u32,
    /// Samples per pixel in a block: one in planar images.
    samples: usize,
    order: ByteOrder,
    /// Whether bits are filled from the lowest one (`FillOrder` 2).
    reversed_bits: bool,
}

impl Blocks {
    /// `None` for an image that is left to the decoder.
    pub fn of(
        file: &TiffFile,
        image: &Ifd,
        encoding: &SampleEncoding,
        size: Level,
        memory: MemoryBudget,
    ) -> Option<Self> {
        let codec = Codec::of(image)?;
        let across = size.width.div_ceil(size.block_width);
        let per_plane = across.checked_mul(size.height.div_ceil(size.block_height))?;
        let planar = encoding.layout.planar_configuration == 2;
        let samples = if planar { 1 } else { encoding.layout.samples_per_pixel };
        let blocks = Self {
            codec,
            encoding: *encoding,
            size,
            tiled: image.is_tiled(),
            across,
            per_plane,
            samples,
            order: file.byte_order(),
            reversed_bits: image.fill_order() == 2,
        };
        // Makes sure that nothing below overflows.
        let numbers =
            (size.block_width as usize).checked_mul(size.block_height as usize)?.checked_mul(samples)?;
        let bits = numbers.checked_mul(usize::from(encoding.stored_bits).max(64))?;
        let planes = if planar { u32::try_from(encoding.layout.samples_per_pixel).ok()? } else { 1 };
        per_plane.checked_mul(planes).filter(|_| bits > 0)?;
        // Stored samples may be longer than converted ones.
        (numbers * usize::from(encoding.stored_bits) / 8 <= memory.decoded_bytes()).then_some(blocks)
    }

    /// Whether the decoder can read the blocks, too.
    pub fn has_fallback(&self) -> bool {
        self.codec.has_fallback() && self.encoding.is_native()
    }

    /// Reads some bands, as [`Reader::read`](crate::raster::reader::Reader::read).
    ///
    /// # Errors
    /// When a block of the region can't be read or decompressed.
    pub fn read(
        &self,
        file: &TiffFile,
        image: &Ifd,
        cache: &BlockCache,
        rect: Rect,
        bands: &[usize],
    ) -> Result<Vec<u8>, ReaderError> {
        if rect.width == 0 || rect.height == 0 {
            return Ok(Vec::new());
        }
        let Level { block_width, block_height, .. } = self.size;
        let (left, right) = (rect.x / block_width, (rect.right() - 1) / block_width);
        let (top, bottom) = (rect.y / block_height, (rect.bottom() - 1) / block_height);
        let in_row = |row: u32| (left..=right).map(move |column| (column, row));
        let positions: Vec<(u32, u32)> = (top..=bottom).flat_map(in_row).collect();
        // For each plane, where the bands of its blocks go.
        let planes: Vec<(u32, Vec<BandCopy>)> = if self.samples == 1 {
            let plane = |(to, &band): (usize, &usize)| {
                (u32::try_from(band).unwrap_or(0), vec![BandCopy { from: 0, to }])
            };
            bands.iter().enumerate().map(plane).collect()
        } else {
            let copies = bands.iter().enumerate().map(|(to, &from)| BandCopy { from, to });
            vec![(0, copies.collect())]
        };
        let pixel_bytes = bands.len() * self.encoding.sample_type.bytes();
        let mut out = vec![0; rect.width as usize * rect.height as usize * pixel_bytes];
        for (plane, copies) in &planes {
            // Blocks may be far larger than the part of them that the region needs.
            for positions in positions.chunks((BATCH_BYTES / self.bytes(block_height)).max(1)) {
                let block = |&(column, row): &(u32, u32)| {
                    let index = plane * self.per_plane + row * self.across + column;
                    let key: BlockKey = (usize::try_from(image.offset()).unwrap_or(0), index);
                    cache.get_or(key, || self.decompress(file, image, index))
                };
                let blocks: Vec<Arc<Vec<u8>>> = positions.par_iter().map(block).collect::<Result<_, _>>()?;
                for (block, &(column, row)) in blocks.iter().zip(positions) {
                    let corner = (column * block_width, row * block_height);
                    self.copy(block, corner, copies, rect, (&mut out, bands.len()));
                }
            }
        }
        Ok(out)
    }

    /// The number of rows of a block; the last strip has fewer.
    fn rows(&self, index: u32) -> u32 {
        let top = index % self.per_plane / self.across * self.size.block_height;
        if self.tiled { self.size.block_height } else { self.size.block_height.min(self.size.height - top) }
    }

    /// The size of some rows of a block after conversion.
    fn bytes(&self, rows: u32) -> usize {
        self.size.block_width as usize * rows as usize * self.samples * self.encoding.sample_type.bytes()
    }

    /// Reads, decompresses and converts a block.
    fn decompress(&self, file: &TiffFile, image: &Ifd, index: u32) -> Result<Vec<u8>, ReaderError> {
        let rows = self.rows(index);
        let (offsets, counts) = if self.tiled {
            (TAG_TILE_OFFSETS, TAG_TILE_BYTE_COUNTS)
        } else {
            (TAG_STRIP_OFFSETS, TAG_STRIP_BYTE_COUNTS)
        };
        let entry = |tag| image.tag(tag).and_then(|tag| table_entry(&tag.value, index as usize));
        let (Some(offset), Some(length)) = (entry(offsets), entry(counts)) else {
            return Err(ReaderError::Damaged(format!("nothing says where its piece {index} is")));
        };
        // A block that was never written is zeros.
        if offset == 0 || length == 0 {
            return Ok(vec![0; self.bytes(rows)]);
        }
        let numbers = self.size.block_width as usize * self.samples;
        let row_bytes = (numbers * usize::from(self.encoding.stored_bits)).div_ceil(8);
        let mut stored = vec![0; row_bytes * rows as usize];
        let max_length = (stored.len() as u64).saturating_mul(MAX_EXPANSION).saturating_add(SLACK);
        let length = if self.codec == Codec::None { length.min(stored.len() as u64) } else { length };
        if length > max_length {
            return Err(ReaderError::Damaged(format!("its piece {index} is said to take {length} bytes")));
        }
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let mut compressed = file.source().read_exact_at(offset, length).map_err(super::reader_error)?;
        if self.reversed_bits {
            for byte in &mut compressed {
                *byte = byte.reverse_bits();
            }
        }
        self.codec
            .decompress(&compressed, numbers, &mut stored)
            .map_err(|reason| ReaderError::Damaged(format!("piece {index}: {reason}")))?;
        drop(compressed);
        if self.encoding.layout.is_bit_packed() && self.encoding.is_native() {
            return Ok(self.unpack_bits(&stored, numbers, row_bytes));
        }
        self.undo_predictor(&mut stored, row_bytes)?;
        Ok(self.encoding.convert(stored))
    }

    /// Unpacks numbers of less than a byte, or of 12 bits, into whole bytes. The first number is in the
    /// highest bits.
    fn unpack_bits(&self, stored: &[u8], numbers: usize, row_bytes: usize) -> Vec<u8> {
        let (bits, bytes) = (u32::from(self.encoding.stored_bits), self.encoding.sample_type.bytes());
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

    /// Converts to native byte order and undoes the predictor.
    fn undo_predictor(&self, stored: &mut [u8], row_bytes: usize) -> Result<(), ReaderError> {
        let (predictor, bits) = (self.encoding.layout.predictor, self.encoding.number_bits());
        let swaps = bits > 8 && self.order != native_order();
        match (predictor, bits) {
            (1, _) if !swaps => return Ok(()),
            (2, _) if !swaps => {
                for row in stored.chunks_exact_mut(row_bytes) {
                    accumulate(row, bits, self.samples);
                }
                return Ok(());
            }
            _ => {}
        }
        let samples = u16::try_from(self.samples).unwrap_or(u16::MAX);
        for row in stored.chunks_exact_mut(row_bytes) {
            fix_endianness_and_predict(row, bits, samples, self.order, predictor)
                .map_err(super::reader_error)?;
        }
        Ok(())
    }

    /// Copies some bands of the part of a block that lies in a region.
    fn copy(
        &self,
        block: &[u8],
        (x, y): (u32, u32),
        copies: &[BandCopy],
        rect: Rect,
        (out, out_bands): (&mut [u8], usize),
    ) {
        let bytes = self.encoding.sample_type.bytes();
        let (left, right) = (x.max(rect.x), x.saturating_add(self.size.block_width).min(rect.right()));
        let bottom = y.saturating_add(self.size.block_height).min(rect.bottom());
        for row in y.max(rect.y)..bottom {
            let range = |width: u32, x: u32, y: u32, pixel_bytes: usize| {
                let start = ((row - y) as usize * width as usize + (left - x) as usize) * pixel_bytes;
                start..start + (right - left) as usize * pixel_bytes
            };
            let from = range(self.size.block_width, x, y, self.samples * bytes);
            let from = block.get(from).unwrap_or_default();
            let to = range(rect.width, rect.x, rect.y, out_bands * bytes);
            let Some(to) = out.get_mut(to) else { continue };
            copy_bands((from, self.samples), (to, out_bands), bytes, copies);
        }
    }
}

/// Undoes horizontal differencing: adds the previous pixel to each pixel of a row.
fn accumulate(row: &mut [u8], bits: u16, samples: usize) {
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

/// Keeps the previous pixel in registers.
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

//! Tiles compressed with deflate, inflated in one go.
//!
//! The decoder inflates piece by piece and copies every piece; how large a tile is is known, and all of it at once takes
//! half the time. Whatever is not as simple as expected is left to the decoder, which also says what is wrong.

use std::sync::Arc;

use rayon::prelude::*;
use tiff_reader::constants::{Compression, TAG_TILE_BYTE_COUNTS, TAG_TILE_OFFSETS};
use tiff_reader::{Ifd, RasterLayout, TiffFile};

use super::Rect;
use super::block_cache::BlockCache;
use super::tiff_rows::{native, offset_at};

/// Compressed, a tile is at most so many times as large as it is, and a little more.
const MOST_EXPANSION: u64 = 4;
const SLACK: u64 = 4096;
/// Tiles that are inflated side by side take so many bytes, unless a single one takes more.
const HELD_BYTES: usize = 64 << 20;

/// The tiles of one image.
pub(super) struct Tiles {
    layout: RasterLayout,
    width: u32,
    height: u32,
    /// Tiles side by side.
    across: u32,
    /// Bytes of a tile.
    bytes: usize,
}

impl Tiles {
    /// `None` for an image whose tiles need more than inflating and adding up.
    pub fn of(file: &TiffFile, image: &Ifd, layout: &RasterLayout) -> Option<Self> {
        let deflate = matches!(
            Compression::from_code(image.compression()),
            Some(Compression::Deflate | Compression::DeflateOld)
        );
        let plain = deflate
            && layout.planar_configuration == 1
            && matches!(layout.predictor, 1 | 2)
            && image.fill_order() == 1
            && usize::from(layout.bits_per_sample) == layout.bytes_per_sample * 8
            && (layout.bytes_per_sample == 1 || file.byte_order() == native());
        let (width, height) = (image.tile_width()?, image.tile_height()?);
        let bytes = (width as usize)
            .checked_mul(height as usize)?
            .checked_mul(layout.samples_per_pixel)?
            .checked_mul(layout.bytes_per_sample)?;
        let across = image.width().div_ceil(width.max(1));
        (plain && bytes > 0).then_some(Self { layout: *layout, width, height, across, bytes })
    }

    /// The samples of some bands, as [`super::reader::Reader::read`]; `None` is a matter for the decoder.
    pub fn read(
        &self,
        file: &TiffFile,
        image: &Ifd,
        cache: &BlockCache,
        rect: Rect,
        bands: &[usize],
    ) -> Option<Vec<u8>> {
        if rect.width == 0 || rect.height == 0 {
            return Some(Vec::new());
        }
        let (left, right) = (rect.x / self.width, (rect.right() - 1) / self.width);
        let (top, bottom) = (rect.y / self.height, (rect.bottom() - 1) / self.height);
        let places: Vec<(u32, u32)> =
            (top..=bottom).flat_map(|row| (left..=right).map(move |column| (column, row))).collect();
        let tile = |&(column, row): &(u32, u32)| {
            let index = row.checked_mul(self.across)?.checked_add(column)?;
            self.tile(file, image, cache, index)
        };
        let pixel = bands.len() * self.layout.bytes_per_sample;
        let mut out = vec![0; rect.width as usize * rect.height as usize * pixel];
        // Tiles may be far larger than what a region takes of them.
        for places in places.chunks((HELD_BYTES / self.bytes).max(1)) {
            let tiles: Vec<Arc<Vec<u8>>> = places.par_iter().map(tile).collect::<Option<_>>()?;
            for (tile, &(column, row)) in tiles.iter().zip(places) {
                self.copy(tile, (column * self.width, row * self.height), bands, rect, &mut out);
            }
        }
        Some(out)
    }

    fn tile(&self, file: &TiffFile, image: &Ifd, cache: &BlockCache, index: u32) -> Option<Arc<Vec<u8>>> {
        let key = (usize::try_from(image.offset()).ok()?, index);
        if let Some(tile) = cache.get(key) {
            return Some(tile);
        }
        let entry = |tag| offset_at(&image.tag(tag)?.value, index as usize);
        let (offset, length) = (entry(TAG_TILE_OFFSETS)?, entry(TAG_TILE_BYTE_COUNTS)?);
        let mut tile = vec![0; self.bytes];
        // One that was never written is zeros.
        if offset > 0 && length > 0 {
            if length > (self.bytes as u64).saturating_mul(MOST_EXPANSION).saturating_add(SLACK) {
                return None;
            }
            let packed = file.source().read_exact_at(offset, usize::try_from(length).ok()?).ok()?;
            let inflated = libdeflater::Decompressor::new().zlib_decompress(&packed, &mut tile).ok()?;
            if inflated != self.bytes {
                return None;
            }
            if self.layout.predictor == 2 {
                self.add_up(&mut tile);
            }
        }
        let tile = Arc::new(tile);
        cache.insert(key, &tile);
        Some(tile)
    }

    /// Samples are stored as how they differ from those of the pixel before.
    fn add_up(&self, tile: &mut [u8]) {
        let samples = self.layout.samples_per_pixel;
        let row = self.width as usize * samples * self.layout.bytes_per_sample;
        for row in tile.chunks_exact_mut(row) {
            match (self.layout.bytes_per_sample, samples) {
                (1, 1) => add_pixels::<1>(row),
                (1, 3) => add_pixels::<3>(row),
                (1, 4) => add_pixels::<4>(row),
                (1, _) => add_numbers::<1>(row, samples, |[a], [b]| [a.wrapping_add(b)]),
                (2, _) => add_numbers::<2>(row, samples, |a, b| {
                    u16::from_ne_bytes(a).wrapping_add(u16::from_ne_bytes(b)).to_ne_bytes()
                }),
                (4, _) => add_numbers::<4>(row, samples, |a, b| {
                    u32::from_ne_bytes(a).wrapping_add(u32::from_ne_bytes(b)).to_ne_bytes()
                }),
                _ => add_numbers::<8>(row, samples, |a, b| {
                    u64::from_ne_bytes(a).wrapping_add(u64::from_ne_bytes(b)).to_ne_bytes()
                }),
            }
        }
    }

    /// Some bands of the part of a tile that lies in a region.
    fn copy(&self, tile: &[u8], (x, y): (u32, u32), bands: &[usize], rect: Rect, out: &mut [u8]) {
        let (count, bytes) = (self.layout.samples_per_pixel, self.layout.bytes_per_sample);
        let (from_pixel, to_pixel) = (count * bytes, bands.len() * bytes);
        let (left, right) = (x.max(rect.x), x.saturating_add(self.width).min(rect.right()));
        let all = bands.iter().copied().eq(0..count);
        for row in y.max(rect.y)..y.saturating_add(self.height).min(rect.bottom()) {
            let part = |width: u32, x: u32, y: u32, pixel: usize| {
                let start = ((row - y) as usize * width as usize + (left - x) as usize) * pixel;
                start..start + (right - left) as usize * pixel
            };
            let from = tile.get(part(self.width, x, y, from_pixel)).unwrap_or_default();
            let Some(to) = out.get_mut(part(rect.width, rect.x, rect.y, to_pixel)) else { continue };
            if all {
                to.copy_from_slice(from);
                continue;
            }
            for (from, to) in from.chunks_exact(from_pixel).zip(to.chunks_exact_mut(to_pixel)) {
                for (band, to) in bands.iter().zip(to.chunks_exact_mut(bytes)) {
                    to.copy_from_slice(from.get(band * bytes..(band + 1) * bytes).unwrap_or_default());
                }
            }
        }
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

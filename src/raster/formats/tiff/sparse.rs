//! Sparse files: GDAL reads a tile or strip that was never written as nodata, the decoder as zeros.

use std::ops::Range;

use tiff_reader::constants::{
    TAG_STRIP_BYTE_COUNTS, TAG_STRIP_OFFSETS, TAG_TILE_BYTE_COUNTS, TAG_TILE_OFFSETS,
};

use super::levels::Image;
use super::uncompressed::table_entry;
use crate::raster::reader::Header;
use crate::raster::rect::Rect;
use crate::raster::samples::exact_bytes;

/// Fills the blocks of a region that were never written with nodata.
pub(super) fn fill(header: &Header, image: &Image, rect: Rect, bands: &[usize], data: &mut [u8]) {
    let Some(nodata) = header.nodata.filter(|nodata| *nodata != 0.0) else { return };
    let Image { ifd, stored: size, .. } = image;
    let Some(sample) = exact_bytes(header.sample_type, nodata) else { return };
    let pixel_bytes = sample.len() * bands.len();
    let (offsets, counts) = if ifd.is_tiled() {
        (TAG_TILE_OFFSETS, TAG_TILE_BYTE_COUNTS)
    } else {
        (TAG_STRIP_OFFSETS, TAG_STRIP_BYTE_COUNTS)
    };
    let is_zero =
        |tag: u16, index: usize| ifd.tag(tag).and_then(|tag| table_entry(&tag.value, index)) == Some(0);
    let blocks_across = size.width.div_ceil(size.block_width) as usize;
    let blocks_per_plane = blocks_across * size.height.div_ceil(size.block_height) as usize;
    // The first block of each plane, and the bytes of a pixel that it holds.
    let planes: Vec<(usize, Range<usize>)> = if image.planar {
        let range = |index: usize| index * sample.len()..(index + 1) * sample.len();
        bands.iter().enumerate().map(|(index, &band)| (band * blocks_per_plane, range(index))).collect()
    } else {
        vec![(0, 0..pixel_bytes)]
    };
    for block_row in rect.y / size.block_height..rect.bottom().div_ceil(size.block_height) {
        for block_column in rect.x / size.block_width..rect.right().div_ceil(size.block_width) {
            let index = block_row as usize * blocks_across + block_column as usize;
            let top = (block_row * size.block_height).max(rect.y);
            let bottom = (block_row + 1).saturating_mul(size.block_height).min(rect.bottom());
            let left = (block_column * size.block_width).max(rect.x);
            let right = (block_column + 1).saturating_mul(size.block_width).min(rect.right());
            for (first, range) in &planes {
                if !is_zero(offsets, first + index) && !is_zero(counts, first + index) {
                    continue;
                }
                let filling = sample.repeat(range.len() / sample.len());
                for y in top..bottom {
                    let row = (y - rect.y) as usize * rect.width as usize;
                    let start = (row + (left - rect.x) as usize) * pixel_bytes;
                    let end = (row + (right - rect.x) as usize) * pixel_bytes;
                    let Some(row) = data.get_mut(start..end) else { continue };
                    let samples =
                        row.chunks_exact_mut(pixel_bytes).filter_map(|pixel| pixel.get_mut(range.clone()));
                    samples.for_each(|out| out.copy_from_slice(&filling));
                }
            }
        }
    }
}

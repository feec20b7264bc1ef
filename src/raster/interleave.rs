//! Moving samples between buffers: bands picked, planes interleaved, regions copied.

use crate::raster::rect::Rect;

/// Keeps some of `count` bands that are interleaved by pixel.
pub(in crate::raster) fn pick_bands(all: Vec<u8>, count: usize, bytes: usize, bands: &[usize]) -> Vec<u8> {
    if bands.iter().copied().eq(0..count) {
        return all;
    }
    let mut picked = Vec::with_capacity(all.len() / count.max(1) * bands.len());
    for pixel in all.chunks_exact(count * bytes) {
        for band in bands {
            picked.extend_from_slice(pixel.get(band * bytes..(band + 1) * bytes).unwrap_or_default());
        }
    }
    picked
}

/// Interleaves planes of the same size by pixel.
pub(in crate::raster) fn interleave(mut planes: Vec<Vec<u8>>, bytes: usize) -> Vec<u8> {
    if planes.len() == 1 {
        return planes.pop().unwrap_or_default();
    }
    let count = planes.len();
    let mut data = vec![0; planes.iter().map(Vec::len).sum()];
    for (band, plane) in planes.iter().enumerate() {
        for (pixel, sample) in data.chunks_exact_mut(count * bytes).zip(plane.chunks_exact(bytes)) {
            if let Some(out) = pixel.get_mut(band * bytes..(band + 1) * bytes) {
                out.copy_from_slice(sample);
            }
        }
    }
    data
}

/// A sample that is copied from one pixel into another: its index in either.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::raster) struct BandCopy {
    pub from: usize,
    pub to: usize,
}

/// Copies samples between runs of pixels with `from_count` and `to_count` samples of `bytes` bytes each.
pub(in crate::raster) fn copy_bands(
    (from, from_count): (&[u8], usize),
    (to, to_count): (&mut [u8], usize),
    bytes: usize,
    copies: &[BandCopy],
) {
    let is_whole = from_count == to_count
        && copies.len() == to_count
        && copies.iter().enumerate().all(|(index, copy)| *copy == BandCopy { from: index, to: index });
    if is_whole && from.len() == to.len() {
        to.copy_from_slice(from);
        return;
    }
    for (from, to) in from.chunks_exact(from_count * bytes).zip(to.chunks_exact_mut(to_count * bytes)) {
        for copy in copies {
            let from = from.get(copy.from * bytes..(copy.from + 1) * bytes);
            if let (Some(to), Some(from)) = (to.get_mut(copy.to * bytes..(copy.to + 1) * bytes), from) {
                to.copy_from_slice(from);
            }
        }
    }
}

/// Copies the pixels that two regions share from one region's buffer to the other's.
pub(in crate::raster) fn copy_overlap(
    from: &[u8],
    from_rect: Rect,
    to: &mut [u8],
    to_rect: Rect,
    pixel_bytes: usize,
) {
    let (left, right) = (from_rect.x.max(to_rect.x), from_rect.right().min(to_rect.right()));
    let (top, bottom) = (from_rect.y.max(to_rect.y), from_rect.bottom().min(to_rect.bottom()));
    for y in top..bottom {
        let range = |rect: Rect| {
            let row = (y - rect.y) as usize * rect.width as usize;
            let start = (row + (left - rect.x) as usize) * pixel_bytes;
            start..start + right.saturating_sub(left) as usize * pixel_bytes
        };
        if let (Some(to), Some(from)) = (to.get_mut(range(to_rect)), from.get(range(from_rect))) {
            to.copy_from_slice(from);
        }
    }
}

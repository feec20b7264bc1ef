//! Uncompressed strips, read row by row.
//!
//! Many programs write an uncompressed TIFF as one strip as large as the image. The decoder would read all of
//! it for every region; but the place of each pixel in the file is known.

use tiff_reader::constants::{Compression, TAG_STRIP_OFFSETS};
use tiff_reader::{ByteOrder, Ifd, RasterLayout, TagValue, TiffError, TiffFile};

use crate::raster::Rect;

/// Strips from this size on are read row by row.
const LARGE_STRIP: usize = 1 << 20;
/// Bytes that one call to the operating system reads, at most.
const MAX_READ: usize = 16 << 20;

/// Where the rows of an image are.
pub(super) struct Rows {
    layout: RasterLayout,
    strip_height: u32,
    /// One an image, or one a band of an image whose bands are stored apart.
    strips: usize,
    swap: bool,
}

impl Rows {
    /// `None` for an image that has to be decoded, or whose strips are small.
    pub fn of(file: &TiffFile, image: &Ifd, layout: &RasterLayout) -> Option<Self> {
        let strip_height = image.rows_per_strip().clamp(1, image.height().max(1));
        let rows = Self {
            layout: *layout,
            strip_height,
            strips: image.height().div_ceil(strip_height) as usize,
            swap: file.byte_order() != native(),
        };
        let plain = image.compression() == Compression::None.to_code()
            && !image.is_tiled()
            && image.fill_order() == 1
            && layout.predictor == 1
            && !layout.is_bit_packed();
        (plain && rows.row_bytes().saturating_mul(strip_height as usize) >= LARGE_STRIP).then_some(rows)
    }

    /// The samples of some bands, as [`crate::raster::reader::Reader::read`]. Strips that were never written
    /// are zeros.
    pub fn read(
        &self,
        file: &TiffFile,
        image: &Ifd,
        rect: Rect,
        bands: &[usize],
    ) -> Result<Vec<u8>, TiffError> {
        let offsets = image.tag(TAG_STRIP_OFFSETS).map(|tag| &tag.value);
        let bytes = self.layout.bytes_per_sample;
        let mut data = vec![0; rect.width as usize * rect.height as usize * bands.len() * bytes];
        if data.is_empty() {
            return Ok(data);
        }
        let out_row = rect.width as usize * bands.len() * bytes;
        let count = self.interleaved();
        // Planes are visited one after the other, pixels with all bands once.
        let passes: Vec<(usize, Vec<(usize, usize)>)> = if count == 1 {
            bands.iter().enumerate().map(|(place, &band)| (band, vec![(place, 0)])).collect()
        } else {
            vec![(0, bands.iter().copied().enumerate().collect())]
        };
        for (plane, picks) in passes {
            let mut y = rect.y;
            while y < rect.bottom() {
                let rows = self.rows_in_one_read(rect, y);
                let strip = (y / self.strip_height) as usize + plane * self.strips;
                let start = offsets.and_then(|offsets| offset_at(offsets, strip)).unwrap_or(0);
                if start > 0 {
                    let row = u64::from(y % self.strip_height) * self.row_bytes() as u64;
                    let column = u64::from(rect.x) * (count * bytes) as u64;
                    let length = rows as usize * rect.width as usize * count * bytes;
                    let source = file.source().read_exact_at(start.saturating_add(row + column), length)?;
                    let top = (y - rect.y) as usize * out_row;
                    let out = data.get_mut(top..top + rows as usize * out_row).unwrap_or_default();
                    copy(&source, count, out, bands.len(), bytes, &picks);
                }
                y += rows;
            }
        }
        if self.swap && bytes > 1 {
            data.chunks_exact_mut(bytes).for_each(<[u8]>::reverse);
        }
        Ok(data)
    }

    /// Bands that lie side by side in the file.
    fn interleaved(&self) -> usize {
        if self.layout.planar_configuration == 1 { self.layout.samples_per_pixel } else { 1 }
    }

    fn row_bytes(&self) -> usize {
        self.layout.width.saturating_mul(self.interleaved()).saturating_mul(self.layout.bytes_per_sample)
    }

    /// Whole rows of one strip follow each other; parts of rows do not.
    fn rows_in_one_read(&self, rect: Rect, y: u32) -> u32 {
        if (rect.width as usize) < self.layout.width {
            return 1;
        }
        let strip_end = (y / self.strip_height + 1).saturating_mul(self.strip_height);
        let most = u32::try_from(MAX_READ / self.row_bytes().max(1)).unwrap_or(u32::MAX).max(1);
        (strip_end.min(rect.bottom()) - y).min(most)
    }
}

/// Copies samples from pixels of `count` bands to pixels of `width` bands; `picks` are (to, from).
fn copy(source: &[u8], count: usize, out: &mut [u8], width: usize, bytes: usize, picks: &[(usize, usize)]) {
    if count == width && picks.iter().all(|(to, from)| to == from) && picks.len() == count {
        out.copy_from_slice(source);
        return;
    }
    for (from_pixel, to_pixel) in source.chunks_exact(count * bytes).zip(out.chunks_exact_mut(width * bytes))
    {
        for (to, from) in picks {
            let from = from_pixel.get(from * bytes..(from + 1) * bytes);
            if let (Some(to), Some(from)) = (to_pixel.get_mut(to * bytes..(to + 1) * bytes), from) {
                to.copy_from_slice(from);
            }
        }
    }
}

/// An entry of a table of offsets.
pub(in crate::raster) fn offset_at(offsets: &TagValue, index: usize) -> Option<u64> {
    match offsets {
        TagValue::Byte(values) => values.get(index).map(|&value| u64::from(value)),
        TagValue::Short(values) => values.get(index).map(|&value| u64::from(value)),
        TagValue::Long(values) => values.get(index).map(|&value| u64::from(value)),
        TagValue::Long8(values) => values.get(index).copied(),
        _ => None,
    }
}

/// The byte order of this machine.
pub(super) fn native() -> ByteOrder {
    if cfg!(target_endian = "big") { ByteOrder::BigEndian } else { ByteOrder::LittleEndian }
}

//! Uncompressed strips, read row by row.
//!
//! Many programs write an uncompressed TIFF as one strip as large as the image. The decoder would read all of
//! it for every region, although the offset of each pixel in the file is known.

use tiff_reader::constants::{Compression, TAG_STRIP_OFFSETS};
use tiff_reader::{ByteOrder, Ifd, RasterLayout, TagValue, TiffError, TiffFile};

use crate::raster::interleave::{BandCopy, copy_bands};
use crate::raster::rect::Rect;

/// Smaller strips are left to the decoder.
const MIN_STRIP_BYTES: usize = 1 << 20;
/// The most bytes that one call to the operating system reads.
const MAX_READ: usize = 16 << 20;

/// Where the rows of an uncompressed image are.
pub(super) struct Uncompressed {
    layout: RasterLayout,
    strip_height: u32,
    /// The number of strips, of a single plane in a planar image.
    strips: usize,
    swaps_bytes: bool,
}

impl Uncompressed {
    /// `None` for an image that has to be decoded, or has small strips.
    pub fn of(file: &TiffFile, image: &Ifd, layout: &RasterLayout) -> Option<Self> {
        let strip_height = image.rows_per_strip().clamp(1, image.height().max(1));
        let rows = Self {
            layout: *layout,
            strip_height,
            strips: image.height().div_ceil(strip_height) as usize,
            swaps_bytes: file.byte_order() != native_order(),
        };
        let plain = image.compression() == Compression::None.to_code()
            && !image.is_tiled()
            && image.fill_order() == 1
            && layout.predictor == 1
            && !layout.is_bit_packed();
        (plain && rows.row_bytes().saturating_mul(strip_height as usize) >= MIN_STRIP_BYTES).then_some(rows)
    }

    /// Reads some bands, as [`Reader::read`](crate::raster::reader::Reader::read). Strips that were never
    /// written are zeros.
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
        // One pass per plane, or a single one over interleaved pixels.
        let passes: Vec<(usize, Vec<BandCopy>)> = if count == 1 {
            bands.iter().enumerate().map(|(to, &band)| (band, vec![BandCopy { from: 0, to }])).collect()
        } else {
            let copies = bands.iter().enumerate().map(|(to, &from)| BandCopy { from, to });
            vec![(0, copies.collect())]
        };
        for (plane, copies) in passes {
            let mut y = rect.y;
            while y < rect.bottom() {
                let rows = self.rows_in_one_read(rect, y);
                let strip = (y / self.strip_height) as usize + plane * self.strips;
                let start = offsets.and_then(|offsets| table_entry(offsets, strip)).unwrap_or(0);
                if start > 0 {
                    let row = u64::from(y % self.strip_height) * self.row_bytes() as u64;
                    let column = u64::from(rect.x) * (count * bytes) as u64;
                    let length = rows as usize * rect.width as usize * count * bytes;
                    let source = file.source().read_exact_at(start.saturating_add(row + column), length)?;
                    let top = (y - rect.y) as usize * out_row;
                    let out = data.get_mut(top..top + rows as usize * out_row).unwrap_or_default();
                    copy_bands((&source, count), (out, bands.len()), bytes, &copies);
                }
                y += rows;
            }
        }
        if self.swaps_bytes && bytes > 1 {
            data.chunks_exact_mut(bytes).for_each(<[u8]>::reverse);
        }
        Ok(data)
    }

    /// The number of bands that are interleaved in the file.
    fn interleaved(&self) -> usize {
        if self.layout.planar_configuration == 1 { self.layout.samples_per_pixel } else { 1 }
    }

    fn row_bytes(&self) -> usize {
        self.layout.width.saturating_mul(self.interleaved()).saturating_mul(self.layout.bytes_per_sample)
    }

    /// How many rows one read can take: whole rows of a strip are contiguous, parts of rows are not.
    fn rows_in_one_read(&self, rect: Rect, y: u32) -> u32 {
        if (rect.width as usize) < self.layout.width {
            return 1;
        }
        let strip_end = (y / self.strip_height + 1).saturating_mul(self.strip_height);
        let max_rows = u32::try_from(MAX_READ / self.row_bytes().max(1)).unwrap_or(u32::MAX).max(1);
        (strip_end.min(rect.bottom()) - y).min(max_rows)
    }
}

/// An entry of a table of offsets or byte counts.
pub(super) fn table_entry(table: &TagValue, index: usize) -> Option<u64> {
    match table {
        TagValue::Byte(values) => values.get(index).map(|&value| u64::from(value)),
        TagValue::Short(values) => values.get(index).map(|&value| u64::from(value)),
        TagValue::Long(values) => values.get(index).map(|&value| u64::from(value)),
        TagValue::Long8(values) => values.get(index).copied(),
        _ => None,
    }
}

/// The native byte order.
pub(super) fn native_order() -> ByteOrder {
    if cfg!(target_endian = "big") { ByteOrder::BigEndian } else { ByteOrder::LittleEndian }
}

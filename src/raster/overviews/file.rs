//! The file of a pyramid: a tiled `BigTIFF` with one image a level, as GDAL's `.ovr`.
//!
//! It is not compressed: that would take more time than everything else together, and save a quarter of the
//! space for photographs.

use std::fs::File;
use std::io::BufWriter;

use rayon::prelude::*;
use tiff_reader::constants::{Compression, SampleFormat};
use tiff_reader::{ByteOrder, ExtraSample, PhotometricInterpretation};
use tiff_writer::{ImageBuilder, ImageHandle, TiffVariant, TiffWriter, WriteOptions};

use crate::raster::downsample::PixelLayout;
use crate::raster::error::ReaderError;
use crate::raster::samples::SampleType;

/// The side of a tile in pixels.
pub(super) const TILE: usize = 256;

pub(super) struct PyramidFile<'a> {
    writer: TiffWriter<BufWriter<&'a File>>,
}

/// The image of a level or of its mask.
pub(super) struct LevelImage {
    handle: ImageHandle,
    width: usize,
    pixel_bytes: usize,
}

impl<'a> PyramidFile<'a> {
    pub fn new(file: &'a File) -> Result<Self, ReaderError> {
        let byte_order =
            if cfg!(target_endian = "big") { ByteOrder::BigEndian } else { ByteOrder::LittleEndian };
        let options = WriteOptions { byte_order, variant: TiffVariant::BigTiff };
        let writer =
            TiffWriter::new(BufWriter::with_capacity(1 << 20, file), options).map_err(writer_error)?;
        Ok(Self { writer })
    }

    /// Adds the image of a level.
    pub fn level(
        &mut self,
        width: u32,
        height: u32,
        layout: &PixelLayout,
    ) -> Result<LevelImage, ReaderError> {
        let (format, bits) = format(layout.sample_type);
        let colours = if layout.bands >= 3 && !layout.palette { 3 } else { 1 };
        let photometric =
            if colours == 3 { PhotometricInterpretation::Rgb } else { PhotometricInterpretation::MinIsBlack };
        let extra = (colours..layout.bands).map(|band| {
            if layout.alpha == Some(band) { ExtraSample::UnassociatedAlpha } else { ExtraSample::Unspecified }
        });
        let image = ImageBuilder::new(width, height)
            .samples_per_pixel(layout.bands as u16)
            .sample_format(format)
            .bits_per_sample(bits)
            .photometric(photometric)
            .extra_samples(extra.collect());
        self.add(image, width, layout.pixel_bytes(), 1)
    }

    /// Adds the mask of a level, which is 0 where there is no data.
    pub fn mask(&mut self, width: u32, height: u32) -> Result<LevelImage, ReaderError> {
        let image = ImageBuilder::new(width, height)
            .samples_per_pixel(1)
            .sample_type::<u8>()
            .photometric(PhotometricInterpretation::Mask);
        self.add(image, width, 1, 1 | 4)
    }

    fn add(
        &mut self,
        image: ImageBuilder,
        width: u32,
        pixel_bytes: usize,
        subfile_type: u32,
    ) -> Result<LevelImage, ReaderError> {
        let image = image.tiles(TILE as u32, TILE as u32).compression(Compression::None);
        let image = if subfile_type == 1 {
            image.overview()
        } else {
            image.tag(tiff_reader::Tag::new(254, tiff_reader::TagValue::Long(vec![subfile_type])))
        };
        let handle = self.writer.add_image(image).map_err(writer_error)?;
        Ok(LevelImage { handle, width: width as usize, pixel_bytes })
    }

    /// Writes a row of tiles from up to [`TILE`] rows of pixels.
    pub fn write(&mut self, image: &LevelImage, tile_row: usize, rows: &[u8]) -> Result<(), ReaderError> {
        let across = image.width.div_ceil(TILE);
        let row_bytes = image.width * image.pixel_bytes;
        let tile = |column: usize| {
            let mut tile = vec![0; TILE * TILE * image.pixel_bytes];
            let start = column * TILE * image.pixel_bytes;
            let length = (TILE * image.pixel_bytes).min(row_bytes - start);
            let lines = tile.chunks_exact_mut(TILE * image.pixel_bytes);
            for (line, row) in lines.zip(rows.chunks_exact(row_bytes)) {
                if let (Some(line), Some(row)) = (line.get_mut(..length), row.get(start..start + length)) {
                    line.copy_from_slice(row);
                }
            }
            tile
        };
        let tiles: Vec<Vec<u8>> = (0..across).into_par_iter().map(tile).collect();
        for (column, tile) in tiles.iter().enumerate() {
            let index = tile_row * across + column;
            // A tile that is absent is read as zeros.
            if tile.iter().all(|byte| *byte == 0) {
                self.writer.write_block_sparse(&image.handle, index).map_err(writer_error)?;
            } else {
                self.writer.write_block_raw(&image.handle, index, tile).map_err(writer_error)?;
            }
        }
        Ok(())
    }

    pub fn finish(self) -> Result<(), ReaderError> {
        let mut out = self.writer.finish().map_err(writer_error)?;
        std::io::Write::flush(&mut out).map_err(ReaderError::Scratch)
    }
}

fn format(sample_type: SampleType) -> (SampleFormat, u16) {
    let format = match sample_type {
        SampleType::Uint8 | SampleType::Uint16 | SampleType::Uint32 | SampleType::Uint64 => {
            SampleFormat::Uint
        }
        SampleType::Int8 | SampleType::Int16 | SampleType::Int32 | SampleType::Int64 => SampleFormat::Int,
        SampleType::Float32 | SampleType::Float64 => SampleFormat::Float,
    };
    (format, sample_type.bytes() as u16 * 8)
}

/// The writer fails only if the disk does.
fn writer_error(error: tiff_writer::Error) -> ReaderError {
    match error {
        tiff_writer::Error::Io(error) => ReaderError::Scratch(error),
        error => ReaderError::Scratch(std::io::Error::other(error.to_string())),
    }
}

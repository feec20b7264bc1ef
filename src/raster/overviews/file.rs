//! The file of a pyramid: a tiled `BigTIFF` with one image a level, as GDAL's `.ovr`.
//!
//! It is not compressed: that would take more time than all the rest, and save a quarter of the space on
//! photographs.

use std::fs::File;
use std::io::BufWriter;

use rayon::prelude::*;
use tiff_reader::constants::{Compression, SampleFormat};
use tiff_reader::{ByteOrder, ExtraSample, PhotometricInterpretation};
use tiff_writer::{ImageBuilder, ImageHandle, TiffVariant, TiffWriter, WriteOptions};

use super::halve::Kind;
use crate::raster::SampleType;
use crate::raster::error::Fault;

/// The side of a tile in pixels.
pub(super) const TILE: usize = 256;

pub(super) struct PyramidFile<'a> {
    writer: TiffWriter<BufWriter<&'a File>>,
}

/// The image of a level, or of a level's mask.
pub(super) struct LevelImage {
    handle: ImageHandle,
    width: usize,
    pixel_bytes: usize,
}

impl<'a> PyramidFile<'a> {
    pub fn new(file: &'a File) -> Result<Self, Fault> {
        let byte_order =
            if cfg!(target_endian = "big") { ByteOrder::BigEndian } else { ByteOrder::LittleEndian };
        let options = WriteOptions { byte_order, variant: TiffVariant::BigTiff };
        let writer = TiffWriter::new(BufWriter::with_capacity(1 << 20, file), options).map_err(fault)?;
        Ok(Self { writer })
    }

    pub fn level(&mut self, width: u32, height: u32, kind: &Kind) -> Result<LevelImage, Fault> {
        let (format, bits) = format(kind.sample_type);
        let colours = if kind.bands >= 3 && !kind.palette { 3 } else { 1 };
        let photometric =
            if colours == 3 { PhotometricInterpretation::Rgb } else { PhotometricInterpretation::MinIsBlack };
        let extra = (colours..kind.bands).map(|band| {
            if kind.alpha == Some(band) { ExtraSample::UnassociatedAlpha } else { ExtraSample::Unspecified }
        });
        let image = ImageBuilder::new(width, height)
            .samples_per_pixel(kind.bands as u16)
            .sample_format(format)
            .bits_per_sample(bits)
            .photometric(photometric)
            .extra_samples(extra.collect());
        self.add(image, width, kind.pixel_bytes(), 1)
    }

    /// The mask of a level: 0 where it has no data.
    pub fn mask(&mut self, width: u32, height: u32) -> Result<LevelImage, Fault> {
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
    ) -> Result<LevelImage, Fault> {
        let image = image.tiles(TILE as u32, TILE as u32).compression(Compression::None);
        let image = if subfile_type == 1 {
            image.overview()
        } else {
            image.tag(tiff_reader::Tag::new(254, tiff_reader::TagValue::Long(vec![subfile_type])))
        };
        let handle = self.writer.add_image(image).map_err(fault)?;
        Ok(LevelImage { handle, width: width as usize, pixel_bytes })
    }

    /// Writes a row of tiles; `rows` are at most [`TILE`] whole rows of pixels.
    pub fn write(&mut self, image: &LevelImage, tile_row: usize, rows: &[u8]) -> Result<(), Fault> {
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
            // A tile that isn't there is read as zeros.
            if tile.iter().all(|byte| *byte == 0) {
                self.writer.write_block_sparse(&image.handle, index).map_err(fault)?;
            } else {
                self.writer.write_block_raw(&image.handle, index, tile).map_err(fault)?;
            }
        }
        Ok(())
    }

    pub fn finish(self) -> Result<(), Fault> {
        let mut out = self.writer.finish().map_err(fault)?;
        std::io::Write::flush(&mut out).map_err(Fault::Scratch)
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

/// The writer fails where the disk does.
fn fault(error: tiff_writer::Error) -> Fault {
    match error {
        tiff_writer::Error::Io(error) => Fault::Scratch(error),
        error => Fault::Scratch(std::io::Error::other(error.to_string())),
    }
}

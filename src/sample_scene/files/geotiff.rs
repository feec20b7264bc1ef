//! The scene as a tiled, compressed GeoTIFF with overviews, written tile by tile as it is painted.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

use rayon::prelude::*;
use tiff_reader::constants::{Compression, Predictor};
use tiff_reader::{ByteOrder, PhotometricInterpretation, Tag, TagValue};
use tiff_writer::compress::{BlockEncodingOptions, compress_block};
use tiff_writer::{ImageBuilder, ImageHandle, JpegOptions, TiffWriter, WriteOptions};

use super::pyramid::{PyramidLevel, halved, overview_sizes};
use crate::atomic::write_whole;
use crate::sample_scene::error::SampleSceneError;
use crate::sample_scene::scene::{SampleScene, TILE};

/// UTM zone 54 north on WGS 84: the coast of Japan.
const EPSG: u16 = 32654;
/// Where the world's corner lies in it: metres east and north.
const CORNER: (f64, f64) = (366_000.0, 3_912_000.0);
const JPEG: JpegOptions = JpegOptions { quality: 90 };
/// Tiles that are painted before any of them is written. They and the overviews' bands bound the memory.
const BATCH: u64 = 64;

type Out<'a, 'b> = TiffWriter<&'a mut BufWriter<&'b File>>;

/// Paints the scene into a file. `done` is called with the number of further tiles that are painted.
///
/// # Errors
/// If the file can't be written. The error names it.
pub fn write_scene(scene: &SampleScene, path: &Path, done: &dyn Fn(u64)) -> Result<(), SampleSceneError> {
    let cannot_write = |error| SampleSceneError::write(path, error);
    write_whole(path, cannot_write, |file| {
        let writer = TiffWriter::new(file, WriteOptions::auto()).map_err(|error| failed(path, error))?;
        paint_into(scene, writer, done).map_err(|error| failed(path, error))
    })
}

fn failed(path: &Path, error: tiff_writer::Error) -> SampleSceneError {
    match error {
        tiff_writer::Error::Io(source) => SampleSceneError::write(path, source),
        other => SampleSceneError::Encode { path: path.display().to_string(), message: other.to_string() },
    }
}

fn paint_into(scene: &SampleScene, mut writer: Out, done: &dyn Fn(u64)) -> Result<(), tiff_writer::Error> {
    let (width, height) = scene.size();
    let full = writer.add_image(georeferenced(picture(width, height), scene))?;
    let mut overviews = Vec::new();
    for (width, height) in overview_sizes(width, height) {
        let handle = writer.add_image(picture(width, height).overview())?;
        overviews.push((handle, PyramidLevel::new(width, height)));
    }
    let columns = width.div_ceil(TILE);
    let tiles = scene.tiles();
    for start in (0..tiles).step_by(BATCH as usize) {
        let batch = start..(start + BATCH).min(tiles);
        let painted = batch
            .into_par_iter()
            .map(|index| {
                let (column, row) =
                    ((index % u64::from(columns)) as u32, (index / u64::from(columns)) as u32);
                let tile = scene.tile(column, row);
                Ok((column, row, halved(&tile), compressed(&tile, index as usize)?))
            })
            .collect::<Result<Vec<_>, tiff_writer::Error>>()?;
        done(painted.len() as u64);
        for (column, row, half, bytes) in painted {
            writer.write_block_raw(&full, row as usize * columns as usize + column as usize, &bytes)?;
            if let Some((_, level)) = overviews.first_mut() {
                level.put(column, row, &half);
            }
            if column + 1 == columns {
                write_overviews(&mut writer, &mut overviews, row, height.div_ceil(TILE))?;
            }
        }
    }
    writer.finish()?;
    Ok(())
}

/// Writes the rows of overview tiles that are complete once row `row` of the `rows` at full resolution is.
fn write_overviews(
    writer: &mut Out,
    overviews: &mut [(ImageHandle, PyramidLevel)],
    mut row: u32,
    mut rows: u32,
) -> Result<(), tiff_writer::Error> {
    for index in 0..overviews.len() {
        // A row is complete with its second half, or with its first if the level below ends there.
        if row.is_multiple_of(2) && row + 1 < rows {
            break;
        }
        let (handle, level) = &overviews[index];
        (row, rows) = (row / 2, level.rows);
        let first = row as usize * level.columns as usize;
        let encoded = level
            .tiles()
            .par_iter()
            .enumerate()
            .map(|(column, tile)| Ok((halved(tile), compressed(tile, first + column)?)))
            .collect::<Result<Vec<_>, tiff_writer::Error>>()?;
        for (column, (_, bytes)) in encoded.iter().enumerate() {
            writer.write_block_raw(handle, first + column, bytes)?;
        }
        if let Some((_, next)) = overviews.get_mut(index + 1) {
            for (column, (half, _)) in encoded.iter().enumerate() {
                next.put(column as u32, row, half);
            }
        }
    }
    Ok(())
}

fn compressed(tile: &[u8], index: usize) -> Result<Vec<u8>, tiff_writer::Error> {
    let options = BlockEncodingOptions {
        byte_order: ByteOrder::LittleEndian,
        compression: Compression::Jpeg,
        predictor: Predictor::None,
        samples_per_pixel: 3,
        row_width_pixels: TILE as usize,
        jpeg_options: Some(&JPEG),
        jpeg_sampling: Some([2, 2]),
        deflate_level: None,
    };
    compress_block(tile, options, index)
}

fn picture(width: u32, height: u32) -> ImageBuilder {
    ImageBuilder::new(width, height)
        .sample_type::<u8>()
        .samples_per_pixel(3)
        .photometric(PhotometricInterpretation::YCbCr)
        .jpeg_options(JPEG)
        .ycbcr_subsampling([2, 2])
        .tiles(TILE, TILE)
}

fn georeferenced(picture: ImageBuilder, scene: &SampleScene) -> ImageBuilder {
    let gsd = scene.gsd();
    let (east, north) = (CORNER.0 + scene.corner.0, CORNER.1 - scene.corner.1);
    // Projected; pixels are areas; the projection; metres.
    let keys = [1, 1, 0, 4, 1024, 0, 1, 1, 1025, 0, 1, 1, 3072, 0, 1, EPSG, 3076, 0, 1, 9001];
    picture
        .tag(Tag::new(33550, TagValue::Double(vec![gsd, gsd, 0.0])))
        .tag(Tag::new(33922, TagValue::Double(vec![0.0, 0.0, 0.0, east, north, 0.0])))
        .tag(Tag::new(34735, TagValue::Short(keys.to_vec())))
}

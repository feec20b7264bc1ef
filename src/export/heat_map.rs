//! A heat map as a GeoTIFF of 32-bit floats that any GIS lays over the scene.

use std::io::Cursor;
use std::path::Path;

use tiff_reader::constants::{Compression, Predictor};
use tiff_reader::{PhotometricInterpretation, Tag, TagValue};
use tiff_writer::{ImageBuilder, TiffWriter, WriteOptions};

use super::{ExportError, write_atomically};
use crate::raster::Scene;
use crate::search::HeatMap;

const MODEL_TRANSFORMATION: u16 = 34264;
const GEO_KEY_DIRECTORY: u16 = 34735;
/// GDAL's tag for the value that means "no data".
const NODATA: u16 = 42113;
/// Cells of a strip.
const STRIP: usize = 1 << 20;

/// Writes a heat map with the scene's place on the map: one band of scores, NaN where no window lies.
///
/// # Errors
/// When the file can't be written.
pub fn write_heat_map(path: &Path, heat_map: &HeatMap, scene: &Scene) -> Result<(), ExportError> {
    let failed = |source| ExportError::Write { path: path.display().to_string(), source };
    let bytes = encode(heat_map, scene).map_err(|error| failed(std::io::Error::other(error.to_string())))?;
    write_atomically(path, |out| out.write_all(&bytes).map_err(failed))
}

fn encode(heat_map: &HeatMap, scene: &Scene) -> Result<Vec<u8>, tiff_writer::Error> {
    let (width, height) = (heat_map.width.max(1), heat_map.height.max(1));
    let rows = (STRIP / width).clamp(1, height);
    let mut image = ImageBuilder::new(width as u32, height as u32)
        .sample_type::<f32>()
        .samples_per_pixel(1)
        .photometric(PhotometricInterpretation::MinIsBlack)
        .strips(rows as u32)
        .compression(Compression::Deflate)
        .predictor(Predictor::FloatingPoint)
        .tag(Tag::new(NODATA, TagValue::Ascii("nan".to_owned())));
    for tag in georeference(heat_map, scene).into_iter().flatten() {
        image = image.tag(tag);
    }
    let mut writer = TiffWriter::new(Cursor::new(Vec::new()), WriteOptions::auto())?;
    let handle = writer.add_image(image)?;
    for (index, strip) in heat_map.values.chunks(rows * width).enumerate() {
        writer.write_block(&handle, index, strip)?;
    }
    Ok(writer.finish()?.into_inner())
}

/// Where the cells lie: a matrix from cells to the map, and the map's EPSG code. A scene placed by ground
/// control points gets the matrix that fits its corners.
fn georeference(heat_map: &HeatMap, scene: &Scene) -> Option<Vec<Tag>> {
    let (columns, rows) = (heat_map.width as f64, heat_map.height as f64);
    let cell = f64::from(heat_map.cell);
    let origin = scene.map(0.0, 0.0)?;
    let right = scene.map(columns * cell, 0.0)?;
    let down = scene.map(0.0, rows * cell)?;
    let step = |end: (f64, f64), count: f64| ((end.0 - origin.0) / count, (end.1 - origin.1) / count);
    let ((a, d), (b, e)) = (step(right, columns), step(down, rows));
    // Row by row, 4 x 4 (GeoTIFF 1.1, section 7.3.4).
    let matrix = [[a, b, 0.0, origin.0], [d, e, 0.0, origin.1], [0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0]];
    let mut tags = vec![Tag::new(MODEL_TRANSFORMATION, TagValue::Double(matrix.concat()))];
    if let Some(code) = scene.info().epsg.and_then(|code| u16::try_from(code).ok()) {
        let units = scene.axis_units();
        let angular = matches!(units.as_deref(), Some("degrees" | "grads" | "radians"));
        let (model, key) = if angular { (2, 2048) } else { (1, 3072) };
        // Three keys: the kind of system; pixels are areas; its code.
        let keys = [1, 1, 0, 3, 1024, 0, 1, model, 1025, 0, 1, 1, key, 0, 1, code];
        tags.push(Tag::new(GEO_KEY_DIRECTORY, TagValue::Short(keys.to_vec())));
    }
    Some(tags)
}

//! Embeddings as GeoParquet 1.1: a table of windows that other programs put on a map and search.

use std::io::{self, Write};
use std::sync::Arc;

use arrow_array::builder::{BinaryBuilder, Float16Builder, Float32Builder, StringBuilder, UInt32Builder};
use arrow_array::{ArrayRef, FixedSizeListArray, RecordBatch};
use arrow_schema::{ArrowError, DataType, Field, FieldRef, Schema, SchemaRef};
use half::f16;
use parquet::arrow::ArrowWriter;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::schema::types::ColumnPath;
use serde_json::json;

use super::well_known_binary::well_known_binary;
use crate::raster::{Footprint, Rect};
use crate::store::{Collection, Provenance};

/// Windows that are written at once, and those of a row group.
const BATCH: usize = 4096;
const ROW_GROUP: usize = 16 * BATCH;

/// From level-0 pixels to degrees.
type LonLat<'a> = &'a dyn Fn(f64, f64) -> Option<(f64, f64)>;

/// A file that is being written, scene by scene.
pub struct GeoParquet<'a> {
    writer: ArrowWriter<&'a mut (dyn Write + Send)>,
    schema: SchemaRef,
    embedding_len: usize,
    half: bool,
    /// Whether geometries are in degrees; else they are in pixels.
    placed: bool,
    bounds: DegreeBounds,
    /// Whether the antimeridian divides one of them.
    divided: bool,
    windows: usize,
}

impl<'a> GeoParquet<'a> {
    /// Begins a file. `half` writes embeddings with 16 bits a value, as they are stored, which fewer programs
    /// read.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn new(
        out: &'a mut (dyn Write + Send),
        about: &Provenance,
        embedding_len: usize,
        half: bool,
        placed: bool,
    ) -> io::Result<Self> {
        let schema = schema(embedding_len, half);
        let properties = WriterProperties::builder()
            .set_max_row_group_row_count(Some(ROW_GROUP))
            // Hardly any value occurs twice, but for the names of images.
            .set_dictionary_enabled(false)
            .set_column_dictionary_enabled(ColumnPath::from("image"), true)
            .build();
        let mut writer =
            ArrowWriter::try_new(out, Arc::clone(&schema), Some(properties)).map_err(io::Error::from)?;
        for (key, value) in [
            ("model", about.model.as_str()),
            ("model_fingerprint", &about.model_fingerprint),
            ("preprocessing", &about.preprocessing),
            ("skysift_version", env!("CARGO_PKG_VERSION")),
        ] {
            writer.append_key_value_metadata(KeyValue::new(key.to_owned(), value.to_owned()));
        }
        Ok(Self {
            writer,
            schema,
            embedding_len,
            half,
            placed,
            bounds: DegreeBounds::default(),
            divided: false,
            windows: 0,
        })
    }

    /// Adds a scene's windows in grid order, but for those without data.
    ///
    /// # Errors
    /// When they can't be written.
    pub fn add(&mut self, collection: &Collection, image: &str, lon_lat: LonLat) -> io::Result<()> {
        let all = collection.in_order();
        for ids in all.chunks(BATCH) {
            let windows: Vec<WindowRow> = ids
                .iter()
                .filter_map(|(key, id)| {
                    let (nodata, embedding) = collection.window(*id)?;
                    let rect = key.rect().within(collection.provenance().scene_size);
                    (nodata < 1.0).then_some(WindowRow { rect, nodata, embedding })
                })
                .collect();
            let batch = self.batch(&windows, image, lon_lat).map_err(io::Error::other)?;
            self.writer.write(&batch).map_err(io::Error::from)?;
            self.windows += windows.len();
        }
        Ok(())
    }

    /// Ends the file; the number of windows in it.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn finish(mut self) -> io::Result<usize> {
        let types: &[&str] = if self.divided { &["MultiPolygon", "Polygon"] } else { &["Polygon"] };
        let mut column = json!({
            "encoding": "WKB",
            "geometry_types": types,
            "orientation": "counterclockwise",
            "edges": "planar",
        });
        // Left out, it stands for longitude and latitude; null, for none that is known.
        if !self.placed {
            column["crs"] = serde_json::Value::Null;
        }
        if let Some(bounds) = self.bounds.shortest(self.placed) {
            column["bbox"] = json!(bounds);
        }
        let geo = json!({"version": "1.1.0", "primary_column": "geometry", "columns": {"geometry": column}});
        self.writer.append_key_value_metadata(KeyValue::new("geo".to_owned(), geo.to_string()));
        self.writer.close().map_err(io::Error::from)?;
        Ok(self.windows)
    }

    fn batch(
        &mut self,
        windows: &[WindowRow],
        image: &str,
        lon_lat: LonLat,
    ) -> Result<RecordBatch, ArrowError> {
        let mut geometry = BinaryBuilder::new();
        let mut images = StringBuilder::new();
        let mut nodata = Float32Builder::with_capacity(windows.len());
        for window in windows {
            let rect = window.rect;
            let footprint =
                if self.placed { Footprint::new(rect, lon_lat) } else { Some(Footprint::in_pixels(rect)) };
            match footprint {
                Some(footprint) => geometry.append_value(self.geometry(&footprint)),
                None => geometry.append_null(),
            }
            images.append_value(image);
            nodata.append_value(window.nodata);
        }
        let numbers = |value: fn(&Rect) -> u32| -> ArrayRef {
            let mut builder = UInt32Builder::with_capacity(windows.len());
            builder.append_slice(&windows.iter().map(|window| value(&window.rect)).collect::<Vec<_>>());
            Arc::new(builder.finish())
        };
        let columns: Vec<ArrayRef> = vec![
            Arc::new(geometry.finish()),
            Arc::new(images.finish()),
            numbers(|rect| rect.x),
            numbers(|rect| rect.y),
            numbers(|rect| rect.width),
            numbers(|rect| rect.height),
            Arc::new(nodata.finish()),
            self.embeddings(windows)?,
        ];
        RecordBatch::try_new(Arc::clone(&self.schema), columns)
    }

    fn embeddings(&self, windows: &[WindowRow]) -> Result<ArrayRef, ArrowError> {
        let values: ArrayRef = if self.half {
            let mut builder = Float16Builder::with_capacity(windows.len() * self.embedding_len);
            for window in windows {
                builder.append_slice(window.embedding);
            }
            Arc::new(builder.finish())
        } else {
            let mut builder = Float32Builder::with_capacity(windows.len() * self.embedding_len);
            let values = windows.iter().flat_map(|window| window.embedding);
            values.for_each(|value| builder.append_value(value.to_f32()));
            Arc::new(builder.finish())
        };
        let list = FixedSizeListArray::try_new(item(self.half), length(self.embedding_len), values, None)?;
        Ok(Arc::new(list))
    }

    /// A polygon, or several, which the bounds grow around.
    fn geometry(&mut self, footprint: &Footprint) -> Vec<u8> {
        let rings = footprint.rings();
        self.divided |= rings.len() != 1;
        rings.iter().flatten().for_each(|&[x, y]| self.bounds.add(x, y));
        well_known_binary(rings, false)
    }
}

/// West, south, east, north of all windows, once with longitudes from -180 to 180 and once from 0 to 360.
#[derive(Default)]
struct DegreeBounds {
    greenwich: Option<[f64; 4]>,
    pacific: Option<[f64; 4]>,
}

impl DegreeBounds {
    fn add(&mut self, x: f64, y: f64) {
        let grown = |bounds: Option<[f64; 4]>, x: f64| {
            let [west, south, east, north] = bounds.unwrap_or([x, y, x, y]);
            Some([west.min(x), south.min(y), east.max(x), north.max(y)])
        };
        self.greenwich = grown(self.greenwich, x);
        self.pacific = grown(self.pacific, if x < 0.0 { x + 360.0 } else { x });
    }

    /// Of degrees the shorter way around: west is larger than east across the antimeridian (RFC 7946, section
    /// 5.2).
    fn shortest(&self, degrees: bool) -> Option<[f64; 4]> {
        let (greenwich, pacific) = (self.greenwich?, self.pacific?);
        let width = |[west, _, east, _]: [f64; 4]| east - west;
        if !degrees || width(greenwich) <= width(pacific) {
            return Some(greenwich);
        }
        let [west, south, east, north] = pacific;
        Some([west, south, if east > 180.0 { east - 360.0 } else { east }, north])
    }
}

struct WindowRow<'a> {
    /// As far as it lies in the scene.
    rect: Rect,
    nodata: f32,
    embedding: &'a [f16],
}

fn schema(embedding_len: usize, half: bool) -> SchemaRef {
    let number = |name: &str| Field::new(name, DataType::UInt32, false);
    Arc::new(Schema::new(vec![
        Field::new("geometry", DataType::Binary, true),
        Field::new("image", DataType::Utf8, false),
        number("x"),
        number("y"),
        number("width"),
        number("height"),
        Field::new("nodata", DataType::Float32, false),
        Field::new("embedding", DataType::FixedSizeList(item(half), length(embedding_len)), false),
    ]))
}

fn item(half: bool) -> FieldRef {
    let kind = if half { DataType::Float16 } else { DataType::Float32 };
    Arc::new(Field::new_list_field(kind, false))
}

fn length(embedding_len: usize) -> i32 {
    i32::try_from(embedding_len).unwrap_or(i32::MAX)
}

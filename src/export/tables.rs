//! Reports as JSON, GeoJSON and CSV.

use std::io::{self, Write};

use geojson::{Feature, FeatureCollection, Geometry, GeometryValue, JsonObject, JsonValue};
use serde::Serialize;

use super::report::Coordinates;
use super::{Format, Origin, RecordOptions, ReportedDetection, ScanReport, write_records};
use crate::raster::{Footprint, Rect};

/// Writes a report in a format; `options` are for formats that are about more than the report.
///
/// # Errors
/// Those of the writer, and those of [`write_records`].
pub fn write_report(
    report: &ScanReport,
    format: Format,
    options: &RecordOptions,
    out: &mut dyn Write,
) -> io::Result<()> {
    match format {
        Format::Json => {
            serde_json::to_writer_pretty(&mut *out, report)?;
            writeln!(out)
        }
        Format::Geojson => {
            serde_json::to_writer_pretty(&mut *out, &feature_collection(report))?;
            writeln!(out)
        }
        Format::Csv => write_csv(report, out),
        Format::CsvExcel => {
            out.write_all(BYTE_ORDER_MARK)?;
            write_csv(report, out)
        }
        _ => write_records(&report.records(), format, options, out),
    }
}

/// That of UTF-8.
pub(super) const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

fn write_csv(report: &ScanReport, out: &mut dyn Write) -> io::Result<()> {
    let mut csv = csv::Writer::from_writer(out);
    let columns = COLUMNS.iter().copied();
    csv.write_record(columns.chain(report.dense.then_some(AREA)).chain(MORE_COLUMNS))?;
    let origin = report.origin();
    for detection in &report.detections {
        let area = report.dense.then(|| area(detection));
        csv.write_record(row(detection).into_iter().chain(area).chain(more(detection, &origin)))?;
    }
    csv.flush()
}

/// The columns of a table of detections.
pub(super) const COLUMNS: [&str; 11] =
    ["keyword", "rank", "probability", "cosine", "x", "y", "width", "height", "lon", "lat", "nodata"];
/// What a dense scan tells as well.
pub(super) const AREA: &str = "area_m2";

/// What stands behind all others, so that whoever reads the columns before it finds them where they were.
pub(super) const MORE_COLUMNS: [&str; 9] =
    ["score", "verdict", "note", "model", "prompt", "tile", "window", "scene", "time"];

/// A detection's line in it.
pub(super) fn row(detection: &ReportedDetection) -> [String; COLUMNS.len()] {
    let degrees = |value: Option<f64>| value.map(|value| value.to_string()).unwrap_or_default();
    [
        detection.keyword.clone(),
        detection.rank.to_string(),
        detection.probability.to_string(),
        detection.cosine.to_string(),
        detection.x.to_string(),
        detection.y.to_string(),
        detection.width.to_string(),
        detection.height.to_string(),
        degrees(detection.lon),
        degrees(detection.lat),
        detection.nodata.to_string(),
    ]
}

/// What stands in the column [`AREA`].
pub(super) fn area(detection: &ReportedDetection) -> String {
    detection.area_m2.map(|area| area.to_string()).unwrap_or_default()
}

/// What stands in [`MORE_COLUMNS`].
pub(super) fn more(detection: &ReportedDetection, origin: &Origin) -> [String; MORE_COLUMNS.len()] {
    let pixels = |value: Option<u32>| value.map(|value| value.to_string()).unwrap_or_default();
    [
        detection.score.to_string(),
        detection.verdict.text().to_owned(),
        detection.note.clone(),
        origin.model.clone(),
        origin.prompt.clone(),
        pixels(origin.tile),
        pixels(origin.window),
        origin.scene.clone(),
        origin.time.clone(),
    ]
}

fn feature_collection(report: &ScanReport) -> FeatureCollection {
    let origin = properties(&report.origin());
    let with_origin = |found| {
        let mut feature = feature(found, report.coordinates);
        feature.properties.get_or_insert_default().extend(origin.clone());
        feature
    };
    let features = report.detections.iter().map(with_origin).collect();
    let units = match report.coordinates {
        Coordinates::LonLat => "longitude, latitude",
        Coordinates::Pixels => "pixels",
    };
    let mut about = JsonObject::new();
    about.insert("coordinates".to_owned(), units.into());
    about.extend(provenance(report));
    FeatureCollection { features, bbox: None, foreign_members: Some(about) }
}

/// What made a result, which travels with it; the detections are the features themselves.
pub(super) fn provenance(report: &impl Serialize) -> JsonObject {
    let mut provenance = properties(report);
    provenance.remove("detections");
    provenance
}

/// The fields of a structure.
pub(super) fn properties(of: &impl Serialize) -> JsonObject {
    match serde_json::to_value(of) {
        Ok(JsonValue::Object(fields)) => fields,
        _ => JsonObject::new(),
    }
}

fn feature(detection: &ReportedDetection, coordinates: Coordinates) -> Feature {
    let footprint = match coordinates {
        Coordinates::LonLat => detection.footprint.as_ref().map(geometry),
        Coordinates::Pixels => {
            let &ReportedDetection { x, y, width, height, .. } = detection;
            Some(geometry(&match &detection.outline {
                Some(outline) => Footprint::ring_in_pixels(&outline.ring()),
                None => Footprint::in_pixels(Rect::new(x, y, width, height)),
            }))
        }
    };
    Feature { geometry: footprint, properties: Some(properties(detection)), ..Feature::default() }
}

/// One polygon, or several where the antimeridian divides it (RFC 7946, section 3.1.9).
pub(super) fn geometry(footprint: &Footprint) -> Geometry {
    Geometry::new(match footprint.rings() {
        [ring] => GeometryValue::new_polygon(vec![ring.clone()]),
        rings => GeometryValue::new_multi_polygon(rings.iter().map(|ring| vec![ring.clone()])),
    })
}

//! The result of a search over many scenes.

use std::io::{self, Write};

use geojson::{Feature, FeatureCollection};
use serde::Serialize;

use super::record::now;
use super::tables::{
    AREA, BYTE_ORDER_MARK, COLUMNS, MORE_COLUMNS, area, geometry, more, properties, provenance, row,
};
use super::{Format, Origin, RecordOptions, ReportedDetection, write_records};
use crate::encoder::EncoderCard;
use crate::search::{LibraryMatch, Query, RankBy, Threshold};

/// What was found in everything that is stored, and what made it.
#[derive(Clone, Debug, Serialize)]
pub struct LibraryReport {
    pub model: String,
    pub model_fingerprint: String,
    pub device: String,
    /// The type of the image tower's numbers: "f32", "f16" or "bf16".
    pub precision: &'static str,
    /// As in [`super::ScanReport`].
    pub scoring: &'static str,
    pub skysift_version: &'static str,
    pub prompt: String,
    pub rank_by: RankBy,
    /// Whether probabilities were refined among the windows of each scene.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub refine: bool,
    /// Those that were searched.
    pub scenes: usize,
    /// Their windows, as far as they have data.
    pub windows: usize,
    pub seconds: f64,
    /// When it was looked for: RFC 3339, in UTC.
    pub time: String,
    /// What a person should know of the scenes and the model: what is missing, approximate or left out.
    pub notices: Vec<String>,
    pub keywords: Vec<String>,
    /// From where on a match is clear: "auto" or a score.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub threshold: String,
    /// Keywords of which nothing reaches the threshold in any scene.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub no_clear_match: Vec<String>,
    /// Ranks are those among all scenes.
    pub detections: Vec<LibraryDetection>,
}

/// A detection with its scene.
#[derive(Clone, Debug, Serialize)]
pub struct LibraryDetection {
    pub image: String,
    /// Size of the scene in pixels.
    pub image_width: u32,
    pub image_height: u32,
    pub scene_fingerprint: String,
    #[serde(flatten)]
    pub detection: ReportedDetection,
}

impl LibraryDetection {
    /// `lon_lat` maps level-0 pixels of the scene to degrees, `pixel_size` tells their sides in metres.
    #[must_use]
    pub fn new(
        found: &LibraryMatch,
        image: String,
        rank_by: RankBy,
        lon_lat: impl Fn(f64, f64) -> Option<(f64, f64)>,
        pixel_size: impl Fn(f64, f64) -> Option<[f64; 2]>,
    ) -> Self {
        let (image_width, image_height) = found.scene.scene_size;
        Self {
            image,
            image_width,
            image_height,
            scene_fingerprint: found.scene.scene_fingerprint.clone(),
            detection: ReportedDetection::new(&found.detection, rank_by, lon_lat, pixel_size),
        }
    }
}

impl LibraryReport {
    /// A report without scenes and detections.
    #[must_use]
    pub fn new(card: &EncoderCard, query: &Query) -> Self {
        let threshold = match query.threshold {
            Threshold::Off => String::new(),
            threshold => threshold.to_string(),
        };
        Self {
            model: card.model.clone(),
            model_fingerprint: card.fingerprint.clone(),
            device: card.device.clone(),
            precision: card.precision.name(),
            scoring: card.scoring.name(),
            skysift_version: env!("CARGO_PKG_VERSION"),
            prompt: query.template.as_str().to_owned(),
            rank_by: query.rank_by,
            refine: query.refine,
            scenes: 0,
            windows: 0,
            seconds: 0.0,
            time: now(),
            notices: Vec::new(),
            keywords: query.keywords.clone(),
            threshold,
            no_clear_match: Vec::new(),
            detections: Vec::new(),
        }
    }

    /// Where a detection comes from.
    #[must_use]
    pub fn origin(&self, found: &LibraryDetection) -> Origin {
        Origin {
            model: self.model.clone(),
            prompt: self.prompt.clone(),
            tile: None,
            window: None,
            scene: found.image.clone(),
            time: self.time.clone(),
            scene_size: (found.image_width, found.image_height),
            scene_fingerprint: found.scene_fingerprint.clone(),
        }
    }

    /// Takes down for which keywords nothing was found.
    pub fn find_keywords_without_match(&mut self) {
        let found =
            |keyword: &&String| self.detections.iter().any(|found| found.detection.keyword == **keyword);
        self.no_clear_match = self.keywords.iter().filter(|keyword| !found(keyword)).cloned().collect();
    }
}

/// Writes a report in a format, as [`super::write_report`].
///
/// # Errors
/// Those of the writer.
pub fn write_library_report(
    report: &LibraryReport,
    format: Format,
    options: &RecordOptions,
    out: &mut dyn Write,
) -> io::Result<()> {
    match format {
        Format::Json => serde_json::to_writer_pretty(&mut *out, report)?,
        Format::Geojson => serde_json::to_writer_pretty(&mut *out, &feature_collection(report))?,
        Format::Csv => return write_csv(report, out),
        Format::CsvExcel => {
            out.write_all(BYTE_ORDER_MARK)?;
            return write_csv(report, out);
        }
        _ => return write_records(&report.records(), format, options, out),
    }
    writeln!(out)
}

fn write_csv(report: &LibraryReport, out: &mut dyn Write) -> io::Result<()> {
    let mut csv = csv::Writer::from_writer(out);
    let own = ["image", "image_width", "image_height"];
    let dense = report.detections.iter().any(|found| found.detection.outline.is_some());
    csv.write_record(COLUMNS.into_iter().chain(dense.then_some(AREA)).chain(own).chain(MORE_COLUMNS))?;
    for found in &report.detections {
        let own = [found.image.clone(), found.image_width.to_string(), found.image_height.to_string()];
        let area = dense.then(|| area(&found.detection));
        let more = more(&found.detection, &report.origin(found));
        csv.write_record(row(&found.detection).into_iter().chain(area).chain(own).chain(more))?;
    }
    csv.flush()
}

fn feature_collection(report: &LibraryReport) -> FeatureCollection {
    let features = report.detections.iter().map(|found| feature(found, report)).collect();
    FeatureCollection { features, bbox: None, foreign_members: Some(provenance(report)) }
}

/// A window without a place is a feature without geometry (RFC 7946, section 3.2): pixels of several images
/// in one map would mean nothing.
fn feature(found: &LibraryDetection, report: &LibraryReport) -> Feature {
    let geometry = found.detection.footprint.as_ref().map(geometry);
    let mut told = properties(found);
    told.extend(properties(&report.origin(found)));
    Feature { geometry, properties: Some(told), ..Feature::default() }
}

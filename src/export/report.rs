//! A scan's result with what made it.

use std::sync::Arc;

use serde::Serialize;

use super::record::{Verdict, now};
use crate::raster::{Footprint, Scene};
use crate::scan::{EarlyRecall, ScanSummary};
use crate::search::{Answer, Detection, Outline, Query, RankBy, Threshold};
use crate::windows::GridSettings;

/// Everything a scan found and all that is needed to find it again.
#[derive(Clone, Debug, Serialize)]
pub struct ScanReport {
    pub image: String,
    /// Size of the scene in pixels.
    pub width: u32,
    pub height: u32,
    pub model: String,
    pub device: String,
    /// The type of the image tower's numbers: "f32", "f16" or "bf16".
    pub precision: &'static str,
    /// How cosines became probabilities: "softmax" over all words, or "sigmoid", each word by itself.
    pub scoring: &'static str,
    #[serde(flatten)]
    pub grid: GridSettings,
    /// Whether cells of the windows were scored instead of the windows.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub dense: bool,
    /// Sides of the window in tiles, of a scan at several scales.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub scales: Vec<u32>,
    /// The number of windows that were scored.
    pub windows: usize,
    /// Those that an earlier scan had encoded.
    pub known: usize,
    /// Share of the best windows that were among the first tenth and the first quarter.
    pub early: EarlyRecall,
    /// Windows that were left out since they have no data.
    pub skipped: usize,
    /// Windows that could not be read: what they show is missing.
    pub failed: usize,
    /// What a person should know of the scene and the model: what is missing, approximate or left out.
    pub notices: Vec<String>,
    pub prompt: String,
    /// Whether probabilities were refined among the windows.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub refine: bool,
    pub seconds: f64,
    /// When it was looked for: RFC 3339, in UTC.
    pub time: String,
    pub model_fingerprint: String,
    pub scene_fingerprint: String,
    pub skysift_version: &'static str,
    pub keywords: Vec<String>,
    /// From where on a match is clear: "auto" or a score.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub threshold: String,
    /// Keywords of which nothing reaches the threshold.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub no_clear_match: Vec<String>,
    /// What polygons are in.
    #[serde(skip)]
    pub coordinates: Coordinates,
    pub detections: Vec<ReportedDetection>,
}

/// What the corners of polygons are given in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coordinates {
    /// Degrees (WGS 84). A detection with a corner beside the earth has no polygon.
    LonLat,
    /// Level-0 pixels, y down.
    Pixels,
}

/// A detection as it leaves the program.
#[derive(Clone, Debug, Serialize)]
pub struct ReportedDetection {
    pub keyword: String,
    pub rank: usize,
    pub probability: f32,
    pub cosine: f32,
    /// Top left corner and size of the window in level-0 pixels, as far as it lies in the scene.
    pub x: u32,
    pub y: u32,
    pub width: u32,
    pub height: u32,
    /// The window's centre in degrees (WGS 84), if the scene knows where it is.
    pub lon: Option<f64>,
    pub lat: Option<f64>,
    /// The part of the window that has no data or lies beyond the scene, 0 to 1.
    pub nodata: f32,
    /// The probability or the cosine: what it was ranked by.
    pub score: f32,
    /// What a person said about it in the window.
    pub verdict: Verdict,
    pub note: String,
    /// Of a dense scan, the square metres inside the outline, by the ground sample distance at the centre, if
    /// that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub area_m2: Option<f64>,
    /// Of a dense scan, the corners of what was found in level-0 pixels, `[x, y]`, joined to a ring.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outline: Option<Arc<Outline>>,
    /// What was found covers this on the globe.
    #[serde(skip)]
    pub footprint: Option<Footprint>,
}

impl ReportedDetection {
    /// Places a detection on the globe; `rank_by` says what is its score. `lon_lat` maps level-0 pixels to
    /// degrees, and `pixel_size` tells width and height of such a pixel in metres.
    #[must_use]
    pub fn new(
        detection: &Detection,
        rank_by: RankBy,
        lon_lat: impl Fn(f64, f64) -> Option<(f64, f64)>,
        pixel_size: impl Fn(f64, f64) -> Option<[f64; 2]>,
    ) -> Self {
        let window = detection.window;
        let (x, y) = window.center();
        let center = lon_lat(x, y);
        let outline = detection.outline.as_ref();
        let area = outline.zip(pixel_size(x, y));
        let area = area.map(|(outline, [across, down])| outline.pixels() as f64 * across * down);
        Self {
            keyword: detection.keyword.clone(),
            rank: detection.rank,
            probability: detection.probability,
            cosine: detection.cosine,
            x: window.x,
            y: window.y,
            width: window.width,
            height: window.height,
            lon: center.map(|(lon, _)| lon),
            lat: center.map(|(_, lat)| lat),
            nodata: detection.nodata,
            score: match rank_by {
                RankBy::Probability => detection.probability,
                RankBy::Cosine => detection.cosine,
            },
            verdict: Verdict::None,
            note: String::new(),
            area_m2: area.filter(|area| area.is_finite()),
            outline: outline.cloned(),
            footprint: match outline {
                Some(outline) => Footprint::of_ring(&outline.ring(), &lon_lat),
                None => Footprint::new(window, &lon_lat),
            },
        }
    }
}

/// A scan as far as a report tells of it.
pub struct ReportedScan<'a> {
    pub scene: &'a Scene,
    pub grid: GridSettings,
    /// Empty for a scan at the one scale of `grid`.
    pub scales: &'a [u32],
    pub query: &'a Query,
    pub summary: &'a ScanSummary,
    /// What there is to know of the model; what there is to know of the scene, that tells itself.
    pub notices: &'a [String],
}

impl ScanReport {
    /// A report about what a scan found. Of the detections those that are told may be fewer: `answer` says
    /// which keywords have no clear match.
    #[must_use]
    pub fn new(scan: &ReportedScan, answer: &Answer, detections: &[Detection]) -> Self {
        let ReportedScan { scene, query, summary, .. } = scan;
        let card = &summary.card;
        let (width, height) = scene.size();
        let lon_lat = |x, y| scene.lon_lat(x, y);
        let pixel_size = |x, y| scene.ground_sample_distance_at(x, y);
        let has_threshold = query.threshold != Threshold::Off;
        let without_match = if has_threshold { answer.without_match(&query.keywords) } else { Vec::new() };
        Self {
            // Without what is secret in an address.
            image: scene.info().path.display().to_string(),
            width,
            height,
            model: card.model.clone(),
            device: card.device.clone(),
            precision: card.precision.name(),
            scoring: card.scoring.name(),
            grid: scan.grid,
            scales: scan.scales.to_vec(),
            windows: summary.windows,
            known: summary.reused,
            early: summary.early,
            skipped: summary.skipped,
            failed: summary.failed.windows,
            notices: [&scene.notices().list(), scan.notices].concat(),
            prompt: query.template.as_str().to_owned(),
            refine: query.refine,
            dense: query.boxes.regions,
            seconds: summary.seconds,
            time: now(),
            model_fingerprint: card.fingerprint.clone(),
            scene_fingerprint: scene.fingerprint(),
            skysift_version: env!("CARGO_PKG_VERSION"),
            keywords: query.keywords.clone(),
            threshold: if has_threshold { query.threshold.to_string() } else { String::new() },
            no_clear_match: without_match.into_iter().map(str::to_owned).collect(),
            coordinates: if scene.is_on_globe() { Coordinates::LonLat } else { Coordinates::Pixels },
            detections: detections
                .iter()
                .map(|found| ReportedDetection::new(found, query.rank_by, lon_lat, pixel_size))
                .collect(),
        }
    }
}

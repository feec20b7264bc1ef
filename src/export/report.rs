//! A scan's result with what made it.

use serde::Serialize;

use crate::scan::{Detection, Early, EncoderCard, GridSettings};

/// Everything a scan found and all that is needed to find it again.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    pub image: String,
    /// Size of the scene in pixels.
    pub width: u32,
    pub height: u32,
    pub model: String,
    pub device: String,
    #[serde(flatten)]
    pub grid: GridSettings,
    /// Sides of the window in tiles, of a scan at several scales.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub scales: Vec<u32>,
    /// The number of windows that were scored.
    pub windows: usize,
    /// Those that an earlier scan had encoded.
    pub known: usize,
    /// Share of the best windows that were among the first tenth and the first quarter.
    pub early: Early,
    /// Windows that were left out since they have no data.
    pub skipped: usize,
    pub prompt: String,
    pub seconds: f64,
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
    pub detections: Vec<ReportedDetection>,
}

/// A detection as it leaves the program.
#[derive(Clone, Debug, Serialize)]
pub struct ReportedDetection {
    pub keyword: String,
    pub rank: usize,
    pub probability: f32,
    pub cosine: f32,
    /// Top left corner and size of the window in level-0 pixels.
    pub x: u32,
    pub y: u32,
    pub width: u32,
    pub height: u32,
    /// The window's centre in degrees (WGS 84), if the scene knows where it is.
    pub lon: Option<f64>,
    pub lat: Option<f64>,
    /// The part of the window that has no data, 0 to 1.
    pub nodata: f32,
    /// Longitude and latitude of the corners: top left, bottom left, bottom right, top right.
    #[serde(skip)]
    pub corners: Option<[(f64, f64); 4]>,
}

impl ReportedDetection {
    /// Places a detection on the globe; `lon_lat` maps level-0 pixels to degrees.
    #[must_use]
    pub fn new(detection: &Detection, lon_lat: impl Fn(f64, f64) -> Option<(f64, f64)>) -> Self {
        let window = detection.window;
        let (left, top) = (f64::from(window.x), f64::from(window.y));
        let (right, bottom) = (left + f64::from(window.width), top + f64::from(window.height));
        let corner = |x, y| lon_lat(x, y);
        let corners =
            || Some([corner(left, top)?, corner(left, bottom)?, corner(right, bottom)?, corner(right, top)?]);
        let (x, y) = window.center();
        let center = lon_lat(x, y);
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
            corners: corners(),
        }
    }
}

impl Report {
    /// A report about a scene of `size` pixels, without its detections.
    #[must_use]
    pub fn new(image: String, size: (u32, u32), card: &EncoderCard, grid: GridSettings) -> Self {
        Self {
            image,
            width: size.0,
            height: size.1,
            model: card.model.clone(),
            device: card.device.clone(),
            grid,
            scales: Vec::new(),
            windows: 0,
            known: 0,
            early: Early { tenth: 0.0, quarter: 0.0 },
            skipped: 0,
            prompt: String::new(),
            seconds: 0.0,
            model_fingerprint: card.fingerprint.clone(),
            scene_fingerprint: String::new(),
            skysift_version: env!("CARGO_PKG_VERSION"),
            keywords: Vec::new(),
            threshold: String::new(),
            no_clear_match: Vec::new(),
            detections: Vec::new(),
        }
    }
}

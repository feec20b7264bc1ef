//! What leaves the program, in the form that the writers of maps and of sets to train on take.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Serialize, Serializer};

use super::{LibraryReport, ReportedDetection, ScanReport};
use crate::raster::{Footprint, Rect};
use crate::search::Outline;

/// What a person said about a detection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verdict {
    #[default]
    None,
    Accepted,
    Rejected,
}

impl Verdict {
    /// In a word, as files have it; nothing where nothing was said.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
        }
    }
}

impl Serialize for Verdict {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.text())
    }
}

/// The scene in which something lies, and what found it there.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Origin {
    pub model: String,
    pub prompt: String,
    /// Side of a tile in pixels and of a window in tiles. Unknown of windows that were stored.
    pub tile: Option<u32>,
    pub window: Option<u32>,
    pub scene: String,
    /// When it was looked for: RFC 3339, in UTC.
    pub time: String,
    /// In pixels.
    #[serde(skip)]
    pub scene_size: (u32, u32),
    #[serde(skip)]
    pub scene_fingerprint: String,
}

/// One thing in a scene, with all that is known of it. Numbers that don't apply are `None`.
#[derive(Clone, Debug)]
pub struct Record {
    pub keyword: String,
    /// 1 is the best.
    pub rank: Option<usize>,
    /// What it was ranked by.
    pub score: Option<f32>,
    pub probability: Option<f32>,
    pub cosine: Option<f32>,
    /// In level-0 pixels, inside the scene.
    pub place: Rect,
    /// Degrees (WGS 84) of its centre.
    pub lon_lat: Option<(f64, f64)>,
    /// The part without data, 0 to 1.
    pub nodata: f32,
    pub area_m2: Option<f64>,
    /// Corners in level-0 pixels, joined to a ring; else the rectangle is all that is known.
    pub outline: Option<Arc<Outline>>,
    /// What it covers on the globe.
    pub footprint: Option<Footprint>,
    pub verdict: Verdict,
    pub note: String,
    pub origin: Arc<Origin>,
}

/// All that is written at once.
#[derive(Clone, Debug, Default)]
pub struct Records {
    pub list: Vec<Record>,
    /// What was looked for, in the order of colours and classes.
    pub keywords: Vec<String>,
}

impl Record {
    fn new(found: &ReportedDetection, origin: Arc<Origin>) -> Self {
        Self {
            keyword: found.keyword.clone(),
            rank: Some(found.rank),
            score: Some(found.score),
            probability: Some(found.probability),
            cosine: Some(found.cosine),
            place: Rect::new(found.x, found.y, found.width, found.height),
            lon_lat: found.lon.zip(found.lat),
            nodata: found.nodata,
            area_m2: found.area_m2,
            outline: found.outline.clone(),
            footprint: found.footprint.clone(),
            verdict: found.verdict,
            note: found.note.clone(),
            origin,
        }
    }

    /// The corners of what it covers, in level-0 pixels, counterclockwise as the picture is seen where it is
    /// a rectangle.
    #[must_use]
    pub fn corners(&self) -> Vec<(f64, f64)> {
        if let Some(outline) = &self.outline {
            return outline.ring();
        }
        let Rect { x, y, .. } = self.place;
        let [left, top, right, bottom] = [x, y, self.place.right(), self.place.bottom()].map(f64::from);
        vec![(left, top), (left, bottom), (right, bottom), (right, top)]
    }

    /// "harbor 3"
    #[must_use]
    pub fn name(&self) -> String {
        self.rank.map_or_else(|| self.keyword.clone(), |rank| format!("{} {rank}", self.keyword))
    }
}

impl Records {
    /// The index of a keyword, by which it has its colour; behind all for one that wasn't looked for.
    #[must_use]
    pub fn class(&self, keyword: &str) -> usize {
        self.keywords.iter().position(|known| known == keyword).unwrap_or(self.keywords.len())
    }

    /// The scenes in which something lies, each once, in the order of the records.
    #[must_use]
    pub fn scenes(&self) -> Vec<Arc<Origin>> {
        let mut scenes: Vec<Arc<Origin>> = Vec::new();
        for record in &self.list {
            if !scenes.iter().any(|known| known.scene == record.origin.scene) {
                scenes.push(Arc::clone(&record.origin));
            }
        }
        scenes
    }

    /// Those that have no place on the globe.
    #[must_use]
    pub fn unplaced(&self) -> usize {
        self.list.iter().filter(|record| record.footprint.is_none()).count()
    }
}

impl ScanReport {
    /// Where its detections come from.
    #[must_use]
    pub fn origin(&self) -> Origin {
        Origin {
            model: self.model.clone(),
            prompt: self.prompt.clone(),
            tile: Some(self.grid.tile),
            window: Some(self.grid.window),
            scene: self.image.clone(),
            time: self.time.clone(),
            scene_size: (self.width, self.height),
            scene_fingerprint: self.scene_fingerprint.clone(),
        }
    }

    #[must_use]
    pub fn records(&self) -> Records {
        let origin = Arc::new(self.origin());
        let list = self.detections.iter().map(|found| Record::new(found, Arc::clone(&origin)));
        Records { list: list.collect(), keywords: self.keywords.clone() }
    }
}

impl LibraryReport {
    #[must_use]
    pub fn records(&self) -> Records {
        let mut known: Vec<Arc<Origin>> = Vec::new();
        let list = self.detections.iter().map(|found| {
            let known_origin = known.iter().find(|origin| origin.scene == found.image).cloned();
            let origin = known_origin.unwrap_or_else(|| {
                let origin = Arc::new(self.origin(found));
                known.push(Arc::clone(&origin));
                origin
            });
            Record::new(&found.detection, origin)
        });
        Records { list: list.collect(), keywords: self.keywords.clone() }
    }
}

/// The time by the clock, in whole seconds. `SOURCE_DATE_EPOCH` (seconds since 1970) stands for the clock
/// where two runs are to write the same.
#[must_use]
pub fn now() -> String {
    let told = std::env::var("SOURCE_DATE_EPOCH").ok().and_then(|told| told.trim().parse().ok());
    let told = told.and_then(|seconds| Timestamp::from_second(seconds).ok());
    told.unwrap_or_else(Timestamp::now).strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_is_that_of_rfc_3339() {
        let now = now();
        assert!(now.parse::<Timestamp>().is_ok() && now.len() == 20, "{now}");
    }

    #[test]
    fn nothing_said_is_an_empty_text() {
        let texts = [Verdict::None, Verdict::Accepted, Verdict::Rejected].map(Verdict::text);
        assert_eq!(texts, ["", "accepted", "rejected"]);
        assert_eq!(serde_json::to_string(&Verdict::Accepted).unwrap(), "\"accepted\"");
    }
}

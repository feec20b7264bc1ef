//! Saving what was found, on a thread of its own.

use std::cell::Cell;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use eframe::egui::Context;

use crate::app::jobs::{Job, Monitor, OutOfThreads};
use crate::app::search::ScanState;
use crate::app::search_panel::keywords::Keywords;
use crate::encoder::EncoderCard;
use crate::export::{
    self, AnnotateOptions, Coordinates, CutSettings, ExportError, Format, Origin, PictureFrame,
    RecordOptions, ReportedScan, Verdict,
};
use crate::notices::Notices;
use crate::outputs::{Inputs, Output};
use crate::raster::{Rect, Scene, SceneView};
use crate::scan::{EarlyRecall, Failures, ScanSummary, SceneSource};
use crate::search::Query;
use crate::search::{Detection, Ranking};
use crate::windows::GridSettings;

/// Progress is told this often.
const PROGRESS_PAUSE: Duration = Duration::from_millis(100);

/// What can be exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// The whole scene with its boxes.
    Picture,
    /// The part in view with its boxes.
    View,
    GeoJson,
    /// With pixels in place of degrees.
    GeoJsonPixels,
    Csv,
    /// CSV with a byte order mark.
    CsvExcel,
    Json,
    Kml,
    /// With a picture of each box.
    Kmz,
    Gpkg,
    Coco,
    /// A folder of pictures to train on.
    Yolo,
}

impl What {
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Self::Picture | Self::View => "png",
            Self::GeoJson | Self::GeoJsonPixels => Format::Geojson.extension(),
            Self::Csv | Self::CsvExcel => Format::Csv.extension(),
            Self::Json => Format::Json.extension(),
            Self::Kml => Format::Kml.extension(),
            Self::Kmz => Format::Kmz.extension(),
            Self::Gpkg => Format::Gpkg.extension(),
            Self::Coco => Format::Coco.extension(),
            Self::Yolo => Format::Yolo.extension(),
        }
    }

    /// The title of the dialog.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Picture => "Save the annotated picture",
            Self::View => "Save the view",
            Self::Yolo => "Save a folder of pictures to train on",
            _ => "Save the boxes",
        }
    }
}

/// What goes where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportTarget {
    pub what: What,
    pub path: PathBuf,
}

/// An export that runs; it ends in what to say about it.
pub type ExportJob = Job<Result<String, ExportError>, f32>;

/// All that an export needs, as it was when it was asked for.
pub struct Export {
    pub target: ExportTarget,
    pub scene: Arc<Scene>,
    /// The scene as it is on the screen, for pictures.
    pub picture: Arc<SceneView>,
    /// The part of the scene in view.
    pub view: Rect,
    /// What was found of the query, and of that what is shown: without hidden keywords.
    pub ranking: Ranking,
    pub detections: Vec<Detection>,
    /// What a person said about each of them.
    pub verdicts: Vec<Verdict>,
    /// Keywords in the order of their colours.
    pub keywords: Vec<String>,
    pub query: Query,
    pub grid: GridSettings,
    pub scales: Vec<u32>,
    pub summary: ScanSummary,
    /// What there is to know of the model.
    pub notices: Vec<String>,
    pub reads: Reads,
    /// What the picture lacks.
    pub lacks: Notices,
}

/// What a report says of a scan that has come this far. `card` is the model in use, if there is one.
#[must_use]
pub fn summary_of(progress: &ScanState, card: Option<&EncoderCard>) -> ScanSummary {
    let card = card.cloned().unwrap_or_else(unknown_model);
    match progress {
        ScanState::Finished(summary) => ScanSummary { card, ..summary.clone() },
        ScanState::Running(so_far) | ScanState::Cancelled(so_far) => ScanSummary {
            windows: so_far.encoded(),
            skipped: so_far.skipped,
            failed: so_far.failed.clone(),
            ..nothing_scanned(card)
        },
        ScanState::Idle | ScanState::Waiting | ScanState::Failed(_) => nothing_scanned(card),
    }
}

/// What a report says of a scan before its first window.
fn nothing_scanned(card: EncoderCard) -> ScanSummary {
    ScanSummary {
        windows: 0,
        reused: 0,
        skipped: 0,
        failed: Failures::default(),
        early: EarlyRecall::default(),
        seconds: 0.0,
        card,
        kept_bytes: None,
    }
}

/// What else is read beside the scene, and must not be replaced.
#[derive(Default)]
pub struct Reads {
    pub model: Option<PathBuf>,
    pub sharpener: Option<PathBuf>,
    pub store: Option<PathBuf>,
    pub queries: Option<PathBuf>,
    /// Where the start said to look.
    pub region: Vec<PathBuf>,
}

/// Keywords by slot, so that an exported box has the colour it has on the screen.
#[must_use]
pub fn keywords_by_slot(keywords: &Keywords) -> Vec<String> {
    let slots = keywords.sought().map(|chip| chip.slot + 1).max().unwrap_or(0);
    let mut words = vec![String::new(); slots];
    for chip in keywords.sought() {
        if let Some(word) = words.get_mut(chip.slot) {
            word.clone_from(&chip.word);
        }
    }
    words
}

impl Export {
    /// Begins the export.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn start(self, ctx: &Context) -> Result<ExportJob, OutOfThreads> {
        Job::start(ctx, "export", move |monitor| {
            let path = self.target.path.display();
            match self.write(monitor) {
                Ok(()) => {
                    let lacks = self.lacks.list().join("; ");
                    Ok(if lacks.is_empty() {
                        format!("Saved {path}")
                    } else {
                        format!("Saved {path}; {lacks}")
                    })
                }
                Err(ExportError::Stopped) => Ok("The export was stopped".to_owned()),
                Err(error) => Err(error),
            }
        })
    }

    /// Whether the file replaces nothing that is read.
    fn check_target(&self) -> Result<(), ExportError> {
        let mut inputs = Inputs::default();
        inputs.image(self.scene.path());
        inputs.files("the region", &self.reads.region);
        inputs.files("the network that sharpens", &self.reads.sharpener);
        self.reads.model.iter().for_each(|model| inputs.model(model));
        self.reads.store.iter().for_each(|store| inputs.store(store));
        self.reads.queries.iter().for_each(|folder| inputs.saved_queries(folder));
        let output = Output { option: "", path: &self.target.path };
        Ok(inputs.check(&[output])?)
    }

    fn write(&self, monitor: &Monitor<f32>) -> Result<(), ExportError> {
        self.check_target()?;
        let frame = match self.target.what {
            What::Picture => PictureFrame::whole(self.scene.size(), PictureFrame::LONGEST_SIDE),
            What::View => PictureFrame::of(self.view, PictureFrame::LONGEST_SIDE),
            What::GeoJson => return self.write_boxes(Format::Geojson, Coordinates::LonLat),
            What::GeoJsonPixels => return self.write_boxes(Format::Geojson, Coordinates::Pixels),
            What::Csv => return self.write_boxes(Format::Csv, Coordinates::Pixels),
            What::CsvExcel => return self.write_boxes(Format::CsvExcel, Coordinates::Pixels),
            What::Json => return self.write_boxes(Format::Json, Coordinates::Pixels),
            What::Kml => return self.write_boxes(Format::Kml, Coordinates::LonLat),
            What::Kmz => return self.write_boxes(Format::Kmz, Coordinates::LonLat),
            What::Gpkg => return self.write_boxes(Format::Gpkg, Coordinates::LonLat),
            What::Coco => return self.write_boxes(Format::Coco, Coordinates::Pixels),
            What::Yolo => return self.write_boxes(Format::Yolo, Coordinates::Pixels),
        };
        let options = AnnotateOptions {
            frame,
            keywords: &self.keywords,
            detections: &self.detections,
            rank_by: self.query.rank_by,
        };
        let told = Cell::new(Instant::now());
        export::write_atomically(&self.target.path, |out| {
            export::annotate(&*self.picture, &options, out, &self.lacks, &|part| {
                if told.get().elapsed() > PROGRESS_PAUSE {
                    told.set(Instant::now());
                    monitor.report(part);
                }
                !monitor.is_stopped()
            })
        })
    }

    /// `coordinates` are those of polygons in GeoJSON; tables have both.
    fn write_boxes(&self, format: Format, coordinates: Coordinates) -> Result<(), ExportError> {
        let on_globe = format.on_globe().filter(|_| coordinates == Coordinates::LonLat);
        if let Some((name, why)) = on_globe.zip(self.scene.why_no_lon_lat()) {
            return Err(ExportError::NoPlace(name, why));
        }
        let scan = ReportedScan {
            scene: &self.scene,
            grid: self.grid,
            scales: &self.scales,
            query: &self.query,
            summary: &self.summary,
            notices: &self.notices,
        };
        let mut report = export::ScanReport {
            coordinates,
            ..export::ScanReport::new(&scan, &self.ranking, &self.detections)
        };
        for (found, verdict) in report.detections.iter_mut().zip(&self.verdicts) {
            found.verdict = *verdict;
        }
        let path = &self.target.path;
        let open = |_: &Origin| Ok(Arc::clone(&self.scene) as Arc<dyn SceneSource>);
        if format == Format::Yolo {
            let settings = CutSettings::default();
            export::write_training_set(&report.records(), format, &settings, &open, path)?;
            return Ok(());
        }
        let options = RecordOptions { scene: Some(&*self.scene), crops: Some(&open), folder: path.parent() };
        export::write_atomically(path, |out| {
            export::write_report(&report, format, &options, out)
                .map_err(|source| ExportError::Write { path: path.display().to_string(), source })
        })
    }
}

/// A stand-in for a model that is gone, for example while another one loads.
fn unknown_model() -> EncoderCard {
    EncoderCard {
        model: String::new(),
        fingerprint: String::new(),
        device: String::new(),
        precision: crate::clip::Precision::Single,
        input_size: 0,
        embedding_len: 0,
        batch_size: 0,
        logit_scale: 0.0,
        scoring: crate::clip::Scoring::Softmax,
        cells: None,
        known_words: crate::clip::KnownWords::default(),
        ground_sizes: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exported_colours_are_those_on_the_screen() {
        let mut keywords = Keywords::default();
        keywords.add("a, b, c");
        keywords.remove("b");
        assert_eq!(keywords_by_slot(&keywords), ["a", "", "c"]);
    }
}

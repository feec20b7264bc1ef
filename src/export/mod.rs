//! Files that leave the program: annotated pictures, JSON, GeoJSON, CSV, KML, GeoPackage, COCO, YOLO,
//! GeoParquet, heat maps.
//!
//! `report` is the result of a scan and `library_report` that of a search in the store; `tables` writes both
//! as JSON, GeoJSON and CSV. `format` names all forms. All others are made of a `record` for each thing:
//! `write_records` those of one file (`kml`, `kmz`, `geopackage` with `well_known_binary`), `training` sets
//! of pictures to train on.
//! `annotate` draws boxes on a picture: `palette` has their colours, `label_places` finds room for labels,
//! and `labels` lays their text out as the window does (by `epaint`; nothing else here knows of the window).
//! `heat_map` and `geoparquet` are formats of their own, `saved_queries` a folder of queries. `inputs` lists
//! what must not be replaced, `atomic` writes.

mod annotate;
mod atomic;
mod format;
mod geopackage;
mod geoparquet;
mod heat_map;
mod inputs;
mod kml;
mod kmz;
mod label_places;
mod labels;
mod library_report;
mod palette;
mod record;
mod report;
mod saved_queries;
mod tables;
mod training;
mod well_known_binary;
mod write_records;

pub use annotate::{AnnotateOptions, PictureFrame, annotate};
pub use atomic::write_atomically;
pub use format::Format;
pub use geoparquet::GeoParquet;
pub use heat_map::write_heat_map;
pub use label_places::{LabelRect, LabelWish, place_labels};
pub use library_report::{LibraryDetection, LibraryReport, write_library_report};
pub use palette::{keyword_color, text_color};
pub use record::{Origin, Record, Records, Verdict};
pub use report::{Coordinates, ReportedDetection, ReportedScan, ScanReport};
pub use saved_queries::{QueryNameError, SavedQueries, SavedQuery, SavedQueryError, SavedQueryFault};
pub use tables::write_report;
pub use training::{Cut, CutSettings, name_below, write_training_set};
pub use write_records::{OpenScene, RecordOptions, write_records};

use crate::outputs::OutputError;
use crate::raster::RasterError;

/// Why a result could not be written: one sentence that names the file.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error("cannot write {path}: {source}")]
    Write { path: String, source: std::io::Error },
    /// It would replace something that is read.
    #[error(transparent)]
    Refused(#[from] OutputError),
    #[error(transparent)]
    Read(#[from] RasterError),
    /// A format that needs longitude and latitude, and why there are none.
    #[error("{0} needs longitude and latitude, but {1}; save it in pixels, or as a table")]
    NoPlace(&'static str, String),
    #[error("the export was stopped")]
    Stopped,
}

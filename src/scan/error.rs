//! Why a scene can't be scanned.

use crate::encoder::EncoderError;
use crate::raster::RasterError;
use crate::search::QueryError;
use crate::windows::LayoutError;

/// What can go wrong before or during a scan, in words for the person in front of it.
#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    #[error(transparent)]
    WindowLayout(#[from] LayoutError),
    #[error(transparent)]
    Query(#[from] QueryError),
    #[error(transparent)]
    Raster(#[from] RasterError),
    #[error("{model} can't score cells, since its patches don't fill its input; scan with windows")]
    NoCells { model: String },
    #[error(transparent)]
    Encoder(#[from] EncoderError),
    #[error(
        "cannot keep the embeddings of this scan in {}: {source}; free some space or set TMPDIR to another folder",
        std::env::temp_dir().display()
    )]
    Embeddings {
        #[from]
        source: std::io::Error,
    },
}

impl ScanError {
    /// Whether no other part of the scene can be read either; then a scan goes no further.
    pub(super) fn is_lasting(&self) -> bool {
        matches!(self, Self::Raster(error) if error.is_lasting())
    }
}

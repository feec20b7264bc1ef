//! The scan: windows, their order, ranking; plain data in, events out.
//!
//! The method is that of the thesis Skysift grew from: a square window of `window` x `window` tiles slides
//! over the scene by `step` tiles, CLIP scores every window against each prompt, the best `top_k` are kept.
//! This module knows neither GPU nor window: it is given a [`SceneSource`] and an [`Encoder`].

mod blocks;
mod events;
mod nodata;
mod pass;
mod read_ahead;
mod reader;
mod scanned_scene;
mod scanner;
mod source;
mod speed;
mod uniform;

pub use events::{Command, Early, Event, Failures, ScanRequest};
pub use scanner::Scanner;
pub use source::{Identity, SceneSource, place_of};

use crate::encoder::EncoderError;
use crate::raster::RasterError;
use crate::search::QueryError;
use crate::windows::LayoutError;

/// What can go wrong before or during a scan, in words for the person in front of it.
#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    #[error(transparent)]
    Layout(#[from] LayoutError),
    #[error(transparent)]
    Query(#[from] QueryError),
    #[error(transparent)]
    Raster(#[from] RasterError),
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
    /// Of a scene that isn't a [`crate::raster::Scene`].
    #[error(transparent)]
    Other(#[from] Box<dyn std::error::Error + Send + Sync>),
}

impl ScanError {
    /// Whether no other part of the scene can be read either; then a scan goes no further.
    fn is_lasting(&self) -> bool {
        matches!(self, Self::Raster(error) if error.is_lasting())
    }
}

//! What can go wrong while a model is trained.

use std::path::PathBuf;

use crate::clip::ClipError;
use crate::dataset::DatasetError;

/// Why a training could not begin or go on: one sentence that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    #[error(transparent)]
    Clip(#[from] ClipError),
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// The pictures, sentences or settings don't make a training.
    #[error("{0}")]
    Settings(String),
    /// A file of the result cannot be written.
    #[error("{} cannot be written: {error}; make room or choose another folder, then go on with --resume", path.display())]
    Write { path: PathBuf, error: std::io::Error },
    /// A checkpoint is there but cannot be taken up.
    #[error("{}: {reason}", path.display())]
    Checkpoint { path: PathBuf, reason: String },
    /// The device failed.
    #[error("the training failed: {0}")]
    Device(String),
    /// Somebody stopped it.
    #[error("the training was stopped")]
    Stopped,
}

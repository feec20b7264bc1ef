//! What can go wrong while a model is trained.

use std::path::PathBuf;

use crate::clip::{ClipError, ComputeError};
use crate::dataset::DatasetError;
use crate::evaluate::EvaluateError;

/// Why a training could not begin or go on: one sentence that says what to do.
// Causes are part of the sentences; as a `source` they would be told twice.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    #[error(transparent)]
    Clip(#[from] ClipError),
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// With these pictures, sentences or settings no training is possible.
    #[error("{0}")]
    Settings(String),
    /// A file of the result cannot be written.
    #[error("{} cannot be written: {error}; make room or choose another folder, then go on with --resume", path.display())]
    Write { path: PathBuf, error: std::io::Error },
    /// A checkpoint cannot be resumed from.
    #[error("{}: {reason}", path.display())]
    Checkpoint { path: PathBuf, reason: String },
    /// The device failed.
    #[error("the training failed: {0}")]
    Compute(ComputeError),
    /// The loss is no longer a number.
    #[error("the training failed: the loss is {loss} at step {step}; try a lower --lr")]
    Diverged { loss: f32, step: usize },
    /// The model could not be measured.
    #[error("the training failed: {0}")]
    Evaluate(EvaluateError),
    /// Weights or the optimiser's state could not be prepared for a checkpoint.
    #[error("the training failed: {0}")]
    Record(burn::store::RecordError),
    /// The progress could not be prepared for a checkpoint.
    #[error("the training failed: {0}")]
    Progress(serde_json::Error),
    /// The caller stopped it.
    #[error("the training was stopped")]
    Stopped,
}

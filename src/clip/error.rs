//! What can go wrong with a model.

use std::path::{Path, PathBuf};

use super::weights::problems::WeightProblems;

/// Why a model could not be loaded or run: one sentence that names the file and what to do.
#[derive(Debug, thiserror::Error)]
pub enum ClipError {
    /// The operating system refuses a file.
    // The cause is in the sentence; as a `source` it would be told twice.
    #[error("{} cannot be read: {error}", path.display())]
    Read { path: PathBuf, error: std::io::Error },
    /// The operating system refuses to write a file.
    #[error("{} cannot be written: {error}", path.display())]
    Write { path: PathBuf, error: std::io::Error },
    /// A file is there but it isn't what is needed.
    #[error("{}: {reason}", path.display())]
    File { path: PathBuf, reason: String },
    /// The weights don't fit the configuration.
    #[error(transparent)]
    Weights(Box<WeightProblems>),
    /// No device can run the model.
    #[error("{0}")]
    Device(String),
    /// The model failed while it ran.
    #[error("{0}")]
    Encode(String),
}

impl ClipError {
    pub(super) fn file(path: &Path, reason: impl Into<String>) -> Self {
        Self::File { path: path.to_owned(), reason: reason.into() }
    }

    pub(super) fn read(path: &Path, error: std::io::Error) -> Self {
        Self::Read { path: path.to_owned(), error }
    }

    pub(super) fn write(path: &Path, error: std::io::Error) -> Self {
        Self::Write { path: path.to_owned(), error }
    }
}

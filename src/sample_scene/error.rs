//! What can go wrong with painted scenes.

use std::io;
use std::path::Path;

/// Why a scene could not be painted.
#[derive(Debug, thiserror::Error)]
pub enum SampleSceneError {
    #[error("a scene of {width} x {height} pixels cannot be painted: from {min} to {max} a side are possible", min = super::scene::MIN_SIDE, max = super::scene::MAX_SIDE)]
    Size { width: u64, height: u64 },
    #[error("a scene of {gsd} m a pixel cannot be painted: from 0.1 to 2 are possible")]
    Gsd { gsd: f64 },
    /// The cause is part of the sentence; as a `source` it would be told twice.
    #[error("cannot write {path}: {cause}")]
    Write { path: String, cause: io::Error },
    #[error("{path} holds files already, which patches could replace; name an empty folder")]
    Taken { path: String },
    #[error("cannot write {path}: {message}")]
    Encode { path: String, message: String },
}

impl SampleSceneError {
    pub(super) fn write(path: &Path, cause: io::Error) -> Self {
        Self::Write { path: path.display().to_string(), cause }
    }
}

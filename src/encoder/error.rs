//! Why nothing can be encoded.

use crate::clip::ClipError;
use crate::models::ModelError;

/// Why a model can't be loaded, or can't encode.
#[derive(Debug, thiserror::Error)]
pub enum EncoderError {
    #[error(transparent)]
    Clip(#[from] ClipError),
    #[error(transparent)]
    Published(#[from] ModelError),
}

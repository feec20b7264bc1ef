//! Why nothing can be encoded.

use std::error::Error;

use crate::clip::ClipError;
use crate::models::ModelError;

/// Why a model can't be loaded, or can't encode.
#[derive(Debug, thiserror::Error)]
pub enum EncoderError {
    #[error(transparent)]
    Clip(#[from] ClipError),
    #[error(transparent)]
    Published(#[from] ModelError),
    /// Of an encoder that isn't CLIP.
    #[error(transparent)]
    Other(#[from] Box<dyn Error + Send + Sync>),
}

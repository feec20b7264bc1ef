//! CLIP in burn: config, towers, tokenizer, preprocessing, weights, device choice.

/// Why a model could not be loaded or run: one sentence that names the file and what to do.
#[derive(Debug, thiserror::Error)]
pub enum ClipError {
    #[error("{0}")]
    Todo(String),
}

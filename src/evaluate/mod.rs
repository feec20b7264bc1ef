//! How good a model is: zero-shot classification, retrieval, and what a few examples add.
//!
//! The measures work on embeddings and know no model: [`zero_shot`], [`retrieval`], [`tip_adapter`] and
//! [`LinearProbe`]. [`encode_pictures`], [`encode_sentences`] and [`class_embeddings`] make the embeddings.
//! Definitions are those of `CLIP_benchmark` (<https://github.com/LAION-AI/CLIP_benchmark>), so that figures can
//! be compared with published ones.
//!
//! ```
//! use skysift::evaluate::{Embeddings, zero_shot};
//!
//! # fn main() -> Result<(), skysift::evaluate::EvaluateError> {
//! let images = Embeddings::from_rows(&[vec![1.0, 0.0], vec![0.6, 0.8]])?;
//! let classes = Embeddings::from_rows(&[vec![1.0, 0.0], vec![0.0, 1.0]])?;
//! let result = zero_shot(&images, &[0, 0], &classes)?;
//! assert_eq!(result.acc1, 0.5); // The second image lies nearer to the second class.
//! # Ok(())
//! # }
//! ```

mod classification;
mod confusion;
mod embeddings;
mod encode;
mod probe;
mod report;
mod retrieval;
mod shots;
mod tip_adapter;

pub use classification::{ClassResult, Classification, zero_shot};
pub use confusion::{confusion_picture, write_confusion};
pub use embeddings::Embeddings;
pub use encode::{Encoded, Step, class_embeddings, encode_pictures, encode_sentences};
pub use probe::LinearProbe;
pub use report::{EvaluationReport, FewShot, NamedClassification, SkippedItem};
pub use retrieval::{Recalls, Retrieval, retrieval};
pub use shots::{Shots, shuffled_by_class};
pub use tip_adapter::{TipAdapter, tip_adapter};

/// Why something could not be measured, in one sentence.
#[derive(Debug, thiserror::Error)]
pub enum EvaluateError {
    /// Embeddings, labels or owners that don't belong together.
    #[error("cannot evaluate: {0}")]
    Input(String),
    #[error("cannot draw the confusion matrix: {0}")]
    Picture(String),
    #[error(transparent)]
    Model(#[from] crate::clip::ClipError),
}

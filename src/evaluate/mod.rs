//! How good a model is: zero-shot classification, retrieval, what a few examples add, and how well a scan
//! finds what is known to be there.
//!
//! The measures work on embeddings, without a model: [`zero_shot`], [`retrieval`], [`tip_adapter`] and
//! [`LinearProbe`]. [`encode_pictures`], [`encode_sentences`] and [`class_embeddings`] make the embeddings.
//! The definitions are those of `CLIP_benchmark` (<https://github.com/LAION-AI/CLIP_benchmark>), so that
//! figures can be compared with published ones. [`score_category`] compares the rectangles of a scan with
//! those of a [`Truth`]; [`DEFINITIONS`] says what its scores mean.
//!
//! - `encode`, `embeddings`: from pictures and sentences to embeddings
//! - `classification`, `retrieval`: accuracy and recall
//! - `probe`, `tip_adapter`, `shots`: what a few examples add
//! - `coco`, `detection`, `average_precision`: how well a scan finds what is there
//! - `report`, `detection_report`, `methods`, `confusion`: reports and pictures of all that
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

mod average_precision;
mod classification;
mod coco;
mod confusion;
mod detection;
mod detection_report;
mod embeddings;
mod encode;
mod methods;
mod probe;
mod report;
mod retrieval;
mod shots;
mod tip_adapter;

use std::path::PathBuf;

pub use classification::{ClassResult, Classification, refined_zero_shot, zero_shot};
pub use coco::{Truth, TruthImage};
pub use confusion::{confusion_picture, write_confusion};
pub use detection::{
    AtCut, AtOverlap, CUTS, CategoryInImage, CategoryScores, DEFINITIONS, DetectionScores, RankedWindow,
    chance, mean_scores, score_category,
};
pub use detection_report::{DetectionReport, MeasuredImage, NamedCategory};
pub use embeddings::Embeddings;
pub use encode::{EncodeProgress, EncodedPictures, class_embeddings, encode_pictures, encode_sentences};
pub use methods::{MethodScores, MethodTable, NoneHere};
pub use probe::LinearProbe;
pub use report::{EvaluationReport, FewShot, NamedClassification, SkippedItem};
pub use retrieval::{Recalls, Retrieval, retrieval};
pub use shots::{Shots, shuffled_by_class};
pub use tip_adapter::{TipAdapter, tip_adapter};

/// Why something could not be measured, in one sentence.
#[derive(Debug, thiserror::Error)]
pub enum EvaluateError {
    /// Embeddings, labels or owners don't belong together.
    #[error("cannot evaluate: {0}")]
    Input(String),
    #[error("cannot draw the confusion matrix: {0}")]
    Picture(String),
    #[error("{} is no use as ground truth: {reason}", path.display())]
    Truth { path: PathBuf, reason: String },
    #[error(transparent)]
    Model(#[from] crate::clip::ClipError),
}

//! What can go wrong with a model.

use std::path::{Path, PathBuf};

use burn::tensor::wgpu::WgpuInitError;
use burn::tensor::{DataError, TensorReadError};

use super::device::{CardError, ModelDevice};
use super::weights::problems::WeightProblems;
use crate::guard;

/// Why a model could not be loaded or run: one sentence that names the file and what to do.
// Causes are part of the sentences; as a `source` they would be told twice.
#[derive(Debug, thiserror::Error)]
pub enum ClipError {
    /// The operating system refuses to read a file.
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
    /// A graphics card was asked for and the model cannot run on one.
    #[error("the model cannot run on a graphics card: {0}; use --device cpu or --device auto")]
    RunOnCard(CardError),
    /// A graphics card was asked for and the model cannot be trained on one.
    #[error("the model cannot be trained on a graphics card: {0}; use --device cpu or --device auto")]
    TrainOnCard(CardError),
    /// bf16 was asked for and the processor doesn't have it.
    #[error("this processor has no instructions for bf16 (AVX-512 BF16); use --precision auto or f32")]
    NoBf16,
    /// bf16 was asked for on a graphics card.
    #[error("bf16 is for the processor; use --device cpu with it, or another --precision")]
    Bf16OnCard,
    /// The processor cannot run the model.
    #[error("{0}")]
    Cpu(ComputeError),
    /// The system gives no more threads.
    #[error("{0}")]
    Threads(rayon::ThreadPoolBuildError),
    /// The model failed while it ran.
    #[error("the model failed on {device}: {error}")]
    Run { device: ModelDevice, error: ComputeError },
    /// Input that isn't made of whole pictures.
    #[error("{values} values aren't whole pictures of {picture} values each")]
    NotPictures { values: usize, picture: usize },
    /// Dense embeddings of pictures of a size that the model doesn't take.
    #[error("the model gives no dense scores of pictures of {width} x {height} pixels")]
    DenseSize { height: usize, width: usize },
    /// A picture cannot be brought to the size of the model's input.
    #[error("a picture can't be resized for the model: {0}")]
    Resize(ResizeError),
    /// A sentence cannot be turned into tokens.
    #[error("{sentence:?} cannot be tokenised: {error}")]
    Tokenize { sentence: String, error: tokenizers::Error },
    /// No vocabulary can be learnt from some words.
    #[error("the words make no vocabulary: {0}")]
    Vocabulary(tokenizers::Error),
    /// The words of a model whose tokenizer has no merges cannot be chosen.
    #[error("a SigLIP's words can't be chosen; take a CLIP")]
    FixedVocabulary,
    /// The weights cannot be read back from the device.
    #[error("the weights cannot be read back: {tensor}: {error}")]
    ReadBack { tensor: String, error: ComputeError },
    /// The thread that reads the weights for the fingerprint panicked.
    #[error("the weights could not be fingerprinted")]
    Fingerprint,
}

/// Why a computation with tensors failed: a clause that names neither the device nor the purpose.
#[derive(Debug, thiserror::Error)]
pub enum ComputeError {
    /// A tensor cannot be read from its device.
    #[error("{0}")]
    Read(Box<TensorReadError>),
    /// A tensor in memory isn't of the type that it is taken for.
    #[error("{0}")]
    Data(Box<DataError>),
    /// A graphics card cannot be opened.
    #[error("{0}")]
    Open(#[from] WgpuInitError),
    /// burn panicked, as it does when a device is lost or out of memory.
    #[error("{0}")]
    Panic(String),
    /// An embedding is zero or not a number.
    #[error("an embedding isn't a direction (its length is zero or not a number)")]
    NoDirection,
    /// Something is missing that a sound model or computation has.
    #[error("{0}")]
    Missing(&'static str),
}

// Boxed, so that errors stay small.
impl From<TensorReadError> for ComputeError {
    fn from(error: TensorReadError) -> Self {
        Self::Read(Box::new(error))
    }
}

impl From<DataError> for ComputeError {
    fn from(error: DataError) -> Self {
        Self::Data(Box::new(error))
    }
}

/// Why a picture cannot be resized.
#[derive(Debug, thiserror::Error)]
pub enum ResizeError {
    /// A buffer doesn't have the size of its picture.
    #[error("{0}")]
    Buffer(fast_image_resize::InvalidPixelsSize),
    /// The part to resize doesn't lie in the picture.
    #[error("{0}")]
    Resize(fast_image_resize::ResizeError),
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

    pub(super) fn tokenize(sentence: &str, error: tokenizers::Error) -> Self {
        Self::Tokenize { sentence: sentence.to_owned(), error }
    }
}

/// Runs a computation in which burn may panic.
///
/// # Errors
/// The computation's own, and its panics.
pub(crate) fn catch_panic<T, E: Into<ComputeError>>(
    compute: impl FnOnce() -> Result<T, E>,
) -> Result<T, ComputeError> {
    guard::catch(compute).map_err(ComputeError::Panic)?.map_err(Into::into)
}

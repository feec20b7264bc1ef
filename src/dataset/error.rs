//! What can go wrong with data sets.

use std::io;
use std::path::{Path, PathBuf};

use crate::raster::RasterError;
use crate::text_file;

/// Why a set could not be used: one sentence that names the file and what to do.
#[derive(Debug, thiserror::Error)]
pub enum DatasetError {
    #[error("cannot open {}: {source}; check the name and that you may read it", path.display())]
    Open { path: PathBuf, source: io::Error },
    #[error(
        "{} holds folders of folders; name the one whose folders are classes, for example {}",
        path.display(),
        path.join(example).display()
    )]
    Nested { path: PathBuf, example: String },
    #[error(
        "{} holds no class folders but captions; name the file, for example {}",
        path.display(),
        path.join(example).display()
    )]
    NameTheFile { path: PathBuf, example: String },
    #[error(
        "{} holds no class folders with images; make one folder for each class, named like it, with its images inside",
        path.display()
    )]
    NoClasses { path: PathBuf },
    #[error(
        "{} is not a set that Skysift reads; give a folder of class folders, or captions as .jsonl, .json, .csv, .tsv or .txt",
        path.display()
    )]
    UnknownFormat { path: PathBuf },
    #[error("{} is wrong in line {line}: {reason}; correct it or take the line out", path.display())]
    Line { path: PathBuf, line: usize, reason: String },
    #[error("{} has no split {split:?}; it has {known}", path.display())]
    NoSplit { path: PathBuf, split: String, known: String },
    #[error(
        "{} gives captions to no image that is there ({reason}); put the images beside it or into a folder images beside it",
        path.display()
    )]
    NoItems { path: PathBuf, reason: String },
    #[error("{} is wrong: {reason}", path.display())]
    Content { path: PathBuf, reason: String },
    #[error("{} holds no templates; write one a line, for example: a satellite photo of a {{}}", path.display())]
    NoTemplates { path: PathBuf },
    #[error(transparent)]
    Picture(#[from] RasterError),
}

impl DatasetError {
    pub(super) fn open(path: &Path, source: io::Error) -> Self {
        Self::Open { path: path.to_owned(), source }
    }

    pub(super) fn line(path: &Path, line: usize, reason: impl Into<String>) -> Self {
        Self::Line { path: path.to_owned(), line, reason: reason.into() }
    }
}

/// A whole text file. What isn't UTF-8 becomes replacement characters.
///
/// # Errors
/// If it can't be read.
pub(super) fn read_text(path: &Path) -> Result<String, DatasetError> {
    let bytes = std::fs::read(path).map_err(|source| DatasetError::open(path, source))?;
    Ok(text_file::decode_lossy(&bytes))
}

//! What can go wrong with published models.

use std::io;
use std::path::{Path, PathBuf};

use super::{Entry, size_text};
use crate::clip::ClipError;

/// What went wrong and what to do, in one sentence.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// The user's own catalogue can't be read.
    #[error("{}: this is not a list of models that Skysift understands: {reason}", path.display())]
    Catalogue { path: PathBuf, reason: String },
    /// Neither a path nor a name.
    #[error("there is no model {}: no such folder or file, and no such name in the catalogue; {}", named.display(), advice(near))]
    Unknown { named: PathBuf, near: Vec<String> },
    /// A model of the catalogue that wasn't downloaded yet.
    #[error("{title} is not on this computer yet; get it with `skysift models get {name}` ({size})")]
    NotHere { title: String, name: String, size: String },
    /// A server, or what it sent, is at fault.
    #[error("{what}; {advice}")]
    Server { what: String, advice: String },
    /// A file on this computer is at fault.
    // The cause is part of the sentence; as a `source` it would be told twice.
    #[error("{} {what}: {error}", path.display())]
    File { path: PathBuf, what: &'static str, error: io::Error },
    /// A disk has too little space for a model.
    #[error(
        "{title} needs {}, and the disk of {} has {} free; make room, or name a folder on another disk with {variable}",
        size_text(*needed),
        path.display(),
        size_text(*free)
    )]
    Room { title: String, needed: u64, free: u64, path: PathBuf, variable: &'static str },
    /// What was to be copied from a folder or file is at fault.
    #[error("{}: {reason}", path.display())]
    Source { path: PathBuf, reason: String },
    /// The caller stopped it.
    #[error("stopped")]
    Stopped,
    #[error(transparent)]
    Clip(#[from] ClipError),
}

impl ModelError {
    pub(super) fn file(path: &Path, what: &'static str, error: &io::Error) -> Self {
        let error = match error.kind() {
            io::ErrorKind::StorageFull => io::Error::new(
                io::ErrorKind::StorageFull,
                "the disk is full; make room and get it again, it goes on where it stopped",
            ),
            // An `io::Error` can't be cloned.
            kind => io::Error::new(kind, error.to_string()),
        };
        Self::File { path: path.to_owned(), what, error }
    }

    pub(super) fn source(path: &Path, reason: impl Into<String>) -> Self {
        Self::Source { path: path.to_owned(), reason: reason.into() }
    }

    pub(super) fn server(what: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::Server { what: what.into(), advice: advice.into() }
    }

    pub(super) fn not_here(entry: &Entry) -> Self {
        Self::NotHere { title: entry.title.clone(), name: entry.name.clone(), size: size_text(entry.size) }
    }

    pub(super) fn vanished(entry: &Entry) -> Self {
        Self::server(
            format!("{} was fetched, and its files are gone again", entry.title),
            "see that nothing else clears the folder, and get it again",
        )
    }
}

fn advice(near: &[String]) -> String {
    match near {
        [] => "`skysift models list` shows the names".to_owned(),
        near => format!("did you mean {}?", near.join(" or ")),
    }
}

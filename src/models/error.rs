//! What can go wrong with published models.

use std::io;
use std::path::{Path, PathBuf};

use super::{CatalogueEntry, size_text};
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
        "{title} needs {} ({} and {} to spare), and the disk of {} has {} free, {} too little; make room, or name a \
         folder on another disk with {variable}",
        size_text(needed.saturating_add(*spare)),
        size_text(*needed),
        size_text(*spare),
        path.display(),
        size_text(*free),
        size_text(needed.saturating_add(*spare).saturating_sub(*free))
    )]
    Room { title: String, needed: u64, spare: u64, free: u64, path: PathBuf, variable: &'static str },
    /// A disk became full in the middle of a download or a copy.
    #[error("{}", full_disk(folder, *kind, *needed, *free, *resume))]
    Full { folder: PathBuf, kind: io::ErrorKind, needed: u64, free: Option<u64>, resume: Resume },
    /// What was to be copied from a folder or file is at fault.
    #[error("{}: {reason}", path.display())]
    Source { path: PathBuf, reason: String },
    /// The caller stopped it.
    #[error("stopped")]
    Stopped,
    #[error(transparent)]
    Clip(#[from] ClipError),
}

/// What becomes of the part of a model that came before a disk was full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resume {
    /// Whether the next time goes on with it.
    pub is_kept: bool,
    /// The variable that names another folder for models.
    pub variable: &'static str,
}

impl ModelError {
    /// A file below `folder` that can't be written while `needed` bytes more of a model are to come.
    pub(super) fn unwritable(
        folder: &Path,
        path: &Path,
        error: &io::Error,
        needed: u64,
        resume: Resume,
    ) -> Self {
        use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
        let kind = error.kind();
        if !matches!(kind, StorageFull | QuotaExceeded | FileTooLarge) {
            return Self::file(path, "cannot be written", error);
        }
        let free = fs4::available_space(folder).ok();
        Self::Full { folder: folder.to_owned(), kind, needed, free, resume }
    }

    pub(super) fn file(path: &Path, what: &'static str, error: &io::Error) -> Self {
        let error = match error.kind() {
            io::ErrorKind::StorageFull => {
                io::Error::new(io::ErrorKind::StorageFull, "the disk is full; make room and try again")
            }
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

    pub(super) fn not_here(entry: &CatalogueEntry) -> Self {
        Self::NotHere { title: entry.title.clone(), name: entry.name.clone(), size: size_text(entry.size) }
    }

    pub(super) fn vanished(entry: &CatalogueEntry) -> Self {
        Self::server(
            format!("{} was fetched, and its files are gone again", entry.title),
            "see that nothing else clears the folder, and get it again",
        )
    }
}

fn full_disk(folder: &Path, kind: io::ErrorKind, needed: u64, free: Option<u64>, resume: Resume) -> String {
    let (folder, needed) = (folder.display(), size_text(needed));
    let goes_on = if resume.is_kept { ", it goes on where it stopped" } else { "" };
    let other = format!("name a folder on another disk with {}", resume.variable);
    let what = match kind {
        io::ErrorKind::FileTooLarge => {
            return format!("the disk of {folder} takes no file as large as the model's; {other}");
        }
        io::ErrorKind::QuotaExceeded => format!("your share of the disk of {folder} is used up"),
        _ => format!("the disk of {folder} is full"),
    };
    let free = free.map_or(String::new(), |free| format!(" and {} are free", size_text(free)));
    format!("{what}: {needed} more are needed{free}; make room and get the model again{goes_on}, or {other}")
}

fn advice(near: &[String]) -> String {
    match near {
        [] => "`skysift models list` shows the names".to_owned(),
        near => format!("did you mean {}?", near.join(" or ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_disk_lacks_is_told_with_what_is_left_free() {
        let error = |needed, free| ModelError::Room {
            title: "CLIP".to_owned(),
            needed,
            spare: 32_000_000,
            free,
            path: PathBuf::from("/models"),
            variable: "HF_HOME",
        };
        let told = error(3, 31_000_000).to_string();
        assert!(
            told.starts_with(
                "CLIP needs 32 MB (3 bytes and 32 MB to spare), and the disk of /models has 31 MB free, 1.0 MB too \
                 little; make room"
            ),
            "{told}"
        );
        assert!(error(u64::MAX, 1).to_string().contains(" too little"));
    }
}

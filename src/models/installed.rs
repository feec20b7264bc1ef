//! A model on this computer: where it lies, and its removal.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::{fs, io};

use super::hub::{Repository, files_in};
use super::lock::Lock;
use super::{CatalogueEntry, FileLayout, Home, ModelError, ModelPlaces, unfinished};
use crate::clip::ModelSource;

/// A model all of which is on this computer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installed {
    /// What it is loaded from.
    pub source: ModelSource,
    pub files: Vec<PathBuf>,
    /// The size of all its files.
    pub bytes: u64,
}

/// Finds a model in Skysift's own folder or the hub's cache.
pub(super) fn find(entry: &CatalogueEntry, ModelPlaces { hub, home }: &ModelPlaces) -> Option<Installed> {
    let own = home.folder(entry);
    if let Some(files) = files_in(&own, &entry.files, flat) {
        return Some(installed(entry, own, files));
    }
    let repository = hub.repository(entry)?;
    let snapshot = repository.snapshot(&repository.commit()?);
    let files = files_in(&snapshot, &entry.files, |folder, name| folder.join(name))?;
    Some(installed(entry, snapshot, files))
}

/// The path of a file in Skysift's own folder, where all lie side by side.
pub(super) fn flat(folder: &Path, name: &str) -> PathBuf {
    folder.join(name.rsplit('/').next().unwrap_or(name))
}

fn installed(entry: &CatalogueEntry, folder: PathBuf, files: Vec<PathBuf>) -> Installed {
    let bytes = files.iter().filter_map(|path| path.metadata().ok()).map(|metadata| metadata.len()).sum();
    let path = match entry.layout {
        FileLayout::StateDict => files.last().cloned().unwrap_or(folder),
        FileLayout::HuggingFace | FileLayout::OpenClip => folder,
    };
    Installed { source: ModelSource { path, arch: entry.arch.clone() }, files, bytes }
}

/// Removes a model wherever it lies, and returns the number of bytes freed.
pub(super) fn remove(entry: &CatalogueEntry, place: &ModelPlaces) -> Result<u64, ModelError> {
    let ModelPlaces { hub, home } = place;
    let mut freed = discard_unfinished(entry, place);
    let own = home.folder(entry);
    if own.is_dir() {
        freed += size_of(&own);
        fs::remove_dir_all(&own).map_err(|error| ModelError::file(&own, "cannot be removed", &error))?;
    }
    if let Some(repository) = hub.repository(entry) {
        freed += remove_from(&repository, entry, &unfinished::of_others(home, entry))
            .map_err(|error| ModelError::file(&repository.folder, "cannot be cleared", &error))?;
    }
    Ok(freed)
}

/// Removes a model's files of every commit, and the blobs that nothing refers to any more. Files of other
/// models in the same repository stay, those included that aren't complete yet.
fn remove_from(
    repository: &Repository,
    entry: &CatalogueEntry,
    unfinished: &BTreeSet<String>,
) -> io::Result<u64> {
    let names: BTreeSet<&str> =
        entry.files.iter().flat_map(|spec| spec.any.iter().flatten()).map(String::as_str).collect();
    let snapshots = repository.folder.join("snapshots");
    let blobs = repository.blobs().canonicalize().ok();
    let mut freed = 0;
    let mut loose = BTreeSet::new();
    for commit in folders_in(&snapshots) {
        for name in &names {
            let place = commit.join(name);
            let Ok(metadata) = place.symlink_metadata() else { continue };
            match place
                .canonicalize()
                .ok()
                .filter(|blob| blobs.as_ref().is_some_and(|blobs| blob.starts_with(blobs)))
            {
                Some(blob) => drop(loose.insert(blob)),
                None => freed += metadata.len(),
            }
            fs::remove_file(&place)?;
        }
    }
    let mut left = Vec::new();
    files_below(&snapshots, &mut left);
    let in_use: BTreeSet<PathBuf> = left.iter().filter_map(|path| path.canonicalize().ok()).collect();
    for blob in loose.difference(&in_use) {
        freed += blob.metadata()?.len();
        fs::remove_file(blob)?;
    }
    let is_needed =
        |(_, etag): &(PathBuf, String)| unfinished.contains(etag) || Lock::is_taken(&repository.lock(etag));
    let needed = partials(repository).iter().any(is_needed);
    if left.is_empty() && repository.folder.is_dir() && !needed {
        fs::remove_dir_all(&repository.folder)?;
    }
    Ok(freed)
}

/// Removes what interrupted downloads from the model's repository left behind, except for files that other
/// models wait for or that a program is downloading right now. Returns the number of bytes freed.
pub(super) fn discard_unfinished(entry: &CatalogueEntry, ModelPlaces { hub, home }: &ModelPlaces) -> u64 {
    let mut discarded = Vec::new();
    if let Some(repository) = hub.repository(entry) {
        let of_others = unfinished::of_others(home, entry);
        let is_needed = |etag: &String| of_others.contains(etag) || Lock::is_taken(&repository.lock(etag));
        discarded.extend(
            partials(&repository).into_iter().filter(|(_, etag)| !is_needed(etag)).map(|(path, _)| path),
        );
    }
    unfinished::forget(home, entry);
    let prefix = Home::archive_prefix(entry);
    for path in entries_of(home.models()) {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let of_it =
            name.strip_prefix(&prefix).is_some_and(|rest| rest.starts_with('-') && rest.contains(".zip"));
        let archive = path.with_file_name(name.trim_end_matches(".incomplete"));
        if of_it && !Lock::is_taken(&Home::archive_lock(&archive)) {
            discarded.push(path);
        }
    }
    let removed = |path: PathBuf| {
        let bytes = path.metadata().ok()?.len();
        fs::remove_file(path).ok().map(|()| bytes)
    };
    discarded.into_iter().filter_map(removed).sum()
}

/// Files that aren't complete yet, with their checksums.
fn partials(repository: &Repository) -> Vec<(PathBuf, String)> {
    let etag = |path: &Path| Some(path.file_name()?.to_str()?.strip_suffix(".incomplete")?.to_owned());
    entries_of(&repository.blobs())
        .into_iter()
        .filter_map(|path| Some((path.clone(), etag(&path)?)))
        .collect()
}

fn entries_of(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}

fn folders_in(folder: &Path) -> Vec<PathBuf> {
    entries_of(folder).into_iter().filter(|path| path.is_dir() && !path.is_symlink()).collect()
}

/// Files and links below a folder.
fn files_below(folder: &Path, found: &mut Vec<PathBuf>) {
    for path in entries_of(folder) {
        if path.is_dir() && !path.is_symlink() {
            files_below(&path, found);
        } else {
            found.push(path);
        }
    }
}

fn size_of(folder: &Path) -> u64 {
    let mut files = Vec::new();
    files_below(folder, &mut files);
    files.iter().filter_map(|path| path.symlink_metadata().ok()).map(|metadata| metadata.len()).sum()
}

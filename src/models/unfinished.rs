//! Which models the files belong to that aren't complete yet. Several models may share a repository, in which
//! such a file is known by its checksum alone.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::{fs, io};

use super::{CatalogueEntry, Home};

/// Notes which files are being downloaded for a model, by their checksums.
pub(super) fn note<'a>(home: &Home, entry: &CatalogueEntry, checksums: impl Iterator<Item = &'a str>) {
    let text: String = checksums.flat_map(|checksum| [checksum, "\n"]).collect();
    let written = fs::create_dir_all(folder(home)).and_then(|()| fs::write(path(home, entry), text));
    if let Err(error) = written {
        // All that depends on it is what becomes of these files when another model is given up.
        log::warn!("{} cannot be written: {error}", path(home, entry).display());
    }
}

/// Nothing of a model is incomplete any more.
pub(super) fn forget(home: &Home, entry: &CatalogueEntry) {
    let _ = fs::remove_file(path(home, entry));
}

/// The checksums of files that are incomplete and wanted by other models than this one.
pub(super) fn of_others(home: &Home, entry: &CatalogueEntry) -> BTreeSet<String> {
    let own = path(home, entry);
    let notes = fs::read_dir(folder(home)).into_iter().flatten().flatten().map(|note| note.path());
    let texts = notes.filter(|note| *note != own).map(fs::read_to_string).filter_map(io::Result::ok);
    texts.flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>()).collect()
}

fn folder(home: &Home) -> PathBuf {
    home.models().join(".unfinished")
}

fn path(home: &Home, entry: &CatalogueEntry) -> PathBuf {
    folder(home).join(&entry.name)
}

//! Which files are sidecars of an image.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::raster::georeference;

/// The path with a suffix appended: `scene.tif.ovr`.
pub(super) fn append(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}

/// Every path at which a sidecar file of an image might lie, whether it exists or not, each with its role.
pub(in crate::raster) fn candidates(image: &Path) -> Vec<(String, PathBuf)> {
    let appended = ["ovr", "msk", "msk.ovr", "aux.xml"];
    let mut names: Vec<(String, PathBuf)> =
        appended.iter().map(|end| ((*end).to_owned(), append(image, &format!(".{end}")))).collect();
    let replaced = ["ovr".to_owned(), "prj".to_owned(), "rpb".to_owned()];
    for end in georeference::world_extensions(image).into_iter().chain(replaced) {
        names.push((end.clone(), image.with_extension(&end)));
        names.push((end.clone(), image.with_extension(end.to_ascii_uppercase())));
    }
    if let Some(stem) = image.file_stem() {
        for end in ["_rpc.txt", "_RPC.TXT", "_RPC.txt"] {
            let mut name = stem.to_owned();
            name.push(end);
            names.push(("rpc.txt".to_owned(), image.with_file_name(name)));
        }
    }
    names
}

//! The files on disk that a scene may be read from, found by name alone: nothing is decoded.

use std::collections::HashSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::raster::formats::{product, xml};
use crate::raster::remote;

/// A longer VRT isn't opened either.
const MAX_VRT_BYTES: u64 = 64 << 20;
/// The most files that are listed: a VRT may name any number.
const MAX_FILES: usize = 1 << 20;
/// Suffixes that are appended to an image's name: `scene.tif.ovr`.
const APPENDED: [&str; 5] = [".ovr", ".msk", ".msk.ovr", ".aux.xml", ".prj"];
/// Suffixes that replace its extension: `scene.hdr`, `scene_rpc.txt`. World files have further ones.
const REPLACED: [&str; 14] = [
    ".ovr",
    ".aux",
    ".aux.xml",
    ".prj",
    ".wld",
    ".rpb",
    ".imd",
    ".gcp",
    ".hdr",
    "_rpc.txt",
    "_metadata.txt",
    ".tab",
    ".xml",
    ".rrd",
];
/// Suffixes of the files in a product's folder.
const PRODUCT_SUFFIXES: [&str; 12] = [
    ".tif",
    ".tiff",
    ".jp2",
    ".xml",
    ".safe",
    "_mtl.txt",
    "_mtl.json",
    "_ang.txt",
    ".gml",
    ".nc",
    ".kml",
    ".til",
];
/// How deep folders are nested in a product.
const MAX_DEPTH: usize = 6;

/// The image, its sidecar files, the sources of a VRT with theirs, and all bands and metadata of a product,
/// as far as they exist. None for an address.
#[must_use]
pub fn scene_files(path: &Path) -> Vec<PathBuf> {
    let mut found = Found::default();
    if !remote::is_address(path) {
        found.add(path);
    }
    found.files
}

#[derive(Default)]
struct Found {
    visited: HashSet<PathBuf>,
    files: Vec<PathBuf>,
}

impl Found {
    fn add(&mut self, path: &Path) {
        if path.is_dir() {
            self.product(path, 0);
            return;
        }
        if self.files.len() >= MAX_FILES || !self.visited.insert(path.to_owned()) || !path.is_file() {
            return;
        }
        self.files.push(path.to_owned());
        self.files.extend(sidecars(path));
        if product::is_metadata(path) {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            self.product(folder.unwrap_or(Path::new(".")), 0);
        }
        for source in sources(path) {
            self.add(&source);
        }
    }

    fn product(&mut self, folder: &Path, depth: usize) {
        for path in std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()) {
            if self.files.len() >= MAX_FILES {
                return;
            }
            let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
            if path.is_dir() && depth < MAX_DEPTH {
                self.product(&path, depth + 1);
            } else if PRODUCT_SUFFIXES.iter().any(|end| name.ends_with(end))
                && self.visited.insert(path.clone())
            {
                self.files.push(path);
            }
        }
    }
}

/// The sidecar files of an image, with suffixes in lower or upper case.
fn sidecars(image: &Path) -> Vec<PathBuf> {
    let append = |suffix: &str| {
        let mut name = OsString::from(image);
        name.push(suffix);
        PathBuf::from(name)
    };
    let stem = image.file_stem().unwrap_or_default();
    let replace = |suffix: &str| {
        let mut name = stem.to_owned();
        name.push(suffix);
        image.with_file_name(name)
    };
    let extension = image.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    let mut world = vec![format!(".{extension}w")];
    if let (Some(first), Some(last)) = (extension.chars().next(), extension.chars().last()) {
        world.push(format!(".{first}{last}w"));
    }
    let both_cases = |suffix: &str| [suffix.to_owned(), suffix.to_ascii_uppercase()];
    let appended = APPENDED.iter().flat_map(|suffix| both_cases(suffix)).map(|suffix| append(&suffix));
    let suffixes: Vec<String> = REPLACED.iter().map(|suffix| (*suffix).to_owned()).chain(world).collect();
    let replaced = suffixes.iter().flat_map(|suffix| both_cases(suffix)).map(|suffix| replace(&suffix));
    appended.chain(replaced).filter(|path| path != image && path.is_file()).collect()
}

/// The files that a VRT names.
fn sources(path: &Path) -> Vec<PathBuf> {
    let mut start = Vec::new();
    let opened = std::fs::File::open(path);
    let read =
        opened.and_then(|file| std::io::Read::read_to_end(&mut std::io::Read::take(file, 4096), &mut start));
    if read.is_err() || !String::from_utf8_lossy(&start).contains("<VRTDataset") {
        return Vec::new();
    }
    let Ok(text) = xml::read(path, MAX_VRT_BYTES) else { return Vec::new() };
    let Ok(document) = xml::parse(&text) else { return Vec::new() };
    let folder = path.parent().unwrap_or(Path::new(""));
    let named = document.descendants().filter(|node| node.has_tag_name("SourceFilename"));
    let sources = named.filter_map(|node| {
        let name = node.text().map(str::trim).filter(|name| !name.is_empty())?;
        let relative = node.attribute("relativeToVRT").is_some_and(|value| value.trim() == "1");
        Some(if relative { folder.join(name) } else { PathBuf::from(name) })
    });
    sources.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vrt_is_made_of_its_sources_and_what_lies_beside_them() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let vrt = |source: &str| {
            format!(
                "<VRTDataset><VRTRasterBand><SimpleSource><SourceFilename relativeToVRT=\"1\">{source}\
                 </SourceFilename></SimpleSource></VRTRasterBand></VRTDataset>"
            )
        };
        std::fs::write(at("outer.vrt"), vrt("inner.vrt")).unwrap();
        std::fs::write(at("inner.vrt"), vrt("scene.tif")).unwrap();
        for name in ["scene.tif", "scene.tif.ovr", "scene.tif.msk", "scene.TFW", "scene.json", "other.tif"] {
            std::fs::write(at(name), "x").unwrap();
        }
        let found: Vec<PathBuf> = scene_files(&at("outer.vrt"));
        for name in ["outer.vrt", "inner.vrt", "scene.tif", "scene.tif.ovr", "scene.tif.msk", "scene.TFW"] {
            assert!(found.contains(&at(name)), "{name}");
        }
        assert!(!found.contains(&at("scene.json")) && !found.contains(&at("other.tif")));
    }

    #[test]
    fn a_product_is_all_of_its_bands() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir_all(at("GRANULE/L2A/IMG_DATA/R10m")).unwrap();
        let bands = ["GRANULE/L2A/IMG_DATA/R10m/T33_B02_10m.jp2", "MTD_MSIL2A.xml"];
        for name in bands.iter().chain(&["boxes.json"]) {
            std::fs::write(at(name), "x").unwrap();
        }
        let found = scene_files(folder.path());
        assert!(bands.iter().all(|name| found.contains(&at(name))), "{found:?}");
        assert!(!found.contains(&at("boxes.json")));
        assert!(scene_files(&at("MTD_MSIL2A.xml")).contains(&at(bands[0])));
    }

    #[test]
    fn an_address_has_no_files() {
        assert!(scene_files(Path::new("https://host/scene.tif")).is_empty());
    }
}

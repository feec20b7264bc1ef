//! The files on disk that a scene may be read from, known by their names alone: nothing is decoded.

use std::collections::HashSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::raster::formats::{product, xml};
use crate::raster::remote;

/// A VRT's text is looked at up to this length, as when it is opened.
const MOST_VRT_BYTES: u64 = 64 << 20;
/// Files that are named, at most: a VRT may name any number.
const MOST_FILES: usize = 1 << 20;
/// What is added to the name of an image: `scene.tif.ovr`.
const ADDED: [&str; 5] = [".ovr", ".msk", ".msk.ovr", ".aux.xml", ".prj"];
/// What takes the place of its extension, or of its last part: `scene.tfw`, `scene_rpc.txt`. World files
/// beside.
const INSTEAD: [&str; 14] = [
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
/// Ends of the names of what products consist of, in their folders.
const OF_PRODUCTS: [&str; 12] = [
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
/// Folders within a product, at most one in the other.
const DEEPEST: usize = 6;

/// The image, what lies beside it (overviews, masks, statistics, places), the sources of a VRT with what lies
/// beside those, and all bands and metadata of a product, as far as they are there. None for an address.
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
    seen: HashSet<PathBuf>,
    files: Vec<PathBuf>,
}

impl Found {
    fn add(&mut self, path: &Path) {
        if path.is_dir() {
            self.product(path, 0);
            return;
        }
        if self.files.len() >= MOST_FILES || !self.seen.insert(path.to_owned()) || !path.is_file() {
            return;
        }
        self.files.push(path.to_owned());
        self.files.extend(beside(path));
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
            if self.files.len() >= MOST_FILES {
                return;
            }
            let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
            if path.is_dir() && depth < DEEPEST {
                self.product(&path, depth + 1);
            } else if OF_PRODUCTS.iter().any(|end| name.ends_with(end)) && self.seen.insert(path.clone()) {
                self.files.push(path);
            }
        }
    }
}

/// What lies beside an image, in small letters or in capitals.
fn beside(image: &Path) -> Vec<PathBuf> {
    let added = |end: &str| {
        let mut name = OsString::from(image);
        name.push(end);
        PathBuf::from(name)
    };
    let stem = image.file_stem().unwrap_or_default();
    let instead = |end: &str| {
        let mut name = stem.to_owned();
        name.push(end);
        image.with_file_name(name)
    };
    let extension = image.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    let mut world = vec![format!(".{extension}w")];
    if let (Some(first), Some(last)) = (extension.chars().next(), extension.chars().last()) {
        world.push(format!(".{first}{last}w"));
    }
    let in_both = |end: &str| [end.to_owned(), end.to_ascii_uppercase()];
    let added = ADDED.iter().flat_map(|end| in_both(end)).map(|end| added(&end));
    let ends: Vec<String> = INSTEAD.iter().map(|end| (*end).to_owned()).chain(world).collect();
    let instead = ends.iter().flat_map(|end| in_both(end)).map(|end| instead(&end));
    added.chain(instead).filter(|path| path != image && path.is_file()).collect()
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
    let Ok(text) = xml::read(path, MOST_VRT_BYTES) else { return Vec::new() };
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

//! Folders that are one data set.

use std::path::{Path, PathBuf};

use super::{Remedy, unsupported, unsupported_beside};
use crate::raster::error::ReaderError;
use crate::raster::formats::product;

/// The most files of a folder that are considered.
const MAX_FILES: usize = 10_000;

pub(super) fn recognise(folder: &Path) -> Option<ReaderError> {
    let has = |name: &str| folder.join(name).exists();
    if product::is_sentinel_1(folder) {
        return Some(product::sentinel_1_error(folder));
    }
    if [".zgroup", ".zarray", ".zmetadata", "zarr.json"].iter().any(|name| has(name)) {
        return Some(unsupported("a Zarr data set", Remedy::Gdal));
    }
    if has("hdr.adf") && has("w001001.adf") {
        return Some(unsupported("an ArcInfo grid", Remedy::Gdal));
    }
    let entries = std::fs::read_dir(folder).ok()?.flatten().take(MAX_FILES);
    let mut names: Vec<String> =
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    let find = |start: &str, end: &str| -> Option<PathBuf> {
        let fits = |name: &&String| {
            let name = name.to_ascii_lowercase();
            name.starts_with(start) && name.ends_with(end)
        };
        names.iter().find(fits).map(|name| folder.join(name))
    };
    if let Some(description) = find("dim_", ".xml") {
        return Some(unsupported_beside("a DIMAP product (Pléiades, SPOT)", &description));
    }
    if let Some(description) = find("", ".til") {
        return Some(unsupported_beside("a product in tiles (Maxar)", &description));
    }
    if find("", ".gdbtable").is_some() {
        return Some(unsupported(
            "an ESRI file geodatabase",
            Remedy::Other("export its image as GeoTIFF from the program that wrote it"),
        ));
    }
    if has("xfdumanifest.xml") {
        let file = find("", ".nc")?;
        let what = "a product of Sentinel-3, whose measurements are netCDF files";
        return Some(unsupported_beside(what, &file));
    }
    None
}

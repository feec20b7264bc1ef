//! Folders that are one data set.

use std::path::{Path, PathBuf};

use super::{Way, fault, fault_of_other};
use crate::raster::error::Fault;
use crate::raster::formats::product;

/// Files that are looked at in a folder.
const MOST_FILES: usize = 10_000;

pub(super) fn recognise(folder: &Path) -> Option<Fault> {
    let has = |name: &str| folder.join(name).exists();
    if product::is_sentinel_1(folder) {
        return Some(product::sentinel_1(folder));
    }
    if [".zgroup", ".zarray", ".zmetadata", "zarr.json"].iter().any(|name| has(name)) {
        return Some(fault("a Zarr data set", Way::Gdal));
    }
    if has("hdr.adf") && has("w001001.adf") {
        return Some(fault("an ArcInfo grid", Way::Gdal));
    }
    let entries = std::fs::read_dir(folder).ok()?.flatten().take(MOST_FILES);
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
        return Some(fault_of_other("a DIMAP product (Pléiades, SPOT)", &description));
    }
    if let Some(description) = find("", ".til") {
        return Some(fault_of_other("a product in tiles (Maxar)", &description));
    }
    if find("", ".gdbtable").is_some() {
        return Some(fault(
            "an ESRI file geodatabase",
            Way::Other("export its image as GeoTIFF from the program that wrote it"),
        ));
    }
    if has("xfdumanifest.xml") {
        let file = find("", ".nc")?;
        let what = "a product of Sentinel-3, whose measurements are netCDF files";
        return Some(fault_of_other(what, &file));
    }
    None
}

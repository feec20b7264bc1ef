//! Products: a folder of bands is one scene. Sentinel-2 (SAFE, L1C and L2A) and Landsat.
//!
//! All bands are brought to the finest grid by the mosaic machinery.

pub mod granules;
pub mod names;
pub mod plan;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::mosaic::{Mosaic, Plan};
use crate::raster::RasterError;
use crate::raster::error::Fault;
use crate::raster::error::guard;
use crate::raster::reader::{Opening, Reader};
use names::{Found, finest, landsat, sentinel};

/// Files that are looked at in a folder, at most.
const MOST_FILES: usize = 10_000;

/// What a product holds.
enum Content {
    Sentinel(Vec<Granule>),
    /// Scenes by what the names of their files begin with.
    Landsat(BTreeMap<String, Vec<Found>>),
}

/// A piece of a Sentinel-2 product, a square of 110 km.
struct Granule {
    folder: PathBuf,
    bands: Vec<Found>,
}

/// The scene in a folder; `None` when it is no product.
pub(in crate::raster) fn open_folder(
    folder: &Path,
    opening: &Opening,
) -> Option<Result<Box<dyn Reader>, RasterError>> {
    match content(folder)? {
        Content::Sentinel(granules) => {
            Some(open(folder, opening, |inside| granules::plan(&granules, inside)))
        }
        Content::Landsat(mut scenes) => {
            if scenes.len() > 1 {
                let scenes = scenes.keys().map(|scene| metadata_of(folder, scene)).collect();
                return Some(Err(RasterError::SeveralScenes { path: folder.to_owned(), scenes }));
            }
            let (_, bands) = scenes.pop_first()?;
            Some(open(folder, opening, |inside| plan::of_one("Landsat", &bands, inside)))
        }
    }
}

/// The scene that a metadata file describes (`MTD_MSIL1C.xml`, `*_MTL.txt`…); `None` when it is no such file.
pub(in crate::raster) fn open_metadata(
    path: &Path,
    opening: &Opening,
) -> Option<Result<Box<dyn Reader>, RasterError>> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let lacks = |what: &str| {
        let what = format!("it describes a {what} whose bands don't lie beside it");
        Some(Err(Fault::unsupported(what, "put them where the product had them").of(path)))
    };
    if let Some(scene) = names::landsat_metadata(path) {
        let Some(Content::Landsat(mut scenes)) = content(folder) else { return lacks("Landsat scene") };
        let Some(bands) = scenes.remove(&scene) else { return lacks("Landsat scene") };
        return Some(open(folder, opening, |inside| plan::of_one("Landsat", &bands, inside)));
    }
    if names::is_sentinel_manifest(path) {
        if is_sentinel_1(folder) {
            return Some(Err(sentinel_1(folder).of(path)));
        }
        return open_folder(folder, opening).or_else(|| lacks("Sentinel-2 product"));
    }
    if names::is_granule_manifest(path) {
        let Some(granule) = granule(folder) else { return lacks("granule") };
        return Some(open(folder, opening, |inside| plan::of_one("Sentinel-2", &granule.bands, inside)));
    }
    None
}

/// Whether a file describes a product, by its name.
pub(in crate::raster) fn is_metadata(path: &Path) -> bool {
    names::landsat_metadata(path).is_some()
        || names::is_sentinel_manifest(path)
        || names::is_granule_manifest(path)
}

/// Whether a folder is a product of Sentinel-1, whose radar images lie in `measurement`.
pub(in crate::raster) fn is_sentinel_1(folder: &Path) -> bool {
    folder.join("annotation").is_dir() && folder.join("measurement").is_dir()
}

/// Why a product of Sentinel-1 is not opened, and what is.
pub(in crate::raster) fn sentinel_1(folder: &Path) -> Fault {
    let what = "it is a product of Sentinel-1, whose images are files of their own";
    let mut images = files(&folder.join("measurement"));
    images.retain(|path| path.extension().is_some_and(|end| end.eq_ignore_ascii_case("tiff")));
    match images.first() {
        Some(image) => {
            let command = crate::raster::error::command_word(image);
            Fault::unsupported(what, format!("open one of them, for example with `skysift {command}`"))
        }
        None => Fault::unsupported(what, "put them into its folder `measurement`"),
    }
}

fn open(
    folder: &Path,
    opening: &Opening,
    plan: impl FnOnce(&Opening) -> Result<Plan, Fault>,
) -> Result<Box<dyn Reader>, RasterError> {
    let read = || {
        let inside = opening.inside(folder)?;
        Mosaic::new(plan(&inside)?, &inside)
    };
    guard(read).map(|mosaic| Box::new(mosaic) as Box<dyn Reader>).map_err(|fault| fault.of(folder))
}

fn content(folder: &Path) -> Option<Content> {
    let granules: Vec<Granule> =
        files(&folder.join("GRANULE")).iter().filter_map(|path| granule(path)).collect();
    if !granules.is_empty() {
        return Some(Content::Sentinel(granules));
    }
    if let Some(granule) = granule(folder) {
        return Some(Content::Sentinel(vec![granule]));
    }
    let mut scenes: BTreeMap<String, Vec<Found>> = BTreeMap::new();
    for band in files(folder).iter().filter_map(|path| landsat(path)) {
        scenes.entry(band.scene.clone()).or_default().push(band);
    }
    let scenes: BTreeMap<_, _> = scenes.into_iter().map(|(scene, bands)| (scene, finest(bands))).collect();
    (!scenes.is_empty()).then_some(Content::Landsat(scenes))
}

/// The bands in a granule's folder.
fn granule(folder: &Path) -> Option<Granule> {
    let images = folder.join("IMG_DATA");
    let parts = [images.clone(), images.join("R10m"), images.join("R20m"), images.join("R60m")];
    let bands: Vec<Found> =
        parts.iter().flat_map(|part| files(part)).filter_map(|path| sentinel(&path)).collect();
    (!bands.is_empty()).then(|| Granule { folder: folder.to_owned(), bands: finest(bands) })
}

/// The file that says which of several Landsat scenes in a folder is meant, or, where there is none, the name
/// that all its files have in common.
fn metadata_of(folder: &Path, scene: &str) -> PathBuf {
    let of_scene = |path: &PathBuf| names::landsat_metadata(path).as_deref() == Some(scene);
    files(folder).into_iter().find(of_scene).unwrap_or_else(|| folder.join(format!("{scene}_MTL.txt")))
}

/// The files of a folder, in the order of their names.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().take(MOST_FILES);
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    files.sort();
    files
}

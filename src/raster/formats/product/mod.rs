//! Products, whose folder of bands is one scene: Sentinel-2 (SAFE, L1C and L2A) and Landsat.
//!
//! A mosaic brings all bands to the finest grid.
//!
//! - [`names`]: bands and scenes by the names of their files.
//! - [`single`]: the bands of one scene.
//! - [`granules`]: Sentinel-2 granules side by side.

pub mod granules;
pub mod names;
pub mod single;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::mosaic::Mosaic;
use super::mosaic::layout::MosaicLayout;
use super::open_context::OpenContext;
use crate::raster::error::{RasterError, ReaderError, catch_panics, command_word};
use crate::raster::reader::Reader;
use names::{BandFile, finest, landsat, sentinel};

/// The most files of a folder that are listed.
const MAX_FILES: usize = 10_000;

/// What a product holds.
enum Content {
    Sentinel(Vec<Granule>),
    /// Scenes by the prefix of their files' names.
    Landsat(BTreeMap<String, Vec<BandFile>>),
}

/// A tile of a Sentinel-2 product, 110 km square.
struct Granule {
    folder: PathBuf,
    bands: Vec<BandFile>,
}

/// Opens the scene in a folder; `None` if the folder is no product.
pub(in crate::raster) fn open_folder(
    folder: &Path,
    context: &OpenContext,
) -> Option<Result<Box<dyn Reader>, RasterError>> {
    match content(folder)? {
        Content::Sentinel(granules) => {
            Some(open(folder, context, |inside| granules::layout(&granules, inside)))
        }
        Content::Landsat(mut scenes) => {
            if scenes.len() > 1 {
                let scenes = scenes.keys().map(|scene| metadata_of(folder, scene)).collect();
                return Some(Err(RasterError::SeveralScenes { path: folder.to_owned(), scenes }));
            }
            let (_, bands) = scenes.pop_first()?;
            Some(open(folder, context, |inside| single::layout("Landsat", &bands, inside)))
        }
    }
}

/// Opens the scene that a metadata file describes (`MTD_MSIL1C.xml`, `*_MTL.txt`…); `None` for any other
/// file.
pub(in crate::raster) fn open_metadata(
    path: &Path,
    context: &OpenContext,
) -> Option<Result<Box<dyn Reader>, RasterError>> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let lacks = |what: &str| {
        let what = format!("it describes a {what} whose bands don't lie beside it");
        Some(Err(ReaderError::unsupported(what, "put them where the product had them").for_file(path)))
    };
    if let Some(scene) = names::landsat_metadata(path) {
        let Some(Content::Landsat(mut scenes)) = content(folder) else { return lacks("Landsat scene") };
        let Some(bands) = scenes.remove(&scene) else { return lacks("Landsat scene") };
        return Some(open(folder, context, |inside| single::layout("Landsat", &bands, inside)));
    }
    if names::is_sentinel_manifest(path) {
        if is_sentinel_1(folder) {
            return Some(Err(sentinel_1_error(folder).for_file(path)));
        }
        return open_folder(folder, context).or_else(|| lacks("Sentinel-2 product"));
    }
    if names::is_granule_manifest(path) {
        let Some(granule) = granule(folder) else { return lacks("granule") };
        return Some(open(folder, context, |inside| single::layout("Sentinel-2", &granule.bands, inside)));
    }
    None
}

/// Whether a file's name is that of a product's metadata.
pub(in crate::raster) fn is_metadata(path: &Path) -> bool {
    names::landsat_metadata(path).is_some()
        || names::is_sentinel_manifest(path)
        || names::is_granule_manifest(path)
}

/// Whether a folder is a Sentinel-1 product, whose radar images lie in `measurement`.
pub(in crate::raster) fn is_sentinel_1(folder: &Path) -> bool {
    folder.join("annotation").is_dir() && folder.join("measurement").is_dir()
}

/// Why a Sentinel-1 product isn't opened, and which of its files can be.
pub(in crate::raster) fn sentinel_1_error(folder: &Path) -> ReaderError {
    let what = "it is a product of Sentinel-1, whose images are files of their own";
    let mut images = files(&folder.join("measurement"));
    images.retain(|path| path.extension().is_some_and(|end| end.eq_ignore_ascii_case("tiff")));
    match images.first() {
        Some(image) => {
            let command = command_word(image);
            ReaderError::unsupported(what, format!("open one of them, for example with `skysift {command}`"))
        }
        None => ReaderError::unsupported(what, "put them into its folder `measurement`"),
    }
}

fn open(
    folder: &Path,
    context: &OpenContext,
    layout: impl FnOnce(&OpenContext) -> Result<MosaicLayout, ReaderError>,
) -> Result<Box<dyn Reader>, RasterError> {
    let read = || {
        let inside = context.inside(folder)?;
        Mosaic::new(layout(&inside)?, &inside)
    };
    catch_panics(read)
        .map(|mosaic| Box::new(mosaic) as Box<dyn Reader>)
        .map_err(|error| error.for_file(folder))
}

/// What a folder holds, if it is a product.
fn content(folder: &Path) -> Option<Content> {
    let granules: Vec<Granule> =
        files(&folder.join("GRANULE")).iter().filter_map(|path| granule(path)).collect();
    if !granules.is_empty() {
        return Some(Content::Sentinel(granules));
    }
    if let Some(granule) = granule(folder) {
        return Some(Content::Sentinel(vec![granule]));
    }
    let mut scenes: BTreeMap<String, Vec<BandFile>> = BTreeMap::new();
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
    let bands: Vec<BandFile> =
        parts.iter().flat_map(|part| files(part)).filter_map(|path| sentinel(&path)).collect();
    (!bands.is_empty()).then(|| Granule { folder: folder.to_owned(), bands: finest(bands) })
}

/// The metadata file of one of several Landsat scenes in a folder, or, if there is none, the name that it
/// would have.
fn metadata_of(folder: &Path, scene: &str) -> PathBuf {
    let of_scene = |path: &PathBuf| names::landsat_metadata(path).as_deref() == Some(scene);
    files(folder).into_iter().find(of_scene).unwrap_or_else(|| folder.join(format!("{scene}_MTL.txt")))
}

/// The files of a folder, sorted by name.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().take(MAX_FILES);
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    files.sort();
    files
}

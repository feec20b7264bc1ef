//! The sample scene for a first look, which is painted once and kept in the cache folder.

use std::path::{Path, PathBuf};

use super::geotiff::write_scene;
use crate::raster::Storage;
use crate::sample_scene::error::SampleSceneError;
use crate::sample_scene::scene::SampleScene;

/// Is incremented whenever the same numbers paint something else, so that an old scene isn't taken for a new
/// one.
const GENERATOR: u32 = 1;
const SIDE: u64 = 4096;
const SEED: u64 = 0;
/// Metres per pixel.
const GSD: f64 = 0.5;
const NAME: &str = "sample-coast.tif";

/// The file with the sample scene. The first call paints it, which takes a few seconds. `cache` replaces the
/// user's cache folder.
///
/// # Errors
/// If the file can't be written.
pub fn sample_scene_file(cache: Option<&Path>) -> Result<PathBuf, SampleSceneError> {
    let cache = cache.map_or_else(Storage::user_cache, Path::to_owned);
    let folder = cache.join("sample-scene").join(format!("{GENERATOR}-{SIDE}-{SEED}"));
    let file = folder.join(NAME);
    if !file.is_file() {
        std::fs::create_dir_all(&folder).map_err(|error| SampleSceneError::write(&folder, error))?;
        write_scene(&SampleScene::new(SIDE, SIDE, GSD, SEED)?, &file, &|_| {})?;
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_painted_once() {
        let cache = tempfile::tempdir().unwrap();
        let file = sample_scene_file(Some(cache.path())).unwrap();
        assert!(file.starts_with(cache.path()));
        let written = file.metadata().unwrap().modified().unwrap();
        assert_eq!(sample_scene_file(Some(cache.path())).unwrap(), file);
        assert_eq!(file.metadata().unwrap().modified().unwrap(), written);
        let names: Vec<_> =
            file.parent().unwrap().read_dir().unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, [NAME], "nothing is left over");
    }

    #[test]
    fn a_place_that_cannot_be_written_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        let error = sample_scene_file(Some(&file)).unwrap_err().to_string();
        assert!(error.contains("sample-scene"), "{error}");
    }
}

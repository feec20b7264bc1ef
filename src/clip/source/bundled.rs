//! The model that comes with Skysift, for people who name none.

use std::path::{Path, PathBuf};

use crate::clip::ModelSource;

/// The model's folder, within the places where it may lie.
const FOLDER: &str = "weights/skysift-mini";
/// Files without which it is no model. A checkout may lack the weights, for example if large files were left
/// out.
const NEEDED: [&str; 2] = ["open_clip_config.json", "open_clip_model.safetensors"];

/// The network for `--sharpen` without a file. Until one is trained (scripts/train-sharpener.sh), there is
/// none in the source tree.
const SHARPENER: &str = "weights/skysift-sharpen/skysift-sharpen-x4.safetensors";

/// The bundled network that enlarges windows, if it is there.
#[must_use]
pub fn bundled_sharpener() -> Option<PathBuf> {
    let places = places(std::env::current_exe().ok().as_deref());
    places.into_iter().map(|place| place.join(SHARPENER)).find(|file| file.is_file())
}

/// The bundled model, if it is there.
#[must_use]
pub fn bundled_model() -> Option<ModelSource> {
    find_in(&places(std::env::current_exe().ok().as_deref()))
}

/// The places where it may lie: beside an unpacked program, where a package installs it, and in the source
/// tree.
fn places(program: Option<&Path>) -> Vec<PathBuf> {
    // The program may have been started through a link.
    let program = program.map(|path| path.canonicalize().unwrap_or_else(|_| path.to_owned()));
    let beside = program.as_deref().and_then(Path::parent);
    let installed = beside.and_then(Path::parent).map(|prefix| prefix.join("share/skysift"));
    let source = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    beside.map(Path::to_owned).into_iter().chain(installed).chain([source]).collect()
}

fn find_in(places: &[PathBuf]) -> Option<ModelSource> {
    places
        .iter()
        .map(|place| place.join(FOLDER))
        .find(|folder| NEEDED.iter().all(|name| folder.join(name).is_file()))
        .map(|path| ModelSource { path, arch: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_whole_model_is_taken() {
        let root = tempfile::tempdir().unwrap();
        let program = root.path().join("bin/skysift");
        let (beside, installed) =
            (root.path().join("bin").join(FOLDER), root.path().join("share/skysift").join(FOLDER));
        for folder in [&beside, &installed] {
            std::fs::create_dir_all(folder).unwrap();
        }
        std::fs::write(&program, "").unwrap();
        // Without the source tree's own.
        let found = || {
            let places = places(Some(&program));
            find_in(&places[..2]).map(|source| source.path.canonicalize().unwrap())
        };
        let fill = |folder: &Path, names: &[&str]| {
            for name in names {
                std::fs::write(folder.join(name), "").unwrap();
            }
        };
        assert_eq!(found(), None);
        fill(&beside, &["names.json", "open_clip_config.json"]);
        assert_eq!(found(), None, "the weights are missing");
        fill(&installed, &NEEDED);
        assert_eq!(found(), Some(installed.canonicalize().unwrap()));
        fill(&beside, &NEEDED);
        assert_eq!(found(), Some(beside.canonicalize().unwrap()));
    }

    #[test]
    fn the_source_tree_is_looked_in_last() {
        assert_eq!(places(None), [PathBuf::from(env!("CARGO_MANIFEST_DIR"))]);
        assert_eq!(places(Some(Path::new("/opt/skysift/skysift"))).len(), 3);
    }
}

//! The names of models for people, and the question for the name of an architecture.

use std::path::{Path, PathBuf};

use crate::clip::config::{architectures, siglip_architectures};
use crate::clip::weights::Weights;

/// A state dict's name for people.
pub(in crate::clip) fn bare_name(path: &Path, arch: &str) -> String {
    format!("{} ({arch})", path.file_stem().unwrap_or_default().to_string_lossy())
}

pub(in crate::clip) fn folder_of(path: &Path) -> PathBuf {
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    folder.unwrap_or(Path::new(".")).to_owned()
}

/// Asks for the name of an architecture.
pub(in crate::clip) fn ask_for_arch(weights: &Weights) -> String {
    if let Some(name) = siglip_architectures::guess(weights) {
        return format!(
            "a bare state dict doesn't say what it is; this one has the shapes of {name}: add --arch {name}, and put its \
             tokenizer.json beside it"
        );
    }
    let Some(name) = architectures::guess(weights) else {
        let names = architectures::names();
        return format!("a bare state dict doesn't say what it is; add --arch with one of {names}");
    };
    if weights.is_long_clip() {
        return format!("this is a Long-CLIP with the shapes of {name}; add --arch {name}-quickgelu");
    }
    format!(
        "a bare state dict doesn't say what it is; this one has the shapes of {name}, whose activation it can't tell: add \
         --arch {name}-quickgelu if it is OpenAI's or was trained further from it (GeoRSCLIP, FarSLIP), --arch {name}-gelu \
         if not (most of LAION's)"
    )
}

/// A model's name for people: that of the directory, or in Hugging Face's cache that of the repository.
pub(in crate::clip) fn directory_name(directory: &Path) -> String {
    let name = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
    let in_cache = directory
        .parent()
        .filter(|parent| name(parent).as_deref() == Some("snapshots"))
        .and_then(Path::parent)
        .and_then(name);
    match in_cache.as_deref().and_then(|repository| repository.strip_prefix("models--")) {
        Some(repository) => repository.replace("--", "/"),
        None => directory.canonicalize().ok().as_deref().and_then(name).unwrap_or_else(|| "model".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cached_model_has_its_repository_s_name() {
        let path = Path::new("/home/x/.cache/hub/models--openai--clip-vit-base-patch32/snapshots/3d74acf9");
        assert_eq!(directory_name(path), "openai/clip-vit-base-patch32");
    }
}

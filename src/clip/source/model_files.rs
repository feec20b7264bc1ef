//! Which files of a directory belong to a model, known by their names.

use std::path::{Path, PathBuf};

/// How the names of weights end.
const WEIGHTS: [&str; 5] = [".safetensors", ".bin", ".pt", ".pth", ".ckpt"];
/// What the names of all other files contain: `preprocessor_config.json`, `tokenizer.json`, `vocab.json`,
/// `merges.txt`, `names.json`, `ground_sizes.json`, `model.safetensors.index.json`.
const PARTS: [&str; 8] = ["config", "token", "vocab", "merges", "names", "ground_sizes", "index", "bpe"];

/// Files other than weights that show that a folder holds a model.
const NAMED: [&str; 4] =
    ["config.json", "open_clip_config.json", "preprocessor_config.json", "tokenizer.json"];

/// The files of a model: those of its folder, or a bare state dict and the tokenizer beside it.
#[must_use]
pub(crate) fn model_files(path: &Path) -> Vec<PathBuf> {
    if path.is_dir() {
        return files(path).filter(|file| is_weights(file) || is_companion(file)).collect();
    }
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::iter::once(path.to_owned()).chain(files(folder).filter(|file| is_companion(file))).collect()
}

/// A file that shows that a folder holds a model already: a configuration, a tokenizer or weights.
#[must_use]
pub(crate) fn model_in(folder: &Path) -> Option<PathBuf> {
    let named = |file: &Path| NAMED.iter().any(|known| file.file_name().is_some_and(|name| name == *known));
    files(folder).find(|file| is_weights(file) || named(file))
}

fn files(folder: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(|path| path.is_file())
}

fn is_weights(path: &Path) -> bool {
    WEIGHTS.iter().any(|end| name(path).ends_with(end))
}

fn is_companion(path: &Path) -> bool {
    let name = name(path);
    let text = [".json", ".txt", ".model", ".gz"].iter().any(|end| name.ends_with(end));
    text && PARTS.iter().any(|part| name.contains(part))
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_its_files_and_not_its_neighbours() {
        let folder = tempfile::tempdir().unwrap();
        let own = [
            "config.json",
            "model.safetensors",
            "tokenizer.json",
            "merges.txt",
            "names.json",
            "ground_sizes.json",
        ];
        for name in own.iter().chain(&["curves.csv", "confusion.png", "result.json"]) {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let mut found = model_files(folder.path());
        found.sort();
        let mut expected = own.map(|name| folder.path().join(name));
        expected.sort();
        assert_eq!(found, expected);
        let bare = model_files(&folder.path().join("model.safetensors"));
        assert!(bare.contains(&expected[0]) && bare.contains(&folder.path().join("tokenizer.json")));
        assert!(model_in(folder.path()).is_some());
        assert_eq!(model_in(&folder.path().join("none")), None);
    }
}

//! Which files of a directory hold weights.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::clip::ClipError;
use crate::text_file;

/// The weights of a directory: one safetensors file, its shards, one PyTorch file, or its shards.
pub(in crate::clip) fn weights_in(
    directory: &Path,
    safetensors: &str,
    pytorch: &str,
) -> Result<Option<Vec<PathBuf>>, ClipError> {
    for name in [safetensors, pytorch] {
        let whole = directory.join(name);
        if whole.is_file() {
            return Ok(Some(vec![whole]));
        }
        let index = directory.join(format!("{name}.index.json"));
        if index.is_file() {
            return shards(&index, directory).map(Some);
        }
    }
    Ok(None)
}

/// The shards that an index lists, each once.
fn shards(index: &Path, directory: &Path) -> Result<Vec<PathBuf>, ClipError> {
    let text = text_file::read(index).map_err(|error| ClipError::read(index, error))?;
    let value: Value = serde_json::from_str(&text)
        .map_err(|error| ClipError::file(index, format!("this isn't JSON: {error}")))?;
    let map = value.get("weight_map").and_then(Value::as_object);
    let mut names: Vec<&str> =
        map.into_iter().flat_map(|map| map.values()).filter_map(Value::as_str).collect();
    names.sort_unstable();
    names.dedup();
    if names.is_empty() {
        return Err(ClipError::file(index, "this index lists no shards; download it again"));
    }
    // A shard lies beside its index and nowhere else.
    let path_of = |name: &str| match Path::new(name).file_name() {
        Some(file) if file == name => Ok(directory.join(name)),
        _ => Err(ClipError::file(index, format!("{name:?} isn't the name of a file beside the index"))),
    };
    let paths: Vec<PathBuf> = names.into_iter().map(path_of).collect::<Result<_, _>>()?;
    match paths.iter().find(|path| !path.is_file()) {
        Some(absent) => Err(ClipError::file(absent, "this shard is missing; download it too")),
        None => Ok(paths),
    }
}

/// The only file with weights in a directory without a configuration, if there is just one.
pub(in crate::clip) fn only_weights_in(directory: &Path) -> Result<Option<PathBuf>, ClipError> {
    let entries = fs::read_dir(directory).map_err(|error| ClipError::read(directory, error))?;
    let is_weights = |path: &PathBuf| {
        let ending = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
        path.is_file()
            && ["pt", "pth", "bin", "ckpt", "safetensors", "msgpack", "h5"].contains(&ending.as_str())
    };
    let mut found = entries.filter_map(Result::ok).map(|entry| entry.path()).filter(is_weights);
    let first = found.next();
    Ok(first.filter(|_| found.next().is_none()))
}

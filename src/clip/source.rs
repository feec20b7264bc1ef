//! Finds out what a person pointed at: which files of a directory, or a bare file, make the model.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::config::ClipConfig;
use super::preprocess::Preprocess;
use super::tokenizer::Expected;
use super::{ClipError, config_hf, config_open_clip};
use crate::{fingerprint, text_file};

/// What a person points at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelSource {
    /// A model directory, or a file with a bare state dict.
    pub path: PathBuf,
    /// The architecture's name in `open_clip`, such as "ViT-B-32"; needed for a bare state dict only.
    pub arch: Option<String>,
}

/// The parts of a model on disk.
pub(super) struct ModelFiles {
    pub name: String,
    pub config: ClipConfig,
    pub preprocess: Preprocess,
    pub weights: Vec<PathBuf>,
    /// Where the tokenizer's files are.
    pub directory: PathBuf,
    /// Whether texts are cleaned and padded as `open_clip` does.
    pub like_open_clip: bool,
    /// The configuration as it was written, for the fingerprint.
    config_text: String,
    layout: Files,
}

/// The kinds of model on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Files {
    HuggingFace,
    OpenClip,
    /// A state dict alone.
    Bare,
}

impl ModelFiles {
    pub fn find(source: &ModelSource) -> Result<Self, ClipError> {
        let path = &source.path;
        let metadata = fs::metadata(path).map_err(|error| ClipError::read(path, error))?;
        if !metadata.is_dir() {
            return Self::bare(path, source.arch.as_deref());
        }
        let hugging_face = path.join("config.json");
        let open_clip = path.join("open_clip_config.json");
        // Some directories hold both layouts; take the one whose weights are there.
        if hugging_face.is_file()
            && let Some(weights) = weights_in(path, "model.safetensors", "pytorch_model.bin")?
        {
            return Self::hugging_face(path, &hugging_face, weights);
        }
        if open_clip.is_file() {
            let names = ("open_clip_model.safetensors", "open_clip_pytorch_model.bin");
            let Some(weights) = weights_in(path, names.0, names.1)? else {
                return Err(ClipError::file(
                    path,
                    format!("the weights are missing: {} or {}", names.0, names.1),
                ));
            };
            return Self::open_clip(path, &open_clip, weights);
        }
        if hugging_face.is_file() {
            return Err(ClipError::file(
                path,
                "the weights are missing: model.safetensors (or its shards with model.safetensors.index.json) or \
                 pytorch_model.bin",
            ));
        }
        Err(ClipError::file(
            path,
            "this isn't a model directory: it has neither config.json nor open_clip_config.json; for a bare \
             state dict give the file itself and --arch",
        ))
    }

    fn hugging_face(directory: &Path, config: &Path, weights: Vec<PathBuf>) -> Result<Self, ClipError> {
        let config_text = text_file::read(config).map_err(|error| ClipError::read(config, error))?;
        let parsed = config_hf::parse(config, &config_text)?;
        Ok(Self {
            name: directory_name(directory),
            preprocess: Preprocess::from_hugging_face(directory, side(&parsed))?,
            config: parsed,
            weights,
            directory: directory.to_owned(),
            like_open_clip: false,
            config_text,
            layout: Files::HuggingFace,
        })
    }

    fn open_clip(directory: &Path, config: &Path, weights: Vec<PathBuf>) -> Result<Self, ClipError> {
        let config_text = text_file::read(config).map_err(|error| ClipError::read(config, error))?;
        let value: Value = serde_json::from_str(&config_text)
            .map_err(|error| ClipError::file(config, format!("this isn't JSON: {error}")))?;
        let parsed = config_open_clip::parse(config, value.get("model_cfg").unwrap_or(&Value::Null))?;
        let preprocess_cfg = value.get("preprocess_cfg").unwrap_or(&Value::Null);
        Ok(Self {
            name: directory_name(directory),
            preprocess: Preprocess::from_open_clip(config, preprocess_cfg, side(&parsed))?,
            config: parsed,
            weights,
            directory: directory.to_owned(),
            // A tokenizer from elsewhere is used as it comes.
            like_open_clip: value.pointer("/model_cfg/text_cfg/hf_tokenizer_name").is_none_or(Value::is_null),
            config_text,
            layout: Files::OpenClip,
        })
    }

    /// A state dict of which only the architecture's name is known.
    fn bare(path: &Path, arch: Option<&str>) -> Result<Self, ClipError> {
        let Some(arch) = arch else {
            return Err(ClipError::file(
                path,
                format!(
                    "a bare state dict doesn't say what it is; add --arch with one of {}",
                    config_open_clip::names()
                ),
            ));
        };
        let config = config_open_clip::architecture(path, arch)?;
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        Ok(Self {
            name: format!("{stem} ({arch})"),
            preprocess: Preprocess::from_open_clip(path, &Value::Null, side(&config))?,
            config,
            weights: vec![path.to_owned()],
            directory: directory.unwrap_or(Path::new(".")).to_owned(),
            like_open_clip: true,
            config_text: arch.to_owned(),
            layout: Files::Bare,
        })
    }

    /// The name of the configuration's file; a bare state dict has none.
    pub fn config_name(&self) -> Option<&'static str> {
        match &self.layout {
            Files::HuggingFace => Some("config.json"),
            Files::OpenClip => Some("open_clip_config.json"),
            Files::Bare => None,
        }
    }

    /// What the model expects of its tokenizer.
    pub fn expected(&self) -> Expected {
        Expected {
            context_length: self.config.text.context_length,
            vocab_size: self.config.text.vocab_size,
            like_open_clip: self.like_open_clip,
        }
    }

    /// SHA-256 of the configuration and the weights, hexadecimal.
    pub fn fingerprint(&self) -> Result<String, ClipError> {
        let mut hash = Sha256::new();
        hash.update(self.config_text.as_bytes());
        for path in &self.weights {
            let failed = |error| ClipError::read(path, error);
            let mut file = fs::File::open(path).map_err(failed)?;
            let mut buffer = vec![0; 1 << 16];
            loop {
                let count = file.read(&mut buffer).map_err(failed)?;
                if count == 0 {
                    break;
                }
                hash.update(buffer.get(..count).unwrap_or_default());
            }
        }
        Ok(fingerprint::finish(hash))
    }
}

fn side(config: &ClipConfig) -> u32 {
    // At most 4096, see ClipConfig::checked.
    config.vision.image_size() as u32
}

/// The weights of a directory: one safetensors file, its shards, one PyTorch file, or its shards.
fn weights_in(directory: &Path, safetensors: &str, pytorch: &str) -> Result<Option<Vec<PathBuf>>, ClipError> {
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

/// The files that an index lists, each once.
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
    // A shard is a file beside its index, nothing else.
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

/// What a person would call the model: the directory, or in Hugging Face's cache the repository.
fn directory_name(directory: &Path) -> String {
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

//! The files of a model, found by the path that a person gives.
//!
//! - this file: the files of a model directory or a bare state dict, and what is read of them
//! - [`weight_files`]: which files of a directory hold weights
//! - [`model_files`]: which files of a directory belong to a model, known by their names
//! - [`model_names`]: names for people
//! - [`description`]: what a model is, in words and numbers
//! - [`known_words`]: the words that a model learnt, in any of their `word_forms`
//! - [`ground_sizes`]: from how far away it saw the ground
//! - [`bundled`]: the model that comes with Skysift

pub mod bundled;
pub mod description;
pub mod ground_sizes;
pub mod known_words;
pub mod model_files;
pub mod model_names;
pub mod weight_files;
mod word_forms;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::ClipError;
use super::config::architectures;
use super::config::architectures::Architecture;
use super::config::{Activation, ClipConfig, Configured, Objective, Origins, Pooling};
use super::config::{hugging_face, open_clip, preprocessing, siglip_architectures};
use super::preprocess::Preprocess;
use super::tokenizer::{Cleaning, EndToken, Expected, Rules};
use super::weights::Weights;
use super::weights::unsupported;
use crate::{fingerprint, text_file};
use model_names::{ask_for_arch, bare_name, directory_name, folder_of};
use weight_files::{only_weights_in, weights_in};

/// A model as a person names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelSource {
    /// A model directory, or a file with a bare state dict.
    pub path: PathBuf,
    /// The architecture's name in `open_clip`, such as "ViT-B-32" or "ViT-B-32-quickgelu"; only a bare state
    /// dict needs it. "ViT-B-32-gelu" means the same as "ViT-B-32", without a doubt.
    pub arch: Option<String>,
}

/// The files of a model, with what they say about it.
pub(super) struct ModelFiles {
    pub name: String,
    pub config: ClipConfig,
    /// Where parts of the configuration were read.
    pub origins: Origins,
    pub preprocess: Preprocess,
    /// Where it was read.
    pub preprocess_origin: String,
    pub weights: Arc<Weights>,
    pub weight_files: Vec<PathBuf>,
    /// The directory of the tokenizer's files.
    pub directory: PathBuf,
    /// How sentences are prepared.
    rules: Rules,
    /// Files of other layouts beside them, which aren't used.
    pub left_out: Vec<String>,
    /// What a person should know about the model.
    pub notices: Vec<String>,
    /// The configuration as it is in the file, for the fingerprint.
    config_text: String,
    layout: FileLayout,
}

/// How the files of a model are named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FileLayout {
    HuggingFace,
    OpenClip,
    /// A state dict alone.
    Bare,
}

/// The names of a layout's files: configuration, weights as safetensors and as pickle.
type Names = [&'static str; 3];
const HUGGING_FACE: Names = ["config.json", "model.safetensors", "pytorch_model.bin"];
const OPEN_CLIP: Names =
    ["open_clip_config.json", "open_clip_model.safetensors", "open_clip_pytorch_model.bin"];

impl ModelFiles {
    pub fn find(source: &ModelSource) -> Result<Self, ClipError> {
        let path = &source.path;
        let metadata = fs::metadata(path).map_err(|error| ClipError::read(path, error))?;
        let arch = source.arch.as_deref();
        if !metadata.is_dir() {
            return Self::bare(path, arch);
        }
        let hugging_face = read_text(&path.join(HUGGING_FACE[0]))?;
        let open_clip = read_text(&path.join(OPEN_CLIP[0]))?;
        let weights_of = |names: Names| weights_in(path, names[1], names[2]);
        // Some directories hold both layouts: take the one whose weights are there. And some config.json are
        // another library's.
        let is_ours =
            hugging_face.as_deref().is_some_and(|text| open_clip.is_none() || is_transformers(text));
        if let Some(text) = hugging_face.as_deref().filter(|_| is_ours)
            && let Some(weights) = weights_of(HUGGING_FACE)?
        {
            let mut files = Self::hugging_face(path, text, weights)?;
            files.note_left_out(path, &[&HUGGING_FACE]);
            files.note_unused_arch(arch);
            return Ok(files);
        }
        if let Some(text) = open_clip {
            let Some(weights) = weights_of(OPEN_CLIP)? else {
                let missing = format!("the weights are missing: {} or {}", OPEN_CLIP[1], OPEN_CLIP[2]);
                return Err(ClipError::file(path, missing));
            };
            let mut files = Self::open_clip(path, &text, weights)?;
            files.note_left_out(path, &[&OPEN_CLIP]);
            files.note_unused_arch(arch);
            return Ok(files);
        }
        if let Some(text) = hugging_face {
            // Whether Skysift runs it matters more than what is missing.
            hugging_face::parse(&path.join(HUGGING_FACE[0]), &text)?;
            let others = match unsupported::others_in(path) {
                Some(others) => {
                    format!("; the folder holds weights of {others} only, which Skysift doesn't read")
                }
                None => String::new(),
            };
            return Err(ClipError::file(
                path,
                format!(
                    "the weights are missing: model.safetensors (or its shards with model.safetensors.index.json) or \
                     pytorch_model.bin{others}"
                ),
            ));
        }
        match only_weights_in(path)? {
            Some(file) => Self::bare(&file, arch),
            None => Err(ClipError::file(
                path,
                "this isn't a model directory: it has neither config.json nor open_clip_config.json; for a bare \
                 state dict give the file itself and --arch",
            )),
        }
    }

    fn hugging_face(directory: &Path, text: &str, weight_files: Vec<PathBuf>) -> Result<Self, ClipError> {
        let Configured { config, origins } = hugging_face::parse(&directory.join(HUGGING_FACE[0]), text)?;
        let weights = open_weights(&weight_files)?;
        let is_siglip = config.objective == Objective::Sigmoid;
        let prepared = preprocessing::hugging_face(directory, side(&config), is_siglip)?;
        Ok(Self {
            name: directory_name(directory),
            preprocess: prepared.preprocess,
            preprocess_origin: prepared.origin,
            notices: prepared.notice.into_iter().chain(weights.notice()).collect(),
            rules: if is_siglip { Rules::Siglip(Cleaning::Siglip) } else { Rules::Transformers },
            config,
            origins,
            weights,
            weight_files,
            directory: directory.to_owned(),
            left_out: Vec::new(),
            config_text: text.to_owned(),
            layout: FileLayout::HuggingFace,
        })
    }

    fn open_clip(directory: &Path, text: &str, weight_files: Vec<PathBuf>) -> Result<Self, ClipError> {
        let path = directory.join(OPEN_CLIP[0]);
        let value: Value = serde_json::from_str(text)
            .map_err(|error| ClipError::file(&path, format!("this isn't JSON: {error}")))?;
        let weights = open_weights(&weight_files)?;
        let model_cfg = value.get("model_cfg").unwrap_or(&Value::Null);
        let Configured { config, origins } = open_clip::parse(&path, model_cfg, &weights)?;
        let preprocess_cfg = value.get("preprocess_cfg").unwrap_or(&Value::Null);
        let prepared = preprocessing::open_clip(&path, preprocess_cfg, side(&config))?;
        let cleaning = match model_cfg.pointer("/text_cfg/tokenizer_kwargs/clean").and_then(Value::as_str) {
            Some("canonicalize") => Cleaning::Canonical,
            Some("lower") => Cleaning::Lower,
            _ => Cleaning::Whitespace,
        };
        let has_own_tokenizer =
            model_cfg.pointer("/text_cfg/hf_tokenizer_name").is_some_and(|name| !name.is_null());
        Ok(Self {
            name: directory_name(directory),
            preprocess: prepared.preprocess,
            preprocess_origin: prepared.origin,
            notices: weights.notice().into_iter().collect(),
            rules: match config.text.pooling {
                Pooling::Last => Rules::Siglip(cleaning),
                // A tokenizer from elsewhere is used as it is.
                _ if has_own_tokenizer => Rules::Transformers,
                _ => Rules::OpenClip,
            },
            config,
            origins,
            weights,
            weight_files,
            directory: directory.to_owned(),
            left_out: Vec::new(),
            config_text: text.to_owned(),
            layout: FileLayout::OpenClip,
        })
    }

    /// A state dict, of which only the name of the architecture is known.
    fn bare(path: &Path, arch: Option<&str>) -> Result<Self, ClipError> {
        let weight_files = vec![path.to_owned()];
        let weights = open_weights(&weight_files)?;
        let Some(arch) = arch else {
            return Err(ClipError::file(path, ask_for_arch(&weights)));
        };
        if let Some(model_cfg) = siglip_architectures::model_cfg(arch, &weights) {
            return Self::bare_siglip(path, arch, &model_cfg, weights);
        }
        let mut config = architectures::architecture(path, arch)?;
        let named = Architecture::of(arch);
        let given = format!("--arch {arch}");
        let mut origins =
            Origins { image_size: given.clone(), context_length: given.clone(), activation: given };
        let mut notices: Vec<String> = weights.notice().into_iter().collect();
        if weights.is_long_clip() {
            if let Some(&[positions, _]) = weights.shape("positional_embedding") {
                config.text.context_length = positions;
                "the table of positions".clone_into(&mut origins.context_length);
            }
            if !named.says_activation {
                config.set_activation(Activation::QuickGelu);
                "Long-CLIP's code, which has no other".clone_into(&mut origins.activation);
            }
        } else if !named.says_activation {
            notices.push(format!(
                "{}: a state dict doesn't say its activation, and --arch {arch} stands for GELU, as in open_clip; for a \
                 model of OpenAI's or one that was trained further from it, such as GeoRSCLIP, give --arch \
                 {arch}-quickgelu, and where GELU is right --arch {arch}-gelu",
                path.display()
            ));
        }
        let prepared = preprocessing::open_clip(path, &Value::Null, side(&config))?;
        Ok(Self {
            name: bare_name(path, arch),
            preprocess: prepared.preprocess,
            preprocess_origin: prepared.origin,
            // With another activation, the same file is another model.
            config_text: match config.text.transformer.activation {
                Activation::QuickGelu => format!("{}-quickgelu", named.base),
                _ => named.base.to_owned(),
            },
            config,
            origins,
            weights,
            weight_files,
            directory: folder_of(path),
            rules: Rules::OpenClip,
            left_out: Vec::new(),
            notices,
            layout: FileLayout::Bare,
        })
    }

    /// A state dict of a SigLIP. Its name says all but the vocabulary, so its tokenizer has to lie beside it.
    fn bare_siglip(
        path: &Path,
        arch: &str,
        model_cfg: &Value,
        weights: Arc<Weights>,
    ) -> Result<Self, ClipError> {
        let Configured { config, .. } = open_clip::parse(path, model_cfg, &weights)?;
        let given = format!("--arch {arch}");
        let preprocess_cfg = siglip_architectures::preprocess_cfg();
        let prepared = preprocessing::open_clip(path, &preprocess_cfg, side(&config))?;
        Ok(Self {
            name: bare_name(path, arch),
            preprocess: prepared.preprocess,
            preprocess_origin: given.clone(),
            config_text: arch.to_owned(),
            config,
            origins: Origins {
                image_size: given.clone(),
                context_length: "the table of positions".to_owned(),
                activation: given,
            },
            notices: weights.notice().into_iter().collect(),
            weights,
            weight_files: vec![path.to_owned()],
            directory: folder_of(path),
            rules: Rules::Siglip(Cleaning::Canonical),
            left_out: Vec::new(),
            layout: FileLayout::Bare,
        })
    }

    /// Notes files of other layouts in the directory.
    fn note_left_out(&mut self, directory: &Path, taken: &[&Names]) {
        let layouts = [&HUGGING_FACE, &OPEN_CLIP];
        let other = layouts.into_iter().filter(|names| !taken.contains(names)).flatten().copied();
        // The same weights often lie beside as a pickle.
        let pickles = [HUGGING_FACE[2], OPEN_CLIP[2]];
        let foreign = ["flax_model.msgpack", "tf_model.h5", "model.onnx"];
        let mut names: Vec<&str> = other.chain(pickles).chain(foreign).collect();
        names.retain(|name| {
            let path = directory.join(name);
            path.is_file() && !self.weight_files.contains(&path)
        });
        names.sort_unstable();
        names.dedup();
        self.left_out = names.into_iter().map(str::to_owned).collect();
    }

    /// Adds a notice if the name of an architecture contradicts the configuration.
    fn note_unused_arch(&mut self, arch: Option<&str>) {
        let Some(arch) = arch else { return };
        let named = Architecture::of(arch);
        let written = self.config.text.transformer.activation;
        if named.says_activation && named.activation != written {
            let config = self.config_name().unwrap_or_default();
            self.notices
                .push(format!("--arch {arch} isn't used: {config} says what the model is, with {written}"));
        }
    }

    /// The name of the configuration file; a bare state dict has none.
    pub fn config_name(&self) -> Option<&'static str> {
        match &self.layout {
            FileLayout::HuggingFace => Some(HUGGING_FACE[0]),
            FileLayout::OpenClip => Some(OPEN_CLIP[0]),
            FileLayout::Bare => None,
        }
    }

    /// What the model expects of its tokenizer.
    pub fn expected(&self) -> Expected {
        Expected {
            context_length: self.config.text.context_length,
            vocab_size: self.config.text.vocab_size,
            rules: self.rules,
            end: match self.config.text.pooling {
                Pooling::HighestId => EndToken::IsHighest,
                Pooling::FirstOf(id) => EndToken::Is(id),
                Pooling::Last => EndToken::Any,
            },
        }
    }

    /// SHA-256 of the configuration and the weights, hexadecimal.
    pub fn fingerprint(&self) -> Result<String, ClipError> {
        let mut hash = Sha256::new();
        hash.update(self.config_text.as_bytes());
        self.weights.hash_into(&mut hash)?;
        Ok(fingerprint::finish(hash))
    }
}

fn open_weights(files: &[PathBuf]) -> Result<Arc<Weights>, ClipError> {
    let weights = Weights::open(files)?;
    unsupported::refuse_tensors(&weights)?;
    Ok(Arc::new(weights))
}

/// The text of a file; `None` if there is no such file.
fn read_text(path: &Path) -> Result<Option<String>, ClipError> {
    if !path.is_file() {
        return Ok(None);
    }
    text_file::read(path).map(Some).map_err(|error| ClipError::read(path, error))
}

/// Whether a `config.json` is transformers'; those of timm and others have the same name.
fn is_transformers(text: &str) -> bool {
    let config: Option<Value> = serde_json::from_str(text).ok();
    config.is_some_and(|config| config.get("model_type").is_some() || config.get("vision_config").is_some())
}

fn side(config: &ClipConfig) -> u32 {
    // At most 4096, see ClipConfig::checked.
    config.vision.image_size() as u32
}

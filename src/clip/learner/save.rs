//! The model directory that a training writes.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::Learner;
use crate::atomic::write_bytes;
use crate::clip::ClipError;
use crate::clip::config::open_clip;
use crate::clip::weights::saver::{Saver, WeightType};
use crate::text_file;

impl Learner {
    /// Files that are copied from the model that was loaded.
    const COMPANIONS: [&str; 7] = [
        "preprocessor_config.json",
        "processor_config.json",
        "tokenizer.json",
        "tokenizer_config.json",
        "special_tokens_map.json",
        "vocab.json",
        "merges.txt",
    ];
    /// The names of files that [`Self::save`] may write.
    pub const FILES: [&str; 11] = [
        "preprocessor_config.json",
        "processor_config.json",
        "tokenizer.json",
        "tokenizer_config.json",
        "special_tokens_map.json",
        "vocab.json",
        "merges.txt",
        "config.json",
        "open_clip_config.json",
        "model.safetensors",
        "open_clip_model.safetensors",
    ];

    /// Writes a model directory in the layout of the one that was loaded, with its tokenizer. Adapters are
    /// merged into the weights.
    ///
    /// # Errors
    /// If the directory cannot be written, or the one that was loaded is gone.
    pub fn save(&self, directory: &Path, dtype: WeightType) -> Result<(), ClipError> {
        fs::create_dir_all(directory).map_err(|error| ClipError::write(directory, error))?;
        let write = |name: &str, bytes: &[u8]| {
            let to = directory.join(name);
            write_bytes(&to, bytes).map_err(|error| ClipError::write(&to, error))
        };
        let config_name = self.files.config_name();
        if config_name.is_none() {
            let config = open_clip::write(&self.config, &self.preprocess);
            write("open_clip_config.json", format!("{config:#}\n").as_bytes())?;
        }
        for name in Self::COMPANIONS.into_iter().chain(config_name) {
            let from = self.files.directory.join(name);
            if !from.is_file() {
                continue;
            }
            let bytes = fs::read(&from).map_err(|error| ClipError::read(&from, error))?;
            let bytes = self.with_image_size(name, bytes);
            write(name, &bytes)?;
        }
        let mut saver = Saver::new(self.layout, dtype);
        self.model.save(&mut saver);
        let weights = match config_name {
            Some("config.json") => "model.safetensors",
            _ => "open_clip_model.safetensors",
        };
        saver.finish(&directory.join(weights))
    }

    /// A configuration file with the size of the pictures that the model now takes.
    fn with_image_size(&self, name: &str, bytes: Vec<u8>) -> Vec<u8> {
        let side = self.config.vision.image_size();
        if side == self.files.config.vision.image_size() {
            return bytes;
        }
        let pointers: &[&str] = match name {
            "config.json" => &["/vision_config/image_size", "/vision_config_dict/image_size"],
            "open_clip_config.json" => &["/model_cfg/vision_cfg/image_size"],
            "processor_config.json" => &[
                "/image_processor/size/shortest_edge",
                "/image_processor/size/height",
                "/image_processor/size/width",
                "/image_processor/crop_size/height",
                "/image_processor/crop_size/width",
            ],
            "preprocessor_config.json" => &[
                "/size/shortest_edge",
                "/size/height",
                "/size/width",
                "/crop_size/height",
                "/crop_size/width",
            ],
            _ => return bytes,
        };
        let text = text_file::decode(&bytes).unwrap_or_default();
        let Ok(mut config) = serde_json::from_str::<Value>(&text) else { return bytes };
        for pointer in pointers {
            if let Some(value) = config.pointer_mut(pointer) {
                *value = json!(side);
            }
        }
        if let Some(size) = config.pointer_mut("/preprocess_cfg/size") {
            *size = json!([side, side]);
        }
        format!("{config:#}\n").into_bytes()
    }
}

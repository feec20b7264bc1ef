//! STAND-IN until the real one is merged.

use std::path::PathBuf;

use serde::Serialize;

use super::config::{Activation, ClipConfig, VisionConfig};
use super::model::Model;
use super::source::ModelFiles;
use super::weights::Weights;
use super::{ClipError, ModelSource};

/// A value with where it was read from: a file's name, an option, the default of a library.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Told<T> {
    pub value: T,
    pub from: String,
}

/// A model in words and numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ModelDescription {
    /// What a person would call it.
    pub name: String,
    /// Whose names and files it has, e.g. "Hugging Face" or "open_clip state dict, Long-CLIP".
    pub layout: String,
    /// The files whose weights are loaded.
    pub weights: Vec<PathBuf>,
    /// The types of the numbers in the files, e.g. "f32" or "f16, f32".
    pub weight_type: String,
    /// Files of other layouts that lie beside and aren't used.
    pub left_out: Vec<String>,
    pub image_tower: String,
    pub text_tower: String,
    pub parameters: u64,
    /// The number of values of an embedding.
    pub embedding_len: usize,
    /// Side of the square pictures, in pixels.
    pub image_size: Told<usize>,
    /// Tokens of a sentence.
    pub context_length: Told<usize>,
    /// The function inside the perceptrons; of each tower where they differ.
    pub activation: Told<String>,
    /// How cosines become probabilities.
    pub scoring: Told<String>,
    /// How a picture becomes input.
    pub preprocessing: Told<String>,
    pub tokenizer: Told<String>,
    /// What a person should know of it.
    pub notices: Vec<String>,
}

pub fn describe_model(source: &ModelSource) -> Result<ModelDescription, ClipError> {
    let files = ModelFiles::find(source)?;
    let weights = Weights::open(&files.weights)?;
    Model::check(&weights, &files.config)?;
    let ClipConfig { vision, text, .. } = &files.config;
    let from = files.config_name().unwrap_or("--arch").to_owned();
    let told = |value: &str| Told { value: value.to_owned(), from: from.clone() };
    let image_size = match vision {
        VisionConfig::Vit(vit) => vit.image_size,
        VisionConfig::ResNet(resnet) => resnet.image_size,
    };
    Ok(ModelDescription {
        name: files.name.clone(),
        layout: if from == "config.json" { "Hugging Face" } else { "open_clip" }.to_owned(),
        weights: files.weights.clone(),
        weight_type: "f32".to_owned(),
        left_out: Vec::new(),
        image_tower: "ViT".to_owned(),
        text_tower: "transformer".to_owned(),
        parameters: 0,
        embedding_len: files.config.embed_dim,
        image_size: Told { value: image_size, from: from.clone() },
        context_length: Told { value: text.context_length, from: from.clone() },
        activation: told(if text.transformer.activation == Activation::QuickGelu {
            "QuickGELU"
        } else {
            "GELU"
        }),
        scoring: told("softmax over all words"),
        preprocessing: told("?"),
        tokenizer: told("?"),
        notices: Vec::new(),
    })
}

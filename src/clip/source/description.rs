//! What a model is, and where each part of that was read.

use std::path::PathBuf;

use serde::Serialize;

use super::ModelFiles;
use crate::clip::config::{Activation, ClipConfig, Objective, TransformerConfig, VisionConfig, VitHead};
use crate::clip::tokenizer::SentenceTokenizer;
use crate::clip::towers::model::Model;
use crate::clip::weights::layout::CheckpointLayout;
use crate::clip::{ClipError, ModelSource};
use crate::paths;

/// A value, and where it was read: the name of a file, an option, or a library whose default it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Told<T> {
    pub value: T,
    pub from: String,
}

/// A model in words and numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ModelDescription {
    /// Its name for people.
    pub name: String,
    /// The layout of its files, e.g. "Hugging Face" or "open_clip state dict, Long-CLIP".
    pub layout: String,
    /// The files whose weights are loaded.
    #[serde(serialize_with = "paths::all_shown")]
    pub weights: Vec<PathBuf>,
    /// The types of the numbers in the files, e.g. "f32" or "f16, f32".
    pub weight_type: String,
    /// Files of other layouts beside them, which aren't used.
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
    /// The activation function of the MLPs; of each tower if they differ.
    pub activation: Told<String>,
    /// How cosines become probabilities.
    pub scoring: Told<String>,
    /// How a picture becomes the input.
    pub preprocessing: Told<String>,
    pub tokenizer: Told<String>,
    /// What a person should know about it.
    pub notices: Vec<String>,
}

/// Describes a model from its configuration and the names and shapes of its tensors, without loading them.
///
/// # Errors
/// As [`crate::clip::Clip::load`].
pub fn describe_model(source: &ModelSource) -> Result<ModelDescription, ClipError> {
    let files = ModelFiles::find(source)?;
    Model::check(&files.weights, &files.config)?;
    let tokenizer = SentenceTokenizer::load(&files.directory, files.expected())?;
    Ok(of(&files, &tokenizer))
}

pub(in crate::clip) fn of(files: &ModelFiles, tokenizer: &SentenceTokenizer) -> ModelDescription {
    let ClipConfig { vision, text, .. } = &files.config;
    let layout = CheckpointLayout::of(&files.weights, &files.config).label();
    let (image_tower, image_activation) = match vision {
        VisionConfig::Vit(vit) => {
            let pooled = if vit.head == VitHead::AttentionPool { ", pooled by attention" } else { "" };
            let tower = transformer_in_words(&vit.transformer);
            let what = format!("ViT, {tower}, patches of {} pixels{pooled}", vit.patch_size);
            (what, Some(vit.transformer.activation))
        }
        VisionConfig::ResNet(resnet) => {
            let layers: Vec<String> = resnet.layers.iter().map(usize::to_string).collect();
            let what =
                format!("ResNet, {} blocks, width {}, pooled by attention", layers.join("+"), resnet.width);
            (what, None)
        }
    };
    let mut kind = layout.to_owned();
    kind.push_str(if files.config_name().is_none() { " state dict" } else { "" });
    kind.push_str(if files.config.objective == Objective::Sigmoid { ", SigLIP" } else { "" });
    kind.push_str(if files.weights.is_long_clip() { ", Long-CLIP" } else { "" });
    let (scoring, scoring_from) = match files.config.objective {
        Objective::Contrast => ("softmax over all words", "the weights, which have no logit_bias"),
        Objective::Sigmoid => ("sigmoid, a word at a time", "the weights' logit_bias"),
    };
    ModelDescription {
        name: files.name.clone(),
        layout: kind,
        weights: files.weight_files.clone(),
        weight_type: files.weights.types().join(", "),
        left_out: files.left_out.clone(),
        image_tower,
        text_tower: format!(
            "{} of {}, {} words",
            if text.is_causal { "causal transformer" } else { "transformer" },
            transformer_in_words(&text.transformer),
            text.vocab_size
        ),
        parameters: files.weights.parameters(),
        embedding_len: files.config.embed_dim,
        image_size: Told { value: vision.image_size(), from: files.origins.image_size.clone() },
        context_length: Told { value: text.context_length, from: files.origins.context_length.clone() },
        activation: Told {
            value: activation_in_words(image_activation, text.transformer.activation),
            from: files.origins.activation.clone(),
        },
        scoring: Told { value: scoring.to_owned(), from: scoring_from.to_owned() },
        preprocessing: Told { value: files.preprocess.in_words(), from: files.preprocess_origin.clone() },
        tokenizer: Told {
            value: if tokenizer.is_unigram { "SentencePiece" } else { "byte pairs" }.to_owned(),
            from: tokenizer.origin.clone(),
        },
        notices: files.notices.iter().chain(&tokenizer.notice).cloned().collect(),
    }
}

fn transformer_in_words(config: &TransformerConfig) -> String {
    format!("{} layers, width {}, {} heads", config.layers, config.width, config.heads)
}

fn activation_in_words(image: Option<Activation>, text: Activation) -> String {
    match image {
        Some(image) if image == text => text.to_string(),
        Some(image) => format!("{image} for images, {text} for sentences"),
        None => format!("ReLU for images, {text} for sentences"),
    }
}

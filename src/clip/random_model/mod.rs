//! Model directories with random weights: for tests, benchmarks and a first look at the program. They run as
//! real models do, and their scores mean nothing.
//!
//! - this file: the presets, and the writing
//! - [`tensors`]: the weights
//! - [`config_files`]: the configuration files beside them

mod config_files;
mod tensors;

use std::fs;
use std::path::Path;

use tokenizers::Trainer as _;
use tokenizers::models::bpe::{BPE, BpeTrainer};

use super::ClipError;
use super::tokenizer::clip_vocabulary::{tokenizer_json, vocabulary_of};
use super::weights::saver::write_tensors;
use crate::atomic::write_bytes;
use tensors::tensors;

/// The sizes of a random model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Preset {
    /// Under a megabyte, with 64-pixel pictures.
    #[default]
    Tiny,
    /// The sizes of OpenAI's ViT-B/32: 600 megabytes.
    #[value(name = "vit-b-32")]
    VitB32,
    /// As small as `tiny`, with a ResNet as its image tower.
    TinyResnet,
    /// The sizes of the model that comes with Skysift, to train one like it.
    Mini,
}

/// The sizes in which presets differ.
struct Sizes {
    embed_dim: usize,
    image_size: usize,
    vision: Vision,
    text: Tower,
    /// `None`: as many words as the tokenizer has.
    vocab_size: Option<usize>,
    context_length: usize,
}

#[derive(Clone, Copy)]
enum Vision {
    Vit { patch_size: usize, tower: Tower },
    ResNet { width: usize, layers: [usize; 4] },
}

#[derive(Clone, Copy)]
struct Tower {
    width: usize,
    layers: usize,
    heads: usize,
}

impl Preset {
    fn sizes(self) -> Sizes {
        match self {
            Self::Tiny => Sizes {
                embed_dim: 32,
                image_size: 64,
                vision: Vision::Vit { patch_size: 16, tower: Tower { width: 64, layers: 3, heads: 4 } },
                text: Tower { width: 48, layers: 2, heads: 3 },
                vocab_size: None,
                context_length: 32,
            },
            Self::VitB32 => Sizes {
                embed_dim: 512,
                image_size: 224,
                vision: Vision::Vit { patch_size: 32, tower: Tower { width: 768, layers: 12, heads: 12 } },
                text: Tower { width: 512, layers: 12, heads: 8 },
                vocab_size: Some(49_408),
                context_length: 77,
            },
            Self::TinyResnet => Sizes {
                embed_dim: 32,
                image_size: 64,
                vision: Vision::ResNet { width: 8, layers: [1, 2, 1, 1] },
                text: Tower { width: 48, layers: 2, heads: 3 },
                vocab_size: None,
                context_length: 32,
            },
            Self::Mini => Sizes {
                embed_dim: 256,
                image_size: 112,
                vision: Vision::ResNet { width: 32, layers: [1, 2, 2, 2] },
                text: Tower { width: 192, layers: 3, heads: 6 },
                vocab_size: None,
                context_length: 24,
            },
        }
    }
}

/// Writes a model directory: in Hugging Face's layout if its image tower is a transformer, in `open_clip`'s
/// if it is a ResNet. `directory` is made if it doesn't exist. The same seed gives the same model.
///
/// # Errors
/// If the directory cannot be written.
pub fn write_random_model(directory: &Path, preset: Preset, seed: u64) -> Result<(), ClipError> {
    write_with_merges(directory, preset, &common_merges(), seed)
}

/// Like [`write_random_model`], with a tokenizer for which every word of `text` is one token.
///
/// # Errors
/// If the directory cannot be written.
pub fn write_random_model_for(
    directory: &Path,
    preset: Preset,
    text: &str,
    seed: u64,
) -> Result<(), ClipError> {
    write_with_merges(directory, preset, &learn_merges(text)?, seed)
}

fn write_with_merges(
    directory: &Path,
    preset: Preset,
    merges: &[(String, String)],
    seed: u64,
) -> Result<(), ClipError> {
    let failed = |error| ClipError::write(directory, error);
    fs::create_dir_all(directory).map_err(failed)?;
    let sizes = preset.sizes();
    let vocabulary = vocabulary_of(merges);
    let vocab_size = sizes.vocab_size.unwrap_or(vocabulary.len());
    let end = vocabulary.get("<|endoftext|>").copied().unwrap_or_default();
    let (weights, mut files) = match sizes.vision {
        Vision::Vit { .. } => (
            "model.safetensors",
            vec![
                ("config.json", config_files::config(&sizes, vocab_size, end)),
                ("preprocessor_config.json", config_files::preprocessor_config(&sizes)),
            ],
        ),
        Vision::ResNet { .. } => (
            "open_clip_model.safetensors",
            vec![("open_clip_config.json", config_files::open_clip_config(&sizes, vocab_size))],
        ),
    };
    files.push(("tokenizer.json", tokenizer_json(&vocabulary, merges)));
    files.push(("tokenizer_config.json", config_files::tokenizer_config(sizes.context_length)));
    write_tensors(&directory.join(weights), tensors(&sizes, vocab_size, seed), None).map_err(failed)?;
    for (name, value) in files {
        write_bytes(&directory.join(name), format!("{value:#}\n").as_bytes()).map_err(failed)?;
    }
    Ok(())
}

/// A few merges, so that common words take few tokens.
fn common_merges() -> Vec<(String, String)> {
    [
        ("t", "h"),
        ("th", "e</w>"),
        ("o", "f</w>"),
        ("p", "h"),
        ("ph", "o"),
        ("t", "o</w>"),
        ("pho", "to</w>"),
        ("a", "r"),
        ("i", "n"),
        ("e", "r</w>"),
        ("o", "r</w>"),
        ("n", "g</w>"),
        ("i", "ng</w>"),
        ("s", "t"),
        ("e", "s</w>"),
    ]
    .map(|(left, right)| (left.to_owned(), right.to_owned()))
    .to_vec()
}

/// Byte-pair merges (Sennrich et al., 2016, <https://arxiv.org/abs/1508.07909>) after which every word of
/// `text` is one token.
fn learn_merges(text: &str) -> Result<Vec<(String, String)>, ClipError> {
    let failed = |error: serde_json::Error| ClipError::Vocabulary(error.into());
    let mut trainer = BpeTrainer::builder()
        .end_of_word_suffix("</w>".to_owned())
        .min_frequency(1)
        .show_progress(false)
        .build();
    let words = |line: &str| Ok(line.split_whitespace().map(str::to_lowercase).collect());
    trainer.feed(text.lines(), words).map_err(ClipError::Vocabulary)?;
    let mut model = BPE::default();
    trainer.train(&mut model).map_err(ClipError::Vocabulary)?;
    let learnt = serde_json::to_value(&model).map_err(failed)?;
    let merges = learnt.get("merges").cloned().unwrap_or_default();
    serde_json::from_value(merges).map_err(failed)
}

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

use serde_json::Value;
use tokenizers::Trainer as _;
use tokenizers::models::bpe::{BPE, BpeTrainer};

use super::ClipError;
use super::tokenizer::clip_vocabulary::{openai_merges, tokenizer_json, vocabulary_of};
use super::weights::saver::write_tensors;
use crate::atomic::write_bytes;
use tensors::tensors;

/// The sizes of a random model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum ModelPreset {
    /// Under a megabyte, with 64-pixel pictures.
    #[default]
    Tiny,
    /// The sizes of OpenAI's ViT-B/32: 600 megabytes.
    #[value(name = "vit-b-32")]
    VitB32,
    /// Those of OpenAI's ViT-B/16: 600 megabytes.
    #[value(name = "vit-b-16")]
    VitB16,
    /// Those of OpenAI's ViT-L/14: 1.7 gigabytes.
    #[value(name = "vit-l-14")]
    VitL14,
    /// Those of Google's first `SigLIP`, ViT-B/16: 800 megabytes.
    #[value(name = "siglip-b-16")]
    SiglipB16,
    /// As small as `tiny`, with a ResNet as its image tower.
    TinyResnet,
    /// The sizes of the model that comes with Skysift, to train one like it.
    Mini,
    /// A vision transformer that two cores train in half an hour.
    MiniVit,
}

/// The sizes in which presets differ.
pub(super) struct Sizes {
    pub embed_dim: usize,
    pub image_size: usize,
    pub vision: Vision,
    pub text: Tower,
    words: Words,
    pub context_length: usize,
}

/// The vocabulary of the tokenizer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Words {
    /// A few.
    Few,
    /// OpenAI's.
    OpenAi,
    /// Sentence pieces, as many as the first `SigLIP` has.
    Siglip,
}

#[derive(Clone, Copy)]
pub(super) enum Vision {
    Vit {
        patch_size: usize,
        tower: Tower,
    },
    /// A vision transformer without a class token, whose tokens are pooled by attention.
    Siglip {
        patch_size: usize,
        tower: Tower,
    },
    ResNet {
        width: usize,
        layers: [usize; 4],
    },
}

#[derive(Clone, Copy)]
pub(super) struct Tower {
    pub width: usize,
    pub layers: usize,
    pub heads: usize,
}

impl ModelPreset {
    fn sizes(self) -> Sizes {
        match self {
            Self::Tiny => Sizes {
                embed_dim: 32,
                image_size: 64,
                vision: Vision::Vit { patch_size: 16, tower: Tower { width: 64, layers: 3, heads: 4 } },
                text: Tower { width: 48, layers: 2, heads: 3 },
                words: Words::Few,
                context_length: 32,
            },
            Self::VitB32 => Sizes {
                embed_dim: 512,
                image_size: 224,
                vision: Vision::Vit { patch_size: 32, tower: Tower { width: 768, layers: 12, heads: 12 } },
                text: Tower { width: 512, layers: 12, heads: 8 },
                words: Words::OpenAi,
                context_length: 77,
            },
            Self::VitB16 => Sizes {
                vision: Vision::Vit { patch_size: 16, tower: Tower { width: 768, layers: 12, heads: 12 } },
                ..Self::VitB32.sizes()
            },
            Self::VitL14 => Sizes {
                embed_dim: 768,
                vision: Vision::Vit { patch_size: 14, tower: Tower { width: 1024, layers: 24, heads: 16 } },
                text: Tower { width: 768, layers: 12, heads: 12 },
                ..Self::VitB32.sizes()
            },
            Self::SiglipB16 => {
                let tower = Tower { width: 768, layers: 12, heads: 12 };
                Sizes {
                    embed_dim: 768,
                    image_size: 224,
                    vision: Vision::Siglip { patch_size: 16, tower },
                    text: tower,
                    words: Words::Siglip,
                    context_length: 64,
                }
            }
            Self::TinyResnet => Sizes {
                embed_dim: 32,
                image_size: 64,
                vision: Vision::ResNet { width: 8, layers: [1, 2, 1, 1] },
                text: Tower { width: 48, layers: 2, heads: 3 },
                words: Words::Few,
                context_length: 32,
            },
            Self::Mini => Sizes {
                embed_dim: 256,
                image_size: 112,
                vision: Vision::ResNet { width: 32, layers: [1, 2, 2, 2] },
                text: Tower { width: 192, layers: 3, heads: 6 },
                words: Words::Few,
                context_length: 24,
            },
            Self::MiniVit => Sizes {
                image_size: 64,
                vision: Vision::Vit { patch_size: 8, tower: Tower { width: 192, layers: 5, heads: 6 } },
                ..Self::Mini.sizes()
            },
        }
    }
}

/// Writes a model directory: in Hugging Face's layout if its image tower is a transformer, in `open_clip`'s
/// if it is a ResNet. `directory` is made if it doesn't exist. The same seed gives the same model.
///
/// # Errors
/// If the directory cannot be written.
pub fn write_random_model(directory: &Path, preset: ModelPreset, seed: u64) -> Result<(), ClipError> {
    let sizes = preset.sizes();
    match sizes.words {
        Words::Few => write_with_merges(directory, &sizes, &common_merges(), seed),
        Words::OpenAi => write_with_merges(directory, &sizes, &openai_merges(), seed),
        Words::Siglip => write_siglip(directory, &sizes, seed),
    }
}

/// Like [`write_random_model`], with a tokenizer for which every word of `text` is one token.
///
/// # Errors
/// If the directory cannot be written, or the model's tokenizer has no merges.
pub fn write_random_model_for(
    directory: &Path,
    preset: ModelPreset,
    text: &str,
    seed: u64,
) -> Result<(), ClipError> {
    let sizes = preset.sizes();
    if sizes.words == Words::Siglip {
        return Err(ClipError::FixedVocabulary);
    }
    write_with_merges(directory, &sizes, &learn_merges(text)?, seed)
}

fn write_with_merges(
    directory: &Path,
    sizes: &Sizes,
    merges: &[(String, String)],
    seed: u64,
) -> Result<(), ClipError> {
    let vocabulary = vocabulary_of(merges);
    let words = vocabulary.len();
    let end = vocabulary.get("<|endoftext|>").copied().unwrap_or_default();
    let (weights, mut written) = match sizes.vision {
        Vision::Vit { .. } | Vision::Siglip { .. } => (
            "model.safetensors",
            vec![
                ("config.json", config_files::config(sizes, words, end)),
                ("preprocessor_config.json", config_files::preprocessor_config(sizes)),
            ],
        ),
        Vision::ResNet { .. } => (
            "open_clip_model.safetensors",
            vec![("open_clip_config.json", config_files::open_clip_config(sizes, words))],
        ),
    };
    written.push(("tokenizer.json", tokenizer_json(&vocabulary, merges)));
    written.push(("tokenizer_config.json", config_files::tokenizer_config(sizes.context_length)));
    write(directory, sizes, weights, words, &written, seed)
}

fn write_siglip(directory: &Path, sizes: &Sizes, seed: u64) -> Result<(), ClipError> {
    let pieces = config_files::sentence_pieces();
    let written = [
        ("config.json", config_files::siglip_config(sizes, pieces.len())),
        ("preprocessor_config.json", config_files::siglip_preprocessor_config(sizes)),
        ("tokenizer.json", config_files::unigram_tokenizer(&pieces)),
        ("tokenizer_config.json", config_files::siglip_tokenizer_config(sizes.context_length)),
    ];
    write(directory, sizes, "model.safetensors", pieces.len(), &written, seed)
}

fn write(
    directory: &Path,
    sizes: &Sizes,
    weights: &str,
    words: usize,
    files: &[(&str, Value)],
    seed: u64,
) -> Result<(), ClipError> {
    let failed = |error| ClipError::write(directory, error);
    fs::create_dir_all(directory).map_err(failed)?;
    write_tensors(&directory.join(weights), tensors(sizes, words, seed), None).map_err(failed)?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clip::{ModelSource, describe_model};

    /// All but their weights, which take long to write.
    #[test]
    fn large_models_have_the_words_that_their_tokenizer_has() {
        assert_eq!(vocabulary_of(&openai_merges()).len(), 49_408);
        assert_eq!(config_files::sentence_pieces().len(), 32_000);
    }

    #[test]
    fn a_random_siglip_is_one() {
        let folder = tempfile::tempdir().unwrap();
        let tower = Tower { width: 32, layers: 1, heads: 2 };
        let sizes = Sizes {
            vision: Vision::Siglip { patch_size: 56, tower },
            text: tower,
            embed_dim: 32,
            ..ModelPreset::SiglipB16.sizes()
        };
        write_siglip(folder.path(), &sizes, 1).unwrap();
        let about = describe_model(&ModelSource { path: folder.path().to_owned(), arch: None }).unwrap();
        assert_eq!((about.layout.as_str(), about.context_length.value), ("Hugging Face, SigLIP", 64));
        assert_eq!(about.scoring.value, "sigmoid, a word at a time");
        assert_eq!(about.notices, Vec::<String>::new());
    }
}

//! A model directory with random weights: for tests, benchmarks and a first look at the program. It runs as a
//! real one does, and its scores mean nothing.

use std::borrow::Cow;
use std::fs;
use std::path::Path;

use safetensors::tensor::{Dtype, View};
use serde_json::{Value, json};

use super::ClipError;
use super::tokenizer::{tokenizer_json, vocabulary_of};

/// The sizes of a random model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Preset {
    /// Under a megabyte, with 64-pixel pictures.
    #[default]
    Tiny,
    /// The sizes of OpenAI's ViT-B/32: 600 megabytes.
    #[value(name = "vit-b-32")]
    VitB32,
}

/// What of a preset differs.
struct Sizes {
    embed_dim: usize,
    image_size: usize,
    patch_size: usize,
    vision: Tower,
    text: Tower,
    /// `None`: as many as the tokenizer has.
    vocab_size: Option<usize>,
    context_length: usize,
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
                patch_size: 16,
                vision: Tower { width: 64, layers: 3, heads: 4 },
                text: Tower { width: 48, layers: 2, heads: 3 },
                vocab_size: None,
                context_length: 32,
            },
            Self::VitB32 => Sizes {
                embed_dim: 512,
                image_size: 224,
                patch_size: 32,
                vision: Tower { width: 768, layers: 12, heads: 12 },
                text: Tower { width: 512, layers: 12, heads: 8 },
                vocab_size: Some(49_408),
                context_length: 77,
            },
        }
    }
}

/// Writes a model directory in Hugging Face's layout; `directory` is made if it is absent. The same seed gives
/// the same model.
///
/// # Errors
/// When the directory cannot be written.
pub fn write_random_model(directory: &Path, preset: Preset, seed: u64) -> Result<(), ClipError> {
    let failed = |error| ClipError::write(directory, error);
    fs::create_dir_all(directory).map_err(failed)?;
    let sizes = preset.sizes();
    let merges = merges();
    let vocabulary = vocabulary_of(&merges);
    let vocab_size = sizes.vocab_size.unwrap_or(vocabulary.len());
    let tensors = tensors(&sizes, vocab_size, seed);
    // Under another name until it is whole.
    let part = directory.join("model.safetensors.part");
    safetensors::serialize_to_file(tensors, None, &part)
        .map_err(|error| failed(std::io::Error::other(error)))?;
    fs::rename(&part, directory.join("model.safetensors")).map_err(failed)?;
    let end = vocabulary.get("<|endoftext|>").copied().unwrap_or_default();
    for (name, value) in [
        ("config.json", config_json(&sizes, vocab_size, end)),
        ("tokenizer.json", tokenizer_json(&vocabulary, &merges)),
        ("preprocessor_config.json", preprocessor_json(&sizes)),
    ] {
        fs::write(directory.join(name), format!("{value:#}\n")).map_err(failed)?;
    }
    Ok(())
}

/// A handful, so that common words take few tokens.
fn merges() -> Vec<(String, String)> {
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

fn config_json(sizes: &Sizes, vocab_size: usize, end: u32) -> Value {
    let tower = |tower: Tower| {
        json!({
            "hidden_size": tower.width,
            "intermediate_size": 4 * tower.width,
            "num_hidden_layers": tower.layers,
            "num_attention_heads": tower.heads,
            "hidden_act": "quick_gelu",
            "layer_norm_eps": 1e-5,
            "projection_dim": sizes.embed_dim,
        })
    };
    let mut vision = tower(sizes.vision);
    vision["image_size"] = json!(sizes.image_size);
    vision["patch_size"] = json!(sizes.patch_size);
    let mut text = tower(sizes.text);
    text["vocab_size"] = json!(vocab_size);
    text["max_position_embeddings"] = json!(sizes.context_length);
    text["eos_token_id"] = json!(end);
    json!({
        "architectures": ["CLIPModel"],
        "model_type": "clip",
        "projection_dim": sizes.embed_dim,
        "vision_config": vision,
        "text_config": text,
    })
}

fn preprocessor_json(sizes: &Sizes) -> Value {
    json!({
        "do_resize": true,
        "size": {"shortest_edge": sizes.image_size},
        "resample": 3,
        "do_center_crop": true,
        "crop_size": {"height": sizes.image_size, "width": sizes.image_size},
        "do_normalize": true,
        "image_mean": [0.481_454_66, 0.457_827_5, 0.408_210_73],
        "image_std": [0.268_629_54, 0.261_302_58, 0.275_777_11],
    })
}

/// Numbers that are made when they are written, so that a large model needs little memory.
struct RandomTensor {
    shape: Vec<usize>,
    fill: Fill,
    seed: u64,
}

#[derive(Clone, Copy)]
enum Fill {
    Constant(f32),
    /// Evenly distributed around zero with this standard deviation.
    Deviation(f32),
}

impl View for RandomTensor {
    fn dtype(&self) -> Dtype {
        Dtype::F32
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        let count: usize = self.shape.iter().product();
        let mut state = self.seed;
        let mut value = || match self.fill {
            Fill::Constant(value) => value,
            // A range of +-sqrt(3) has the deviation 1.
            Fill::Deviation(deviation) => 3_f32.sqrt() * deviation * (2.0 * next_uniform(&mut state) - 1.0),
        };
        Cow::Owned((0..count).flat_map(|_| value().to_le_bytes()).collect())
    }

    fn data_len(&self) -> usize {
        4 * self.shape.iter().product::<usize>()
    }
}

/// The next number from 0 to 1 of `SplitMix64` (Steele et al., 2014).
fn next_uniform(state: &mut u64) -> f32 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    let bits = ((z ^ (z >> 31)) >> 40) as f32;
    bits / 16_777_216.0
}

/// All tensors with the deviations that CLIP's authors start training from, except that pictures count for more:
/// at first all embeddings would be almost alike.
fn tensors(sizes: &Sizes, vocab_size: usize, seed: u64) -> Vec<(String, RandomTensor)> {
    let mut list: Vec<(String, Vec<usize>, Fill)> = Vec::new();
    let mut add =
        |name: &str, shape: &[usize], fill: Fill| list.push((name.to_owned(), shape.to_vec(), fill));
    let deviation = |width: usize| Fill::Deviation(root(width).recip());

    let (vision, text) = (sizes.vision, sizes.text);
    let tokens = (sizes.image_size / sizes.patch_size).pow(2) + 1;
    add("vision_model.embeddings.class_embedding", &[vision.width], deviation(vision.width));
    let patch = [vision.width, 3, sizes.patch_size, sizes.patch_size];
    add("vision_model.embeddings.patch_embedding.weight", &patch, Fill::Deviation(0.02));
    let positions = "vision_model.embeddings.position_embedding.weight";
    add(positions, &[tokens, vision.width], Fill::Deviation(0.02));
    add_norm(&mut add, "vision_model.pre_layrnorm", vision.width);
    add_blocks(&mut add, "vision_model", vision);
    add_norm(&mut add, "vision_model.post_layernorm", vision.width);
    add("visual_projection.weight", &[sizes.embed_dim, vision.width], deviation(vision.width));

    add("text_model.embeddings.token_embedding.weight", &[vocab_size, text.width], Fill::Deviation(0.02));
    let positions = "text_model.embeddings.position_embedding.weight";
    add(positions, &[sizes.context_length, text.width], Fill::Deviation(0.01));
    add_blocks(&mut add, "text_model", text);
    add_norm(&mut add, "text_model.final_layer_norm", text.width);
    add("text_projection.weight", &[sizes.embed_dim, text.width], deviation(text.width));
    // ln(1 / 0.07).
    add("logit_scale", &[], Fill::Constant(2.6592));

    let seeds = (0_u64..).map(|index| seed.wrapping_add(index << 40));
    let tensor = |((name, shape, fill), seed)| (name, RandomTensor { shape, fill, seed });
    list.into_iter().zip(seeds).map(tensor).collect()
}

fn add_norm(add: &mut impl FnMut(&str, &[usize], Fill), prefix: &str, width: usize) {
    add(&format!("{prefix}.weight"), &[width], Fill::Constant(1.0));
    add(&format!("{prefix}.bias"), &[width], Fill::Constant(0.0));
}

fn add_blocks(add: &mut impl FnMut(&str, &[usize], Fill), tower: &str, sizes: Tower) {
    let width = sizes.width;
    let mut linear = |prefix: &str, inputs: usize, outputs: usize, deviation: f32| {
        add(&format!("{prefix}.weight"), &[outputs, inputs], Fill::Deviation(deviation));
        add(&format!("{prefix}.bias"), &[outputs], Fill::Deviation(0.02));
    };
    let narrow = root(width).recip();
    for layer in 0..sizes.layers {
        let prefix = format!("{tower}.encoder.layers.{layer}");
        for part in ["q_proj", "k_proj", "v_proj", "out_proj"] {
            linear(&format!("{prefix}.self_attn.{part}"), width, width, narrow);
        }
        linear(&format!("{prefix}.mlp.fc1"), width, 4 * width, narrow);
        linear(&format!("{prefix}.mlp.fc2"), 4 * width, width, root(4 * width).recip());
    }
    for layer in 0..sizes.layers {
        add_norm(add, &format!("{tower}.encoder.layers.{layer}.layer_norm1"), width);
        add_norm(add, &format!("{tower}.encoder.layers.{layer}.layer_norm2"), width);
    }
}

fn root(width: usize) -> f32 {
    (width as f32).sqrt()
}

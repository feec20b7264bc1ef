//! A model directory with random weights: for tests, benchmarks and a first look at the program. It runs as a
//! real one does, and its scores mean nothing.

use std::borrow::Cow;
use std::fs;
use std::path::Path;

use safetensors::tensor::{Dtype, View};
use serde_json::{Value, json};
use tokenizers::Trainer as _;
use tokenizers::models::bpe::{BPE, BpeTrainer};

use super::ClipError;
use super::config::ResNetConfig;
use super::preprocess::{MEAN, STD};
use super::tokenizer::clip_vocabulary::{tokenizer_json, vocabulary_of};
use super::weights::layout::{BlockNames, LOGIT_SCALE, Layout};
use super::weights::saver::write_tensors;
use crate::atomic::write_bytes;

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

/// What of a preset differs.
struct Sizes {
    embed_dim: usize,
    image_size: usize,
    vision: Vision,
    text: Tower,
    /// `None`: as many as the tokenizer has.
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

/// Writes a model directory, in Hugging Face's layout if its image tower is a transformer and in
/// `open_clip`'s if it is a ResNet; `directory` is made if it is absent. The same seed gives the same model.
///
/// # Errors
/// When the directory cannot be written.
pub fn write_random_model(directory: &Path, preset: Preset, seed: u64) -> Result<(), ClipError> {
    write_with_merges(directory, preset, &merges(), seed)
}

/// As [`write_random_model`], with a tokenizer for which every word of `text` is one token.
///
/// # Errors
/// When the directory cannot be written.
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
                ("config.json", config_json(&sizes, vocab_size, end)),
                ("preprocessor_config.json", preprocessor_json(&sizes)),
            ],
        ),
        Vision::ResNet { .. } => (
            "open_clip_model.safetensors",
            vec![("open_clip_config.json", open_clip_json(&sizes, vocab_size))],
        ),
    };
    files.push(("tokenizer.json", tokenizer_json(&vocabulary, merges)));
    files.push(("tokenizer_config.json", tokenizer_config_json(sizes.context_length)));
    write_tensors(&directory.join(weights), tensors(&sizes, vocab_size, seed), None).map_err(failed)?;
    for (name, value) in files {
        write_bytes(&directory.join(name), format!("{value:#}\n").as_bytes()).map_err(failed)?;
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

/// Byte-pair merges (Sennrich et al., 2016, <https://arxiv.org/abs/1508.07909>) after which every word of
/// `text` is one token.
fn learn_merges(text: &str) -> Result<Vec<(String, String)>, ClipError> {
    let failed =
        |error: &dyn std::fmt::Display| ClipError::Encode(format!("the words make no vocabulary: {error}"));
    let mut trainer = BpeTrainer::builder()
        .end_of_word_suffix("</w>".to_owned())
        .min_frequency(1)
        .show_progress(false)
        .build();
    let words = |line: &str| Ok(line.split_whitespace().map(str::to_lowercase).collect());
    trainer.feed(text.lines(), words).map_err(|error| failed(&error))?;
    let mut model = BPE::default();
    trainer.train(&mut model).map_err(|error| failed(&error))?;
    let learnt = serde_json::to_value(&model).map_err(|error| failed(&error))?;
    let merges = learnt.get("merges").cloned().unwrap_or_default();
    serde_json::from_value(merges).map_err(|error| failed(&error))
}

fn open_clip_json(sizes: &Sizes, vocab_size: usize) -> Value {
    let (width, layers) = match sizes.vision {
        Vision::ResNet { width, layers } => (width, json!(layers)),
        Vision::Vit { tower, .. } => (tower.width, json!(tower.layers)),
    };
    json!({
        "model_cfg": {
            "embed_dim": sizes.embed_dim,
            "vision_cfg": {
                "image_size": sizes.image_size,
                "layers": layers,
                "width": width,
                "patch_size": null,
            },
            "text_cfg": {
                "context_length": sizes.context_length,
                "vocab_size": vocab_size,
                "width": sizes.text.width,
                "heads": sizes.text.heads,
                "layers": sizes.text.layers,
                // The folder's own, instead of OpenAI's.
                "hf_tokenizer_name": ".",
            },
        },
        "preprocess_cfg": {
            "mean": MEAN,
            "std": STD,
            "interpolation": "bicubic",
            "resize_mode": "shortest",
        },
    })
}

fn tokenizer_config_json(context_length: usize) -> Value {
    json!({
        "tokenizer_class": "CLIPTokenizer",
        "model_max_length": context_length,
        "bos_token": "<|startoftext|>",
        "eos_token": "<|endoftext|>",
        "unk_token": "<|endoftext|>",
        "pad_token": "<|endoftext|>",
    })
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
    let mut vision = Value::Null;
    if let Vision::Vit { patch_size, tower: sizes } = sizes.vision {
        vision = tower(sizes);
        vision["patch_size"] = json!(patch_size);
    }
    vision["image_size"] = json!(sizes.image_size);
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
        "image_mean": MEAN,
        "image_std": STD,
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

/// All tensors with the deviations that CLIP's authors start training from, except that pictures count for
/// more: at first all embeddings would be almost alike.
fn tensors(sizes: &Sizes, vocab_size: usize, seed: u64) -> Vec<(String, RandomTensor)> {
    let mut tensors = Tensors { layout: Layout::HUGGING_FACE, list: Vec::new() };
    match sizes.vision {
        Vision::Vit { patch_size, tower } => tensors.vit(sizes, patch_size, tower),
        Vision::ResNet { width, layers } => {
            tensors.layout = Layout::OPEN_CLIP;
            tensors.resnet(sizes, width, layers);
        }
    }
    tensors.text(sizes, vocab_size);
    // ln(1 / 0.07).
    tensors.add(LOGIT_SCALE, &[], Fill::Constant(2.6592));

    let seeds = (0_u64..).map(|index| seed.wrapping_add(index << 40));
    let tensor = |((name, shape, fill), seed)| (name, RandomTensor { shape, fill, seed });
    tensors.list.into_iter().zip(seeds).map(tensor).collect()
}

/// The tensors so far, named as in `layout`.
struct Tensors {
    layout: Layout,
    list: Vec<(String, Vec<usize>, Fill)>,
}

impl Tensors {
    fn add(&mut self, name: &str, shape: &[usize], fill: Fill) {
        self.list.push((name.to_owned(), shape.to_vec(), fill));
    }

    fn vit(&mut self, sizes: &Sizes, patch_size: usize, tower: Tower) {
        let names = self.layout.vision();
        let tokens = (sizes.image_size / patch_size).pow(2) + 1;
        self.add(names.class, &[tower.width], narrow(tower.width));
        let patch = [tower.width, 3, patch_size, patch_size];
        self.add(&format!("{}.weight", names.patches), &patch, Fill::Deviation(0.02));
        self.add(names.positions, &[tokens, tower.width], Fill::Deviation(0.02));
        self.norm(names.norm_before, tower.width);
        self.blocks(names.blocks, names.block, tower);
        self.norm(names.norm_after, tower.width);
        self.projection(names.projection, tower.width, sizes.embed_dim);
    }

    fn text(&mut self, sizes: &Sizes, vocab_size: usize) {
        let names = self.layout.text();
        let tower = sizes.text;
        self.add(names.tokens, &[vocab_size, tower.width], Fill::Deviation(0.02));
        self.add(names.positions, &[sizes.context_length, tower.width], Fill::Deviation(0.01));
        self.blocks(names.blocks, names.block, tower);
        self.norm(names.norm_after, tower.width);
        self.projection(names.projection, tower.width, sizes.embed_dim);
    }

    fn resnet(&mut self, sizes: &Sizes, width: usize, layers: [usize; 4]) {
        let config = ResNetConfig {
            image_size: sizes.image_size,
            width,
            layers,
            heads: ResNetConfig::heads_of(width),
        };
        let half = width / 2;
        self.conv("visual.conv1", "visual.bn1", [3, half, 3], 1.0);
        self.conv("visual.conv2", "visual.bn2", [half, half, 3], 1.0);
        self.conv("visual.conv3", "visual.bn3", [half, width, 3], 1.0);
        let mut channels = width;
        for (layer, &count) in layers.iter().enumerate() {
            let planes = width << layer;
            for block in 0..count {
                let prefix = format!("visual.layer{}.{block}", layer + 1);
                let mut conv = |conv: &str, norm: &str, sizes: [usize; 3], gamma: f32| {
                    self.conv(&format!("{prefix}.{conv}"), &format!("{prefix}.{norm}"), sizes, gamma);
                };
                conv("conv1", "bn1", [channels, planes, 1], 1.0);
                conv("conv2", "bn2", [planes, planes, 3], 1.0);
                // At first a block adds little to its input, which is easier to train (Goyal et al., 2017,
                // section 5.1, <https://arxiv.org/abs/1706.02677>).
                conv("conv3", "bn3", [planes, 4 * planes, 1], 0.2);
                if block == 0 {
                    conv("downsample.0", "downsample.1", [channels, 4 * planes, 1], 1.0);
                }
                channels = 4 * planes;
            }
        }
        let features = config.features();
        let positions = [config.tokens(), features];
        self.add("visual.attnpool.positional_embedding", &positions, narrow(features));
        for part in ["q_proj", "k_proj", "v_proj"] {
            self.linear(&format!("visual.attnpool.{part}"), features, features, narrow(features));
        }
        self.linear("visual.attnpool.c_proj", features, sizes.embed_dim, narrow(features));
    }

    /// A convolution and its norm; `sizes`: channels in, channels out, side of the kernel.
    fn conv(&mut self, conv: &str, norm: &str, [inputs, outputs, side]: [usize; 3], gamma: f32) {
        let deviation = Fill::Deviation((2.0 / (inputs * side * side) as f32).sqrt());
        self.add(&format!("{conv}.weight"), &[outputs, inputs, side, side], deviation);
        self.add(&format!("{norm}.weight"), &[outputs], Fill::Constant(gamma));
        self.add(&format!("{norm}.bias"), &[outputs], Fill::Constant(0.0));
        self.add(&format!("{norm}.running_mean"), &[outputs], Fill::Constant(0.0));
        self.add(&format!("{norm}.running_var"), &[outputs], Fill::Constant(1.0));
    }

    fn norm(&mut self, prefix: &str, width: usize) {
        self.add(&format!("{prefix}.weight"), &[width], Fill::Constant(1.0));
        self.add(&format!("{prefix}.bias"), &[width], Fill::Constant(0.0));
    }

    fn linear(&mut self, prefix: &str, inputs: usize, outputs: usize, fill: Fill) {
        self.add(&format!("{prefix}.weight"), &[outputs, inputs], fill);
        self.add(&format!("{prefix}.bias"), &[outputs], Fill::Deviation(0.02));
    }

    /// The projection at the end of a tower.
    fn projection(&mut self, name: &str, inputs: usize, outputs: usize) {
        let shape =
            if self.layout.projection_is_transposed() { [outputs, inputs] } else { [inputs, outputs] };
        self.add(name, &shape, narrow(inputs));
    }

    fn blocks(&mut self, prefix: &str, names: &BlockNames, tower: Tower) {
        let width = tower.width;
        for layer in 0..tower.layers {
            for (weight, bias, parts) in names.inputs {
                self.add(&format!("{prefix}.{layer}.{weight}"), &[parts * width, width], narrow(width));
                self.add(&format!("{prefix}.{layer}.{bias}"), &[parts * width], Fill::Deviation(0.02));
            }
            self.linear(&format!("{prefix}.{layer}.{}", names.out), width, width, narrow(width));
            self.linear(&format!("{prefix}.{layer}.{}", names.up), width, 4 * width, narrow(width));
            self.linear(&format!("{prefix}.{layer}.{}", names.down), 4 * width, width, narrow(4 * width));
        }
        for layer in 0..tower.layers {
            self.norm(&format!("{prefix}.{layer}.{}", names.norm_1), width);
            self.norm(&format!("{prefix}.{layer}.{}", names.norm_2), width);
        }
    }
}

/// 1 / sqrt(width): what a sum over `width` numbers is to be multiplied by to stay of the same size.
fn narrow(width: usize) -> Fill {
    Fill::Deviation((width as f32).sqrt().recip())
}

//! A twin of every model of the catalogue: the names of tensors, the files, the configuration, the numbers'
//! type and the nesting as they are published, the sizes too, and weights that mean nothing. Each is fetched
//! by its name.

#![allow(clippy::unreadable_literal, reason = "configurations have their numbers as they are published")]

use serde_json::{Value, json};
use skysift::clip::{ModelSource, describe_model};
use skysift::models::{Catalogue, Entry, Layout};

use super::hub::TestHub;
use super::models::Desk;
use super::support::fixture;
use super::torch::{Kind, Object, Tensor, save};

const WORDS: usize = 49_408;
/// OpenAI's, after a line of comment.
const MERGES: &str = include_str!("../../assets/openai-clip/merges.txt");
/// Words of the tokenizers of the two `SigLIP` twins; the published ones have 32,000 and 256,000.
const GIT_WORDS: usize = 130;
const SIGLIP2_WORDS: usize = 601;

/// Tensors by their names.
#[derive(Default)]
struct Tensors(Vec<(String, Object)>);

impl Tensors {
    /// Biases and what follows a norm are not all alike, so that an embedding has a direction.
    fn add(&mut self, name: &str, shape: &[usize]) {
        self.add_as(name, shape, Kind::Float);
    }

    fn add_as(&mut self, name: &str, shape: &[usize], kind: Kind) {
        let value = if name.ends_with("logit_scale") { 4.6 } else { 0.01 };
        let value = if kind == Kind::Long { 1.0 } else { value };
        self.0.push((name.to_owned(), Object::Tensor(Tensor { shape: shape.to_vec(), kind, value })));
    }

    /// A weight and a bias.
    fn pair(&mut self, name: &str, weight: &[usize], bias: usize) {
        self.add(&format!("{name}.weight"), weight);
        self.add(&format!("{name}.bias"), &[bias]);
    }

    fn norm(&mut self, name: &str, width: usize) {
        self.pair(name, &[width], width);
    }

    /// A transformer as OpenAI names it.
    fn openai_blocks(&mut self, prefix: &str, layers: usize, width: usize) {
        for layer in 0..layers {
            let of = |name: &str| format!("{prefix}.resblocks.{layer}.{name}");
            self.add(&of("attn.in_proj_weight"), &[3 * width, width]);
            self.add(&of("attn.in_proj_bias"), &[3 * width]);
            self.pair(&of("attn.out_proj"), &[width, width], width);
            self.norm(&of("ln_1"), width);
            self.pair(&of("mlp.c_fc"), &[4 * width, width], 4 * width);
            self.pair(&of("mlp.c_proj"), &[width, 4 * width], width);
            self.norm(&of("ln_2"), width);
        }
    }

    /// A transformer as Hugging Face names it.
    fn hf_blocks(&mut self, prefix: &str, layers: usize, width: usize, inner: usize) {
        for layer in 0..layers {
            let of = |name: &str| format!("{prefix}.encoder.layers.{layer}.{name}");
            for part in ["k_proj", "v_proj", "q_proj", "out_proj"] {
                self.pair(&of(&format!("self_attn.{part}")), &[width, width], width);
            }
            self.norm(&of("layer_norm1"), width);
            self.pair(&of("mlp.fc1"), &[inner, width], inner);
            self.pair(&of("mlp.fc2"), &[width, inner], width);
            self.norm(&of("layer_norm2"), width);
        }
    }

    /// CLIP's text tower and what belongs to neither tower.
    fn openai_text(&mut self, size: &Size, long: bool) {
        let Size { embedding, text: (width, layers, _), .. } = *size;
        let context = if long { 248 } else { 77 };
        self.add("positional_embedding", &[context, width]);
        if long {
            self.add("positional_embedding_res", &[context, width]);
        }
        self.add("text_projection", &[width, embedding]);
        self.add("logit_scale", &[]);
        self.openai_blocks("transformer", layers, width);
        self.add("token_embedding.weight", &[WORDS, width]);
        self.norm("ln_final", width);
    }

    /// A vision transformer.
    fn openai_vit(&mut self, size: &Size) {
        let Size { embedding, image, patch, vision: (width, layers, _), .. } = *size;
        let tokens = (image / patch).pow(2) + 1;
        self.add("visual.class_embedding", &[width]);
        self.add("visual.positional_embedding", &[tokens, width]);
        self.add("visual.proj", &[width, embedding]);
        self.add("visual.conv1.weight", &[width, 3, patch, patch]);
        self.norm("visual.ln_pre", width);
        self.openai_blocks("visual.transformer", layers, width);
        self.norm("visual.ln_post", width);
    }

    fn batch_norm(&mut self, name: &str, width: usize) {
        self.norm(name, width);
        self.add(&format!("{name}.running_mean"), &[width]);
        self.add(&format!("{name}.running_var"), &[width]);
        self.add_as(&format!("{name}.num_batches_tracked"), &[], Kind::Long);
    }

    /// RN50's image tower.
    fn rn50(&mut self) {
        for (number, shape) in [(1, [32, 3, 3, 3]), (2, [32, 32, 3, 3]), (3, [64, 32, 3, 3])] {
            self.add(&format!("visual.conv{number}.weight"), &shape);
            self.batch_norm(&format!("visual.bn{number}"), shape[0]);
        }
        let mut inputs = 64;
        for (stage, blocks) in [3, 4, 6, 3].into_iter().enumerate() {
            let planes = 64 << stage;
            for block in 0..blocks {
                let of = |name: &str| format!("visual.layer{}.{block}.{name}", stage + 1);
                self.add(&of("conv1.weight"), &[planes, inputs, 1, 1]);
                self.batch_norm(&of("bn1"), planes);
                self.add(&of("conv2.weight"), &[planes, planes, 3, 3]);
                self.batch_norm(&of("bn2"), planes);
                self.add(&of("conv3.weight"), &[4 * planes, planes, 1, 1]);
                self.batch_norm(&of("bn3"), 4 * planes);
                if block == 0 {
                    self.add(&of("downsample.0.weight"), &[4 * planes, inputs, 1, 1]);
                    self.batch_norm(&of("downsample.1"), 4 * planes);
                }
                inputs = 4 * planes;
            }
        }
        self.add("visual.attnpool.positional_embedding", &[50, 2048]);
        for part in ["k_proj", "q_proj", "v_proj"] {
            self.pair(&format!("visual.attnpool.{part}"), &[2048, 2048], 2048);
        }
        self.pair("visual.attnpool.c_proj", &[1024, 2048], 1024);
    }

    /// CLIP as transformers saved it years ago: with buffers of positions.
    fn hugging_face(&mut self, size: &Size) {
        let Size { embedding, image, patch, vision, text } = *size;
        let tokens = (image / patch).pow(2) + 1;
        self.add("logit_scale", &[]);
        self.add_as("text_model.embeddings.position_ids", &[1, 77], Kind::Long);
        self.add("text_model.embeddings.token_embedding.weight", &[WORDS, text.0]);
        self.add("text_model.embeddings.position_embedding.weight", &[77, text.0]);
        self.hf_blocks("text_model", text.1, text.0, 4 * text.0);
        self.norm("text_model.final_layer_norm", text.0);
        self.add("vision_model.embeddings.class_embedding", &[vision.0]);
        self.add_as("vision_model.embeddings.position_ids", &[1, tokens], Kind::Long);
        self.add("vision_model.embeddings.patch_embedding.weight", &[vision.0, 3, patch, patch]);
        self.add("vision_model.embeddings.position_embedding.weight", &[tokens, vision.0]);
        self.norm("vision_model.pre_layrnorm", vision.0);
        self.hf_blocks("vision_model", vision.1, vision.0, 4 * vision.0);
        self.norm("vision_model.post_layernorm", vision.0);
        self.add("visual_projection.weight", &[embedding, vision.0]);
        self.add("text_projection.weight", &[embedding, text.0]);
    }

    /// `SigLIP` as transformers saves it, with towers of two narrow layers.
    fn hf_siglip(&mut self) {
        let (text, vision, inner) = (32, 48, 100);
        self.add("logit_bias", &[1]);
        self.add("logit_scale", &[1]);
        self.add("text_model.embeddings.position_embedding.weight", &[64, text]);
        self.add("text_model.embeddings.token_embedding.weight", &[GIT_WORDS, text]);
        self.hf_blocks("text_model", 2, text, inner);
        self.norm("text_model.final_layer_norm", text);
        self.pair("text_model.head", &[vision, text], vision);
        self.pair("vision_model.embeddings.patch_embedding", &[vision, 3, 16, 16], vision);
        self.add("vision_model.embeddings.position_embedding.weight", &[256, vision]);
        self.hf_blocks("vision_model", 2, vision, inner);
        self.norm("vision_model.post_layernorm", vision);
        self.add("vision_model.head.attention.in_proj_weight", &[3 * vision, vision]);
        self.add("vision_model.head.attention.in_proj_bias", &[3 * vision]);
        self.pair("vision_model.head.attention.out_proj", &[vision, vision], vision);
        self.norm("vision_model.head.layernorm", vision);
        self.pair("vision_model.head.mlp.fc1", &[inner, vision], inner);
        self.pair("vision_model.head.mlp.fc2", &[vision, inner], vision);
        self.add("vision_model.head.probe", &[1, 1, vision]);
    }

    /// A safetensors file of numbers in half precision.
    fn halves(&self) -> Vec<u8> {
        let mut header = serde_json::Map::new();
        let mut data = Vec::new();
        for (name, object) in &self.0 {
            let Object::Tensor(Tensor { shape, value, .. }) = object else { continue };
            let start = data.len();
            let count: usize = shape.iter().product();
            data.extend((0..count).flat_map(|_| half::f16::from_f32(*value).to_le_bytes()));
            header.insert(
                name.clone(),
                json!({"dtype": "F16", "shape": shape, "data_offsets": [start, data.len()]}),
            );
        }
        let header = Value::Object(header).to_string().into_bytes();
        [(header.len() as u64).to_le_bytes().to_vec(), header, data].concat()
    }

    /// `SigLIP` in timm's and `open_clip`'s names.
    fn timm_siglip(&mut self) {
        let (width, inner) = (768, 3072);
        self.add("visual.trunk.pos_embed", &[1, 196, width]);
        self.pair("visual.trunk.patch_embed.proj", &[width, 3, 16, 16], width);
        for layer in 0..12 {
            let of = |name: &str| format!("visual.trunk.blocks.{layer}.{name}");
            self.norm(&of("norm1"), width);
            self.pair(&of("attn.qkv"), &[3 * width, width], 3 * width);
            self.pair(&of("attn.proj"), &[width, width], width);
            self.norm(&of("norm2"), width);
            self.pair(&of("mlp.fc1"), &[inner, width], inner);
            self.pair(&of("mlp.fc2"), &[width, inner], width);
        }
        self.norm("visual.trunk.norm", width);
        self.add("visual.trunk.attn_pool.latent", &[1, 1, width]);
        self.pair("visual.trunk.attn_pool.q", &[width, width], width);
        self.pair("visual.trunk.attn_pool.kv", &[2 * width, width], 2 * width);
        self.pair("visual.trunk.attn_pool.proj", &[width, width], width);
        self.norm("visual.trunk.attn_pool.norm", width);
        self.pair("visual.trunk.attn_pool.mlp.fc1", &[inner, width], inner);
        self.pair("visual.trunk.attn_pool.mlp.fc2", &[width, inner], width);
        self.add("text.positional_embedding", &[64, width]);
        self.openai_blocks("text.transformer", 12, width);
        self.add("text.token_embedding.weight", &[SIGLIP2_WORDS, width]);
        self.norm("text.ln_final", width);
        self.pair("text.text_projection", &[width, width], width);
        self.add("logit_scale", &[]);
        self.add("logit_bias", &[]);
    }
}

/// The sizes of a CLIP: of each tower width, layers and heads.
struct Size {
    embedding: usize,
    image: usize,
    patch: usize,
    vision: (usize, usize, usize),
    text: (usize, usize, usize),
}

fn size(entry: &Entry) -> Size {
    let name = entry.name.as_str();
    let image = entry.image;
    let [embedding, patch, vision, text] = if name.contains("l-14") {
        [768, 14, 0, 0]
    } else if name.contains("h-14") {
        [1024, 14, 1, 1]
    } else if name.contains("b-16") {
        [512, 16, 2, 2]
    } else if name.contains("rn50") {
        [1024, 32, 2, 2]
    } else {
        [512, 32, 2, 2]
    };
    let vision = [(1024, 24, 16), (1280, 32, 16), (768, 12, 12)][vision];
    let text = [(768, 12, 12), (1024, 24, 16), (512, 12, 8)][text];
    Size { embedding, image, patch, vision, text }
}

/// `config.json` as OpenAI's and its children's repositories have it, with what transformers 4.16 wrote of
/// itself.
fn hf_config(size: &Size) -> Value {
    const TOWER: &str = r#"{
        "_name_or_path": "", "add_cross_attention": false, "architectures": null, "attention_dropout": 0.0,
        "bad_words_ids": null, "bos_token_id": null, "cross_attention_hidden_size": null, "do_sample": false,
        "dropout": 0.0, "eos_token_id": null, "hidden_act": "quick_gelu", "id2label": {"0": "LABEL_0", "1": "LABEL_1"},
        "initializer_factor": 1.0, "initializer_range": 0.02, "layer_norm_eps": 1e-05, "pad_token_id": null,
        "projection_dim": 512, "pruned_heads": {}, "torch_dtype": null, "use_bfloat16": false
    }"#;
    let tower = |kind: &str, (width, layers, heads): (usize, usize, usize)| {
        let mut tower: Value = serde_json::from_str(TOWER).unwrap();
        tower["hidden_size"] = json!(width);
        tower["intermediate_size"] = json!(4 * width);
        tower["model_type"] = json!(format!("clip_{kind}_model"));
        tower["num_attention_heads"] = json!(heads);
        tower["num_hidden_layers"] = json!(layers);
        tower
    };
    let (mut text, mut vision) = (tower("text", size.text), tower("vision", size.vision));
    text["vocab_size"] = json!(WORDS);
    text["max_position_embeddings"] = json!(77);
    for (token, id) in [("bos_token_id", 0), ("pad_token_id", 1), ("eos_token_id", 2)] {
        text[token] = json!(id);
    }
    vision["image_size"] = json!(size.image);
    vision["patch_size"] = json!(size.patch);
    json!({
        "_name_or_path": "clip-vit/", "architectures": ["CLIPModel"], "initializer_factor": 1.0,
        "logit_scale_init_value": 2.6592, "model_type": "clip", "projection_dim": size.embedding,
        "text_config": text, "text_config_dict": null, "torch_dtype": "float32", "transformers_version": null,
        "vision_config": vision, "vision_config_dict": null,
    })
}

fn hf_preprocessor(size: &Size) -> Value {
    json!({
        "crop_size": size.image, "do_center_crop": true, "do_normalize": true, "do_resize": true,
        "feature_extractor_type": "CLIPFeatureExtractor", "image_mean": [0.48145466, 0.4578275, 0.40821073],
        "image_std": [0.26862954, 0.26130258, 0.27577711], "resample": 3, "size": size.image,
    })
}

/// `vocab.json` of OpenAI's tokenizer: every byte as a letter, alone and at the end of a word, the merges,
/// two marks.
fn vocabulary() -> Value {
    let plain = |byte: &u32| matches!(byte, 33..=126 | 161..=172 | 174..=255);
    let others = (256..).take((0..256).filter(|byte| !plain(byte)).count());
    let letters: Vec<String> =
        (0..256).filter(plain).chain(others).map(|code| char::from_u32(code).unwrap().to_string()).collect();
    let ends = letters.iter().map(|letter| format!("{letter}</w>"));
    let merged = MERGES.lines().skip(1).map(|line| line.replace(' ', ""));
    let marks = ["<|startoftext|>", "<|endoftext|>"].map(str::to_owned);
    let words = letters.iter().cloned().chain(ends).chain(merged).chain(marks);
    words.enumerate().map(|(id, word)| (word, json!(id))).collect::<serde_json::Map<_, _>>().into()
}

/// Puts the twin of a model onto the hub.
fn publish(entry: &Entry, hub: &TestHub) {
    let repository = entry.hub.clone().unwrap_or_default();
    let put = |name: &str, bytes: Vec<u8>| hub.put(&format!("{repository}/{name}"), bytes);
    let put_json = |name: &str, value: &Value| put(name, value.to_string().into_bytes());
    let size = size(entry);
    let mut tensors = Tensors::default();
    match (entry.name.as_str(), entry.layout) {
        ("git-rsclip-base", _) => {
            // Its config holds little but what differs from the defaults; the widths are said here, to keep
            // it small.
            tensors.hf_siglip();
            put("model.safetensors", tensors.halves());
            put_json("config.json", &git_rsclip_config());
            put_json("preprocessor_config.json", &siglip_preprocessor());
            put("tokenizer.json", std::fs::read(fixture("clip/siglip_open_clip/tokenizer.json")).unwrap());
        }
        ("siglip2-vit-b-16", _) => {
            tensors.timm_siglip();
            put("open_clip_pytorch_model.bin", save(&Object::Dict(tensors.0)));
            put_json("open_clip_config.json", &siglip2_config());
            put("tokenizer.json", std::fs::read(fixture("clip/siglip2/tokenizer.json")).unwrap());
        }
        (_, Layout::HuggingFace) => {
            tensors.hugging_face(&size);
            put("pytorch_model.bin", save(&Object::Dict(tensors.0)));
            put_json("config.json", &hf_config(&size));
            put_json("preprocessor_config.json", &hf_preprocessor(&size));
            put("vocab.json", vocabulary().to_string().into_bytes());
            put("merges.txt", MERGES.as_bytes().to_vec());
        }
        (_, Layout::OpenClip) => {
            tensors.openai_vit(&size);
            tensors.openai_text(&size, false);
            put("open_clip_pytorch_model.bin", save(&Object::Dict(tensors.0)));
            put_json(
                "open_clip_config.json",
                &json!({
                    "model_cfg": {
                        "embed_dim": size.embedding,
                        "vision_cfg": {"image_size": 224, "layers": 12, "width": 768, "patch_size": 32},
                        "text_cfg": {
                            "context_length": 77, "vocab_size": WORDS, "width": 512, "heads": 8, "layers": 12
                        }
                    },
                    "preprocess_cfg": {
                        "mean": [0.48145466, 0.4578275, 0.40821073], "std": [0.26862954, 0.26130258, 0.27577711]
                    }
                }),
            );
            put("vocab.json", vocabulary().to_string().into_bytes());
            put("merges.txt", MERGES.as_bytes().to_vec());
        }
        (name, Layout::StateDict) => {
            if name.contains("rn50") {
                tensors.rn50();
            } else {
                tensors.openai_vit(&size);
            }
            tensors.openai_text(&size, entry.context == 248);
            let weights = entry.weights().unwrap();
            match &entry.url {
                // What open_clip's training leaves: the model beside the optimiser, for several cards.
                Some(_) => {
                    let named = |(name, tensor): (String, Object)| (format!("module.{name}"), tensor);
                    let state = Object::Dict(tensors.0.into_iter().map(named).collect());
                    let checkpoint = save(&Object::Dict(vec![
                        ("epoch".to_owned(), Object::Int(20)),
                        ("name".to_owned(), Object::Text("SkyCLIP_ViT_B32_top50pct")),
                        ("state_dict".to_owned(), state),
                    ]));
                    let name = format!("SkyCLIP_ViT_B32_top50pct/{weights}");
                    hub.put("files/skyclip.zip", super::models::zip([(name, checkpoint)]));
                }
                None => put(weights, save(&Object::Dict(tensors.0))),
            }
        }
    }
}

fn git_rsclip_config() -> Value {
    let tower = |kind: &str, width: usize, heads: usize| {
        json!({
            "hidden_size": width, "intermediate_size": 100, "model_type": format!("siglip_{kind}_model"),
            "num_attention_heads": heads, "num_hidden_layers": 2
        })
    };
    let (mut text, mut vision) = (tower("text", 32, 2), tower("vision", 48, 4));
    text["projection_size"] = json!(48);
    text["vocab_size"] = json!(GIT_WORDS);
    vision["image_size"] = json!(256);
    json!({
        "architectures": ["SiglipModel"], "initializer_factor": 1.0, "model_type": "siglip", "text_config": text,
        "torch_dtype": "float16", "transformers_version": "4.37.0.dev0", "vision_config": vision
    })
}

fn siglip_preprocessor() -> Value {
    json!({
        "do_normalize": true, "do_rescale": true, "do_resize": true, "image_mean": [0.5, 0.5, 0.5],
        "image_processor_type": "SiglipImageProcessor", "image_std": [0.5, 0.5, 0.5],
        "processor_class": "SiglipProcessor", "resample": 3, "rescale_factor": 0.00392156862745098,
        "size": {"height": 256, "width": 256}
    })
}

fn siglip2_config() -> Value {
    json!({
        "model_cfg": {
            "embed_dim": 768, "init_logit_bias": -10, "custom_text": true,
            "vision_cfg": {
                "image_size": 224, "timm_model_name": "vit_base_patch16_siglip_224",
                "timm_model_pretrained": false, "timm_pool": "map", "timm_proj": "none"
            },
            "text_cfg": {
                "context_length": 64, "vocab_size": SIGLIP2_WORDS, "hf_tokenizer_name": "timm/ViT-B-16-SigLIP2",
                "tokenizer_kwargs": {"clean": "canonicalize"}, "width": 768, "heads": 12, "layers": 12,
                "no_causal_mask": true, "proj_bias": true, "pool_type": "last", "norm_kwargs": {"eps": 1e-06},
                "act_kwargs": {"approximate": "tanh"}
            }
        },
        "preprocess_cfg": {
            "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5], "interpolation": "bicubic", "resize_mode": "squash"
        }
    })
}

/// A computer with the shipped catalogue, and a hub with all its twins.
fn desk() -> Desk {
    let desk = Desk::new();
    let catalogue = Catalogue::shipped().unwrap();
    let skyclip = catalogue.find("skyclip-vit-b-32").unwrap();
    // The one address that is no hub's.
    let shipped = include_str!("../../assets/models.toml");
    let own =
        shipped.replace(skyclip.url.as_ref().unwrap(), &format!("{}/files/skyclip.zip", desk.hub.url()));
    desk.catalogue(&own);
    for entry in &catalogue.entries {
        publish(entry, &desk.hub);
    }
    desk
}

fn is_large(entry: &Entry) -> bool {
    entry.name.contains("l-14") || entry.name.contains("h-14")
}

#[test]
fn every_model_of_the_catalogue_is_fetched_and_understood() {
    let desk = desk();
    for entry in Catalogue::shipped().unwrap().entries {
        let path = desk.ok(&["models", "get", &entry.name, "--quiet"]);
        let source = ModelSource { path: path.trim().into(), arch: entry.arch.clone() };
        let about = describe_model(&source).unwrap_or_else(|error| panic!("{}: {error}", entry.name));
        let known = entry.activation_text();
        let of_resnet = format!("ReLU for images, {known} for sentences");
        let found = if entry.name.contains("rn50") { of_resnet } else { known };
        assert_eq!(about.activation.value, found, "{}", entry.name);
        assert_eq!(about.context_length.value, entry.context, "{}", entry.name);
        assert_eq!(about.image_size.value, entry.image, "{}", entry.name);
        assert!(desk.is_here(&entry.name));
    }
}

/// Those that a processor runs in a moment; the larger ones differ from them in sizes alone.
#[test]
fn every_kind_of_model_is_loaded_and_checked() {
    let desk = desk();
    for entry in Catalogue::shipped().unwrap().entries.iter().filter(|entry| !is_large(entry)) {
        desk.ok(&["models", "get", &entry.name, "--quiet"]);
        let checked = desk.ok(&["models", "check", &entry.name, "--device", "cpu", "--json"]);
        let checked: Value = serde_json::from_str(&checked).unwrap();
        assert_eq!(checked["differs"], json!([]), "{}: {checked}", entry.name);
        assert!(checked["images_per_second"].as_f64().unwrap() > 0.0, "{}", entry.name);
        desk.ok(&["models", "remove", &entry.name]);
    }
}

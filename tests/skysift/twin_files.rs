//! What twins of published models consist of: the names of tensors, the files, the configuration, the
//! numbers' type and the nesting as they are published, the sizes too, and weights that mean nothing.

use serde_json::{Value, json};
use skysift::models::{CatalogueEntry, FileLayout};

use super::hub::TestHub;
use super::support::fixture;
use super::torch::{Kind, Object, Tensor, save};
use super::twin_configs::{
    MERGES, git_rsclip_config, hf_config, hf_preprocessor, siglip_preprocessor, siglip2_config, vocabulary,
};

pub const WORDS: usize = 49_408;
/// Words of the tokenizers of the two `SigLIP` twins; the published ones have 32,000 and 256,000.
pub const GIT_WORDS: usize = 130;
pub const SIGLIP2_WORDS: usize = 601;

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
pub struct Size {
    pub embedding: usize,
    pub image: usize,
    pub patch: usize,
    pub vision: (usize, usize, usize),
    pub text: (usize, usize, usize),
}

fn size(entry: &CatalogueEntry) -> Size {
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

/// Puts the twin of a model onto the hub. With a depth, its towers have so many layers only.
pub fn publish(entry: &CatalogueEntry, depth: Option<usize>, hub: &TestHub) {
    let repository = entry.hub.clone().unwrap_or_default();
    let put = |name: &str, bytes: Vec<u8>| hub.put(&format!("{repository}/{name}"), bytes);
    let put_json = |name: &str, value: &Value| put(name, value.to_string().into_bytes());
    let mut size = size(entry);
    if let Some(depth) = depth {
        (size.vision.1, size.text.1) = (depth, depth);
    }
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
        (_, FileLayout::HuggingFace) => {
            tensors.hugging_face(&size);
            put("pytorch_model.bin", save(&Object::Dict(tensors.0)));
            put_json("config.json", &hf_config(&size));
            put_json("preprocessor_config.json", &hf_preprocessor(&size));
            put("vocab.json", vocabulary().to_string().into_bytes());
            put("merges.txt", MERGES.as_bytes().to_vec());
        }
        (_, FileLayout::OpenClip) => {
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
                        "mean": [0.481_454_66, 0.457_827_5, 0.408_210_73], "std": [0.268_629_54, 0.261_302_58, 0.275_777_11]
                    }
                }),
            );
            put("vocab.json", vocabulary().to_string().into_bytes());
            put("merges.txt", MERGES.as_bytes().to_vec());
        }
        (name, FileLayout::StateDict) => {
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

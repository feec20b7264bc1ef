//! What twins of published models say of themselves: configurations as they are published.
#![allow(clippy::unreadable_literal, reason = "configurations have their numbers as they are published")]

use serde_json::{Value, json};

use super::twin_files::{GIT_WORDS, SIGLIP2_WORDS, Size, WORDS};

/// OpenAI's, after a line of comment.
pub const MERGES: &str = include_str!("../../assets/openai-clip/merges.txt");

/// `config.json` as OpenAI's and its children's repositories have it, with what transformers 4.16 wrote of
/// itself.
pub fn hf_config(size: &Size) -> Value {
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

pub fn hf_preprocessor(size: &Size) -> Value {
    json!({
        "crop_size": size.image, "do_center_crop": true, "do_normalize": true, "do_resize": true,
        "feature_extractor_type": "CLIPFeatureExtractor", "image_mean": [0.48145466, 0.4578275, 0.40821073],
        "image_std": [0.26862954, 0.26130258, 0.27577711], "resample": 3, "size": size.image,
    })
}

/// `vocab.json` of OpenAI's tokenizer: every byte as a letter, alone and at the end of a word, the merges,
/// two marks.
pub fn vocabulary() -> Value {
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

pub fn git_rsclip_config() -> Value {
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

pub fn siglip_preprocessor() -> Value {
    json!({
        "do_normalize": true, "do_rescale": true, "do_resize": true, "image_mean": [0.5, 0.5, 0.5],
        "image_processor_type": "SiglipImageProcessor", "image_std": [0.5, 0.5, 0.5],
        "processor_class": "SiglipProcessor", "resample": 3, "rescale_factor": 0.00392156862745098,
        "size": {"height": 256, "width": 256}
    })
}

pub fn siglip2_config() -> Value {
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

//! The configuration files of a random model.

use serde_json::{Value, json};

use super::{Sizes, Tower, Vision};
use crate::clip::preprocess::{MEAN, STD};

pub(super) fn open_clip_config(sizes: &Sizes, vocab_size: usize) -> Value {
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
                // The folder's own tokenizer instead of OpenAI's.
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

pub(super) fn tokenizer_config(context_length: usize) -> Value {
    json!({
        "tokenizer_class": "CLIPTokenizer",
        "model_max_length": context_length,
        "bos_token": "<|startoftext|>",
        "eos_token": "<|endoftext|>",
        "unk_token": "<|endoftext|>",
        "pad_token": "<|endoftext|>",
    })
}

pub(super) fn config(sizes: &Sizes, vocab_size: usize, end: u32) -> Value {
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

pub(super) fn preprocessor_config(sizes: &Sizes) -> Value {
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

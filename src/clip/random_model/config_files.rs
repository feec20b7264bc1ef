//! The configuration and tokenizer files of a random model.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Sizes, Tower, Vision};
use crate::clip::preprocess::{MEAN, STD};
use crate::clip::tokenizer::clip_vocabulary::openai_merges;

/// The number of pieces of the first `SigLIP`'s tokenizer.
const PIECES: usize = 32_000;

pub(super) fn open_clip_config(sizes: &Sizes, vocab_size: usize) -> Value {
    let (width, layers) = match sizes.vision {
        Vision::ResNet { width, layers } => (width, json!(layers)),
        Vision::Vit { tower, .. } | Vision::Siglip { tower, .. } => (tower.width, json!(tower.layers)),
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

pub(super) fn siglip_config(sizes: &Sizes, vocab_size: usize) -> Value {
    let tower = |kind: &str, tower: Tower| {
        json!({
            "model_type": format!("siglip_{kind}_model"),
            "hidden_size": tower.width,
            "intermediate_size": 4 * tower.width,
            "num_hidden_layers": tower.layers,
            "num_attention_heads": tower.heads,
            "hidden_act": "gelu_pytorch_tanh",
            "layer_norm_eps": 1e-6,
        })
    };
    let mut vision = Value::Null;
    if let Vision::Siglip { patch_size, tower: sizes } = sizes.vision {
        vision = tower("vision", sizes);
        vision["patch_size"] = json!(patch_size);
    }
    vision["image_size"] = json!(sizes.image_size);
    let mut text = tower("text", sizes.text);
    text["vocab_size"] = json!(vocab_size);
    text["max_position_embeddings"] = json!(sizes.context_length);
    text["projection_size"] = json!(sizes.embed_dim);
    json!({
        "architectures": ["SiglipModel"],
        "model_type": "siglip",
        "vision_config": vision,
        "text_config": text,
    })
}

pub(super) fn siglip_preprocessor_config(sizes: &Sizes) -> Value {
    json!({
        "image_processor_type": "SiglipImageProcessor",
        "do_resize": true,
        "size": {"height": sizes.image_size, "width": sizes.image_size},
        "resample": 3,
        "do_rescale": true,
        "rescale_factor": 1.0 / 255.0,
        "do_normalize": true,
        "image_mean": [0.5, 0.5, 0.5],
        "image_std": [0.5, 0.5, 0.5],
    })
}

pub(super) fn siglip_tokenizer_config(context_length: usize) -> Value {
    json!({
        "tokenizer_class": "SiglipTokenizer",
        "model_max_length": context_length,
        "eos_token": "</s>",
        "pad_token": "</s>",
        "unk_token": "<unk>",
    })
}

/// Sentence pieces: the special ones, single letters, and as many of OpenAI's words as fit.
pub(super) fn sentence_pieces() -> Vec<String> {
    let marks = ["<pad>", "</s>", "<unk>", "\u{2581}"].map(str::to_owned);
    let letters = ('!'..='~').map(String::from);
    let words = openai_merges().into_iter().map(|(left, right)| {
        let word = left + &right;
        word.strip_suffix("</w>").map_or_else(|| word.clone(), |whole| format!("\u{2581}{whole}"))
    });
    let mut seen = BTreeSet::new();
    marks
        .into_iter()
        .chain(letters)
        .chain(words)
        .filter(|piece| seen.insert(piece.clone()))
        .take(PIECES)
        .collect()
}

/// A `tokenizer.json` like the first `SigLIP`'s, in which earlier pieces are more frequent.
pub(super) fn unigram_tokenizer(pieces: &[String]) -> Value {
    let added: Vec<Value> = pieces
        .iter()
        .take(3)
        .enumerate()
        .map(|(id, token)| {
            json!({"id": id, "content": token, "single_word": false, "lstrip": false, "rstrip": false,
                   "normalized": false, "special": true})
        })
        .collect();
    let metaspace =
        json!({"type": "Metaspace", "replacement": "\u{2581}", "prepend_scheme": "always", "split": true});
    let scored: Vec<Value> =
        pieces.iter().enumerate().map(|(rank, piece)| json!([piece, -(1.0 + rank as f64).ln()])).collect();
    json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": added,
        "normalizer": {"type": "Lowercase"},
        "pre_tokenizer": metaspace,
        "post_processor": null,
        "decoder": metaspace,
        "model": {"type": "Unigram", "unk_id": 2, "vocab": scored, "byte_fallback": false},
    })
}

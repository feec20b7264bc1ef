//! Models that Skysift doesn't run, recognised by their files, with what to take instead.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use serde_json::Value;

use super::Weights;
use crate::clip::ClipError;

/// What to take if no other file of the same model will do.
pub(in crate::clip) const INSTEAD: &str = "take a CLIP or SigLIP model whose text tower is its own, such as openai/clip-vit-base-patch32, \
                       or for satellite images Zilun/GeoRSCLIP or lcybuaa/Git-RSCLIP-base";

/// What a model is, by `model_type` or a part of `architectures` in its `config.json`.
const TYPES: [(&str, &str); 27] = [
    ("siglip2", "a SigLIP 2 that takes pictures of any shape (NaFlex)"),
    ("vision-text-dual-encoder", "a CLIP with a text tower of another kind"),
    ("llm2clip", "an LLM2CLIP, whose text tower is a large language model"),
    ("chinese_clip", "a Chinese-CLIP, whose text tower is a BERT"),
    ("altclip", "an AltCLIP, whose text tower is an XLM-RoBERTa"),
    ("jina_clip", "a Jina CLIP, whose towers are an EVA and a BERT"),
    ("metaclip_2", "a MetaCLIP 2"),
    ("xclip", "an X-CLIP for videos"),
    ("clipseg", "a CLIPSeg, which segments"),
    ("clap", "a CLAP, which hears sounds"),
    ("align", "an ALIGN, whose towers are an EfficientNet and a BERT"),
    ("blip-2", "a BLIP-2"),
    ("blip", "a BLIP"),
    ("coca", "a CoCa"),
    ("eva", "an EVA-CLIP"),
    ("imagebind", "an ImageBind"),
    ("flava", "a FLAVA"),
    ("groupvit", "a GroupViT"),
    ("owlv2", "an OWLv2 detector"),
    ("owlvit", "an OWL-ViT detector"),
    ("dinov3", "a DINOv3, which knows images and no words"),
    ("dinov2", "a DINOv2, which knows images and no words"),
    ("dino", "a DINO, which knows images and no words"),
    ("clip_vision_model", "the image tower of a CLIP alone"),
    ("clip_text_model", "the text tower of a CLIP alone"),
    ("vit", "an image classifier, which knows no words"),
    ("llava", "a LLaVA, a language model that looks at pictures"),
];

/// What a model is, by the beginning or a part of the name of a tensor.
const TENSORS: [(&str, &str); 12] = [
    ("modality_trunks.", "an ImageBind"),
    ("qformer.", "a BLIP-2"),
    ("text_decoder.", "a CoCa or BLIP, which writes captions"),
    ("visual_encoder.", "a BLIP"),
    ("visual.attn_pool.query", "a CoCa"),
    ("transformer.encoder.layer.", "a CLIP whose text tower is a BERT or RoBERTa"),
    ("transformer.embeddings.", "a CLIP whose text tower is a BERT or RoBERTa"),
    ("bert.encoder.layer.", "a CLIP whose text tower is a BERT"),
    ("text_model.encoder.layer.", "a CLIP whose text tower is a BERT or RoBERTa"),
    ("visual.blocks.", "an EVA-CLIP"),
    ("visual.rope.", "an EVA-CLIP"),
    ("model.layers.0.self_attn.", "a large language model or a CLIP that has one as its text tower"),
];

/// Refuses the configuration of a kind of model that Skysift doesn't run.
pub(in crate::clip) fn refuse_config(path: &Path, config: &Value) -> Result<(), ClipError> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_lowercase();
    let model_type = config.get("model_type").map(text).unwrap_or_default();
    let architectures = config.get("architectures").and_then(Value::as_array);
    let architecture: String = architectures.into_iter().flatten().map(text).collect::<Vec<_>>().join(" ");
    let custom = if config.get("auto_map").is_some() { architecture.as_str() } else { "" };
    let known = |(key, _): &&(&str, &str)| {
        model_type == *key
            || model_type.starts_with(key)
            // Short keys are parts of other words.
            || (key.len() > 4 && custom.contains(key))
    };
    if let Some((key, what)) = TYPES.iter().find(known) {
        let instead = if *key == "siglip2" {
            "take one of fixed size, such as google/siglip2-base-patch16-224"
        } else {
            INSTEAD
        };
        return Err(ClipError::file(path, format!("this is {what}, which Skysift doesn't run; {instead}")));
    }
    if !matches!(model_type.as_str(), "" | "clip" | "siglip") {
        return Err(ClipError::file(
            path,
            format!("this is a model of type {model_type:?}, which Skysift doesn't run; {INSTEAD}"),
        ));
    }
    Ok(())
}

/// Refuses weights whose tensors are named like those of a kind of model that Skysift doesn't run.
pub(in crate::clip) fn refuse_tensors(weights: &Weights) -> Result<(), ClipError> {
    if weights.holds_a_model() {
        let has_text = weights
            .names()
            .any(|name| name == "token_embedding.weight" || name.starts_with("text_model.embeddings."));
        if has_text {
            return Ok(());
        }
    }
    let path = weights.path();
    let known = TENSORS.iter().find(|(part, _)| {
        weights.names().any(|name| name.starts_with(part) || name.contains(&format!(".{part}")))
    });
    let what = match known {
        Some((_, what)) => *what,
        None if weights.holds_a_model() => "the image tower of a CLIP alone, which knows no words",
        None if weights.names().any(|name| name.ends_with("blocks.0.attn.qkv.weight")) => {
            "an image encoder alone, such as a DINO, a MAE or timm's, which knows no words"
        }
        None => {
            let first: Vec<&str> = weights.names().take(3).collect();
            let names = if first.is_empty() { "no tensors".to_owned() } else { first.join(", ") };
            return Err(ClipError::file(
                path,
                format!("this is no CLIP or SigLIP that Skysift knows (it holds {names}); {INSTEAD}"),
            ));
        }
    };
    Err(ClipError::file(path, format!("this is {what}, which Skysift doesn't run; {INSTEAD}")))
}

/// Refuses files of other programs by their extension or first bytes.
pub(in crate::clip) fn refuse_file(path: &Path) -> Result<(), ClipError> {
    let mut first = Vec::new();
    let read = File::open(path).and_then(|file| file.take(64).read_to_end(&mut first));
    read.map_err(|error| ClipError::read(path, error))?;
    let ending = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
    let twin = "download model.safetensors or pytorch_model.bin of the same model instead";
    let reason = match ending.as_str() {
        _ if first.starts_with(b"version https://git-lfs") => {
            "this is a pointer of Git LFS, not the file itself; download the file (git lfs pull, or the download link \
             of its page)"
                .to_owned()
        }
        "msgpack" => format!("these are weights of FLAX, which Skysift doesn't read; {twin}"),
        "h5" | "keras" => format!("these are weights of TensorFlow, which Skysift doesn't read; {twin}"),
        "onnx" => format!("this is an ONNX program, which Skysift doesn't run; {twin}"),
        "gguf" | "ggml" => format!("this is a model of llama.cpp's kind, which Skysift doesn't read; {twin}"),
        "zip" => "this is an archive; unpack it and give the folder or file inside".to_owned(),
        _ => return Ok(()),
    };
    Err(ClipError::file(path, reason))
}

/// What weights of other programs lie in a folder that has none for Skysift.
pub(in crate::clip) fn others_in(directory: &Path) -> Option<&'static str> {
    let has = |name: &str| directory.join(name).is_file();
    if has("flax_model.msgpack") || has("flax_model.msgpack.index.json") {
        Some("FLAX")
    } else if has("tf_model.h5") || has("tf_model.h5.index.json") {
        Some("TensorFlow")
    } else {
        has("model.onnx").then_some("ONNX")
    }
}

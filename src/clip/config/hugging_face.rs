//! `config.json` as Hugging Face's transformers writes it.

use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use super::{
    Activation, ClipConfig, Configured, Objective, Origins, Pooling, Square, TextConfig, TransformerConfig,
    VisionConfig, VitConfig, VitHead,
};
use crate::clip::ClipError;
use crate::clip::weights::unsupported;

/// The file. Absent values have the defaults of transformers.
#[derive(Default, Deserialize)]
#[serde(default)]
#[expect(clippy::struct_field_names, reason = "the names are those of the file")]
struct Config {
    model_type: Option<String>,
    projection_dim: Option<usize>,
    vision_config: Option<Value>,
    text_config: Option<Value>,
    // Old checkpoints have these, too, and transformers prefers them.
    vision_config_dict: Option<Value>,
    text_config_dict: Option<Value>,
}

/// A tower in the file. Values that are absent or null have the defaults of transformers.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Tower {
    hidden_size: Option<usize>,
    intermediate_size: Option<usize>,
    num_hidden_layers: Option<usize>,
    num_attention_heads: Option<usize>,
    hidden_act: Option<String>,
    layer_norm_eps: Option<f64>,
    // Image tower only.
    num_channels: Option<usize>,
    image_size: Option<Square>,
    patch_size: Option<Square>,
    vision_use_head: Option<bool>,
    // Text tower only.
    vocab_size: Option<usize>,
    max_position_embeddings: Option<usize>,
    eos_token_id: Option<EndToken>,
    projection_size: Option<usize>,
}

/// transformers writes a number or a list of one.
#[derive(Deserialize)]
#[serde(untagged)]
enum EndToken {
    One(u32),
    Several([u32; 1]),
}

/// The defaults of transformers.
struct Defaults {
    vision: TowerDefaults,
    text: TowerDefaults,
    patch_size: usize,
    vocab_size: usize,
    context_length: usize,
    activation: &'static str,
    epsilon: f64,
}

struct TowerDefaults {
    width: usize,
    mlp_width: usize,
    layers: usize,
    heads: usize,
}

/// `CLIPConfig`.
const CLIP: Defaults = Defaults {
    vision: TowerDefaults { width: 768, mlp_width: 3072, layers: 12, heads: 12 },
    text: TowerDefaults { width: 512, mlp_width: 2048, layers: 12, heads: 8 },
    patch_size: 32,
    vocab_size: 49_408,
    context_length: 77,
    activation: "quick_gelu",
    epsilon: 1e-5,
};

/// `SiglipConfig`.
const SIGLIP: Defaults = Defaults {
    vision: TowerDefaults { width: 768, mlp_width: 3072, layers: 12, heads: 12 },
    text: TowerDefaults { width: 768, mlp_width: 3072, layers: 12, heads: 12 },
    patch_size: 16,
    vocab_size: 32_000,
    context_length: 64,
    activation: "gelu_pytorch_tanh",
    epsilon: 1e-6,
};

/// Reads the text of a `config.json` found at `path`.
pub(in crate::clip) fn parse(path: &Path, json: &str) -> Result<Configured, ClipError> {
    let broken = |error: serde_json::Error| {
        ClipError::file(path, format!("this isn't a CLIP configuration that Skysift understands: {error}"))
    };
    let value: Value = serde_json::from_str(json).map_err(broken)?;
    unsupported::refuse_config(path, &value)?;
    let config = Config::deserialize(value).map_err(broken)?;
    let is_siglip = config.model_type.as_deref() == Some("siglip");
    let defaults = if is_siglip { SIGLIP } else { CLIP };
    let vision: Tower = section(config.vision_config_dict.or(config.vision_config)).map_err(broken)?;
    let text: Tower = section(config.text_config_dict.or(config.text_config)).map_err(broken)?;
    if let Some(channels) = vision.num_channels.filter(|channels| *channels != 3) {
        let reason = format!("the image tower takes {channels} channels; Skysift gives it 3");
        return Err(ClipError::file(path, reason));
    }
    if is_siglip && vision.vision_use_head == Some(false) {
        return Err(ClipError::file(path, "the image tower has no head, a variant that Skysift doesn't run"));
    }
    let from = |is_written: bool| {
        if is_written { "config.json" } else { "transformers' default, since config.json doesn't say" }
            .to_owned()
    };
    let origins = Origins {
        image_size: from(vision.image_size.is_some()),
        context_length: from(text.max_position_embeddings.is_some()),
        activation: from(vision.hidden_act.is_some() && text.hidden_act.is_some()),
    };
    let vision_transformer = transformer(path, &vision, &defaults.vision, &defaults)?;
    let text_transformer = transformer(path, &text, &defaults.text, &defaults)?;
    let config = ClipConfig {
        embed_dim: if is_siglip {
            text.projection_size.unwrap_or(text_transformer.width)
        } else {
            config.projection_dim.unwrap_or(512)
        },
        vision: VisionConfig::Vit(VitConfig {
            image_size: vision.image_size.map_or(224, |Square(side)| side),
            patch_size: vision.patch_size.map_or(defaults.patch_size, |Square(side)| side),
            transformer: vision_transformer,
            head: if is_siglip { VitHead::AttentionPool } else { VitHead::ClassToken },
        }),
        text: TextConfig {
            vocab_size: text.vocab_size.unwrap_or(defaults.vocab_size),
            context_length: text.max_position_embeddings.unwrap_or(defaults.context_length),
            // transformers: 2 marks checkpoints from before it stored the real id, pooled as OpenAI does.
            pooling: match text.eos_token_id {
                _ if is_siglip => Pooling::Last,
                Some(EndToken::One(2) | EndToken::Several([2])) => Pooling::HighestId,
                Some(EndToken::One(id) | EndToken::Several([id])) => Pooling::FirstOf(id),
                None => Pooling::FirstOf(49_407),
            },
            is_causal: !is_siglip,
            has_projection_bias: is_siglip,
            transformer: text_transformer,
        },
        objective: if is_siglip { Objective::Sigmoid } else { Objective::Contrast },
    };
    Ok(Configured { config: config.checked(path)?, origins })
}

fn section(value: Option<Value>) -> Result<Tower, serde_json::Error> {
    value.map_or_else(|| Ok(Tower::default()), serde_json::from_value)
}

fn transformer(
    path: &Path,
    tower: &Tower,
    tower_defaults: &TowerDefaults,
    defaults: &Defaults,
) -> Result<TransformerConfig, ClipError> {
    Ok(TransformerConfig {
        width: tower.hidden_size.unwrap_or(tower_defaults.width),
        layers: tower.num_hidden_layers.unwrap_or(tower_defaults.layers),
        heads: tower.num_attention_heads.unwrap_or(tower_defaults.heads),
        mlp_width: tower.intermediate_size.unwrap_or(tower_defaults.mlp_width),
        activation: activation(path, tower.hidden_act.as_deref().unwrap_or(defaults.activation))?,
        epsilon: tower.layer_norm_eps.unwrap_or(defaults.epsilon),
    })
}

fn activation(path: &Path, name: &str) -> Result<Activation, ClipError> {
    match name {
        "quick_gelu" => Ok(Activation::QuickGelu),
        "gelu" | "gelu_python" => Ok(Activation::Gelu),
        "gelu_pytorch_tanh" | "gelu_new" | "gelu_fast" => Ok(Activation::TanhGelu),
        other => Err(ClipError::file(
            path,
            format!(
                "the activation {other:?} isn't one that Skysift has (quick_gelu, gelu, gelu_pytorch_tanh)"
            ),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_config_is_openai_vit_b_32() {
        let config = parse(Path::new("config.json"), "{}").unwrap().config;
        let VisionConfig::Vit(vit) = &config.vision else { panic!("not a transformer") };
        assert_eq!((vit.tokens(), vit.transformer.width, config.embed_dim), (50, 768, 512));
        assert_eq!(config.text.pooling, Pooling::FirstOf(49_407));
    }

    #[test]
    fn the_old_dict_wins() {
        let json = r#"{"text_config": {"hidden_size": 64, "num_attention_heads": 4},
                       "text_config_dict": {"hidden_size": 32, "num_attention_heads": 4, "eos_token_id": 2}}"#;
        let config = parse(Path::new("config.json"), json).unwrap().config;
        assert_eq!(config.text.transformer.width, 32);
        assert_eq!(config.text.pooling, Pooling::HighestId);
    }

    #[test]
    fn hostile_sizes_are_refused() {
        let json = r#"{"vision_config": {"num_hidden_layers": 1000000000}}"#;
        let error = parse(Path::new("config.json"), json).unwrap_err().to_string();
        assert!(error.contains("number of layers is 1000000000"), "{error}");
        let json = r#"{"vision_config": {"patch_size": 0}}"#;
        assert!(parse(Path::new("config.json"), json).is_err());
    }

    #[test]
    fn null_is_as_good_as_absent_and_told() {
        let json = r#"{"model_type": "clip", "projection_dim": null, "text_config_dict": null,
                       "vision_config_dict": null, "vision_config": {"hidden_act": null, "image_size": [336, 336]},
                       "text_config": {"eos_token_id": null, "layer_norm_eps": null}}"#;
        let Configured { config, origins } = parse(Path::new("config.json"), json).unwrap();
        assert_eq!((config.embed_dim, config.vision.image_size()), (512, 336));
        assert_eq!(config.text.transformer.activation, Activation::QuickGelu);
        assert_eq!(origins.image_size, "config.json");
        assert!(origins.activation.contains("doesn't say"), "{}", origins.activation);
    }

    #[test]
    fn an_empty_siglip_is_base_patch_16() {
        let config = parse(Path::new("config.json"), r#"{"model_type": "siglip"}"#).unwrap().config;
        let VisionConfig::Vit(vit) = &config.vision else { panic!("not a transformer") };
        assert_eq!((vit.tokens(), vit.head, config.embed_dim), (196, VitHead::AttentionPool, 768));
        assert_eq!((config.text.pooling, config.text.is_causal), (Pooling::Last, false));
        assert_eq!(vit.transformer.activation, Activation::TanhGelu);
    }
}

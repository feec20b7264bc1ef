//! `config.json` as Hugging Face's transformers writes it.

use std::path::Path;

use serde::Deserialize;

use super::ClipError;
use super::config::{
    Activation, ClipConfig, Pooling, TextConfig, TransformerConfig, VisionConfig, VitConfig, square,
};

/// Every absent value has the default of transformers' `CLIPConfig`.
#[derive(Deserialize)]
#[serde(default)]
#[expect(clippy::struct_field_names, reason = "the names are those of the file")]
struct Config {
    model_type: String,
    projection_dim: usize,
    vision_config: Option<serde_json::Value>,
    text_config: Option<serde_json::Value>,
    // Old checkpoints carry these too; transformers lets them win.
    vision_config_dict: Option<serde_json::Value>,
    text_config_dict: Option<serde_json::Value>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            model_type: "clip".to_owned(),
            projection_dim: 512,
            vision_config: None,
            text_config: None,
            vision_config_dict: None,
            text_config_dict: None,
        }
    }
}

#[derive(Deserialize)]
#[serde(default)]
struct Vision {
    hidden_size: usize,
    intermediate_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    num_channels: usize,
    #[serde(deserialize_with = "square")]
    image_size: usize,
    #[serde(deserialize_with = "square")]
    patch_size: usize,
    hidden_act: String,
    layer_norm_eps: f64,
}

impl Default for Vision {
    fn default() -> Self {
        Self {
            hidden_size: 768,
            intermediate_size: 3072,
            num_hidden_layers: 12,
            num_attention_heads: 12,
            num_channels: 3,
            image_size: 224,
            patch_size: 32,
            hidden_act: "quick_gelu".to_owned(),
            layer_norm_eps: 1e-5,
        }
    }
}

#[derive(Deserialize)]
#[serde(default)]
struct Text {
    vocab_size: usize,
    hidden_size: usize,
    intermediate_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    max_position_embeddings: usize,
    hidden_act: String,
    layer_norm_eps: f64,
    eos_token_id: Option<EndToken>,
}

/// transformers writes a number, and sometimes a list of one.
#[derive(Deserialize)]
#[serde(untagged)]
enum EndToken {
    One(u32),
    Several([u32; 1]),
}

impl Default for Text {
    fn default() -> Self {
        Self {
            vocab_size: 49_408,
            hidden_size: 512,
            intermediate_size: 2048,
            num_hidden_layers: 12,
            num_attention_heads: 8,
            max_position_embeddings: 77,
            hidden_act: "quick_gelu".to_owned(),
            layer_norm_eps: 1e-5,
            eos_token_id: None,
        }
    }
}

/// Reads the text of a `config.json` found at `path`.
pub(super) fn parse(path: &Path, json: &str) -> Result<ClipConfig, ClipError> {
    let broken = |error: serde_json::Error| {
        ClipError::file(path, format!("this isn't a CLIP configuration that Skysift understands: {error}"))
    };
    let config: Config = serde_json::from_str(json).map_err(broken)?;
    if config.model_type != "clip" {
        return Err(ClipError::file(
            path,
            format!("this is a model of type {:?}; Skysift runs models of type \"clip\"", config.model_type),
        ));
    }
    let vision: Vision = section(config.vision_config_dict.or(config.vision_config)).map_err(broken)?;
    let text: Text = section(config.text_config_dict.or(config.text_config)).map_err(broken)?;
    if vision.num_channels != 3 {
        return Err(ClipError::file(
            path,
            format!("the image tower takes {} channels; Skysift gives it 3", vision.num_channels),
        ));
    }
    ClipConfig {
        embed_dim: config.projection_dim,
        vision: VisionConfig::Vit(VitConfig {
            image_size: vision.image_size,
            patch_size: vision.patch_size,
            transformer: TransformerConfig {
                width: vision.hidden_size,
                layers: vision.num_hidden_layers,
                heads: vision.num_attention_heads,
                mlp_width: vision.intermediate_size,
                activation: activation(path, &vision.hidden_act)?,
                epsilon: vision.layer_norm_eps,
            },
        }),
        text: TextConfig {
            vocab_size: text.vocab_size,
            context_length: text.max_position_embeddings,
            // transformers: 2 marks checkpoints from before it stored the real id, pooled as OpenAI does.
            pooling: match text.eos_token_id {
                Some(EndToken::One(2)) => Pooling::HighestId,
                Some(EndToken::One(id) | EndToken::Several([id])) => Pooling::FirstOf(id),
                None => Pooling::FirstOf(49_407),
            },
            transformer: TransformerConfig {
                width: text.hidden_size,
                layers: text.num_hidden_layers,
                heads: text.num_attention_heads,
                mlp_width: text.intermediate_size,
                activation: activation(path, &text.hidden_act)?,
                epsilon: text.layer_norm_eps,
            },
        },
    }
    .checked(path)
}

fn section<T: Default + serde::de::DeserializeOwned>(
    value: Option<serde_json::Value>,
) -> Result<T, serde_json::Error> {
    value.map_or_else(|| Ok(T::default()), serde_json::from_value)
}

fn activation(path: &Path, name: &str) -> Result<Activation, ClipError> {
    match name {
        "quick_gelu" => Ok(Activation::QuickGelu),
        "gelu" => Ok(Activation::Gelu),
        other => Err(ClipError::file(
            path,
            format!("the activation {other:?} isn't one that Skysift has (quick_gelu, gelu)"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_config_is_openai_vit_b_32() {
        let config = parse(Path::new("config.json"), "{}").unwrap();
        let VisionConfig::Vit(vit) = &config.vision else { panic!("not a transformer") };
        assert_eq!((vit.tokens(), vit.transformer.width, config.embed_dim), (50, 768, 512));
        assert_eq!(config.text.pooling, Pooling::FirstOf(49_407));
    }

    #[test]
    fn the_old_dict_wins() {
        let json = r#"{"text_config": {"hidden_size": 64, "num_attention_heads": 4},
                       "text_config_dict": {"hidden_size": 32, "num_attention_heads": 4, "eos_token_id": 2}}"#;
        let config = parse(Path::new("config.json"), json).unwrap();
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
}

//! `open_clip_config.json`, and the architectures that `open_clip` knows by name.

use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use super::ClipError;
use super::config::{
    Activation, ClipConfig, Pooling, ResNetConfig, TextConfig, TransformerConfig, VisionConfig, VitConfig,
    square,
};

/// What Skysift reads of `model_cfg`. Everything else must be absent, false or null: see [`refuse_extras`].
#[derive(Deserialize)]
struct Model {
    embed_dim: usize,
    #[serde(default)]
    quick_gelu: bool,
    vision_cfg: Value,
    text_cfg: Value,
}

#[derive(Deserialize)]
#[serde(default)]
struct Vision {
    layers: Layers,
    width: usize,
    head_width: usize,
    mlp_ratio: f64,
    /// Null for a ResNet.
    patch_size: Option<Square>,
    #[serde(deserialize_with = "square")]
    image_size: usize,
    norm_kwargs: Option<Norm>,
}

/// The depth of a transformer, or that of a ResNet's four stages.
#[derive(Deserialize)]
#[serde(untagged)]
enum Layers {
    Transformer(usize),
    ResNet([usize; 4]),
}

#[derive(Deserialize)]
#[serde(transparent)]
struct Square(#[serde(deserialize_with = "square")] usize);

impl Default for Vision {
    fn default() -> Self {
        Self {
            layers: Layers::Transformer(12),
            width: 768,
            head_width: 64,
            mlp_ratio: 4.0,
            patch_size: None,
            image_size: 224,
            norm_kwargs: None,
        }
    }
}

#[derive(Deserialize)]
#[serde(default)]
struct Text {
    context_length: usize,
    vocab_size: usize,
    width: usize,
    heads: usize,
    layers: usize,
    mlp_ratio: f64,
    norm_kwargs: Option<Norm>,
}

impl Default for Text {
    fn default() -> Self {
        Self {
            context_length: 77,
            vocab_size: 49_408,
            width: 512,
            heads: 8,
            layers: 12,
            mlp_ratio: 4.0,
            norm_kwargs: None,
        }
    }
}

#[derive(Deserialize)]
struct Norm {
    eps: Option<f64>,
}

/// Reads the `model_cfg` part of an `open_clip_config.json` found at `path`.
pub(super) fn parse(path: &Path, model_cfg: &Value) -> Result<ClipConfig, ClipError> {
    let broken = |error: serde_json::Error| {
        ClipError::file(
            path,
            format!("this isn't an open_clip configuration that Skysift understands: {error}"),
        )
    };
    let model = Model::deserialize(model_cfg).map_err(broken)?;
    refuse_extras(path, &model)?;
    let vision = Vision::deserialize(&model.vision_cfg).map_err(broken)?;
    let text = Text::deserialize(&model.text_cfg).map_err(broken)?;
    let activation = if model.quick_gelu { Activation::QuickGelu } else { Activation::Gelu };
    let epsilon = |norm: &Option<Norm>| norm.as_ref().and_then(|norm| norm.eps).unwrap_or(1e-5);
    ClipConfig {
        embed_dim: model.embed_dim,
        vision: match vision.layers {
            Layers::Transformer(layers) => VisionConfig::Vit(VitConfig {
                image_size: vision.image_size,
                patch_size: vision.patch_size.map_or(16, |Square(side)| side),
                transformer: TransformerConfig {
                    width: vision.width,
                    layers,
                    heads: vision.width.checked_div(vision.head_width).unwrap_or(0),
                    mlp_width: scaled(vision.width, vision.mlp_ratio),
                    activation,
                    epsilon: epsilon(&vision.norm_kwargs),
                },
            }),
            Layers::ResNet(layers) => VisionConfig::ResNet(ResNetConfig {
                image_size: vision.image_size,
                width: vision.width,
                layers,
                heads: vision.width.saturating_mul(32).checked_div(vision.head_width).unwrap_or(0),
            }),
        },
        text: TextConfig {
            vocab_size: text.vocab_size,
            context_length: text.context_length,
            pooling: Pooling::HighestId,
            transformer: TransformerConfig {
                width: text.width,
                layers: text.layers,
                heads: text.heads,
                mlp_width: scaled(text.width, text.mlp_ratio),
                activation,
                epsilon: epsilon(&text.norm_kwargs),
            },
        },
    }
    .checked(path)
}

/// `int(width * ratio)`, as `open_clip` computes it.
fn scaled(width: usize, ratio: f64) -> usize {
    (width as f64 * ratio) as usize
}

/// Refuses what changes the computation in a way that Skysift doesn't follow.
fn refuse_extras(path: &Path, model: &Model) -> Result<(), ClipError> {
    if let Some(name) = model.vision_cfg.get("timm_model_name").and_then(Value::as_str) {
        return Err(ClipError::file(
            path,
            format!("its image tower is timm's {name}; Skysift runs CLIP's own"),
        ));
    }
    if let Some(name) = model.text_cfg.get("hf_model_name").and_then(Value::as_str) {
        return Err(ClipError::file(path, format!("its text tower is {name}; Skysift runs CLIP's own")));
    }
    let usual = |key: &str, value: &Value| match key {
        "pool_type" => value == "tok" || value == "argmax",
        "pos_embed_type" => value == "learnable",
        "proj_type" => value == "linear",
        "block_type" => value.is_null() || value == "default",
        "act_kwargs" => value.is_null() || value.as_object().is_some_and(serde_json::Map::is_empty),
        "ls_init_value" => value.is_null(),
        "attentional_pool"
        | "no_ln_pre"
        | "final_ln_after_pool"
        | "qk_norm"
        | "scaled_cosine_attn"
        | "scale_heads"
        | "scale_attn_inner"
        | "scale_attn"
        | "scale_fc"
        | "embed_cls"
        | "no_causal_mask"
        | "proj_bias" => value.is_null() || value == &Value::Bool(false),
        _ => true,
    };
    for (tower, part) in [("vision_cfg", &model.vision_cfg), ("text_cfg", &model.text_cfg)] {
        let unusual = part.as_object().into_iter().flatten().find(|(key, value)| !usual(key, value));
        if let Some((key, value)) = unusual {
            return Err(ClipError::file(
                path,
                format!("{tower} has {key} = {value}, a variant of CLIP that Skysift doesn't run"),
            ));
        }
    }
    Ok(())
}

/// One row of the table: image size, patch size, width, layers, head width and perceptron ratio of the image
/// tower; embedding, width, heads and layers of the text tower.
type Row = (&'static str, [usize; 5], f64, [usize; 4]);

/// From `open_clip/model_configs`. The names with "-quickgelu" at the end differ in the activation only.
const ARCHITECTURES: [Row; 24] = [
    ("ViT-S-32-alt", [224, 32, 384, 12, 64], 4.0, [256, 256, 4, 10]),
    ("ViT-S-32", [224, 32, 384, 12, 64], 4.0, [384, 384, 6, 12]),
    ("ViT-S-16-alt", [224, 16, 384, 12, 64], 4.0, [256, 256, 4, 10]),
    ("ViT-S-16", [224, 16, 384, 12, 64], 4.0, [384, 384, 6, 12]),
    ("ViT-M-32-alt", [224, 32, 512, 12, 64], 4.0, [384, 384, 6, 12]),
    ("ViT-M-32", [224, 32, 512, 12, 64], 4.0, [512, 512, 8, 12]),
    ("ViT-M-16", [224, 16, 512, 12, 64], 4.0, [512, 512, 8, 12]),
    ("ViT-B-32", [224, 32, 768, 12, 64], 4.0, [512, 512, 8, 12]),
    ("ViT-B-32-256", [256, 32, 768, 12, 64], 4.0, [512, 512, 8, 12]),
    ("ViT-B-32-plus-256", [256, 32, 896, 12, 64], 4.0, [640, 640, 10, 12]),
    ("ViT-B-16", [224, 16, 768, 12, 64], 4.0, [512, 512, 8, 12]),
    ("ViT-B-16-plus", [224, 16, 896, 12, 64], 4.0, [640, 640, 10, 12]),
    ("ViT-B-16-plus-240", [240, 16, 896, 12, 64], 4.0, [640, 640, 10, 12]),
    ("ViT-L-16", [224, 16, 1024, 24, 64], 4.0, [768, 768, 12, 12]),
    ("ViT-L-16-320", [320, 16, 1024, 24, 64], 4.0, [768, 768, 12, 12]),
    ("ViT-L-14", [224, 14, 1024, 24, 64], 4.0, [768, 768, 12, 12]),
    ("ViT-L-14-280", [280, 14, 1024, 24, 64], 4.0, [768, 768, 12, 12]),
    ("ViT-L-14-336", [336, 14, 1024, 24, 64], 4.0, [768, 768, 12, 12]),
    ("ViT-H-16", [224, 16, 1280, 32, 80], 4.0, [1024, 1024, 16, 24]),
    ("ViT-H-14", [224, 14, 1280, 32, 80], 4.0, [1024, 1024, 16, 24]),
    ("ViT-H-14-378", [378, 14, 1280, 32, 80], 4.0, [1024, 1024, 16, 24]),
    ("ViT-g-14", [224, 14, 1408, 40, 88], 4.3637, [1024, 1024, 16, 24]),
    ("ViT-bigG-14", [224, 14, 1664, 48, 104], 4.9231, [1280, 1280, 20, 32]),
    ("ViT-e-14", [224, 14, 1792, 56, 112], 8.5715, [1280, 1280, 20, 36]),
];

/// One ResNet: image size, width, blocks of the four stages; embedding, width, heads and layers of the text tower.
type ResNetRow = (&'static str, [usize; 2], [usize; 4], [usize; 4]);

/// From `open_clip/model_configs`, as above.
const RESNETS: [ResNetRow; 5] = [
    ("RN50", [224, 64], [3, 4, 6, 3], [1024, 512, 8, 12]),
    ("RN101", [224, 64], [3, 4, 23, 3], [512, 512, 8, 12]),
    ("RN50x4", [288, 80], [4, 6, 10, 6], [640, 640, 10, 12]),
    ("RN50x16", [384, 96], [6, 8, 18, 8], [768, 768, 12, 12]),
    ("RN50x64", [448, 128], [3, 15, 36, 10], [1024, 1024, 16, 12]),
];

/// The configuration of an architecture that `open_clip` knows by name, for the state dict at `path`.
pub(super) fn architecture(path: &Path, name: &str) -> Result<ClipConfig, ClipError> {
    let (base, activation) = match name.strip_suffix("-quickgelu") {
        Some(base) => (base, Activation::QuickGelu),
        None => (name, Activation::Gelu),
    };
    let transformer = |width: usize, layers: usize, heads: usize, ratio: f64| TransformerConfig {
        width,
        layers,
        heads,
        mlp_width: scaled(width, ratio),
        activation,
        epsilon: 1e-5,
    };
    let vit = ARCHITECTURES.iter().find(|row| row.0 == base).map(|row| {
        let (_, [image_size, patch_size, width, layers, head_width], ratio, text) = *row;
        let transformer = transformer(width, layers, width / head_width, ratio);
        (VisionConfig::Vit(VitConfig { image_size, patch_size, transformer }), text)
    });
    let resnet = RESNETS.iter().find(|row| row.0 == base).map(|row| {
        let (_, [image_size, width], layers, text) = *row;
        (
            VisionConfig::ResNet(ResNetConfig {
                image_size,
                width,
                layers,
                heads: ResNetConfig::heads_of(width),
            }),
            text,
        )
    });
    let Some((vision, [embed_dim, text_width, heads, text_layers])) = vit.or(resnet) else {
        return Err(ClipError::file(
            path,
            format!("Skysift doesn't know the architecture {name:?}; it knows {}", names()),
        ));
    };
    ClipConfig {
        embed_dim,
        vision,
        text: TextConfig {
            vocab_size: 49_408,
            context_length: 77,
            pooling: Pooling::HighestId,
            transformer: transformer(text_width, text_layers, heads, 4.0),
        },
    }
    .checked(path)
}

/// The architectures' names, for messages.
pub(super) fn names() -> String {
    let vits = ARCHITECTURES.iter().map(|row| row.0);
    let names: Vec<_> = vits.chain(RESNETS.iter().map(|row| row.0)).collect();
    format!("{} (each also with -quickgelu at the end)", names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_architecture_is_sound() {
        let names = ARCHITECTURES.iter().map(|row| row.0).chain(RESNETS.iter().map(|row| row.0));
        for name in names {
            architecture(Path::new("model.pt"), name).unwrap();
        }
    }

    #[test]
    fn quickgelu_is_a_suffix() {
        let path = Path::new("model.pt");
        let config = architecture(path, "ViT-L-14-quickgelu").unwrap();
        assert_eq!(config.text.transformer.activation, Activation::QuickGelu);
        assert_eq!(config.text.transformer.width, 768);
        assert!(architecture(path, "ViT-Z-9").unwrap_err().to_string().contains("ViT-B-32"));
    }
}

//! `open_clip`'s `open_clip_config.json`.

use std::path::Path;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Activation, ClipConfig, Configured, Objective, Origins, Pooling, ResNetConfig, Square, TextConfig,
    TransformerConfig, VisionConfig, VitConfig, VitHead,
};
use crate::clip::ClipError;
use crate::clip::preprocess::Preprocess;
use crate::clip::weights::Weights;
use crate::clip::weights::{timm, unsupported};

/// What Skysift reads of `model_cfg`. For the rest see [`refuse_variants`].
#[derive(Deserialize)]
struct Model {
    embed_dim: usize,
    #[serde(default)]
    quick_gelu: bool,
    init_logit_bias: Option<f64>,
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
    /// Null in a ResNet.
    patch_size: Option<Square>,
    image_size: Square,
    norm_kwargs: Option<Norm>,
    act_kwargs: Option<ActivationOptions>,
    /// Of SigLIP's image tower, which is timm's.
    timm_model_name: Option<String>,
}

/// The depth of a transformer, or of each of a ResNet's four stages.
#[derive(Deserialize)]
#[serde(untagged)]
enum Layers {
    Transformer(usize),
    ResNet([usize; 4]),
}

impl Default for Vision {
    fn default() -> Self {
        Self {
            layers: Layers::Transformer(12),
            width: 768,
            head_width: 64,
            mlp_ratio: 4.0,
            patch_size: None,
            image_size: Square(224),
            norm_kwargs: None,
            act_kwargs: None,
            timm_model_name: None,
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
    act_kwargs: Option<ActivationOptions>,
    no_causal_mask: bool,
    proj_bias: bool,
    pool_type: Option<String>,
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
            act_kwargs: None,
            no_causal_mask: false,
            proj_bias: false,
            pool_type: None,
        }
    }
}

#[derive(Deserialize)]
struct ActivationOptions {
    approximate: Option<String>,
}

#[derive(Deserialize)]
struct Norm {
    eps: Option<f64>,
}

/// Reads the `model_cfg` of an `open_clip_config.json` found at `path`. The sizes of towers that it names by
/// timm's names are taken from `weights`.
pub(in crate::clip) fn parse(
    path: &Path,
    model_cfg: &Value,
    weights: &Weights,
) -> Result<Configured, ClipError> {
    let broken = |error: serde_json::Error| {
        ClipError::file(
            path,
            format!("this isn't an open_clip configuration that Skysift understands: {error}"),
        )
    };
    refuse_other_towers(path, model_cfg)?;
    let model = Model::deserialize(model_cfg).map_err(broken)?;
    let vision = Vision::deserialize(&model.vision_cfg).map_err(broken)?;
    let text = Text::deserialize(&model.text_cfg).map_err(broken)?;
    let is_siglip = vision.timm_model_name.is_some();
    refuse_variants(path, &model, is_siglip)?;
    let gelu = if model.quick_gelu { Activation::QuickGelu } else { Activation::Gelu };
    let activation = |options: &Option<ActivationOptions>| match options {
        Some(ActivationOptions { approximate: Some(kind) }) if kind == "tanh" => Activation::TanhGelu,
        _ => gelu,
    };
    let epsilon = |norm: &Option<Norm>| norm.as_ref().and_then(|norm| norm.eps).unwrap_or(1e-5);
    let Square(image_size) = vision.image_size;
    let vision_config = match (&vision.timm_model_name, vision.layers) {
        (Some(name), _) => VisionConfig::Vit(timm::siglip(path, name, image_size, weights)?),
        (None, Layers::Transformer(layers)) => VisionConfig::Vit(VitConfig {
            image_size,
            patch_size: vision.patch_size.map_or(16, |Square(side)| side),
            transformer: TransformerConfig {
                width: vision.width,
                layers,
                heads: vision.width.checked_div(vision.head_width).unwrap_or(0),
                mlp_width: scaled(vision.width, vision.mlp_ratio),
                activation: activation(&vision.act_kwargs),
                epsilon: epsilon(&vision.norm_kwargs),
            },
            head: VitHead::ClassToken,
        }),
        (None, Layers::ResNet(layers)) => VisionConfig::ResNet(ResNetConfig {
            image_size,
            width: vision.width,
            layers,
            heads: vision.width.saturating_mul(32).checked_div(vision.head_width).unwrap_or(0),
        }),
    };
    let config = ClipConfig {
        embed_dim: model.embed_dim,
        vision: vision_config,
        text: TextConfig {
            vocab_size: text.vocab_size,
            context_length: text.context_length,
            pooling: match text.pool_type.as_deref() {
                Some("last") => Pooling::Last,
                _ => Pooling::HighestId,
            },
            is_causal: !text.no_causal_mask,
            has_projection_bias: text.proj_bias,
            transformer: TransformerConfig {
                width: text.width,
                layers: text.layers,
                heads: text.heads,
                mlp_width: scaled(text.width, text.mlp_ratio),
                activation: activation(&text.act_kwargs),
                epsilon: epsilon(&text.norm_kwargs),
            },
        },
        objective: if is_siglip || model.init_logit_bias.is_some() {
            Objective::Sigmoid
        } else {
            Objective::Contrast
        },
    };
    let here = "open_clip_config.json";
    let origins = Origins {
        image_size: here.to_owned(),
        context_length: here.to_owned(),
        activation: match (&vision.timm_model_name, model_cfg.get("quick_gelu").is_some()) {
            (Some(name), _) => format!("{here} and timm's {name}"),
            (None, true) => here.to_owned(),
            (None, false) => format!("open_clip's default, since {here} doesn't say"),
        },
    };
    Ok(Configured { config: config.checked(path)?, origins })
}

/// `int(width * ratio)`, as `open_clip` computes it.
pub(in crate::clip) fn scaled(width: usize, ratio: f64) -> usize {
    (width as f64 * ratio) as usize
}

/// Refuses models with towers from elsewhere.
fn refuse_other_towers(path: &Path, model_cfg: &Value) -> Result<(), ClipError> {
    let named = |place: &str| model_cfg.pointer(place).and_then(Value::as_str);
    let what = if model_cfg.get("multimodal_cfg").is_some_and(|part| !part.is_null()) {
        "this is a CoCa, which writes captions".to_owned()
    } else if let Some(name) = named("/text_cfg/hf_model_name") {
        format!("its text tower is {name}")
    } else if let Some(name) = named("/vision_cfg/eva_model_name") {
        format!("its image tower is {name}")
    } else if let Some(name) = named("/vision_cfg/timm_model_name").filter(|name| !timm::is_siglip(name)) {
        format!("its image tower is timm's {name}")
    } else {
        return Ok(());
    };
    Err(ClipError::file(path, format!("{what}, which Skysift doesn't run; {}", unsupported::INSTEAD)))
}

/// Refuses options that change the computation in a way that Skysift doesn't implement.
fn refuse_variants(path: &Path, model: &Model, is_siglip: bool) -> Result<(), ClipError> {
    let off = |value: &Value| value.is_null() || value == &Value::Bool(false);
    let usual = |key: &str, value: &Value| match key {
        "pool_type" if is_siglip => value == "last",
        "timm_pool" => value == "map",
        "timm_proj" => off(value) || value == "none" || value == "",
        "no_causal_mask" | "proj_bias" if is_siglip => value.is_null() || value.is_boolean(),
        "pool_type" => value == "tok" || value == "argmax",
        "pos_embed_type" => value == "learnable",
        "proj_type" => value == "linear",
        "block_type" => value.is_null() || value == "default",
        "act_kwargs" => value.as_object().is_none_or(|options| {
            options.iter().all(|(key, value)| key == "approximate" && (value == "tanh" || value == "none"))
        }),
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
        | "proj_bias" => off(value),
        _ => true,
    };
    for (tower, part) in [("vision_cfg", &model.vision_cfg), ("text_cfg", &model.text_cfg)] {
        let unusual = part.as_object().into_iter().flatten().find(|(key, value)| !usual(key, value));
        if let Some((key, value)) = unusual {
            return Err(ClipError::file(
                path,
                format!(
                    "{tower} has {key} = {value}, a variant of CLIP that Skysift doesn't run; {}",
                    unsupported::INSTEAD
                ),
            ));
        }
    }
    Ok(())
}

/// The file for a CLIP that came without one.
pub(in crate::clip) fn write(config: &ClipConfig, preprocess: &Preprocess) -> Value {
    let ratio = |transformer: &TransformerConfig| {
        let ratio = transformer.mlp_width as f64 / transformer.width as f64;
        // Reading rounds down.
        if scaled(transformer.width, ratio) == transformer.mlp_width { ratio } else { ratio + 1e-9 }
    };
    let vision = match &config.vision {
        VisionConfig::Vit(vit) => json!({
            "image_size": vit.image_size,
            "layers": vit.transformer.layers,
            "width": vit.transformer.width,
            "head_width": vit.transformer.width / vit.transformer.heads,
            "mlp_ratio": ratio(&vit.transformer),
            "patch_size": vit.patch_size,
        }),
        VisionConfig::ResNet(resnet) => json!({
            "image_size": resnet.image_size,
            "layers": resnet.layers,
            "width": resnet.width,
            "head_width": resnet.width * 32 / resnet.heads,
            "patch_size": null,
        }),
    };
    let text = &config.text;
    let (mean, std) = preprocess.mean_and_std();
    json!({
        "model_cfg": {
            "embed_dim": config.embed_dim,
            "quick_gelu": text.transformer.activation == Activation::QuickGelu,
            "vision_cfg": vision,
            "text_cfg": {
                "context_length": text.context_length,
                "vocab_size": text.vocab_size,
                "width": text.transformer.width,
                "heads": text.transformer.heads,
                "layers": text.transformer.layers,
                "mlp_ratio": ratio(&text.transformer),
            },
        },
        "preprocess_cfg": {
            "mean": mean,
            "std": std,
            "interpolation": "bicubic",
            "resize_mode": "shortest",
            "size": [config.vision.image_size(), config.vision.image_size()],
            "mode": "RGB",
        },
    })
}

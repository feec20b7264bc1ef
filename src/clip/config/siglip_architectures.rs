//! The `SigLIP`s that `open_clip` knows by name, for state dicts, which don't describe themselves.

use serde_json::{Value, json};

use crate::clip::weights::Weights;

/// Models that differ in image size only.
struct Family {
    /// `open_clip`'s name for 224 pixels; names for other sizes end in the size.
    name: &'static str,
    image_sizes: &'static [usize],
    /// timm's name of the image tower, without the image size.
    timm: &'static str,
    patch_size: usize,
    width: usize,
    text: Text,
}

/// Width, heads, layers and MLP ratio of the text tower.
struct Text(usize, usize, usize, f64);

const BASE: Text = Text(768, 12, 12, 4.0);
const LARGE: Text = Text(1024, 16, 24, 4.0);
const SO400M: Text = Text(1152, 16, 27, 3.7362);

/// From `open_clip/model_configs`: those with a text projection. The sizes of vocabulary and context are
/// taken from the weights.
static FAMILIES: [Family; 10] = [
    family("ViT-B-16-SigLIP", &[224, 256, 384, 512], ("vit_base_patch16_siglip", 16, 768), BASE),
    family("ViT-B-16-SigLIP-i18n", &[256], ("vit_base_patch16_siglip", 16, 768), BASE),
    family("ViT-L-16-SigLIP", &[256, 384], ("vit_large_patch16_siglip", 16, 1024), LARGE),
    family("ViT-SO400M-14-SigLIP", &[224, 378, 384], ("vit_so400m_patch14_siglip", 14, 1152), SO400M),
    family("ViT-B-32-SigLIP2", &[256], ("vit_base_patch32_siglip", 32, 768), BASE),
    family("ViT-B-16-SigLIP2", &[224, 256, 384, 512], ("vit_base_patch16_siglip", 16, 768), BASE),
    family("ViT-L-16-SigLIP2", &[256, 384, 512], ("vit_large_patch16_siglip", 16, 1024), LARGE),
    family("ViT-SO400M-14-SigLIP2", &[224, 378], ("vit_so400m_patch14_siglip", 14, 1152), SO400M),
    family("ViT-SO400M-16-SigLIP2", &[256, 384, 512], ("vit_so400m_patch16_siglip", 16, 1152), SO400M),
    family("ViT-gopt-16-SigLIP2", &[256, 384], ("vit_giantopt_patch16_siglip", 16, 1536), SO400M),
];

const fn family(
    name: &'static str,
    image_sizes: &'static [usize],
    (timm, patch_size, width): (&'static str, usize, usize),
    text: Text,
) -> Family {
    Family { name, image_sizes, timm, patch_size, width, text }
}

/// The tensors with a row per token of a sentence and per word.
const POSITIONS: &str = "positional_embedding";
const WORDS: &str = "token_embedding.weight";
/// Words of SigLIP 2's tokenizer, which is Gemma's, and of the first one's for many languages.
const GEMMA_WORDS: usize = 256_000;
const MANY_LANGUAGES: usize = 250_000;

impl Family {
    fn names(&self) -> impl Iterator<Item = (String, usize)> {
        self.image_sizes.iter().map(|side| match side {
            224 => (self.name.to_owned(), 224),
            side => (format!("{}-{side}", self.name), *side),
        })
    }
}

/// All names.
pub(in crate::clip) fn names() -> Vec<String> {
    FAMILIES.iter().flat_map(Family::names).map(|(name, _)| name).collect()
}

/// The `model_cfg` of the model with a name.
pub(in crate::clip) fn model_cfg(arch: &str, weights: &Weights) -> Option<Value> {
    let (family, image_size) = FAMILIES.iter().find_map(|family| {
        family.names().find(|(name, _)| name == arch).map(|(_, image_size)| (family, image_size))
    })?;
    let rows = |name: &str| weights.shape(name).and_then(|shape| shape.first()).copied();
    let Text(width, heads, layers, mlp_ratio) = family.text;
    let mut text = json!({
        "context_length": rows(POSITIONS).unwrap_or(64),
        "vocab_size": rows(WORDS).unwrap_or(32_000),
        "width": width,
        "heads": heads,
        "layers": layers,
        "mlp_ratio": mlp_ratio,
        "no_causal_mask": true,
        "proj_bias": true,
        "pool_type": "last",
        "norm_kwargs": {"eps": 1e-6},
    });
    if family.name.contains("SigLIP2") {
        text["act_kwargs"] = json!({"approximate": "tanh"});
    }
    Some(json!({
        "embed_dim": family.width,
        "init_logit_bias": -10,
        "vision_cfg": {
            "image_size": image_size,
            "timm_model_name": format!("{}_{image_size}", family.timm),
            "timm_pool": "map",
            "timm_proj": "none",
        },
        "text_cfg": text,
    }))
}

/// The `preprocess_cfg` that all of them share.
pub(in crate::clip) fn preprocess_cfg() -> Value {
    json!({
        "mean": [0.5, 0.5, 0.5],
        "std": [0.5, 0.5, 0.5],
        "interpolation": "bicubic",
        "resize_mode": "squash",
    })
}

/// The name of the model with the shapes of some weights. One with as many words as SigLIP 2's tokenizer is a
/// SigLIP 2.
pub(in crate::clip) fn guess(weights: &Weights) -> Option<String> {
    let words = weights.shape(WORDS)?.first().copied()?;
    let &[width, _, patch_size, _] = weights.shape("visual.trunk.patch_embed.proj.weight")? else {
        return None;
    };
    let &[_, tokens, _] = weights.shape("visual.trunk.pos_embed")? else { return None };
    let kind = match words {
        GEMMA_WORDS => "SigLIP2",
        MANY_LANGUAGES => "SigLIP-i18n",
        _ => "SigLIP",
    };
    let fits = |family: &&Family| {
        family.name.ends_with(kind) && (family.width, family.patch_size) == (width, patch_size)
    };
    FAMILIES
        .iter()
        .filter(fits)
        .flat_map(|family| family.names().map(move |(name, side)| (name, side / family.patch_size)))
        .find(|(_, grid)| grid * grid == tokens)
        .map(|(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_open_clip() {
        let names = names();
        for name in ["ViT-B-16-SigLIP", "ViT-B-16-SigLIP-i18n-256", "ViT-SO400M-14-SigLIP2-378"] {
            assert!(names.iter().any(|known| known == name), "{name}");
        }
        assert_eq!(names.len(), 25);
    }
}

//! The architectures that `open_clip` knows by name, for state dicts, which don't describe themselves.

use std::path::Path;

use super::open_clip::scaled;
use super::siglip_architectures;
use super::{
    Activation, ClipConfig, Objective, Pooling, ResNetConfig, TextConfig, TransformerConfig, VisionConfig,
    VitConfig, VitHead,
};
use crate::clip::ClipError;
use crate::clip::weights::Weights;

/// A vision transformer: image size, patch size, width, layers, head width and MLP ratio of the image tower;
/// length of the embedding, width, heads and layers of the text tower.
type Row = (&'static str, [usize; 5], f64, [usize; 4]);

/// From `open_clip/model_configs`. Names that end in "-quickgelu" differ in the activation only.
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

/// A ResNet: image size, width, blocks of the four stages; length of the embedding, width, heads and layers
/// of the text tower.
type ResNetRow = (&'static str, [usize; 2], [usize; 4], [usize; 4]);

/// From `open_clip/model_configs`.
const RESNETS: [ResNetRow; 5] = [
    ("RN50", [224, 64], [3, 4, 6, 3], [1024, 512, 8, 12]),
    ("RN101", [224, 64], [3, 4, 23, 3], [512, 512, 8, 12]),
    ("RN50x4", [288, 80], [4, 6, 10, 6], [640, 640, 10, 12]),
    ("RN50x16", [384, 96], [6, 8, 18, 8], [768, 768, 12, 12]),
    ("RN50x64", [448, 128], [3, 15, 36, 10], [1024, 1024, 16, 12]),
];

/// The parts of an architecture's name.
pub(in crate::clip) struct Architecture<'a> {
    /// The name without the activation.
    pub base: &'a str,
    pub activation: Activation,
    /// Whether the name says the activation. In `open_clip`, names without it mean GELU; people who don't
    /// know that there are two activations write them, too.
    pub says_activation: bool,
}

impl<'a> Architecture<'a> {
    pub fn of(name: &'a str) -> Self {
        let (base, activation, says_activation) =
            match (name.strip_suffix("-quickgelu"), name.strip_suffix("-gelu")) {
                (Some(base), _) => (base, Activation::QuickGelu, true),
                (None, Some(base)) => (base, Activation::Gelu, true),
                (None, None) => (name, Activation::Gelu, false),
            };
        Self { base, activation, says_activation }
    }
}

/// The configuration of an architecture by its name in `open_clip`, for the state dict at `path`. Those of
/// SigLIP are in [`siglip_architectures`].
pub(in crate::clip) fn architecture(path: &Path, name: &str) -> Result<ClipConfig, ClipError> {
    let Architecture { base, activation, .. } = Architecture::of(name);
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
        let head = VitHead::ClassToken;
        (VisionConfig::Vit(VitConfig { image_size, patch_size, transformer, head }), text)
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
            is_causal: true,
            has_projection_bias: false,
            transformer: transformer(text_width, text_layers, heads, 4.0),
        },
        objective: Objective::Contrast,
    }
    .checked(path)
}

/// The names of the architectures, for messages.
pub(in crate::clip) fn names() -> String {
    let vits = ARCHITECTURES.iter().map(|row| row.0);
    let names: Vec<_> = vits.chain(RESNETS.iter().map(|row| row.0)).collect();
    format!(
        "{} (each with -quickgelu or -gelu at the end to say the activation), {}",
        names.join(", "),
        siglip_architectures::names().join(", ")
    )
}

/// The architecture with the shapes of some weights, if there is one.
pub(in crate::clip) fn guess(weights: &Weights) -> Option<&'static str> {
    let path = Path::new("");
    let names = ARCHITECTURES.iter().map(|row| row.0).chain(RESNETS.iter().map(|row| row.0));
    names.into_iter().find(|name| architecture(path, name).is_ok_and(|config| has_shapes(weights, &config)))
}

/// Whether weights have the sizes of a configuration, as far as a few tensors tell.
fn has_shapes(weights: &Weights, config: &ClipConfig) -> bool {
    let is = |name: &str, shape: &[usize]| weights.shape(name) == Some(shape);
    let ends_at = |prefix: &str, count: usize, inner: &str| {
        weights.shape(&format!("{prefix}.{}.{inner}", count - 1)).is_some()
            && weights.shape(&format!("{prefix}.{count}.{inner}")).is_none()
    };
    let text = &config.text.transformer;
    let vision = match &config.vision {
        VisionConfig::Vit(vit) => {
            let (width, patch) = (vit.transformer.width, vit.patch_size);
            is("visual.conv1.weight", &[width, 3, patch, patch])
                && is("visual.positional_embedding", &[vit.tokens(), width])
                && ends_at("visual.transformer.resblocks", vit.transformer.layers, "ln_1.bias")
                && is("visual.transformer.resblocks.0.mlp.c_fc.bias", &[vit.transformer.mlp_width])
        }
        VisionConfig::ResNet(resnet) => {
            is("visual.attnpool.positional_embedding", &[resnet.tokens(), resnet.features()])
                && (1..)
                    .zip(resnet.layers)
                    .all(|(layer, count)| ends_at(&format!("visual.layer{layer}"), count, "conv1.weight"))
        }
    };
    vision
        && is("text_projection", &[text.width, config.embed_dim])
        && ends_at("transformer.resblocks", text.layers, "ln_1.bias")
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
        assert_eq!(architecture(path, "ViT-L-14-gelu").unwrap(), architecture(path, "ViT-L-14").unwrap());
        assert!(Architecture::of("ViT-L-14-gelu").says_activation);
        assert!(!Architecture::of("ViT-L-14").says_activation);
        assert!(architecture(path, "ViT-Z-9").unwrap_err().to_string().contains("ViT-B-32"));
    }
}

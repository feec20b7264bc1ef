//! The sizes and choices in which models differ.
//!
//! - this file: the configuration of a CLIP or SigLIP
//! - [`hugging_face`]: transformers' `config.json`
//! - [`open_clip`] reads `open_clip_config.json`
//! - [`architectures`]: the architectures that `open_clip` knows by name
//! - [`siglip_architectures`]: the `SigLIP`s that `open_clip` knows by name
//! - [`preprocessing`]: what is done to pictures, as either library writes it

pub mod architectures;
pub mod hugging_face;
pub mod open_clip;
pub mod preprocessing;
pub mod siglip_architectures;

use std::path::Path;

use serde::Deserialize;

use super::ClipError;

/// A whole model: two towers that end in one space of `embed_dim` dimensions.
#[derive(Clone, Debug, PartialEq)]
pub struct ClipConfig {
    pub embed_dim: usize,
    pub vision: VisionConfig,
    pub text: TextConfig,
    pub objective: Objective,
}

/// What the towers were trained for, which decides how cosines become probabilities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Objective {
    /// To tell which of several sentences belongs to a picture: CLIP (Radford et al., 2021).
    Contrast,
    /// To tell for each sentence alone whether it belongs to a picture: SigLIP, which has a logit bias beside
    /// the scale (Zhai et al., 2023, <https://arxiv.org/abs/2303.15343>).
    Sigmoid,
}

/// The image tower.
#[derive(Clone, Debug, PartialEq)]
pub enum VisionConfig {
    /// A vision transformer.
    Vit(VitConfig),
    /// CLIP's `ModifiedResNet`.
    ResNet(ResNetConfig),
}

/// A vision transformer: a picture is cut into patches, each of which becomes a token.
#[derive(Clone, Debug, PartialEq)]
pub struct VitConfig {
    /// Side of the square input, in pixels.
    pub image_size: usize,
    /// Side of a patch, in pixels. If it doesn't divide `image_size`, the remainder at the right and bottom
    /// is ignored, as in the reference.
    pub patch_size: usize,
    pub transformer: TransformerConfig,
    pub head: VitHead,
}

/// How a vision transformer's tokens become one embedding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VitHead {
    /// CLIP: a class token goes through the tower and is projected.
    ClassToken,
    /// SigLIP: a learnt query pools all tokens by attention, and an MLP follows (Zhai et al., 2021, appendix
    /// "MAP head", <https://arxiv.org/abs/2106.04560>).
    AttentionPool,
}

/// A ResNet whose last feature map is pooled by attention.
#[derive(Clone, Debug, PartialEq)]
pub struct ResNetConfig {
    /// Side of the square input, in pixels.
    pub image_size: usize,
    /// Channels after the stem. Each of the four stages doubles those inside its bottlenecks.
    pub width: usize,
    /// Bottlenecks in each of the four stages.
    pub layers: [usize; 4],
    /// Heads of the attention pooling.
    pub heads: usize,
}

/// The text tower.
#[derive(Clone, Debug, PartialEq)]
pub struct TextConfig {
    pub vocab_size: usize,
    /// The number of tokens of every sentence, padding included.
    pub context_length: usize,
    pub pooling: Pooling,
    /// Whether a token attends only to itself and those before it.
    pub is_causal: bool,
    /// Whether the final projection adds a bias.
    pub has_projection_bias: bool,
    pub transformer: TransformerConfig,
}

/// A stack of residual attention blocks.
#[derive(Clone, Debug, PartialEq)]
pub struct TransformerConfig {
    pub width: usize,
    pub layers: usize,
    pub heads: usize,
    /// Width of the hidden layer of the MLPs.
    pub mlp_width: usize,
    pub activation: Activation,
    /// Added to the variance in layer normalisation.
    pub epsilon: f64,
}

/// The activation function of the MLPs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// x · sigmoid(1.702 x): in OpenAI's checkpoints.
    QuickGelu,
    /// x · Φ(x), exact: in most of LAION's.
    Gelu,
    /// GELU approximated by a hyperbolic tangent: in SigLIP (Hendrycks and Gimpel, 2016,
    /// <https://arxiv.org/abs/1606.08415>).
    TanhGelu,
}

impl std::fmt::Display for Activation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::QuickGelu => "QuickGELU",
            Self::Gelu => "GELU",
            Self::TanhGelu => "tanh-GELU",
        })
    }
}

/// Which token's output represents a sentence: its end-of-text token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pooling {
    /// The first token with the highest id, as in OpenAI's code, whose vocabulary ends with the end-of-text
    /// token.
    HighestId,
    /// The first token with this id; the first of all if there is none.
    FirstOf(u32),
    /// The last token, padding included.
    Last,
}

impl Pooling {
    /// The index of the end-of-text token.
    #[must_use]
    pub fn eot_index(self, ids: &[u32]) -> usize {
        match self {
            Self::HighestId => {
                let highest = ids.iter().max();
                ids.iter().position(|id| Some(id) == highest).unwrap_or(0)
            }
            Self::FirstOf(end) => ids.iter().position(|&id| id == end).unwrap_or(0),
            Self::Last => ids.len().saturating_sub(1),
        }
    }
}

impl VisionConfig {
    /// Side of the square input, in pixels.
    #[must_use]
    pub fn image_size(&self) -> usize {
        match self {
            Self::Vit(vit) => vit.image_size,
            Self::ResNet(resnet) => resnet.image_size,
        }
    }
}

impl ResNetConfig {
    /// Pixels of the input along one side of a pixel of the last feature map.
    pub const REDUCTION: usize = 32;

    /// Heads of the attention pooling, of 64 channels each as in all published models.
    #[must_use]
    pub fn heads_of(width: usize) -> usize {
        (width * 32 / 64).max(1)
    }

    /// Channels of the last feature map.
    #[must_use]
    pub fn features(&self) -> usize {
        32 * self.width
    }

    /// Pixels along one side of the last feature map.
    #[must_use]
    pub fn grid(&self) -> usize {
        self.image_size / Self::REDUCTION
    }

    /// Tokens of the attention pooling: the mean and the pixels of the last feature map.
    #[must_use]
    pub fn tokens(&self) -> usize {
        self.grid() * self.grid() + 1
    }
}

impl VitConfig {
    /// Patches along one side.
    #[must_use]
    pub fn grid(&self) -> usize {
        self.image_size / self.patch_size
    }

    /// Tokens of one picture, including the class token if there is one.
    #[must_use]
    pub fn tokens(&self) -> usize {
        self.grid() * self.grid() + usize::from(self.head == VitHead::ClassToken)
    }
}

impl TextConfig {
    /// How many tokens of each sentence the tower needs, given the indices of the end-of-text tokens. In a
    /// causal tower, what follows the last of them has no influence.
    #[must_use]
    pub fn needed_length(&self, eot_indices: &[usize]) -> usize {
        if self.is_causal { eot_indices.iter().max().map_or(1, |last| last + 1) } else { self.context_length }
    }
}

impl ClipConfig {
    /// Sets the activation of both towers.
    pub(super) fn set_activation(&mut self, activation: Activation) {
        self.text.transformer.activation = activation;
        if let VisionConfig::Vit(vit) = &mut self.vision {
            vit.transformer.activation = activation;
        }
    }

    /// Refuses sizes that no model has, before anything is allocated for them.
    ///
    /// # Errors
    /// A sentence with `path` and the value.
    pub(super) fn checked(self, path: &Path) -> Result<Self, ClipError> {
        let within = |what: &str, value: usize, most: usize| {
            if (1..=most).contains(&value) {
                Ok(())
            } else {
                Err(ClipError::file(path, format!("{what} is {value}, but must be from 1 to {most}")))
            }
        };
        let transformer = |tower: &str, config: &TransformerConfig| {
            within(&format!("the {tower} tower's width"), config.width, 16_384)?;
            within(&format!("the {tower} tower's number of layers"), config.layers, 256)?;
            within(&format!("the {tower} tower's number of heads"), config.heads, config.width)?;
            within(&format!("the {tower} tower's perceptron width"), config.mlp_width, 131_072)?;
            if config.width.is_multiple_of(config.heads) {
                Ok(())
            } else {
                Err(ClipError::file(
                    path,
                    format!(
                        "the {tower} tower's width {} cannot be divided among {} heads",
                        config.width, config.heads
                    ),
                ))
            }
        };
        within("the embedding's length", self.embed_dim, 65_536)?;
        match &self.vision {
            VisionConfig::Vit(vit) => {
                within("the image size", vit.image_size, 4096)?;
                within("the patch size", vit.patch_size, vit.image_size)?;
                transformer("image", &vit.transformer)?;
            }
            VisionConfig::ResNet(resnet) => {
                within("the image size", resnet.image_size, 4096)?;
                within("the image tower's width", resnet.width, 1024)?;
                for blocks in resnet.layers {
                    within("the number of blocks of a stage", blocks, 256)?;
                }
                let features = resnet.features();
                within("the number of heads of the attention pooling", resnet.heads, features)?;
                // The first convolution rounds up, but the reference rounds down when it counts positions.
                if resnet.image_size.div_ceil(2) / (ResNetConfig::REDUCTION / 2) != resnet.grid() {
                    let reason = format!("a ResNet cannot take pictures of {} pixels", resnet.image_size);
                    return Err(ClipError::file(path, reason));
                }
                if !features.is_multiple_of(resnet.heads) || !resnet.width.is_multiple_of(2) {
                    let reason = format!(
                        "the image tower's width {} doesn't fit its {} heads",
                        resnet.width, resnet.heads
                    );
                    return Err(ClipError::file(path, reason));
                }
            }
        }
        within("the vocabulary's size", self.text.vocab_size, 4_000_000)?;
        within("the context length", self.text.context_length, 65_536)?;
        if self.text.context_length < 2 {
            return Err(ClipError::file(
                path,
                "the context length leaves no room for a start and an end token",
            ));
        }
        transformer("text", &self.text.transformer)?;
        // The output of SigLIP's image tower is the embedding itself.
        if let VisionConfig::Vit(VitConfig { head: VitHead::AttentionPool, transformer, .. }) = &self.vision
            && transformer.width != self.embed_dim
        {
            let reason = format!(
                "the image tower's width {} isn't the embedding's length {}",
                transformer.width, self.embed_dim
            );
            return Err(ClipError::file(path, reason));
        }
        Ok(self)
    }
}

/// A configuration, and where the parts that not every file has were read.
#[derive(Clone, Debug)]
pub(super) struct Configured {
    pub config: ClipConfig,
    pub origins: Origins,
}

/// Where values were read: the name of a file, an option, or a library whose default it is.
#[derive(Clone, Debug)]
pub(super) struct Origins {
    pub image_size: String,
    pub context_length: String,
    pub activation: String,
}

/// The side of a square, which may be written once or twice.
#[derive(Clone, Copy, Deserialize)]
#[serde(transparent)]
pub(super) struct Square(#[serde(deserialize_with = "square")] pub usize);

/// Reads a side that may be written twice, as height and width. Skysift runs squares only.
fn square<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Side {
        Once(usize),
        Twice([usize; 2]),
    }
    match Side::deserialize(deserializer)? {
        Side::Once(side) => Ok(side),
        Side::Twice([height, width]) if height == width => Ok(height),
        Side::Twice([height, width]) => {
            Err(serde::de::Error::custom(format!("{height} x {width} isn't a square")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pooling_takes_the_first_of_equals() {
        assert_eq!(Pooling::HighestId.eot_index(&[7, 3, 9, 9, 1]), 2);
        assert_eq!(Pooling::FirstOf(3).eot_index(&[7, 3, 9, 3]), 1);
        assert_eq!(Pooling::FirstOf(4).eot_index(&[7, 3]), 0);
        assert_eq!(Pooling::Last.eot_index(&[7, 3, 1, 1]), 3);
    }
}

//! The names of tensors in checkpoints: Hugging Face's, and `open_clip`'s, which are OpenAI's with timm's for
//! the image tower of SigLIP. Fields are called as OpenAI calls the tensors.

use super::Weights;
use crate::clip::config::{ClipConfig, VisionConfig, VitConfig, VitHead};

/// Which library named the tensors, and whether they are a SigLIP's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CheckpointLayout {
    family: Family,
    is_siglip: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    HuggingFace,
    OpenClip,
}

/// The tensors of the image tower outside the blocks, and the prefix of those inside. `class_embedding`,
/// `ln_pre` and `proj` are CLIP's, `attn_pool` is SigLIP's.
pub(crate) struct VisionNames {
    pub class_embedding: &'static str,
    /// The convolution, without `.weight`.
    pub patch_embedding: &'static str,
    pub positional_embedding: &'static str,
    pub ln_pre: &'static str,
    pub resblocks: &'static str,
    pub block: &'static BlockNames,
    pub ln_post: &'static str,
    pub proj: &'static str,
    pub attn_pool: &'static PoolNames,
}

/// The same for the text tower.
pub(crate) struct TextNames {
    pub token_embedding: &'static str,
    pub positional_embedding: &'static str,
    pub resblocks: &'static str,
    pub block: &'static BlockNames,
    pub ln_final: &'static str,
    /// In CLIP a matrix of this name, in SigLIP a layer with weight and bias.
    pub text_projection: &'static str,
}

/// The layers of a block, after its prefix.
pub(crate) struct BlockNames {
    pub ln_1: &'static str,
    /// The projections to query, key and value, in this order.
    pub in_proj: &'static [InProjNames],
    pub out_proj: &'static str,
    pub ln_2: &'static str,
    pub mlp: MlpNames,
}

/// The two layers of an MLP.
pub(crate) struct MlpNames {
    pub c_fc: &'static str,
    pub c_proj: &'static str,
}

/// The layers of the attention pooling.
pub(crate) struct PoolNames {
    pub probe: &'static str,
    pub in_proj: &'static [InProjNames],
    pub out_proj: &'static str,
    pub layernorm: &'static str,
    pub mlp: MlpNames,
}

/// A weight and a bias, and how many of query, key and value they hold.
pub(crate) type InProjNames = (&'static str, &'static str, usize);

pub(in crate::clip) const LOGIT_SCALE: &str = "logit_scale";
pub(in crate::clip) const LOGIT_BIAS: &str = "logit_bias";

const HUGGING_FACE_BLOCK: BlockNames = BlockNames {
    ln_1: "layer_norm1",
    in_proj: &[
        ("self_attn.q_proj.weight", "self_attn.q_proj.bias", 1),
        ("self_attn.k_proj.weight", "self_attn.k_proj.bias", 1),
        ("self_attn.v_proj.weight", "self_attn.v_proj.bias", 1),
    ],
    out_proj: "self_attn.out_proj",
    ln_2: "layer_norm2",
    mlp: MlpNames { c_fc: "mlp.fc1", c_proj: "mlp.fc2" },
};

const OPEN_CLIP_BLOCK: BlockNames = BlockNames {
    ln_1: "ln_1",
    in_proj: &[("attn.in_proj_weight", "attn.in_proj_bias", 3)],
    out_proj: "attn.out_proj",
    ln_2: "ln_2",
    mlp: MlpNames { c_fc: "mlp.c_fc", c_proj: "mlp.c_proj" },
};

const TIMM_BLOCK: BlockNames = BlockNames {
    ln_1: "norm1",
    in_proj: &[("attn.qkv.weight", "attn.qkv.bias", 3)],
    out_proj: "attn.proj",
    ln_2: "norm2",
    mlp: MlpNames { c_fc: "mlp.fc1", c_proj: "mlp.fc2" },
};

const HUGGING_FACE_POOL: PoolNames = PoolNames {
    probe: "vision_model.head.probe",
    in_proj: &[("vision_model.head.attention.in_proj_weight", "vision_model.head.attention.in_proj_bias", 3)],
    out_proj: "vision_model.head.attention.out_proj",
    layernorm: "vision_model.head.layernorm",
    mlp: MlpNames { c_fc: "vision_model.head.mlp.fc1", c_proj: "vision_model.head.mlp.fc2" },
};

const TIMM_POOL: PoolNames = PoolNames {
    probe: "visual.trunk.attn_pool.latent",
    in_proj: &[
        ("visual.trunk.attn_pool.q.weight", "visual.trunk.attn_pool.q.bias", 1),
        ("visual.trunk.attn_pool.kv.weight", "visual.trunk.attn_pool.kv.bias", 2),
    ],
    out_proj: "visual.trunk.attn_pool.proj",
    layernorm: "visual.trunk.attn_pool.norm",
    mlp: MlpNames { c_fc: "visual.trunk.attn_pool.mlp.fc1", c_proj: "visual.trunk.attn_pool.mlp.fc2" },
};

impl CheckpointLayout {
    /// Hugging Face's names for a CLIP.
    pub const HUGGING_FACE: Self = Self { family: Family::HuggingFace, is_siglip: false };
    /// Hugging Face's names for a SigLIP.
    pub const HUGGING_FACE_SIGLIP: Self = Self { family: Family::HuggingFace, is_siglip: true };
    /// `open_clip`'s names for a CLIP.
    pub const OPEN_CLIP: Self = Self { family: Family::OpenClip, is_siglip: false };

    pub fn of(weights: &Weights, config: &ClipConfig) -> Self {
        let names_like_hf = |name: &str| name.starts_with("vision_model.") || name.starts_with("text_model.");
        let is_siglip =
            matches!(&config.vision, VisionConfig::Vit(VitConfig { head: VitHead::AttentionPool, .. }));
        let family = if weights.names().any(names_like_hf) { Family::HuggingFace } else { Family::OpenClip };
        Self { family, is_siglip }
    }

    pub fn vision(self) -> VisionNames {
        match (self.family, self.is_siglip) {
            (Family::OpenClip, true) => VisionNames {
                class_embedding: "",
                patch_embedding: "visual.trunk.patch_embed.proj",
                positional_embedding: "visual.trunk.pos_embed",
                ln_pre: "",
                resblocks: "visual.trunk.blocks",
                block: &TIMM_BLOCK,
                ln_post: "visual.trunk.norm",
                proj: "",
                attn_pool: &TIMM_POOL,
            },
            (Family::OpenClip, false) => VisionNames {
                class_embedding: "visual.class_embedding",
                patch_embedding: "visual.conv1",
                positional_embedding: "visual.positional_embedding",
                ln_pre: "visual.ln_pre",
                resblocks: "visual.transformer.resblocks",
                block: &OPEN_CLIP_BLOCK,
                ln_post: "visual.ln_post",
                proj: "visual.proj",
                attn_pool: &TIMM_POOL,
            },
            // CLIP and SigLIP differ in which tensors there are, not in their names.
            (Family::HuggingFace, _) => VisionNames {
                class_embedding: "vision_model.embeddings.class_embedding",
                patch_embedding: "vision_model.embeddings.patch_embedding",
                positional_embedding: "vision_model.embeddings.position_embedding.weight",
                // The typo is in the checkpoints.
                ln_pre: "vision_model.pre_layrnorm",
                resblocks: "vision_model.encoder.layers",
                block: &HUGGING_FACE_BLOCK,
                ln_post: "vision_model.post_layernorm",
                proj: "visual_projection.weight",
                attn_pool: &HUGGING_FACE_POOL,
            },
        }
    }

    pub fn text(self) -> TextNames {
        match self.family {
            Family::HuggingFace => TextNames {
                token_embedding: "text_model.embeddings.token_embedding.weight",
                positional_embedding: "text_model.embeddings.position_embedding.weight",
                resblocks: "text_model.encoder.layers",
                block: &HUGGING_FACE_BLOCK,
                ln_final: "text_model.final_layer_norm",
                text_projection: if self.is_siglip { "text_model.head" } else { "text_projection.weight" },
            },
            Family::OpenClip => TextNames {
                token_embedding: "token_embedding.weight",
                positional_embedding: "positional_embedding",
                resblocks: "transformer.resblocks",
                block: &OPEN_CLIP_BLOCK,
                ln_final: "ln_final",
                text_projection: "text_projection",
            },
        }
    }

    /// Whether the final projections are stored as `nn.Linear` stores them, [outputs, inputs].
    pub fn projection_is_transposed(self) -> bool {
        self.family == Family::HuggingFace
    }

    /// The library's name.
    pub fn label(self) -> &'static str {
        match self.family {
            Family::HuggingFace => "Hugging Face",
            Family::OpenClip => "open_clip",
        }
    }
}

/// Whether a tensor is a buffer without information, which some versions store: position ids, the number of
/// batches that a batch norm saw, the causal mask, and the integers in OpenAI's archives.
pub(in crate::clip) fn is_known_buffer(name: &str) -> bool {
    name.ends_with("embeddings.position_ids")
        || name.ends_with(".num_batches_tracked")
        || name.ends_with("attn_mask")
        || matches!(name, "input_resolution" | "context_length" | "vocab_size")
}

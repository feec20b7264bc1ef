//! The families of tensor names: Hugging Face's and `open_clip`'s (which are OpenAI's, with timm's for the
//! image tower of SigLIP).

use super::Weights;
use crate::clip::config::{ClipConfig, VisionConfig, VitConfig, VitHead};

/// Who named the tensors, and of which kind of model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    family: Family,
    is_siglip: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    HuggingFace,
    OpenClip,
}

/// Names of the image tower's tensors outside the blocks, and the beginning of those inside. A class token,
/// the norm before the blocks and the projection are CLIP's, the pool is SigLIP's.
pub(crate) struct VisionNames {
    pub class: &'static str,
    /// The convolution, without `.weight`.
    pub patches: &'static str,
    pub positions: &'static str,
    pub norm_before: &'static str,
    pub blocks: &'static str,
    pub block: &'static BlockNames,
    pub norm_after: &'static str,
    pub projection: &'static str,
    pub pool: &'static PoolNames,
}

/// The same for the text tower.
pub(crate) struct TextNames {
    pub tokens: &'static str,
    pub positions: &'static str,
    pub blocks: &'static str,
    pub block: &'static BlockNames,
    pub norm_after: &'static str,
    /// CLIP's is a matrix of this name, SigLIP's a layer with weight and bias.
    pub projection: &'static str,
}

/// Names inside a block, after its prefix.
pub(crate) struct BlockNames {
    pub norm_1: &'static str,
    /// The projections of query, key and value in this order.
    pub inputs: &'static [InputNames],
    pub out: &'static str,
    pub norm_2: &'static str,
    pub up: &'static str,
    pub down: &'static str,
}

/// Names of the attention that pools.
pub(crate) struct PoolNames {
    pub probe: &'static str,
    pub inputs: &'static [InputNames],
    pub out: &'static str,
    pub norm: &'static str,
    pub up: &'static str,
    pub down: &'static str,
}

/// A weight and a bias, with the number of `width`-sized parts they hold.
pub(crate) type InputNames = (&'static str, &'static str, usize);

pub(in crate::clip) const LOGIT_SCALE: &str = "logit_scale";
pub(in crate::clip) const LOGIT_BIAS: &str = "logit_bias";

const HUGGING_FACE_BLOCK: BlockNames = BlockNames {
    norm_1: "layer_norm1",
    inputs: &[
        ("self_attn.q_proj.weight", "self_attn.q_proj.bias", 1),
        ("self_attn.k_proj.weight", "self_attn.k_proj.bias", 1),
        ("self_attn.v_proj.weight", "self_attn.v_proj.bias", 1),
    ],
    out: "self_attn.out_proj",
    norm_2: "layer_norm2",
    up: "mlp.fc1",
    down: "mlp.fc2",
};

const OPEN_CLIP_BLOCK: BlockNames = BlockNames {
    norm_1: "ln_1",
    inputs: &[("attn.in_proj_weight", "attn.in_proj_bias", 3)],
    out: "attn.out_proj",
    norm_2: "ln_2",
    up: "mlp.c_fc",
    down: "mlp.c_proj",
};

const TIMM_BLOCK: BlockNames = BlockNames {
    norm_1: "norm1",
    inputs: &[("attn.qkv.weight", "attn.qkv.bias", 3)],
    out: "attn.proj",
    norm_2: "norm2",
    up: "mlp.fc1",
    down: "mlp.fc2",
};

const HUGGING_FACE_POOL: PoolNames = PoolNames {
    probe: "vision_model.head.probe",
    inputs: &[("vision_model.head.attention.in_proj_weight", "vision_model.head.attention.in_proj_bias", 3)],
    out: "vision_model.head.attention.out_proj",
    norm: "vision_model.head.layernorm",
    up: "vision_model.head.mlp.fc1",
    down: "vision_model.head.mlp.fc2",
};

const TIMM_POOL: PoolNames = PoolNames {
    probe: "visual.trunk.attn_pool.latent",
    inputs: &[
        ("visual.trunk.attn_pool.q.weight", "visual.trunk.attn_pool.q.bias", 1),
        ("visual.trunk.attn_pool.kv.weight", "visual.trunk.attn_pool.kv.bias", 2),
    ],
    out: "visual.trunk.attn_pool.proj",
    norm: "visual.trunk.attn_pool.norm",
    up: "visual.trunk.attn_pool.mlp.fc1",
    down: "visual.trunk.attn_pool.mlp.fc2",
};

impl Layout {
    /// Hugging Face's names of a CLIP.
    pub const HUGGING_FACE: Self = Self { family: Family::HuggingFace, is_siglip: false };
    /// Hugging Face's names of a `SigLIP`.
    pub const HUGGING_FACE_SIGLIP: Self = Self { family: Family::HuggingFace, is_siglip: true };
    /// `open_clip`'s names of a CLIP.
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
                class: "",
                patches: "visual.trunk.patch_embed.proj",
                positions: "visual.trunk.pos_embed",
                norm_before: "",
                blocks: "visual.trunk.blocks",
                block: &TIMM_BLOCK,
                norm_after: "visual.trunk.norm",
                projection: "",
                pool: &TIMM_POOL,
            },
            (Family::OpenClip, false) => VisionNames {
                class: "visual.class_embedding",
                patches: "visual.conv1",
                positions: "visual.positional_embedding",
                norm_before: "visual.ln_pre",
                blocks: "visual.transformer.resblocks",
                block: &OPEN_CLIP_BLOCK,
                norm_after: "visual.ln_post",
                projection: "visual.proj",
                pool: &TIMM_POOL,
            },
            // CLIP's and SigLIP's differ in what is there, not in how it is called.
            (Family::HuggingFace, _) => VisionNames {
                class: "vision_model.embeddings.class_embedding",
                patches: "vision_model.embeddings.patch_embedding",
                positions: "vision_model.embeddings.position_embedding.weight",
                // The typing error is the checkpoints' own.
                norm_before: "vision_model.pre_layrnorm",
                blocks: "vision_model.encoder.layers",
                block: &HUGGING_FACE_BLOCK,
                norm_after: "vision_model.post_layernorm",
                projection: "visual_projection.weight",
                pool: &HUGGING_FACE_POOL,
            },
        }
    }

    pub fn text(self) -> TextNames {
        match self.family {
            Family::HuggingFace => TextNames {
                tokens: "text_model.embeddings.token_embedding.weight",
                positions: "text_model.embeddings.position_embedding.weight",
                blocks: "text_model.encoder.layers",
                block: &HUGGING_FACE_BLOCK,
                norm_after: "text_model.final_layer_norm",
                projection: if self.is_siglip { "text_model.head" } else { "text_projection.weight" },
            },
            Family::OpenClip => TextNames {
                tokens: "token_embedding.weight",
                positions: "positional_embedding",
                blocks: "transformer.resblocks",
                block: &OPEN_CLIP_BLOCK,
                norm_after: "ln_final",
                projection: "text_projection",
            },
        }
    }

    /// Whether the last projections are stored as `nn.Linear` does, output before input.
    pub fn projection_is_transposed(self) -> bool {
        self.family == Family::HuggingFace
    }

    /// What a person would call it.
    pub fn label(self) -> &'static str {
        match self.family {
            Family::HuggingFace => "Hugging Face",
            Family::OpenClip => "open_clip",
        }
    }
}

/// Buffers that some versions store and that carry nothing: positions counted up, batches that a norm has
/// seen, the causal mask, and the integers of OpenAI's archives.
pub(in crate::clip) fn is_known_buffer(name: &str) -> bool {
    name.ends_with("embeddings.position_ids")
        || name.ends_with(".num_batches_tracked")
        || name.ends_with("attn_mask")
        || matches!(name, "input_resolution" | "context_length" | "vocab_size")
}

//! The two families of tensor names: Hugging Face's and `open_clip`'s (which are OpenAI's).

use super::weights::Weights;

/// Who named the tensors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    HuggingFace,
    OpenClip,
}

/// Names of the tensors outside the blocks, and the beginning of those inside.
pub(crate) struct TowerNames {
    pub class: &'static str,
    pub patches: &'static str,
    pub tokens: &'static str,
    pub positions: &'static str,
    pub norm_before: &'static str,
    pub blocks: &'static str,
    pub norm_after: &'static str,
    pub projection: &'static str,
}

/// Names inside a block, after its prefix.
pub(crate) struct BlockNames {
    pub norm_1: &'static str,
    pub out: &'static str,
    pub norm_2: &'static str,
    pub up: &'static str,
    pub down: &'static str,
}

pub(super) const LOGIT_SCALE: &str = "logit_scale";

impl Layout {
    pub fn of(weights: &Weights) -> Self {
        let names_like_hf = |name: &str| name.starts_with("vision_model.") || name.starts_with("text_model.");
        if weights.names().any(names_like_hf) { Self::HuggingFace } else { Self::OpenClip }
    }

    pub fn vision(self) -> TowerNames {
        match self {
            Self::HuggingFace => TowerNames {
                class: "vision_model.embeddings.class_embedding",
                patches: "vision_model.embeddings.patch_embedding.weight",
                tokens: "",
                positions: "vision_model.embeddings.position_embedding.weight",
                // The typing error is the checkpoints' own.
                norm_before: "vision_model.pre_layrnorm",
                blocks: "vision_model.encoder.layers",
                norm_after: "vision_model.post_layernorm",
                projection: "visual_projection.weight",
            },
            Self::OpenClip => TowerNames {
                class: "visual.class_embedding",
                patches: "visual.conv1.weight",
                tokens: "",
                positions: "visual.positional_embedding",
                norm_before: "visual.ln_pre",
                blocks: "visual.transformer.resblocks",
                norm_after: "visual.ln_post",
                projection: "visual.proj",
            },
        }
    }

    pub fn text(self) -> TowerNames {
        match self {
            Self::HuggingFace => TowerNames {
                class: "",
                patches: "",
                tokens: "text_model.embeddings.token_embedding.weight",
                positions: "text_model.embeddings.position_embedding.weight",
                norm_before: "",
                blocks: "text_model.encoder.layers",
                norm_after: "text_model.final_layer_norm",
                projection: "text_projection.weight",
            },
            Self::OpenClip => TowerNames {
                class: "",
                patches: "",
                tokens: "token_embedding.weight",
                positions: "positional_embedding",
                norm_before: "",
                blocks: "transformer.resblocks",
                norm_after: "ln_final",
                projection: "text_projection",
            },
        }
    }

    pub fn block(self) -> BlockNames {
        match self {
            Self::HuggingFace => BlockNames {
                norm_1: "layer_norm1",
                out: "self_attn.out_proj",
                norm_2: "layer_norm2",
                up: "mlp.fc1",
                down: "mlp.fc2",
            },
            Self::OpenClip => BlockNames {
                norm_1: "ln_1",
                out: "attn.out_proj",
                norm_2: "ln_2",
                up: "mlp.c_fc",
                down: "mlp.c_proj",
            },
        }
    }

    /// The projections of query, key and value in this order: each a weight and a bias with the number of
    /// `width`-sized parts they hold.
    pub fn attention_inputs(self) -> &'static [(&'static str, &'static str, usize)] {
        match self {
            Self::HuggingFace => &[
                ("self_attn.q_proj.weight", "self_attn.q_proj.bias", 1),
                ("self_attn.k_proj.weight", "self_attn.k_proj.bias", 1),
                ("self_attn.v_proj.weight", "self_attn.v_proj.bias", 1),
            ],
            Self::OpenClip => &[("attn.in_proj_weight", "attn.in_proj_bias", 3)],
        }
    }

    /// Whether the last projections are stored as `nn.Linear` does, output before input.
    pub fn projection_is_transposed(self) -> bool {
        self == Self::HuggingFace
    }
}

/// Buffers that some versions store and that carry nothing: positions counted up, batches that a norm has seen,
/// the causal mask, and the integers of OpenAI's archives.
pub(super) fn is_known_buffer(name: &str) -> bool {
    name.ends_with("embeddings.position_ids")
        || name.ends_with(".num_batches_tracked")
        || matches!(name, "attn_mask" | "input_resolution" | "context_length" | "vocab_size")
}

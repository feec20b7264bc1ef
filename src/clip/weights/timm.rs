//! SigLIP's image towers by timm's names.

use std::path::Path;

use super::Weights;
use crate::clip::ClipError;
use crate::clip::config::{Activation, TransformerConfig, VitConfig, VitHead};

/// No tower has more layers.
const MOST_LAYERS: usize = 1024;

/// Whether timm's name is that of a SigLIP image tower with its pooling head.
pub(in crate::clip) fn is_siglip(name: &str) -> bool {
    name.starts_with("vit_") && name.contains("_siglip_") && !name.contains("_gap_")
}

/// The image tower that timm calls `name`, for pictures of `image_size` pixels. Its sizes are taken from
/// `weights`, the number of heads and the activation from timm (`timm/models/vision_transformer.py`).
///
/// # Errors
/// If the weights have no such tower.
pub(in crate::clip) fn siglip(
    path: &Path,
    name: &str,
    image_size: usize,
    weights: &Weights,
) -> Result<VitConfig, ClipError> {
    let absent = |tensor: &str| {
        ClipError::file(
            path,
            format!(
                "the image tower is timm's {name}, but the weights lack {tensor}; take the two from the same model"
            ),
        )
    };
    let convolution = "visual.trunk.patch_embed.proj.weight";
    let Some(&[width, _, patch_size, _]) = weights.shape(convolution) else {
        return Err(absent(convolution));
    };
    let mlp = "visual.trunk.blocks.0.mlp.fc1.bias";
    let Some(&[mlp_width]) = weights.shape(mlp) else { return Err(absent(mlp)) };
    let has_layer =
        |layer: &usize| weights.shape(&format!("visual.trunk.blocks.{layer}.norm1.bias")).is_some();
    let layers = (0..MOST_LAYERS).take_while(has_layer).count();
    let heads = if name.contains("_so400m_") || name.contains("_giantopt_") { 16 } else { width / 64 };
    let tanh = [
        "_base_patch32_siglip_",
        "_large_patch16_siglip_512",
        "_so400m_patch16_siglip_",
        "_giantopt_patch16_siglip_",
    ];
    let is_tanh = tanh.iter().any(|part| name.contains(part));
    let activation = if is_tanh { Activation::TanhGelu } else { Activation::Gelu };
    let transformer = TransformerConfig { width, layers, heads, mlp_width, activation, epsilon: 1e-6 };
    Ok(VitConfig { image_size, patch_size, transformer, head: VitHead::AttentionPool })
}

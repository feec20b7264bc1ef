//! The names of weights in checkpoints that were written before the model's fields were called as in OpenAI's
//! code.

use burn::store::RecordError;
use burn::tensor::Bytes;
use burn_store::burn_pack::{Reader, Tensor, Writer};

/// A record of a model with its weights under their current names.
///
/// # Errors
/// If it isn't a record.
pub fn with_current_names(record: Bytes) -> Result<Bytes, RecordError> {
    let mut tensors = Vec::new();
    for tensor in Reader::from_bytes(record)?.into_tensors()? {
        tensors.push(tensor.into_parts()?);
    }
    let is_resnet = tensors.iter().any(|(path, ..)| path.starts_with("vision.") && path.contains(".stem."));
    let renamed = tensors.into_iter().map(|(path, dtype, shape, id, bytes)| {
        Tensor::new(current_name(&path, is_resnet), dtype, shape, id, bytes)
    });
    Ok(Writer::new(renamed.collect()).into_bytes()?)
}

fn current_name(path: &str, is_resnet: bool) -> String {
    let is_text = path.starts_with("text.");
    let is_pool = path.contains(".pool.");
    let current = |field| match field {
        "class" => "class_embedding",
        "patches" => "patch_embedding",
        "tokens" => "token_embedding",
        "positions" => "positional_embedding",
        "norm_before" => "ln_pre",
        "norm_after" if is_text => "ln_final",
        "norm_after" => "ln_post",
        "projection" if is_text => "text_projection",
        "projection" => "proj",
        "blocks" if is_text || !is_resnet => "resblocks",
        "norm_1" => "ln_1",
        "norm_2" => "ln_2",
        "query" => "q_proj",
        "key" => "k_proj",
        "value" => "v_proj",
        "key_value" => "kv_proj",
        "out" if is_pool => "c_proj",
        "out" => "out_proj",
        "up" => "mlp.c_fc",
        "down" => "mlp.c_proj",
        "narrow" => "conv1",
        "spread" => "conv2",
        "widen" => "conv3",
        "shortcut" => "downsample",
        "norm" => "bn",
        "pool" => "attnpool",
        other => other,
    };
    path.split('.').map(current).collect::<Vec<_>>().join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_renamed_and_names_of_burn_s_layers_kept() {
        for (former, current) in [
            ("vision.patches", "vision.patch_embedding"),
            ("vision.blocks.3.key_value.weight", "vision.resblocks.3.kv_proj.weight"),
            ("vision.blocks.3.up.bias", "vision.resblocks.3.mlp.c_fc.bias"),
            ("vision.norm_after.gamma", "vision.ln_post.gamma"),
            ("text.norm_after.gamma", "text.ln_final.gamma"),
            ("text.projection", "text.text_projection"),
            ("logit_scale", "logit_scale"),
        ] {
            assert_eq!(current_name(former, false), current);
        }
        for (former, current) in [
            ("vision.stem.0.norm.gamma", "vision.stem.0.bn.gamma"),
            ("vision.blocks.1.widen.conv.weight", "vision.blocks.1.conv3.conv.weight"),
            ("vision.blocks.1.shortcut.norm.running_mean", "vision.blocks.1.downsample.bn.running_mean"),
            ("vision.pool.out.weight", "vision.attnpool.c_proj.weight"),
            ("text.blocks.0.out.weight", "text.resblocks.0.out_proj.weight"),
        ] {
            assert_eq!(current_name(former, true), current);
        }
    }
}

//! A trial run of a graphics card, which shows whether it works and whether half precision is worth it.

use std::time::{Duration, Instant};

use burn::tensor::{DType, Device, FloatDType};

use super::adapters::Adapter;
use super::encoder::{BatchShape, BurnEncoder};
use super::engine::{DeviceEncoder, encode_normalized};
use super::{CardError, ModelDevice, Precision, PrecisionChoice, Refusal};
use crate::clip::ComputeError;
use crate::clip::config::{ClipConfig, VisionConfig};
use crate::clip::error::catch_panic;
use crate::clip::weights::Weights;
use crate::guard;

/// Loads a model onto a card, in half precision if that is faster and accurate enough.
pub(super) fn load_on_card(
    card: &Adapter,
    weights: &Weights,
    config: &ClipConfig,
    choice: PrecisionChoice,
) -> Result<BurnEncoder, Refusal> {
    let refused = |error: ComputeError| Refusal::Card(CardError::Failed { card: card.label(), error });
    let load = |device: &Device, dtype: DType| {
        let precision = if dtype == DType::F16 { Precision::Half } else { Precision::Single };
        let model_device = ModelDevice::Gpu { card: card.label(), precision };
        // burn panics when a card runs out of memory.
        guard::catch(|| {
            BurnEncoder::load(weights, config, (device, dtype), model_device, batches_for(card, config))
        })
        .map_err(|reason| refused(ComputeError::Panic(reason)))?
        .map_err(Refusal::Model)
    };
    let device = catch_panic(|| card.open()).map_err(refused)?;
    let mut single = load(&device, DType::F32)?;
    let exact = Trial::run(&mut single, config).map_err(refused)?;
    if choice == PrecisionChoice::F32 || !device.supports_dtype(FloatDType::F16) {
        return Ok(single);
    }
    // Half precision is a bonus: if anything is wrong with it, single precision is there.
    let Ok(mut half) = load(&device, DType::F16) else { return Ok(single) };
    match Trial::run(&mut half, config) {
        Ok(trial)
            if trial.duration < exact.duration
                && are_near(&trial.embeddings, &exact.embeddings, config.embed_dim) =>
        {
            Ok(half)
        }
        _ => Ok(single),
    }
}

/// Passes large enough to keep a card busy and small enough for its memory: about 12,800 tokens, where a
/// token of a ResNet is a square of 16 pixels.
fn batches_for(card: &Adapter, config: &ClipConfig) -> BatchShape {
    let tokens = match &config.vision {
        VisionConfig::Vit(vit) => vit.tokens(),
        VisionConfig::ResNet(resnet) => (resnet.image_size / 16).pow(2),
    };
    let pictures = if card.is_software { 4 } else { (12_800 / tokens.max(1)).clamp(4, 256) };
    BatchShape { pictures, sentences: 16, is_fixed: true }
}

/// What a model made of the trial batch, and how fast.
struct Trial {
    embeddings: Vec<f32>,
    duration: Duration,
}

impl Trial {
    /// Encodes one batch twice: the first time burn searches for the best kernels, the second time counts.
    fn run(encoder: &mut BurnEncoder, config: &ClipConfig) -> Result<Self, ComputeError> {
        let side = config.vision.image_size();
        let input = noise(encoder.batch_size() * 3 * side * side);
        let mut encode =
            || encode_normalized(encoder, config.embed_dim, |encoder| encoder.encode_images(&input));
        encode()?;
        let start = Instant::now();
        let embeddings = encode()?;
        Ok(Self { embeddings, duration: start.elapsed() })
    }
}

/// The least cosine that less than single precision must reach for every picture.
const LEAST_COSINE: f32 = 0.999;

/// Noise in the range of real pictures, the same every time.
pub fn noise(count: usize) -> Vec<f32> {
    let noise = (0_u32..).map(|i| f32::from(i.wrapping_mul(2_654_435_761).to_be_bytes()[0]) / 64.0 - 2.0);
    noise.take(count).collect()
}

/// Whether every embedding, of length one, is near the exact one.
pub fn are_near(embeddings: &[f32], exact: &[f32], embedding_len: usize) -> bool {
    let pairs = embeddings.chunks_exact(embedding_len).zip(exact.chunks_exact(embedding_len));
    let cosine = |(a, b): (&[f32], &[f32])| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    embeddings.len() == exact.len() && pairs.map(cosine).all(|cosine| cosine >= LEAST_COSINE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn less_precision_must_be_near_for_every_picture() {
        let exact = [1.0, 0.0, 0.0, 1.0];
        assert!(are_near(&exact, &exact, 2));
        assert!(!are_near(&exact[..2], &exact, 2));
        // The second picture has a cosine of 0.995.
        assert!(!are_near(&[1.0, 0.0, 0.0998, 0.995], &exact, 2));
    }
}

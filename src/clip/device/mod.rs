//! Which device runs the model: a graphics card where that works, else the processor.

pub mod adapters;
pub mod encoder;
pub mod engine;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use burn::tensor::{DType, Device, FloatDType};

use super::ClipError;
use super::config::{ClipConfig, VisionConfig};
use super::cpu::CpuEncoder;
use super::weights::Weights;
use crate::guard;
use adapters::{Adapter, adapters};
use encoder::{BurnEncoder, Feeding, Scale};
use engine::{DeviceEncoder, Engine, Spare, attempt};

/// Which device a person wants.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum DeviceChoice {
    /// A graphics card where there is one, else the processor.
    #[default]
    Auto,
    /// A graphics card, or an error.
    Gpu,
    /// The processor.
    Cpu,
}

/// Set when a card was lost: until the process ends, burn cannot use it again.
static CARD_WAS_LOST: AtomicBool = AtomicBool::new(false);

/// An engine with the model loaded, and how the model's cosines become probabilities.
pub(super) fn start(
    weights: &Arc<Weights>,
    config: &ClipConfig,
    choice: DeviceChoice,
) -> Result<(Engine, Scale), ClipError> {
    let on_cpu = |notice: Option<String>| {
        let encoder = CpuEncoder::load(weights, config)?;
        let scale = encoder.scale();
        Ok((Engine::new(Box::new(encoder), None, notice, config.embed_dim), scale))
    };
    if choice == DeviceChoice::Cpu {
        return on_cpu(None);
    }
    match find_card(choice).and_then(|card| on_card(&card, weights, config)) {
        Ok(encoder) => {
            let scale = encoder.scale();
            let spare = spare(Arc::clone(weights), config.clone());
            Ok((Engine::new(Box::new(encoder), Some(spare), None, config.embed_dim), scale))
        }
        // What is wrong with the weights is wrong on every device.
        Err(Refusal::Model(error)) => Err(error),
        Err(Refusal::Card(reason)) if choice == DeviceChoice::Gpu => Err(ClipError::Device(format!(
            "the model cannot run on a graphics card: {reason}; use --device cpu or --device auto"
        ))),
        Err(Refusal::Card(reason)) => on_cpu(Some(format!("{}; running on the CPU", sentence(&reason)))),
    }
}

/// Where a model is trained.
pub(super) struct TrainingDevice {
    /// With automatic differentiation.
    pub device: Device,
    pub label: String,
    pub is_cpu: bool,
}

/// A graphics card for training, or the processor.
pub(super) fn for_training(choice: DeviceChoice) -> Result<TrainingDevice, ClipError> {
    let on_cpu =
        || TrainingDevice { device: Device::flex().autodiff(), label: "CPU".to_owned(), is_cpu: true };
    if choice == DeviceChoice::Cpu {
        return Ok(on_cpu());
    }
    let card = find_card(choice).and_then(|card| {
        let opened = guard::catch(|| card.open()).flatten();
        let device = opened.map_err(|reason| Refusal::Card(format!("{} failed ({reason})", card.label())))?;
        Ok(TrainingDevice { device: device.autodiff(), label: card.label(), is_cpu: false })
    });
    match card {
        Ok(device) => Ok(device),
        Err(Refusal::Model(error)) => Err(error),
        Err(Refusal::Card(reason)) if choice == DeviceChoice::Gpu => Err(ClipError::Device(format!(
            "the model cannot be trained on a graphics card: {reason}; use --device cpu or --device auto"
        ))),
        Err(Refusal::Card(_)) => Ok(on_cpu()),
    }
}

/// Why the model doesn't run on a card.
enum Refusal {
    /// The model itself is at fault.
    Model(ClipError),
    /// A clause that says what is wrong with the card.
    Card(String),
}

/// The card to use. A software adapter only when a person insists, for tests on machines without a card.
fn find_card(choice: DeviceChoice) -> Result<Adapter, Refusal> {
    if CARD_WAS_LOST.load(Ordering::Relaxed) {
        return Err(Refusal::Card(
            "the graphics card was lost earlier and needs Skysift to be restarted".to_owned(),
        ));
    }
    let found = guard::catch(adapters).unwrap_or_default();
    let allows_software = choice == DeviceChoice::Gpu
        && std::env::var_os("SKYSIFT_ALLOW_SOFTWARE_GPU").is_some_and(|value| value == "1");
    let names: Vec<String> = found.iter().map(Adapter::label).collect();
    found.into_iter().find(|adapter| allows_software || !adapter.is_software).ok_or_else(|| {
        Refusal::Card(if names.is_empty() {
            "no graphics card was found".to_owned()
        } else {
            format!("no graphics card was found, only the software renderer {}", names.join(", "))
        })
    })
}

/// Loads the model anew on the processor, once the card is lost.
fn spare(weights: Arc<Weights>, config: ClipConfig) -> Spare {
    Box::new(move || {
        CARD_WAS_LOST.store(true, Ordering::Relaxed);
        Ok(Box::new(CpuEncoder::load(&weights, &config)?))
    })
}

/// The model on a card, in half precision if that is faster and near enough.
fn on_card(card: &Adapter, weights: &Weights, config: &ClipConfig) -> Result<BurnEncoder, Refusal> {
    let refused = |reason: String| Refusal::Card(format!("{} failed ({reason})", card.label()));
    let load = |device: &Device, dtype: DType| {
        let label = match dtype {
            DType::F16 => format!("{}, half precision", card.label()),
            _ => card.label(),
        };
        // burn panics when a card has no memory left.
        guard::catch(|| {
            BurnEncoder::load(weights, config, device, dtype, label, feeding_of_card(card, config))
        })
        .map_err(refused)?
        .map_err(Refusal::Model)
    };
    let device = guard::catch(|| card.open()).flatten().map_err(refused)?;
    let mut single = load(&device, DType::F32)?;
    let wanted = trial(&mut single, config).map_err(refused)?;
    if !device.supports_dtype(FloatDType::F16) {
        return Ok(single);
    }
    // Half precision is a bonus: whatever is wrong with it, single precision is there.
    let Ok(mut half) = load(&device, DType::F16) else { return Ok(single) };
    match trial(&mut half, config) {
        Ok(found) if found.duration < wanted.duration && found.is_near(&wanted, config.embed_dim) => Ok(half),
        _ => Ok(single),
    }
}

/// Big enough to fill a card, small enough for its memory: about 12,800 tokens a pass, a token of a ResNet
/// being a square of 16 pixels.
fn feeding_of_card(card: &Adapter, config: &ClipConfig) -> Feeding {
    let tokens = match &config.vision {
        VisionConfig::Vit(vit) => vit.tokens(),
        VisionConfig::ResNet(resnet) => (resnet.image_size / 16).pow(2),
    };
    let pictures = if card.is_software { 4 } else { (12_800 / tokens.max(1)).clamp(4, 256) };
    Feeding { pictures, sentences: 16, fixed_shapes: true }
}

/// What a model made of the trial batch.
struct Trial {
    embeddings: Vec<f32>,
    duration: Duration,
}

impl Trial {
    /// The least cosine that half precision must reach for every picture.
    const LEAST: f32 = 0.999;

    fn is_near(&self, other: &Self, embedding_len: usize) -> bool {
        let pairs =
            self.embeddings.chunks_exact(embedding_len).zip(other.embeddings.chunks_exact(embedding_len));
        let cosine = |(a, b): (&[f32], &[f32])| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
        pairs.map(cosine).all(|cosine| cosine >= Self::LEAST)
    }
}

/// Encodes one batch twice: the first time burn looks for the best kernels, the second time counts.
fn trial(encoder: &mut BurnEncoder, config: &ClipConfig) -> Result<Trial, String> {
    let side = config.vision.image_size();
    let count = encoder.batch_size() * 3 * side * side;
    // Noise of the range of real pictures, the same every time.
    let noise = (0_u32..).map(|i| f32::from(i.wrapping_mul(2_654_435_761).to_be_bytes()[0]) / 64.0 - 2.0);
    let input: Vec<f32> = noise.take(count).collect();
    let mut run = || attempt(encoder, config.embed_dim, |encoder| encoder.images(&input));
    run()?;
    let start = Instant::now();
    let embeddings = run()?;
    Ok(Trial { embeddings, duration: start.elapsed() })
}

/// A clause with a capital letter.
fn sentence(clause: &str) -> String {
    let mut letters = clause.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_precision_must_be_near_for_every_picture() {
        let trial = |embeddings: &[f32]| Trial { embeddings: embeddings.to_vec(), duration: Duration::ZERO };
        let exact = trial(&[1.0, 0.0, 0.0, 1.0]);
        assert!(exact.is_near(&exact, 2));
        // The second picture has a cosine of 0.995.
        assert!(!trial(&[1.0, 0.0, 0.0998, 0.995]).is_near(&exact, 2));
    }
}

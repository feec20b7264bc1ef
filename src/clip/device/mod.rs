//! The device that a model runs on: a graphics card where one works, else the processor.
//!
//! - this file: the choice
//! - [`model_device`]: how devices are chosen and named
//! - [`adapters`]: the graphics cards of this computer
//! - [`trial`]: a trial run of a card, in single and half precision
//! - [`encoder`]: the encoder for one of burn's devices
//! - [`engine`]: an encoder with another to fall back on
//! - [`training`]: the device that a model is trained on

pub mod adapters;
pub mod encoder;
pub mod engine;
pub mod model_device;
pub mod training;
pub mod trial;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

pub use model_device::{CardError, DeviceChoice, ModelDevice, Precision, PrecisionChoice, RunOn};

use super::ClipError;
use super::config::ClipConfig;
use super::cpu::CpuEncoder;
use super::weights::Weights;
use crate::guard;
use adapters::{Adapter, adapters};
use encoder::LogitTransform;
use engine::{Engine, MakeFallback};

/// Set when a card was lost: until the process ends, burn cannot use it again.
static CARD_WAS_LOST: AtomicBool = AtomicBool::new(false);

/// Why a model doesn't run on a card.
enum Refusal {
    /// The model itself is at fault.
    Model(ClipError),
    /// The card is at fault.
    Card(CardError),
}

/// Loads a model onto the chosen device, in the chosen precision.
pub(super) fn start(
    weights: &Arc<Weights>,
    config: &ClipConfig,
    RunOn { device: choice, precision }: RunOn,
) -> Result<(Engine, LogitTransform), ClipError> {
    let on_cpu = |notice: Option<String>| {
        let (encoder, about_precision) = CpuEncoder::load(weights, config, precision)?;
        let notice = [notice, about_precision].into_iter().flatten().reduce(|a, b| format!("{a}; {b}"));
        let logit_transform = encoder.logit_transform();
        Ok((Engine::new(Box::new(encoder), None, notice, config.embed_dim), logit_transform))
    };
    match (choice, precision) {
        (DeviceChoice::Cpu, _) | (DeviceChoice::Auto, PrecisionChoice::Bf16) => return on_cpu(None),
        (DeviceChoice::Gpu, PrecisionChoice::Bf16) => return Err(ClipError::Bf16OnCard),
        _ => {}
    }
    match find_card(choice)
        .map_err(Refusal::Card)
        .and_then(|card| trial::load_on_card(&card, weights, config, precision))
    {
        Ok(encoder) => {
            let logit_transform = encoder.logit_transform();
            let fallback = cpu_fallback(Arc::clone(weights), config.clone());
            Ok((Engine::new(Box::new(encoder), Some(fallback), None, config.embed_dim), logit_transform))
        }
        // What is wrong with the weights is wrong on every device.
        Err(Refusal::Model(error)) => Err(error),
        Err(Refusal::Card(error)) if choice == DeviceChoice::Gpu => Err(ClipError::RunOnCard(error)),
        Err(Refusal::Card(error)) => {
            on_cpu(Some(format!("{}; running on the CPU", capitalised(&error.to_string()))))
        }
    }
}

/// The card to use. A software renderer counts only if a person insists, for tests on computers without a
/// card.
fn find_card(choice: DeviceChoice) -> Result<Adapter, CardError> {
    if CARD_WAS_LOST.load(Ordering::Relaxed) {
        return Err(CardError::Lost);
    }
    let found = guard::catch(adapters).unwrap_or_default();
    let allows_software = choice == DeviceChoice::Gpu
        && std::env::var_os("SKYSIFT_ALLOW_SOFTWARE_GPU").is_some_and(|value| value == "1");
    let names: Vec<String> = found.iter().map(Adapter::label).collect();
    found.into_iter().find(|adapter| allows_software || !adapter.is_software).ok_or(if names.is_empty() {
        CardError::NotFound
    } else {
        CardError::SoftwareOnly { renderers: names }
    })
}

/// Loads the model anew on the processor once the card is lost.
fn cpu_fallback(weights: Arc<Weights>, config: ClipConfig) -> MakeFallback {
    Box::new(move || {
        CARD_WAS_LOST.store(true, Ordering::Relaxed);
        // Single precision is nearest to a card's, whichever that was.
        let (encoder, _) = CpuEncoder::load(&weights, &config, PrecisionChoice::F32)?;
        Ok(Box::new(encoder))
    })
}

/// A clause with a capital letter.
fn capitalised(clause: &str) -> String {
    let mut letters = clause.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

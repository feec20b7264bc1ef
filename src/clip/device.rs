//! Which device runs the model.

use std::sync::Arc;

use burn::tensor::{DType, Device};

use super::ClipError;
use super::config::{ClipConfig, VisionConfig};
use super::cpu::CpuVit;
use super::engine::{DeviceEncoder, Engine};
use super::model::Model;
use super::source::ModelFiles;
use super::vision::VisionTower;
use super::weights::Weights;

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

/// Loads the model onto a device of the person's choice.
pub(super) fn start(files: &Arc<ModelFiles>, _choice: DeviceChoice) -> Result<(Engine, f32), ClipError> {
    let encoder = on_cpu(files)?;
    let logit_scale = encoder.model.logit_scale();
    Ok((Engine::new(Box::new(encoder), None, None, files.config.embed_dim), logit_scale))
}

/// The model on the processor, through burn's flex backend.
fn on_cpu(files: &ModelFiles) -> Result<BurnEncoder, ClipError> {
    let device = Device::flex();
    let weights = Weights::open(&files.weights)?;
    let model = Model::load(&weights, &files.config, &device, DType::F32)?;
    let (VisionTower::Vit(vit), VisionConfig::Vit(vit_config)) = (&model.vision, &files.config.vision);
    let cpu_vit = CpuVit::new(vit, vit_config).map_err(ClipError::Device)?;
    let threads = cpu_vit.threads();
    let label = if threads == 1 { "CPU, 1 thread".to_owned() } else { format!("CPU, {threads} threads") };
    Ok(BurnEncoder {
        model,
        device,
        dtype: DType::F32,
        label,
        config: files.config.clone(),
        batch_size: cpu_vit.batch_size(),
        fixed_shapes: false,
        cpu_vit: Some(cpu_vit),
    })
}

/// A model on a device of burn's.
struct BurnEncoder {
    model: Model,
    device: Device,
    dtype: DType,
    label: String,
    config: ClipConfig,
    batch_size: usize,
    /// Whether batches are padded to one size, because each new shape would cost a search for kernels.
    fixed_shapes: bool,
    /// Encodes pictures in the model's place where the device is the processor.
    cpu_vit: Option<CpuVit>,
}

impl BurnEncoder {
    /// Sentences that one pass takes.
    const SENTENCES: usize = 16;
}

impl DeviceEncoder for BurnEncoder {
    fn label(&self) -> String {
        self.label.clone()
    }

    fn batch_size(&self) -> usize {
        self.batch_size
    }

    fn images(&mut self, input: &[f32]) -> Result<Vec<f32>, String> {
        if let Some(cpu_vit) = &self.cpu_vit {
            return cpu_vit.forward(input);
        }
        let side = self.config.vision.image_size();
        let picture = 3 * side * side;
        let mut embeddings = Vec::with_capacity(input.len() / picture * self.config.embed_dim);
        for batch in input.chunks(self.batch_size * picture) {
            let mut padded = batch.to_vec();
            if self.fixed_shapes {
                padded.resize(self.batch_size * picture, 0.0);
            }
            let encoded = self.model.images(padded, side, (&self.device, self.dtype))?;
            let wanted = batch.len() / picture * self.config.embed_dim;
            embeddings.extend(encoded.into_iter().take(wanted));
        }
        Ok(embeddings)
    }

    fn texts(&mut self, ids: &[Vec<u32>]) -> Result<Vec<f32>, String> {
        let mut embeddings = Vec::with_capacity(ids.len() * self.config.embed_dim);
        for batch in ids.chunks(Self::SENTENCES) {
            let mut sentences: Vec<&[u32]> = batch.iter().map(Vec::as_slice).collect();
            if self.fixed_shapes
                && let Some(last) = sentences.last().copied()
            {
                sentences.resize(Self::SENTENCES, last);
            }
            let standing: Vec<usize> =
                sentences.iter().map(|ids| self.config.text.pooling.position(ids)).collect();
            // A token sees only those before it, so what follows the longest sentence changes nothing.
            let longest = standing.iter().max().map_or(1, |last| last + 1);
            let length = if self.fixed_shapes { self.config.text.context_length } else { longest };
            let encoded = self.model.texts(&sentences, &standing, length, &self.device)?;
            embeddings.extend(encoded.into_iter().take(batch.len() * self.config.embed_dim));
        }
        Ok(embeddings)
    }
}

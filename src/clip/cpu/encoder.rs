//! A model on the processor: pictures through [`CpuVit`], sentences through burn.

use burn::tensor::{DType, Device};

use super::CpuVit;
use crate::clip::ClipError;
use crate::clip::config::{ClipConfig, VisionConfig};
use crate::clip::encoder::{BurnEncoder, Feeding};
use crate::clip::engine::DeviceEncoder;
use crate::clip::vision::VisionTower;
use crate::clip::weights::Weights;

/// The model on all cores that this process may use.
pub(in crate::clip) struct CpuEncoder {
    burn: BurnEncoder,
    vision: CpuVit,
    label: String,
}

impl CpuEncoder {
    /// Loads the model in single precision.
    pub fn load(weights: &Weights, config: &ClipConfig) -> Result<Self, ClipError> {
        let feeding = Feeding { pictures: 16, sentences: 16, fixed_shapes: false };
        let burn = BurnEncoder::load(weights, config, &Device::flex(), DType::F32, "CPU".to_owned(), feeding)?;
        let (VisionTower::Vit(vit), VisionConfig::Vit(vit_config)) = (&burn.model().vision, &config.vision);
        let vision = CpuVit::new(vit, vit_config).map_err(ClipError::Device)?;
        let label = match vision.threads() {
            1 => "CPU, 1 thread".to_owned(),
            threads => format!("CPU, {threads} threads"),
        };
        Ok(Self { burn, vision, label })
    }

    /// The factor between cosine and logit.
    pub fn logit_scale(&self) -> f32 {
        self.burn.logit_scale()
    }
}

impl DeviceEncoder for CpuEncoder {
    fn label(&self) -> String {
        self.label.clone()
    }

    fn batch_size(&self) -> usize {
        self.vision.batch_size()
    }

    fn images(&mut self, input: &[f32]) -> Result<Vec<f32>, String> {
        self.vision.forward(input)
    }

    fn texts(&mut self, ids: &[Vec<u32>]) -> Result<Vec<f32>, String> {
        self.burn.texts(ids)
    }
}

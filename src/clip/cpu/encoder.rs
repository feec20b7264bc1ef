//! A model on the processor: pictures through [`CpuVit`] or [`CpuResNet`], sentences through burn.

use std::sync::{Mutex, PoisonError};

use burn::tensor::{DType, Device};

use super::cores::Cores;
use super::resnet::CpuResNet;
use super::vit::CpuVit;
use crate::clip::config::{ClipConfig, Pooling, VisionConfig};
use crate::clip::dense::DenseAttention;
use crate::clip::device::ModelDevice;
use crate::clip::device::encoder::{BatchShape, BurnEncoder, LogitTransform};
use crate::clip::device::engine::DeviceEncoder;
use crate::clip::picture_size::PictureSize;
use crate::clip::towers::model::Model;
use crate::clip::towers::vision::VisionTower;
use crate::clip::weights::Weights;
use crate::clip::{ClipError, ComputeError};

/// The encoder for the processor: a model on all cores that this process may use.
pub(in crate::clip) struct CpuEncoder {
    burn: BurnEncoder,
    vision: Vision,
    cores: Cores,
    pooling: Pooling,
    embedding_len: usize,
}

/// The image tower.
enum Vision {
    Vit(Box<CpuVit>),
    ResNet(Box<CpuResNet>),
}

/// Sentences that go through the text tower together on one core.
const SENTENCES: usize = 16;

impl CpuEncoder {
    /// Loads the model in single precision.
    pub fn load(weights: &Weights, config: &ClipConfig) -> Result<Self, ClipError> {
        Self::of(Model::load(weights, config, &Device::flex(), DType::F32)?, config)
    }

    /// A model that lies on burn's flex device already.
    pub fn of(model: Model, config: &ClipConfig) -> Result<Self, ClipError> {
        let cores = Cores::new().map_err(ClipError::Threads)?;
        let device = ModelDevice::Cpu { threads: cores.count() };
        let batches = BatchShape { pictures: 16, sentences: SENTENCES, is_fixed: false };
        let burn = BurnEncoder::of(model, config, (&Device::flex(), DType::F32), device, batches);
        let vision = match (&burn.model().vision, &config.vision) {
            (VisionTower::Vit(vit), VisionConfig::Vit(vit_config)) => {
                Vision::Vit(Box::new(CpuVit::new(vit, vit_config).map_err(ClipError::Cpu)?))
            }
            (VisionTower::ResNet(resnet), VisionConfig::ResNet(resnet_config)) => {
                let resnet = CpuResNet::new(resnet, resnet_config).map_err(ClipError::Cpu)?;
                Vision::ResNet(Box::new(resnet))
            }
            _ => {
                let wrong = "the image tower isn't the one of the configuration";
                return Err(ClipError::Cpu(ComputeError::Missing(wrong)));
            }
        };
        Ok(Self { burn, vision, cores, pooling: config.text.pooling, embedding_len: config.embed_dim })
    }

    /// How its cosines become probabilities.
    pub fn logit_transform(&self) -> LogitTransform {
        self.burn.logit_transform()
    }
}

impl DeviceEncoder for CpuEncoder {
    fn device(&self) -> ModelDevice {
        self.burn.device()
    }

    fn batch_size(&self) -> usize {
        self.cores.count() * self.pass_size()
    }

    fn encode_images(&mut self, input: &[f32]) -> Result<Vec<f32>, ComputeError> {
        match &self.vision {
            Vision::Vit(vit) => vit.forward(&self.cores, input),
            Vision::ResNet(resnet) => resnet.forward(&self.cores, input),
        }
    }

    fn encode_dense(
        &mut self,
        input: &[f32],
        size: PictureSize,
        attention: DenseAttention,
    ) -> Result<Vec<f32>, ComputeError> {
        match &self.vision {
            Vision::Vit(vit) => vit.forward_dense(&self.cores, input, attention),
            Vision::ResNet(resnet) => resnet.forward_dense(&self.cores, input, size),
        }
    }

    fn encode_texts(&mut self, ids: &[Vec<u32>]) -> Result<Vec<f32>, ComputeError> {
        if ids.len() < self.cores.count() {
            return self.burn.encode_sentences(ids);
        }
        // Sentences of similar length go together, since a pass is as long as its longest sentence.
        let mut order: Vec<(usize, &Vec<u32>)> = ids.iter().enumerate().collect();
        order.sort_by_key(|(_, ids)| self.pooling.eot_index(ids));
        let encoded = Mutex::new(vec![Vec::new(); ids.len()]);
        self.cores.run(order.chunks(SENTENCES), |job| {
            let sentences: Vec<Vec<u32>> = job.iter().map(|(_, ids)| (*ids).clone()).collect();
            let embeddings = self.burn.encode_sentences(&sentences)?;
            let mut encoded = encoded.lock().unwrap_or_else(PoisonError::into_inner);
            for ((place, _), embedding) in job.iter().zip(embeddings.chunks_exact(self.embedding_len)) {
                encoded[*place] = embedding.to_vec();
            }
            Ok::<_, ComputeError>(())
        })?;
        Ok(encoded.into_inner().unwrap_or_else(PoisonError::into_inner).concat())
    }
}

impl CpuEncoder {
    /// Pictures that go through the image tower together on one core.
    fn pass_size(&self) -> usize {
        match &self.vision {
            Vision::Vit(vit) => vit.pass_size(),
            Vision::ResNet(resnet) => resnet.pass_size(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clip::source::{ModelFiles, ModelSource};
    use crate::clip::{Preset, write_random_model};

    #[test]
    fn an_embedding_is_the_same_in_every_batch() {
        for preset in [Preset::Tiny, Preset::TinyResnet, Preset::Mini] {
            let folder = tempfile::tempdir().unwrap();
            write_random_model(folder.path(), preset, 5).unwrap();
            let source = ModelSource { path: folder.path().to_owned(), arch: None };
            let files = ModelFiles::find(&source).unwrap();
            let mut encoder = CpuEncoder::load(&files.weights, &files.config).unwrap();
            let side = files.config.vision.image_size();
            let (picture, length) = (3 * side * side, files.config.embed_dim);
            let count = 2 * encoder.batch_size() + 3;
            let pictures: Vec<f32> = (0..count * picture)
                .map(|i| ((i % 4093) as f32 * 0.37 + (i / 4093) as f32).sin() * 2.0)
                .collect();
            let all = encoder.encode_images(&pictures).unwrap();
            for size in [1, 2, 3, 5, encoder.batch_size() - 1, encoder.batch_size() + 1] {
                let some = encoder.encode_images(&pictures[..size * picture]).unwrap();
                assert!(some == all[..size * length], "{preset:?}: {size} pictures");
            }
            let last = encoder.encode_images(&pictures[(count - 1) * picture..]).unwrap();
            assert!(last == all[(count - 1) * length..], "{preset:?}: the last");
        }
    }
}

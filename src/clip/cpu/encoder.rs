//! A model on the processor: pictures through [`CpuVit`] or [`CpuResNet`], sentences through burn.

use std::sync::{Mutex, PoisonError};

use burn::tensor::{DType, Device};

use super::bf16;
use super::cores::Cores;
use super::resnet::CpuResNet;
use super::vit::CpuVit;
use crate::clip::config::{ClipConfig, VisionConfig};
use crate::clip::dense::DenseAttention;
use crate::clip::device::encoder::{BatchShape, LogitTransform, encode_sentences};
use crate::clip::device::engine::{DeviceEncoder, encode_normalized, normalized};
use crate::clip::device::trial::{are_near, noise};
use crate::clip::device::{ModelDevice, Precision, PrecisionChoice};
use crate::clip::picture_size::PictureSize;
use crate::clip::towers::model::Model;
use crate::clip::towers::text::TextTransformer;
use crate::clip::towers::vision::VisionTower;
use crate::clip::weights::Weights;
use crate::clip::{ClipError, ComputeError};

/// The encoder for the processor: a model on all cores that this process may use.
pub(in crate::clip) struct CpuEncoder {
    text: TextTransformer,
    vision: Vision,
    logit_transform: LogitTransform,
    cores: Cores,
    precision: Precision,
    config: ClipConfig,
}

/// The image tower.
enum Vision {
    Vit(Box<CpuVit>),
    ResNet(Box<CpuResNet>),
}

/// Sentences that go through the text tower together on one core.
const SENTENCES: usize = 16;
const BATCHES: BatchShape = BatchShape { pictures: 16, sentences: SENTENCES, is_fixed: false };

impl CpuEncoder {
    /// Loads the model: its image tower in the precision that is asked for, or the fastest that is accurate
    /// enough; its text tower in single precision. Also returns what a person should know about that.
    pub fn load(
        weights: &Weights,
        config: &ClipConfig,
        choice: PrecisionChoice,
    ) -> Result<(Self, Option<String>), ClipError> {
        let load = || Model::load(weights, config, &Device::flex(), DType::F32);
        let asked = choice == PrecisionChoice::Bf16;
        if asked && !bf16::is_supported() {
            return Err(ClipError::NoBf16);
        }
        let model = load()?;
        if asked {
            return Ok((Self::with(model, config, Precision::Bf16)?, None));
        }
        if choice == PrecisionChoice::F32 || !bf16::is_supported() || !bf16::pays(&config.vision) {
            return Ok((Self::of(model, config)?, None));
        }
        let input = noise(trial_pictures(&config.vision) * 3 * config.vision.image_size().pow(2));
        let exact =
            exact_embeddings(&model, config, &input).and_then(|exact| normalized(exact, config.embed_dim));
        let mut encoder = Self::with(model, config, Precision::Bf16)?;
        let found =
            encode_normalized(&mut encoder, config.embed_dim, |encoder| encoder.encode_images(&input));
        match (exact, found) {
            (Ok(exact), Ok(found)) if are_near(&found, &exact, config.embed_dim) => Ok((encoder, None)),
            _ => {
                drop(encoder);
                let notice =
                    "bf16 changes what this model sees in pictures too much, so it runs in single precision";
                Ok((Self::of(load()?, config)?, Some(notice.to_owned())))
            }
        }
    }

    /// A model that lies on burn's flex device already, in single precision.
    pub fn of(model: Model, config: &ClipConfig) -> Result<Self, ClipError> {
        Self::with(model, config, Precision::Single)
    }

    fn with(model: Model, config: &ClipConfig, precision: Precision) -> Result<Self, ClipError> {
        let cores = Cores::new().map_err(ClipError::Threads)?;
        let logit_transform = LogitTransform { logit_scale: model.logit_scale(), scoring: model.scoring() };
        let vision = match (model.vision, &config.vision) {
            (VisionTower::Vit(vit), VisionConfig::Vit(vit_config)) => {
                Vision::Vit(Box::new(CpuVit::new(vit, vit_config, precision).map_err(ClipError::Cpu)?))
            }
            (VisionTower::ResNet(resnet), VisionConfig::ResNet(resnet_config)) => {
                let resnet = CpuResNet::new(&resnet, resnet_config, precision).map_err(ClipError::Cpu)?;
                Vision::ResNet(Box::new(resnet))
            }
            _ => {
                let wrong = "the image tower isn't the one of the configuration";
                return Err(ClipError::Cpu(ComputeError::Missing(wrong)));
            }
        };
        Ok(Self { text: model.text, vision, logit_transform, cores, precision, config: config.clone() })
    }

    /// How its cosines become probabilities.
    pub fn logit_transform(&self) -> LogitTransform {
        self.logit_transform
    }

    fn sentences(&self, ids: &[Vec<u32>]) -> Result<Vec<f32>, ComputeError> {
        encode_sentences(&self.text, &self.config, &BATCHES, &Device::flex(), ids)
    }
}

/// Pictures that show whether bf16 is good enough for a tower: a few, or one where it takes long.
fn trial_pictures(config: &VisionConfig) -> usize {
    let products = match config {
        VisionConfig::Vit(vit) => vit.tokens() * vit.transformer.width.pow(2) * vit.transformer.layers,
        VisionConfig::ResNet(resnet) => 2 * (resnet.image_size * resnet.width).pow(2),
    };
    (1_600_000_000 / products.max(1)).clamp(1, 4)
}

/// What a model makes of pictures in single precision, not normalised.
fn exact_embeddings(model: &Model, config: &ClipConfig, pictures: &[f32]) -> Result<Vec<f32>, ComputeError> {
    if let (VisionTower::ResNet(resnet), VisionConfig::ResNet(config)) = (&model.vision, &config.vision) {
        let cores = Cores::new().map_err(|_| ComputeError::Missing("there are no more threads"))?;
        return CpuResNet::new(resnet, config, Precision::Single)?.forward(&cores, pictures);
    }
    let side = config.vision.image_size();
    model.encode_images(pictures.to_vec(), side, (&Device::flex(), DType::F32))
}

impl DeviceEncoder for CpuEncoder {
    fn device(&self) -> ModelDevice {
        ModelDevice::Cpu { threads: self.cores.count(), precision: self.precision }
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
            return self.sentences(ids);
        }
        // Sentences of similar length go together, since a pass is as long as its longest sentence.
        let mut order: Vec<(usize, &Vec<u32>)> = ids.iter().enumerate().collect();
        order.sort_by_key(|(_, ids)| self.config.text.pooling.eot_index(ids));
        let encoded = Mutex::new(vec![Vec::new(); ids.len()]);
        self.cores.run(order.chunks(SENTENCES), |job| {
            let sentences: Vec<Vec<u32>> = job.iter().map(|(_, ids)| (*ids).clone()).collect();
            let embeddings = self.sentences(&sentences)?;
            let mut encoded = encoded.lock().unwrap_or_else(PoisonError::into_inner);
            for ((place, _), embedding) in job.iter().zip(embeddings.chunks_exact(self.config.embed_dim)) {
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
    use crate::clip::{ModelPreset, write_random_model};

    #[test]
    fn an_embedding_is_the_same_in_every_batch() {
        for preset in [ModelPreset::Tiny, ModelPreset::TinyResnet, ModelPreset::Mini] {
            for choice in [PrecisionChoice::F32, PrecisionChoice::Bf16] {
                if choice == PrecisionChoice::F32 || bf16::is_supported() {
                    is_the_same_in_every_batch(preset, choice);
                }
            }
        }
    }

    fn is_the_same_in_every_batch(preset: ModelPreset, choice: PrecisionChoice) {
        let folder = tempfile::tempdir().unwrap();
        write_random_model(folder.path(), preset, 5).unwrap();
        let source = ModelSource { path: folder.path().to_owned(), arch: None };
        let files = ModelFiles::find(&source).unwrap();
        let (mut encoder, _) = CpuEncoder::load(&files.weights, &files.config, choice).unwrap();
        let side = files.config.vision.image_size();
        let (picture, length) = (3 * side * side, files.config.embed_dim);
        let count = 2 * encoder.batch_size() + 3;
        let pictures: Vec<f32> = (0..count * picture)
            .map(|i| ((i % 4093) as f32 * 0.37 + (i / 4093) as f32).sin() * 2.0)
            .collect();
        let all = encoder.encode_images(&pictures).unwrap();
        for size in [1, 2, 3, 5, encoder.batch_size() - 1, encoder.batch_size() + 1] {
            let some = encoder.encode_images(&pictures[..size * picture]).unwrap();
            assert!(some == all[..size * length], "{preset:?} {choice:?}: {size} pictures");
        }
        let last = encoder.encode_images(&pictures[(count - 1) * picture..]).unwrap();
        assert!(last == all[(count - 1) * length..], "{preset:?} {choice:?}: the last");
    }
}

//! The encoder for one of burn's devices, which runs one pass after the other.

use burn::tensor::{DType, Device};

use super::ModelDevice;
use super::engine::DeviceEncoder;
use crate::clip::config::ClipConfig;
use crate::clip::dense::DenseAttention;
use crate::clip::picture_size::PictureSize;
use crate::clip::towers::model::Model;
use crate::clip::towers::text::TextTransformer;
use crate::clip::weights::Weights;
use crate::clip::{ClipError, ComputeError, Scoring};

/// The passes that suit a device.
#[derive(Clone, Debug)]
pub(in crate::clip) struct BatchShape {
    /// Pictures per pass.
    pub pictures: usize,
    /// Sentences per pass.
    pub sentences: usize,
    /// Whether passes are padded to one size, because each new shape would cost a search for kernels.
    pub is_fixed: bool,
}

/// How a model's cosines become logits, and logits probabilities.
#[derive(Clone, Copy, Debug)]
pub(in crate::clip) struct LogitTransform {
    /// The factor between cosine and logit, already exponentiated.
    pub logit_scale: f32,
    pub scoring: Scoring,
}

/// A model on one of burn's devices.
pub(in crate::clip) struct BurnEncoder {
    model: Model,
    burn_device: Device,
    dtype: DType,
    device: ModelDevice,
    config: ClipConfig,
    batches: BatchShape,
}

impl BurnEncoder {
    /// Loads a model onto `place`: burn's device, and the type of the image tower's numbers.
    pub fn load(
        weights: &Weights,
        config: &ClipConfig,
        place: (&Device, DType),
        device: ModelDevice,
        batches: BatchShape,
    ) -> Result<Self, ClipError> {
        let model = Model::load(weights, config, place.0, place.1)?;
        Ok(Self::of(model, config, place, device, batches))
    }

    /// A model that lies on burn's device already.
    pub fn of(
        model: Model,
        config: &ClipConfig,
        (burn_device, dtype): (&Device, DType),
        device: ModelDevice,
        batches: BatchShape,
    ) -> Self {
        Self { model, burn_device: burn_device.clone(), dtype, device, config: config.clone(), batches }
    }

    /// How its cosines become probabilities.
    pub fn logit_transform(&self) -> LogitTransform {
        LogitTransform { logit_scale: self.model.logit_scale(), scoring: self.model.scoring() }
    }
}

impl DeviceEncoder for BurnEncoder {
    fn device(&self) -> ModelDevice {
        self.device.clone()
    }

    fn batch_size(&self) -> usize {
        self.batches.pictures
    }

    fn encode_images(&mut self, input: &[f32]) -> Result<Vec<f32>, ComputeError> {
        let side = self.config.vision.image_size();
        let place = (&self.burn_device, self.dtype);
        self.in_passes(input, PictureSize::square(side), |pictures| {
            self.model.encode_images(pictures, side, place)
        })
    }

    fn encode_dense(
        &mut self,
        input: &[f32],
        size: PictureSize,
        attention: DenseAttention,
    ) -> Result<Vec<f32>, ComputeError> {
        let place = (&self.burn_device, self.dtype);
        self.in_passes(input, size, |pictures| self.model.encode_dense(pictures, size, attention, place))
    }

    fn encode_texts(&mut self, ids: &[Vec<u32>]) -> Result<Vec<f32>, ComputeError> {
        encode_sentences(&self.model.text, &self.config, &self.batches, &self.burn_device, ids)
    }
}

impl BurnEncoder {
    /// Has pictures of a `size` go through the tower, as many at once as hold no more pixels than a pass of
    /// pictures of the model's own size.
    fn in_passes(
        &self,
        input: &[f32],
        size: PictureSize,
        encode: impl Fn(Vec<f32>) -> Result<Vec<f32>, ComputeError>,
    ) -> Result<Vec<f32>, ComputeError> {
        let picture = 3 * size.area();
        let pixels = self.batches.pictures * self.config.vision.image_size().pow(2);
        let pass = (pixels / size.area()).max(1);
        let mut embeddings = Vec::new();
        for batch in input.chunks(pass * picture) {
            let mut padded = batch.to_vec();
            if self.batches.is_fixed {
                padded.resize(pass * picture, 0.0);
            }
            let pictures = padded.len() / picture;
            let encoded = encode(padded)?;
            let of_each = encoded.len() / pictures;
            embeddings.extend(encoded.into_iter().take(batch.len() / picture * of_each));
        }
        Ok(embeddings)
    }
}

/// Encodes any number of sentences, as [`DeviceEncoder::encode_texts`], in the passes that suit a device.
pub(in crate::clip) fn encode_sentences(
    tower: &TextTransformer,
    config: &ClipConfig,
    batches: &BatchShape,
    device: &Device,
    ids: &[Vec<u32>],
) -> Result<Vec<f32>, ComputeError> {
    let mut embeddings = Vec::with_capacity(ids.len() * config.embed_dim);
    for batch in ids.chunks(batches.sentences) {
        let mut sentences: Vec<&[u32]> = batch.iter().map(Vec::as_slice).collect();
        if batches.is_fixed
            && let Some(last) = sentences.last().copied()
        {
            sentences.resize(batches.sentences, last);
        }
        let text = &config.text;
        let eot_indices: Vec<usize> = sentences.iter().map(|ids| text.pooling.eot_index(ids)).collect();
        let length = if batches.is_fixed { text.context_length } else { text.needed_length(&eot_indices) };
        let features = tower.features(&sentences, &eot_indices, length, device);
        let encoded = features.try_into_vec_as::<f32>()?;
        embeddings.extend(encoded.into_iter().take(batch.len() * config.embed_dim));
    }
    Ok(embeddings)
}

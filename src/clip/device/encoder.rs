//! A model on one of burn's devices, one pass after the other.

use burn::tensor::{DType, Device};

use super::engine::DeviceEncoder;
use crate::clip::config::ClipConfig;
use crate::clip::towers::model::Model;
use crate::clip::weights::Weights;
use crate::clip::{ClipError, Scoring};

/// How a device wants to be fed.
#[derive(Clone, Debug)]
pub(in crate::clip) struct Feeding {
    /// Pictures that one pass takes.
    pub pictures: usize,
    /// Sentences that one pass takes.
    pub sentences: usize,
    /// Whether batches are padded to one size, because each new shape would cost a search for kernels.
    pub fixed_shapes: bool,
}

/// The numbers between cosines and probabilities.
#[derive(Clone, Copy, Debug)]
pub(in crate::clip) struct Scale {
    /// The factor between cosine and logit, already exponentiated.
    pub logit_scale: f32,
    pub scoring: Scoring,
}

/// A model on a device.
pub(in crate::clip) struct BurnEncoder {
    model: Model,
    device: Device,
    dtype: DType,
    label: String,
    config: ClipConfig,
    feeding: Feeding,
}

impl BurnEncoder {
    /// Puts a model on `device`, its image tower with numbers of type `dtype`.
    pub fn load(
        weights: &Weights,
        config: &ClipConfig,
        device: &Device,
        dtype: DType,
        label: String,
        feeding: Feeding,
    ) -> Result<Self, ClipError> {
        let model = Model::load(weights, config, device, dtype)?;
        Ok(Self::of(model, config, device, dtype, label, feeding))
    }

    /// A model that lies on `device` already.
    pub fn of(
        model: Model,
        config: &ClipConfig,
        device: &Device,
        dtype: DType,
        label: String,
        feeding: Feeding,
    ) -> Self {
        Self { model, device: device.clone(), dtype, label, config: config.clone(), feeding }
    }

    pub fn model(&self) -> &Model {
        &self.model
    }

    /// How its cosines become probabilities.
    pub fn scale(&self) -> Scale {
        Scale { logit_scale: self.model.logit_scale(), scoring: self.model.scoring() }
    }
}

impl DeviceEncoder for BurnEncoder {
    fn label(&self) -> String {
        self.label.clone()
    }

    fn batch_size(&self) -> usize {
        self.feeding.pictures
    }

    fn images(&mut self, input: &[f32]) -> Result<Vec<f32>, String> {
        let side = self.config.vision.image_size();
        let picture = 3 * side * side;
        let full = self.feeding.pictures * picture;
        let mut embeddings = Vec::with_capacity(input.len() / picture * self.config.embed_dim);
        for batch in input.chunks(full) {
            let mut padded = batch.to_vec();
            if self.feeding.fixed_shapes {
                padded.resize(full, 0.0);
            }
            let encoded = self.model.images(padded, side, (&self.device, self.dtype))?;
            embeddings.extend(encoded.into_iter().take(batch.len() / picture * self.config.embed_dim));
        }
        Ok(embeddings)
    }

    fn texts(&mut self, ids: &[Vec<u32>]) -> Result<Vec<f32>, String> {
        self.encode_texts(ids)
    }
}

impl BurnEncoder {
    /// [`DeviceEncoder::texts`], from any thread.
    pub fn encode_texts(&self, ids: &[Vec<u32>]) -> Result<Vec<f32>, String> {
        let mut embeddings = Vec::with_capacity(ids.len() * self.config.embed_dim);
        for batch in ids.chunks(self.feeding.sentences) {
            let mut sentences: Vec<&[u32]> = batch.iter().map(Vec::as_slice).collect();
            if self.feeding.fixed_shapes
                && let Some(last) = sentences.last().copied()
            {
                sentences.resize(self.feeding.sentences, last);
            }
            let standing: Vec<usize> =
                sentences.iter().map(|ids| self.config.text.pooling.position(ids)).collect();
            let text = &self.config.text;
            let length = if self.feeding.fixed_shapes { text.context_length } else { text.needed(&standing) };
            let encoded = self.model.texts(&sentences, &standing, length, &self.device)?;
            embeddings.extend(encoded.into_iter().take(batch.len() * self.config.embed_dim));
        }
        Ok(embeddings)
    }
}

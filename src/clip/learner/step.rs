//! The forward and backward passes of one training step.

use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::{Tensor, TensorData};

use super::{Learner, VisionTower};
use crate::clip::ComputeError;
use crate::clip::config::{ResNetConfig, VisionConfig};
use crate::clip::cpu::{BatchNormMode, Tape, Trunk};
use crate::clip::picture_size::PictureSize;
use crate::clip::towers::model::Model;
use crate::clip::towers::resnet::BatchStatistics;

/// The model as it is during one step.
pub(crate) struct TrainingStep<'a> {
    learner: &'a Learner,
    /// The convolutions of a ResNet on a processor.
    trunk: Option<Trunk>,
}

/// The embeddings of some pictures or sentences, of length one, and what their backward pass needs.
pub(crate) struct ForwardPass {
    embeddings: Tensor<2>,
    /// Whether any of the weights may change.
    is_trainable: bool,
    /// With leaves of its own, so that passes on several threads don't wait for each other.
    model: Model,
    /// The tape of the convolutions, and their output as burn's leaf.
    trunk: Option<(Tape, Tensor<3>)>,
    /// Of burn's batch norms.
    batch_statistics: Vec<BatchStatistics>,
}

/// What one pass adds to the gradients of a step.
pub(crate) struct PassGradients {
    pub gradients: GradientsParams,
    /// Of every batch norm.
    pub(super) batch_statistics: Vec<ChannelStatistics>,
}

/// Mean and biased variance of each channel.
pub(super) type ChannelStatistics = (Vec<f32>, Vec<f32>);

impl Learner {
    /// Prepares a step with the weights as they are.
    ///
    /// # Errors
    /// If burn fails.
    pub fn step(&self) -> Result<TrainingStep<'_>, ComputeError> {
        let trunk = match &self.model.vision {
            VisionTower::ResNet(resnet) if self.device.is_cpu() => Some(Trunk::new(resnet)?),
            _ => None,
        };
        Ok(TrainingStep { learner: self, trunk })
    }
}

impl TrainingStep<'_> {
    /// Encodes pictures, given as planes of rows one after the other.
    ///
    /// # Errors
    /// If burn fails.
    pub fn encode_images(&self, pictures: &[f32]) -> Result<ForwardPass, ComputeError> {
        let side = self.learner.config.vision.image_size();
        let count = pictures.len() / (3 * side * side);
        let device = self.learner.device();
        let model = self.learner.model.clone().fork(device);
        let mut batch_statistics = Vec::new();
        let (embeddings, trunk) = match (&self.trunk, &model.vision, &self.learner.config.vision) {
            (Some(trunk), VisionTower::ResNet(resnet), VisionConfig::ResNet(config)) => {
                let mode = if self.is_frozen() { BatchNormMode::Running } else { BatchNormMode::Batch };
                let tape = trunk.forward_with_tape(pictures, PictureSize::square(side), mode)?;
                let pixels = self.pixels(&tape, count, config)?;
                (resnet.attnpool.forward(pixels.clone()), Some((tape, pixels)))
            }
            (_, vision, _) => {
                let pictures = TensorData::new(pictures.to_vec(), [count, 3, side, side]);
                let pictures = Tensor::from_data(pictures, device);
                let embeddings = match vision {
                    VisionTower::ResNet(resnet) if !self.is_frozen() => {
                        let (embeddings, statistics) = resnet.forward_training(pictures);
                        batch_statistics = statistics;
                        embeddings
                    }
                    vision => vision.forward(pictures),
                };
                (embeddings, None)
            }
        };
        let is_trainable = is_trainable(&model.vision);
        Ok(ForwardPass { embeddings: normalized(embeddings), is_trainable, model, trunk, batch_statistics })
    }

    /// The last feature map of a tape as the input of the attention pooling, which is burn's.
    fn pixels(&self, tape: &Tape, count: usize, config: &ResNetConfig) -> Result<Tensor<3>, ComputeError> {
        let shape = [count, config.grid() * config.grid(), config.features()];
        let pixels = TensorData::new(tape.output()?.to_vec(), shape);
        Ok(Tensor::from_data(pixels, self.learner.device()).require_grad())
    }

    /// Whether the convolutions are frozen.
    fn is_frozen(&self) -> bool {
        match &self.learner.model.vision {
            VisionTower::ResNet(resnet) => !resnet.layers().any(|layer| layer.conv.weight.is_require_grad()),
            VisionTower::Vit(_) => false,
        }
    }

    /// Encodes sentences, given as token ids.
    pub fn encode_texts(&self, ids: &[Vec<u32>]) -> ForwardPass {
        let device = self.learner.device();
        let model = self.learner.model.clone().fork(device);
        let pooling = self.learner.config.text.pooling;
        let eot_indices: Vec<usize> = ids.iter().map(|ids| pooling.eot_index(ids)).collect();
        let length = self.learner.config.text.needed_length(&eot_indices);
        let ids: Vec<&[u32]> = ids.iter().map(Vec::as_slice).collect();
        let embeddings = model.text_features(&ids, &eot_indices, length, device);
        let is_trainable = is_trainable(&model.text);
        ForwardPass {
            embeddings: normalized(embeddings),
            is_trainable,
            model,
            trunk: None,
            batch_statistics: Vec::new(),
        }
    }
}

impl ForwardPass {
    /// The embeddings, one after the other.
    ///
    /// # Errors
    /// If the device fails.
    pub fn values(&self) -> Result<Vec<f32>, ComputeError> {
        Ok(self.embeddings.clone().inner().try_into_vec_as::<f32>()?)
    }

    /// The gradients of a loss with respect to the weights, given its `gradient` with respect to the
    /// embeddings.
    ///
    /// # Errors
    /// If burn fails.
    pub fn backward(
        self,
        step: &TrainingStep<'_>,
        gradient: Vec<f32>,
    ) -> Result<PassGradients, ComputeError> {
        if !self.is_trainable {
            return Ok(PassGradients { gradients: GradientsParams::new(), batch_statistics: Vec::new() });
        }
        let gradient = TensorData::new(gradient, self.embeddings.dims());
        let gradient = Tensor::<2>::from_data(gradient, step.learner.device());
        // The gradient of this sum with respect to the embeddings is `gradient`.
        let mut all_gradients = (self.embeddings * gradient).sum().backward();
        let mut gradients = GradientsParams::from_module(&mut all_gradients, &self.model);
        let read = |tensor: Tensor<1>| tensor.inner().try_into_vec_as::<f32>();
        let statistics = self.batch_statistics.into_iter();
        let mut batch_statistics = statistics
            .map(|(mean, variance)| Ok((read(mean)?, read(variance)?)))
            .collect::<Result<Vec<ChannelStatistics>, ComputeError>>()?;
        if let (Some((tape, pixels)), Some(trunk)) = (self.trunk, &step.trunk)
            && !step.is_frozen()
        {
            let statistics = tape.statistics().into_iter();
            batch_statistics =
                statistics.map(|(mean, variance)| (mean.to_vec(), variance.to_vec())).collect();
            let pixel_gradient = pixels
                .grad(&all_gradients)
                .ok_or(ComputeError::Missing("the feature map has no gradient"))?;
            let layers = trunk.backward(tape, pixel_gradient.try_into_vec_as::<f32>()?)?;
            if let VisionTower::ResNet(resnet) = &self.model.vision {
                for (layer, gradient) in resnet.layers().zip(layers) {
                    gradient.register(layer, &mut gradients)?;
                }
            }
        }
        Ok(PassGradients { gradients, batch_statistics })
    }
}

/// Whether any weight of a module may change.
fn is_trainable(module: &impl Module) -> bool {
    struct IsTrainable(bool);
    impl ModuleVisitor for IsTrainable {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            self.0 |= param.adapter().is_some() || param.is_require_grad();
        }
    }
    let mut is_trainable = IsTrainable(false);
    module.visit(&mut is_trainable);
    is_trainable.0
}

/// Rows scaled to length one.
fn normalized(rows: Tensor<2>) -> Tensor<2> {
    let length = rows.clone().powf_scalar(2.0).sum_dim(1).sqrt().clamp_min(1e-12);
    rows / length
}

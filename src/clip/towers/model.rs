//! Both towers on one device, with the logit scale and bias.

use burn::module::{Module, Param};
use burn::tensor::{DType, Device, Tensor, TensorData};

use super::text::TextTransformer;
use super::vision::VisionTower;
use crate::clip::config::{ClipConfig, Objective};
use crate::clip::dense::DenseAttention;
use crate::clip::picture_size::PictureSize;
use crate::clip::weights::Weights;
use crate::clip::weights::layout::{LOGIT_BIAS, LOGIT_SCALE};
use crate::clip::weights::loader::Loader;
use crate::clip::weights::saver::Saver;
use crate::clip::{ClipError, ComputeError, Scoring};

/// A CLIP or SigLIP with its weights on a device.
#[derive(Module, Debug)]
pub(crate) struct Model {
    pub vision: VisionTower,
    pub text: TextTransformer,
    /// The logarithm of the factor between cosine and logit.
    pub logit_scale: Param<Tensor<1>>,
    /// What is added to the scaled cosine; SigLIP only.
    pub logit_bias: Option<Param<Tensor<1>>>,
}

impl Model {
    /// Puts the weights on `device`, those of the image tower as numbers of type `dtype`. Sentences are few,
    /// so the text tower stays in single precision.
    pub fn load(
        weights: &Weights,
        config: &ClipConfig,
        device: &Device,
        dtype: DType,
    ) -> Result<Self, ClipError> {
        let model = Self::build(Loader::new(weights, config, device), config, dtype)?;
        let scale = model.logit_scale();
        if scale.is_finite() && scale > 0.0 {
            return Ok(model);
        }
        let reason = format!(
            "its logit_scale makes a factor of {scale} between cosine and logit, which gives no probabilities; the file \
             is damaged or its training failed, so use another checkpoint"
        );
        Err(ClipError::file(weights.path(), reason))
    }

    /// Checks that the weights fit the configuration; reads names and shapes only.
    pub fn check(weights: &Weights, config: &ClipConfig) -> Result<(), ClipError> {
        Self::build(Loader::check(weights, config, &Device::flex()), config, DType::F32).map(drop)
    }

    fn build(mut loader: Loader<'_>, config: &ClipConfig, dtype: DType) -> Result<Self, ClipError> {
        loader.set_dtype(dtype);
        let vision = VisionTower::load(&mut loader, &config.vision, config.embed_dim);
        loader.set_dtype(DType::F32);
        let model = Self {
            vision,
            text: TextTransformer::load(&mut loader, &config.text, config.embed_dim),
            logit_scale: Param::from_tensor(loader.number(LOGIT_SCALE)),
            logit_bias: (config.objective == Objective::Sigmoid)
                .then(|| Param::from_tensor(loader.number(LOGIT_BIAS))),
        };
        loader.finish()?;
        Ok(model)
    }

    /// Hands all weights to `saver`, under the names of its layout.
    pub fn save(&self, saver: &mut Saver) {
        self.vision.save(saver);
        self.text.save(saver);
        saver.number(LOGIT_SCALE, self.logit_scale.val());
        if let Some(bias) = &self.logit_bias {
            saver.number(LOGIT_BIAS, bias.val());
        }
    }

    /// The factor between cosine and logit; checkpoints store its logarithm.
    pub fn logit_scale(&self) -> f32 {
        number(&self.logit_scale).map_or(1.0, f32::exp)
    }

    /// How cosines become probabilities.
    pub fn scoring(&self) -> Scoring {
        match &self.logit_bias {
            None => Scoring::Softmax,
            Some(bias) => Scoring::Sigmoid { bias: number(bias).unwrap_or(0.0) },
        }
    }

    /// Encodes pictures, given as planes of rows one after the other. The embeddings are not normalised.
    ///
    /// # Errors
    /// If the device fails.
    pub fn encode_images(
        &self,
        input: Vec<f32>,
        side: usize,
        place: (&Device, DType),
    ) -> Result<Vec<f32>, ComputeError> {
        let count = input.len() / (3 * side * side);
        let pictures = TensorData::new(input, [count, 3, side, side]);
        let features = self.vision.forward(Tensor::from_data(pictures, place));
        Ok(features.try_into_vec_as::<f32>()?)
    }

    /// Dense embeddings of pictures of a `size`, given as planes of rows one after the other: as
    /// [`VisionTower::forward_dense`] gives them, not normalised.
    ///
    /// # Errors
    /// If the device fails.
    pub fn encode_dense(
        &self,
        input: Vec<f32>,
        size: PictureSize,
        attention: DenseAttention,
        place: (&Device, DType),
    ) -> Result<Vec<f32>, ComputeError> {
        let PictureSize { height, width } = size;
        let count = input.len() / (3 * size.area());
        let pictures = TensorData::new(input, [count, 3, height, width]);
        let features = self.vision.forward_dense(Tensor::from_data(pictures, place), attention);
        Ok(features.try_into_vec_as::<f32>()?)
    }

    /// As [`TextTransformer::features`].
    pub fn text_features(
        &self,
        ids: &[&[u32]],
        eot_indices: &[usize],
        length: usize,
        device: &Device,
    ) -> Tensor<2> {
        self.text.features(ids, eot_indices, length, device)
    }
}

fn number(param: &Param<Tensor<1>>) -> Option<f32> {
    param.val().try_into_vec_as::<f32>().ok().and_then(|values| values.first().copied())
}

//! From tensors on disk to layers on a device, collecting every mismatch.

use std::collections::BTreeSet;

use burn::module::{Param, RunningState};
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{BatchNorm, BatchNormConfig, LayerNorm, LayerNormConfig, Linear};
use burn::tensor::{DType, Device, Tensor, TensorData};

use super::Weights;
use super::floats::{StoredFloats, joined, transposed};
use super::layout::{CheckpointLayout, InProjNames, is_known_buffer};
use super::problems::WeightProblems;
use crate::clip::ClipError;
use crate::clip::config::ClipConfig;

/// Loads layers by name. A tensor that is missing or has the wrong shape is noted and replaced by a small
/// placeholder, so that one pass finds every problem; [`Self::finish`] then refuses the model.
pub(crate) struct Loader<'a> {
    weights: &'a Weights,
    layout: CheckpointLayout,
    device: &'a Device,
    dtype: DType,
    used: BTreeSet<String>,
    problems: WeightProblems,
    failure: Option<ClipError>,
    /// Whether only names and shapes are checked.
    is_check: bool,
}

impl<'a> Loader<'a> {
    /// Layers are made on `device`, in single precision until [`Self::set_dtype`] changes it.
    pub fn new(weights: &'a Weights, config: &ClipConfig, device: &'a Device) -> Self {
        Self {
            weights,
            layout: CheckpointLayout::of(weights, config),
            device,
            dtype: DType::F32,
            used: BTreeSet::new(),
            problems: WeightProblems { path: weights.path().to_owned(), ..WeightProblems::default() },
            failure: None,
            is_check: false,
        }
    }

    /// A loader that reads no values and makes placeholders only, to find all problems before a device is
    /// chosen.
    pub fn check(weights: &'a Weights, config: &ClipConfig, device: &'a Device) -> Self {
        Self { is_check: true, ..Self::new(weights, config, device) }
    }

    /// Sets the type of the numbers in layers loaded from here on.
    pub fn set_dtype(&mut self, dtype: DType) {
        self.dtype = dtype;
    }

    pub fn layout(&self) -> CheckpointLayout {
        self.layout
    }

    /// Ends the loading.
    ///
    /// # Errors
    /// Everything that didn't fit, or the file that could not be read.
    pub fn finish(mut self) -> Result<(), ClipError> {
        let surplus =
            self.weights.names().filter(|name| !self.used.contains(*name) && !is_known_buffer(name));
        self.problems.surplus = surplus.map(str::to_owned).collect();
        match self.failure {
            _ if !self.problems.is_empty() => Err(ClipError::Weights(Box::new(self.problems))),
            Some(failure) => Err(failure),
            None => Ok(()),
        }
    }

    /// A single number such as the logit scale, stored as a 0-D tensor or with one element.
    pub fn number(&mut self, name: &str) -> Tensor<1> {
        let floats = self.floats(name, &[]);
        self.upload(floats.map(|floats| joined(&floats)), [1])
    }

    pub fn tensor<const D: usize>(&mut self, name: &str, shape: [usize; D]) -> Tensor<D> {
        let floats = self.floats(name, &shape);
        self.upload(floats.map(|floats| joined(&floats)), shape)
    }

    pub fn layer_norm(&mut self, prefix: &str, width: usize, epsilon: f64) -> LayerNorm {
        let mut norm = LayerNormConfig::new(1).with_epsilon(epsilon).init(self.device);
        norm.gamma = Param::from_tensor(self.tensor(&format!("{prefix}.weight"), [width]));
        norm.beta = Some(Param::from_tensor(self.tensor(&format!("{prefix}.bias"), [width])));
        norm
    }

    /// Batch normalisation over the channels of a feature map.
    pub fn batch_norm(&mut self, prefix: &str, channels: usize) -> BatchNorm {
        let mut norm = BatchNormConfig::new(channels).init(self.device);
        norm.gamma = Param::from_tensor(self.tensor(&format!("{prefix}.weight"), [channels]));
        norm.beta = Param::from_tensor(self.tensor(&format!("{prefix}.bias"), [channels]));
        norm.running_mean = RunningState::new(self.tensor(&format!("{prefix}.running_mean"), [channels]));
        norm.running_var = RunningState::new(self.tensor(&format!("{prefix}.running_var"), [channels]));
        norm
    }

    /// A convolution without bias.
    pub fn conv(&mut self, name: &str, config: &Conv2dConfig) -> Conv2d {
        let ([inputs, outputs], [height, width]) = (config.channels, config.kernel_size);
        let mut conv = config.init(self.device);
        let weight = self.tensor(&format!("{name}.weight"), [outputs, inputs, height, width]);
        conv.weight = Param::from_tensor(weight);
        conv
    }

    /// A linear layer, which PyTorch stores as [outputs, inputs].
    pub fn linear(&mut self, prefix: &str, inputs: usize, outputs: usize) -> Linear {
        let weight = self.floats(&format!("{prefix}.weight"), &[outputs, inputs]);
        let bias = self.floats(&format!("{prefix}.bias"), &[outputs]);
        self.linear_of(weight, bias, inputs, outputs)
    }

    /// The projection to queries and the one to keys and values; `prefix` comes before their names.
    pub fn attention_inputs(
        &mut self,
        prefix: &str,
        names: &[InProjNames],
        width: usize,
    ) -> (Linear, Linear) {
        let mut weight = Some(Vec::new());
        let mut bias = Some(Vec::new());
        for (weight_name, bias_name, parts) in names {
            let more = self.floats(&format!("{prefix}{weight_name}"), &[parts * width, width]);
            weight = weight.zip(more).map(|(parts, more)| [parts, more].concat());
            let more = self.floats(&format!("{prefix}{bias_name}"), &[parts * width]);
            bias = bias.zip(more).map(|(parts, more)| [parts, more].concat());
        }
        let rest = weight.as_mut().map(|weight| split_off(weight, width * width));
        let rest_bias = bias.as_mut().map(|bias| split_off(bias, width));
        let q_proj = self.linear_of(weight, bias, width, width);
        (q_proj, self.linear_of(rest, rest_bias, width, 2 * width))
    }

    /// The projection at the end of a tower, [inputs, outputs].
    pub fn projection(&mut self, name: &str, inputs: usize, outputs: usize) -> Tensor<2> {
        if self.layout.projection_is_transposed() {
            let weight = self.floats(name, &[outputs, inputs]);
            let weight = weight.map(|weight| transposed(&weight, inputs));
            self.upload(weight, [inputs, outputs])
        } else {
            self.tensor(name, [inputs, outputs])
        }
    }

    /// The convolution that turns patches into tokens, as a matrix [channels * side * side, width].
    pub fn patch_embedding(&mut self, name: &str, width: usize, side: usize) -> Tensor<2> {
        let inputs = 3 * side * side;
        let weight = self.floats(name, &[width, 3, side, side]);
        let weight = weight.map(|weight| transposed(&weight, inputs));
        self.upload(weight, [inputs, width])
    }

    fn linear_of(
        &self,
        weight: Option<Vec<StoredFloats>>,
        bias: Option<Vec<StoredFloats>>,
        inputs: usize,
        outputs: usize,
    ) -> Linear {
        let weight = weight.map(|weight| transposed(&weight, inputs));
        let bias = bias.map(|bias| joined(&bias));
        Linear {
            weight: Param::from_tensor(self.upload(weight, [inputs, outputs])),
            bias: Some(Param::from_tensor(self.upload(bias, [outputs]))),
        }
    }

    fn upload<const D: usize>(&self, values: Option<Vec<f32>>, shape: [usize; D]) -> Tensor<D> {
        let options = (self.device, self.dtype);
        match values {
            Some(values) => Tensor::from_data(TensorData::new(values, shape), options),
            None => Tensor::zeros([1; D], options),
        }
    }

    /// The numbers of a tensor of this shape; notes the problem if there are none.
    fn floats(&mut self, name: &str, shape: &[usize]) -> Option<Vec<StoredFloats>> {
        self.used.insert(name.to_owned());
        match self.weights.shape(name) {
            None => {
                self.problems.missing.insert(name.to_owned());
                None
            }
            // timm keeps a leading dimension of one, and a number may be a list of one.
            Some(found) if without_ones(found) != without_ones(shape) => {
                self.problems.misshaped.insert(name.to_owned(), (found.to_vec(), shape.to_vec()));
                None
            }
            // Once the model is known to be refused, reading on would only take time.
            Some(_) if self.is_check || self.failure.is_some() || !self.problems.is_empty() => None,
            Some(_) => match self.weights.floats(name) {
                Ok(floats) => Some(floats),
                Err(error) => {
                    self.failure = Some(error);
                    None
                }
            },
        }
    }
}

/// A shape without leading dimensions of one.
fn without_ones(shape: &[usize]) -> &[usize] {
    let first = shape.iter().position(|side| *side != 1).unwrap_or(shape.len());
    shape.get(first..).unwrap_or_default()
}

/// Keeps the first `count` numbers of all parts and returns the others.
fn split_off(parts: &mut Vec<StoredFloats>, mut count: usize) -> Vec<StoredFloats> {
    let mut rest = Vec::new();
    for part in parts.iter_mut() {
        rest.push(part.split_off(count));
        count -= part.len();
    }
    parts.retain(|part| !part.is_empty());
    rest.retain(|part| !part.is_empty());
    rest
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::super::floats::FloatKind;
    use super::*;

    #[test]
    fn parts_are_cut_between_and_within() {
        let stored = |values: &[f32]| {
            let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
            StoredFloats::new(Bytes::from(bytes), FloatKind::F32)
        };
        for count in 0..=6 {
            let mut parts = vec![stored(&[0.0, 1.0]), stored(&[2.0, 3.0, 4.0]), stored(&[5.0])];
            let rest = split_off(&mut parts, count);
            assert_eq!(joined(&parts).len(), count);
            let all: Vec<f32> = joined(&[parts, rest].concat());
            assert_eq!(all, [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
        }
    }
}

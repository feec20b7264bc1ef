//! A bottleneck block, forward and backward.

use super::conv_bn::{CpuConvBn, LayerGradients, LayerTape};
use super::{BatchNormMode, FeatureMap};
use crate::clip::ComputeError;
use crate::clip::cpu::feature_map;
use crate::clip::cpu::matrix::Matrix;
use crate::clip::towers::resnet::Bottleneck;

/// A [`Bottleneck`] whose weights lie in memory.
pub(super) struct CpuBottleneck {
    conv1: CpuConvBn,
    conv2: CpuConvBn,
    conv3: CpuConvBn,
    downsample: Option<CpuConvBn>,
    /// Whether feature maps are pooled before the last convolution: the block's stride is 2.
    has_avgpool: bool,
}

/// What the backward pass needs of a block's forward pass.
pub(super) struct BottleneckTape {
    pub conv1: LayerTape,
    relu1: FeatureMap,
    pub conv2: LayerTape,
    relu2: FeatureMap,
    /// The input of `conv3` if it isn't `relu2`.
    pooled: Option<FeatureMap>,
    pub conv3: LayerTape,
    /// With its input if that isn't the block's.
    pub downsample: Option<(Option<FeatureMap>, LayerTape)>,
    pub out: FeatureMap,
}

impl CpuBottleneck {
    pub fn new(block: &Bottleneck) -> Result<Self, ComputeError> {
        Ok(Self {
            conv1: CpuConvBn::new(&block.conv1)?,
            conv2: CpuConvBn::new(&block.conv2)?,
            conv3: CpuConvBn::new(&block.conv3)?,
            downsample: block.downsample.as_ref().map(CpuConvBn::new).transpose()?,
            has_avgpool: block.stride == 2,
        })
    }

    pub fn forward(
        &self,
        input: &mut FeatureMap,
        mode: BatchNormMode,
    ) -> Result<BottleneckTape, ComputeError> {
        let conv1 = self.conv1.forward(input, mode)?;
        let mut relu1 = conv1.relu(input.size)?;
        let conv2 = self.conv2.forward(&mut relu1, mode)?;
        let mut relu2 = conv2.relu(input.size)?;
        let mut pooled = self.has_avgpool.then(|| relu2.pooled()).transpose()?;
        let conv3 = self.conv3.forward(pooled.as_mut().unwrap_or(&mut relu2), mode)?;
        let size = pooled.as_ref().map_or(input.size, |map| map.size);
        let downsample = match &self.downsample {
            Some(layer) => {
                let mut pooled = self.has_avgpool.then(|| input.pooled()).transpose()?;
                let layer_tape = layer.forward(pooled.as_mut().unwrap_or(input), mode)?;
                Some((pooled, layer_tape))
            }
            None => None,
        };
        let conv3_out = conv3.conv_out.slice()?;
        let out = if let Some((_, layer_tape)) = &downsample {
            let mut identity = layer_tape.conv_out.slice()?.to_vec();
            feature_map::scale_shift(&mut identity, &layer_tape.scale, &layer_tape.shift);
            feature_map::scale_shift_add_relu(conv3_out, &conv3.scale, &conv3.shift, &identity)
        } else {
            feature_map::scale_shift_add_relu(conv3_out, &conv3.scale, &conv3.shift, input.values.slice()?)
        };
        let out = FeatureMap { values: Matrix::new(out, conv3.conv_out.width), size };
        Ok(BottleneckTape { conv1, relu1, conv2, relu2, pooled, conv3, downsample, out })
    }

    /// The gradient of the input, given that of the output. Appends the layers' gradients, the last layer's
    /// first.
    pub fn backward(
        &self,
        tape: &mut BottleneckTape,
        input: &mut FeatureMap,
        mut gradient: Vec<f32>,
        mode: BatchNormMode,
        gradients: &mut Vec<LayerGradients>,
    ) -> Result<Vec<f32>, ComputeError> {
        feature_map::relu_backward(&mut gradient, tape.out.values.slice()?);
        // Through the identity branch.
        let mut input_gradient = match (&self.downsample, &mut tape.downsample) {
            (Some(layer), Some((pooled, layer_tape))) => {
                let mut conv_gradient = layer_tape.backward(gradient.clone(), mode, gradients)?;
                layer.weight_gradient(pooled.as_mut().unwrap_or(input), &mut conv_gradient, gradients)?;
                let identity_gradient = layer.input_gradient(&mut conv_gradient, input.size)?;
                if self.has_avgpool {
                    let mut whole = vec![0.0; input.values.slice()?.len()];
                    feature_map::add_avg_pool_2x2_gradient(
                        &mut whole,
                        &identity_gradient,
                        input.size,
                        layer.inputs,
                    );
                    whole
                } else {
                    identity_gradient
                }
            }
            _ => gradient.clone(),
        };
        // Through the convolutions.
        let mut conv_gradient = tape.conv3.backward(gradient, mode, gradients)?;
        let conv3_input = tape.pooled.as_mut().unwrap_or(&mut tape.relu2);
        self.conv3.weight_gradient(conv3_input, &mut conv_gradient, gradients)?;
        let mut gradient = self.conv3.input_gradient(&mut conv_gradient, input.size)?;
        if self.has_avgpool {
            let mut whole = vec![0.0; tape.relu2.values.slice()?.len()];
            feature_map::add_avg_pool_2x2_gradient(&mut whole, &gradient, input.size, self.conv3.inputs);
            gradient = whole;
        }
        feature_map::relu_backward(&mut gradient, tape.relu2.values.slice()?);
        let mut conv_gradient = tape.conv2.backward(gradient, mode, gradients)?;
        self.conv2.weight_gradient(&mut tape.relu1, &mut conv_gradient, gradients)?;
        let mut gradient = self.conv2.input_gradient(&mut conv_gradient, input.size)?;
        feature_map::relu_backward(&mut gradient, tape.relu1.values.slice()?);
        let mut conv_gradient = tape.conv1.backward(gradient, mode, gradients)?;
        self.conv1.weight_gradient(input, &mut conv_gradient, gradients)?;
        for (sum, more) in
            input_gradient.iter_mut().zip(self.conv1.input_gradient(&mut conv_gradient, input.size)?)
        {
            *sum += more;
        }
        Ok(input_gradient)
    }
}

//! The convolutions of a ResNet once more, made for the processor: one forward pass, and one backward for
//! training.
//!
//! burn runs the same layers on every device, but on a processor each of its operations is a pass over memory
//! and the gradients of its convolutions are convolutions over odd shapes. Here feature maps lie so that
//! every convolution and each of its two gradients is one product of tall matrices, and norms, ReLUs and sums
//! are fused between them. The gradients are compared with burn's in a test.

use std::sync::{Mutex, PoisonError};

use burn::module::Param;
use burn::nn::BatchNorm;
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor, TensorData};

use super::feature_map as map;
use super::matrix::Matrix;
use super::parallel::Cores;
use crate::clip::config::ResNetConfig;
use crate::clip::towers::resnet::{AttentionPool, Bottleneck, ConvNorm, ResNet};

/// Which statistics a norm takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::clip) enum Norms {
    /// Those that training left behind.
    Running,
    /// Those of the pictures at hand.
    Batch,
}

/// The layers before the attention pooling.
pub(in crate::clip) struct Trunk {
    stem: Vec<Layer>,
    blocks: Vec<Block>,
}

/// A ResNet whose weights lie in memory.
pub(in crate::clip) struct CpuResNet {
    trunk: Trunk,
    pool: AttentionPool,
    config: ResNetConfig,
}

/// Pictures that are pooled together, at least: the products of one alone have their sums in another order,
/// as those of [`Matrix`] would.
const LEAST_POOLED: usize = 2;

impl CpuResNet {
    /// Takes the weights of `resnet`, which must lie on burn's flex device in single precision.
    ///
    /// # Errors
    /// When they don't.
    pub fn new(resnet: &ResNet, config: &ResNetConfig) -> Result<Self, String> {
        Ok(Self { trunk: Trunk::new(resnet)?, pool: resnet.pool.clone(), config: config.clone() })
    }

    /// How many pictures go through the tower together on one core: as many as leave their feature maps, the
    /// largest of which are those of the stem, in a few tens of megabytes.
    pub fn pass_size(&self) -> usize {
        const VALUES: usize = 2 << 20;
        let stem = self.config.image_size.div_ceil(2).pow(2) * self.config.width;
        (VALUES / stem.max(1)).clamp(1, 32)
    }

    /// Pictures as planes of rows, one after the other, to embeddings, not normalised.
    ///
    /// # Errors
    /// When burn fails.
    pub fn forward(&self, cores: &Cores, pictures: &[f32]) -> Result<Vec<f32>, String> {
        let picture = 3 * self.config.image_size * self.config.image_size;
        let count = pictures.len() / picture;
        let pass = self.pass_size().min(count.div_ceil(cores.count())).max(1);
        let parts = Mutex::new(vec![Vec::new(); count.div_ceil(pass)]);
        cores.run(pictures.chunks(pass * picture).enumerate(), |(index, pictures)| {
            let count = pictures.len() / picture;
            let mut pixels = self.trunk.forward(pictures, self.config.image_size)?;
            // What a picture becomes never depends on how many there are.
            let padded = count.max(LEAST_POOLED);
            pixels.resize(pixels.len() / count * padded, 0.0);
            let grid = self.config.grid();
            let shape = [padded, grid * grid, self.config.features()];
            let pixels = Tensor::from_data(TensorData::new(pixels, shape), &Device::flex());
            let embeddings = self.pool.forward(pixels).try_into_vec_as::<f32>();
            let mut embeddings = embeddings.map_err(|error| error.to_string())?;
            embeddings.truncate(embeddings.len() / padded * count);
            if let Some(part) = parts.lock().unwrap_or_else(PoisonError::into_inner).get_mut(index) {
                *part = embeddings;
            }
            Ok::<_, String>(())
        })?;
        Ok(parts.into_inner().unwrap_or_else(PoisonError::into_inner).concat())
    }
}

/// A convolution and the norm after it.
struct Layer {
    /// [side * side * inputs, outputs].
    weight: Tensor<2>,
    /// For the gradient of the input of a 3 x 3 convolution: [9 * outputs, inputs], the kernel turned by 180
    /// degrees.
    turned: Option<Tensor<2>>,
    inputs: usize,
    stride: usize,
    gamma: Vec<f32>,
    beta: Vec<f32>,
    running_mean: Vec<f32>,
    running_variance: Vec<f32>,
    epsilon: f32,
}

struct Block {
    narrow: Layer,
    spread: Layer,
    widen: Layer,
    shortcut: Option<Layer>,
    is_halving: bool,
}

/// Square pictures' feature maps.
struct Map {
    values: Matrix,
    side: usize,
}

/// What a layer leaves for the way back.
struct Trace {
    /// The convolution's output, before the norm.
    raw: Matrix,
    /// The factors of the norm: `raw * scale + shift`.
    scale: Vec<f32>,
    shift: Vec<f32>,
    mean: Vec<f32>,
    /// 1 / sqrt(variance + epsilon).
    inverse: Vec<f32>,
    /// Biased, as the norm uses it.
    variance: Vec<f32>,
}

struct BlockTrace {
    narrow: Trace,
    narrow_out: Map,
    spread: Trace,
    spread_out: Map,
    /// The input of `widen` where it isn't `spread_out`.
    halved: Option<Map>,
    widen: Trace,
    shortcut: Option<(Option<Map>, Trace)>,
    out: Map,
}

/// Everything that the way back needs of one forward pass.
pub(in crate::clip) struct Trail {
    norms: Norms,
    pictures: Map,
    stem: Vec<(Trace, Map)>,
    halved: Map,
    blocks: Vec<BlockTrace>,
}

/// The gradients of one layer.
pub(in crate::clip) struct LayerGradient {
    /// [side * side * inputs, outputs].
    weight: Matrix,
    gamma: Vec<f32>,
    beta: Vec<f32>,
}

impl LayerGradient {
    /// Hands the gradients over to the layer's parameters.
    ///
    /// # Errors
    /// When burn fails.
    pub fn register(self, layer: &ConvNorm, gradients: &mut GradientsParams) -> Result<(), String> {
        let device = Device::flex();
        let [outputs, inputs, height, width] = layer.conv.weight.val().dims();
        let weight = TensorData::new(self.weight.into_values()?, [height, width, inputs, outputs]);
        let weight = Tensor::<4>::from_data(weight, &device).permute([3, 2, 0, 1]);
        gradients.register(layer.conv.weight.id, weight);
        for (param, values) in [(&layer.norm.gamma, self.gamma), (&layer.norm.beta, self.beta)] {
            let values = TensorData::new(values, [outputs]);
            gradients.register(param.id, Tensor::<1>::from_data(values, &device));
        }
        Ok(())
    }
}

impl Trunk {
    /// Takes the weights of `resnet`, which must lie in memory, for one step.
    ///
    /// # Errors
    /// When burn fails.
    pub fn new(resnet: &ResNet) -> Result<Self, String> {
        Ok(Self {
            stem: resnet.stem.iter().map(Layer::new).collect::<Result<_, _>>()?,
            blocks: resnet.blocks.iter().map(Block::new).collect::<Result<_, _>>()?,
        })
    }

    /// Pictures as planes of rows to the last feature map, rows of channels.
    ///
    /// # Errors
    /// When burn fails.
    pub fn forward(&self, pictures: &[f32], side: usize) -> Result<Vec<f32>, String> {
        let mut map = Map { values: Matrix::new(map::from_planes(pictures, side), 3), side };
        for layer in &self.stem {
            map = layer.forward(&mut map, Norms::Running)?.relu(map.side.div_ceil(layer.stride))?;
        }
        map = map.halved()?;
        for block in &self.blocks {
            map = block.forward(&mut map, Norms::Running)?.out;
        }
        map.values.into_values()
    }

    /// [`Self::forward`], keeping everything in between.
    ///
    /// # Errors
    /// When burn fails.
    pub fn walk(&self, pictures: &[f32], side: usize, norms: Norms) -> Result<Trail, String> {
        let mut pictures = Map { values: Matrix::new(map::from_planes(pictures, side), 3), side };
        let mut stem: Vec<(Trace, Map)> = Vec::with_capacity(3);
        for layer in &self.stem {
            let input = stem.last_mut().map_or(&mut pictures, |(_, map)| map);
            let trace = layer.forward(input, norms)?;
            let out = trace.relu(input.side.div_ceil(layer.stride))?;
            stem.push((trace, out));
        }
        let (_, last) = stem.last().ok_or("a ResNet has no stem")?;
        let mut halved = last.halved()?;
        let mut blocks: Vec<BlockTrace> = Vec::with_capacity(self.blocks.len());
        for block in &self.blocks {
            let input = blocks.last_mut().map_or(&mut halved, |trace| &mut trace.out);
            let trace = block.forward(input, norms)?;
            blocks.push(trace);
        }
        Ok(Trail { norms, pictures, stem, halved, blocks })
    }

    /// From the gradient of the last feature map to those of all layers, in the order of
    /// [`ResNet::layers`].
    ///
    /// # Errors
    /// When burn fails.
    pub fn back(&self, mut trail: Trail, gradient: Vec<f32>) -> Result<Vec<LayerGradient>, String> {
        let mut gradients = Vec::new();
        let norms = trail.norms;
        let mut gradient = gradient;
        for (index, block) in self.blocks.iter().enumerate().rev() {
            let (before, rest) = trail.blocks.split_at_mut(index);
            let input = before.last_mut().map_or(&mut trail.halved, |trace| &mut trace.out);
            let trace = rest.first_mut().ok_or("a trail is too short")?;
            gradient = block.back(trace, input, gradient, norms, &mut gradients)?;
        }
        for (index, layer) in self.stem.iter().enumerate().rev() {
            let (before, rest) = trail.stem.split_at_mut(index);
            let (trace, out) = rest.first_mut().ok_or("a trail is too short")?;
            let width = layer.gamma.len();
            if index + 1 == self.stem.len() {
                let mut whole = vec![0.0; out.values.slice()?.len()];
                map::add_halved(&mut whole, &gradient, out.side, width);
                gradient = whole;
            }
            map::mask(&mut gradient, out.values.slice()?);
            let mut raw = trace.back(gradient, norms, &mut gradients)?;
            let input = before.last_mut().map_or(&mut trail.pictures, |(_, map)| map);
            layer.weight_back(input, &mut raw, &mut gradients)?;
            // Nothing comes before the first layer.
            gradient = if index == 0 { Vec::new() } else { layer.input_back(&mut raw, input.side)? };
        }
        gradients.reverse();
        Ok(gradients)
    }
}

impl Trail {
    /// The last feature map, rows of channels.
    ///
    /// # Errors
    /// When burn fails.
    pub fn output(&self) -> Result<&[f32], String> {
        self.blocks.last().map_or(&self.halved, |block| &block.out).values.slice()
    }

    /// Mean and biased variance of every norm, in the order of [`ResNet::layers`].
    pub fn statistics(&self) -> Vec<(&[f32], &[f32])> {
        let blocks = self.blocks.iter().flat_map(|block| {
            let shortcut = block.shortcut.iter().map(|(_, trace)| trace);
            [&block.narrow, &block.spread, &block.widen].into_iter().chain(shortcut)
        });
        let traces = self.stem.iter().map(|(trace, _)| trace).chain(blocks);
        traces.map(|trace| (trace.mean.as_slice(), trace.variance.as_slice())).collect()
    }
}

impl Map {
    fn halved(&self) -> Result<Self, String> {
        let halved = map::halve(self.values.slice()?, self.side, self.values.width);
        Ok(Self { values: Matrix::new(halved, self.values.width), side: self.side / 2 })
    }
}

impl Trace {
    fn relu(&self, side: usize) -> Result<Map, String> {
        let values = map::scale_shift_relu(self.raw.slice()?, &self.scale, &self.shift);
        Ok(Map { values: Matrix::new(values, self.raw.width), side })
    }

    /// From the gradient of the norm's output to that of the convolution's; begins the layer's gradients.
    fn back(
        &self,
        mut gradient: Vec<f32>,
        norms: Norms,
        gradients: &mut Vec<LayerGradient>,
    ) -> Result<Matrix, String> {
        let (raw, channels) = (self.raw.slice()?, self.raw.width);
        let [sum, product] = map::channel_sums(&gradient, raw, channels, |g, x| [g, g * x]);
        // The gradient of gamma: the sum of gradient * (x - mean) * inverse.
        let places = sum.iter().zip(&product).zip(&self.mean).zip(&self.inverse);
        let gamma: Vec<f64> = places
            .map(|(((sum, product), mean), inverse)| (product - f64::from(*mean) * sum) * f64::from(*inverse))
            .collect();
        match norms {
            Norms::Running => {
                let zeros = vec![0.0; channels];
                map::combine(&mut gradient, raw, [&self.scale, &zeros, &zeros]);
            }
            // Ioffe and Szegedy, 2015, section 3: mean and variance depend on every pixel.
            Norms::Batch => {
                let count = (raw.len() / channels) as f64;
                let factors = self.scale.iter().zip(&gamma).zip(&self.inverse);
                let slope: Vec<f32> = factors
                    .map(|((scale, gamma), inverse)| -scale * inverse * (gamma / count) as f32)
                    .collect();
                let offset: Vec<f32> = (slope.iter().zip(&self.mean))
                    .zip(self.scale.iter().zip(&sum))
                    .map(|((slope, mean), (scale, sum))| -slope * mean - scale * (sum / count) as f32)
                    .collect();
                map::combine(&mut gradient, raw, [&self.scale, &slope, &offset]);
            }
        }
        gradients.push(LayerGradient {
            weight: Matrix::new(Vec::new(), 1),
            gamma: gamma.iter().map(|gamma| *gamma as f32).collect(),
            beta: sum.iter().map(|sum| *sum as f32).collect(),
        });
        Ok(Matrix::new(gradient, channels))
    }
}

impl Block {
    fn new(block: &Bottleneck) -> Result<Self, String> {
        Ok(Self {
            narrow: Layer::new(&block.narrow)?,
            spread: Layer::new(&block.spread)?,
            widen: Layer::new(&block.widen)?,
            shortcut: block.shortcut.as_ref().map(Layer::new).transpose()?,
            is_halving: block.stride == 2,
        })
    }

    fn forward(&self, input: &mut Map, norms: Norms) -> Result<BlockTrace, String> {
        let narrow = self.narrow.forward(input, norms)?;
        let mut narrow_out = narrow.relu(input.side)?;
        let spread = self.spread.forward(&mut narrow_out, norms)?;
        let mut spread_out = spread.relu(input.side)?;
        let mut halved = self.is_halving.then(|| spread_out.halved()).transpose()?;
        let widen = self.widen.forward(halved.as_mut().unwrap_or(&mut spread_out), norms)?;
        let side = halved.as_ref().map_or(input.side, |map| map.side);
        let shortcut = match &self.shortcut {
            Some(layer) => {
                let mut halved = self.is_halving.then(|| input.halved()).transpose()?;
                let trace = layer.forward(halved.as_mut().unwrap_or(input), norms)?;
                Some((halved, trace))
            }
            None => None,
        };
        let wide = widen.raw.slice()?;
        let out = if let Some((_, trace)) = &shortcut {
            let mut other = trace.raw.slice()?.to_vec();
            map::scale_shift(&mut other, &trace.scale, &trace.shift);
            map::scale_shift_add_relu(wide, &widen.scale, &widen.shift, &other)
        } else {
            map::scale_shift_add_relu(wide, &widen.scale, &widen.shift, input.values.slice()?)
        };
        let out = Map { values: Matrix::new(out, widen.raw.width), side };
        Ok(BlockTrace { narrow, narrow_out, spread, spread_out, halved, widen, shortcut, out })
    }

    /// From the gradient of the output to that of the input; appends those of the layers, last first.
    fn back(
        &self,
        trace: &mut BlockTrace,
        input: &mut Map,
        mut gradient: Vec<f32>,
        norms: Norms,
        gradients: &mut Vec<LayerGradient>,
    ) -> Result<Vec<f32>, String> {
        map::mask(&mut gradient, trace.out.values.slice()?);
        // The way of the shortcut.
        let mut around = match (&self.shortcut, &mut trace.shortcut) {
            (Some(layer), Some((halved, trace))) => {
                let mut raw = trace.back(gradient.clone(), norms, gradients)?;
                layer.weight_back(halved.as_mut().unwrap_or(input), &mut raw, gradients)?;
                let around = layer.input_back(&mut raw, 0)?;
                if self.is_halving {
                    let mut whole = vec![0.0; input.values.slice()?.len()];
                    map::add_halved(&mut whole, &around, input.side, layer.inputs);
                    whole
                } else {
                    around
                }
            }
            _ => gradient.clone(),
        };
        // The way through the convolutions.
        let mut raw = trace.widen.back(gradient, norms, gradients)?;
        let widened = trace.halved.as_mut().unwrap_or(&mut trace.spread_out);
        self.widen.weight_back(widened, &mut raw, gradients)?;
        let mut gradient = self.widen.input_back(&mut raw, 0)?;
        if self.is_halving {
            let mut whole = vec![0.0; trace.spread_out.values.slice()?.len()];
            map::add_halved(&mut whole, &gradient, input.side, self.widen.inputs);
            gradient = whole;
        }
        map::mask(&mut gradient, trace.spread_out.values.slice()?);
        let mut raw = trace.spread.back(gradient, norms, gradients)?;
        self.spread.weight_back(&mut trace.narrow_out, &mut raw, gradients)?;
        let mut gradient = self.spread.input_back(&mut raw, input.side)?;
        map::mask(&mut gradient, trace.narrow_out.values.slice()?);
        let mut raw = trace.narrow.back(gradient, norms, gradients)?;
        self.narrow.weight_back(input, &mut raw, gradients)?;
        for (sum, more) in around.iter_mut().zip(self.narrow.input_back(&mut raw, 0)?) {
            *sum += more;
        }
        Ok(around)
    }
}

/// Rows that a product of unfolded pictures has at least: enough to be worth packing the weights, few enough
/// to stay in the cache.
const UNFOLDED_ROWS: usize = 768;

impl Layer {
    fn new(layer: &ConvNorm) -> Result<Self, String> {
        let weight = layer.conv.weight.val().inner();
        let [outputs, inputs, side, _] = weight.dims();
        let rows = weight.clone().permute([2, 3, 1, 0]).reshape([side * side * inputs, outputs]);
        let turned = (side > 1)
            .then(|| weight.flip([2, 3]).permute([2, 3, 0, 1]).reshape([side * side * outputs, inputs]));
        let BatchNorm { gamma, beta, running_mean, running_var, epsilon, .. } = &layer.norm;
        Ok(Self {
            weight: rows,
            turned,
            inputs,
            stride: layer.conv.stride[0],
            gamma: values(gamma)?,
            beta: values(beta)?,
            running_mean: read(running_mean.value())?,
            running_variance: read(running_var.value())?,
            epsilon: *epsilon as f32,
        })
    }

    fn forward(&self, input: &mut Map, norms: Norms) -> Result<Trace, String> {
        let raw = self.convolve(input)?;
        let channels = raw.width;
        let (mean, variance) = match norms {
            Norms::Running => (self.running_mean.clone(), self.running_variance.clone()),
            Norms::Batch => {
                let rows = raw.slice()?;
                let count = (rows.len() / channels) as f64;
                let [sum, squares] = map::channel_sums(rows, rows, channels, |x, _| [x, x * x]);
                let mean: Vec<f64> = sum.iter().map(|sum| sum / count).collect();
                let variance = squares.iter().zip(&mean).map(|(s, mean)| (s / count - mean * mean).max(0.0));
                let variance = variance.map(|variance| variance as f32).collect();
                (mean.iter().map(|mean| *mean as f32).collect(), variance)
            }
        };
        let inverse: Vec<f32> =
            variance.iter().map(|variance| (variance + self.epsilon).sqrt().recip()).collect();
        let scale: Vec<f32> =
            inverse.iter().zip(&self.gamma).map(|(inverse, gamma)| inverse * gamma).collect();
        let shift = self.beta.iter().zip(&mean).zip(&scale).map(|((beta, mean), scale)| beta - mean * scale);
        let shift = shift.collect();
        Ok(Trace { raw, scale, shift, mean, inverse, variance })
    }

    fn convolve(&self, input: &mut Map) -> Result<Matrix, String> {
        if self.turned.is_none() {
            return input.values.times(&self.weight);
        }
        convolve(input, &self.weight, self.stride)
    }

    /// Completes this layer's gradients, which are the last of `gradients`.
    fn weight_back(
        &self,
        input: &mut Map,
        raw: &mut Matrix,
        gradients: &mut [LayerGradient],
    ) -> Result<(), String> {
        let gradient = gradients.last_mut().ok_or("a layer has no gradient")?;
        if self.turned.is_none() {
            gradient.weight = input.values.transposed_times(raw)?;
            return Ok(());
        }
        let channels = input.values.width;
        let picture = input.side * input.side * channels;
        let pixels = input.side.div_ceil(self.stride).pow(2);
        // Few sums of large matrices: each costs as much as the matrix is large.
        let group = (4 * UNFOLDED_ROWS).div_ceil(pixels);
        let mut sum: Option<Matrix> = None;
        let pictures = input.values.slice()?.chunks(picture * group);
        for (pictures, raw) in pictures.zip(raw.slice()?.chunks(group * pixels * raw.width)) {
            let mut rows = Vec::with_capacity(pictures.len() / picture * pixels * 9 * channels);
            map::unfold(pictures, input.side, channels, self.stride, &mut rows);
            let mut raw = Matrix::new(raw.to_vec(), self.gamma.len());
            let mut part = Matrix::new(rows, 9 * channels).transposed_times(&mut raw)?;
            sum = Some(match sum {
                None => part,
                Some(mut sum) => {
                    for (sum, more) in sum.slice_mut()?.iter_mut().zip(part.slice_mut()?) {
                        *sum += *more;
                    }
                    sum
                }
            });
        }
        gradient.weight = sum.ok_or("a layer saw no pictures")?;
        Ok(())
    }

    /// From the gradient of the convolution's output to that of its input, whose side only a 3 x 3
    /// convolution needs.
    fn input_back(&self, raw: &mut Matrix, side: usize) -> Result<Vec<f32>, String> {
        let Some(turned) = &self.turned else {
            return raw.times_transposed(&self.weight)?.into_values();
        };
        let width = raw.width;
        let gradient = Map { values: std::mem::replace(raw, Matrix::new(Vec::new(), width)), side };
        convolve(&gradient, turned, 1)?.into_values()
    }
}

/// A 3 x 3 convolution: one product for each few pictures.
fn convolve(input: &Map, weight: &Tensor<2>, stride: usize) -> Result<Matrix, String> {
    let channels = input.values.width;
    let [_, outputs] = weight.dims();
    let picture = input.side * input.side * channels;
    let values = input.values.slice()?;
    let pixels = input.side.div_ceil(stride).pow(2);
    let mut out = Vec::with_capacity(values.len() / picture * pixels * outputs);
    for pictures in values.chunks(picture * UNFOLDED_ROWS.div_ceil(pixels)) {
        let mut rows = Vec::with_capacity(pictures.len() / picture * pixels * 9 * channels);
        map::unfold(pictures, input.side, channels, stride, &mut rows);
        out.extend_from_slice(Matrix::new(rows, 9 * channels).times(weight)?.slice()?);
    }
    Ok(Matrix::new(out, outputs))
}

fn values(param: &Param<Tensor<1>>) -> Result<Vec<f32>, String> {
    read(param.val())
}

fn read(tensor: Tensor<1>) -> Result<Vec<f32>, String> {
    tensor.inner().try_into_vec_as::<f32>().map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use burn::tensor::DType;

    use super::*;
    use crate::clip::source::{ModelFiles, ModelSource};
    use crate::clip::towers::model::Model;
    use crate::clip::towers::vision::VisionTower;
    use crate::clip::{Preset, write_random_model};

    const SIDE: usize = 64;

    fn resnet(device: &Device) -> (ResNet, ResNetConfig) {
        let directory = tempfile::tempdir().unwrap();
        write_random_model(directory.path(), Preset::TinyResnet, 5).unwrap();
        let source = ModelSource { path: directory.path().to_owned(), arch: None };
        let files = ModelFiles::find(&source).unwrap();
        let weights = &files.weights;
        let model = Model::load(weights, &files.config, device, DType::F32).unwrap();
        match (model.vision, files.config.vision) {
            (VisionTower::ResNet(resnet), crate::clip::config::VisionConfig::ResNet(config)) => {
                (resnet, config)
            }
            _ => panic!("not a ResNet"),
        }
    }

    fn pictures(count: usize) -> Vec<f32> {
        (0..count * 3 * SIDE * SIDE)
            .map(|i| ((i % 4093) as f32 * 0.37 + (i / 4093) as f32).sin() * 2.0)
            .collect()
    }

    fn assert_near(got: &[f32], want: &[f32], what: &str) {
        assert_eq!(got.len(), want.len(), "{what}");
        let size = want.iter().fold(1e-6_f32, |most, x| most.max(x.abs()));
        let worst = got.iter().zip(want).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(worst <= 2e-3 * size, "{what}: {worst} of {size}");
    }

    #[test]
    fn embeddings_agree_with_burn_s() {
        let (resnet, config) = resnet(&Device::flex());
        let (cores, cpu) = (Cores::new().unwrap(), CpuResNet::new(&resnet, &config).unwrap());
        for count in [1, 2, 67] {
            let pictures = pictures(count);
            let got = cpu.forward(&cores, &pictures).unwrap();
            let tensor = TensorData::new(pictures, [count, 3, SIDE, SIDE]);
            let want = resnet.forward(Tensor::from_data(tensor, &Device::flex()));
            assert_near(&got, &want.into_data().try_into_vec::<f32>().unwrap(), "embeddings");
        }
    }

    /// With a training batch's statistics and with frozen ones.
    #[test]
    fn gradients_agree_with_burn_s() {
        for norms in [Norms::Batch, Norms::Running] {
            let device = Device::flex().autodiff();
            let (resnet, _) = resnet(&device);
            let pictures = pictures(3);
            let trunk = Trunk::new(&resnet).unwrap();
            let trail = trunk.walk(&pictures, SIDE, norms).unwrap();
            let pixels = trail.output().unwrap().to_vec();
            // Of the sum of squares: twice the output.
            let gradient = pixels.iter().map(|x| 2.0 * x).collect();
            let got = trunk.back(trail, gradient).unwrap();

            let tensor = TensorData::new(pictures, [3, 3, SIDE, SIDE]);
            let mut seen = (norms == Norms::Batch).then(Vec::new);
            let map = resnet.features(Tensor::from_data(tensor, &device), &mut seen);
            let [count, channels, height, width] = map.dims();
            let want = map.clone().permute([0, 2, 3, 1]).reshape([count * height * width * channels]);
            assert_near(&pixels, &want.into_data().try_into_vec::<f32>().unwrap(), "map");
            let gradients = map.powf_scalar(2.0).sum().backward();
            assert_eq!(got.len(), resnet.layers().count());
            for (index, (got, layer)) in got.into_iter().zip(resnet.layers()).enumerate() {
                let what = format!("{norms:?}, layer {index}");
                let weight = layer.conv.weight.val();
                let [outputs, inputs, side, _] = weight.dims();
                let want = weight.grad(&gradients).unwrap();
                let want = want.permute([2, 3, 1, 0]).reshape([side * side * inputs * outputs]);
                assert_near(
                    got.weight.slice().unwrap(),
                    &want.into_data().try_into_vec::<f32>().unwrap(),
                    &what,
                );
                for (got, param) in [(got.gamma, &layer.norm.gamma), (got.beta, &layer.norm.beta)] {
                    let want = param.val().grad(&gradients).unwrap();
                    assert_near(&got, &want.into_data().try_into_vec::<f32>().unwrap(), &what);
                }
            }
        }
    }

    #[test]
    #[ignore = "a measurement"]
    #[allow(clippy::print_stdout, reason = "it is what it is for")]
    fn speed() {
        let directory = tempfile::tempdir().unwrap();
        write_random_model(directory.path(), Preset::Mini, 5).unwrap();
        let source = ModelSource { path: directory.path().to_owned(), arch: None };
        let files = ModelFiles::find(&source).unwrap();
        let weights = &files.weights;
        let model = Model::load(weights, &files.config, &Device::flex(), DType::F32).unwrap();
        let VisionTower::ResNet(resnet) = model.vision else { panic!() };
        let trunk = Trunk::new(&resnet).unwrap();
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        pool.install(|| {
            for side in [64, 96, 112] {
                let pictures: Vec<f32> = (0..16 * 3 * side * side).map(|i| (i as f32 * 0.37).sin()).collect();
                for _ in 0..3 {
                    let start = std::time::Instant::now();
                    let out = trunk.forward(&pictures, side).unwrap();
                    let eval = start.elapsed().as_secs_f64();
                    let start = std::time::Instant::now();
                    let trail = trunk.walk(&pictures, side, Norms::Batch).unwrap();
                    let walk = start.elapsed().as_secs_f64();
                    trunk.back(trail, out).unwrap();
                    let all = start.elapsed().as_secs_f64();
                    println!(
                        "{side}: eval {:.0}/s, walk {walk:.3}, step {all:.3}: {:.1}/s",
                        16.0 / eval,
                        16.0 / all
                    );
                }
            }
        });
    }
}

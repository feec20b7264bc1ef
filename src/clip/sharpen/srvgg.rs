//! `SRVGGNetCompact`, the compact network of Real-ESRGAN (Wang et al., 2021,
//! <https://arxiv.org/abs/2107.10833>; `realesrgan/archs/srvgg_arch.py` in
//! <https://github.com/xinntao/Real-ESRGAN>): all layers see the small picture, and the last one makes a
//! square of pixels of each of its pixels.

use burn::module::{Module, Param};
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{PRelu, PReluConfig, PaddingConfig2d};
use burn::tensor::{Device, Tensor, TensorData};

use crate::clip::ClipError;
use crate::clip::weights::Weights;
use crate::clip::weights::floats::joined;
use crate::clip::weights::layout::CheckpointLayout;
use crate::clip::weights::saver::{Saver, WeightType};
use crate::random::SplitMix64;

/// What Real-ESRGAN puts its tensors under. Of both, it takes the moving average, too.
const PREFIXES: [&str; 3] = ["params_ema.", "params.", ""];
/// More layers or wider ones than any published network has: the file is something else.
const MOST_CONVS: usize = 256;
const MOST_FEATURES: usize = 512;

/// The sizes of a network, by the names of its authors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SrvggConfig {
    /// Channels between the layers.
    pub num_feat: usize,
    /// Layers between the first and the last.
    pub num_conv: usize,
    /// How many times as wide and high it makes a picture.
    pub upscale: usize,
}

/// The network on a device.
#[derive(Module, Debug)]
pub(crate) struct SrvggNetCompact {
    pub convs: Vec<Conv2d>,
    /// One after each convolution but the last.
    pub activations: Vec<PRelu>,
    upscale: usize,
}

impl SrvggNetCompact {
    /// A network that knows nothing yet: nearly that which repeats pixels. The same seed draws the same one.
    pub fn init(config: SrvggConfig, seed: u64, device: &Device) -> Self {
        let mut random = SplitMix64::of(&[seed, 0x5A6]);
        let shapes = config.shapes();
        let last = shapes.len() - 1;
        let convs = shapes.into_iter().enumerate().map(|(index, [inputs, outputs])| {
            // PyTorch's bound; the last layer's is smaller, so that training begins with the picture itself.
            let bound = (9.0 * inputs as f32).sqrt().recip() * if index == last { 0.1 } else { 1.0 };
            let weight = (0..9 * inputs * outputs).map(|_| random.range(-bound, bound)).collect();
            conv([inputs, outputs], weight, vec![0.0; outputs], device)
        });
        let convs = convs.collect();
        let activation = || PReluConfig::new().with_num_parameters(config.num_feat).init(device);
        let activations = (0..=config.num_conv).map(|_| activation()).collect();
        Self { convs, activations, upscale: config.upscale }
    }

    /// Reads a network, whose sizes are those of its tensors.
    ///
    /// # Errors
    /// If the file holds another kind of model, or can't be read.
    pub fn load(weights: &Weights, device: &Device) -> Result<Self, ClipError> {
        let prefix = PREFIXES.into_iter().find(|prefix| weights.shape(&layer(prefix, 0, "weight")).is_some());
        let network = prefix.zip(prefix.and_then(|prefix| SrvggConfig::of(weights, prefix)));
        let (prefix, config) = network.ok_or_else(|| {
            ClipError::file(
                weights.path(),
                "this is no network of Real-ESRGAN's compact kind (SRVGGNetCompact); take one that `skysift \
                 train-sharpener` wrote, realesr-general-x4v3.pth or realesr-animevideov3.pth",
            )
        })?;
        let floats = |name: &str| Ok::<_, ClipError>(joined(&weights.floats(name)?));
        let (mut convs, mut activations) = (Vec::new(), Vec::new());
        for (index, shape) in config.shapes().into_iter().enumerate() {
            let weight = floats(&layer(prefix, 2 * index, "weight"))?;
            convs.push(conv(shape, weight, floats(&layer(prefix, 2 * index, "bias"))?, device));
            if index <= config.num_conv {
                let slopes = floats(&layer(prefix, 2 * index + 1, "weight"))?;
                let count = slopes.len();
                let mut activation = PReluConfig::new().with_num_parameters(count).init(device);
                activation.alpha = Param::from_tensor(tensor(slopes, [count], device));
                activations.push(activation);
            }
        }
        Ok(Self { convs, activations, upscale: config.upscale })
    }

    /// The network in the layout of Real-ESRGAN, without its prefix.
    pub fn saver(&self, weight_type: WeightType) -> Saver {
        // No tensor here is one of those whose names or shapes depend on the layout.
        let mut saver = Saver::new(CheckpointLayout::OPEN_CLIP, weight_type);
        for (index, conv) in self.convs.iter().enumerate() {
            saver.tensor(&layer("", 2 * index, "weight"), conv.weight.val());
            if let Some(bias) = &conv.bias {
                saver.tensor(&layer("", 2 * index, "bias"), bias.val());
            }
        }
        for (index, activation) in self.activations.iter().enumerate() {
            saver.tensor(&layer("", 2 * index + 1, "weight"), activation.alpha.val());
        }
        saver
    }

    pub fn upscale(&self) -> usize {
        self.upscale
    }

    /// [pictures, 3, height, width] with values from 0 to 1 to pictures that are `upscale` times as large.
    pub fn forward(&self, pictures: Tensor<4>) -> Tensor<4> {
        let mut map = pictures.clone();
        for (index, conv) in self.convs.iter().enumerate() {
            map = conv.forward(map);
            if let Some(activation) = self.activations.get(index) {
                map = activation.forward(map);
            }
        }
        let [count, channels, height, width] = pictures.dims();
        let upscale = self.upscale;
        // The nearest pixel of each, in the order of the shuffle.
        let nearest = pictures.reshape([count, channels, 1, height, width]).repeat_dim(2, upscale * upscale);
        let map = map + nearest.reshape([count, channels * upscale * upscale, height, width]);
        map.reshape([count, channels, upscale, upscale, height, width]).permute([0, 1, 4, 2, 5, 3]).reshape([
            count,
            channels,
            height * upscale,
            width * upscale,
        ])
    }
}

impl SrvggConfig {
    /// Inputs and outputs of all convolutions.
    fn shapes(self) -> Vec<[usize; 2]> {
        let Self { num_feat, num_conv, upscale } = self;
        let middle = std::iter::repeat_n([num_feat, num_feat], num_conv);
        std::iter::once([3, num_feat]).chain(middle).chain([[num_feat, 3 * upscale * upscale]]).collect()
    }

    /// The sizes of the network under a prefix; `None` if the tensors make none.
    fn of(weights: &Weights, prefix: &str) -> Option<Self> {
        let shape = |index: usize, what: &str| weights.shape(&layer(prefix, index, what));
        let &[num_feat, 3, 3, 3] = shape(0, "weight")? else { return None };
        let convs = (0..=MOST_CONVS).take_while(|index| shape(2 * index, "weight").is_some()).count();
        let num_conv = convs.checked_sub(2)?;
        let &[outputs, ..] = shape(2 * convs - 2, "weight")? else { return None };
        let upscale = (outputs / 3).isqrt();
        let config = Self { num_feat, num_conv, upscale };
        let fits = config.shapes().into_iter().enumerate().all(|(index, [inputs, outputs])| {
            let slopes = shape(2 * index + 1, "weight");
            shape(2 * index, "weight") == Some(&[outputs, inputs, 3, 3][..])
                && shape(2 * index, "bias") == Some(&[outputs][..])
                && (index > num_conv || slopes == Some(&[num_feat][..]) || slopes == Some(&[1][..]))
        });
        let is_known = (1..=MOST_FEATURES).contains(&num_feat) && convs <= MOST_CONVS;
        (fits && is_known && (1..=8).contains(&upscale)).then_some(config)
    }
}

/// The name of a tensor.
fn layer(prefix: &str, index: usize, what: &str) -> String {
    format!("{prefix}body.{index}.{what}")
}

fn conv([inputs, outputs]: [usize; 2], weight: Vec<f32>, bias: Vec<f32>, device: &Device) -> Conv2d {
    let config =
        Conv2dConfig::new([inputs, outputs], [3, 3]).with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1));
    let mut conv = config.init(device);
    conv.weight = Param::from_tensor(tensor(weight, [outputs, inputs, 3, 3], device));
    conv.bias = Some(Param::from_tensor(tensor(bias, [outputs], device)));
    conv
}

fn tensor<const D: usize>(values: Vec<f32>, shape: [usize; D], device: &Device) -> Tensor<D> {
    Tensor::from_data(TensorData::new(values, shape), device)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_read_as_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("network.safetensors");
        let config = SrvggConfig { num_feat: 5, num_conv: 3, upscale: 4 };
        let device = Device::flex();
        let written = SrvggNetCompact::init(config, 1, &device);
        written.saver(WeightType::F32).finish(&path).unwrap();
        let weights = Weights::open(&[path]).unwrap();
        assert_eq!(SrvggConfig::of(&weights, ""), Some(config));
        let read = SrvggNetCompact::load(&weights, &device).unwrap();
        let picture = tensor((0_u8..48).map(|i| f32::from(i) / 48.0).collect(), [1, 3, 4, 4], &device);
        let outputs = [&written, &read]
            .map(|network| network.forward(picture.clone()).try_into_vec_as::<f32>().unwrap());
        assert_eq!(outputs[0].len(), 3 * 16 * 16);
        assert_eq!(outputs[0], outputs[1]);
    }

    #[test]
    fn another_model_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        crate::clip::write_random_model(folder.path(), crate::clip::ModelPreset::Tiny, 1).unwrap();
        let weights = Weights::open(&[folder.path().join("model.safetensors")]).unwrap();
        let refused = SrvggNetCompact::load(&weights, &Device::flex()).err().map(|error| error.to_string());
        assert!(refused.is_some_and(|refused| refused.contains("SRVGGNetCompact")));
    }
}

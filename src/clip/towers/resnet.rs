//! CLIP's `ModifiedResNet` (Radford et al., 2021, section 2.4, <https://arxiv.org/abs/2103.00020>): a ResNet
//! (He et al., 2015, <https://arxiv.org/abs/1512.03385>) with a stem of three convolutions, average pooling
//! in place of strides, and attention pooling of the last feature map.

use burn::module::{Module, Param};
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{BatchNorm, Linear, PaddingConfig2d};
use burn::tensor::Tensor;
use burn::tensor::activation::relu;
use burn::tensor::module::{avg_pool2d, batch_norm, batch_norm_train};
use burn::tensor::ops::AvgPoolOptions;

use super::transformer::{attend, split_heads};
use crate::clip::config::ResNetConfig;
use crate::clip::weights::loader::Loader;
use crate::clip::weights::saver::Saver;

/// The channels at the end of a bottleneck, in multiples of those inside it.
const EXPANSION: usize = 4;

/// The names of the stem's convolutions and batch norms.
const STEM: [[&str; 2]; 3] =
    [["visual.conv1", "visual.bn1"], ["visual.conv2", "visual.bn2"], ["visual.conv3", "visual.bn3"]];

/// Mean and biased variance of each channel.
pub(in crate::clip) type BatchStatistics = (Tensor<1>, Tensor<1>);

#[derive(Module, Debug)]
pub(crate) struct ModifiedResNet {
    pub stem: Vec<ConvBn>,
    pub blocks: Vec<Bottleneck>,
    pub attnpool: AttentionPool2d,
}

/// A convolution without bias and the batch norm after it.
#[derive(Module, Debug)]
pub(crate) struct ConvBn {
    pub conv: Conv2d,
    pub bn: BatchNorm,
}

/// A 1 x 1, a 3 x 3 and a 1 x 1 convolution, added to the input.
#[derive(Module, Debug)]
pub(crate) struct Bottleneck {
    pub conv1: ConvBn,
    pub conv2: ConvBn,
    pub conv3: ConvBn,
    /// Brings the input to the output's shape if the two differ.
    pub downsample: Option<ConvBn>,
    pub stride: usize,
}

/// Attention pooling: the mean of a feature map is the one query, and attends to itself and the pixels.
#[derive(Module, Debug)]
pub(crate) struct AttentionPool2d {
    /// [1 + pixels, width], the mean's first.
    pub positional_embedding: Param<Tensor<2>>,
    pub q_proj: Linear,
    pub k_proj: Linear,
    pub v_proj: Linear,
    /// To the length of an embedding.
    pub c_proj: Linear,
    pub heads: usize,
}

impl ModifiedResNet {
    pub fn load(loader: &mut Loader<'_>, config: &ResNetConfig, embed_dim: usize) -> Self {
        let (half, width) = (config.width / 2, config.width);
        let stem = vec![
            ConvBn::load(loader, STEM[0], [3, half, 3], 2),
            ConvBn::load(loader, STEM[1], [half, half, 3], 1),
            ConvBn::load(loader, STEM[2], [half, width, 3], 1),
        ];
        let mut blocks = Vec::new();
        let mut channels = width;
        for (layer, &count) in config.layers.iter().enumerate() {
            let planes = width << layer;
            for block in 0..count {
                let stride = if block == 0 && layer > 0 { 2 } else { 1 };
                let prefix = format!("visual.layer{}.{block}", layer + 1);
                blocks.push(Bottleneck::load(loader, &prefix, [channels, planes], stride));
                channels = planes * EXPANSION;
            }
        }
        Self { stem, blocks, attnpool: AttentionPool2d::load(loader, config, embed_dim) }
    }

    pub fn save(&self, saver: &mut Saver) {
        for (layer, names) in self.stem.iter().zip(STEM) {
            layer.save(saver, names);
        }
        let mut place = (0, 0);
        for block in &self.blocks {
            // A stage begins with a block that downsamples: all but the first halve, and there channels grow.
            if block.downsample.is_some() {
                place = (place.0 + 1, 0);
            }
            block.save(saver, &format!("visual.layer{}.{}", place.0, place.1));
            place.1 += 1;
        }
        self.attnpool.save(saver);
    }

    /// [pictures, 3, side, side] to `[pictures, embed_dim]`, not normalised.
    pub fn forward(&self, pictures: Tensor<4>) -> Tensor<2> {
        self.pool(self.features(pictures, &mut None))
    }

    /// [`Self::forward`] with the batch statistics of these pictures, which it also returns: mean and biased
    /// variance of every batch norm, in the order of [`Self::layers`].
    pub fn forward_training(&self, pictures: Tensor<4>) -> (Tensor<2>, Vec<BatchStatistics>) {
        let mut statistics = Some(Vec::new());
        let map = self.features(pictures, &mut statistics);
        (self.pool(map), statistics.unwrap_or_default())
    }

    /// [pictures, 3, height, width] to `[pictures, cells, embed_dim]`, not normalised: an embedding for each
    /// pixel of the last feature map, row by row. Sides are multiples of 32.
    pub fn forward_dense(&self, pictures: Tensor<4>) -> Tensor<3> {
        self.attnpool.forward_dense(pixels(self.features(pictures, &mut None)))
    }

    fn pool(&self, map: Tensor<4>) -> Tensor<2> {
        self.attnpool.forward(pixels(map))
    }

    /// The last feature map, [pictures, channels, side, side].
    pub fn features(&self, pictures: Tensor<4>, statistics: &mut Option<Vec<BatchStatistics>>) -> Tensor<4> {
        let mut map = pictures;
        for layer in &self.stem {
            map = relu(layer.forward(map, statistics));
        }
        map = avgpool(map, 2);
        for block in &self.blocks {
            map = block.forward(map, statistics);
        }
        map
    }

    /// The convolutions with their batch norms, in the order in which a picture passes them; in a bottleneck
    /// the downsampling comes last.
    pub fn layers(&self) -> impl Iterator<Item = &ConvBn> {
        let blocks = self.blocks.iter().flat_map(|block| {
            [&block.conv1, &block.conv2, &block.conv3].into_iter().chain(&block.downsample)
        });
        self.stem.iter().chain(blocks)
    }
}

impl ConvBn {
    /// `names` of the convolution and the batch norm; `sizes`: channels in, channels out, side of the kernel.
    fn load(loader: &mut Loader<'_>, names: [&str; 2], sizes: [usize; 3], stride: usize) -> Self {
        let [inputs, outputs, side] = sizes;
        let around = side / 2;
        let config = Conv2dConfig::new([inputs, outputs], [side, side])
            .with_stride([stride, stride])
            .with_padding(PaddingConfig2d::Explicit(around, around, around, around))
            .with_bias(false);
        Self { conv: loader.conv(names[0], &config), bn: loader.batch_norm(names[1], outputs) }
    }

    fn save(&self, saver: &mut Saver, [conv, norm]: [&str; 2]) {
        saver.tensor(&format!("{conv}.weight"), self.conv.weight.val());
        saver.batch_norm(norm, &self.bn);
    }

    /// Normalises with the running statistics, or if `statistics` are collected with the pictures' own.
    fn forward(&self, map: Tensor<4>, statistics: &mut Option<Vec<BatchStatistics>>) -> Tensor<4> {
        let map = self.conv.forward(map);
        let BatchNorm { gamma, beta, running_mean, running_var, epsilon, .. } = &self.bn;
        let Some(statistics) = statistics else {
            let (mean, variance) = (running_mean.value(), running_var.value());
            return batch_norm(map, gamma.val(), beta.val(), mean, variance, *epsilon);
        };
        let trained = batch_norm_train(map, gamma.val(), beta.val(), *epsilon);
        statistics.push((trained.mean, trained.variance));
        trained.output
    }
}

impl Bottleneck {
    fn load(loader: &mut Loader<'_>, prefix: &str, [inputs, planes]: [usize; 2], stride: usize) -> Self {
        let mut layer = |conv: &str, norm: &str, sizes: [usize; 3]| {
            ConvBn::load(loader, [&format!("{prefix}.{conv}"), &format!("{prefix}.{norm}")], sizes, 1)
        };
        let outputs = planes * EXPANSION;
        Self {
            conv1: layer("conv1", "bn1", [inputs, planes, 1]),
            conv2: layer("conv2", "bn2", [planes, planes, 3]),
            conv3: layer("conv3", "bn3", [planes, outputs, 1]),
            downsample: (stride > 1 || inputs != outputs)
                .then(|| layer("downsample.0", "downsample.1", [inputs, outputs, 1])),
            stride,
        }
    }

    fn save(&self, saver: &mut Saver, prefix: &str) {
        let mut layer = |layer: &ConvBn, conv: &str, norm: &str| {
            layer.save(saver, [&format!("{prefix}.{conv}"), &format!("{prefix}.{norm}")]);
        };
        layer(&self.conv1, "conv1", "bn1");
        layer(&self.conv2, "conv2", "bn2");
        layer(&self.conv3, "conv3", "bn3");
        if let Some(downsample) = &self.downsample {
            layer(downsample, "downsample.0", "downsample.1");
        }
    }

    fn forward(&self, map: Tensor<4>, statistics: &mut Option<Vec<BatchStatistics>>) -> Tensor<4> {
        let out = relu(self.conv1.forward(map.clone(), statistics));
        let out = relu(self.conv2.forward(out, statistics));
        let out = self.conv3.forward(avgpool(out, self.stride), statistics);
        let identity = match &self.downsample {
            Some(downsample) => downsample.forward(avgpool(map, self.stride), statistics),
            None => map,
        };
        relu(out + identity)
    }
}

/// [pictures, channels, height, width] to [pictures, pixels, channels].
fn pixels(map: Tensor<4>) -> Tensor<3> {
    let [count, channels, height, width] = map.dims();
    map.reshape([count, channels, height * width]).swap_dims(1, 2)
}

/// The mean of every square of `stride` x `stride` pixels.
fn avgpool(map: Tensor<4>, stride: usize) -> Tensor<4> {
    if stride == 1 {
        return map;
    }
    avg_pool2d(map, AvgPoolOptions::new([stride, stride]).with_stride([stride, stride]))
}

impl AttentionPool2d {
    fn load(loader: &mut Loader<'_>, config: &ResNetConfig, embed_dim: usize) -> Self {
        let width = config.features();
        Self {
            positional_embedding: Param::from_tensor(
                loader.tensor("visual.attnpool.positional_embedding", [config.tokens(), width]),
            ),
            q_proj: loader.linear("visual.attnpool.q_proj", width, width),
            k_proj: loader.linear("visual.attnpool.k_proj", width, width),
            v_proj: loader.linear("visual.attnpool.v_proj", width, width),
            c_proj: loader.linear("visual.attnpool.c_proj", width, embed_dim),
            heads: config.heads,
        }
    }

    fn save(&self, saver: &mut Saver) {
        saver.tensor("visual.attnpool.positional_embedding", self.positional_embedding.val());
        saver.linear("visual.attnpool.q_proj", &self.q_proj);
        saver.linear("visual.attnpool.k_proj", &self.k_proj);
        saver.linear("visual.attnpool.v_proj", &self.v_proj);
        saver.linear("visual.attnpool.c_proj", &self.c_proj);
    }

    /// The pixels of feature maps, [pictures, pixels, width], to `[pictures, pixels, embed_dim]`: what the
    /// pooling would give if all its attention went to one pixel (`MaskCLIP`, Zhou et al., 2022,
    /// <https://arxiv.org/abs/2112.01071>). Positions are left out, as there, so that cells of one look are
    /// alike.
    pub fn forward_dense(&self, pixels: Tensor<3>) -> Tensor<3> {
        self.c_proj.forward(self.v_proj.forward(pixels))
    }

    /// The pixels of feature maps, [pictures, pixels, width], to embeddings, `[pictures, embed_dim]`.
    pub fn forward(&self, pixels: Tensor<3>) -> Tensor<2> {
        let mean = pixels.clone().mean_dim(1);
        let tokens = Tensor::cat(vec![mean, pixels], 1) + self.positional_embedding.val().unsqueeze::<3>();
        let query = split_heads(self.q_proj.forward(tokens.clone().narrow(1, 0, 1)), self.heads);
        let key = split_heads(self.k_proj.forward(tokens.clone()), self.heads);
        let value = split_heads(self.v_proj.forward(tokens), self.heads);
        self.c_proj.forward(attend(query, key, value, false).squeeze_dim::<2>(1))
    }
}

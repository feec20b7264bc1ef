//! The image tower as CLIP's `ModifiedResNet` (Radford et al., 2021, section 2.4,
//! <https://arxiv.org/abs/2103.00020>): a ResNet (He et al., 2015, <https://arxiv.org/abs/1512.03385>) with
//! three convolutions as its stem, an average pooling before every convolution that would stride, and an
//! attention that pools the last feature map.

use burn::module::{Module, Param};
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{BatchNorm, Linear, PaddingConfig2d};
use burn::tensor::Tensor;
use burn::tensor::activation::relu;
use burn::tensor::module::{attention, avg_pool2d, batch_norm, batch_norm_train};
use burn::tensor::ops::{AttentionModuleOptions, AvgPoolOptions};

use crate::clip::config::ResNetConfig;
use crate::clip::weights::loader::Loader;
use crate::clip::weights::saver::Saver;

/// A feature map becomes this many times as wide at the end of a bottleneck.
const EXPANSION: usize = 4;

/// The names of the stem's convolutions and norms.
const STEM: [[&str; 2]; 3] =
    [["visual.conv1", "visual.bn1"], ["visual.conv2", "visual.bn2"], ["visual.conv3", "visual.bn3"]];

/// Mean and biased variance of each channel.
pub(in crate::clip) type Statistics = (Tensor<1>, Tensor<1>);

#[derive(Module, Debug)]
pub(crate) struct ResNet {
    pub stem: Vec<ConvNorm>,
    pub blocks: Vec<Bottleneck>,
    pub pool: AttentionPool,
}

/// A convolution without bias and the batch normalisation that follows it.
#[derive(Module, Debug)]
pub(crate) struct ConvNorm {
    pub conv: Conv2d,
    pub norm: BatchNorm,
}

/// A convolution of single pixels, one of 3 x 3, one of single pixels, added to the input.
#[derive(Module, Debug)]
pub(crate) struct Bottleneck {
    pub narrow: ConvNorm,
    pub spread: ConvNorm,
    pub widen: ConvNorm,
    /// Brings the input to the output's shape where the two differ.
    pub shortcut: Option<ConvNorm>,
    pub stride: usize,
}

/// One query, the mean of the feature map, asks among its pixels.
#[derive(Module, Debug)]
pub(crate) struct AttentionPool {
    /// [1 + pixels, width], the mean's first.
    pub positions: Param<Tensor<2>>,
    query: Linear,
    key: Linear,
    value: Linear,
    /// To the embedding's length.
    out: Linear,
    heads: usize,
}

impl ResNet {
    pub fn load(loader: &mut Loader<'_>, config: &ResNetConfig, embed_dim: usize) -> Self {
        let (half, width) = (config.width / 2, config.width);
        let stem = vec![
            ConvNorm::load(loader, STEM[0], [3, half, 3], 2),
            ConvNorm::load(loader, STEM[1], [half, half, 3], 1),
            ConvNorm::load(loader, STEM[2], [half, width, 3], 1),
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
        Self { stem, blocks, pool: AttentionPool::load(loader, config, embed_dim) }
    }

    pub fn save(&self, saver: &mut Saver) {
        for (layer, names) in self.stem.iter().zip(STEM) {
            layer.save(saver, names);
        }
        let mut place = (0, 0);
        for block in &self.blocks {
            // A stage but the first begins by halving; the first where the channels grow.
            if block.shortcut.is_some() {
                place = (place.0 + 1, 0);
            }
            block.save(saver, &format!("visual.layer{}.{}", place.0, place.1));
            place.1 += 1;
        }
        self.pool.save(saver);
    }

    /// [pictures, 3, side, side] to `[pictures, embed_dim]`, not normalised.
    pub fn forward(&self, pictures: Tensor<4>) -> Tensor<2> {
        self.pooled(self.features(pictures, &mut None))
    }

    /// [`Self::forward`] with the statistics of the pictures at hand, which it also returns: mean and biased
    /// variance of every norm, in the order of [`Self::layers`].
    pub fn forward_training(&self, pictures: Tensor<4>) -> (Tensor<2>, Vec<Statistics>) {
        let mut seen = Some(Vec::new());
        let map = self.features(pictures, &mut seen);
        (self.pooled(map), seen.unwrap_or_default())
    }

    fn pooled(&self, map: Tensor<4>) -> Tensor<2> {
        let [count, channels, height, width] = map.dims();
        self.pool.forward(map.reshape([count, channels, height * width]).swap_dims(1, 2))
    }

    /// The last feature map, [pictures, channels, side, side].
    pub fn features(&self, pictures: Tensor<4>, seen: &mut Option<Vec<Statistics>>) -> Tensor<4> {
        let mut map = pictures;
        for layer in &self.stem {
            map = relu(layer.forward(map, seen));
        }
        map = shrink(map, 2);
        for block in &self.blocks {
            map = block.forward(map, seen);
        }
        map
    }

    /// The convolutions and their norms, in the order in which a picture passes them; of a bottleneck the
    /// shortcut comes last.
    pub fn layers(&self) -> impl Iterator<Item = &ConvNorm> {
        let blocks = self.blocks.iter().flat_map(|block| {
            [&block.narrow, &block.spread, &block.widen].into_iter().chain(&block.shortcut)
        });
        self.stem.iter().chain(blocks)
    }
}

impl ConvNorm {
    /// `names` of the convolution and the norm; `sizes`: channels in, channels out, side of the kernel.
    fn load(loader: &mut Loader<'_>, names: [&str; 2], sizes: [usize; 3], stride: usize) -> Self {
        let [inputs, outputs, side] = sizes;
        let around = side / 2;
        let config = Conv2dConfig::new([inputs, outputs], [side, side])
            .with_stride([stride, stride])
            .with_padding(PaddingConfig2d::Explicit(around, around, around, around))
            .with_bias(false);
        Self { conv: loader.conv(names[0], &config), norm: loader.batch_norm(names[1], outputs) }
    }

    fn save(&self, saver: &mut Saver, [conv, norm]: [&str; 2]) {
        saver.tensor(&format!("{conv}.weight"), self.conv.weight.val());
        saver.batch_norm(norm, &self.norm);
    }

    /// Normalises with the running statistics, or with the pictures' own where those are to be `seen`.
    fn forward(&self, map: Tensor<4>, seen: &mut Option<Vec<Statistics>>) -> Tensor<4> {
        let map = self.conv.forward(map);
        let BatchNorm { gamma, beta, running_mean, running_var, epsilon, .. } = &self.norm;
        let Some(seen) = seen else {
            let (mean, variance) = (running_mean.value(), running_var.value());
            return batch_norm(map, gamma.val(), beta.val(), mean, variance, *epsilon);
        };
        let trained = batch_norm_train(map, gamma.val(), beta.val(), *epsilon);
        seen.push((trained.mean, trained.variance));
        trained.output
    }
}

impl Bottleneck {
    fn load(loader: &mut Loader<'_>, prefix: &str, [inputs, planes]: [usize; 2], stride: usize) -> Self {
        let mut layer = |conv: &str, norm: &str, sizes: [usize; 3]| {
            ConvNorm::load(loader, [&format!("{prefix}.{conv}"), &format!("{prefix}.{norm}")], sizes, 1)
        };
        let outputs = planes * EXPANSION;
        Self {
            narrow: layer("conv1", "bn1", [inputs, planes, 1]),
            spread: layer("conv2", "bn2", [planes, planes, 3]),
            widen: layer("conv3", "bn3", [planes, outputs, 1]),
            shortcut: (stride > 1 || inputs != outputs)
                .then(|| layer("downsample.0", "downsample.1", [inputs, outputs, 1])),
            stride,
        }
    }

    fn save(&self, saver: &mut Saver, prefix: &str) {
        let mut layer = |layer: &ConvNorm, conv: &str, norm: &str| {
            layer.save(saver, [&format!("{prefix}.{conv}"), &format!("{prefix}.{norm}")]);
        };
        layer(&self.narrow, "conv1", "bn1");
        layer(&self.spread, "conv2", "bn2");
        layer(&self.widen, "conv3", "bn3");
        if let Some(shortcut) = &self.shortcut {
            layer(shortcut, "downsample.0", "downsample.1");
        }
    }

    fn forward(&self, map: Tensor<4>, seen: &mut Option<Vec<Statistics>>) -> Tensor<4> {
        let narrow = relu(self.narrow.forward(map.clone(), seen));
        let spread = relu(self.spread.forward(narrow, seen));
        let wide = self.widen.forward(shrink(spread, self.stride), seen);
        let shortcut = match &self.shortcut {
            Some(layer) => layer.forward(shrink(map, self.stride), seen),
            None => map,
        };
        relu(wide + shortcut)
    }
}

/// Means of squares of `stride` x `stride` pixels.
fn shrink(map: Tensor<4>, stride: usize) -> Tensor<4> {
    if stride == 1 {
        return map;
    }
    avg_pool2d(map, AvgPoolOptions::new([stride, stride]).with_stride([stride, stride]))
}

impl AttentionPool {
    fn load(loader: &mut Loader<'_>, config: &ResNetConfig, embed_dim: usize) -> Self {
        let width = config.features();
        Self {
            positions: Param::from_tensor(
                loader.tensor("visual.attnpool.positional_embedding", [config.tokens(), width]),
            ),
            query: loader.linear("visual.attnpool.q_proj", width, width),
            key: loader.linear("visual.attnpool.k_proj", width, width),
            value: loader.linear("visual.attnpool.v_proj", width, width),
            out: loader.linear("visual.attnpool.c_proj", width, embed_dim),
            heads: config.heads,
        }
    }

    fn save(&self, saver: &mut Saver) {
        saver.tensor("visual.attnpool.positional_embedding", self.positions.val());
        saver.linear("visual.attnpool.q_proj", &self.query);
        saver.linear("visual.attnpool.k_proj", &self.key);
        saver.linear("visual.attnpool.v_proj", &self.value);
        saver.linear("visual.attnpool.c_proj", &self.out);
    }

    pub fn embedding_len(&self) -> usize {
        let [_, length] = self.out.weight.dims();
        length
    }

    /// The pixels of feature maps, [pictures, pixels, width], to embeddings, `[pictures, embed_dim]`.
    pub fn forward(&self, pixels: Tensor<3>) -> Tensor<2> {
        let [pictures, _, width] = pixels.dims();
        let mean = pixels.clone().mean_dim(1);
        let tokens = Tensor::cat(vec![mean, pixels], 1) + self.positions.val().unsqueeze::<3>();
        let by_head = |tokens: Tensor<3>| {
            let [_, count, _] = tokens.dims();
            tokens.reshape([pictures, count, self.heads, width / self.heads]).swap_dims(1, 2)
        };
        let query = by_head(self.query.forward(tokens.clone().narrow(1, 0, 1)));
        let key = by_head(self.key.forward(tokens.clone()));
        let value = by_head(self.value.forward(tokens));
        let seen = attention(query, key, value, None, None, AttentionModuleOptions::default());
        self.out.forward(seen.swap_dims(1, 2).reshape([pictures, width]))
    }
}

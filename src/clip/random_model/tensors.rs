//! The weights of a random model.

use std::borrow::Cow;
use std::f32::consts::LN_10;

use safetensors::tensor::{Dtype, View};

use super::{Sizes, Tower, Vision};
use crate::clip::config::ResNetConfig;
use crate::clip::weights::layout::{BlockNames, CheckpointLayout, LOGIT_BIAS, LOGIT_SCALE};
use crate::random::SplitMix64;

/// A tensor whose numbers are drawn when they are written, so that a large model needs little memory.
pub(super) struct RandomTensor {
    shape: Vec<usize>,
    fill: Fill,
    seed: u64,
}

#[derive(Clone, Copy)]
enum Fill {
    Constant(f32),
    /// Uniform around zero with this standard deviation.
    Deviation(f32),
}

impl View for RandomTensor {
    fn dtype(&self) -> Dtype {
        Dtype::F32
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        let count: usize = self.shape.iter().product();
        let mut random = SplitMix64::new(self.seed);
        let mut value = || match self.fill {
            Fill::Constant(value) => value,
            // From -sqrt(3) to sqrt(3) the deviation is 1.
            Fill::Deviation(deviation) => 3_f32.sqrt() * deviation * (2.0 * random.unit() - 1.0),
        };
        Cow::Owned((0..count).flat_map(|_| value().to_le_bytes()).collect())
    }

    fn data_len(&self) -> usize {
        4 * self.shape.iter().product::<usize>()
    }
}

/// All tensors, with the deviations from which CLIP's authors start training, except that pictures have more
/// influence: else all embeddings would be almost alike.
pub(super) fn tensors(sizes: &Sizes, vocab_size: usize, seed: u64) -> Vec<(String, RandomTensor)> {
    let mut tensors = TensorList { layout: CheckpointLayout::HUGGING_FACE, list: Vec::new() };
    match sizes.vision {
        Vision::Vit { patch_size, tower } => tensors.vit(sizes, patch_size, tower),
        Vision::Siglip { patch_size, tower } => {
            tensors.layout = CheckpointLayout::HUGGING_FACE_SIGLIP;
            tensors.siglip(sizes, patch_size, tower);
        }
        Vision::ResNet { width, layers } => {
            tensors.layout = CheckpointLayout::OPEN_CLIP;
            tensors.resnet(sizes, width, layers);
        }
    }
    tensors.text(sizes, vocab_size);
    if matches!(sizes.vision, Vision::Siglip { .. }) {
        // A scale of 10, and a bias that makes nearly all pairs unlikely (Zhai et al., 2023, section 3.2,
        // <https://arxiv.org/abs/2303.15343>).
        tensors.add(LOGIT_SCALE, &[1], Fill::Constant(LN_10));
        tensors.add(LOGIT_BIAS, &[1], Fill::Constant(-10.0));
    } else {
        // ln(1 / 0.07).
        tensors.add(LOGIT_SCALE, &[], Fill::Constant(2.6592));
    }

    let seeds = (0_u64..).map(|index| seed.wrapping_add(index << 40));
    let tensor = |((name, shape, fill), seed)| (name, RandomTensor { shape, fill, seed });
    tensors.list.into_iter().zip(seeds).map(tensor).collect()
}

/// The tensors so far, named as in `layout`.
struct TensorList {
    layout: CheckpointLayout,
    list: Vec<(String, Vec<usize>, Fill)>,
}

impl TensorList {
    fn add(&mut self, name: &str, shape: &[usize], fill: Fill) {
        self.list.push((name.to_owned(), shape.to_vec(), fill));
    }

    fn vit(&mut self, sizes: &Sizes, patch_size: usize, tower: Tower) {
        let names = self.layout.vision();
        let tokens = (sizes.image_size / patch_size).pow(2) + 1;
        self.add(names.class_embedding, &[tower.width], fan_in(tower.width));
        let patch = [tower.width, 3, patch_size, patch_size];
        self.add(&format!("{}.weight", names.patch_embedding), &patch, Fill::Deviation(0.02));
        self.add(names.positional_embedding, &[tokens, tower.width], Fill::Deviation(0.02));
        self.norm(names.ln_pre, tower.width);
        self.blocks(names.resblocks, names.block, tower);
        self.norm(names.ln_post, tower.width);
        self.projection(names.proj, tower.width, sizes.embed_dim);
    }

    fn siglip(&mut self, sizes: &Sizes, patch_size: usize, tower: Tower) {
        let names = self.layout.vision();
        let width = tower.width;
        let patch = [width, 3, patch_size, patch_size];
        self.add(&format!("{}.weight", names.patch_embedding), &patch, Fill::Deviation(0.02));
        self.add(&format!("{}.bias", names.patch_embedding), &[width], Fill::Deviation(0.02));
        let tokens = (sizes.image_size / patch_size).pow(2);
        self.add(names.positional_embedding, &[tokens, width], Fill::Deviation(0.02));
        self.blocks(names.resblocks, names.block, tower);
        self.norm(names.ln_post, width);
        let pool = names.attn_pool;
        self.add(pool.probe, &[1, 1, width], Fill::Deviation(0.02));
        for (weight, bias, parts) in pool.in_proj {
            self.add(weight, &[parts * width, width], fan_in(width));
            self.add(bias, &[parts * width], Fill::Deviation(0.02));
        }
        self.linear(pool.out_proj, width, width, fan_in(width));
        self.norm(pool.layernorm, width);
        self.linear(pool.mlp.c_fc, width, 4 * width, fan_in(width));
        self.linear(pool.mlp.c_proj, 4 * width, width, fan_in(4 * width));
    }

    fn text(&mut self, sizes: &Sizes, vocab_size: usize) {
        let names = self.layout.text();
        let tower = sizes.text;
        self.add(names.token_embedding, &[vocab_size, tower.width], Fill::Deviation(0.02));
        self.add(names.positional_embedding, &[sizes.context_length, tower.width], Fill::Deviation(0.01));
        self.blocks(names.resblocks, names.block, tower);
        self.norm(names.ln_final, tower.width);
        if self.layout == CheckpointLayout::HUGGING_FACE_SIGLIP {
            self.linear(names.text_projection, tower.width, sizes.embed_dim, fan_in(tower.width));
        } else {
            self.projection(names.text_projection, tower.width, sizes.embed_dim);
        }
    }

    fn resnet(&mut self, sizes: &Sizes, width: usize, layers: [usize; 4]) {
        let config = ResNetConfig {
            image_size: sizes.image_size,
            width,
            layers,
            heads: ResNetConfig::heads_of(width),
        };
        let half = width / 2;
        self.conv("visual.conv1", "visual.bn1", [3, half, 3], 1.0);
        self.conv("visual.conv2", "visual.bn2", [half, half, 3], 1.0);
        self.conv("visual.conv3", "visual.bn3", [half, width, 3], 1.0);
        let mut channels = width;
        for (layer, &count) in layers.iter().enumerate() {
            let planes = width << layer;
            for block in 0..count {
                let prefix = format!("visual.layer{}.{block}", layer + 1);
                let mut conv = |conv: &str, norm: &str, sizes: [usize; 3], gamma: f32| {
                    self.conv(&format!("{prefix}.{conv}"), &format!("{prefix}.{norm}"), sizes, gamma);
                };
                conv("conv1", "bn1", [channels, planes, 1], 1.0);
                conv("conv2", "bn2", [planes, planes, 3], 1.0);
                // A block begins by adding little to its input, which makes training easier (Goyal et al.,
                // 2017, section 5.1, <https://arxiv.org/abs/1706.02677>).
                conv("conv3", "bn3", [planes, 4 * planes, 1], 0.2);
                if block == 0 {
                    conv("downsample.0", "downsample.1", [channels, 4 * planes, 1], 1.0);
                }
                channels = 4 * planes;
            }
        }
        let features = config.features();
        let positions = [config.tokens(), features];
        self.add("visual.attnpool.positional_embedding", &positions, fan_in(features));
        for part in ["q_proj", "k_proj", "v_proj"] {
            self.linear(&format!("visual.attnpool.{part}"), features, features, fan_in(features));
        }
        self.linear("visual.attnpool.c_proj", features, sizes.embed_dim, fan_in(features));
    }

    /// A convolution and its batch norm; the sizes: channels in, channels out, side of the kernel.
    fn conv(&mut self, conv: &str, norm: &str, [inputs, outputs, side]: [usize; 3], gamma: f32) {
        let deviation = Fill::Deviation((2.0 / (inputs * side * side) as f32).sqrt());
        self.add(&format!("{conv}.weight"), &[outputs, inputs, side, side], deviation);
        self.add(&format!("{norm}.weight"), &[outputs], Fill::Constant(gamma));
        self.add(&format!("{norm}.bias"), &[outputs], Fill::Constant(0.0));
        self.add(&format!("{norm}.running_mean"), &[outputs], Fill::Constant(0.0));
        self.add(&format!("{norm}.running_var"), &[outputs], Fill::Constant(1.0));
    }

    fn norm(&mut self, prefix: &str, width: usize) {
        self.add(&format!("{prefix}.weight"), &[width], Fill::Constant(1.0));
        self.add(&format!("{prefix}.bias"), &[width], Fill::Constant(0.0));
    }

    fn linear(&mut self, prefix: &str, inputs: usize, outputs: usize, fill: Fill) {
        self.add(&format!("{prefix}.weight"), &[outputs, inputs], fill);
        self.add(&format!("{prefix}.bias"), &[outputs], Fill::Deviation(0.02));
    }

    /// The final projection of a tower.
    fn projection(&mut self, name: &str, inputs: usize, outputs: usize) {
        let shape =
            if self.layout.projection_is_transposed() { [outputs, inputs] } else { [inputs, outputs] };
        self.add(name, &shape, fan_in(inputs));
    }

    fn blocks(&mut self, prefix: &str, names: &BlockNames, tower: Tower) {
        let width = tower.width;
        for layer in 0..tower.layers {
            for (weight, bias, parts) in names.in_proj {
                self.add(&format!("{prefix}.{layer}.{weight}"), &[parts * width, width], fan_in(width));
                self.add(&format!("{prefix}.{layer}.{bias}"), &[parts * width], Fill::Deviation(0.02));
            }
            self.linear(&format!("{prefix}.{layer}.{}", names.out_proj), width, width, fan_in(width));
            self.linear(&format!("{prefix}.{layer}.{}", names.mlp.c_fc), width, 4 * width, fan_in(width));
            self.linear(
                &format!("{prefix}.{layer}.{}", names.mlp.c_proj),
                4 * width,
                width,
                fan_in(4 * width),
            );
        }
        for layer in 0..tower.layers {
            self.norm(&format!("{prefix}.{layer}.{}", names.ln_1), width);
            self.norm(&format!("{prefix}.{layer}.{}", names.ln_2), width);
        }
    }
}

/// A deviation of 1 / sqrt(width), with which a sum over `width` numbers keeps their size.
fn fan_in(width: usize) -> Fill {
    Fill::Deviation((width as f32).sqrt().recip())
}

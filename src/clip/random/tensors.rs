//! The weights of a random model.

use std::borrow::Cow;
use std::f32::consts::LN_10;

use safetensors::tensor::{Dtype, View};

use super::{Sizes, Tower, Vision};
use crate::clip::config::ResNetConfig;
use crate::clip::weights::layout::{BlockNames, LOGIT_BIAS, LOGIT_SCALE, Layout};

/// Numbers that are made when they are written, so that a large model needs little memory.
pub(in crate::clip) struct RandomTensor {
    shape: Vec<usize>,
    fill: Fill,
    seed: u64,
}

#[derive(Clone, Copy)]
enum Fill {
    Constant(f32),
    /// Evenly distributed around zero with this standard deviation.
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
        let mut state = self.seed;
        let mut value = || match self.fill {
            Fill::Constant(value) => value,
            // A range of +-sqrt(3) has the deviation 1.
            Fill::Deviation(deviation) => 3_f32.sqrt() * deviation * (2.0 * next_uniform(&mut state) - 1.0),
        };
        Cow::Owned((0..count).flat_map(|_| value().to_le_bytes()).collect())
    }

    fn data_len(&self) -> usize {
        4 * self.shape.iter().product::<usize>()
    }
}

/// The next number from 0 to 1 of `SplitMix64` (Steele et al., 2014).
fn next_uniform(state: &mut u64) -> f32 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    let bits = ((z ^ (z >> 31)) >> 40) as f32;
    bits / 16_777_216.0
}

/// All tensors with the deviations that CLIP's authors start training from, except that pictures count for
/// more: at first all embeddings would be almost alike.
pub(in crate::clip) fn tensors(sizes: &Sizes, vocab_size: usize, seed: u64) -> Vec<(String, RandomTensor)> {
    let mut tensors = Tensors { layout: Layout::HUGGING_FACE, list: Vec::new() };
    match sizes.vision {
        Vision::Vit { patch_size, tower } => tensors.vit(sizes, patch_size, tower),
        Vision::Siglip { patch_size, tower } => {
            tensors.layout = Layout::HUGGING_FACE_SIGLIP;
            tensors.siglip(sizes, patch_size, tower);
        }
        Vision::ResNet { width, layers } => {
            tensors.layout = Layout::OPEN_CLIP;
            tensors.resnet(sizes, width, layers);
        }
    }
    tensors.text(sizes, vocab_size);
    if matches!(sizes.vision, Vision::Siglip { .. }) {
        // A scale of 10, and what makes nearly all pairs unlikely (Zhai et al., 2023, section 3.2,
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
struct Tensors {
    layout: Layout,
    list: Vec<(String, Vec<usize>, Fill)>,
}

impl Tensors {
    fn add(&mut self, name: &str, shape: &[usize], fill: Fill) {
        self.list.push((name.to_owned(), shape.to_vec(), fill));
    }

    fn vit(&mut self, sizes: &Sizes, patch_size: usize, tower: Tower) {
        let names = self.layout.vision();
        let tokens = (sizes.image_size / patch_size).pow(2) + 1;
        self.add(names.class, &[tower.width], narrow(tower.width));
        let patch = [tower.width, 3, patch_size, patch_size];
        self.add(&format!("{}.weight", names.patches), &patch, Fill::Deviation(0.02));
        self.add(names.positions, &[tokens, tower.width], Fill::Deviation(0.02));
        self.norm(names.norm_before, tower.width);
        self.blocks(names.blocks, names.block, tower);
        self.norm(names.norm_after, tower.width);
        self.projection(names.projection, tower.width, sizes.embed_dim);
    }

    fn siglip(&mut self, sizes: &Sizes, patch_size: usize, tower: Tower) {
        let names = self.layout.vision();
        let width = tower.width;
        let patch = [width, 3, patch_size, patch_size];
        self.add(&format!("{}.weight", names.patches), &patch, Fill::Deviation(0.02));
        self.add(&format!("{}.bias", names.patches), &[width], Fill::Deviation(0.02));
        let tokens = (sizes.image_size / patch_size).pow(2);
        self.add(names.positions, &[tokens, width], Fill::Deviation(0.02));
        self.blocks(names.blocks, names.block, tower);
        self.norm(names.norm_after, width);
        let pool = names.pool;
        self.add(pool.probe, &[1, 1, width], Fill::Deviation(0.02));
        for (weight, bias, parts) in pool.inputs {
            self.add(weight, &[parts * width, width], narrow(width));
            self.add(bias, &[parts * width], Fill::Deviation(0.02));
        }
        self.linear(pool.out, width, width, narrow(width));
        self.norm(pool.norm, width);
        self.linear(pool.up, width, 4 * width, narrow(width));
        self.linear(pool.down, 4 * width, width, narrow(4 * width));
    }

    fn text(&mut self, sizes: &Sizes, vocab_size: usize) {
        let names = self.layout.text();
        let tower = sizes.text;
        self.add(names.tokens, &[vocab_size, tower.width], Fill::Deviation(0.02));
        self.add(names.positions, &[sizes.context_length, tower.width], Fill::Deviation(0.01));
        self.blocks(names.blocks, names.block, tower);
        self.norm(names.norm_after, tower.width);
        if self.layout == Layout::HUGGING_FACE_SIGLIP {
            self.linear(names.projection, tower.width, sizes.embed_dim, narrow(tower.width));
        } else {
            self.projection(names.projection, tower.width, sizes.embed_dim);
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
                // At first a block adds little to its input, which is easier to train (Goyal et al., 2017,
                // section 5.1, <https://arxiv.org/abs/1706.02677>).
                conv("conv3", "bn3", [planes, 4 * planes, 1], 0.2);
                if block == 0 {
                    conv("downsample.0", "downsample.1", [channels, 4 * planes, 1], 1.0);
                }
                channels = 4 * planes;
            }
        }
        let features = config.features();
        let positions = [config.tokens(), features];
        self.add("visual.attnpool.positional_embedding", &positions, narrow(features));
        for part in ["q_proj", "k_proj", "v_proj"] {
            self.linear(&format!("visual.attnpool.{part}"), features, features, narrow(features));
        }
        self.linear("visual.attnpool.c_proj", features, sizes.embed_dim, narrow(features));
    }

    /// A convolution and its norm; `sizes`: channels in, channels out, side of the kernel.
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

    /// The projection at the end of a tower.
    fn projection(&mut self, name: &str, inputs: usize, outputs: usize) {
        let shape =
            if self.layout.projection_is_transposed() { [outputs, inputs] } else { [inputs, outputs] };
        self.add(name, &shape, narrow(inputs));
    }

    fn blocks(&mut self, prefix: &str, names: &BlockNames, tower: Tower) {
        let width = tower.width;
        for layer in 0..tower.layers {
            for (weight, bias, parts) in names.inputs {
                self.add(&format!("{prefix}.{layer}.{weight}"), &[parts * width, width], narrow(width));
                self.add(&format!("{prefix}.{layer}.{bias}"), &[parts * width], Fill::Deviation(0.02));
            }
            self.linear(&format!("{prefix}.{layer}.{}", names.out), width, width, narrow(width));
            self.linear(&format!("{prefix}.{layer}.{}", names.up), width, 4 * width, narrow(width));
            self.linear(&format!("{prefix}.{layer}.{}", names.down), 4 * width, width, narrow(4 * width));
        }
        for layer in 0..tower.layers {
            self.norm(&format!("{prefix}.{layer}.{}", names.norm_1), width);
            self.norm(&format!("{prefix}.{layer}.{}", names.norm_2), width);
        }
    }
}

/// 1 / sqrt(width): what a sum over `width` numbers is to be multiplied by to stay of the same size.
fn narrow(width: usize) -> Fill {
    Fill::Deviation((width as f32).sqrt().recip())
}

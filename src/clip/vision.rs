//! The image tower, and its most common kind: a vision transformer (Dosovitskiy et al., 2020, <https://arxiv.org/abs/2010.11929>) as CLIP
//! uses it (Radford et al., 2021, <https://arxiv.org/abs/2103.00020>).

use burn::module::{Module, Param};
use burn::nn::LayerNorm;
use burn::tensor::Tensor;

use super::block::Block;
use super::config::{VisionConfig, VitConfig};
use super::loader::Loader;
use super::resnet::ResNet;
use super::saver::Saver;

/// The image tower, one variant for each kind.
#[derive(Module, Debug)]
pub(crate) enum VisionTower {
    Vit(Vit),
    ResNet(ResNet),
}

impl VisionTower {
    pub fn load(loader: &mut Loader<'_>, config: &VisionConfig, embed_dim: usize) -> Self {
        match config {
            VisionConfig::Vit(vit) => Self::Vit(Vit::load(loader, vit, embed_dim)),
            VisionConfig::ResNet(resnet) => Self::ResNet(ResNet::load(loader, resnet, embed_dim)),
        }
    }

    pub fn save(&self, saver: &mut Saver) {
        match self {
            Self::Vit(vit) => vit.save(saver),
            Self::ResNet(resnet) => resnet.save(saver),
        }
    }

    /// [pictures, 3, side, side] to `[pictures, embed_dim]`, not normalised.
    pub fn forward(&self, pictures: Tensor<4>) -> Tensor<2> {
        match self {
            Self::Vit(vit) => vit.forward(pictures),
            Self::ResNet(resnet) => resnet.forward(pictures),
        }
    }
}

/// A vision transformer with a class token.
#[derive(Module, Debug)]
pub(crate) struct Vit {
    /// [3 * side * side, width]: the convolution whose stride is its size, as a matrix.
    pub patches: Param<Tensor<2>>,
    pub class: Param<Tensor<1>>,
    /// [tokens, width], the class token's first.
    pub positions: Param<Tensor<2>>,
    pub norm_before: LayerNorm,
    pub blocks: Vec<Block>,
    pub norm_after: LayerNorm,
    /// `[width, embed_dim]`.
    pub projection: Param<Tensor<2>>,
    patch_size: usize,
}

impl Vit {
    fn load(loader: &mut Loader<'_>, config: &VitConfig, embed_dim: usize) -> Self {
        let names = loader.layout().vision();
        let transformer = &config.transformer;
        let (width, epsilon) = (transformer.width, transformer.epsilon);
        Self {
            patches: Param::from_tensor(loader.patches(names.patches, width, config.patch_size)),
            class: Param::from_tensor(loader.tensor(names.class, [width])),
            positions: Param::from_tensor(loader.tensor(names.positions, [config.tokens(), width])),
            norm_before: loader.norm(names.norm_before, width, epsilon),
            blocks: (0..transformer.layers)
                .map(|layer| Block::load(loader, &format!("{}.{layer}", names.blocks), transformer))
                .collect(),
            norm_after: loader.norm(names.norm_after, width, epsilon),
            projection: Param::from_tensor(loader.projection(names.projection, width, embed_dim)),
            patch_size: config.patch_size,
        }
    }

    fn save(&self, saver: &mut Saver) {
        let names = saver.layout().vision();
        saver.patches(names.patches, self.patches.val(), self.patch_size);
        saver.tensor(names.class, self.class.val());
        saver.tensor(names.positions, self.positions.val());
        saver.norm(names.norm_before, &self.norm_before);
        for (layer, block) in self.blocks.iter().enumerate() {
            block.save(saver, &format!("{}.{layer}", names.blocks));
        }
        saver.norm(names.norm_after, &self.norm_after);
        saver.projection(names.projection, self.projection.val());
    }

    fn forward(&self, pictures: Tensor<4>) -> Tensor<2> {
        let mut tokens = self.norm_before.forward(self.tokens(pictures));
        // Only the class token leaves the tower, so the last block computes nothing else.
        if let Some((last, blocks)) = self.blocks.split_last() {
            for block in blocks {
                tokens = block.forward(tokens);
            }
            tokens = last.forward_first(tokens);
        }
        self.norm_after.forward(tokens).squeeze_dim::<2>(1).matmul(self.projection.val())
    }

    /// The class token and one token a patch, with their positions: [pictures, tokens, width].
    fn tokens(&self, pictures: Tensor<4>) -> Tensor<3> {
        let [count, channels, _, side] = pictures.dims();
        let (patch, grid) = (self.patch_size, side / self.patch_size);
        let used = grid * patch;
        let patches = pictures
            .narrow(2, 0, used)
            .narrow(3, 0, used)
            .reshape([count, channels, grid, patch, grid, patch])
            .permute([0, 2, 4, 1, 3, 5])
            .reshape([count, grid * grid, channels * patch * patch]);
        let embedded = patches.matmul(self.patches.val().unsqueeze::<3>());
        let class = self.class.val().unsqueeze::<3>().expand([count as i64, 1, -1]);
        Tensor::cat(vec![class, embedded], 1) + self.positions.val().unsqueeze::<3>()
    }
}

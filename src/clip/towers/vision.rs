//! The image tower, and its most common kind: a vision transformer (Dosovitskiy et al., 2020,
//! <https://arxiv.org/abs/2010.11929>) as CLIP uses it (Radford et al., 2021,
//! <https://arxiv.org/abs/2103.00020>).

use burn::module::{Module, Param};
use burn::nn::LayerNorm;
use burn::tensor::Tensor;

use super::block::Block;
use super::pool::Pool;
use super::resnet::ResNet;
use crate::clip::config::{VisionConfig, VitConfig, VitHead};
use crate::clip::weights::loader::Loader;
use crate::clip::weights::saver::Saver;

/// The image tower, one variant for each kind.
#[derive(Module, Debug)]
#[allow(clippy::large_enum_variant, reason = "there is one for each model")]
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

/// A vision transformer: CLIP's, whose class token is projected, or SigLIP's, whose tokens are pooled.
#[derive(Module, Debug)]
pub(crate) struct Vit {
    /// [3 * side * side, width]: the convolution whose stride is its size, as a matrix.
    pub patches: Param<Tensor<2>>,
    /// SigLIP's.
    pub patch_bias: Option<Param<Tensor<1>>>,
    /// CLIP's.
    pub class: Option<Param<Tensor<1>>>,
    /// [tokens, width], the class token's first where there is one.
    pub positions: Param<Tensor<2>>,
    /// CLIP's.
    pub norm_before: Option<LayerNorm>,
    pub blocks: Vec<Block>,
    pub norm_after: LayerNorm,
    /// CLIP's: `[width, embed_dim]`.
    pub projection: Option<Param<Tensor<2>>>,
    /// SigLIP's.
    pub pool: Option<Pool>,
    patch_size: usize,
}

impl Vit {
    fn load(loader: &mut Loader<'_>, config: &VitConfig, embed_dim: usize) -> Self {
        let names = loader.layout().vision();
        let transformer = &config.transformer;
        let (width, epsilon) = (transformer.width, transformer.epsilon);
        let is_clip = config.head == VitHead::ClassToken;
        let patches = loader.patches(&format!("{}.weight", names.patches), width, config.patch_size);
        Self {
            patches: Param::from_tensor(patches),
            patch_bias: (!is_clip)
                .then(|| Param::from_tensor(loader.tensor(&format!("{}.bias", names.patches), [width]))),
            class: is_clip.then(|| Param::from_tensor(loader.tensor(names.class, [width]))),
            positions: Param::from_tensor(loader.tensor(names.positions, [config.tokens(), width])),
            norm_before: is_clip.then(|| loader.norm(names.norm_before, width, epsilon)),
            blocks: (0..transformer.layers)
                .map(|layer| {
                    Block::load(loader, names.block, &format!("{}.{layer}", names.blocks), transformer)
                })
                .collect(),
            norm_after: loader.norm(names.norm_after, width, epsilon),
            projection: is_clip
                .then(|| Param::from_tensor(loader.projection(names.projection, width, embed_dim))),
            pool: (!is_clip).then(|| Pool::load(loader, transformer)),
            patch_size: config.patch_size,
        }
    }

    fn save(&self, saver: &mut Saver) {
        let names = saver.layout().vision();
        saver.patches(&format!("{}.weight", names.patches), self.patches.val(), self.patch_size);
        if let Some(bias) = &self.patch_bias {
            saver.tensor(&format!("{}.bias", names.patches), bias.val());
        }
        if let Some(class) = &self.class {
            saver.tensor(names.class, class.val());
        }
        saver.tensor(names.positions, self.positions.val());
        if let Some(norm) = &self.norm_before {
            saver.norm(names.norm_before, norm);
        }
        for (layer, block) in self.blocks.iter().enumerate() {
            block.save(saver, names.block, &format!("{}.{layer}", names.blocks));
        }
        saver.norm(names.norm_after, &self.norm_after);
        if let Some(projection) = &self.projection {
            saver.projection(names.projection, projection.val());
        }
        if let Some(pool) = &self.pool {
            pool.save(saver);
        }
    }

    fn forward(&self, pictures: Tensor<4>) -> Tensor<2> {
        let tokens = self.tokens(pictures);
        let mut tokens = match &self.norm_before {
            Some(norm) => norm.forward(tokens),
            None => tokens,
        };
        let Some(pool) = &self.pool else {
            // Only the class token leaves the tower, so the last block computes nothing else.
            if let Some((last, blocks)) = self.blocks.split_last() {
                for block in blocks {
                    tokens = block.forward(tokens);
                }
                tokens = last.forward_first(tokens);
            }
            let class = self.norm_after.forward(tokens).squeeze_dim::<2>(1);
            return match &self.projection {
                Some(projection) => class.matmul(projection.val()),
                None => class,
            };
        };
        for block in &self.blocks {
            tokens = block.forward(tokens);
        }
        pool.forward(self.norm_after.forward(tokens))
    }

    /// The class token, where there is one, and one token a patch, with their positions: [pictures, tokens,
    /// width].
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
        let mut tokens = patches.matmul(self.patches.val().unsqueeze::<3>());
        if let Some(bias) = &self.patch_bias {
            tokens = tokens + bias.val().unsqueeze::<3>();
        }
        if let Some(class) = &self.class {
            let class = class.val().unsqueeze::<3>().expand([count as i64, 1, -1]);
            tokens = Tensor::cat(vec![class, tokens], 1);
        }
        tokens + self.positions.val().unsqueeze::<3>()
    }
}

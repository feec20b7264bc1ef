//! The image tower, of whichever kind.

use burn::module::Module;
use burn::tensor::Tensor;

use super::resnet::ModifiedResNet;
use super::vit::VisionTransformer;
use crate::clip::config::VisionConfig;
use crate::clip::dense::DenseAttention;
use crate::clip::weights::loader::Loader;
use crate::clip::weights::saver::Saver;

/// The image tower: one variant for each kind.
#[derive(Module, Debug)]
#[allow(clippy::large_enum_variant, reason = "there is one for each model")]
pub(crate) enum VisionTower {
    Vit(VisionTransformer),
    ResNet(ModifiedResNet),
}

impl VisionTower {
    pub fn load(loader: &mut Loader<'_>, config: &VisionConfig, embed_dim: usize) -> Self {
        match config {
            VisionConfig::Vit(vit) => Self::Vit(VisionTransformer::load(loader, vit, embed_dim)),
            VisionConfig::ResNet(resnet) => Self::ResNet(ModifiedResNet::load(loader, resnet, embed_dim)),
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

    /// [pictures, 3, height, width] to `[pictures, embeddings, embed_dim]`, not normalised, as
    /// [`DenseGrid`](crate::clip::dense::DenseGrid) tells them apart.
    pub fn forward_dense(&self, pictures: Tensor<4>, attention: DenseAttention) -> Tensor<3> {
        match self {
            Self::Vit(vit) => vit.forward_dense(pictures, attention),
            Self::ResNet(resnet) => resnet.forward_dense(pictures),
        }
    }
}

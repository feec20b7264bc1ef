//! A ResNet made for the processor.
//!
//! - this file: the whole tower, forward
//! - [`folded`]: the layers before the attention pooling, with batch norms folded into convolutions
//! - [`columns`]: their feature maps
//! - [`attention_pool`]: the pooling
//! - [`training`]: the same layers forward and backward, with batch norms of their own
//! - [`batch_norm`]: what a batch norm does

mod attention_pool;
mod batch_norm;
mod columns;
mod folded;
#[cfg(test)]
mod tests;
mod training;

use std::sync::{Mutex, PoisonError};

use half::bf16;

use super::cores::Cores;
use crate::clip::ComputeError;
use crate::clip::config::ResNetConfig;
use crate::clip::device::Precision;
use crate::clip::picture_size::PictureSize;
use crate::clip::towers::resnet::ModifiedResNet;
use attention_pool::CpuAttentionPool2d;
use folded::FoldedTrunk;
pub(in crate::clip) use training::{BatchNormMode, Tape, Trunk};

/// A [`ModifiedResNet`] whose weights are laid out for the processor.
pub(in crate::clip) struct CpuResNet {
    trunk: TrunkOfPrecision,
    attnpool: CpuAttentionPool2d,
    config: ResNetConfig,
}

/// The layers before the attention pooling, which itself is in single precision.
enum TrunkOfPrecision {
    Single(FoldedTrunk<f32>),
    Bf16(FoldedTrunk<bf16>),
}

impl CpuResNet {
    /// Takes the weights of `resnet`, which must lie on burn's flex device in single precision.
    ///
    /// # Errors
    /// If they don't.
    pub fn new(
        resnet: &ModifiedResNet,
        config: &ResNetConfig,
        precision: Precision,
    ) -> Result<Self, ComputeError> {
        let trunk = match precision {
            Precision::Bf16 => TrunkOfPrecision::Bf16(FoldedTrunk::new(resnet)?),
            _ => TrunkOfPrecision::Single(FoldedTrunk::new(resnet)?),
        };
        Ok(Self { trunk, attnpool: CpuAttentionPool2d::new(&resnet.attnpool)?, config: config.clone() })
    }

    /// Pictures that go through the tower together on one core.
    pub fn pass_size(&self) -> usize {
        self.pass_size_of(PictureSize::square(self.config.image_size))
    }

    /// As many pictures of a size as keep their feature maps, of which those of the stem are
    /// largest, within the caches.
    fn pass_size_of(&self, size: PictureSize) -> usize {
        const VALUES: usize = 640 << 10;
        let stem = size.strided(2).area() * self.config.width;
        (VALUES / stem.max(1)).clamp(1, 32)
    }

    /// Encodes pictures, given as planes of rows one after the other. The embeddings are not normalised.
    ///
    /// # Errors
    /// If burn fails.
    pub fn forward(&self, cores: &Cores, pictures: &[f32]) -> Result<Vec<f32>, ComputeError> {
        let size = PictureSize::square(self.config.image_size);
        self.in_passes(cores, pictures, size, |pixels| self.attnpool.forward(&pixels))
    }

    /// As [`ModifiedResNet::forward_dense`], of pictures of a `size`.
    ///
    /// # Errors
    /// If burn fails.
    pub fn forward_dense(
        &self,
        cores: &Cores,
        pictures: &[f32],
        size: PictureSize,
    ) -> Result<Vec<f32>, ComputeError> {
        self.in_passes(cores, pictures, size, |pixels| self.attnpool.forward_dense(pixels))
    }

    /// Has pictures of a `size` go through the tower on all cores; `pool` makes embeddings of the pixels of
    /// their last feature maps.
    fn in_passes(
        &self,
        cores: &Cores,
        pictures: &[f32],
        size: PictureSize,
        pool: impl Fn(Vec<f32>) -> Result<Vec<f32>, ComputeError> + Sync,
    ) -> Result<Vec<f32>, ComputeError> {
        let picture = 3 * size.area();
        let count = pictures.len() / picture;
        let pass = self.pass_size_of(size).min(count.div_ceil(cores.count())).max(1);
        let parts = Mutex::new(vec![Vec::new(); count.div_ceil(pass)]);
        cores.run(pictures.chunks(pass * picture).enumerate(), |(index, pictures)| {
            let embeddings = pool(match &self.trunk {
                TrunkOfPrecision::Single(trunk) => trunk.forward(pictures, size),
                TrunkOfPrecision::Bf16(trunk) => trunk.forward(pictures, size),
            })?;
            if let Some(part) = parts.lock().unwrap_or_else(PoisonError::into_inner).get_mut(index) {
                *part = embeddings;
            }
            Ok::<_, ComputeError>(())
        })?;
        Ok(parts.into_inner().unwrap_or_else(PoisonError::into_inner).concat())
    }
}

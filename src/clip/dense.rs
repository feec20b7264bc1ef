//! Dense embeddings: one for every cell of a picture instead of one for the picture, from a model that was
//! trained for the latter.
//!
//! A transformer's cells are its patches. All blocks but the last stay as they are; in the last, each patch
//! attends to those that are like it, its values are projected, and residual and MLP are left out
//! ([`DenseAttention`]). SigLIP's pooling is applied to each patch alone. A ResNet's cells are the pixels of
//! its last feature map, each through value and output projection of the attention pooling (`MaskCLIP`, Zhou
//! et al., 2022, <https://arxiv.org/abs/2112.01071>).

use super::ClipError;
use super::config::{ResNetConfig, VisionConfig};
use super::picture_size::PictureSize;

/// By what the patches of a CLIP's transformer attend to each other in the last block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DenseAttention {
    /// `softmax(q q^T / sqrt(d))` (`ClearCLIP`, Lan et al., 2024, <https://arxiv.org/abs/2407.12442>).
    ClearClip,
    /// The sum of that with the same of keys and of values (`SegEarth-OV`, Li et al., 2025,
    /// <https://arxiv.org/abs/2410.01768>).
    #[default]
    SegEarthOv,
}

/// The embeddings of the cells of pictures, each of length one.
#[derive(Clone, Debug, PartialEq)]
pub struct DenseEmbeddings {
    /// Rows and columns of cells of a picture.
    pub grid: PictureSize,
    /// `pictures x rows x columns x embedding_len` values: picture after picture, row by row.
    pub cells: Vec<f32>,
    /// `pictures x embedding_len` values: what the whole picture is to the model. Empty for a ResNet, whose
    /// pictures may be of any size.
    pub pictures: Vec<f32>,
}

/// How the embeddings of a picture lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct DenseGrid {
    /// Rows and columns of cells.
    cells: PictureSize,
    /// Whether the picture's own embedding follows those of its cells.
    has_picture: bool,
}

impl DenseGrid {
    /// The embeddings of a picture of a `size`.
    ///
    /// # Errors
    /// If the model takes none of that size.
    pub fn of(config: &VisionConfig, size: PictureSize) -> Result<Self, ClipError> {
        let is_whole = |side: usize| side > 0 && side.is_multiple_of(ResNetConfig::REDUCTION);
        match config {
            VisionConfig::Vit(vit) if size == PictureSize::square(vit.image_size) => {
                Ok(Self { cells: PictureSize::square(vit.grid()), has_picture: true })
            }
            VisionConfig::ResNet(_) if is_whole(size.height) && is_whole(size.width) => {
                Ok(Self { cells: size.pooled(ResNetConfig::REDUCTION), has_picture: false })
            }
            _ => Err(ClipError::DenseSize { height: size.height, width: size.width }),
        }
    }

    /// Takes apart what an encoder made of pictures.
    pub fn split(self, embeddings: Vec<f32>, embedding_len: usize) -> DenseEmbeddings {
        let grid = self.cells;
        if !self.has_picture {
            return DenseEmbeddings { grid, cells: embeddings, pictures: Vec::new() };
        }
        let cells_len = grid.area() * embedding_len;
        let (mut cells, mut pictures) = (Vec::with_capacity(embeddings.len()), Vec::new());
        for picture in embeddings.chunks_exact(cells_len + embedding_len) {
            let (of_cells, whole) = picture.split_at(cells_len);
            cells.extend_from_slice(of_cells);
            pictures.extend_from_slice(whole);
        }
        DenseEmbeddings { grid, cells, pictures }
    }
}

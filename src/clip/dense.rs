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
use super::overlapping;
use super::picture_size::PictureSize;

/// By what the patches of a CLIP's transformer attend to each other in the last block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum DenseAttention {
    #[value(name = "clearclip", help = "Queries (ClearCLIP)")]
    /// `softmax(q q^T / sqrt(d))` (`ClearCLIP`, Lan et al., 2024, <https://arxiv.org/abs/2407.12442>).
    ClearClip,
    /// The sum of that with the same of keys and of values (`SegEarth-OV`, Li et al., 2025,
    /// <https://arxiv.org/abs/2410.01768>).
    #[default]
    #[value(name = "segearth-ov", help = "Queries, keys and values (SegEarth-OV)")]
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

/// How a model encodes the cells of a scene: from pictures of whole cells, of which those at a margin are
/// only seen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CellModel {
    /// Side of a cell in pixels of the model's input.
    pub side: usize,
    /// Cells along a side of the model's input.
    pub across: usize,
    /// How many pictures of the model's input a cell is seen in.
    pub overlaps: u8,
    /// The sides of the windows that fill the model's input, as shares of the window that is scanned for,
    /// when nobody says which. A ResNet's cells see far beyond themselves, so that windows as large as the
    /// thesis' ones miss what is small (docs/accuracy.md).
    pub window_shares: &'static [f64],
    /// Cells on each side that a cell's embedding depends on.
    pub margin: usize,
    /// Pictures begin and end at multiples of so many cells.
    pub align: usize,
    /// The least number of cells along a side of a picture.
    pub least: usize,
}

impl CellModel {
    /// Pictures of the model's input that a cell takes, a part of one; without what blocks see around them.
    #[must_use]
    pub fn passes(&self) -> f64 {
        f64::from(self.overlaps) / (self.across * self.across) as f64
    }

    /// How a model does; `None` for a transformer whose patches don't fill its input.
    pub(super) fn of(config: &VisionConfig) -> Option<Self> {
        match config {
            VisionConfig::Vit(vit) => {
                let (grid, side) = (vit.grid(), vit.patch_size);
                let align = overlapping::step(grid);
                // A cell lies in windows that begin up to so many steps before it.
                let margin = (grid - 1) / align * align;
                let fills = grid * side == vit.image_size;
                fills.then_some(Self {
                    side,
                    across: grid,
                    overlaps: 4,
                    window_shares: &[1.0],
                    margin,
                    align,
                    least: grid,
                })
            }
            VisionConfig::ResNet(resnet) => Some(Self {
                side: ResNetConfig::REDUCTION,
                across: resnet.grid(),
                overlaps: 1,
                window_shares: &[0.75, 0.5, 0.375],
                margin: margin_of(&resnet.layers),
                align: 1,
                least: 1,
            }),
        }
    }
}

/// Cells on each side that a pixel of a ResNet's last feature map depends on: its receptive field, by the
/// first and last pixel that each layer takes, from the last layer to the first.
fn margin_of(layers: &[usize]) -> usize {
    let cell = ResNetConfig::REDUCTION as i64;
    let (mut first, mut last) = (0, 0);
    let convolve = |stride: i64, (first, last): (i64, i64)| (stride * first - 1, stride * last + 1);
    let pool = |(first, last): (i64, i64)| (2 * first, 2 * last + 1);
    for (layer, &blocks) in layers.iter().enumerate().rev() {
        for block in (0..blocks).rev() {
            if block == 0 && layer > 0 {
                (first, last) = pool((first, last));
            }
            (first, last) = convolve(1, (first, last));
        }
    }
    (first, last) = pool((first, last));
    for stride in [1, 1, 2] {
        (first, last) = convolve(stride, (first, last));
    }
    let cells = |pixels: i64| usize::try_from((pixels + cell - 1) / cell).unwrap_or(0);
    cells(-first).max(cells(last - (cell - 1)))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn margins_by_hand() {
        // Receptive fields of 105, 217 and 457 pixels, which begin 37, 93 and 213 before their cell.
        assert_eq!(margin_of(&[1, 1, 1, 1]), 2);
        assert_eq!(margin_of(&[1, 2, 2, 2]), 3);
        assert_eq!(margin_of(&[3, 4, 6, 3]), 7);
    }
}

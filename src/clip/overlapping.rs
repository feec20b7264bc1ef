//! Windows of a transformer over a larger picture: they overlap by half, and each cell gets the mean of what
//! they make of it.

use super::dense::DenseEmbeddings;
use super::picture_size::PictureSize;

/// How much of the whole window is taken from each of its patches: what all of them share says nothing of a
/// place (`SegEarth-OV`'s global bias, Li et al., 2025, <https://arxiv.org/abs/2410.01768>).
const GLOBAL_BIAS: f32 = 0.3;

/// By how many of its `grid` cells a window moves.
pub fn step(grid: usize) -> usize {
    (grid / 2).max(1)
}

/// The windows over pictures of one size.
pub struct OverlappingWindows {
    /// Rows and columns of cells of a picture.
    cells: PictureSize,
    /// Cells along a side of a window.
    grid: usize,
    /// Pixels along a side of a cell.
    side: usize,
}

impl OverlappingWindows {
    pub fn new(cells: PictureSize, grid: usize, side: usize) -> Self {
        Self { cells, grid, side }
    }

    /// The number of values of a picture.
    pub fn picture_len(&self) -> usize {
        3 * self.cells.area() * self.side * self.side
    }

    /// Rows and columns of the first cells of all windows, row by row.
    fn places(&self) -> impl Iterator<Item = (usize, usize)> {
        let firsts = |cells: usize| (0..=cells.saturating_sub(self.grid)).step_by(step(self.grid));
        firsts(self.cells.height)
            .flat_map(move |row| firsts(self.cells.width).map(move |column| (row, column)))
    }

    /// The windows of a picture one after the other, as planes of rows.
    pub fn cut(&self, picture: &[f32]) -> Vec<f32> {
        let (width, area) = (self.cells.width * self.side, self.cells.area() * self.side * self.side);
        let length = self.grid * self.side;
        let mut windows = Vec::new();
        for (row, column) in self.places() {
            for plane in picture.chunks_exact(area) {
                let lines = plane.chunks_exact(width).skip(row * self.side).take(length);
                lines.for_each(|line| windows.extend_from_slice(&line[column * self.side..][..length]));
            }
        }
        windows
    }

    /// The embeddings of a picture's cells, of length one, from those of its windows' patches.
    pub fn mean(&self, windows: &DenseEmbeddings, embedding_len: usize) -> Vec<f32> {
        let mut sums = vec![0.0; self.cells.area() * embedding_len];
        let patches = windows.cells.chunks_exact(self.grid * self.grid * embedding_len);
        let whole = windows.pictures.chunks_exact(embedding_len);
        for ((first_row, first_column), (patches, whole)) in self.places().zip(patches.zip(whole)) {
            for (index, patch) in patches.chunks_exact(embedding_len).enumerate() {
                let (row, column) = (first_row + index / self.grid, first_column + index % self.grid);
                let sum = &mut sums[(row * self.cells.width + column) * embedding_len..][..embedding_len];
                for (sum, (patch, whole)) in sum.iter_mut().zip(patch.iter().zip(whole)) {
                    *sum += patch - GLOBAL_BIAS * whole;
                }
            }
        }
        for sum in sums.chunks_exact_mut(embedding_len) {
            let length = sum.iter().map(|value| value * value).sum::<f32>().sqrt();
            // Cells that no window covers lie beyond the scene.
            for value in sum {
                *value /= length.max(f32::MIN_POSITIVE);
            }
        }
        sums
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_the_mean_of_its_patches() {
        // Three cells in a row, windows of 2 x 2 cells that move by one, cells of one pixel.
        let windows = OverlappingWindows::new(PictureSize { height: 2, width: 3 }, 2, 1);
        let picture: Vec<f32> = (0..18_u8).map(f32::from).collect();
        let cut = windows.cut(&picture);
        assert_eq!(cut[..4], [0.0, 1.0, 3.0, 4.0]);
        assert_eq!(cut[12..16], [1.0, 2.0, 4.0, 5.0]);
        assert_eq!((windows.picture_len(), cut.len()), (18, 24));
        let east = [1.0, 0.0].repeat(4);
        let south = [0.0, 1.0].repeat(4);
        let dense = DenseEmbeddings {
            grid: PictureSize::square(2),
            cells: [east, south].concat(),
            pictures: vec![0.0; 4],
        };
        let mean = windows.mean(&dense, 2);
        let half = 0.5_f32.sqrt();
        let wanted = [[1.0, 0.0], [half, half], [0.0, 1.0]].concat().repeat(2);
        assert!(mean.iter().zip(wanted).all(|(a, b)| (a - b).abs() < 1e-6), "{mean:?}");
    }
}

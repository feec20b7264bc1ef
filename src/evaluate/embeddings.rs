//! Lists of embeddings, and their cosines.

use super::EvaluateError;

/// A list of embeddings with the same number of values. The measures take the dot product of two as their
/// cosine, so each should have length one, as those of [`Clip`](crate::clip::Clip) have.
#[derive(Clone, Debug, PartialEq)]
pub struct Embeddings {
    width: usize,
    values: Vec<f32>,
}

impl Embeddings {
    /// Takes embeddings of `width` values each, one after the other.
    ///
    /// # Errors
    /// If `values` aren't whole embeddings.
    pub fn new(width: usize, values: Vec<f32>) -> Result<Self, EvaluateError> {
        if width == 0 || !values.len().is_multiple_of(width) {
            let found = values.len();
            return Err(EvaluateError::Input(format!("{found} values aren't embeddings of {width} values")));
        }
        Ok(Self { width, values })
    }

    /// Copies embeddings from several vectors.
    ///
    /// # Errors
    /// If there are none, or their widths differ.
    pub fn from_rows(rows: &[Vec<f32>]) -> Result<Self, EvaluateError> {
        let width = rows.first().map_or(0, Vec::len);
        if rows.iter().any(|row| row.len() != width) {
            return Err(EvaluateError::Input("the embeddings have different numbers of values".to_owned()));
        }
        Self::new(width, rows.concat())
    }

    /// The number of values of each embedding.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// The number of embeddings.
    #[must_use]
    pub fn len(&self) -> usize {
        self.values.len() / self.width
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The embedding with an index; empty if there is none.
    #[must_use]
    pub fn row(&self, index: usize) -> &[f32] {
        self.values.get(index * self.width..(index + 1) * self.width).unwrap_or_default()
    }

    /// All embeddings, in order.
    #[must_use]
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &[f32]> {
        self.values.chunks_exact(self.width)
    }

    /// Some of the embeddings, in the order of `indices`.
    #[must_use]
    pub fn select(&self, indices: &[usize]) -> Self {
        let values = indices.iter().flat_map(|&index| self.row(index)).copied().collect();
        Self { width: self.width, values }
    }

    /// The dot products of another embedding with each of these: the cosines, if lengths are one.
    #[must_use]
    pub fn cosines(&self, other: &[f32]) -> Vec<f32> {
        self.rows().map(|row| product(row, other)).collect()
    }

    /// # Errors
    /// If others have a different width.
    pub(super) fn check_width(&self, others: &Self) -> Result<(), EvaluateError> {
        if self.width == others.width {
            return Ok(());
        }
        let (a, b) = (self.width, others.width);
        Err(EvaluateError::Input(format!("embeddings of {a} values can't be compared with those of {b}")))
    }
}

/// The dot product, always summed in the same order. Sixteen partial sums let the compiler use vector
/// instructions.
fn product(a: &[f32], b: &[f32]) -> f32 {
    const LANES: usize = 16;
    let (a_blocks, a_rest) = a.as_chunks::<LANES>();
    let (b_blocks, b_rest) = b.as_chunks::<LANES>();
    let mut sums = [0.0_f32; LANES];
    for (a, b) in a_blocks.iter().zip(b_blocks) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += a * b;
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f32>() + rest
}

/// The number of `scores` that rank before the one at `index`: higher ones, and equal ones that stand
/// earlier. NaN ranks before it, too.
pub(super) fn rank(scores: &[f32], index: usize) -> usize {
    let own = scores.get(index).copied().unwrap_or(f32::NAN);
    let comes_before = |(other, score): (usize, &f32)| match score.partial_cmp(&own) {
        Some(order) => order.is_gt() || order.is_eq() && other < index,
        None => other != index,
    };
    scores.iter().enumerate().filter(|&pair| comes_before(pair)).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_must_agree() {
        assert!(Embeddings::new(3, vec![0.0; 7]).is_err());
        assert!(Embeddings::new(0, Vec::new()).is_err());
        assert!(Embeddings::from_rows(&[]).is_err());
        assert!(Embeddings::from_rows(&[vec![1.0], vec![1.0, 2.0]]).is_err());
        let two = Embeddings::from_rows(&[vec![1.0, 2.0], vec![3.0, 4.0]]).unwrap();
        assert_eq!((two.len(), two.row(1), two.row(2)), (2, &[3.0, 4.0][..], &[][..]));
        assert_eq!(two.select(&[1, 0, 1]).cosines(&[1.0, 10.0]), [43.0, 21.0, 43.0]);
    }

    #[test]
    fn the_product_of_any_length() {
        for length in [1, 15, 16, 40] {
            let a: Vec<f32> = (0..length).map(|i| i as f32).collect();
            assert_eq!(product(&a, &a), (0..length).map(|i| (i * i) as f32).sum::<f32>());
        }
    }

    #[test]
    fn equal_scores_rank_by_their_place() {
        assert_eq!(rank(&[0.5, 0.9, 0.5, 0.1], 2), 2);
        assert_eq!(rank(&[0.5, 0.9, 0.5, 0.1], 0), 1);
        assert_eq!(rank(&[0.5, f32::NAN, 0.2], 1), 2);
        assert_eq!(rank(&[0.5, f32::NAN, 0.2], 0), 1);
    }
}

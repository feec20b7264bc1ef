//! Background words that mean the same as a keyword, `port` beside `harbor` for instance. They say nothing of
//! what else a window could be.

use std::ops::Range;

use super::similarity::WordMatrix;

/// From this cosine of their embeddings on, two words mean the same. Measured with the model that comes with
/// Skysift: of its background words two pairs are as near to each other, freeway and highway (0.996) and
/// harbor and port (0.988), which are names of one class; the next are buildings and center (0.947). A model
/// that tells all words apart is left as it is.
const SAME_MEANING: f32 = 0.985;

/// The rows of background words that mean the same as one of `wanted`. All embeddings are L2-normalised and
/// have the matrix' length.
pub fn of(wanted: &[Vec<f32>], words: &WordMatrix, background: Range<usize>) -> Vec<usize> {
    let cosine = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    let is_one = |row: &usize| wanted.iter().any(|phrase| cosine(phrase, words.word(*row)) >= SAME_MEANING);
    background.filter(is_one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_words_that_are_nearly_the_same_mean_the_same() {
        let turned = |angle: f32| vec![angle.cos(), angle.sin()];
        // Cosines to the first: 1, 0.9998, 0.98, 0.
        let rows = [0.0, 0.02, 0.2, 1.571].map(turned).concat();
        let words = WordMatrix::new(rows, 2);
        assert_eq!(of(&[turned(0.0)], &words, 1..4), [1]);
        assert_eq!(of(&[turned(0.0), turned(1.56)], &words, 1..4), [1, 3]);
        assert!(of(&[], &words, 1..4).is_empty());
    }
}

//! Background words that mean the same as a keyword, `port` beside `harbor` for instance. They say nothing of
//! what else a window could be.

use std::ops::Range;

use super::similarity::WordMatrix;

/// From this cosine of their embeddings on, two words mean the same. Measured with the model that comes with
/// Skysift: of the words that it learnt as names of one class, 98 of 100 are as near to each other. Words
/// that it never learnt lie close together without meaning the same (church and center, 0.997); none of those
/// reaches it. A model that tells all words apart is left as it is.
const SAME_MEANING: f32 = 0.998;

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
        // Cosines to the first: 1, 0.9998, 0.995, 0.
        let rows = [0.0, 0.02, 0.1, 1.571].map(turned).concat();
        let words = WordMatrix::new(rows, 2);
        assert_eq!(of(&[turned(0.0)], &words, 1..4), [1]);
        assert_eq!(of(&[turned(0.0), turned(1.56)], &words, 1..4), [1, 3]);
        assert!(of(&[], &words, 1..4).is_empty());
    }
}

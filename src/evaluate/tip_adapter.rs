//! Tip-Adapter: a few examples added to zero-shot scores, without training.

use serde::Serialize;

use super::classification::{check_labels, classify};
use super::{Classification, Embeddings, EvaluateError, Shots};

/// The two parameters of Tip-Adapter.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct TipAdapter {
    /// The weight of the examples relative to the words.
    pub alpha: f32,
    /// How near an example must be to count.
    pub beta: f32,
}

impl Default for TipAdapter {
    /// The initial values in the paper.
    fn default() -> Self {
        Self { alpha: 1.0, beta: 5.5 }
    }
}

/// Scores each class with `logit_scale * cos(image, class) + alpha * sum of exp(-beta * (1 - cos(image,
/// example)))` over the class's examples: training-free Tip-Adapter (Zhang et al., 2021,
/// <https://arxiv.org/abs/2111.03930>, equations 3 and 4). The paper's scale of 100 is the model's own
/// `logit_scale` here.
///
/// # Errors
/// If there are no images or examples, or labels or widths don't fit.
pub fn tip_adapter(
    images: &Embeddings,
    labels: &[usize],
    classes: &Embeddings,
    shots: &Shots,
    logit_scale: f32,
    TipAdapter { alpha, beta }: TipAdapter,
) -> Result<Classification, EvaluateError> {
    images.check_width(classes)?;
    check_labels(images, labels, classes.len())?;
    shots.check(images, classes.len())?;
    classify(labels, classes.len(), |image| {
        let image = images.row(image);
        let mut scores: Vec<f32> =
            classes.cosines(image).into_iter().map(|cosine| logit_scale * cosine).collect();
        for (cosine, &label) in shots.embeddings.cosines(image).into_iter().zip(&shots.labels) {
            scores[label] += alpha * (-beta * (1.0 - cosine)).exp();
        }
        scores
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_example_outweighs_words_as_far_as_alpha_lets_it() {
        let images = Embeddings::from_rows(&[vec![1.0, 0.0]]).unwrap();
        // By words the image is of class 0 with a margin of 10 * (0.8 - 0.6) = 2.
        let classes = Embeddings::from_rows(&[vec![0.8, 0.6], vec![0.6, 0.8]]).unwrap();
        let shots = Shots { embeddings: Embeddings::from_rows(&[vec![1.0, 0.0]]).unwrap(), labels: vec![1] };
        // The example is the image itself, so it adds alpha.
        for (alpha, acc1) in [(1.9, 0.0), (2.1, 1.0)] {
            let numbers = TipAdapter { alpha, beta: 5.5 };
            let result = tip_adapter(&images, &[1], &classes, &shots, 10.0, numbers).unwrap();
            assert_eq!(result.acc1, acc1, "{alpha}");
        }
        let none = Shots { embeddings: Embeddings::new(2, Vec::new()).unwrap(), labels: Vec::new() };
        assert!(tip_adapter(&images, &[1], &classes, &none, 10.0, TipAdapter::default()).is_err());
    }
}

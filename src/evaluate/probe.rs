//! The linear probe: how well a linear classifier on embeddings distinguishes classes.

use rayon::prelude::*;

use super::classification::{check_labels, classify};
use super::{Classification, Embeddings, EvaluateError, Shots};

/// Multinomial logistic regression on embeddings, with L2 regularisation and without an intercept, after the
/// examples' mean is subtracted.
///
/// It minimises `|W|^2 / 2 + c * sum of -ln softmax(W (x - mean))[class]`, which is scikit-learn's
/// `LogisticRegression(C=c, fit_intercept=False)` on the same differences. The mean is subtracted because
/// CLIP's embeddings lie in a narrow cone: what they share carries no information, and without it the minimum
/// is found about ten times faster.
#[derive(Clone, Debug)]
pub struct LinearProbe {
    classes: usize,
    mean: Vec<f64>,
    /// One row of weights per class.
    weights: Vec<f64>,
}

impl LinearProbe {
    /// The default weight of the loss against the regularisation: scikit-learn's `C`.
    pub const DEFAULT_C: f64 = 10.0;

    /// More steps than any set of embeddings needs: the loop ends at [`Self::PRECISION`].
    const MAX_STEPS: usize = 20_000;
    /// The fit ends when the gradient is this small. The regulariser's curvature is one, so no weight is
    /// farther than this from its value at the minimum.
    const PRECISION: f64 = 1e-4;

    /// Finds the minimum by accelerated gradient descent: Nesterov's scheme with a constant step for strongly
    /// convex functions ("Lectures on convex optimization", 2018, scheme 2.2.22). It starts at zero and uses
    /// no random numbers, so the same examples give the same weights.
    ///
    /// # Errors
    /// If there are no examples, their labels don't fit, or `c` isn't a positive number.
    pub fn fit(shots: &Shots, classes: usize, c: f64) -> Result<Self, EvaluateError> {
        shots.check(&shots.embeddings, classes)?;
        if !(c > 0.0 && c.is_finite()) {
            return Err(EvaluateError::Input(format!("the probe's C must be a positive number, not {c}")));
        }
        let width = shots.embeddings.width();
        let mean = mean(&shots.embeddings);
        let examples = Examples {
            width,
            c,
            rows: shots.embeddings.rows().flat_map(|row| centered(row, &mean)).collect(),
            labels: &shots.labels,
        };
        let steepest = 1.0 + c * examples.curvature();
        let momentum = (steepest.sqrt() - 1.0) / (steepest.sqrt() + 1.0);
        let mut weights = vec![0.0; classes * width];
        let mut ahead = weights.clone();
        for _ in 0..Self::MAX_STEPS {
            let gradient = examples.gradient(&ahead);
            let mut squares = 0.0;
            for ((weight, ahead), slope) in weights.iter_mut().zip(&mut ahead).zip(&gradient) {
                let stepped = *ahead - slope / steepest;
                *ahead = stepped + momentum * (stepped - *weight);
                *weight = stepped;
                squares += slope * slope;
            }
            if squares.sqrt() <= Self::PRECISION {
                break;
            }
        }
        Ok(Self { classes, mean, weights })
    }

    /// The score of each class for an embedding: its log probability, up to a constant.
    #[must_use]
    pub fn scores(&self, embedding: &[f32]) -> Vec<f32> {
        let row: Vec<f64> = centered(embedding, &self.mean).collect();
        self.weights.chunks_exact(row.len().max(1)).map(|weights| product(weights, &row) as f32).collect()
    }

    /// Measures the probe on other embeddings.
    ///
    /// # Errors
    /// If there are no images, or labels or widths don't fit.
    pub fn classify(&self, images: &Embeddings, labels: &[usize]) -> Result<Classification, EvaluateError> {
        if images.width() != self.mean.len() {
            let (probe, images) = (self.mean.len(), images.width());
            return Err(EvaluateError::Input(format!(
                "the probe knows embeddings of {probe} values, not of {images}"
            )));
        }
        check_labels(images, labels, self.classes)?;
        classify(labels, self.classes, |image| self.scores(images.row(image)))
    }
}

fn mean(embeddings: &Embeddings) -> Vec<f64> {
    let mut mean = vec![0.0; embeddings.width()];
    for row in embeddings.rows() {
        for (mean, value) in mean.iter_mut().zip(row) {
            *mean += f64::from(*value) / embeddings.len() as f64;
        }
    }
    mean
}

fn centered(row: &[f32], mean: &[f64]) -> impl Iterator<Item = f64> {
    row.iter().zip(mean).map(|(value, mean)| f64::from(*value) - mean)
}

fn product(a: &[f64], b: &[f64]) -> f64 {
    const LANES: usize = 8;
    let (a_blocks, a_rest) = a.as_chunks::<LANES>();
    let (b_blocks, b_rest) = b.as_chunks::<LANES>();
    let mut sums = [0.0; LANES];
    for (a, b) in a_blocks.iter().zip(b_blocks) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += a * b;
        }
    }
    sums.iter().sum::<f64>() + a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum::<f64>()
}

/// The examples that the probe is fitted to.
struct Examples<'a> {
    width: usize,
    c: f64,
    rows: Vec<f64>,
    labels: &'a [usize],
}

impl Examples<'_> {
    /// Sums are taken over chunks of this many examples, whatever the number of threads, so that the weights
    /// are the same on every computer of the same kind.
    const CHUNK: usize = 128;

    /// The gradient of the whole expression at `weights`.
    fn gradient(&self, weights: &[f64]) -> Vec<f64> {
        let pieces: Vec<Vec<f64>> = self
            .rows
            .par_chunks(Self::CHUNK * self.width)
            .zip(self.labels.par_chunks(Self::CHUNK))
            .map(|(rows, labels)| {
                let mut gradient = vec![0.0; weights.len()];
                for (row, &label) in rows.chunks_exact(self.width).zip(labels) {
                    self.add_example(row, label, weights, &mut gradient);
                }
                gradient
            })
            .collect();
        let mut gradient = weights.to_vec();
        for piece in pieces {
            for (sum, slope) in gradient.iter_mut().zip(piece) {
                *sum += slope;
            }
        }
        gradient
    }

    fn add_example(&self, row: &[f64], label: usize, weights: &[f64], gradient: &mut [f64]) {
        let mut shares: Vec<f64> =
            weights.chunks_exact(self.width).map(|weights| product(weights, row)).collect();
        softmax(&mut shares);
        shares[label] -= 1.0;
        for (share, gradient) in shares.iter().zip(gradient.chunks_exact_mut(self.width)) {
            for (slope, value) in gradient.iter_mut().zip(row) {
                *slope += self.c * share * value;
            }
        }
    }

    /// An upper bound of the loss's curvature in any direction: half the largest eigenvalue of the sum of x
    /// x^T (Böhning, 1992, "Multinomial logistic regression algorithm"), found by power iteration, plus a
    /// fifth, since that approaches it from below.
    fn curvature(&self) -> f64 {
        const STEPS: usize = 60;
        let mut direction: Vec<f64> = (0..self.width).map(|index| 1.0 + (index as f64).sin()).collect();
        let mut largest = 0.0;
        for _ in 0..STEPS {
            let length = product(&direction, &direction).sqrt();
            if length == 0.0 {
                break;
            }
            for value in &mut direction {
                *value /= length;
            }
            let mut image = vec![0.0; self.width];
            for row in self.rows.chunks_exact(self.width) {
                let along = product(row, &direction);
                for (sum, value) in image.iter_mut().zip(row) {
                    *sum += along * value;
                }
            }
            largest = product(&image, &direction);
            direction = image;
        }
        0.5 * 1.2 * largest
    }
}

fn softmax(values: &mut [f64]) {
    let highest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mut sum = 0.0;
    for value in &mut *values {
        *value = (*value - highest).exp();
        sum += *value;
    }
    for value in values {
        *value /= sum;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shots() -> Shots {
        let rows = [[1.0, 0.1], [0.9, -0.2], [-0.1, 1.0], [0.2, 0.9], [-1.0, -0.1], [-0.8, -0.3]];
        let rows: Vec<Vec<f32>> = rows.iter().map(|row| row.to_vec()).collect();
        Shots { embeddings: Embeddings::from_rows(&rows).unwrap(), labels: vec![0, 0, 1, 1, 2, 2] }
    }

    #[test]
    fn the_gradient_is_zero_at_the_minimum_and_classes_are_told_apart() {
        let shots = shots();
        let probe = LinearProbe::fit(&shots, 3, 10.0).unwrap();
        assert_eq!(probe.classify(&shots.embeddings, &shots.labels).unwrap().acc1, 1.0);
        // Written out: W + c * sum of (softmax - own) x^T.
        let mut gradient = probe.weights.clone();
        for (row, &label) in shots.embeddings.rows().zip(&shots.labels) {
            let scores: Vec<f64> =
                probe.scores(row).into_iter().map(|score| f64::from(score).exp()).collect();
            let sum: f64 = scores.iter().sum();
            for (class, score) in scores.iter().enumerate() {
                let share = score / sum - f64::from(u8::from(class == label));
                for axis in 0..2 {
                    gradient[class * 2 + axis] += 10.0 * share * (f64::from(row[axis]) - probe.mean[axis]);
                }
            }
        }
        assert!(gradient.iter().all(|slope| slope.abs() < 1e-3), "{gradient:?}");
    }

    /// The same minimum, found by Newton's method in numpy to 13 digits.
    #[test]
    fn the_weights_are_those_of_newtons_method() {
        let expected =
            [0.864_580_58, -0.397_119_10, -0.022_931_61, 0.884_703_15, -0.841_648_96, -0.487_584_05];
        let probe = LinearProbe::fit(&shots(), 3, 1.0).unwrap();
        for (found, expected) in probe.weights.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-4, "{:?} is not {expected:?}", probe.weights);
        }
    }

    #[test]
    fn one_class_and_equal_examples_are_no_trouble() {
        let one = Shots { labels: vec![0; 6], ..shots() };
        let probe = LinearProbe::fit(&one, 1, 10.0).unwrap();
        assert_eq!(probe.classify(&one.embeddings, &one.labels).unwrap().acc1, 1.0);
        let same = Embeddings::from_rows(&[vec![1.0, 0.0], vec![1.0, 0.0]]).unwrap();
        let probe = LinearProbe::fit(&Shots { embeddings: same, labels: vec![0, 1] }, 2, 10.0).unwrap();
        assert_eq!(probe.scores(&[1.0, 0.0]), [0.0, 0.0]);
        assert!(LinearProbe::fit(&shots(), 3, 0.0).is_err());
        assert!(LinearProbe::fit(&shots(), 2, 1.0).is_err());
    }
}

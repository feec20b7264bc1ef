//! Accuracy over classes.

use half::f16;
use rayon::prelude::*;
use serde::Serialize;

use super::EvaluateError;
use super::embeddings::{Embeddings, rank};
use crate::search::{Neighbours, WordMatrix, refine};
use crate::store::to_half;

/// How often images are classified correctly, in the measures of `CLIP_benchmark`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Classification {
    /// The number of images.
    pub images: usize,
    /// The share of images whose own class has the highest score, 0 to 1.
    pub acc1: f64,
    /// The share whose own class is among the five highest; `None` if there are fewer than five classes.
    pub acc5: Option<f64>,
    /// The mean accuracy of the classes that have images: every class counts the same, however many images it
    /// has. Also known as balanced accuracy.
    pub mean_per_class_recall: f64,
    /// In the order of the classes.
    pub per_class: Vec<ClassResult>,
    /// `confusion[own][chosen]` counts images; rows and columns in the order of the classes.
    #[serde(rename = "confusion_matrix")]
    pub confusion: Vec<Vec<u64>>,
}

/// The accuracy of one class.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ClassResult {
    pub images: u64,
    /// The share of them that is classified correctly; `None` without images.
    pub acc1: Option<f64>,
}

/// Classifies each image as the class whose embedding has the highest cosine with its own. Of classes with
/// the same cosine, the earlier counts as the higher. `labels` are the images' own classes.
///
/// # Errors
/// If there are no images, or labels or widths don't fit.
pub fn zero_shot(
    images: &Embeddings,
    labels: &[usize],
    classes: &Embeddings,
) -> Result<Classification, EvaluateError> {
    images.check_width(classes)?;
    check_labels(images, labels, classes.len())?;
    classify(labels, classes.len(), |image| classes.cosines(images.row(image)))
}

/// As [`zero_shot`], by probabilities that are refined among the images (RS-TransCLIP). `logit_scale` is the
/// model's factor between cosine and logit.
///
/// # Errors
/// As [`zero_shot`].
pub fn refined_zero_shot(
    images: &Embeddings,
    labels: &[usize],
    classes: &Embeddings,
    logit_scale: f32,
) -> Result<Classification, EvaluateError> {
    images.check_width(classes)?;
    check_labels(images, labels, classes.len())?;
    // As they are stored of a scene.
    let halves: Vec<Vec<f16>> = images.rows().map(to_half).collect();
    let rows: Vec<&[f16]> = halves.iter().map(Vec::as_slice).collect();
    let words = WordMatrix::new(classes.rows().flatten().copied().collect(), classes.width());
    let shares = refine(&rows, &words, logit_scale, &Neighbours::among_all(&rows), &|| false);
    let shares = shares.unwrap_or_default();
    classify(labels, classes.len(), |image| shares[image * classes.len()..][..classes.len()].to_vec())
}

/// # Errors
/// If there isn't one label below `classes` for each image.
pub(super) fn check_labels(
    images: &Embeddings,
    labels: &[usize],
    classes: usize,
) -> Result<(), EvaluateError> {
    if images.len() != labels.len() {
        let (images, labels) = (images.len(), labels.len());
        return Err(EvaluateError::Input(format!("there are {images} images but {labels} labels")));
    }
    match labels.iter().find(|&&label| label >= classes) {
        Some(label) => {
            Err(EvaluateError::Input(format!("there is no class {label}; there are {classes} classes")))
        }
        None => Ok(()),
    }
}

/// Measures any classifier; `scores` returns an image's scores for all classes.
pub(super) fn classify(
    labels: &[usize],
    classes: usize,
    scores: impl Fn(usize) -> Vec<f32> + Sync,
) -> Result<Classification, EvaluateError> {
    if labels.is_empty() {
        return Err(EvaluateError::Input("there are no images".to_owned()));
    }
    let outcomes: Vec<(usize, usize)> = labels
        .par_iter()
        .enumerate()
        .map(|(image, &label)| {
            let scores = scores(image);
            (rank(&scores, label), highest(&scores))
        })
        .collect();

    let mut confusion = vec![vec![0; classes]; classes];
    for (&label, &(_, chosen)) in labels.iter().zip(&outcomes) {
        confusion[label][chosen] += 1;
    }
    let among_first = |k: usize| {
        let hits = outcomes.iter().filter(|&&(rank, _)| rank < k).count();
        hits as f64 / outcomes.len() as f64
    };
    let per_class: Vec<ClassResult> = confusion
        .iter()
        .enumerate()
        .map(|(class, row): (usize, &Vec<u64>)| {
            let images: u64 = row.iter().sum();
            ClassResult { images, acc1: (images > 0).then(|| row[class] as f64 / images as f64) }
        })
        .collect();
    let recalls: Vec<f64> = per_class.iter().filter_map(|class| class.acc1).collect();
    Ok(Classification {
        images: labels.len(),
        acc1: among_first(1),
        acc5: (classes >= 5).then(|| among_first(5)),
        mean_per_class_recall: recalls.iter().sum::<f64>() / recalls.len() as f64,
        per_class,
        confusion,
    })
}

/// The index of the highest score, or the first of several.
fn highest(scores: &[f32]) -> usize {
    let mut best = 0;
    for (index, score) in scores.iter().enumerate() {
        if *score > scores[best] || scores[best].is_nan() {
            best = index;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Classifies images by given scores.
    fn classified(labels: &[usize], scores: &[&[f32]]) -> Classification {
        classify(labels, scores[0].len(), |image| scores[image].to_vec()).unwrap()
    }

    #[test]
    fn counted_by_hand() {
        // Class 0: two of three right. Class 1: none of one. Class 2 has no images.
        let scores: [&[f32]; 4] = [&[0.9, 0.1, 0.2], &[0.5, 0.4, 0.1], &[0.1, 0.2, 0.3], &[0.6, 0.5, 0.4]];
        let result = classified(&[0, 0, 0, 1], &scores);
        assert_eq!(result.acc1, 0.5);
        assert_eq!(result.acc5, None);
        assert_eq!(result.mean_per_class_recall, f64::midpoint(2.0 / 3.0, 0.0));
        assert_eq!(result.confusion, [[2, 0, 1], [1, 0, 0], [0, 0, 0]]);
        assert_eq!(result.per_class[2], ClassResult { images: 0, acc1: None });
        assert_eq!(result.per_class[0], ClassResult { images: 3, acc1: Some(2.0 / 3.0) });
    }

    #[test]
    fn the_own_class_among_five() {
        let scores: [&[f32]; 2] = [&[6.0, 5.0, 4.0, 3.0, 2.0, 1.0], &[6.0, 5.0, 4.0, 3.0, 2.0, 1.0]];
        let result = classified(&[4, 5], &scores);
        assert_eq!((result.acc1, result.acc5), (0.0, Some(0.5)));
    }

    #[test]
    fn equal_scores_go_to_the_earlier_class() {
        let result = classified(&[0, 1], &[&[0.5, 0.5], &[0.5, 0.5]]);
        assert_eq!(result.acc1, 0.5);
        assert_eq!(result.confusion, [[1, 0], [1, 0]]);
    }

    /// Two heaps; an image at the edge of one fits the other's word by a hair.
    #[test]
    fn what_looks_alike_is_classified_alike() {
        let turned = |degrees: f32| vec![degrees.to_radians().cos(), degrees.to_radians().sin()];
        let heap = |middle: f32| (0..12).map(move |index| turned(middle + index as f32 - 6.0));
        let images: Vec<Vec<f32>> = heap(39.0).chain(heap(80.0)).collect();
        let labels: Vec<usize> = (0..24).map(|image| image / 12).collect();
        let images = Embeddings::from_rows(&images).unwrap();
        let classes = Embeddings::from_rows(&[turned(0.0), turned(86.0)]).unwrap();
        let plain = zero_shot(&images, &labels, &classes).unwrap();
        let refined = refined_zero_shot(&images, &labels, &classes, 10.0).unwrap();
        assert!(plain.acc1 < 1.0, "{}", plain.acc1);
        assert_eq!(refined.acc1, 1.0);
        assert!(refined_zero_shot(&images, &labels[1..], &classes, 10.0).is_err());
    }

    #[test]
    fn what_does_not_fit_is_told() {
        let two = Embeddings::from_rows(&[vec![1.0, 0.0], vec![0.0, 1.0]]).unwrap();
        let wide = Embeddings::from_rows(&[vec![1.0, 0.0, 0.0]]).unwrap();
        assert!(zero_shot(&two, &[0], &two).is_err());
        assert!(zero_shot(&two, &[0, 2], &two).is_err());
        assert!(zero_shot(&two, &[0, 0], &wide).is_err());
        assert!(classify(&[], 2, |_| vec![0.0; 2]).is_err());
        assert_eq!(zero_shot(&two, &[0, 1], &two).unwrap().acc1, 1.0);
    }
}

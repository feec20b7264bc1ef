//! Retrieval: captions found by images, and images found by captions.

use rayon::prelude::*;
use serde::Serialize;

use super::EvaluateError;
use super::embeddings::{Embeddings, rank};

/// Recall at 1, 5 and 10, as in `CLIP_benchmark` and the papers on RSICD, UCM-Captions and Sydney-Captions: a
/// query is a hit if one of its own is among the first k, and recall is the share of hits.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Retrieval {
    pub images: usize,
    pub texts: usize,
    /// Each image is a query for texts, of which any of its own counts: `text_retrieval_recall` in
    /// `CLIP_benchmark`.
    pub image_to_text: Recalls,
    /// Each text is a query for its image: `image_retrieval_recall` in `CLIP_benchmark`.
    pub text_to_image: Recalls,
    /// The mean of the six.
    pub mean_recall: f64,
}

/// Shares of queries, 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Recalls {
    pub recall_at_1: f64,
    pub recall_at_5: f64,
    pub recall_at_10: f64,
}

impl Recalls {
    /// From the rank of each query's own best.
    fn of(ranks: &[usize]) -> Self {
        let within = |k: usize| ranks.iter().filter(|&&rank| rank < k).count() as f64 / ranks.len() as f64;
        Self { recall_at_1: within(1), recall_at_5: within(5), recall_at_10: within(10) }
    }

    fn sum(self) -> f64 {
        self.recall_at_1 + self.recall_at_5 + self.recall_at_10
    }
}

/// Ranks all texts for each image and all images for each text by cosine. `owner_of_text` is the index of
/// each text's image.
///
/// Of equals, the one that stands earlier in its list ranks first, so the result is always the same. A text
/// that two images share word for word is two texts: that of the earlier image ranks first, and for the later
/// image only its own counts, as in `CLIP_benchmark`, where the order of equals isn't defined.
///
/// # Errors
/// If there's nothing to rank, widths differ, or the owners aren't one per text with all images among them.
pub fn retrieval(
    images: &Embeddings,
    texts: &Embeddings,
    owner_of_text: &[usize],
) -> Result<Retrieval, EvaluateError> {
    images.check_width(texts)?;
    let own_texts = own_texts(images.len(), texts.len(), owner_of_text)?;
    let image_ranks: Vec<usize> = own_texts
        .par_iter()
        .enumerate()
        .map(|(image, own)| {
            let scores = texts.cosines(images.row(image));
            own.iter().map(|&text| rank(&scores, text)).min().unwrap_or(usize::MAX)
        })
        .collect();
    let text_ranks: Vec<usize> = owner_of_text
        .par_iter()
        .enumerate()
        .map(|(text, &image)| rank(&images.cosines(texts.row(text)), image))
        .collect();
    let (image_to_text, text_to_image) = (Recalls::of(&image_ranks), Recalls::of(&text_ranks));
    let mean_recall = (image_to_text.sum() + text_to_image.sum()) / 6.0;
    Ok(Retrieval { images: images.len(), texts: texts.len(), image_to_text, text_to_image, mean_recall })
}

/// Each image's texts.
fn own_texts(images: usize, texts: usize, owners: &[usize]) -> Result<Vec<Vec<usize>>, EvaluateError> {
    let wrong = |reason: String| Err(EvaluateError::Input(reason));
    if owners.len() != texts {
        return wrong(format!("there are {texts} texts but {} owners", owners.len()));
    }
    let mut own = vec![Vec::new(); images];
    for (text, &owner) in owners.iter().enumerate() {
        match own.get_mut(owner) {
            Some(texts) => texts.push(text),
            None => return wrong(format!("there is no image {owner}; there are {images} images")),
        }
    }
    match own.iter().position(Vec::is_empty) {
        _ if images == 0 => wrong("there are no images".to_owned()),
        Some(image) => wrong(format!("image {image} has no text")),
        None => Ok(own),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Unit vectors at these angles, in degrees.
    fn at(angles: &[f32]) -> Embeddings {
        let rows: Vec<Vec<f32>> =
            angles.iter().map(|angle| vec![angle.to_radians().cos(), angle.to_radians().sin()]).collect();
        Embeddings::from_rows(&rows).unwrap()
    }

    #[test]
    fn counted_by_hand() {
        // Image 0 at 0 degrees has texts at 50 and 20, image 1 at 60 has texts at 55 and 10.
        let result = retrieval(&at(&[0.0, 60.0]), &at(&[50.0, 20.0, 55.0, 10.0]), &[0, 0, 1, 1]).unwrap();
        // Image 0 finds 10 (not its own), then 20: a hit at 5. Image 1 finds 55.
        assert_eq!(result.image_to_text, Recalls { recall_at_1: 0.5, recall_at_5: 1.0, recall_at_10: 1.0 });
        // 50 finds image 1 (wrong), 20 image 0, 55 image 1, 10 image 0 (wrong).
        assert_eq!(result.text_to_image, Recalls { recall_at_1: 0.5, recall_at_5: 1.0, recall_at_10: 1.0 });
        assert_eq!(result.mean_recall, 5.0 / 6.0);
    }

    #[test]
    fn a_shared_text_goes_to_the_earlier_image() {
        let result = retrieval(&at(&[0.0, 10.0]), &at(&[5.0, 5.0]), &[0, 1]).unwrap();
        assert_eq!(result.image_to_text.recall_at_1, 0.5);
    }

    #[test]
    fn what_does_not_fit_is_told() {
        let two = at(&[0.0, 90.0]);
        for owners in [&[0][..], &[0, 2], &[0, 0]] {
            assert!(retrieval(&two, &two, owners).is_err(), "{owners:?}");
        }
        let none = Embeddings::new(2, Vec::new()).unwrap();
        assert!(retrieval(&none, &none, &[]).is_err());
    }
}

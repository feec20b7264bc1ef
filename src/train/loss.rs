//! CLIP's contrastive loss (Radford et al., 2021, figure 3): within a batch, every picture should be nearer
//! to its own sentence than to others, and every sentence to its own picture.

use burn::tensor::activation::log_softmax;
use burn::tensor::{Device, Int, Tensor, TensorData};

use crate::clip::ComputeError;

/// The embeddings of a batch, all of length one.
pub struct BatchEmbeddings<'a> {
    /// One embedding per picture.
    pub images: &'a [f32],
    /// One embedding per sentence. A sentence that several pictures share occurs once.
    pub sentences: &'a [f32],
    /// The sentence of each picture.
    pub owners: &'a [usize],
    /// Whether the sentence of each picture (columns) is true of each picture (rows): such pairs aren't
    /// negatives.
    pub truths: &'a [bool],
    /// The length of an embedding.
    pub width: usize,
    /// The logarithm of the factor between cosine and logit.
    pub log_scale: f32,
}

/// The loss, and its gradients with respect to the embeddings and the scale.
pub struct Loss {
    pub value: f32,
    pub image_gradient: Vec<f32>,
    pub sentence_gradient: Vec<f32>,
    pub log_scale_gradient: f32,
}

/// The mean of the cross-entropies of pictures among sentences and of sentences among pictures.
///
/// # Errors
/// If burn fails.
pub fn contrastive(batch: &BatchEmbeddings<'_>) -> Result<Loss, ComputeError> {
    let device = Device::flex().autodiff();
    let (count, width) = (batch.owners.len(), batch.width);
    let matrix = |values: &[f32]| {
        Tensor::<2>::from_data(TensorData::new(values.to_vec(), [values.len() / width, width]), &device)
            .require_grad()
    };
    let (images, sentences) = (matrix(batch.images), matrix(batch.sentences));
    let log_scale = Tensor::<1>::from_floats([batch.log_scale], &device).require_grad();
    let owners: Vec<i64> = batch.owners.iter().map(|&owner| owner as i64).collect();
    let owners = Tensor::<1, Int>::from_data(TensorData::new(owners, [count]), &device);

    let cosines = images.clone().matmul(sentences.clone().select(0, owners).transpose());
    let logits = cosines * log_scale.clone().exp().unsqueeze::<2>() + mask(batch, &device);
    // The diagonal: every picture with its own sentence.
    let own = Tensor::<2>::eye(count, &device);
    let pictures = (log_softmax(logits.clone(), 1) * own.clone()).sum();
    let texts = (log_softmax(logits, 0) * own).sum();
    let loss = (pictures + texts) * (-0.5 / count as f64);

    let gradients = loss.backward();
    let read = |gradient: Option<Tensor<2>>| {
        let gradient = gradient.ok_or(ComputeError::Missing("the loss has no gradient"))?;
        Ok::<_, ComputeError>(gradient.try_into_vec_as::<f32>()?)
    };
    let number = |tensor: Tensor<1>| {
        let values = tensor.try_into_vec_as::<f32>()?;
        values.first().copied().ok_or(ComputeError::Missing("the loss has no value"))
    };
    let log_scale_gradient = log_scale.grad(&gradients);
    let log_scale_gradient =
        log_scale_gradient.ok_or(ComputeError::Missing("the temperature has no gradient"))?;
    Ok(Loss {
        value: number(loss.inner())?,
        image_gradient: read(images.grad(&gradients))?,
        sentence_gradient: read(sentences.grad(&gradients))?,
        log_scale_gradient: number(log_scale_gradient)?,
    })
}

/// What is added to the logits: for pairs that aren't negatives, so low a number that they don't count.
fn mask(batch: &BatchEmbeddings<'_>, device: &Device) -> Tensor<2> {
    const MASKED: f32 = -1e4;
    let count = batch.owners.len();
    let mut mask = vec![0.0; count * count];
    for (pair, value) in mask.iter_mut().enumerate() {
        let (row, column) = (pair / count, pair % count);
        if row != column && (batch.truths[pair] || batch.owners[row] == batch.owners[column]) {
            *value = MASKED;
        }
    }
    Tensor::from_data(TensorData::new(mask, [count, count]), device)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cosine(a: &[f32], b: &[f32]) -> f64 {
        a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
    }

    /// The formula in double precision.
    fn by_hand(batch: &BatchEmbeddings<'_>) -> f64 {
        let scale = f64::from(batch.log_scale).exp();
        let image = |i: usize| &batch.images[i * batch.width..(i + 1) * batch.width];
        let sentence = |i: usize| &batch.sentences[batch.owners[i] * batch.width..][..batch.width];
        let count = batch.owners.len();
        let counts = |i: usize, j: usize| {
            i == j || (!batch.truths[i * count + j] && batch.owners[i] != batch.owners[j])
        };
        let mut sum = 0.0;
        for i in 0..count {
            let own = scale * cosine(image(i), sentence(i));
            let row = (0..count).filter(|&j| counts(i, j));
            sum += row.map(|j| (scale * cosine(image(i), sentence(j))).exp()).sum::<f64>().ln() - own;
            let column = (0..count).filter(|&j| counts(j, i));
            sum += column.map(|j| (scale * cosine(image(j), sentence(i))).exp()).sum::<f64>().ln() - own;
        }
        sum / 2.0 / count as f64
    }

    fn embeddings(count: usize, width: usize, seed: f32) -> Vec<f32> {
        let values: Vec<f32> = (0..count * width).map(|i| (i as f32 * 1.37 + seed).sin()).collect();
        values
            .chunks(width)
            .flat_map(|row| {
                let length = row.iter().map(|x| x * x).sum::<f32>().sqrt();
                row.iter().map(move |x| x / length)
            })
            .collect()
    }

    #[test]
    fn the_loss_is_that_of_the_formula_and_its_gradient_that_of_differences() {
        let (images, sentences) = (embeddings(5, 4, 0.3), embeddings(3, 4, 2.1));
        // The third sentence is true of the first picture, and the first's not of the third.
        let truths: Vec<bool> = (0..25).map(|pair| pair == 2 || pair == 16).collect();
        let mut batch = BatchEmbeddings {
            images: &images,
            sentences: &sentences,
            owners: &[0, 1, 2, 1, 0],
            truths: &truths,
            width: 4,
            log_scale: 1.2,
        };
        let loss = contrastive(&batch).unwrap();
        assert!((f64::from(loss.value) - by_hand(&batch)).abs() < 1e-5);

        let step = 1e-3;
        batch.log_scale += step;
        let more = by_hand(&batch);
        batch.log_scale -= 2.0 * step;
        let less = by_hand(&batch);
        batch.log_scale += step;
        let slope = (more - less) / 2.0 / f64::from(step);
        assert!(
            (f64::from(loss.log_scale_gradient) - slope).abs() < 1e-3,
            "{} {slope}",
            loss.log_scale_gradient
        );
        for index in [0, 7, 19] {
            let mut moved = images.clone();
            moved[index] += step;
            let more = by_hand(&BatchEmbeddings { images: &moved, ..batch });
            moved[index] -= 2.0 * step;
            let less = by_hand(&BatchEmbeddings { images: &moved, ..batch });
            let slope = (more - less) / 2.0 / f64::from(step);
            assert!((f64::from(loss.image_gradient[index]) - slope).abs() < 1e-3);
        }
    }

    #[test]
    fn what_is_true_of_a_picture_is_no_negative() {
        let (images, sentences) = (embeddings(2, 4, 0.3), embeddings(2, 4, 2.1));
        let batch = BatchEmbeddings {
            images: &images,
            sentences: &sentences,
            owners: &[0, 1],
            truths: &[true; 4],
            width: 4,
            log_scale: 2.0,
        };
        assert!(contrastive(&batch).unwrap().value.abs() < 1e-6);
    }
}

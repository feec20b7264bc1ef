//! One step of gradient descent over a batch of any size.
//!
//! The loss compares every picture of a batch with every sentence, so it needs all embeddings at once; what
//! made them needs far more memory. `GradCache` (Gao et al., 2021, <https://arxiv.org/abs/2101.06983>) splits
//! the way in the middle: all embeddings first, a part of the batch at a time; then the loss and its gradient
//! by the embeddings; then every part once more, from that gradient to that of the weights. The sum over the
//! parts is the gradient of the whole. Where memory suffices, the first pass of a part is kept instead of run
//! again.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use burn::optim::{GradientsAccumulator, GradientsParams};
use burn::tensor::Tensor;

use super::loss::{self, Loss};
use crate::clip::{Contribution, Learner, Model, Pass, Step};

/// Pictures and sentences, ready for the model.
pub struct Batch {
    /// Planes of rows, one picture after the other.
    pub pictures: Vec<f32>,
    /// Token ids; sentences that several pictures share are there once.
    pub sentences: Vec<Vec<u32>>,
    /// The sentence of each picture.
    pub owners: Vec<usize>,
    /// Pictures with the same number are not each other's negatives.
    pub groups: Vec<usize>,
}

/// How a batch is cut into parts.
#[derive(Clone, Copy, Debug)]
pub struct Parts {
    /// Pictures, or sentences, of one pass.
    pub size: usize,
    /// Whether passes are kept until the way back, or run again.
    pub are_kept: bool,
}

/// The loss over a batch and its gradients by all weights that may change. Batch norms' running statistics
/// move along.
///
/// # Errors
/// When the device fails.
pub fn gradients(learner: &Learner, batch: &Batch, parts: Parts) -> Result<(f32, GradientsParams), String> {
    let step = learner.step()?;
    let picture = batch.pictures.len() / batch.owners.len().max(1);
    let pictures = batch.pictures.chunks(picture * parts.size).map(Part::Pictures);
    let sentences = batch.sentences.chunks(parts.size).map(Part::Sentences);
    let jobs: Vec<Part<'_>> = pictures.chain(sentences).collect();

    let passes = forward(learner, &step, &jobs, parts.are_kept)?;
    let width = passes.width;
    let log_scale = learner.model.logit_scale().ln();
    let Loss { value, by_images, by_sentences, by_log_scale } = loss::contrastive(&loss::Batch {
        images: &passes.images,
        sentences: &passes.sentences,
        owners: &batch.owners,
        groups: &batch.groups,
        width,
        log_scale,
    })?;

    let mut total = Total::default();
    let total_of = Mutex::new(&mut total);
    let mut starts = (0, 0);
    let jobs = jobs.iter().zip(passes.kept).enumerate().map(|(index, (part, pass))| {
        let (gradient, start) = match part {
            Part::Pictures(_) => (&by_images, &mut starts.0),
            Part::Sentences(_) => (&by_sentences, &mut starts.1),
        };
        let len = part.len(picture) * width;
        let gradient = gradient[*start..*start + len].to_vec();
        *start += len;
        (index, part, pass, gradient)
    });
    learner.run(jobs, |(index, part, pass, gradient)| {
        let pass = match pass {
            Some(pass) => pass,
            None => part.run(&step)?,
        };
        let contribution = pass.back(&step, gradient)?;
        total_of.lock().unwrap_or_else(PoisonError::into_inner).add(learner, index, contribution);
        Ok::<_, String>(())
    })?;
    drop(step);
    learner.follow(&total.seen);
    let mut gradients = total.sum.grads();
    if learner.model.logit_scale.is_require_grad() {
        let by_log_scale = Tensor::<1>::from_floats([by_log_scale], &learner.device().clone().inner());
        gradients.register(learner.model.logit_scale.id, by_log_scale);
    }
    Ok((value, gradients))
}

/// A part of a batch.
enum Part<'a> {
    Pictures(&'a [f32]),
    Sentences(&'a [Vec<u32>]),
}

impl Part<'_> {
    fn run(&self, step: &Step<'_>) -> Result<Pass, String> {
        match self {
            Self::Pictures(pictures) => step.images(pictures),
            Self::Sentences(ids) => Ok(step.sentences(ids)),
        }
    }

    /// How many embeddings it gives.
    fn len(&self, picture: usize) -> usize {
        match self {
            Self::Pictures(pictures) => pictures.len() / picture,
            Self::Sentences(ids) => ids.len(),
        }
    }
}

/// All embeddings of a batch.
struct Passes {
    images: Vec<f32>,
    sentences: Vec<f32>,
    width: usize,
    kept: Vec<Option<Pass>>,
}

fn forward(learner: &Learner, step: &Step<'_>, jobs: &[Part<'_>], are_kept: bool) -> Result<Passes, String> {
    let done: Mutex<Vec<_>> = Mutex::new(jobs.iter().map(|_| None).collect());
    learner.run(jobs.iter().enumerate(), |(index, part)| {
        let pass = part.run(step)?;
        let values = pass.values()?;
        let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
        done[index] = Some((values, are_kept.then_some(pass)));
        Ok::<_, String>(())
    })?;
    let mut passes = Passes {
        images: Vec::new(),
        sentences: Vec::new(),
        width: learner.embedding_len(),
        kept: Vec::new(),
    };
    for (part, done) in jobs.iter().zip(done.into_inner().unwrap_or_else(PoisonError::into_inner)) {
        let (values, kept) = done.ok_or("a part of the batch is missing")?;
        match part {
            Part::Pictures(_) => passes.images.extend(values),
            Part::Sentences(_) => passes.sentences.extend(values),
        }
        passes.kept.push(kept);
    }
    Ok(passes)
}

/// The sum over the parts, taken in their order whatever the order in which they are done: additions of
/// floats don't commute, and a training that is taken up again is to give the same numbers.
#[derive(Default)]
struct Total {
    sum: GradientsAccumulator<Model>,
    seen: Vec<Contribution>,
    next: usize,
    waiting: BTreeMap<usize, Contribution>,
}

impl Total {
    fn add(&mut self, learner: &Learner, index: usize, contribution: Contribution) {
        self.waiting.insert(index, contribution);
        while let Some(mut contribution) = self.waiting.remove(&self.next) {
            self.next += 1;
            self.sum.accumulate(&learner.model, std::mem::take(&mut contribution.gradients));
            self.seen.push(contribution);
        }
    }
}

#[cfg(test)]
mod tests {
    use burn::module::{Module as _, ModuleVisitor, Param, ParamId};
    use burn::tensor::activation::log_softmax;

    use super::*;
    use crate::clip::{DeviceChoice, ModelSource, Preset, VisionTower, write_random_model};

    fn learner(preset: Preset) -> Learner {
        let folder = tempfile::tempdir().unwrap();
        write_random_model(folder.path(), preset, 3).unwrap();
        let source = ModelSource { path: folder.path().to_owned(), arch: None };
        Learner::load(&source, DeviceChoice::Cpu, None).unwrap()
    }

    /// Seven pictures, of which two share a sentence and two others a group.
    fn batch(learner: &Learner) -> Batch {
        let count = 7 * learner.preprocess().input_len();
        let pictures = (0..count).map(|i| ((i % 4093) as f32 * 0.37 + (i / 4093) as f32).sin()).collect();
        let sentences = ["a harbor", "a field of wheat", "houses", "a river", "two ships", "the beach"];
        let sentences = sentences.iter().map(|text| learner.token_ids(text).unwrap()).collect();
        Batch { pictures, sentences, owners: vec![0, 1, 2, 1, 3, 4, 5], groups: vec![0, 1, 2, 1, 3, 4, 3] }
    }

    /// All gradients of a model, one parameter after the other.
    fn flat(model: &Model, gradients: &GradientsParams) -> Vec<(ParamId, Vec<f32>)> {
        struct Flat<'a>(&'a GradientsParams, Vec<(ParamId, Vec<f32>)>);
        impl ModuleVisitor for Flat<'_> {
            fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
                if let Some(gradient) = self.0.get::<D>(param.id) {
                    self.1.push((param.id, gradient.try_into_vec_as::<f32>().unwrap()));
                }
            }
        }
        let mut flat = Flat(gradients, Vec::new());
        model.visit(&mut flat);
        flat.1
    }

    fn assert_same(got: &[(ParamId, Vec<f32>)], want: &[(ParamId, Vec<f32>)]) {
        assert_eq!(got.len(), want.len());
        let size = want.iter().flat_map(|(_, values)| values).fold(0.0_f32, |most, x| most.max(x.abs()));
        for ((id, got), (wanted, want)) in got.iter().zip(want) {
            assert_eq!(id, wanted);
            let worst = got.iter().zip(want).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(worst <= 1e-4 * size, "{worst} of {size}");
        }
    }

    /// The whole batch in one graph, without any of this file.
    fn direct(learner: &Learner, batch: &Batch) -> (f32, Vec<(ParamId, Vec<f32>)>) {
        let (model, device) = (&learner.model, learner.device());
        let side = learner.preprocess().side() as usize;
        let count = batch.owners.len();
        let pictures = burn::tensor::TensorData::new(batch.pictures.clone(), [count, 3, side, side]);
        let unit = |rows: Tensor<2>| rows.clone() / rows.powf_scalar(2.0).sum_dim(1).sqrt();
        let images = unit(match &model.vision {
            VisionTower::ResNet(resnet) => resnet.forward_training(Tensor::from_data(pictures, device)).0,
            vision @ VisionTower::Vit(_) => vision.forward(Tensor::from_data(pictures, device)),
        });
        let ids: Vec<&[u32]> = batch.owners.iter().map(|&owner| batch.sentences[owner].as_slice()).collect();
        let end = ids[0].iter().max().copied().unwrap();
        let standing: Vec<usize> =
            ids.iter().map(|ids| ids.iter().position(|&id| id == end).unwrap()).collect();
        let length = standing.iter().max().unwrap() + 1;
        let texts = unit(model.text_embeddings(&ids, &standing, length, device));
        let scale = model.logit_scale.val().exp().unsqueeze::<2>();
        let mut mask = vec![0.0_f32; count * count];
        for i in 0..count {
            for j in (0..count).filter(|&j| j != i && batch.groups[j] == batch.groups[i]) {
                mask[i * count + j] = -1e4;
            }
        }
        let mask = Tensor::<2>::from_data(burn::tensor::TensorData::new(mask, [count, count]), device);
        let logits = images.matmul(texts.transpose()) * scale + mask;
        let own = Tensor::<2>::eye(count, device);
        let both = log_softmax(logits.clone(), 1) + log_softmax(logits, 0);
        let loss = (both * own).sum() * (-0.5 / count as f64);
        let value = loss.clone().inner().try_into_vec_as::<f32>().unwrap()[0];
        (value, flat(model, &GradientsParams::from_grads(loss.backward(), model)))
    }

    #[test]
    fn replayed_parts_give_the_gradient_of_the_whole() {
        let learner = learner(Preset::Tiny);
        let batch = batch(&learner);
        let (wanted, want) = direct(&learner, &batch);
        assert!(want.len() > 50);
        for parts in [
            Parts { size: 7, are_kept: true },
            Parts { size: 2, are_kept: true },
            Parts { size: 3, are_kept: false },
        ] {
            let (loss, found) = gradients(&learner, &batch, parts).unwrap();
            assert!((loss - wanted).abs() < 1e-4, "{loss} {wanted}");
            assert_same(&flat(&learner.model, &found), &want);
        }
    }

    /// A ResNet on the processor goes its own way; in one part its batch norms see the same pictures as
    /// burn's.
    #[test]
    fn a_resnet_s_gradient_is_that_of_burn() {
        let learner = learner(Preset::TinyResnet);
        let batch = batch(&learner);
        let (wanted, want) = direct(&learner, &batch);
        let (loss, found) = gradients(&learner, &batch, Parts { size: 7, are_kept: false }).unwrap();
        assert!((loss - wanted).abs() < 1e-3, "{loss} {wanted}");
        let found = flat(&learner.model, &found);
        assert_eq!(found.len(), want.len());
        let dot = |a: &[(ParamId, Vec<f32>)], b: &[(ParamId, Vec<f32>)]| {
            let products = a.iter().zip(b).flat_map(|((_, a), (_, b))| a.iter().zip(b));
            products.map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>()
        };
        let cosine = dot(&found, &want) / (dot(&found, &found) * dot(&want, &want)).sqrt();
        assert!(cosine > 0.999, "{cosine}");
    }
}

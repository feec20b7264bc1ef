//! One step of gradient descent over a batch of any size.
//!
//! The loss compares every picture of a batch with every sentence, so it needs all embeddings at once, but
//! the activations behind them need far more memory. `GradCache` (Gao et al., 2021,
//! <https://arxiv.org/abs/2101.06983>) therefore goes over a batch twice, a micro-batch at a time: first it
//! computes all embeddings, then the loss and its gradient with respect to them; then every micro-batch runs
//! once more, backward from that gradient to that of the weights. The sum over the micro-batches is the
//! gradient of the batch. If memory suffices, the first pass of a micro-batch is kept instead of run again.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use burn::optim::{GradientsAccumulator, GradientsParams};
use burn::tensor::Tensor;

use super::loss::{self, Loss};
use crate::clip::{ComputeError, ForwardPass, Learner, Model, PassGradients, TrainingStep};

/// The pictures and sentences of a step, as the model's input.
pub struct Batch {
    /// Planes of rows, one picture after the other.
    pub pictures: Vec<f32>,
    /// Token ids. A sentence that several pictures share occurs once.
    pub sentences: Vec<Vec<u32>>,
    /// The sentence of each picture.
    pub owners: Vec<usize>,
    /// For each picture a row: whether the sentence of each picture is true of it.
    pub truths: Vec<bool>,
}

/// How a batch is divided into micro-batches.
#[derive(Clone, Copy, Debug)]
pub struct MicroBatching {
    /// Pictures, or sentences, of a micro-batch.
    pub size: usize,
    /// Whether forward passes are kept for the backward pass instead of run again.
    pub keeps_passes: bool,
}

/// The loss over a batch and its gradients with respect to all weights that may change. Updates the running
/// statistics of batch norms.
///
/// # Errors
/// If the device fails.
pub fn gradients(
    learner: &Learner,
    batch: &Batch,
    micro_batching: MicroBatching,
) -> Result<(f32, GradientsParams), ComputeError> {
    let step = learner.step()?;
    let picture = batch.pictures.len() / batch.owners.len().max(1);
    let pictures = batch.pictures.chunks(picture * micro_batching.size).map(MicroBatch::Pictures);
    let sentences = batch.sentences.chunks(micro_batching.size).map(MicroBatch::Sentences);
    let micro_batches: Vec<MicroBatch<'_>> = pictures.chain(sentences).collect();

    let passes = forward(learner, &step, &micro_batches, micro_batching.keeps_passes)?;
    let width = passes.width;
    let log_scale = learner.model.logit_scale().ln();
    let Loss { value, image_gradient, sentence_gradient, log_scale_gradient } =
        loss::contrastive(&loss::BatchEmbeddings {
            images: &passes.images,
            sentences: &passes.sentences,
            owners: &batch.owners,
            truths: &batch.truths,
            width,
            log_scale,
        })?;

    let mut sum = GradientSum::default();
    let shared_sum = Mutex::new(&mut sum);
    let mut starts = (0, 0);
    let jobs = micro_batches.iter().zip(passes.kept).enumerate().map(|(index, (micro_batch, pass))| {
        let (gradient, start) = match micro_batch {
            MicroBatch::Pictures(_) => (&image_gradient, &mut starts.0),
            MicroBatch::Sentences(_) => (&sentence_gradient, &mut starts.1),
        };
        let len = micro_batch.len(picture) * width;
        let gradient = gradient[*start..*start + len].to_vec();
        *start += len;
        (index, micro_batch, pass, gradient)
    });
    learner.run(jobs, |(index, micro_batch, pass, gradient)| {
        let pass = match pass {
            Some(pass) => pass,
            None => micro_batch.forward(&step)?,
        };
        let gradients = pass.backward(&step, gradient)?;
        shared_sum.lock().unwrap_or_else(PoisonError::into_inner).add(learner, index, gradients);
        Ok::<_, ComputeError>(())
    })?;
    drop(step);
    learner.update_running_statistics(&sum.passes);
    let mut gradients = sum.accumulator.grads();
    if learner.model.logit_scale.is_require_grad() {
        let gradient = Tensor::<1>::from_floats([log_scale_gradient], &learner.device().clone().inner());
        gradients.register(learner.model.logit_scale.id, gradient);
    }
    Ok((value, gradients))
}

/// A part of a batch that goes through the model together.
enum MicroBatch<'a> {
    Pictures(&'a [f32]),
    Sentences(&'a [Vec<u32>]),
}

impl MicroBatch<'_> {
    fn forward(&self, step: &TrainingStep<'_>) -> Result<ForwardPass, ComputeError> {
        match self {
            Self::Pictures(pictures) => step.encode_images(pictures),
            Self::Sentences(ids) => Ok(step.encode_texts(ids)),
        }
    }

    /// The number of its embeddings.
    fn len(&self, picture: usize) -> usize {
        match self {
            Self::Pictures(pictures) => pictures.len() / picture,
            Self::Sentences(ids) => ids.len(),
        }
    }
}

/// All embeddings of a batch, and the forward passes if they are kept.
struct Passes {
    images: Vec<f32>,
    sentences: Vec<f32>,
    width: usize,
    kept: Vec<Option<ForwardPass>>,
}

fn forward(
    learner: &Learner,
    step: &TrainingStep<'_>,
    micro_batches: &[MicroBatch<'_>],
    keeps_passes: bool,
) -> Result<Passes, ComputeError> {
    let done: Mutex<Vec<_>> = Mutex::new(micro_batches.iter().map(|_| None).collect());
    learner.run(micro_batches.iter().enumerate(), |(index, micro_batch)| {
        let pass = micro_batch.forward(step)?;
        let values = pass.values()?;
        let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
        done[index] = Some((values, keeps_passes.then_some(pass)));
        Ok::<_, ComputeError>(())
    })?;
    let mut passes = Passes {
        images: Vec::new(),
        sentences: Vec::new(),
        width: learner.embedding_len(),
        kept: Vec::new(),
    };
    let done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    for (micro_batch, done) in micro_batches.iter().zip(done) {
        let (values, kept) = done.ok_or(ComputeError::Missing("a part of the batch is missing"))?;
        match micro_batch {
            MicroBatch::Pictures(_) => passes.images.extend(values),
            MicroBatch::Sentences(_) => passes.sentences.extend(values),
        }
        passes.kept.push(kept);
    }
    Ok(passes)
}

/// The sum over the micro-batches, taken in their order whatever the order in which they finish: float
/// addition isn't associative, and a training that is resumed has to give the same numbers.
#[derive(Default)]
struct GradientSum {
    accumulator: GradientsAccumulator<Model>,
    /// The passes in the sum, without their gradients.
    passes: Vec<PassGradients>,
    next: usize,
    waiting: BTreeMap<usize, PassGradients>,
}

impl GradientSum {
    fn add(&mut self, learner: &Learner, index: usize, pass: PassGradients) {
        self.waiting.insert(index, pass);
        while let Some(mut pass) = self.waiting.remove(&self.next) {
            self.next += 1;
            self.accumulator.accumulate(&learner.model, std::mem::take(&mut pass.gradients));
            self.passes.push(pass);
        }
    }
}

#[cfg(test)]
mod tests {
    use burn::module::{Module as _, ModuleVisitor, Param, ParamId};
    use burn::tensor::activation::log_softmax;

    use super::*;
    use crate::clip::{DeviceChoice, ModelPreset, ModelSource, VisionTower, write_random_model};

    fn learner(preset: ModelPreset) -> Learner {
        let folder = tempfile::tempdir().unwrap();
        write_random_model(folder.path(), preset, 3).unwrap();
        let source = ModelSource { path: folder.path().to_owned(), arch: None };
        Learner::load(&source, DeviceChoice::Cpu, None).unwrap()
    }

    /// Seven pictures, of which two share a sentence; another sentence is true of one more.
    fn batch(learner: &Learner) -> Batch {
        let count = 7 * learner.preprocess().input_len();
        let pictures = (0..count).map(|i| ((i % 4093) as f32 * 0.37 + (i / 4093) as f32).sin()).collect();
        let sentences = ["a harbor", "a field of wheat", "houses", "a river", "two ships", "the beach"];
        let sentences = sentences.iter().map(|text| learner.token_ids(text).unwrap()).collect();
        let truths = (0..49).map(|pair| pair == 4 * 7 + 6).collect();
        Batch { pictures, sentences, owners: vec![0, 1, 2, 1, 3, 4, 5], truths }
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

    /// The whole batch in one graph, without any code of this file.
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
        let eot_indices: Vec<usize> =
            ids.iter().map(|ids| ids.iter().position(|&id| id == end).unwrap()).collect();
        let length = eot_indices.iter().max().unwrap() + 1;
        let texts = unit(model.text_features(&ids, &eot_indices, length, device));
        let scale = model.logit_scale.val().exp().unsqueeze::<2>();
        let mut mask = vec![0.0_f32; count * count];
        for i in 0..count {
            let is_true = |j: usize| batch.truths[i * count + j] || batch.owners[i] == batch.owners[j];
            for j in (0..count).filter(|&j| j != i && is_true(j)) {
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
        let learner = learner(ModelPreset::Tiny);
        let batch = batch(&learner);
        let (wanted, want) = direct(&learner, &batch);
        assert!(want.len() > 50);
        for micro_batching in [
            MicroBatching { size: 7, keeps_passes: true },
            MicroBatching { size: 2, keeps_passes: true },
            MicroBatching { size: 3, keeps_passes: false },
        ] {
            let (loss, found) = gradients(&learner, &batch, micro_batching).unwrap();
            assert!((loss - wanted).abs() < 1e-4, "{loss} {wanted}");
            assert_same(&flat(&learner.model, &found), &want);
        }
    }

    /// A ResNet on the processor has its own gradients. In a single micro-batch its batch norms see the same
    /// pictures as burn's.
    #[test]
    fn a_resnet_s_gradient_is_that_of_burn() {
        let learner = learner(ModelPreset::TinyResnet);
        let batch = batch(&learner);
        let (wanted, want) = direct(&learner, &batch);
        let micro_batching = MicroBatching { size: 7, keeps_passes: false };
        let (loss, found) = gradients(&learner, &batch, micro_batching).unwrap();
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

//! One step of gradient descent over a batch of any size.
//!
//! The loss compares every picture of a batch with every sentence, so it needs all embeddings at once; what made
//! them needs far more memory. `GradCache` (Gao et al., 2021, <https://arxiv.org/abs/2101.06983>) splits the way
//! in the middle: all embeddings first, a part of the batch at a time; then the loss and its gradient by the
//! embeddings; then every part once more, from that gradient to that of the weights. The sum over the parts is the
//! gradient of the whole. Where memory suffices, the first pass of a part is kept instead of run again.

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

/// The loss over a batch and its gradients by all weights that may change. Batch norms' running statistics move
/// along.
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

/// The sum over the parts, taken in their order whatever the order in which they are done: additions of floats
/// don't commute, and a training that is taken up again is to give the same numbers.
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

//! How good a model in training is on pictures that it doesn't learn from: zero-shot accuracy for classes,
//! mean recall for captions, averaged over the sets.

use std::path::Path;

use super::TrainError;
use super::sets::{SplitSet, TrainingData};
use crate::clip::{Clip, Learner};
use crate::evaluate::{
    Embeddings, EvaluateError, class_embeddings, encode_pictures, encode_sentences, retrieval, zero_shot,
};
use crate::search::PromptTemplate;

/// Of a set's pictures, at most this many are used, so that validation doesn't take as long as an epoch.
const MOST_PICTURES: usize = 1000;

/// The model's score, from 0 to 1; `None` if no pictures are kept for validation.
///
/// # Errors
/// If the device fails.
pub fn measure(learner: &Learner, sets: &TrainingData) -> Result<Option<f64>, TrainError> {
    let mut clip = learner.snapshot()?;
    let mut values = Vec::new();
    for set in sets.list.iter().filter(|set| !set.validation.is_empty()) {
        values.extend(measure_set(&mut clip, set, sets.sentences.templates()).map_err(
            |error| match error {
                EvaluateError::Model(error) => TrainError::Clip(error),
                error => TrainError::Evaluate(error),
            },
        )?);
    }
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    Ok((!values.is_empty()).then_some(mean))
}

fn measure_set(
    clip: &mut Clip,
    set: &SplitSet,
    templates: &[PromptTemplate],
) -> Result<Option<f64>, EvaluateError> {
    let mut silent = |_| {};
    // Evenly spread, so that every class has its share.
    let stride = set.validation.len().div_ceil(MOST_PICTURES);
    let items: Vec<_> =
        set.validation.iter().step_by(stride).map(|&index| &set.dataset.items[index]).collect();
    let paths: Vec<&Path> = items.iter().map(|item| item.path.as_path()).collect();
    let encoded = encode_pictures(clip, &paths, None, &mut silent)?;
    let items: Vec<_> = encoded.indices.iter().map(|&index| items[index]).collect();
    if items.is_empty() {
        return Ok(None);
    }
    if !set.dataset.classes.is_empty() {
        let labels: Vec<usize> = items.iter().map(|item| item.class.unwrap_or(0)).collect();
        let classes = class_embeddings(clip, &set.names, templates, &mut silent)?;
        return Ok(Some(zero_shot(&encoded.embeddings, &labels, &classes)?.acc1));
    }
    let owners: Vec<usize> =
        items.iter().enumerate().flat_map(|(owner, item)| item.captions.iter().map(move |_| owner)).collect();
    let captions: Vec<String> = items.iter().flat_map(|item| item.captions.clone()).collect();
    let texts: Embeddings = encode_sentences(clip, &captions, &mut silent)?;
    Ok(Some(retrieval(&encoded.embeddings, &texts, &owners)?.mean_recall))
}

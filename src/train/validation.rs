//! How good a model in training is at what it was kept from: zero-shot accuracy over classes, mean recall
//! over captions, on average over the sets.

use std::path::Path;

use super::TrainError;
use super::sets::{Set, Sets};
use crate::clip::{Clip, Learner};
use crate::evaluate::{
    Embeddings, EvaluateError, class_embeddings, encode_pictures, encode_sentences, retrieval, zero_shot,
};
use crate::search::PromptTemplate;

/// A set's pictures beyond these are left out: an epoch's end shouldn't take as long as the epoch.
const MOST_PICTURES: usize = 1000;

/// From 0 to 1; nothing where no pictures were kept.
///
/// # Errors
/// When the device fails.
pub fn measure(learner: &Learner, sets: &Sets) -> Result<Option<f64>, TrainError> {
    let mut clip = learner.snapshot()?;
    let mut values = Vec::new();
    for set in sets.list.iter().filter(|set| !set.validation.is_empty()) {
        values.extend(measure_set(&mut clip, set, sets.sentences.templates()).map_err(
            |error| match error {
                EvaluateError::Model(error) => TrainError::Clip(error),
                error => TrainError::Device(error.to_string()),
            },
        )?);
    }
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    Ok((!values.is_empty()).then_some(mean))
}

fn measure_set(
    clip: &mut Clip,
    set: &Set,
    templates: &[PromptTemplate],
) -> Result<Option<f64>, EvaluateError> {
    let mut quietly = |_| {};
    // Evenly spread, so that every class has its part.
    let stride = set.validation.len().div_ceil(MOST_PICTURES);
    let items: Vec<_> =
        set.validation.iter().step_by(stride).map(|&index| &set.dataset.items[index]).collect();
    let paths: Vec<&Path> = items.iter().map(|item| item.path.as_path()).collect();
    let encoded = encode_pictures(clip, &paths, &mut quietly)?;
    let items: Vec<_> = encoded.indices.iter().map(|&index| items[index]).collect();
    if items.is_empty() {
        return Ok(None);
    }
    if !set.dataset.classes.is_empty() {
        let labels: Vec<usize> = items.iter().map(|item| item.class.unwrap_or(0)).collect();
        let classes = class_embeddings(clip, &set.names, templates, &mut quietly)?;
        return Ok(Some(zero_shot(&encoded.embeddings, &labels, &classes)?.acc1));
    }
    let owners: Vec<usize> =
        items.iter().enumerate().flat_map(|(owner, item)| item.captions.iter().map(move |_| owner)).collect();
    let captions: Vec<String> = items.iter().flat_map(|item| item.captions.clone()).collect();
    let texts: Embeddings = encode_sentences(clip, &captions, &mut quietly)?;
    Ok(Some(retrieval(&encoded.embeddings, &texts, &owners)?.mean_recall))
}

//! From pictures and words to embeddings.

use std::collections::HashMap;
use std::path::Path;

use crossbeam_channel::{Sender, bounded};
use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};

use super::{Embeddings, EvaluateError};
use crate::clip::{Clip, ClipError, Preprocess};
use crate::dataset::{Skipped, read_picture};
use crate::search::PromptTemplate;

/// Sentences that are encoded between two steps.
const SENTENCES: usize = 64;

/// What happened since the last step.
#[derive(Debug)]
pub struct Step {
    /// Pictures or sentences that were dealt with so far.
    pub done: usize,
    /// Pictures of this step that could not be read.
    pub unreadable: Vec<Skipped>,
    /// Something to know of the device.
    pub notice: Option<String>,
}

/// The pictures that could be read.
#[derive(Clone, Debug)]
pub struct Encoded {
    /// One embedding for each of them, of length one.
    pub embeddings: Embeddings,
    /// Their places in the list that was given, ascending.
    pub indices: Vec<usize>,
    /// The others, in order.
    pub unreadable: Vec<Skipped>,
}

/// Encodes pictures whole, by the model's own preprocessing. Other threads decode while the model runs; they
/// are at most two batches ahead, so that memory doesn't grow with the number of pictures. `watch` is told
/// after each batch. A picture that can't be read is left out.
///
/// # Errors
/// When the model fails.
pub fn encode_pictures(
    clip: &mut Clip,
    paths: &[&Path],
    watch: &mut dyn FnMut(Step),
) -> Result<Encoded, EvaluateError> {
    let preprocess = clip.preprocess().clone();
    let batch_size = clip.batch_size().max(1);
    let mut values = Vec::with_capacity(paths.len() * clip.embedding_len());
    let mut indices = Vec::with_capacity(paths.len());
    let mut unreadable = Vec::new();
    std::thread::scope(|scope| {
        let (batches, received) = bounded(1);
        scope.spawn(move || decode(paths, &preprocess, batch_size, &batches));
        let mut done = 0;
        // When this loop ends early, the channel closes and so does the decoder's.
        for batch in received {
            values.extend(clip.encode_images(&batch.input)?);
            done += batch.indices.len() + batch.unreadable.len();
            indices.extend(batch.indices);
            unreadable.extend(batch.unreadable.iter().cloned());
            watch(Step { done, unreadable: batch.unreadable, notice: clip.take_notice() });
        }
        Ok::<_, ClipError>(())
    })?;
    let embeddings = Embeddings::new(clip.embedding_len(), values)?;
    Ok(Encoded { embeddings, indices, unreadable })
}

struct Batch {
    /// The input of the readable pictures, one after the other.
    input: Vec<f32>,
    indices: Vec<usize>,
    unreadable: Vec<Skipped>,
}

fn decode(paths: &[&Path], preprocess: &Preprocess, batch_size: usize, batches: &Sender<Batch>) {
    // The model keeps rayon's own threads busy.
    let threads: Option<ThreadPool> =
        ThreadPoolBuilder::new().thread_name(|index| format!("picture {index}")).build().ok();
    let read = |&path: &&Path| {
        let pixels = read_picture(path).map_err(|error| error.to_string())?;
        preprocess.picture(&pixels).map_err(|error| format!("{}: {error}", path.display()))
    };
    for (start, paths) in (0..paths.len()).step_by(batch_size).zip(paths.chunks(batch_size)) {
        let read_all = || paths.par_iter().map(read).collect::<Vec<_>>();
        let pictures = threads.as_ref().map_or_else(read_all, |threads| threads.install(read_all));
        let mut batch = Batch { input: Vec::new(), indices: Vec::new(), unreadable: Vec::new() };
        for (offset, (picture, path)) in pictures.into_iter().zip(paths).enumerate() {
            match picture {
                Ok(input) => {
                    batch.input.extend(input);
                    batch.indices.push(start + offset);
                }
                Err(reason) => {
                    batch.unreadable.push(Skipped { path: path.to_path_buf(), reason });
                }
            }
        }
        if batches.send(batch).is_err() {
            return;
        }
    }
}

/// Encodes sentences as they are written, each that occurs several times once.
///
/// # Errors
/// When the model fails.
pub fn encode_sentences(
    clip: &mut Clip,
    sentences: &[String],
    watch: &mut dyn FnMut(Step),
) -> Result<Embeddings, EvaluateError> {
    let mut places: HashMap<&str, usize> = HashMap::new();
    let mut different: Vec<String> = Vec::new();
    let place_of: Vec<usize> = sentences
        .iter()
        .map(|sentence| {
            *places.entry(sentence).or_insert_with(|| {
                different.push(sentence.clone());
                different.len() - 1
            })
        })
        .collect();
    let mut values = Vec::with_capacity(different.len() * clip.embedding_len());
    let mut done = 0;
    for part in different.chunks(SENTENCES) {
        values.extend(clip.encode_texts(part)?.into_iter().flatten());
        done += part.len();
        // Of all sentences, those that occur again included.
        let done = done * sentences.len() / different.len();
        watch(Step { done, unreadable: Vec::new(), notice: clip.take_notice() });
    }
    Ok(Embeddings::new(clip.embedding_len(), values)?.select(&place_of))
}

/// One embedding a class: the mean of those of all its words in all templates, brought to length one (Radford
/// et al., 2021, section 3.1.4).
///
/// # Errors
/// When a class has no words, there are no templates, or the model fails.
pub fn class_embeddings(
    clip: &mut Clip,
    words: &[Vec<String>],
    templates: &[PromptTemplate],
    watch: &mut dyn FnMut(Step),
) -> Result<Embeddings, EvaluateError> {
    let sentences_of = |words: &Vec<String>| -> Vec<String> {
        words.iter().flat_map(|word| templates.iter().flat_map(|template| template.prompts(word))).collect()
    };
    let sentences: Vec<Vec<String>> = words.iter().map(sentences_of).collect();
    if sentences.iter().any(Vec::is_empty) {
        return Err(EvaluateError::Input("a class has no sentence".to_owned()));
    }
    let embeddings = encode_sentences(clip, &sentences.concat(), watch)?;
    let mut rows = embeddings.rows();
    let means: Vec<Vec<f32>> = sentences
        .iter()
        .map(|sentences| direction(rows.by_ref().take(sentences.len()), embeddings.width()))
        .collect();
    Embeddings::from_rows(&means)
}

/// The direction of the mean of several embeddings.
fn direction<'a>(rows: impl Iterator<Item = &'a [f32]>, width: usize) -> Vec<f32> {
    let mut sum = vec![0.0_f32; width];
    for row in rows {
        for (sum, value) in sum.iter_mut().zip(row) {
            *sum += value;
        }
    }
    let length = sum.iter().map(|value| value * value).sum::<f32>().sqrt();
    if length > 0.0 {
        for value in &mut sum {
            *value /= length;
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_has_length_one() {
        let rows: [&[f32]; 2] = [&[1.0, 0.0], &[0.0, 1.0]];
        let mean = direction(rows.into_iter(), 2);
        assert!(mean.iter().all(|value| (value - 0.5_f32.sqrt()).abs() < 1e-6), "{mean:?}");
        assert_eq!(direction(std::iter::empty(), 2), [0.0, 0.0]);
    }
}

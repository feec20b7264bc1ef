//! From pictures and sentences to embeddings.

use std::collections::HashMap;
use std::path::Path;

use crossbeam_channel::{Sender, bounded};
use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};

use super::{Embeddings, EvaluateError};
use crate::clip::{Clip, ClipError, Preprocess, shrunk};
use crate::dataset::{Skipped, read_picture};
use crate::search::PromptTemplate;

/// Sentences that are encoded between two calls of `watch`.
const SENTENCES: usize = 64;

/// The progress of an encoding.
#[derive(Debug)]
pub struct EncodeProgress {
    /// Pictures or sentences that are done.
    pub done: usize,
    /// Pictures that could not be read since the last call.
    pub unreadable: Vec<Skipped>,
    /// Something that a person should know about the device.
    pub notice: Option<String>,
}

/// The embeddings of the pictures that could be read.
#[derive(Clone, Debug)]
pub struct EncodedPictures {
    /// One for each picture, of length one.
    pub embeddings: Embeddings,
    /// The indices of the pictures in the list that was given, ascending.
    pub indices: Vec<usize>,
    /// The other pictures, in order.
    pub unreadable: Vec<Skipped>,
}

/// Encodes whole pictures with the model's own preprocessing. Other threads decode while the model runs, at
/// most two batches ahead, so that memory doesn't grow with the number of pictures. `watch` is called after
/// each batch. Pictures that can't be read are left out. With `shrink`, pictures are first averaged down to
/// so many pixels along their shorter side.
///
/// # Errors
/// If the model fails.
pub fn encode_pictures(
    clip: &mut Clip,
    paths: &[&Path],
    shrink: Option<u32>,
    watch: &mut dyn FnMut(EncodeProgress),
) -> Result<EncodedPictures, EvaluateError> {
    let preprocess = clip.preprocess().clone();
    let batch_size = clip.batch_size().max(1);
    let mut values = Vec::with_capacity(paths.len() * clip.embedding_len());
    let mut indices = Vec::with_capacity(paths.len());
    let mut unreadable = Vec::new();
    std::thread::scope(|scope| {
        let (batches, received) = bounded(1);
        scope.spawn(move || decode(paths, shrink, &preprocess, batch_size, &batches));
        let mut done = 0;
        // If this loop ends early, the channel closes, which ends the decoder.
        for batch in received {
            values.extend(clip.encode_images(&batch.input)?);
            done += batch.indices.len() + batch.unreadable.len();
            indices.extend(batch.indices);
            unreadable.extend(batch.unreadable.iter().cloned());
            watch(EncodeProgress { done, unreadable: batch.unreadable, notice: clip.take_notice() });
        }
        Ok::<_, ClipError>(())
    })?;
    let embeddings = Embeddings::new(clip.embedding_len(), values)?;
    Ok(EncodedPictures { embeddings, indices, unreadable })
}

struct Batch {
    /// The input of the readable pictures, one after the other.
    input: Vec<f32>,
    indices: Vec<usize>,
    unreadable: Vec<Skipped>,
}

fn decode(
    paths: &[&Path],
    shrink: Option<u32>,
    preprocess: &Preprocess,
    batch_size: usize,
    batches: &Sender<Batch>,
) {
    // rayon's own threads are busy with the model.
    let threads: Option<ThreadPool> =
        ThreadPoolBuilder::new().thread_name(|index| format!("picture {index}")).build().ok();
    let read = |&path: &&Path| {
        let failed = |error: ClipError| format!("{}: {error}", path.display());
        let mut pixels = read_picture(path).map_err(|error| error.to_string())?;
        if let Some(shortest) = shrink {
            pixels = shrunk(pixels, shortest).map_err(failed)?;
        }
        preprocess.picture(&pixels).map_err(failed)
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

/// Encodes sentences as they are written. One that occurs several times is encoded once.
///
/// # Errors
/// If the model fails.
pub fn encode_sentences(
    clip: &mut Clip,
    sentences: &[String],
    watch: &mut dyn FnMut(EncodeProgress),
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
        // Scaled to all sentences, including those that occur again.
        let done = done * sentences.len() / different.len();
        watch(EncodeProgress { done, unreadable: Vec::new(), notice: clip.take_notice() });
    }
    Ok(Embeddings::new(clip.embedding_len(), values)?.select(&place_of))
}

/// One embedding per class: the mean over all its words in all templates, scaled to length one (Radford et
/// al., 2021, section 3.1.4).
///
/// # Errors
/// If a class has no words, there are no templates, or the model fails.
pub fn class_embeddings(
    clip: &mut Clip,
    words: &[Vec<String>],
    templates: &[PromptTemplate],
    watch: &mut dyn FnMut(EncodeProgress),
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
        .map(|sentences| mean_direction(rows.by_ref().take(sentences.len()), embeddings.width()))
        .collect();
    Embeddings::from_rows(&means)
}

/// The mean of several embeddings, scaled to length one.
fn mean_direction<'a>(rows: impl Iterator<Item = &'a [f32]>, width: usize) -> Vec<f32> {
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
        let mean = mean_direction(rows.into_iter(), 2);
        assert!(mean.iter().all(|value| (value - 0.5_f32.sqrt()).abs() < 1e-6), "{mean:?}");
        assert_eq!(mean_direction(std::iter::empty(), 2), [0.0, 0.0]);
    }
}

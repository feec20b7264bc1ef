//! From what is looked for to vectors: sentences, examples, feedback.
//!
//! Images and sentences lie in two cones of the embedding space, far apart (the modality gap: Liang et al.,
//! "Mind the gap", 2022). Two images are therefore always more alike than an image and a sentence, and an
//! image can't stand among words as it is. It is carried over: the direction in which it differs from the
//! mean of the scene is added to the mean of the background words, as far as words differ from that mean.

use std::collections::HashMap;
use std::sync::Arc;

use super::error::QueryError;
use super::expression::{Expression, combine};
use super::feedback::{self, FeedbackEmbeddings};
use super::query::{ExampleOf, Query, default_background, example_name};
use super::scene_context::SceneContext;
use super::similarity::WordMatrix;
use super::synonyms;
use super::words::{KeywordWords, Words};
use crate::encoder::Encoder;
use crate::raster::{Pixels, Rect};

/// What was encoded so far, so that nothing is encoded twice.
#[derive(Default)]
pub struct Vocabulary {
    sentences: HashMap<String, Vec<f32>>,
    places: HashMap<Rect, Vec<f32>>,
    pictures: Vec<(Arc<Pixels>, Vec<f32>)>,
}

/// Where words lie: the mean of their embeddings, not normalised, and how far they are from it on average.
struct Cone {
    mean: Vec<f32>,
    radius: f32,
}

impl Vocabulary {
    /// The vectors that stand for a query.
    ///
    /// # Errors
    /// When a keyword can't be understood, or something can't be encoded.
    pub fn words(
        &mut self,
        query: &Query,
        encoder: &mut dyn Encoder,
        context: &dyn SceneContext,
    ) -> Result<Words, QueryError> {
        let mut expressions = query.expressions()?;
        let background = query.competing_background();
        let card = encoder.card();
        for term in expressions.iter_mut().flat_map(|expression| &mut expression.alternatives).flatten() {
            if example_name(&term.phrase).is_none() {
                term.phrase = card.known_words.spelling(&term.phrase).to_owned();
            }
        }
        let length = card.embedding_len;
        self.encode(query, &expressions, &background, encoder)?;
        let for_images = !query.feedback.is_empty()
            || expressions
                .iter()
                .any(|expression| expression.phrases().any(|phrase| example_name(phrase).is_some()));
        let (mut mean, mut cone) = (Vec::new(), Cone { mean: vec![0.0; length], radius: 1.0 });
        if for_images {
            mean = context.mean();
            cone = self.cone(query, encoder)?;
        }

        let mut rows = Vec::new();
        let mut examples = Vec::new();
        let mut keywords = Vec::new();
        for (name, expression) in query.keywords.iter().zip(&expressions) {
            let first = rows.len() / length;
            let feedback = self.feedback(query, name, encoder, context)?;
            for terms in &expression.alternatives {
                let mut vectors = Vec::with_capacity(terms.len());
                for term in terms {
                    let vector = match example_name(&term.phrase) {
                        Some(example) => self.example(query, example, encoder, context, &mean, &cone)?,
                        None => self.phrase(query, &term.phrase, length),
                    };
                    vectors.push((term.weight, vector));
                }
                let vector = match &vectors[..] {
                    // As it is, to the last bit.
                    [(1.0, vector)] => vector.clone(),
                    several => combine(several.iter().map(|(weight, vector)| (*weight, &vector[..])), length),
                };
                rows.extend(feedback::refine(&vector, &feedback, &mean));
            }
            if let Some(alone) = expression.is_plain().and_then(example_name)
                && feedback.is_empty()
                && let Some(image) = self.image(query, alone, encoder, context)?
            {
                examples.push((keywords.len(), image));
            }
            keywords.push(KeywordWords {
                rows: first..rows.len() / length,
                example: None,
                synonyms: Vec::new(),
            });
        }
        for word in &background {
            rows.extend(self.phrase(query, word, length));
        }
        let competing = rows.len() / length;
        for (keyword, image) in examples {
            keywords[keyword].example = Some(rows.len() / length);
            rows.extend(image);
        }
        let mut words = Words {
            keywords,
            matrix: WordMatrix::new(rows, length),
            competing,
            logit_scale: card.logit_scale,
            scoring: card.scoring,
            refinement: None,
        };
        let background = words.background();
        for (keyword, expression) in words.keywords.iter_mut().zip(&expressions) {
            let wanted = self.wanted_phrases(query, expression, length);
            keyword.synonyms = synonyms::of(&wanted, &words.matrix, background.clone());
        }
        Ok(words)
    }

    /// The embeddings of the phrases that a keyword looks for, without examples and what it doesn't want.
    fn wanted_phrases(&self, query: &Query, expression: &Expression, length: usize) -> Vec<Vec<f32>> {
        let terms = expression.alternatives.iter().flatten().filter(|term| term.weight > 0.0);
        let phrases = terms.map(|term| &term.phrase).filter(|phrase| example_name(phrase).is_none());
        phrases.map(|phrase| self.phrase(query, phrase, length)).collect()
    }

    /// Encodes all sentences that are new, at once.
    fn encode(
        &mut self,
        query: &Query,
        expressions: &[Expression],
        background: &[String],
        encoder: &mut dyn Encoder,
    ) -> Result<(), QueryError> {
        let phrases =
            expressions.iter().flat_map(Expression::phrases).filter(|phrase| example_name(phrase).is_none());
        let words = phrases.chain(background.iter().map(String::as_str));
        let mut new: Vec<String> = words
            .flat_map(|word| query.template.prompts(word))
            .filter(|sentence| !self.sentences.contains_key(sentence))
            .collect();
        new.sort_unstable();
        new.dedup();
        if !new.is_empty() {
            let embeddings = encoder.encode_texts(&new)?;
            self.sentences.extend(new.into_iter().zip(embeddings));
        }
        Ok(())
    }

    /// The mean of a phrase's sentences, which are encoded.
    fn phrase(&self, query: &Query, phrase: &str, length: usize) -> Vec<f32> {
        let sentences = query.template.prompts(phrase);
        let known: Vec<&Vec<f32>> =
            sentences.iter().filter_map(|sentence| self.sentences.get(sentence)).collect();
        match known[..] {
            // As it is, to the last bit.
            [only] => only.clone(),
            _ => combine(known.iter().map(|vector| (1.0, &vector[..])), length),
        }
    }

    fn cone(&mut self, query: &Query, encoder: &mut dyn Encoder) -> Result<Cone, QueryError> {
        let words = if query.background.is_empty() { default_background() } else { query.background.clone() };
        self.encode(query, &[], &words, encoder)?;
        let length = encoder.card().embedding_len;
        let vectors: Vec<Vec<f32>> = words.iter().map(|word| self.phrase(query, word, length)).collect();
        let count = vectors.len().max(1) as f32;
        let mut mean = vec![0.0; length];
        for vector in &vectors {
            mean.iter_mut().zip(vector).for_each(|(sum, value)| *sum += value / count);
        }
        let distance =
            |vector: &Vec<f32>| vector.iter().zip(&mean).map(|(a, b)| (a - b).powi(2)).sum::<f32>().sqrt();
        let radius = vectors.iter().map(distance).sum::<f32>() / count;
        Ok(Cone { mean, radius })
    }

    /// An example as a vector among words.
    fn example(
        &mut self,
        query: &Query,
        name: &str,
        encoder: &mut dyn Encoder,
        context: &dyn SceneContext,
        mean: &[f32],
        cone: &Cone,
    ) -> Result<Vec<f32>, QueryError> {
        if let Some(ExampleOf::Saved { vector, model }) = query.example(name).map(|example| &example.of) {
            let card = encoder.card();
            if vector.len() != card.embedding_len || *model != card.fingerprint {
                return Err(QueryError::OtherModel { name: name.to_owned() });
            }
            return Ok(vector.to_vec());
        }
        let image = self.image(query, name, encoder, context)?.unwrap_or_default();
        let difference: Vec<f32> = image.iter().zip(mean).map(|(a, b)| a - b).collect();
        let direction = combine([(1.0, &difference[..])].into_iter(), difference.len());
        Ok(combine([(1.0, &cone.mean[..]), (cone.radius, &direction[..])].into_iter(), difference.len()))
    }

    /// The image that an example is; `None` for a saved query.
    fn image(
        &mut self,
        query: &Query,
        name: &str,
        encoder: &mut dyn Encoder,
        context: &dyn SceneContext,
    ) -> Result<Option<Vec<f32>>, QueryError> {
        match query.example(name).map(|example| &example.of) {
            Some(ExampleOf::Place(place)) => self.place(*place, encoder, context).map(Some),
            Some(ExampleOf::Picture(picture)) => {
                if let Some((_, known)) = self.pictures.iter().find(|(known, _)| Arc::ptr_eq(known, picture))
                {
                    return Ok(Some(known.clone()));
                }
                let side = f64::from(picture.width.min(picture.height));
                let (left, top) =
                    ((f64::from(picture.width) - side) / 2.0, (f64::from(picture.height) - side) / 2.0);
                let embedding = encoder.encode_square(picture, left.floor(), top.floor(), side)?;
                self.pictures.push((Arc::clone(picture), embedding.clone()));
                Ok(Some(embedding))
            }
            Some(ExampleOf::Saved { .. }) | None => Ok(None),
        }
    }

    /// The embeddings of what was accepted and rejected for a keyword.
    fn feedback(
        &mut self,
        query: &Query,
        keyword: &str,
        encoder: &mut dyn Encoder,
        context: &dyn SceneContext,
    ) -> Result<FeedbackEmbeddings, QueryError> {
        let mut feedback = FeedbackEmbeddings::default();
        for given in query.feedback.iter().filter(|given| given.keyword == keyword) {
            for place in &given.accepted {
                feedback.accepted.push(self.place(*place, encoder, context)?);
            }
            for place in &given.rejected {
                feedback.rejected.push(self.place(*place, encoder, context)?);
            }
        }
        Ok(feedback)
    }

    fn place(
        &mut self,
        place: Rect,
        encoder: &mut dyn Encoder,
        context: &dyn SceneContext,
    ) -> Result<Vec<f32>, QueryError> {
        if let Some(known) = self.places.get(&place) {
            return Ok(known.clone());
        }
        let embedding = context.embed_place(place, encoder)?;
        self.places.insert(place, embedding.clone());
        Ok(embedding)
    }
}

//! The sentence for a picture: one of its captions, or one of its class's names in one of the templates.

use std::collections::BTreeMap;
use std::path::Path;

use rand::RngExt as _;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;

use super::TrainError;
use crate::search::PromptTemplate;
use crate::text_file;

/// Says a sentence in other words. [`Synonyms`] is built in; a model that translates a sentence into another
/// language and back, as CLIP-rsicd did, would plug in here, too.
pub trait Paraphrase: Send + Sync {
    /// Another sentence of the same meaning, or the same one.
    fn paraphrase(&self, sentence: &str, rng: &mut StdRng) -> String;
}

/// How sentences are made.
pub struct Sentences {
    templates: Vec<PromptTemplate>,
    paraphrases: Vec<Box<dyn Paraphrase>>,
}

impl Sentences {
    /// `templates`, of which there is at least one, are for classes.
    pub fn new(templates: Vec<PromptTemplate>, paraphrases: Vec<Box<dyn Paraphrase>>) -> Self {
        Self { templates, paraphrases }
    }

    pub fn templates(&self) -> &[PromptTemplate] {
        &self.templates
    }

    /// A sentence for a picture of a class with this name.
    pub fn of_name(&self, name: &str, rng: &mut StdRng) -> String {
        let Some(template) = self.templates.choose(rng) else { return String::new() };
        let prompts = template.prompts(name);
        self.paraphrased(prompts.choose(rng).map_or("", String::as_str), rng)
    }

    /// One of a picture's captions.
    pub fn of_captions(&self, captions: &[String], rng: &mut StdRng) -> String {
        self.paraphrased(captions.choose(rng).map_or("", String::as_str), rng)
    }

    fn paraphrased(&self, sentence: &str, rng: &mut StdRng) -> String {
        self.paraphrases
            .iter()
            .fold(sentence.to_owned(), |sentence, paraphrase| paraphrase.paraphrase(&sentence, rng))
    }
}

/// Words that may stand for one another.
pub struct Synonyms(BTreeMap<String, Vec<String>>);

impl Synonyms {
    /// Reads a JSON object: `{"harbor": ["harbour", "port"], "cars": ["vehicles"]}`.
    ///
    /// # Errors
    /// If the file can't be read or isn't such an object.
    pub fn open(path: &Path) -> Result<Self, TrainError> {
        let wrong = |reason: String| TrainError::Settings(format!("{}: {reason}", path.display()));
        let text = text_file::read(path).map_err(|error| wrong(error.to_string()))?;
        serde_json::from_str(&text).map(Self).map_err(|error| {
            wrong(format!(
                "expected JSON from words to lists of words, as in {{\"harbor\": [\"port\"]}} ({error})"
            ))
        })
    }
}

impl Paraphrase for Synonyms {
    /// Replaces every word that has synonyms half of the time.
    fn paraphrase(&self, sentence: &str, rng: &mut StdRng) -> String {
        let words =
            sentence.split(' ').map(|word| match self.0.get(word).and_then(|others| others.choose(rng)) {
                Some(other) if rng.random_bool(0.5) => other.as_str(),
                _ => word,
            });
        words.collect::<Vec<_>>().join(" ")
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;

    use super::*;

    #[test]
    fn every_name_template_and_synonym_is_said_in_time() {
        let synonyms = Synonyms(BTreeMap::from([("port".to_owned(), vec!["marina".to_owned()])]));
        let templates = ["a {}", "the {} from above"].map(|text| PromptTemplate::new(text).unwrap());
        let sentences = Sentences::new(templates.to_vec(), vec![Box::new(synonyms)]);
        let names = ["port".to_owned(), "dock".to_owned()];
        let mut rng = StdRng::seed_from_u64(0);
        let said: std::collections::BTreeSet<String> =
            (0..200).map(|i| sentences.of_name(&names[i % 2], &mut rng)).collect();
        let all = [
            "a dock",
            "a marina",
            "a port",
            "the dock from above",
            "the marina from above",
            "the port from above",
        ];
        assert_eq!(said.into_iter().collect::<Vec<_>>(), all);
    }
}

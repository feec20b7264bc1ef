//! What is looked for: keywords, the sentences made from them, and how windows are ranked.

use std::collections::HashSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::error::QueryError;
use super::expression::Expression;
use super::heat_map::Blend;
use super::keyword::folded;
use super::threshold::Threshold;
use crate::raster::{Pixels, Rect};

/// The order of the results.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum RankBy {
    /// Softmax of `logit_scale` x cosine over all keywords and background words, or for a model that scores
    /// each word by itself the sigmoid of `logit_scale` x cosine + bias.
    #[default]
    Probability,
    /// Cosine similarity of window and prompt.
    Cosine,
}

/// How a keyword becomes the sentence, or the several sentences, that CLIP reads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PromptTemplate(String);

impl PromptTemplate {
    /// The template that is used when none is chosen.
    pub const DEFAULT: &'static str = "a photo of a {}";

    /// Templates offered to people: two for any picture, then ones for satellite images. The last is an
    /// average of several: templates separated by `|` are encoded one by one and their embeddings averaged,
    /// as in section 3.1.4 of the CLIP paper (Radford et al., 2021).
    pub const OFFERED: [&'static str; 5] = [
        Self::DEFAULT,
        "A picture of a {}",
        "a satellite photo of a {}",
        "an aerial view of a {}",
        "a photo of a {}|a satellite photo of a {}|an aerial view of a {}|satellite imagery of a {}",
    ];

    /// # Errors
    /// When a part has no `{}` for the keyword to stand in.
    pub fn new(text: &str) -> Result<Self, QueryError> {
        match text.split('|').find(|part| !part.contains("{}")) {
            Some(part) => Err(QueryError::NoPlaceholder { part: part.to_owned() }),
            None => Ok(Self(text.to_owned())),
        }
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The sentences for a keyword; their embeddings are averaged.
    #[must_use]
    pub fn prompts(&self, keyword: &str) -> Vec<String> {
        self.0.split('|').map(|part| part.trim().replace("{}", keyword)).collect()
    }
}

impl Default for PromptTemplate {
    fn default() -> Self {
        Self(Self::DEFAULT.to_owned())
    }
}

/// Everything that decides which windows are shown, apart from the windows themselves.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    /// What is looked for, each an [`Expression`]: a word or a few, or several put together, like
    /// `harbor + ships - beach` or `ship | boat`.
    pub keywords: Vec<String>,
    pub template: PromptTemplate,
    /// Words that compete with the keywords for probability but are never shown. A word that is also a
    /// keyword counts once.
    pub background: Vec<String>,
    pub rank_by: RankBy,
    pub top_k: usize,
    /// What the names stand for that keywords refer to as `@name`.
    pub examples: Vec<Example>,
    /// What was said about boxes, thumbs up and down.
    pub feedback: Vec<KeywordFeedback>,
    pub boxes: BoxSettings,
    pub threshold: Threshold,
    /// Refine probabilities among the windows of the scene.
    pub refine: bool,
    /// Make a heat map of this keyword.
    pub heat_map: Option<HeatMapOf>,
}

impl Default for Query {
    fn default() -> Self {
        Self {
            keywords: Vec::new(),
            template: PromptTemplate::default(),
            background: default_background(),
            rank_by: RankBy::default(),
            top_k: Self::DEFAULT_TOP_K,
            examples: Vec::new(),
            feedback: Vec::new(),
            boxes: BoxSettings::default(),
            threshold: Threshold::default(),
            refine: false,
            heat_map: None,
        }
    }
}

/// Something to look for that is not a word.
#[derive(Clone, Debug, PartialEq)]
pub struct Example {
    /// Without the `@`.
    pub name: String,
    pub of: ExampleOf,
}

#[derive(Clone, Debug, PartialEq)]
pub enum ExampleOf {
    /// A place in the scene, in level-0 pixels: what the smallest square around it shows.
    Place(Rect),
    /// A picture; its middle, as far as the model sees it.
    Picture(Arc<Pixels>),
    /// A query that was saved: a vector among those of sentences, and the fingerprint of the model that made
    /// it.
    Saved { vector: Arc<[f32]>, model: String },
}

/// What a person said about boxes of a keyword.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct KeywordFeedback {
    pub keyword: String,
    /// Places in the scene, in level-0 pixels.
    pub accepted: Vec<Rect>,
    pub rejected: Vec<Rect>,
}

/// How boxes are made of the best windows. All off, a box is a window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BoxSettings {
    /// Of windows that overlap by more than this (intersection over union) only the best is shown.
    pub suppress: Option<f64>,
    /// Windows of the same keyword that touch become one box.
    pub merge: bool,
    /// Boxes follow the peaks of the heat map instead of the windows.
    pub tight: bool,
    /// Boxes are those of regions that stand out, with an outline: of a dense scan.
    pub regions: bool,
}

impl BoxSettings {
    /// The overlap of two windows that lie half a side apart is a third.
    pub const DEFAULT_OVERLAP: f64 = 0.3;
}

/// Which heat map.
#[derive(Clone, Debug, PartialEq)]
pub struct HeatMapOf {
    pub keyword: String,
    pub blend: Blend,
}

impl Query {
    /// As many windows a keyword as are kept when nobody says how many.
    pub const DEFAULT_TOP_K: usize = 5;

    /// The keywords, taken apart.
    ///
    /// # Errors
    /// When one can't be understood or refers to an example that isn't there.
    pub fn expressions(&self) -> Result<Vec<Expression>, QueryError> {
        let mut expressions = Vec::with_capacity(self.keywords.len());
        for keyword in &self.keywords {
            let expression = Expression::parse(keyword)?;
            if let Some(name) =
                expression.phrases().filter_map(example_name).find(|name| self.example(name).is_none())
            {
                return Err(QueryError::NoSuchExample { keyword: keyword.clone(), name: name.to_owned() });
            }
            expressions.push(expression);
        }
        Ok(expressions)
    }

    #[must_use]
    pub fn example(&self, name: &str) -> Option<&Example> {
        self.examples.iter().find(|example| example.name.eq_ignore_ascii_case(name))
    }

    /// The words that compete with the keywords: those background words that no keyword names itself, each
    /// once.
    #[must_use]
    pub fn competing_background(&self) -> Vec<String> {
        let expressions = self.keywords.iter().filter_map(|keyword| Expression::parse(keyword).ok());
        let terms = expressions.flat_map(|expression| expression.alternatives.into_iter().flatten());
        let wanted: HashSet<String> =
            terms.filter(|term| term.weight > 0.0).map(|term| folded(&term.phrase)).collect();
        let mut seen = HashSet::new();
        let competes = |word: &&String| {
            let word = folded(word);
            !wanted.contains(&word) && seen.insert(word)
        };
        self.background.iter().filter(competes).cloned().collect()
    }
}

/// The name of the example that a phrase stands for, if it does.
#[must_use]
pub fn example_name(phrase: &str) -> Option<&str> {
    phrase.strip_prefix('@').filter(|name| !name.is_empty())
}

/// The background words that come with Skysift: class names of UC Merced, EuroSAT and RSICD.
#[must_use]
pub fn default_background() -> Vec<String> {
    parse_background(include_str!("../../assets/background.txt"))
}

/// Background words from a text file: one a line, `#` starts a comment.
#[must_use]
pub fn parse_background(text: &str) -> Vec<String> {
    text.lines()
        .map(|line| line.split('#').next().unwrap_or_default().trim())
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_needs_a_place_for_the_keyword() {
        assert!(PromptTemplate::new("a photo").is_err());
        assert!(PromptTemplate::new("a {}|a photo").is_err());
        let template = PromptTemplate::new("a {} | the {}").unwrap();
        assert_eq!(template.prompts("pier"), ["a pier", "the pier"]);
    }

    #[test]
    fn a_background_word_that_is_a_keyword_counts_once() {
        let query = |keyword: &str| Query {
            keywords: vec![keyword.to_owned()],
            background: parse_background("harbor # as in UC Merced\n\nforest\n"),
            ..Query::default()
        };
        assert_eq!(query("Harbor").competing_background(), ["forest"]);
        assert_eq!(query("dock | harbor + ships").competing_background(), ["forest"]);
        assert_eq!(query("ships - harbor").competing_background(), ["harbor", "forest"]);
    }

    #[test]
    fn an_example_must_be_there() {
        let mut query = Query { keywords: vec!["harbor + @1".to_owned()], ..Query::default() };
        assert!(query.expressions().is_err_and(|error| error.to_string().contains("@1")));
        let of = ExampleOf::Place(Rect::new(0, 0, 9, 9));
        query.examples.push(Example { name: "1".to_owned(), of });
        assert!(query.expressions().is_ok());
    }
}

//! What is looked for: keywords, the sentences made from them, and how windows are ranked.

use serde::{Deserialize, Serialize};

/// The order of the results.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum RankBy {
    /// Softmax of `logit_scale` x cosine over all keywords and background words.
    #[default]
    Probability,
    /// Cosine similarity of window and prompt.
    Cosine,
}

/// How a keyword becomes the sentence, or the several sentences, that CLIP reads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PromptTemplate(String);

impl PromptTemplate {
    /// The thesis' template.
    pub const DEFAULT: &'static str = "a photo of a {}";

    /// Templates offered to people: the thesis' two, then ones for satellite images. The last is an
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
    pub fn new(text: &str) -> Result<Self, super::ScanError> {
        match text.split('|').find(|part| !part.contains("{}")) {
            Some(part) => Err(super::ScanError::Settings(format!(
                "the prompt {part:?} has no {{}} for the keyword; write for example {:?}",
                Self::DEFAULT
            ))),
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
    pub keywords: Vec<String>,
    pub template: PromptTemplate,
    /// Words that compete with the keywords for probability but are never shown. A word that is also a
    /// keyword counts once.
    pub background: Vec<String>,
    pub rank_by: RankBy,
    pub top_k: usize,
}

impl Query {
    /// As many windows a keyword as are kept when nobody says how many.
    pub const DEFAULT_TOP_K: usize = 5;

    /// The words a probability is shared among: the keywords, then the background words that are not
    /// keywords themselves.
    #[must_use]
    pub fn words(&self) -> Vec<String> {
        let mut words = self.keywords.clone();
        for word in &self.background {
            if !words.iter().any(|known| known.eq_ignore_ascii_case(word)) {
                words.push(word.clone());
            }
        }
        words
    }
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
        let query = Query {
            keywords: vec!["Harbor".to_owned()],
            template: PromptTemplate::default(),
            background: parse_background("harbor # as in UC Merced\n\nforest\n"),
            rank_by: RankBy::Probability,
            top_k: 5,
        };
        assert_eq!(query.words(), ["Harbor", "forest"]);
    }
}

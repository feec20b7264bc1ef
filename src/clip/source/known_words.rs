//! The words that a model learnt, if its folder lists them in `names.json`.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use serde::Deserialize;

use super::word_forms::{distance, forms};
use crate::clip::ClipError;
use crate::text_file;

/// The words, each once: first the main name of each class, then the other names. Empty for a model that
/// lists none, as large ones that were trained on everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KnownWords(Arc<Words>);

#[derive(Debug, Default, PartialEq, Eq)]
struct Words {
    words: Vec<String>,
    /// Where each stands among them, by the forms in which words are compared.
    by_form: HashMap<String, usize>,
}

/// The names of a class: one or several.
#[derive(Deserialize)]
#[serde(untagged)]
enum Names {
    One(String),
    Several(Vec<String>),
}

impl KnownWords {
    const FILE: &str = "names.json";

    /// Reads the list in a model's folder: `{"harbor": ["harbor", "port"], "river": "river"}`. Without the
    /// file there are no words.
    ///
    /// # Errors
    /// If the file can't be read or isn't such a list. The model runs as well without it.
    pub(in crate::clip) fn open(directory: &Path) -> Result<Self, ClipError> {
        let path = directory.join(Self::FILE);
        let text = match text_file::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(ClipError::read(&path, error)),
        };
        let classes: BTreeMap<String, Names> = serde_json::from_str(&text).map_err(|error| {
            ClipError::file(
                &path,
                format!("this isn't a list of words as in {{\"harbor\": [\"harbor\", \"port\"]}}: {error}"),
            )
        })?;
        let names: Vec<Vec<String>> = classes.into_values().map(Names::cleaned).collect();
        let firsts = names.iter().filter_map(|names| names.first());
        let others = names.iter().flat_map(|names| names.iter().skip(1));
        Ok(firsts.chain(others).cloned().collect())
    }

    #[must_use]
    pub fn as_slice(&self) -> &[String] {
        &self.0.words
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.words.is_empty()
    }

    /// Whether the model knows a word: in upper or lower case, singular or plural, with hyphens, spaces or
    /// none, in British or American spelling. A model that lists no words knows them all.
    #[must_use]
    pub fn knows(&self, word: &str) -> bool {
        self.is_empty() || self.find(word).is_some()
    }

    /// A word as the model learnt it, where that is spelt otherwise; what it doesn't know stays as it is.
    #[must_use]
    pub fn spelling<'a>(&'a self, word: &'a str) -> &'a str {
        self.find(word).map_or(word, |known| {
            // What was learnt in just these letters stays so, capitals or not.
            if known.eq_ignore_ascii_case(word) { word } else { known }
        })
    }

    /// The word that was likely meant by one that the model doesn't know.
    #[must_use]
    pub fn nearest(&self, word: &str) -> Option<&str> {
        if self.knows(word) {
            return None;
        }
        let typed = word.to_lowercase();
        let letters = typed.chars().count();
        // In short words another letter makes another word.
        let most = match letters {
            0..=3 => return None,
            4..=6 => 1,
            _ => 2,
        };
        let words = self.as_slice().iter();
        let near = words.map(|known| (distance(&typed, &known.to_lowercase(), most), known));
        near.filter(|(away, _)| *away <= most).min_by_key(|(away, _)| *away).map(|(_, known)| known.as_str())
    }

    fn find(&self, word: &str) -> Option<&str> {
        let place = forms(word).iter().find_map(|form| self.0.by_form.get(form))?;
        self.0.words.get(*place).map(String::as_str)
    }

    /// What to say about words that the model doesn't know, without a capital letter and a full stop.
    #[must_use]
    pub fn note_on<'a>(&self, words: impl IntoIterator<Item = &'a str>) -> Option<String> {
        let unknown: Vec<String> =
            words.into_iter().filter(|word| !self.knows(word)).map(|word| format!("“{word}”")).collect();
        let (last, before) = unknown.split_last()?;
        let named =
            if before.is_empty() { last.clone() } else { format!("{} and {last}", before.join(", ")) };
        Some(format!("the model doesn't know {named}; results are unreliable"))
    }
}

impl FromIterator<String> for KnownWords {
    /// The words in their order, each once.
    fn from_iter<T: IntoIterator<Item = String>>(words: T) -> Self {
        let mut seen = HashSet::new();
        let words: Vec<String> = words.into_iter().filter(|word| seen.insert(word.to_lowercase())).collect();
        let mut by_form = HashMap::new();
        for (place, word) in words.iter().enumerate() {
            // Just as it is spelt comes before what is another form of an earlier word.
            by_form.insert(word.to_lowercase(), place);
        }
        for (place, word) in words.iter().enumerate() {
            for form in forms(word) {
                by_form.entry(form).or_insert(place);
            }
        }
        Self(Arc::new(Words { words, by_form }))
    }
}

impl Names {
    fn cleaned(self) -> Vec<String> {
        let names = match self {
            Self::One(name) => vec![name],
            Self::Several(names) => names,
        };
        names
            .iter()
            .map(|name| name.split_whitespace().collect::<Vec<_>>().join(" "))
            .filter(|name| !name.is_empty())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(content: &str) -> Result<KnownWords, ClipError> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(KnownWords::FILE), content).unwrap();
        KnownWords::open(folder.path())
    }

    #[test]
    fn the_first_names_come_first_and_each_once() {
        let known = opened(
            r#"{"river": "river", "harbor": ["harbor", " port ", "boats"], "Port": ["Port", "boats", ""], "x": []}"#,
        );
        assert_eq!(known.unwrap().as_slice(), ["Port", "harbor", "river", "boats"]);
    }

    #[test]
    fn case_and_number_do_not_matter() {
        let known: KnownWords =
            ["harbor", "beach", "factories", "house", "storage tanks", "glass", "tennis court"]
                .map(str::to_owned)
                .into_iter()
                .collect();
        for word in ["Harbors", "beaches", "Factory", "houses", "storage-tank", " glass", "Tennis  courts"] {
            let word = word.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(known.knows(&word), "{word}");
        }
        for word in ["harbour", "storagetanks", "tenniscourt", "house"] {
            assert!(known.knows(word), "{word}");
        }
        for word in ["stadium", "tank", "", "house boat"] {
            assert!(!known.knows(word), "{word}");
        }
    }

    #[test]
    fn a_word_is_looked_for_as_it_was_learnt() {
        let known: KnownWords = ["harbor", "harbors", "airplane", "storage tanks", "gray roof"]
            .map(str::to_owned)
            .into_iter()
            .collect();
        for (typed, learnt) in [
            ("Harbors", "Harbors"),
            ("harbours", "harbor"),
            ("aeroplanes", "airplane"),
            ("storage-tank", "storage tanks"),
            ("grey roofs", "gray roof"),
            ("stadium", "stadium"),
        ] {
            assert_eq!(known.spelling(typed), learnt);
        }
        assert_eq!(KnownWords::default().spelling("harbours"), "harbours");
    }

    #[test]
    fn a_slip_of_the_hand_is_understood() {
        let known: KnownWords =
            ["runway", "river", "storage tank", "car"].map(str::to_owned).into_iter().collect();
        for (typed, meant) in [
            ("runwya", Some("runway")),
            ("Runnway", Some("runway")),
            ("rivr", Some("river")),
            ("storrage tnk", Some("storage tank")),
            ("runways", None),
            ("cat", None),
            ("stadium", None),
        ] {
            assert_eq!(known.nearest(typed), meant, "{typed}");
        }
    }

    #[test]
    fn what_was_never_learnt_is_named() {
        let known = opened(r#"{"harbor": ["harbor"]}"#).unwrap();
        assert_eq!(known.note_on(["harbors"]), None);
        assert_eq!(
            known.note_on(["harbor", "stadium"]).unwrap(),
            "the model doesn't know “stadium”; results are unreliable"
        );
        assert_eq!(
            known.note_on(["a", "b", "c"]).unwrap(),
            "the model doesn't know “a”, “b” and “c”; results are unreliable"
        );
    }

    #[test]
    fn a_model_that_does_not_tell_knows_every_word() {
        let folder = tempfile::tempdir().unwrap();
        let known = KnownWords::open(folder.path()).unwrap();
        assert!(known.is_empty() && known.knows("stadium"));
        assert_eq!(known.note_on(["stadium"]), None);
    }

    #[test]
    fn a_broken_list_is_named() {
        for bad in ["[]", "{\"a\": 3}", "{"] {
            let error = opened(bad).unwrap_err().to_string();
            assert!(error.contains("names.json"), "{error}");
        }
    }
}

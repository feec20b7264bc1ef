//! The words that a model learnt, if its folder lists them in `names.json`.

use std::collections::{BTreeMap, HashSet};
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use serde::Deserialize;

use crate::clip::ClipError;
use crate::text_file;

/// The words, each once: first the main name of each class, then the other names. Empty for a model that
/// lists none, as large ones that were trained on everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KnownWords(Arc<Words>);

#[derive(Debug, Default, PartialEq, Eq)]
struct Words {
    words: Vec<String>,
    /// The same words in the form in which they are compared.
    folded: HashSet<String>,
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

    /// Whether the model knows a word, in upper or lower case, singular or plural. A model that lists no
    /// words knows them all.
    #[must_use]
    pub fn knows(&self, word: &str) -> bool {
        self.is_empty() || self.0.folded.contains(&folded(word))
    }

    /// What to say about words that the model never learnt, without a capital letter and a full stop.
    #[must_use]
    pub fn note_on<'a>(&self, words: impl IntoIterator<Item = &'a str>) -> Option<String> {
        let unknown: Vec<String> =
            words.into_iter().filter(|word| !self.knows(word)).map(|word| format!("“{word}”")).collect();
        let (last, before) = unknown.split_last()?;
        let (named, whose) = if before.is_empty() {
            (last.clone(), "its")
        } else {
            (format!("{} and {last}", before.join(", ")), "their")
        };
        Some(format!("the model never learnt {named}: {whose} boxes may mean nothing"))
    }
}

impl FromIterator<String> for KnownWords {
    /// The words in their order, each once.
    fn from_iter<T: IntoIterator<Item = String>>(words: T) -> Self {
        let mut seen = HashSet::new();
        let words: Vec<String> = words.into_iter().filter(|word| seen.insert(word.to_lowercase())).collect();
        let folded = words.iter().map(|word| folded(word)).collect();
        Self(Arc::new(Words { words, folded }))
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

/// A word in a form that singular and plural share: harbor and Harbors, beach and beaches, factory and
/// factories. The form itself isn't English.
fn folded(word: &str) -> String {
    let stem = |part: &str| {
        let part = part.to_lowercase();
        let part = part.strip_suffix('s').unwrap_or(&part);
        let part = part.strip_suffix('e').unwrap_or(part);
        part.strip_suffix('y').map_or_else(|| part.to_owned(), |start| format!("{start}i"))
    };
    word.split(|letter: char| letter.is_whitespace() || letter == '-').map(stem).collect::<Vec<_>>().join(" ")
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
        for word in ["stadium", "tank", "harbour", "", "house boat"] {
            assert!(!known.knows(word), "{word}");
        }
    }

    #[test]
    fn what_was_never_learnt_is_named() {
        let known = opened(r#"{"harbor": ["harbor"]}"#).unwrap();
        assert_eq!(known.note_on(["harbors"]), None);
        assert_eq!(
            known.note_on(["harbor", "stadium"]).unwrap(),
            "the model never learnt “stadium”: its boxes may mean nothing"
        );
        assert_eq!(
            known.note_on(["a", "b", "c"]).unwrap(),
            "the model never learnt “a”, “b” and “c”: their boxes may mean nothing"
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
